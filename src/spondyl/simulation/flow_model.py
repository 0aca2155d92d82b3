"""A vertebral body that cement can flow through, from its mask and the CT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.errors import InputError
from spondyl.findings import GradedCalibration, find_calibration
from spondyl.findings.cleft import GAS_HU, find_gas
from spondyl.planning import NeedlePath
from spondyl.simulation import openings as ways_out
from spondyl.simulation import permeability as flow_law
from spondyl.simulation.bone import averaged_in_mask
from spondyl.simulation.injection_model import InjectionModel, build_injection_model
from spondyl.simulation.openings import Labels, LeakPath, Opening, Vein, find_openings_of, find_tracks
from spondyl.simulation.outlets import OPEN_WALL
from spondyl.simulation.permeability import lognormal_factor, permeability_of, porosity_of, transverse_ratio
from spondyl.space import Floats, Frame, Geometry, Volume, read_only
from spondyl.spine import Level, Spine, Vertebra

Array = NDArray[Any]
LEAST_SHARE = 0.2  # of a voxel inside the body: with less it is no part of the model
CRACK_DEPTH_MM = 3.0  # around its mouth, within which a crack has opened the dense bone: a choice
CLEFT_MM = 2.0  # gap that a cleft counts as where it is seen: a choice
CAVITY_MM = 7.0  # gap that a balloon's cavity counts as, the width of a seated balloon: all but no resistance
_LIMITS = (
    "the body alone: pedicles are closed off where they meet it",
    "fronts follow voxels, of which those at the wall count by their share inside it",
)


@dataclass(frozen=True, eq=False)
class FlowModel:
    """Pores and ways out of one body. Grid axes run to the front, to the left and to the head of the vertebra."""

    level: Level
    frame: Frame
    geometry: Geometry
    share: Array  # of each voxel inside the body, 0 where less than a fifth is
    porosity: Array  # of the bone in a voxel, 0 outside
    cleft: Array  # bool, voxels of gas
    cavity: Array  # bool, voxels that balloons have emptied
    vein_distance: Array  # of each voxel from each vein's axis, (veins, nx, ny, nz) [mm]
    veins: tuple[Vein, ...]
    openings: tuple[Opening, ...]
    labels: Array  # number of the opening that a voxel of the surface belongs to
    calibration: GradedCalibration
    notes: tuple[str, ...]
    assumptions: tuple[str, ...]
    tips: tuple[tuple[float, float, float], ...] | None = None  # where cement enters, by needle; None: at their ends

    def __post_init__(self) -> None:
        for name in ("share", "porosity", "cleft", "cavity", "vein_distance", "labels"):
            object.__setattr__(self, name, read_only(getattr(self, name)))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, item.name) for item in fields(self))

    @property
    def bone(self) -> NDArray[np.bool_]:
        """Voxels that cement can enter."""
        return np.asarray(self.share > 0)

    @property
    def body_ml(self) -> float:
        """Volume of the body in the model."""
        return float(self.share.sum()) * self.geometry.voxel_volume_mm3 / 1000

    @property
    def local_mm(self) -> Floats:
        """Places of the voxels in the vertebra's axes (cranial, anterior, left), shape (nx, ny, nz, 3)."""
        return _local(self.geometry, self.frame)


def build_flow_model(
    spine: Spine, level: Level | str, *, voxel_mm: float = 1.0, calibration: GradedCalibration | None = None
) -> FlowModel:
    """The body of one vertebra as pores and ways out.

    Porosity comes from calibrated density, averaged over the part of a voxel inside the mask. Shell and endplates are
    walls for cement, but for what `openings` finds in them. Permeability is chosen later, by `injection_model`.

    Parameters
    ----------
    calibration
        One with its grade, such as that of a phantom; None: the best that the CT itself allows.

    Raises
    ------
    InputError
        Without a CT, with a density of grade 5, or for a level that is cut or has no separable body.
    """
    vertebra = spine[level]
    graded = find_calibration(spine) if calibration is None else calibration
    _check(spine, vertebra, graded, voxel_mm)
    assert vertebra.frame is not None and vertebra.body is not None
    assert spine.ct is not None and graded.calibration is not None
    geometry = _grid(vertebra.body, vertebra.frame, voxel_mm)
    share, hu, _ = averaged_in_mask(spine.ct, vertebra.body, vertebra.body, geometry)
    share = np.where(share >= LEAST_SHARE, share, 0.0)
    bone = share > 0
    labels = Labels(bone, geometry, vertebra.frame)
    ways = find_openings_of(spine, vertebra, labels)
    local = _local(geometry, vertebra.frame)
    rho = graded.calibration.density(hu) / 1000  # g/cm³
    gas = find_gas(vertebra.body, spine.ct)
    is_cleft = bone & (hu < GAS_HU) if gas is not None and gas.volume_mm3 > 0 else np.zeros(bone.shape, bool)
    return FlowModel(
        vertebra.level,
        vertebra.frame,
        geometry,
        share,
        np.where(bone, porosity_of(rho), 0.0),
        is_cleft,
        np.zeros(bone.shape, bool),
        np.array([_distance(local, vein) for vein in ways.veins]).reshape(len(ways.veins), *bone.shape),
        ways.veins,
        ways.openings,
        labels.array,
        graded,
        (*ways.notes, *_LIMITS, f"density of grade {graded.grade}: {graded.reason}"),
        (*flow_law.ASSUMPTIONS, *ways_out.ASSUMPTIONS),
    )


