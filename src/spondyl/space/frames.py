"""Local axes of a structure, and surfaces given as heights over them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from spondyl.errors import InputError
from spondyl.space.arrays import read_only
from spondyl.space.geometry import Floats

Direction = Literal["cranial", "anterior"]
_ALIKE = np.eye(3)


@dataclass(frozen=True, eq=False)
class Frame:
    """Orthonormal axes of a structure: cranial, anterior and left (a right-handed set), with their origin.

    Local coordinates are ordered (cranial, anterior, left). [mm]
    """

    origin: Floats  # (3,), patient mm
    cranial: Floats  # (3,), unit vector, LPS
    anterior: Floats
    left: Floats

    def __post_init__(self) -> None:
        for name in ("origin", "cranial", "anterior", "left"):
            vector = read_only(getattr(self, name), np.float64)
            if vector.shape != (3,) or not np.isfinite(vector).all():
                raise InputError(f"{name} of a frame has three finite numbers, found {vector}")
            object.__setattr__(self, name, vector)
        off = np.abs(self.axes.T @ self.axes - _ALIKE)  # `allclose` takes as long as all the rest of a frame
        if not (off <= 1e-6 + 1e-5 * _ALIKE).all() or np.linalg.det(self.axes) < 0:
            raise InputError("cranial, anterior and left must be orthonormal and right-handed in this order")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.origin, self.cranial, self.anterior, self.left)

    @classmethod
    def from_directions(cls, origin: ArrayLike, cranial: ArrayLike, anterior: ArrayLike) -> Frame:
        """The frame with this cranial axis; of `anterior` only the part square to it counts."""
        up = np.asarray(cranial, np.float64) / np.linalg.norm(cranial)
        front = np.asarray(anterior, np.float64) - (np.asarray(anterior, np.float64) @ up) * up
        if np.linalg.norm(front) < 1e-6:
            raise InputError("the anterior direction runs along the cranial axis")
        front = front / np.linalg.norm(front)
        return cls(np.asarray(origin, np.float64), up, front, np.cross(up, front))

    @cached_property
    def axes(self) -> Floats:
        """Cranial, anterior, left as columns, shape (3, 3)."""
        return read_only(np.stack([self.cranial, self.anterior, self.left], axis=1))

    def to_local(self, points: ArrayLike) -> Floats:
        """(cranial, anterior, left) of patient points, shape (..., 3). [mm]"""
        return np.asarray((np.asarray(points, np.float64) - self.origin) @ self.axes)

    def to_patient(self, local: ArrayLike) -> Floats:
        """Patient points of local coordinates, shape (..., 3). [mm, LPS]"""
        return np.asarray(np.asarray(local, np.float64) @ self.axes.T + self.origin)


@dataclass(frozen=True, eq=False)
class HeightMap:
    """A surface as heights over a plane of a frame.

    An endplate has `direction` "cranial": heights along the cranial axis over (anterior, left). A body wall has
    `direction` "anterior": heights along the anterior axis over (cranial, left). NaN where there is no surface.
    """

    frame: Frame
    direction: Direction
    u_mm: Floats  # (n,) anterior (endplate) or cranial (wall), increasing
    v_mm: Floats  # (m,) left, increasing
    height_mm: Floats  # (n, m)
    sd_mm: float  # doubt of the surface as a whole, one standard deviation

    def __post_init__(self) -> None:
        for name in ("u_mm", "v_mm", "height_mm"):
            object.__setattr__(self, name, read_only(getattr(self, name), np.float64))
        if self.height_mm.shape != (len(self.u_mm), len(self.v_mm)):
            raise InputError(f"heights of shape {self.height_mm.shape} do not fit their axes")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.frame, self.direction, self.u_mm, self.v_mm, self.height_mm, self.sd_mm)

    def at(self, u: ArrayLike, v: ArrayLike) -> Floats:
        """Heights at (u, v), bilinear, same shape; NaN beyond the surface. [mm]"""
        step = [float(np.diff(grid[:2])[0]) if len(grid) > 1 else 1.0 for grid in (self.u_mm, self.v_mm)]
        first, second = np.broadcast_arrays(np.asarray(u, np.float64), np.asarray(v, np.float64))
        place = np.stack([(first - self.u_mm[0]) / step[0], (second - self.v_mm[0]) / step[1]])
        return np.asarray(ndimage.map_coordinates(self.height_mm, place, order=1, mode="constant", cval=np.nan))

    def points(self) -> Floats:
        """Patient points of the surface, shape (n, m, 3), NaN where there is none. [mm, LPS]"""
        u, v = np.meshgrid(self.u_mm, self.v_mm, indexing="ij")
        if self.direction == "cranial":
            return self.frame.to_patient(np.stack([self.height_mm, u, v], axis=-1))
        return self.frame.to_patient(np.stack([u, self.height_mm, v], axis=-1))
