"""Values of a mask on a regular grid along a frame's axes: only where the mask is, and without a list of points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.space.frames import Frame
from spondyl.space.geometry import Floats, Geometry
from spondyl.space.volume import Volume


def sample_along(mask: Volume, frame: Frame, axes: Sequence[Floats]) -> Floats:
    """Linear values of a mask, or of a share of one, on the grid spanned by three axes of a frame.

    The same numbers as `mask.sample` at these points. It costs by the size of what the mask holds, not of the grid.

    Parameters
    ----------
    mask
        0 where there is nothing.
    frame
        Whose axes the grid follows.
    axes
        Evenly spaced cranial, anterior and left coordinates, shapes (n,), (m,), (k,). [mm]

    Returns
    -------
    Values, shape (n, m, k).
    """
    out = np.zeros([len(axis) for axis in axes])
    block = _held(mask)
    if block is None:
        return out
    wanted = _reached(block.geometry, frame, axes)
    part = [axis[s] for axis, s in zip(axes, wanted, strict=True)]
    if min(len(axis) for axis in part) > 0:
        values = block.array if block.array.dtype.kind == "f" else block.array.astype(np.float32)
        matrix, offset = _grid_to_indices(block.geometry, frame, part)
        out[wanted] = ndimage.affine_transform(
            values, matrix, offset, tuple(len(axis) for axis in part), order=1, mode="constant"
        )
    return out


def contained_along(geometry: Geometry, frame: Frame, axes: Sequence[Floats]) -> NDArray[np.bool_]:
    """Whether an image contains each point of such a grid (`Geometry.contains`), shape (n, m, k)."""
    matrix, offset = _grid_to_indices(geometry, frame, axes)
    steps = [np.arange(len(axis)) for axis in axes]
    inside = np.ones([len(axis) for axis in axes], bool)
    for row, start, count in zip(matrix, offset, geometry.shape, strict=True):
        index = start + (row[0] * steps[0])[:, None, None] + (row[1] * steps[1])[:, None] + row[2] * steps[2]
        inside &= (index >= -0.5) & (index <= count - 0.5)
    return inside


def _held(mask: Volume) -> Volume | None:
    """The block that holds all of the mask, with the voxel beyond, from which linear values still rise."""
    used = [np.flatnonzero(mask.array.any(axis=tuple(k for k in range(3) if k != axis))) for axis in range(3)]
    if len(used[0]) == 0:
        return None
    return mask.cropped([u[0] - 1 for u in used], [u[-1] + 2 for u in used])


def _reached(geometry: Geometry, frame: Frame, axes: Sequence[Floats]) -> tuple[slice, ...]:
    """The part of the grid that the block can reach."""
    last = np.array(geometry.shape) - 1
    corners = np.array(np.meshgrid(*[(0, n) for n in last])).reshape(3, -1).T
    local = frame.to_local(geometry.points(corners))
    low, high = local.min(axis=0) - 1e-6, local.max(axis=0) + 1e-6
    found = zip(axes, low, high, strict=True)
    return tuple(slice(int(np.searchsorted(x, a)), int(np.searchsorted(x, b, "right"))) for x, a, b in found)


def _grid_to_indices(geometry: Geometry, frame: Frame, axes: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Matrix and offset that lead from steps along the grid to voxel indices."""
    steps = np.array([axis[1] - axis[0] if len(axis) > 1 else 1.0 for axis in axes])
    inverse = np.linalg.inv(geometry.affine[:3, :3])
    start = frame.to_patient([axis[0] for axis in axes])
    return np.asarray(inverse @ frame.axes * steps), geometry.indices(start)
