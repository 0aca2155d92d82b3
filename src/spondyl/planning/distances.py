"""Distances to voxels from their faces: as a field for the search, and exact for the paths that are kept."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.space import Floats, Geometry

REACH_MM = 12.0  # this program's choice: what lies further away does not limit a needle
_BATCH = 64  # points whose distances to all boxes are held at once


def box_distance_field(forbidden: NDArray[np.bool_], spacing_mm: Floats, reach_mm: float) -> NDArray[np.float32]:
    """Distance of each voxel's centre to the nearest face of a forbidden voxel, no more than `reach_mm`. [mm]

    Exact: the squared distance to a box is a sum over the axes, so its minimum is taken along one axis after another.
    Zero within forbidden voxels.
    """
    far = np.float32(reach_mm**2)
    squared = np.where(forbidden, np.float32(0), far)
    for axis, step in enumerate(spacing_mm):
        lines = np.moveaxis(squared, axis, 0)
        least = lines.copy()
        for k in range(1, min(int(np.ceil(reach_mm / step)) + 1, len(lines))):
            cost = np.float32(((k - 0.5) * step) ** 2)
            np.minimum(least[:-k], lines[k:] + cost, out=least[:-k])
            np.minimum(least[k:], lines[:-k] + cost, out=least[k:])
        squared = np.moveaxis(least, 0, axis)
    return np.sqrt(squared)


def border_indices(forbidden: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Indices of the forbidden voxels that touch a free one or the grid's end, shape (n, 3)."""
    return np.argwhere(forbidden & ~ndimage.binary_erosion(forbidden))


def exact_distances(
    points: Floats,
    geometry: Geometry,
    boxes: NDArray[np.int64],
    forbidden: NDArray[np.bool_],
    *,
    reach_mm: float = REACH_MM,
) -> Floats:
    """Distance of each patient point to the nearest box, zero inside a forbidden voxel, shape (n,). [mm]

    Infinite where none lies within the reach.

    Parameters
    ----------
    points
        Shape (n, 3), patient mm.
    boxes
        Indices of forbidden voxels at the border, shape (m, 3).
    """
    indices, spacing = geometry.indices(points), geometry.spacing_mm
    out = np.full(len(points), np.inf)
    for first in range(0, len(points), _BATCH):
        part = slice(first, first + _BATCH)
        low, high = indices[part].min(axis=0) - reach_mm / spacing, indices[part].max(axis=0) + reach_mm / spacing
        near = boxes[((boxes >= low) & (boxes <= high)).all(axis=1)]
        if len(near):
            apart = np.maximum(np.abs(indices[part, None] - near) - 0.5, 0) * spacing
            out[part] = np.sqrt((apart**2).sum(axis=2).min(axis=1))
    place = np.rint(indices).astype(int)
    within = ((place >= 0) & (place < geometry.shape)).all(axis=1)
    inside = np.zeros(len(points), bool)
    inside[within] = forbidden[tuple(place[within].T)]
    return np.where(inside, 0.0, out)