def with_tracks(flow: FlowModel, needles: Sequence[NeedlePath]) -> FlowModel:
    """The same body with the gap around each needle as a way out; a body that has tracks keeps them."""
    if any(opening.path is LeakPath.TRACK for opening in flow.openings):
        return flow
    labels = Labels(flow.bone, flow.geometry, flow.frame, flow.labels)
    found = find_tracks(needles, labels, 1 + max((opening.label for opening in flow.openings), default=0))
    return replace(flow, openings=(*flow.openings, *found), labels=labels.array)


def injection_model(
    flow: FlowModel,
    *,
    reference_m2: float,
    factor: Floats | None = None,
    widths_mm: Mapping[str, float] | None = None,
) -> InjectionModel:
    """The voxel model of a body at one permeability.

    Parameters
    ----------
    reference_m2
        Cranio-caudal, at a porosity of 0.90. [m²]
    factor
        Of permeability, voxel by voxel (`lognormal_factor`); None: none.
    widths_mm
        Of openings by name; those not named have the middle of their bracket.
    """
    bone, widths = flow.bone, widths_mm or {}
    chosen = {opening.label: widths.get(opening.name, opening.width_mm) for opening in flow.openings}
    porosity = np.where(_in_crack(flow), np.maximum(flow.porosity, flow_law.REFERENCE_POROSITY), flow.porosity)
    k = permeability_of(np.where(bone, porosity, 1.0), reference_m2)
    k = k if factor is None else k * factor
    k = np.where(flow.cleft, np.maximum(k, (CLEFT_MM * 1e-3) ** 2 / 12), k)
    k = np.where(flow.cavity, (CAVITY_MM * 1e-3) ** 2 / 12, k)
    edge = float(flow.geometry.spacing_mm[0])
    for vein, distance in zip(flow.veins, flow.vein_distance, strict=True):
        radius = chosen[vein.label] / 2
        part = np.clip((radius - distance) / edge + 0.5, 0.0, 1.0) * min(1.0, np.pi * radius**2 / edge**2)
        k = k * (1 - part) + part * (radius * 1e-3) ** 2 / 8
        porosity = porosity * (1 - part) + part
    across = transverse_ratio()
    passed = np.where(bone & (flow.labels > 0), 1.0, flow.share)  # what leaves through the wall is not narrowed by it
    present = {opening.label: opening for opening in flow.openings}
    return build_injection_model(
        Volume(k * passed, flow.geometry, "m2"),
        Volume(np.where(bone, porosity * flow.share, 0.0), flow.geometry, "1"),
        outlet_labels=Volume(flow.labels, flow.geometry, "1") if present else None,
        outlets={label: opening.outlet(chosen[label]) for label, opening in present.items()},
        anisotropy=(across, across, 1.0),
        wall=OPEN_WALL,
    )


def draw_factor(flow: FlowModel, generator: np.random.Generator) -> Floats:
    """A random field of permeability in this body."""
    return lognormal_factor(flow.local_mm, flow.bone, generator)


def _in_crack(flow: FlowModel) -> NDArray[np.bool_]:
    """Voxels of bone within reach of the mouth of a crack of the CT: it runs through all of the dense layer."""
    cracks = [way.label for way in flow.openings if way.breadth_mm is not None and way.path is not LeakPath.TRACK]
    mouths = np.isin(flow.labels, cracks)
    if not cracks or not mouths.any():
        return np.zeros(mouths.shape, bool)
    far = ndimage.distance_transform_edt(~mouths, sampling=tuple(flow.geometry.spacing_mm))
    return np.asarray(flow.bone & (far <= CRACK_DEPTH_MM))


def _check(spine: Spine, vertebra: Vertebra, graded: GradedCalibration, voxel_mm: float) -> None:
    name = vertebra.level.name
    if spine.ct is None:
        raise InputError("an injection needs the CT: there is only a label map; give the study too")
    if vertebra.is_cut:
        raise InputError(f"{name} is {vertebra.cut_words}: choose a whole level")
    if vertebra.frame is None or vertebra.body is None:
        raise InputError(f"{name} has no body that could be told from the arch: correct its labels")
    if graded.calibration is None:
        raise InputError(
            f"an injection needs bone density, and this CT gives none (grade 5: {graded.reason}); a CT with a known "
            "tube voltage and contrast, or with blood and fat in view, is expected"
        )
    if not 0.3 <= voxel_mm <= 3.0:
        raise InputError(f"a voxel of {voxel_mm:g} mm: expected 0.3 to 3 mm")


def _grid(body: Volume, frame: Frame, voxel_mm: float) -> Geometry:
    """Cubic voxels along anterior, left and cranial, one of them centred on the body's origin, with room around it."""
    local = frame.to_local(body.geometry.points(np.argwhere(body.array)))[:, (1, 2, 0)]
    room = voxel_mm + float(body.geometry.spacing_mm.max())
    first = np.floor((local.min(axis=0) - room) / voxel_mm)
    nx, ny, nz = (int(n) for n in np.ceil((local.max(axis=0) + room) / voxel_mm) - first + 1)
    affine = np.eye(4)
    affine[:3, :3] = frame.axes[:, (1, 2, 0)] * voxel_mm
    affine[:3, 3] = frame.to_patient(first[[2, 0, 1]] * voxel_mm)
    return Geometry(affine, (nx, ny, nz), body.geometry.frame_of_reference_uid)


def _local(geometry: Geometry, frame: Frame) -> Floats:
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in geometry.shape), indexing="ij"), axis=-1)
    return frame.to_local(geometry.points(grid))


def _distance(local: Floats, vein: Vein) -> Floats:
    """Of each place from the vein's axis between its ends. [mm]"""
    start, way = np.array(vein.start_mm), np.array(vein.end_mm) - np.array(vein.start_mm)
    along = np.clip((local - start) @ way / max(float(way @ way), 1e-9), 0.0, 1.0)
    return np.asarray(np.linalg.norm(local - start - along[..., None] * way, axis=-1))
