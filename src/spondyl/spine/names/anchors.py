"""What a person says about one level: a name for a slice, a point, a label or a letter; and the piece that it means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spondyl.errors import InputError
from spondyl.space import Floats, Geometry
from spondyl.spine.types import Level

_FORMS = "L1=slice:412 (image slice, counted from 0), L1=mm:12.5,-40,310 (patient mm, LPS), L1=label:3 or C=L1"
_LETTER = re.compile(r"[A-Za-z]")
_CLOSE = 0.15  # of the distance of two discs: nearer to one of them, a place may belong to either body
_FARTHEST_MM = 60.0  # from the line through the discs: further, a point is not at the spine
_BEYOND = 1.2  # of the last distance, for places beyond the outer discs


@dataclass(frozen=True)
class Anchor:
    """A level with the place it is said to be at: exactly one of the three."""

    level: Level
    slice_index: int | None = None  # along the image axis nearest to head-foot, from 0
    point: tuple[float, float, float] | None = None  # patient mm, LPS
    label: int | None = None  # number of the vertebra from the head, from 1

    def __post_init__(self) -> None:
        if sum(place is not None for place in (self.slice_index, self.point, self.label)) != 1:
            raise InputError("an anchor names exactly one place: a slice, a point or a label")
        if self.level in (Level.SACRUM, Level.COCCYX):
            raise InputError("an anchor names a vertebra, C1 to L6; the sacrum is found by itself or not at all")

    def __str__(self) -> str:
        if self.slice_index is not None:
            return f"{self.level.name}=slice:{self.slice_index}"
        if self.point is not None:
            return f"{self.level.name}=mm:" + ",".join(f"{mm:g}" for mm in self.point)
        return f"{self.level.name}=label:{self.label}"


def parse_anchor(text: str) -> Anchor:
    """The anchor of a text such as "L1=slice:412", "L1=mm:12.5,-40,310", "L1=label:3" or "C=L1".

    >>> str(parse_anchor("c=L1"))
    'L1=label:3'

    Raises
    ------
    InputError
        If the text has another form.
    """
    name, equals, place = (part.strip() for part in text.partition("="))
    if _LETTER.fullmatch(name):
        return Anchor(Level.parse(place), label=letter_number(name))
    kind, _, value = place.partition(":")
    try:
        if equals and kind == "slice" and int(value) >= 0:
            return Anchor(Level.parse(name), slice_index=int(value))
        if equals and kind == "label" and int(value) >= 1:
            return Anchor(Level.parse(name), label=int(value))
        if equals and kind == "mm":
            x, y, z = (float(part) for part in value.split(","))
            if np.isfinite((x, y, z)).all():
                return Anchor(Level.parse(name), point=(x, y, z))
    except ValueError:
        pass
    raise InputError(f"'{text}' is not understood as an anchor; write {_FORMS}")


def parse_point(text: str) -> tuple[float, float, float]:
    """The point of a text such as "12.5,-40,310". [mm, LPS]

    >>> parse_point("12.5,-40,310")
    (12.5, -40.0, 310.0)

    Raises
    ------
    InputError
        If it is not three finite numbers.
    """
    try:
        x, y, z = (float(part) for part in text.split(","))
    except ValueError:
        x = y = z = float("nan")
    if not np.isfinite((x, y, z)).all():
        raise InputError(f"'{text}' is no point: write X,Y,Z in patient mm, LPS, such as 12.5,-40,310")
    return x, y, z


def letter(number: int) -> str:
    """Letter of the k-th vertebra from the head: A, B, C, ..."""
    return chr(ord("A") + number - 1) if number <= 26 else f"#{number}"


def letter_number(name: str) -> int:
    """Number of the vertebra that a letter stands for."""
    return ord(name.upper()) - ord("A") + 1


def place_of(anchor: Anchor, geometry: Geometry, discs: Floats, labels: Sequence[int | None]) -> int:
    """The piece, counted from 0 at the head, at which an anchor lies.

    Parameters
    ----------
    geometry
        Grid of the CT.
    discs
        Disc centres from foot to head, shape (n, 3), patient mm.
    labels
        Number of the vertebra at each of the n + 1 pieces from head to foot; None: no vertebra there.

    Raises
    ------
    InputError
        If it lies outside the image or the pieces, or too near to a disc to tell which body is meant.
    """
    if anchor.label is not None:
        if anchor.label not in labels:
            known = [number for number in labels if number is not None]
            raise InputError(f"anchor {anchor}: vertebrae {known[0]} to {known[-1]} were found, counted from the head")
        return list(labels).index(anchor.label)
    along = _along(anchor, geometry, discs)
    if along is None:
        raise InputError(
            f"anchor {anchor}: the point lies more than {_FARTHEST_MM:.0f} mm from the discs that were found"
        )
    if abs(along - round(along)) < _CLOSE and -0.5 < along < len(discs) - 0.5:
        raise InputError(
            f"anchor {anchor}: it lies at a disc, between two bodies; give a place in the middle of a body"
        )
    piece = len(discs) - 1 - int(np.floor(along))
    if not -_BEYOND < along < len(discs) - 1 + _BEYOND or labels[piece] is None:
        raise InputError(f"anchor {anchor}: no vertebra was found there; give a place in one of those that were")
    return piece


def _along(anchor: Anchor, geometry: Geometry, discs: Floats) -> float | None:
    """Place along the discs from foot to head: 0 at the lowest disc, 1 at the next; None: far from them all."""
    if anchor.slice_index is not None:
        axis = int(np.abs(geometry.axes[2]).argmax())
        if anchor.slice_index >= geometry.shape[axis]:
            raise InputError(f"anchor {anchor}: the image has the slices 0 to {geometry.shape[axis] - 1}")
        heights = geometry.indices(discs)[:, axis]
        sign = 1.0 if heights[-1] > heights[0] else -1.0
        return _interpolated(sign * anchor.slice_index, sign * heights)
    point = np.array(anchor.point)
    best, least = 0.0, np.inf
    for i in range(len(discs) - 1):
        step = discs[i + 1] - discs[i]
        share = float((point - discs[i]) @ step / (step @ step))
        low, high = (-_BEYOND if i == 0 else 0.0), (1 + _BEYOND if i == len(discs) - 2 else 1.0)
        share = float(np.clip(share, low, high))
        away = float(np.linalg.norm(point - discs[i] - share * step))
        if away < least:
            best, least = i + share, away
    return best if least <= _FARTHEST_MM else None


def _interpolated(height: float, heights: Floats) -> float:
    """Fractional number of the disc at a height; beyond the outer ones by the last distance."""
    if height < heights[0]:
        return float((height - heights[0]) / (heights[1] - heights[0]))
    if height > heights[-1]:
        return float(len(heights) - 1 + (height - heights[-1]) / (heights[-1] - heights[-2]))
    return float(np.interp(height, heights, np.arange(len(heights))))
