"""Cross-sections of a mask around a pedicle: the piece of bone in each plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.space import Floats, Frame

STEP_MM = 0.5  # of points in a cross-section and of cross-sections along the axis
_HALF_PLANE_MM = 16.0  # half width of a cross-section: wider than any pedicle, narrower than two of them
_NEAR_MM = 4.0  # a piece of bone further from where the pedicle is looked for is another one
_AREA_MM2 = (8.0, 500.0)  # of what can be a pedicle


class Sampled(Protocol):
    """Share of bone by place: a blurred mask, or grey values."""

    def sample(self, points: Floats, /) -> Floats:
        """Share of bone at patient points, shape (...)."""
        ...


@dataclass(frozen=True, eq=False)
class Section:
    """The bone of one pedicle in one plane."""

    centre: Floats  # (3,), patient mm
    area_mm2: float
    share: Floats  # occupancy in the plane, only this piece of bone
    at_border: bool  # the piece runs out of the plane that was looked at


@dataclass(frozen=True, eq=False)
class Stack:
    """Cross-sections of a mask in several planes, and the pieces of bone in each."""

    planes: tuple[Frame, ...]  # cranial and left axes span the plane
    grid: Floats  # (m,), mm
    share: Floats  # (n, m, m)
    pieces: NDArray[np.int32]  # (n, m, m), numbered through all planes

    @classmethod
    def cut(cls, occupancy: Sampled, planes: Sequence[Frame], step: float = STEP_MM) -> Stack:
        """All cross-sections at once: one plane alone costs as much in calls as in work."""
        grid = np.arange(-_HALF_PLANE_MM, _HALF_PLANE_MM + step / 2, step)
        up, left = np.meshgrid(grid, grid, indexing="ij")
        local = np.stack([up, np.zeros_like(up), left], axis=-1)
        share = occupancy.sample(np.stack([plane.to_patient(local) for plane in planes]))
        within = np.zeros((3, 3, 3), bool)
        within[1, 1], within[1, :, 1] = True, True
        return cls(tuple(planes), grid, share, ndimage.label(share > 0.5, within)[0])

    def section(self, index: int, near: Floats) -> Section | None:
        """The piece of bone in a plane that holds a point or is nearest to it; None where none is near."""
        share, pieces, step = self.share[index], self.pieces[index], float(self.grid[1] - self.grid[0])
        local = self.planes[index].to_local(near)
        distance = np.hypot(self.grid[:, None] - local[0], self.grid - local[2])
        distance = np.where(pieces > 0, distance, np.inf)
        place = np.unravel_index(int(distance.argmin()), distance.shape)
        if distance[place] > _NEAR_MM:
            return None
        piece = pieces == pieces[place]
        around = ndimage.binary_dilation(piece, iterations=max(1, round(1.0 / step)))
        kept = np.where(around & ((pieces == 0) | piece), share, 0.0)
        area = float(kept.sum()) * step**2  # shares, not points above one half: smooth in place and direction
        if not _AREA_MM2[0] <= area <= _AREA_MM2[1]:
            return None
        i, k = np.nonzero(piece)
        up, left = (float(kept.sum(axis=1 - axis) @ self.grid / kept.sum()) for axis in (0, 1))
        centre = self.planes[index].to_patient(np.array([up, 0.0, left]))
        border = i.min() == 0 or k.min() == 0 or i.max() == len(self.grid) - 1 or k.max() == len(self.grid) - 1
        return Section(centre, area, kept, bool(border))


def plane_square_to(origin: Floats, normal: Floats, cranial: Floats) -> Frame:
    """A frame whose cranial and left axes span the plane square to `normal`."""
    up = cranial - (cranial @ normal) * normal
    return Frame.from_directions(origin, up, normal)
