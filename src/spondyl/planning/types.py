"""Needles, balloons and the plan they form: geometry only."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from math import floor
from typing import Any

import numpy as np

from spondyl.errors import InputError
from spondyl.space import Floats, read_only
from spondyl.spine import Level, Side


class AccessClass(StrEnum):
    """Class of a path by the clearance of the needle's surface to the canal.

    A at least 2 mm, B from 1 mm, C from 0 mm; none: it meets the canal or another structure, or a transpedicular path
    leaves the pedicle.
    """

    A = "A"
    B = "B"
    C = "C"
    NONE = "none"


# Least clearance to the canal of each class: steps of 1 mm are this program's choice, no published classes were read.
CLASS_LIMITS_MM = {AccessClass.A: 2.0, AccessClass.B: 1.0, AccessClass.C: 0.0}


class Structure(StrEnum):
    """What a needle must keep away from."""

    CANAL = "canal"
    PEDICLE_WALL = "pedicle_wall"
    BODY_WALL = "body_wall"
    NEIGHBOUR = "neighbouring_vertebra"
    FORAMEN = "foramen"  # with the nerve root somewhere in it
    AIR = "lung_or_bowel"  # by its air
    METAL = "metal"  # brighter than bone: also dense cement
    AORTA = "aorta"  # this one and all below: where labelled, with the names of `spine.Surrounding`
    VENA_CAVA = "inferior_vena_cava"
    ILIAC_VESSELS = "iliac_vessels"
    RIBS = "ribs"
    LUNGS = "lungs"
    KIDNEYS = "kidneys"


# What a needle through a pedicle is measured to there on the mask and on the CT.
WITHIN_PEDICLE = (Structure.CANAL, Structure.PEDICLE_WALL)


class Approach(StrEnum):
    """How a needle comes into the body.

    Transpedicular: within the pedicle. Parapedicular: along the pedicle's outer wall. Extrapedicular: through the side
    wall of the body, without touching the pedicle.
    """

    TRANSPEDICULAR = "transpedicular"
    PARAPEDICULAR = "parapedicular"
    EXTRAPEDICULAR = "extrapedicular"


class Border(StrEnum):
    """What a clearance was measured to: the label mask, or the pedicle's border on the CT."""

    MASK = "mask"
    CT = "ct"


@dataclass(frozen=True)
class Clearance:
    """From the needle's outer surface to the nearest face of a forbidden voxel; negative where it goes in.

    `low_mm` and `high_mm` hold the doubt of the mask's border: half the largest voxel edge below, and half a voxel's
    diagonal above, since a mask holds a voxel by its centre and the clearance ends at its face. `low_placed_mm` lies
    lower than `low_mm` by what a hand that is 2 mm and 3 degrees off may take away at that depth.

    Within a pedicle whose border on the CT lies nearer than `low_mm` of the mask says, it is measured to that border,
    less 0.35 mm for the blur of a thin cortex, with half the CT's largest voxel edge as doubt either way and those
    0.35 mm above; `mask_mm` then tells what the mask says.
    """

    structure: Structure
    value_mm: float
    low_mm: float
    high_mm: float
    low_placed_mm: float
    depth_mm: float  # from the entry into bone to where it is least
    measured_on: Border = Border.MASK
    mask_mm: float | None = None  # to the mask, where the CT counts

    @property
    def border_words(self) -> str:
        """What it was measured to, beside the mask's value where that is another.

        >>> Clearance(Structure.PEDICLE_WALL, 0.2, -0.3, 0.7, -2.5, 12.0, Border.CT, 2.19).border_words
        'on the CT; mask 2.1'
        """
        if self.measured_on is Border.MASK:
            return "to the mask"
        return "on the CT" if self.mask_mm is None else f"on the CT; mask {floor(self.mask_mm * 10) / 10:.1f}"


@dataclass(frozen=True)
class Angles:
    """Direction of a needle. [deg]

    Inward is to the midline, cranial to the head, both counted from straight to the front.
    """

    vertebra_inward_deg: float  # in the axes of the vertebra
    vertebra_cranial_deg: float
    table_inward_deg: float  # in the axes of the CT table: also the C-arm's angles for the view down the needle
    table_cranial_deg: float
    c_arm_ap_cranial_deg: float  # tilt of the C-arm that looks along this vertebra's endplates from behind
    c_arm_lateral_deg: float  # turn about the table's long axis from the horizontal; positive: left side higher


@dataclass(frozen=True)
class EntryLandmark:
    """Where an entry lies against a landmark, in the axes of the vertebra; None: not found, or not told of this one."""

    landmark: str
    outward_mm: float | None  # away from the midline; negative: nearer to it
    upward_mm: float | None  # to the head
    doubt_mm: float | None  # either way: half the largest voxel edge; for processes at least 2.5 mm

    @property
    def is_found(self) -> bool:
        """Whether anything can be said of it."""
        return self.outward_mm is not None or self.upward_mm is not None


