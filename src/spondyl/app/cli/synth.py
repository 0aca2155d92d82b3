"""`spondyl synth`: virtual patients with known truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spondyl.app.cli.options import AsJson

if TYPE_CHECKING:
    from spondyl.documents.models import SynthDocument
    from spondyl.spine import Level
    from spondyl.synthetic import Deformity, VirtualPatient, VirtualSpineSpec


def synth(
    out: Annotated[Path, typer.Option(help="New folder to write to.", show_default=False)],
    levels: Annotated[str, typer.Option(help="First and last level, within T5 to L5.")] = "T10-L5",
    breaks: Annotated[
        list[str] | None,
        typer.Option(
            "--break",
            help="LEVEL:SHAPE:FRACTION, such as L1:wedge:0.6; shapes are wedge, biconcave and crush; the fraction is "
            "what is left of the most affected height.",
            show_default=False,
        ),
    ] = None,
    in_plane_mm: Annotated[float, typer.Option(help="Voxel edge within a slice.")] = 1.0,
    slice_step_mm: Annotated[float, typer.Option(help="Distance of slices.")] = 1.0,
    tilt_deg: Annotated[float, typer.Option(help="Tilt of the grid against the spine, up to 25.")] = 0.0,
    cobb_deg: Annotated[float, typer.Option(help="Scoliosis; positive: convex to the right.")] = 0.0,
    kyphosis_deg: Annotated[float, typer.Option(help="T5 to T12.")] = 25.0,
    density_mg_cm3: Annotated[float, typer.Option(help="Mean trabecular density (K2HPO4).")] = 110.0,
    noise_hu: Annotated[float, typer.Option(help="Standard deviation of the noise.")] = 15.0,
    kernel: Annotated[str, typer.Option(help="smooth, standard or sharp.")] = "standard",
    contrast_hu: Annotated[float, typer.Option(help="What an agent adds to the blood of the aorta.")] = 0.0,
    left_marker: Annotated[bool, typer.Option("--left-marker", help="A bright ball on the patient's left.")] = False,
    file_format: Annotated[str, typer.Option("--format", help="nifti or dicom.")] = "nifti",
    seed: Annotated[int, typer.Option(help="The same seed gives the same patient.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Make a virtual patient: a CT, its true labels, and truth.json with what is true of it."""
    import numpy as np

    from spondyl.app.cli.output import print_document, print_lines
    from spondyl.errors import InputError
    from spondyl.spine import Level
    from spondyl.synthetic import Kernel, ScanSpec, VertebraSpec, VirtualSpineSpec, make_virtual_patient

    if file_format not in ("nifti", "dicom"):
        raise InputError(f"--format is nifti or dicom, found '{file_format}'")
    if kernel not in list(Kernel):
        raise InputError(f"--kernel is one of {', '.join(Kernel)}, found '{kernel}'")
    broken = dict(_deformity(text) for text in breaks or ())
    scan = ScanSpec(
        in_plane_mm=in_plane_mm,
        slice_step_mm=slice_step_mm,
        tilt_deg=tilt_deg,
        noise_hu=noise_hu,
        kernel=Kernel(kernel),
        contrast_hu=contrast_hu,
    )
    first, last = _ends(levels)
    spec = VirtualSpineSpec(
        levels=tuple(Level(number) for number in range(first, last + 1)),
        scan=scan,
        vertebrae={level: VertebraSpec(deformity=deformity) for level, deformity in broken.items()},
        density_mg_cm3=density_mg_cm3,
        cobb_deg=cobb_deg,
        kyphosis_deg=kyphosis_deg,
        left_marker=left_marker,
    )
    document = _write(out, make_virtual_patient(spec, np.random.default_rng(seed)), spec, file_format, seed)
    if as_json:
        print_document(document)
    else:
        print_lines(document.description, f"written to {out}")


def _ends(text: str) -> tuple[Level, Level]:
    from spondyl.errors import InputError
    from spondyl.spine import Level

    first, dash, last = text.partition("-")
    if not dash:
        raise InputError(f"--levels is a first and a last level such as T10-L5, found '{text}'")
    return Level.parse(first), Level.parse(last)


def _deformity(text: str) -> tuple[Level, Deformity]:
    """The level and the deformity that LEVEL:SHAPE:FRACTION names.

    The other heights lose a part of what the most affected one loses, as in the named examples of `synthetic`.
    """
    from spondyl.errors import InputError
    from spondyl.spine import Level
    from spondyl.synthetic import Deformity

    level, shape, fraction = [*text.split(":"), "", ""][:3]
    try:
        loss = 1 - float(fraction)
    except ValueError:
        raise InputError(f"--break is LEVEL:SHAPE:FRACTION such as L1:wedge:0.6, found '{text}'") from None
    heights = {
        "wedge": Deformity(1 - loss, 1 - 0.6 * loss, 1.0),
        "biconcave": Deformity(1 - 0.15 * loss, 1 - loss, 1 - 0.1 * loss, superior_share=0.5),
        "crush": Deformity(1 - loss, 1 - loss, 1 - 0.9 * loss, superior_share=0.6),
    }
    if shape not in heights:
        raise InputError(f"the shapes of --break are {', '.join(heights)}, found '{shape}'")
    return Level.parse(level), heights[shape]


def _write(out: Path, made: VirtualPatient, spec: VirtualSpineSpec, file_format: str, seed: int) -> SynthDocument:
    from spondyl.documents.models import SynthDocument, TruthDocument
    from spondyl.documents.records import write_document
    from spondyl.spine import Level
    from spondyl.studies import whole_folder, write_dicom, write_label_nifti, write_nifti
    from spondyl.synthetic import as_json

    ct = "ct.nii.gz" if file_format == "nifti" else "ct"
    names = {int(level): f"vertebrae_{level.name}" for level in (*spec.levels, Level.SACRUM)}
    with whole_folder(out) as folder:
        if file_format == "nifti":
            write_nifti(made.ct, folder / ct)
        else:
            write_dicom(made.ct, folder / ct, virtual=True)
        write_label_nifti(made.labels, folder / "labels.nii.gz", names=names)
        write_label_nifti(made.subregions, folder / "subregions.nii.gz")
        truth = TruthDocument(seed=seed, specification=as_json(spec), truth=made.truth.as_json())
        write_document(folder / "truth.json", truth)
    return SynthDocument(
        description=made.description,
        seed=seed,
        ct=str(out / ct),
        labels=str(out / "labels.nii.gz"),
        subregions=str(out / "subregions.nii.gz"),
        truth=str(out / "truth.json"),
    )
