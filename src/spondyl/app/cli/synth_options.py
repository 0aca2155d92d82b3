"""Options of `spondyl synth`. Those that set a field of the virtual spine or its scan bear the field's name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

_FILES, _SPINE, _SCAN = "Files", "Spine", "Scan"
_LEVEL = "One level (each may be repeated)"
_FROM = "A deformity in a CT that is there"


def _option(panel: str, text: str, *names: str, metavar: str | None = None, **more: Any) -> Any:
    return typer.Option(*names, help=text, metavar=metavar, rich_help_panel=panel, **more)


def _silent(panel: str, text: str, *names: str, metavar: str | None = None) -> Any:
    """An option whose default is that it was not given."""
    return _option(panel, text, *names, metavar=metavar, show_default=False)


def _repeated(text: str, name: str, metavar: str) -> Any:
    return _silent(_LEVEL, text, name, metavar=metavar)


Out = Annotated[Path, _silent(_FILES, "New folder to write to.")]
FileFormat = Annotated[str, _option(_FILES, "Of the CT: nifti or dicom.", "--format")]
Seed = Annotated[int, _option(_FILES, "The same seed gives the same patient.")]

Levels = Annotated[str, _option(_SPINE, "First and last level, within C7 and the last lumbar one.")]
DensityMgCm3 = Annotated[float, _option(_SPINE, "Mean trabecular density of the bodies (K2HPO4).")]
DensityVariation = Annotated[float, _option(_SPINE, "Its standard deviation within a body, share of the mean.")]
MarrowFatShare = Annotated[float, _option(_SPINE, "Yellow share of the marrow, 0 to 1; the rest is red.")]
ShellMm = Annotated[float, _option(_SPINE, "Thickness of the cortical shell, 0.3 to 1.5.")]
Scale = Annotated[float, _option(_SPINE, "All bone sizes against a middle-sized adult's, 0.75 to 1.25.")]
Cupping = Annotated[float, _option(_SPINE, "Depth of the endplates' cups against the usual one.")]
Waist = Annotated[float, _option(_SPINE, "Concavity of the walls against the usual one.")]
RibPairs = Annotated[int, _option(_SPINE, "11 (T12 bears none), 12, or 13 (T13 above L1).")]
LumbarCount = Annotated[int, _option(_SPINE, "Lumbar vertebrae, 4 to 6; the sacrum lies below the last one.")]
RibReach = Annotated[float, _option(_SPINE, "Length of the ribs' stumps against the usual one, 0.3 to 2.")]
CobbDeg = Annotated[float, _option(_SPINE, "Scoliosis, first to last level; positive: convex to the right.")]
KyphosisDeg = Annotated[float, _option(_SPINE, "T5 to T12.")]
LordosisDeg = Annotated[float, _option(_SPINE, "L1 to L5.")]
FatMm = Annotated[float, _option(_SPINE, "Fat under the skin.")]
LeftMarker = Annotated[bool, _option(_SPINE, "A bright ball on the patient's left.", "--left-marker")]

Breaks = Annotated[
    list[str] | None,
    _repeated(
        "Such as L1:wedge:0.6. Shapes are wedge, biconcave and crush; the fraction is what is left of the most "
        "affected height.",
        "--break",
        "LEVEL:SHAPE:FRACTION",
    ),
]
LevelDensities = Annotated[
    list[str] | None, _repeated("Trabecular density of one body.", "--level-density", "LEVEL:MG_CM3")
]
PedicleWidths = Annotated[list[str] | None, _repeated("At the isthmus, 3 to 12.", "--pedicle-width", "LEVEL:MM")]
GasClefts = Annotated[
    list[str] | None, _repeated("Gas in the body; usual height 4 mm.", "--gas-cleft", "LEVEL[:HEIGHT_MM]")
]
EndplateDefects = Annotated[
    list[str] | None,
    _repeated(
        "A pit in the superior or inferior endplate; usual depth 4 mm.",
        "--endplate-defect",
        "LEVEL:ENDPLATE[:DEPTH_MM]",
    ),
]
WallDefects = Annotated[
    list[str] | None,
    _repeated(
        "A round hole in the anterior, posterior, left or right wall; usual radius 5 mm.",
        "--wall-defect",
        "LEVEL:WALL[:RADIUS_MM]",
    ),
]
Lesions = Annotated[
    list[str] | None,
    _repeated(
        "A ball of another density: lytic below the bone around it, sclerotic above; usual radius 7 mm.",
        "--lesion",
        "LEVEL:MG_CM3[:RADIUS_MM]",
    ),
]
Osteophytes = Annotated[list[str] | None, _repeated("Beaks at the anterior rims.", "--osteophyte", "LEVEL:MM")]
PosteriorBulges = Annotated[
    list[str] | None, _repeated("Of the upper posterior wall into the canal.", "--posterior-bulge", "LEVEL:MM")
]

InPlaneMm = Annotated[float, _option(_SCAN, "Voxel edge within a slice.")]
SliceStepMm = Annotated[float, _option(_SCAN, "Distance of slices.")]
SliceThicknessMm = Annotated[float | None, _silent(_SCAN, "Width of the slice profile; left out: the step.")]
SliceProfile = Annotated[str, _option(_SCAN, "box or gaussian.")]
TiltDeg = Annotated[float, _option(_SCAN, "Grid against the spine about the left-right axis, up to 25.")]
CoronalTiltDeg = Annotated[float, _option(_SCAN, "The same about the front-back axis.")]
GantryTiltDeg = Annotated[
    float, _option(_SCAN, "Slices lean while the table moves straight on, up to 25; with --format dicom alone.")
]
MarginSideMm = Annotated[float, _option(_SCAN, "From bone to the border of the image; negative cuts bone.")]
MarginFrontMm = Annotated[float, _option(_SCAN, "The same in front.")]
MarginBackMm = Annotated[float, _option(_SCAN, "The same behind.")]
MarginHeadMm = Annotated[float, _option(_SCAN, "The same above.")]
MarginFootMm = Annotated[float, _option(_SCAN, "The same below.")]
TubeVoltageKv = Annotated[
    float | None, _silent(_SCAN, "80 to 140: sets the energy and is written into DICOM; not with --energy-kev.")
]
EnergyKev = Annotated[float | None, _silent(_SCAN, "Effective energy, 40 to 140; usual: 70.")]
KernelName = Annotated[str, _option(_SCAN, "smooth, standard or sharp: in-plane blur and texture of the noise.")]
BlurMm = Annotated[float | None, _silent(_SCAN, "In-plane blur instead of the kernel's (standard deviation).")]
NoiseHu = Annotated[float, _option(_SCAN, "Standard deviation of the noise.")]
ContrastHu = Annotated[float, _option(_SCAN, "What an agent adds to the blood of the aorta.")]

From = Annotated[
    Path | None,
    _silent(_FROM, "DICOM folder or zip, or a NIfTI file: deform its --break levels, make no patient.", "--from"),
]
FromLabels = Annotated[Path | None, _silent(_FROM, "Its label image (NIfTI), or a folder of masks.", "--labels")]
FromLabelMap = Annotated[
    str | None, _silent(_FROM, "Whose numbers the labels are, as for `spondyl plan`.", "--label-map")
]
FromSubregions = Annotated[
    Path | None, _silent(_FROM, "Label image of SPINEPS sub-regions on the same grid.", "--subregions")
]