@dataclass(frozen=True, eq=False)
class NeedlePath:
    """A straight needle from its entry into bone to its tip."""

    side: Side
    approach: Approach
    gauge: int
    outer_diameter_mm: float
    entry: Floats  # (3,), where it enters bone, patient mm
    target: Floats  # (3,), the tip
    clearances: tuple[Clearance, ...]
    access_class: AccessClass | None  # None: cannot be judged on this CT
    angles: Angles
    skin_depth_mm: float | None  # from skin to tip; None: the skin is not seen in the image, or there is no CT
    reasons: tuple[str, ...]
    landmarks: tuple[EntryLandmark, ...] = ()  # of the entry; empty: not looked for

    def __post_init__(self) -> None:
        for name in ("entry", "target"):
            point = read_only(getattr(self, name), np.float64)
            if point.shape != (3,) or not np.isfinite(point).all():
                raise InputError(f"the {name} of a needle has three finite numbers, found {point}")
            object.__setattr__(self, name, point)
        if self.bone_depth_mm < 1.0:
            raise InputError("a needle's entry and target lie at least 1 mm apart")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, item.name) for item in fields(self))

    @property
    def bone_depth_mm(self) -> float:
        """From the entry into bone to the tip."""
        return float(np.linalg.norm(self.target - self.entry))

    @property
    def direction(self) -> Floats:
        """Unit vector from entry to tip, LPS, shape (3,)."""
        return np.asarray((self.target - self.entry) / self.bone_depth_mm)

    def clearance(self, structure: Structure) -> Clearance | None:
        """The clearance to one structure; None where it was not checked."""
        return next((c for c in self.clearances if c.structure is structure), None)


@dataclass(frozen=True, eq=False)
class Balloon:
    """A balloon around a needle's end: a rod with round ends, as wide as the cavity lets it become.

    `diameter_low_mm` and `diameter_high_mm` hold the doubt of the mask's border, half the largest voxel edge on each
    side. The cavity is that of the body as it is, before anything is lifted.
    """

    side: Side
    centre: Floats  # (3,), patient mm
    axis: Floats  # (3,), unit vector from entry to tip, LPS
    length_mm: float  # nominal
    diameter_mm: float
    diameter_low_mm: float
    diameter_high_mm: float
    limited_by: str  # what ends its growth, in words

    def __post_init__(self) -> None:
        for name in ("centre", "axis"):
            object.__setattr__(self, name, read_only(getattr(self, name), np.float64))
        if not 0 < self.length_mm < 60:
            raise InputError(f"a balloon's length lies between 0 and 60 mm, found {self.length_mm}")
        if not 0 < self.diameter_low_mm <= self.diameter_mm <= self.diameter_high_mm:
            raise InputError(f"a balloon's diameter lies within its interval, found {self.diameter_mm}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, item.name) for item in fields(self))


@dataclass(frozen=True)
class NoPath:
    """Why a side has no path of the gauge that was asked for."""

    side: Side
    gauge: int
    limit: Structure | None  # None: no path was looked for
    largest_gauge: int | None  # the thickest needle that would pass; None: none of the table
    reason: str
    approach: Approach = Approach.TRANSPEDICULAR


@dataclass(frozen=True)
class CementVolume:
    """A bracket of cement volume from body volume and published fill. [ml]"""

    low_ml: float
    high_ml: float
    body_volume_ml: float
    source: str


@dataclass(frozen=True, eq=False)
class Plan:
    """What is to be done at one level. A plan without needles is the untreated course."""

    level: Level
    needles: tuple[NeedlePath, ...] = ()
    balloons: tuple[Balloon, ...] = ()
    cement: CementVolume | None = None  # None: no cement
    refused: tuple[NoPath, ...] = ()
    alternatives: tuple[NeedlePath, ...] = ()  # ranked, best first
    unchecked: tuple[str, ...] = ()  # structures that were not looked at
    notes: tuple[str, ...] = ()
    checked: tuple[Structure, ...] = ()  # what was looked for; one without a clearance is further than 12 mm away

    def __post_init__(self) -> None:
        if self.balloons and not self.needles:
            raise InputError("a balloon needs a needle")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, item.name) for item in fields(self))

    def balloon(self, side: Side) -> Balloon | None:
        """The balloon of one side; None where there is none."""
        return next((balloon for balloon in self.balloons if balloon.side is side), None)

    @property
    def is_untreated(self) -> bool:
        """Whether nothing is done and nothing was refused."""
        return not self.needles and not self.refused
