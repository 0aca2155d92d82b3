"""The axis of a pedicle: the midline between its facing walls, along its neck."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spondyl.space import Floats, Frame
from spondyl.spine.cross_sections import STEP_MM, Sampled, Section, Stack, plane_square_to

# Chosen on virtual patients (docs/validation/access.md); the result hardly depends on them.
_REACH_MM = 7.0  # along the axis, either side: necks are shorter
_NECK = 1.15  # cross-sections up to this share of the smallest area, next to one another, are the neck
_PLACES = 4  # cross-sections in which a chord is seen, at least
_ROUNDS = 4
_STILL_DEG = 0.05
_WEIGHTINGS, _HUBER = 8, 1.5  # rounds of weights; residuals up to this many times their median count in full
_LEAST_RESIDUAL_MM = 0.02


@dataclass(frozen=True)
class Likeness:
    """How far a chord may differ from that of the neck before it counts as holding other bone, or lacking some."""

    growth: float  # of its length, either way
    slack_mm: float  # beyond that
    jump_mm: float  # of one wall


MASK = Likeness(1.3, 0.5, 1.0)  # walls of a mask are steps
GREY = Likeness(1.15, 0.2, 0.5)  # grey values place them finer, and what joins a neck bends its midline before


def midline_axis(
    occupancy: Sampled, centre: Floats, axis: Floats, cranial: Floats, *, likeness: Likeness = MASK
) -> Floats:
    """Unit vector from the arch into the body, halfway between the walls of a pedicle, shape (3,), LPS.

    Seen from above the axis runs midway between medial and lateral wall, seen from the side midway between upper and
    lower wall: so pedicle angles are measured on images [1]. In cross-sections square to the axis, parallel chords are
    followed from the middle of the neck backwards and forwards for as long as both their walls are seen; where a
    process, the lamina or the body joins on one side, the chord ends and others go on. One slope is fitted to the
    middles of all chords along each of the two directions, robustly, and the cross-sections are turned by it until they
    stand still. Where no chord can be followed, the axis stays as it was given.

    Parameters
    ----------
    occupancy
        Share of bone, from a mask that is slightly blurred or from grey values at its border.
    centre, axis
        A point near the pedicle's narrowest section, patient mm, and its direction to within some 15 degrees.
    cranial
        Spans the cross-sections together with the direction to the left.
    likeness
        Which chords belong to the neck.

    References
    ----------
    [1] zindrick1987: Zindrick et al., "Analysis of the morphometric characteristics of the thoracic and lumbar
        pedicles", Spine 12:160-166, 1987, doi:10.1097/00007632-198703000-00012.
    """
    for _ in range(_ROUNDS):
        neck = neck_around(occupancy, centre, axis, cranial)
        if neck is None:
            return axis
        slopes = neck.slopes(likeness)
        if slopes is None:
            return axis
        new = turned(neck.stack.planes[neck.middle], *slopes)
        still = float(np.degrees(np.arccos(np.clip(new @ axis, -1, 1)))) < _STILL_DEG
        centre, axis = neck.section.centre, new
        if still:
            break
    return axis


def turned(plane: Frame, up: float, left: float) -> Floats:
    """The normal of a plane after shifts to (cranial, left) for each mm along it, a unit vector."""
    axis = plane.anterior + up * plane.cranial + left * plane.left
    return np.asarray(axis / np.linalg.norm(axis))


@dataclass(frozen=True, eq=False)
class Neck:
    """Cross-sections along a pedicle and the middle one of its neck."""

    stack: Stack
    along_mm: Floats  # (n,)
    middle: int
    section: Section  # the middle one

    def slopes(self, likeness: Likeness) -> tuple[float, float] | None:
        """Shift of the middle between walls to (cranial, left), for each mm along the axis."""
        share = self.stack.share.copy()
        share[self.middle] = self.section.share
        found = [_slope(seen, self.along_mm, self.middle, likeness) for seen in (np.swapaxes(share, 1, 2), share)]
        return None if found[0] is None or found[1] is None else (found[0], found[1])


def neck_around(occupancy: Sampled, centre: Floats, axis: Floats, cranial: Floats) -> Neck | None:
    """Cross-sections around a centre along an axis; None where no bone is near."""
    along = np.arange(-_REACH_MM, _REACH_MM + STEP_MM / 2, STEP_MM)
    stack = Stack.cut(occupancy, [plane_square_to(centre + t * axis, axis, cranial) for t in along])
    sections = [stack.section(i, plane.origin) for i, plane in enumerate(stack.planes)]
    areas = np.array([np.inf if section is None else section.area_mm2 for section in sections])
    least = int(areas.argmin())
    narrow = areas <= _NECK * areas[least]
    ends = [np.flatnonzero(~part) for part in (narrow[:least][::-1], narrow[least:])]
    first = 0 if not len(ends[0]) else least - int(ends[0][0])
    last = len(along) - 1 if not len(ends[1]) else least + int(ends[1][0]) - 1
    middle = (first + last) // 2
    section = sections[middle] if np.isfinite(areas[least]) else None
    return None if section is None else Neck(stack, along, middle, section)


def _slope(share: Floats, along: Floats, middle: int, likeness: Likeness) -> float | None:
    """Slope of the middles of chords along the last axis, against the distance along the pedicle.

    Parameters
    ----------
    share
        Shape (n, rows, columns): cross-sections; chords run along columns.
    along
        Shape (n,). [mm]
    middle
        The cross-section whose chords the others are compared with.
    """
    bone = share[middle] >= 0.5
    rows = np.flatnonzero(bone.any(axis=1))
    start = (bone[rows] @ np.arange(bone.shape[1])) / bone[rows].sum(axis=1)
    return chord_slope(share[:, rows], start, along, middle, likeness)


def chord_slope(share: Floats, start: Floats, along: Floats, middle: int, likeness: Likeness) -> float | None:
    """Slope of the middles of chords along the last axis, each looked for from its start; walls are where half is.

    Parameters
    ----------
    share
        Shape (n, rows, columns).
    start
        Column of each row, shape (rows,).
    along
        Shape (n,). [mm]
    middle
        The cross-section whose chords the others are compared with.
    """
    low, high = (STEP_MM * wall for wall in _walls(share, start))
    followed = _followed(low, high, middle, likeness)
    followed &= followed.sum(axis=0) >= _PLACES
    if not followed.any():
        return None
    return _common_slope(np.where(followed, (low + high) / 2, 0.0), along, followed)


def _walls(share: Floats, start: Floats) -> tuple[Floats, Floats]:
    """Where bone ends along each row, looking either way from its start, in fractional columns; NaN: no bone, no end.

    Parameters
    ----------
    share
        Shape (n, rows, columns).
    start
        Column of each row, shape (rows,).
    """
    column, at = np.arange(share.shape[2]), np.rint(start).astype(int)
    begins = share[:, np.arange(len(at)), at] >= 0.5
    found = []
    for sign in (-1, 1):
        outside = (share < 0.5) & ((column - at[:, None]) * sign > 0)
        first = outside.argmax(axis=2) if sign > 0 else len(column) - 1 - outside[..., ::-1].argmax(axis=2)
        here, before = (
            np.take_along_axis(share, np.clip(k, 0, len(column) - 1)[..., None], axis=2)[..., 0]
            for k in (first, first - sign)
        )
        border = first - sign * (0.5 - here) / np.maximum(before - here, 1e-6)
        found.append(np.where(begins & outside.any(axis=2), border, np.nan))
    return found[0], found[1]


def _followed(low: Floats, high: Floats, middle: int, likeness: Likeness) -> NDArray[np.bool_]:
    """Which chords still belong to the neck: as long as near the middle section, without a break from there."""
    chord = high - low
    with np.errstate(invalid="ignore"):
        longest, least = likeness.growth * chord[middle], chord[middle] / likeness.growth
        same = (chord <= longest + likeness.slack_mm) & (chord >= least - likeness.slack_mm)
        for wall in (low, high):
            same &= np.abs(wall - wall[middle]) <= likeness.jump_mm
    same[middle:] = np.logical_and.accumulate(same[middle:], axis=0)
    same[: middle + 1] = np.logical_and.accumulate(same[: middle + 1][::-1], axis=0)[::-1]
    return np.asarray(same)


def _common_slope(middles: Floats, along: Floats, used: NDArray[np.bool_]) -> float | None:
    """One slope for all chords, each with its own place, by Huber's weights."""
    weight, t = used.astype(float), along[:, None]
    slope = None
    for _ in range(_WEIGHTINGS):
        total = np.maximum(weight.sum(axis=0), 1e-9)
        aside = t - (weight * t).sum(axis=0) / total
        shift = middles - (weight * middles).sum(axis=0) / total
        spread = float((weight * aside**2).sum())
        if spread <= 0:
            return slope
        slope = float((weight * aside * shift).sum()) / spread
        residual = np.abs(shift - slope * aside)
        scale = max(_HUBER * float(np.median(residual[used])), _LEAST_RESIDUAL_MM)
        weight = used / np.maximum(residual / scale, 1.0)
    return slope
