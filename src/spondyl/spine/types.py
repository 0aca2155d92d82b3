"""Levels, vertebrae and the spine they form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import IntEnum, StrEnum
from typing import Any

import numpy as np

from spondyl.errors import InputError
from spondyl.space import Floats, Frame, Geometry, HeightMap, Volume, read_only
from spondyl.studies import Question, Study


class Side(StrEnum):
    """The patient's own left or right."""

    LEFT = "left"
    RIGHT = "right"


class Surrounding(StrEnum):
    """What some label images hold beside the spine and a needle must keep away from."""

    AORTA = "aorta"
    VENA_CAVA = "inferior_vena_cava"
    ILIAC_VESSELS = "iliac_vessels"
    RIBS = "ribs"
    LUNGS = "lungs"
    KIDNEYS = "kidneys"

    @property
    def is_paired(self) -> bool:
        """Whether there is one on each side."""
        return self not in (Surrounding.AORTA, Surrounding.VENA_CAVA)


class Level(IntEnum):
    """Vertebral levels with the numbers of the VerSe challenge (as in SPINEPS and TPTBox)."""

    C1, C2, C3, C4, C5, C6, C7 = range(1, 8)
    T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12 = range(8, 20)
    L1, L2, L3, L4, L5, L6 = range(20, 26)
    SACRUM = 26
    COCCYX = 27
    T13 = 28

    @property
    def order(self) -> float:
        """Place in the spine, counted from the head; T13 lies between T12 and L1."""
        return 19.5 if self is Level.T13 else float(self.value)

    @property
    def is_intended(self) -> bool:
        """Whether it lies within the intended use, T5 to L5."""
        return Level.T5.order <= self.order <= Level.L5.order

    @classmethod
    def parse(cls, name: str) -> Level:
        """The level of a name such as "L1" or "t12"."""
        try:
            return cls[name.strip().upper()]
        except KeyError:
            raise InputError(f"'{name}' is not a vertebral level; names are C1-C7, T1-T13, L1-L6, SACRUM") from None


PROCESSES_CUT = "processes are cut, the body is whole"


@dataclass(frozen=True, eq=False)
class Pedicle:
    """One pedicle: its axis from the mask; its narrowest cross-section from the CT, or from the mask."""

    side: Side
    isthmus: Floats  # (3,), centre of the narrowest cross-section, patient mm
    axis: Floats  # (3,), unit vector from the arch into the body, LPS
    width_mm: float  # smallest extent of the narrowest cross-section across the axis
    height_mm: float  # extent square to the width
    half_voxel_mm: float  # half the largest voxel edge: the doubt of each border
    mask_width_mm: float | None = None  # where isthmus, width and height are the CT's; None: they are the mask's

    def __post_init__(self) -> None:
        for name in ("isthmus", "axis"):
            object.__setattr__(self, name, read_only(getattr(self, name), np.float64))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, item.name) for item in fields(self))


@dataclass(frozen=True, eq=False)
class Vertebra:
    """One vertebra of a label map: masks, axes and surfaces.

    The surfaces are None where they cannot be found (body not separable, cut by the image border); `remarks` says why.
    """

    level: Level
    mask: Volume  # bool, cropped to the vertebra, unit "1"
    body: Volume | None  # bool, the vertebral body on the grid of `mask`
    frame: Frame | None  # origin: centre of the body
    superior: HeightMap | None  # endplates; smooth, sub-voxel
    inferior: HeightMap | None
    anterior: HeightMap | None  # walls
    posterior: HeightMap | None
    pedicles: tuple[Pedicle, ...]
    cut: tuple[str, ...]  # image faces that cut it, such as "head"; empty: whole
    remarks: tuple[str, ...] = ()

    @property
    def is_cut(self) -> bool:
        """Whether the image border cuts this vertebra; it is then never measured as a whole."""
        return bool(self.cut)

    @property
    def cut_words(self) -> str:
        """Why it is not whole; the own segmenter calls a vertebra cut too where a disc at its end is not sure."""
        return f"cut by the image border, or its end is not surely seen ({', '.join(self.cut)})"

    @property
    def arch_cut(self) -> tuple[str, ...]:
        """The remarks that the image border cuts its arch while its body is whole: the body alone is measured."""
        return tuple(remark for remark in self.remarks if remark.endswith(PROCESSES_CUT))

    @property
    def arch(self) -> Volume | None:
        """The arch and its processes: the mask without the body."""
        if self.body is None:
            return None
        return Volume(self.mask.array & ~self.body.array, self.mask.geometry, "1")

    def pedicle(self, side: Side) -> Pedicle | None:
        """The pedicle of one side, None where it was not found."""
        return next((p for p in self.pedicles if p.side is side), None)


@dataclass(frozen=True, eq=False)
class Spine:
    """The vertebrae of one label map from head to foot, with the CT they were found in where there is one."""

    study: Study | None  # None: label map alone
    geometry: Geometry  # of the label map
    vertebrae: tuple[Vertebra, ...]  # from head to foot
    canal: Volume | None  # bool, the spinal canal
    questions: tuple[Question, ...] = ()  # blocking first
    notes: tuple[str, ...] = ()
    label_map: str | None = None  # name of the map the numbers were read with
    method: str = "labels"
    surroundings: tuple[tuple[Surrounding, Volume], ...] = ()  # bool masks of what is labelled beside the spine

    def __post_init__(self) -> None:
        orders = [v.level.order for v in self.vertebrae]
        if orders != sorted(set(orders)):
            raise InputError("the vertebrae of a spine are ordered from head to foot, each level once")

    def __iter__(self) -> Iterator[Vertebra]:
        return iter(self.vertebrae)

    def __getitem__(self, level: Level | str) -> Vertebra:
        wanted = Level.parse(level) if isinstance(level, str) else level
        for vertebra in self.vertebrae:
            if vertebra.level is wanted:
                return vertebra
        raise InputError(f"{wanted.name} is not in this study; its levels are {', '.join(v.level.name for v in self)}")

    @property
    def levels(self) -> tuple[Level, ...]:
        """Levels present, from head to foot."""
        return tuple(v.level for v in self.vertebrae)

    @property
    def ct(self) -> Volume | None:
        """The CT the spine was found in."""
        return None if self.study is None else self.study.ct

    @property
    def centres(self) -> Floats:
        """Body centres from head to foot, shape (n, 3), NaN where a body has no frame. [mm, LPS]"""
        missing = np.full(3, np.nan)
        return np.array([missing if v.frame is None else v.frame.origin for v in self.vertebrae]).reshape(-1, 3)
