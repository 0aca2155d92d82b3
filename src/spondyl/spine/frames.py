"""The axes of a vertebral body, found from its mask.

Definition (docs/nomenclature.md): the cranial axis is the bisector of the normals of the least-squares planes of both
endplates; the anterior axis points away from the spinal canal, square to it; left follows. It needs no neighbour, so a
body alone in its image has the same axes as one in a whole spine, and the tilt of the image does not enter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.errors import InputError
from spondyl.space import Floats, Frame, Volume, sample_along

_STEP_MM = 1.0
_REACH_MM = (34.0, 34.0, 40.0)  # half extent searched along cranial, anterior, left: beyond any adult T5-L5 body
_RIM_MM = 3.0  # left out of the planes, so that osteophytes and rounded rims do not tilt them
_ROUNDS = 4


@dataclass(frozen=True, eq=False)
class Columns:
    """The body seen along its cranial axis: one column for each (anterior, left) of a 1 mm grid.

    A column belongs to the footprint when it crosses the body's middle and has no gap: a column through rims that
    overhang the waist, or through an osteophyte, does not.
    """

    anterior_mm: Floats  # (n,)
    left_mm: Floats  # (m,)
    bottom_mm: Floats  # (n, m), NaN outside the footprint
    top_mm: Floats
    footprint: NDArray[np.bool_]


def find_frame(body: Volume, toward_head: Floats, front_from: Floats) -> Frame:
    """The frame of a body mask.

    Parameters
    ----------
    body
        Mask of the vertebral body, whole.
    toward_head
        Rough cranial direction, shape (3,), within about 45 degrees.
    front_from
        A point behind the body from which "anterior" is taken, usually the canal's centre, shape (3,). [mm, LPS]

    Raises
    ------
    InputError
        If the mask is too small or too thin for two endplates.
    """
    origin = body.geometry.points(np.argwhere(body.array)).mean(axis=0)
    frame = Frame.from_directions(origin, toward_head, origin - front_from)
    for _ in range(_ROUNDS):
        columns = find_columns(body, frame)
        cranial = _bisector(columns)
        centre = np.array([_centre(columns, values) for values in (columns.anterior_mm[:, None], columns.left_mm)])
        height = np.nanmean((columns.bottom_mm + columns.top_mm) / 2)
        origin = frame.to_patient([height, *centre])
        frame = Frame.from_directions(origin, frame.axes @ cranial, origin - front_from)
    return frame


def find_columns(body: Volume, frame: Frame) -> Columns:
    """Bottom and top of the body along the cranial axis, from the half level of the blurred mask. [mm]"""
    grids = [np.arange(-reach, reach + _STEP_MM / 2, _STEP_MM) for reach in _REACH_MM]
    blurred = ndimage.gaussian_filter(body.array.astype(np.float32), 0.5, mode="constant")
    occupancy = sample_along(Volume(blurred, body.geometry, "1"), frame, grids)
    inside = occupancy > 0.5
    bottom, top = _crossing(occupancy, inside, grids[0]), -_crossing(occupancy[::-1], inside[::-1], grids[0])
    filled = inside.sum(axis=0) * _STEP_MM
    middle = np.nanmedian(np.where(filled > 3, (bottom + top) / 2, np.nan)) if (filled > 3).any() else 0.0
    footprint = (filled >= 3) & (filled >= top - bottom - 2 * _STEP_MM) & (bottom < middle) & (top > middle)
    footprint = _largest(ndimage.binary_opening(footprint, iterations=2))
    if footprint.sum() * _STEP_MM**2 < 100:
        raise InputError("the body mask is too small to have two endplates (less than 1 cm² in cross-section)")
    return Columns(grids[1], grids[2], np.where(footprint, bottom, np.nan), np.where(footprint, top, np.nan), footprint)


def _crossing(occupancy: Floats, inside: NDArray[np.bool_], heights: Floats) -> Floats:
    """Height at which each column first rises through the half level; meaningless where it never does."""
    first = np.maximum(inside.argmax(axis=0), 1)
    above = np.take_along_axis(occupancy, first[None], axis=0)[0]
    below = np.take_along_axis(occupancy, first[None] - 1, axis=0)[0]
    share = np.clip((0.5 - below) / np.maximum(above - below, 1e-6), 0, 1)
    return np.asarray(heights[first - 1] + share * _STEP_MM)


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    labelled, count = ndimage.label(mask)
    if count < 2:
        return mask
    return np.asarray(labelled == 1 + np.argmax(ndimage.sum_labels(mask, labelled, range(1, count + 1))))


def _centre(columns: Columns, values: Floats) -> float:
    return float(np.broadcast_to(values, columns.footprint.shape)[columns.footprint].mean())


def _bisector(columns: Columns) -> Floats:
    """Cranial axis in local coordinates, shape (3,)."""
    rim = int(_RIM_MM / _STEP_MM)
    core = ndimage.binary_erosion(columns.footprint, iterations=rim)
    used = core if core.sum() >= 30 else columns.footprint
    total = _plane_normal(columns, columns.bottom_mm, used) + _plane_normal(columns, columns.top_mm, used)
    return np.asarray(total / np.linalg.norm(total))


def _plane_normal(columns: Columns, heights: Floats, used: NDArray[np.bool_]) -> Floats:
    """Unit normal, turned to the head, of the least-squares plane, with columns beyond 2.5 robust sd left out."""
    a, left = np.meshgrid(columns.anterior_mm, columns.left_mm, indexing="ij")
    design = np.stack([np.ones(used.sum()), a[used], left[used]], axis=1)
    values = heights[used]
    keep = np.ones(len(values), bool)
    for _ in range(2):
        fit, *_ = np.linalg.lstsq(design[keep], values[keep], rcond=None)
        residual = values - design @ fit
        keep = np.abs(residual) <= max(2.5 * 1.4826 * float(np.median(np.abs(residual))), 0.5)
    normal = np.array([1.0, -fit[1], -fit[2]])
    return np.asarray(normal / np.linalg.norm(normal))
