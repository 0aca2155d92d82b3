"""Where voxels lie: the map from indices to patient millimetres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spondyl.errors import InputError
from spondyl.space.arrays import read_only

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Geometry:
    """The grid of an image: affine, shape and frame of reference.

    Indices name voxel centres; points are patient millimetres, LPS (x to the left, y to the back, z to the head).
    """

    affine: Floats  # (4, 4), index -> point, mm
    shape: tuple[int, int, int]
    frame_of_reference_uid: str | None = None  # None: not recorded

    def __post_init__(self) -> None:
        affine = read_only(self.affine, np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all():
            raise InputError(f"an affine of shape (4, 4) with finite numbers is expected, found shape {affine.shape}")
        if abs(np.linalg.det(affine[:3, :3])) < 1e-9:
            raise InputError("the affine is singular: two image axes run in the same direction")
        shape = tuple(int(n) for n in self.shape)
        if len(shape) != 3 or min(shape) < 1:
            raise InputError(f"a grid has three axes with at least one voxel each, found {shape}")
        object.__setattr__(self, "affine", affine)
        object.__setattr__(self, "shape", shape)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.affine, self.shape, self.frame_of_reference_uid)

    @property
    def spacing_mm(self) -> Floats:
        """Distance of neighbouring voxel centres along each index axis, shape (3,). [mm]"""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0))

    @property
    def axes(self) -> Floats:
        """Unit direction of each index axis in patient space, one per column, shape (3, 3)."""
        return np.asarray(self.affine[:3, :3] / self.spacing_mm)

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel. [mm³]"""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    def points(self, indices: ArrayLike) -> Floats:
        """Patient points of (fractional) indices, shape (..., 3). [mm, LPS]"""
        return np.asarray(np.asarray(indices, np.float64) @ self.affine[:3, :3].T + self.affine[:3, 3])

    def indices(self, points: ArrayLike) -> Floats:
        """Fractional indices of patient points, shape (..., 3)."""
        inverse = np.linalg.inv(self.affine[:3, :3])
        return np.asarray((np.asarray(points, np.float64) - self.affine[:3, 3]) @ inverse.T)

    def contains(self, points: ArrayLike) -> NDArray[np.bool_]:
        """Whether each point lies within the grid, half a voxel beyond the outer centres included, shape (...)."""
        indices = self.indices(points)
        return np.asarray(((indices >= -0.5) & (indices <= np.array(self.shape) - 0.5)).all(axis=-1))

    def cropped(self, start: ArrayLike, stop: ArrayLike) -> Geometry:
        """The grid of the block of voxels from `start` to before `stop`, both shape (3,)."""
        first, last = np.asarray(start, int), np.asarray(stop, int)
        affine = self.affine.copy()
        affine[:3, 3] = self.points(first)
        return Geometry(affine, tuple(int(n) for n in last - first), self.frame_of_reference_uid)  # type: ignore[arg-type]

    def is_same_grid(self, other: Geometry, tolerance_mm: float = 0.01) -> bool:
        """Whether both grids have the same voxels: same shape, and no corner further apart than the tolerance."""
        if self.shape != other.shape or not self.is_same_frame(other):
            return False
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in self.shape])).reshape(3, -1).T
        return bool(np.abs(self.points(corners) - other.points(corners)).max() <= tolerance_mm)

    def is_same_frame(self, other: Geometry) -> bool:
        """Whether points of both may be compared: equal frames of reference, or at least one not recorded."""
        uids = self.frame_of_reference_uid, other.frame_of_reference_uid
        return None in uids or uids[0] == uids[1]
