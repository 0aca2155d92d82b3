"""The axis of a pedicle only a few voxels wide, from its grey values instead of the steps of its mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.space import Floats
from spondyl.spine.cross_sections import STEP_MM, Sampled, Stack, plane_square_to
from spondyl.spine.grey_border import GreyBorder
from spondyl.spine.pedicle_axis import Likeness, Neck, chord_slope, neck_around, turned

# Chosen on virtual patients of narrow pedicles (docs/validation/access.md)
_LIKENESS = Likeness(1.15, 0.3, 0.5)
_AROUND_STEPS = 3  # either side of the middle cross-section: a chord's own height is the median over these
_LEAST_HEIGHT = 0.2  # of the contrast between bone and its surroundings
_LEAST_CHORD_MM = 1.0
_OUTSIDE_SHARE = 0.1  # of the blurred mask: grey values beyond are other bone
_REACH_MM, _MARGIN_MM, _EDGE_MM = 4.0, 1.0, 0.5  # along the axis, and around the neck's cross-section
_LARGEST_SLOPE = 0.2  # in one turn
_ROUNDS, _STEPS, _STILL_DEG = 8, 6, 0.05


def narrow_axis(border: GreyBorder, occupancy: Sampled, centre: Floats, axis: Floats, cranial: Floats) -> Floats:
    """Unit vector from the arch into the body for a neck of three or four voxels, shape (3,), LPS.

    The mean direction of two measures whose errors differ. One is the midline between facing walls, each chord at half
    of its own grey height: across so thin a neck blur leaves no plateau, and a border of one height for all follows the
    steps of the mask where a chord stays below it. The other is the direction along which grey values around the neck
    change least; it needs no walls, but bone that joins the neck slowly turns it.

    Parameters
    ----------
    border, occupancy
        Grey values at the mask's border, and the slightly blurred mask.
    centre, axis
        A point near the pedicle's narrowest section, patient mm, and its direction to within a few degrees.
    cranial
        Spans the cross-sections together with the direction to the left.
    """
    mean = _between_walls(border, centre, axis, cranial) + _of_least_change(border, occupancy, centre, axis, cranial)
    return np.asarray(mean / np.linalg.norm(mean))


def _between_walls(border: GreyBorder, centre: Floats, axis: Floats, cranial: Floats) -> Floats:
    for _ in range(_ROUNDS):
        neck = neck_around(border, centre, axis, cranial)
        if neck is None:
            return axis
        points = np.stack([plane.to_patient(_plane_points(neck.stack.grid)) for plane in neck.stack.planes])
        within = border.mask_share(points) >= _OUTSIDE_SHARE
        height = np.zeros(within.shape)
        height[within] = border.height(points[within])
        bone = neck.section.share >= 0.5
        # a chord along the neck's breadth reaches a plateau only in its brightest point, one along its length in most
        up = _wall_slope(np.swapaxes(height, 1, 2), bone.T, neck, np.nanmedian, float(bone.sum(axis=0).max()) / 2)
        left = _wall_slope(height, bone, neck, np.nanmax, _LEAST_CHORD_MM / STEP_MM)
        new = turned(neck.stack.planes[neck.middle], up or 0.0, left or 0.0)
        centre, axis, still = neck.section.centre, new, _is_still(new, axis)
        if still:
            break
    return axis


def _wall_slope(height: Floats, bone: NDArray[np.bool_], neck: Neck, level: object, least: float) -> float | None:
    """Slope of the middles of chords along the last axis, each wall at half of what its chord reaches."""
    rows = np.flatnonzero(bone.sum(axis=1) >= least)
    if not len(rows):
        return None
    start = (bone[rows] @ np.arange(bone.shape[1])) / bone[rows].sum(axis=1)
    held = np.where(bone[rows], height[:, rows], np.nan)
    near = slice(max(neck.middle - _AROUND_STEPS, 0), neck.middle + _AROUND_STEPS + 1)
    reached = np.median(level(held[near], axis=2), axis=0)  # type: ignore[operator]
    share = height[:, rows] / np.maximum(reached, _LEAST_HEIGHT)[:, None]
    return chord_slope(share, start, neck.along_mm, neck.middle, _LIKENESS)


def _of_least_change(border: GreyBorder, occupancy: Sampled, centre: Floats, axis: Floats, cranial: Floats) -> Floats:
    for _ in range(_ROUNDS):
        neck = neck_around(occupancy, centre, axis, cranial)
        if neck is None:
            return axis
        centre = neck.section.centre
        along = np.arange(-_REACH_MM, _REACH_MM + STEP_MM / 2, STEP_MM)
        stack = Stack.cut(occupancy, [plane_square_to(centre + t * axis, axis, cranial) for t in along])
        middle = len(along) // 2
        section = stack.section(middle, centre)
        if section is None:
            return axis
        points = np.stack([plane.to_patient(_plane_points(stack.grid)) for plane in stack.planes])
        away = ndimage.distance_transform_edt(section.share <= 0.5) * STEP_MM
        window = np.clip(1 - (away - _MARGIN_MM) / _EDGE_MM, 0, 1)
        slopes = _least_change(border.height(points), window, along, middle)
        if slopes is None:
            return axis
        new = turned(stack.planes[middle], *np.clip(slopes, -_LARGEST_SLOPE, _LARGEST_SLOPE))
        axis, still = new, _is_still(new, axis)
        if still:
            break
    return axis


def _least_change(height: Floats, window: Floats, along: Floats, middle: int) -> Floats | None:
    """Shift to (cranial, left) for each mm along the axis that leaves least change, by least squares, shape (2,).

    A place counts from the middle on as long as it differs from there by less than the contrast, and the less the more
    it differs from what its line holds on average (Tukey's weights): other bone joins there.
    """
    t = along[:, None, None]
    weight = window * _unbroken(np.abs(height - height[np.abs(along) <= 1.0].mean(axis=0)) <= 1.0, middle)
    changes = [t * np.gradient(height, STEP_MM, axis=axis) for axis in (1, 2)]
    total = np.maximum(weight.sum(axis=0), 1e-9)
    moved, *columns = (x - (weight * x).sum(axis=0) / total for x in (height, *changes))
    slopes = np.zeros(2)
    for _ in range(_STEPS):
        residual = moved + slopes[0] * columns[0] + slopes[1] * columns[1]
        tukey = weight * np.where(np.abs(residual) < 1, (1 - residual**2) ** 2, 0.0)
        normal = np.array([[float((tukey * a * b).sum()) for b in columns] for a in columns])
        if np.linalg.det(normal) <= 0:
            return None
        slopes = slopes - np.linalg.solve(normal, [float((tukey * a * residual).sum()) for a in columns])
    return slopes


def _unbroken(same: NDArray[np.bool_], middle: int) -> NDArray[np.bool_]:
    """Places that are the same all the way from the middle."""
    out = same.copy()
    out[middle:] = np.logical_and.accumulate(same[middle:], axis=0)
    out[: middle + 1] = np.logical_and.accumulate(same[: middle + 1][::-1], axis=0)[::-1]
    return out


def _plane_points(grid: Floats) -> Floats:
    up, left = np.meshgrid(grid, grid, indexing="ij")
    return np.stack([up, np.zeros_like(up), left], axis=-1)


def _is_still(new: Floats, old: Floats) -> bool:
    return float(np.degrees(np.arccos(np.clip(new @ old, -1, 1)))) < _STILL_DEG
