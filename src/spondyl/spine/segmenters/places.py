"""Where the voxels of an image lie in the straightened one: left, back and station of each, between stations too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spondyl.space import Floats
from spondyl.spine.segmenters.arrays import Grey
from spondyl.spine.segmenters.curved import CurvedFrame

_GRID_MM = 3.0
_REACH_MM = 68.0  # of the straightened image around the canal
_ROUNDS = 10


@dataclass(frozen=True, eq=False)
class StraightPlaces:
    """Left, back and station of places on a coarse grid, and how far the inverse is off; read between its points."""

    first_mm: Floats  # (3,), place of the grid's first point
    fields: Grey  # (4, a, b, c): left [mm], back [mm], station, remaining distance along the canal [mm]

    @classmethod
    def around(cls, frame: CurvedFrame, size_mm: Floats) -> StraightPlaces:
        """The fields near a frame, within an image of that size.

        The station of a place is where the plane square to the canal passes through it, found by steps along the canal
        from the station at its height; where planes of a strong bend cross, the nearest is not certain to be found.
        """
        first = np.maximum(frame.origins.min(axis=0) - _REACH_MM, 0.0)
        last = np.minimum(frame.origins.max(axis=0) + _REACH_MM, size_mm)
        axes = [np.arange(a, b + _GRID_MM, _GRID_MM) for a, b in zip(first, last, strict=True)]
        place = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
        order = np.argsort(frame.origins[:, 2], kind="stable")
        height = np.interp(axes[2], frame.origins[order, 2], order.astype(float))
        station = np.broadcast_to(height, place.shape[:3]).copy()
        count = len(frame)
        for number in range(_ROUNDS):
            near = np.clip(np.rint(station).astype(int), 0, count - 1)
            along = ((place - frame.origins[near]) * frame.head[near]).sum(axis=-1)
            station = np.clip(near + (0.8 if number < 5 else 0.55) * along / frame.step_mm, -20, count + 20)
        near = np.clip(np.rint(station).astype(int), 0, count - 1)
        away = place - frame.origins[near]
        along = (away * frame.head[near]).sum(axis=-1)
        left, back = (away * frame.left[near]).sum(axis=-1), (away * frame.back[near]).sum(axis=-1)
        fields = np.stack([left, back, near + along / frame.step_mm, np.abs(along)]).astype(np.float32)
        return cls(first, fields)

    def plane(self, left_mm: Floats, back_mm: Floats, height_mm: float) -> tuple[Floats, Floats, Floats, Floats]:
        """The four fields over a plane of the upright image at one height, each shape (left, back)."""
        at = (height_mm - self.first_mm[2]) / _GRID_MM
        low = int(np.clip(np.floor(at), 0, self.fields.shape[3] - 2))
        share = np.float32(np.clip(at - low, 0, 1))
        fields = self.fields[..., low] * (1 - share) + self.fields[..., low + 1] * share
        for axis, place in ((1, left_mm - self.first_mm[0]), (2, back_mm - self.first_mm[1])):
            fields = between(fields, axis, place / _GRID_MM)
        a, b, c, d = (np.asarray(field, np.float64) for field in fields)
        return a, b, c, d

    def box(self) -> tuple[Floats, Floats]:
        """First and last place of the fields. [mm]"""
        return self.first_mm, self.first_mm + _GRID_MM * (np.array(self.fields.shape[1:]) - 1)


def between(fields: Grey, axis: int, place: Floats) -> Grey:
    """Fields at places between the points of one axis, in steps; beyond its ends the ends are repeated."""
    place = np.clip(place, 0, fields.shape[axis] - 1)
    low = np.minimum(place.astype(int), fields.shape[axis] - 2)
    share = (place - low).astype(np.float32).reshape([-1 if k == axis else 1 for k in range(fields.ndim)])
    return np.asarray(np.take(fields, low, axis) * (1 - share) + np.take(fields, low + 1, axis) * share, np.float32)
