"""A vertebra between its neighbours: bodies and the discs between them as one voxel model.

Discs are one soft, nearly incompressible solid that fills the gap between two endplates; facets and ligaments are left
out (their share of the force is unknown for this patient), so forces here are those through bodies and discs. The
outer ends of the outer bodies are embedded in flat caps, as specimens are.

References
----------
[1] yang2016: effective moduli of sixteen discs; [2] baroud2003: the load shift that this model is compared with (E16).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spondyl.errors import InputError
from spondyl.evidence import find_parameter
from spondyl.findings import GradedCalibration, find_calibration, nominal_calibration
from spondyl.simulation.bone import BOTTOM, DISC_POISSON, TOP, averaged_in_mask, capped, grid_along
from spondyl.simulation.bone_laws import POISSON, RHO_LOWEST, BoneLaw, find_bone_law
from spondyl.simulation.voxel_model import VoxelModel, build_voxel_model
from spondyl.space import Volume, read_only
from spondyl.spine import Level, Spine, Vertebra

Array = NDArray[Any]

LEAST_GAP = 0.2  # of the columns that both bodies share: less is no disc, but a fault of labels or a fusion
MOST_GAP_MM = 20.0  # between two endplates: more is no disc
ASSUMED = (
    "neighbours: each disc is one solid of 8 MPa (published 5.8 to 42.7) and a Poisson's ratio of 0.45; facets and "
    "ligaments are left out; the ends stay level. An endplate's bulge is how far its middle sinks below the plane of "
    "its rim: a ratio below 0 says that cement holds the middle up while the rim sinks around it"
)


@dataclass(frozen=True, eq=False)
class SegmentModel:
    """Two or three bodies and their discs. Grid axes run to the front, the left and the head of the middle one."""

    level: Level  # whose treatment is asked about
    levels: tuple[Level, ...]  # from head to foot
    model: VoxelModel
    bodies: Array  # number of the body a voxel belongs to, from 1 at the head; 0: none
    discs: Array  # number of the disc, from 1 at the head; 0: none
    calibration: GradedCalibration

    def __post_init__(self) -> None:
        for name in ("bodies", "discs"):
            object.__setattr__(self, name, read_only(getattr(self, name), np.uint8))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self.__dict__.values())

    def body_of(self, level: Level) -> Array:
        """Voxels of one body, bool."""
        return np.asarray(self.bodies == 1 + self.levels.index(level))

    def with_modulus(self, modulus: Array) -> SegmentModel:
        """The same with other stiffness where there is material. [MPa]"""
        borne = self.model.parts > 0
        return replace(self, model=replace(self.model, modulus=np.where(borne, modulus, 0.0)))


def build_segment_model(
    spine: Spine,
    level: Level | str,
    *,
    voxel_mm: float = 2.0,
    law: str = "kopperdahl-power",
    calibration: GradedCalibration | None = None,
) -> SegmentModel:
    """The model of a vertebra with the whole neighbours that the image shows.

    Parameters
    ----------
    calibration
        One with its grade; None: the best that the CT itself allows.

    Raises
    ------
    InputError
        Without a CT, for a cut level, or without a whole neighbour on either side.
    """
    middle = spine[level]
    if spine.ct is None:
        raise InputError("neighbours need the CT: there is only a label map; give the study too")
    if middle.is_cut or middle.frame is None or middle.body is None:
        raise InputError(f"{middle.level.name} is cut or has no separable body: choose a whole level")
    chain = _chain(spine, middle)
    if len(chain) < 2:
        raise InputError(f"no neighbour of {middle.level.name} is whole in this image: its load cannot be told")
    graded = find_calibration(spine) if calibration is None else calibration
    line = graded.calibration or nominal_calibration()
    masks = [vertebra.body for vertebra in chain if vertebra.body is not None]
    geometry = grid_along(masks, middle.frame, voxel_mm)
    bodies, rho = np.zeros(geometry.shape, np.uint8), np.zeros(geometry.shape)
    for number, mask in enumerate(masks, start=1):
        share, hu, _ = averaged_in_mask(spine.ct, mask, mask, geometry)
        bone = (share >= 0.5) & (bodies == 0)
        bodies[bone] = number
        rho[bone] = np.maximum(line.density(hu[bone]) / 1000, RHO_LOWEST)
    discs = _discs(bodies, len(masks), voxel_mm)
    solid = (bodies > 0) | (discs > 0)
    caps, platens, _ = capped(solid, solid, voxel_mm)
    chosen = find_bone_law(law)
    model = build_voxel_model(
        Volume(_modulus(chosen, rho, bodies > 0, discs > 0, caps), geometry, "MPa"),
        Volume(platens, geometry, "1"),
        top=TOP,
        bottom=BOTTOM,
        displacement_mm=-1.0,
        lateral="held",
        poisson=Volume(np.where(discs > 0, DISC_POISSON, _number(POISSON)), geometry, "1"),
    )
    levels = tuple(vertebra.level for vertebra in chain)
    return SegmentModel(middle.level, levels, model, bodies, discs, graded)


def _chain(spine: Spine, middle: Vertebra) -> list[Vertebra]:
    """The vertebra and its whole neighbours, from head to foot."""
    whole = [v for v in spine if v is middle or (not v.is_cut and v.body is not None and v.frame is not None)]
    at = whole.index(middle)
    near = [v for v in whole[max(0, at - 1) : at + 2] if abs(v.level.order - middle.level.order) <= 1]
    return [v for v in near if v.level is not Level.SACRUM]


def _discs(bodies: Array, count: int, voxel_mm: float) -> Array:
    """The gap between neighbouring bodies, column by column along the grid's last axis."""
    discs = np.zeros(bodies.shape, np.uint8)
    index = np.arange(bodies.shape[2])
    for upper, lower in pairwise(range(1, count + 1)):
        over, under = bodies == upper, bodies == lower
        both = over.any(axis=2) & under.any(axis=2)
        floor, roof = over.argmax(axis=2), bodies.shape[2] - 1 - under[..., ::-1].argmax(axis=2)
        near = both & ((floor - roof) * voxel_mm <= MOST_GAP_MM)
        gap = near[..., None] & (index < floor[..., None]) & (index > roof[..., None]) & (bodies == 0)
        if gap.any(axis=2).sum() <= LEAST_GAP * both.sum():
            raise InputError("two neighbouring bodies have no disc between them: check the labels, or levels are fused")
        discs[gap] = upper
    return discs


def _modulus(law: BoneLaw, rho: Array, bone: Array, disc: Array, caps: Array) -> Array:
    field = np.zeros(rho.shape)
    field[bone] = law.modulus(rho[bone])
    field[disc] = _number("disc.E_effective")
    field[caps] = _number("pmma_cap.E")
    return field


def _number(name: str) -> float:
    value = find_parameter(name).value
    assert isinstance(value, int | float)
    return float(value)
