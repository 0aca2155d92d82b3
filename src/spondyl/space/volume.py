"""An array with its place in the patient, and the few ways to take another one from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from spondyl.errors import InputError
from spondyl.space.arrays import read_only
from spondyl.space.geometry import Floats, Geometry


@dataclass(frozen=True, eq=False)
class Volume:
    """Voxel values, their geometry and their unit (UCUM: "[hnsf'U]" for CT, "1" for labels and masks)."""

    array: NDArray[Any]  # (i, j, k)
    geometry: Geometry
    unit: str

    def __post_init__(self) -> None:
        array = read_only(self.array)
        if array.shape != self.geometry.shape:
            raise InputError(f"array of shape {array.shape} does not fit the grid of shape {self.geometry.shape}")
        object.__setattr__(self, "array", array)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.array, self.geometry, self.unit)

    def is_equal(self, other: Volume) -> bool:
        """Whether both have the same grid, unit and values."""
        same = self.unit == other.unit and self.geometry.is_same_grid(other.geometry)
        return same and np.array_equal(self.array, other.array)

    def sample(self, points: ArrayLike, *, order: int = 1, outside: float = 0.0) -> Floats:
        """Values at patient points, shape (...): linear (order 1) or nearest (order 0); `outside` beyond the grid."""
        indices = np.moveaxis(self.geometry.indices(points), -1, 0)
        values, first = (self.array, np.zeros(3)) if self.array.dtype.kind == "f" else self._numbers_around(indices)
        places = indices - first.reshape(3, *[1] * (indices.ndim - 1))
        sampled = ndimage.map_coordinates(values, places, order=order, mode="constant", cval=outside)
        return np.asarray(sampled, np.float64)

    def _numbers_around(self, indices: Floats) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Whole numbers as decimal ones, of the block alone that these places lie in; and where it begins.

        Taking a block's beginning, a whole number, from a larger index is exact: values are those of the whole array.
        """
        if not indices.size or not np.isfinite(indices).all():
            return self.array.astype(np.float32), np.zeros(3, int)
        last = np.array(self.geometry.shape) - 1
        every = indices.reshape(3, -1)
        low = np.clip(np.floor(every.min(axis=1)).astype(int) - 1, 0, last)
        high = np.clip(np.ceil(every.max(axis=1)).astype(int) + 1, 0, last)
        block = tuple(slice(a, b + 1) for a, b in zip(low, high, strict=True))
        return self.array[block].astype(np.float32), low

    def cropped(self, start: ArrayLike, stop: ArrayLike) -> Volume:
        """The block of voxels from `start` to before `stop`, both shape (3,), clipped to the grid."""
        first = np.clip(np.asarray(start, int), 0, self.geometry.shape)
        last = np.clip(np.asarray(stop, int), 0, self.geometry.shape)
        block = tuple(slice(a, b) for a, b in zip(first, last, strict=True))
        return Volume(self.array[block], self.geometry.cropped(first, last), self.unit)

    def resampled(self, geometry: Geometry, *, order: int = 1, outside: float = 0.0) -> Volume:
        """The same field on another grid of the same frame of reference.

        Labels and masks take order 0 (nearest voxel). Nothing is smoothed beforehand: a much coarser target grid
        needs the caller to blur first.
        """
        if not self.geometry.is_same_frame(geometry):
            raise InputError("the two images have different frames of reference: register them first")
        out = np.empty(geometry.shape, self.array.dtype)
        j, k = np.meshgrid(np.arange(geometry.shape[1]), np.arange(geometry.shape[2]), indexing="ij")
        for i in range(geometry.shape[0]):  # plane by plane, so that a large target needs little memory
            points = geometry.points(np.stack([np.full_like(j, i), j, k], axis=-1))
            out[i] = self.sample(points, order=order, outside=outside)
        return Volume(out, geometry, self.unit)
