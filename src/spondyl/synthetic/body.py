"""The vertebral body as exact surfaces: endplates and walls as functions, and a distance from them.

Local coordinates are (cranial, anterior, left) from the middle of the intact body; `c`, `a`, `l` in formulas. [mm]
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from spondyl.space import Floats
from spondyl.synthetic.solids import ellipsoid
from spondyl.synthetic.spec import Deformity, Endplate, SchmorlNode

_FRONT_POWER = 2.3  # superellipse exponents of the footprint: round in front, nearly flat behind
_BACK_POWER = 3.6
_HOLLOW_MM = 1.5  # how far the middle of the posterior border lies in front of its sides
_HOLLOW_WIDTH = 0.35  # of half the width
_CUP_REACH = 0.88  # share of the footprint that is cupped; the rest is the flat rim
_ROUNDING_MM = 1.0  # radius of the edge between endplate and wall
_LOOKUP_MM = 0.25  # grid of the footprint's distance table
_BULGE_PLACE = 0.27  # of the height, above the middle
_BULGE_HALF_MM = (5.0, 8.0)  # half extent of a bulge along cranial and left


@dataclass(frozen=True)
class Body:
    """Shape of one vertebral body. [mm]"""

    anterior_mm: float  # rim heights of the intact body
    posterior_mm: float
    depth_mm: float  # midline, at the endplates
    width_mm: float
    superior_cup_mm: float
    inferior_cup_mm: float
    waist: float  # how far the walls draw in at mid-height, as a share of their distance from the axis
    deformity: Deformity | None = None
    node: SchmorlNode | None = None
    bulge_mm: float = 0.0  # of the upper posterior wall, beyond the wall

    def endplate(self, which: Endplate, a: NDArray[np.floating], left: NDArray[np.floating]) -> NDArray[np.floating]:
        """Cranial position of an endplate over (anterior, left), any shape."""
        top, bottom = self._intact(a, left)
        if self.deformity is not None:
            loss = (top - bottom) * (1.0 - self._kept(a, left))
            top = top - self.deformity.superior_share * loss
            bottom = bottom + (1.0 - self.deformity.superior_share) * loss
        height = top if which is Endplate.SUPERIOR else bottom
        if self.node is not None and self.node.endplate is which:
            inward = -1.0 if which is Endplate.SUPERIOR else 1.0
            square = (a - self.node.anterior_mm) ** 2 + (left - self.node.left_mm) ** 2
            height = height + inward * self.node.depth_mm * np.exp(-square / self.node.radius_mm**2)
        return height

    def _intact(
        self, a: NDArray[np.floating], left: NDArray[np.floating]
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        slope = (self.anterior_mm - self.posterior_mm) / self.depth_mm
        half = (self.anterior_mm + self.posterior_mm) / 4 + slope * a / 2
        square = (2 * a / self.depth_mm) ** 2 + (2 * left / self.width_mm) ** 2
        cup = np.clip(1 - square / _CUP_REACH**2, 0, None) ** 2
        return half - self.superior_cup_mm * cup, -half + self.inferior_cup_mm * cup

    def _kept(self, a: NDArray[np.floating], left: NDArray[np.floating]) -> NDArray[np.floating]:
        """Share of the intact height that the deformity leaves. A biconcave loss runs out toward the sides."""
        deformity = self.deformity
        assert deformity is not None
        profile = deformity.profile()
        place = np.clip(0.5 - a / self.depth_mm, 0.0, 1.0)
        kept = profile(place).astype(a.dtype)
        if deformity.shape == "biconcave":
            sides = np.clip(np.abs(2 * left / self.width_mm), 0, 1) ** 3
            rim = max(deformity.anterior, deformity.posterior)
            kept = kept + sides * np.clip(rim - kept, 0, None)
        return np.asarray(kept)

    @cached_property
    def ends(self) -> tuple[float, float]:
        """Mean cranial position of the inferior and the superior endplate over the footprint's inner part."""
        a, left = np.meshgrid(
            np.linspace(-0.4, 0.4, 41) * self.depth_mm, np.linspace(-0.3, 0.3, 31) * self.width_mm, indexing="ij"
        )
        bottom, top = (float(self.endplate(which, a, left).mean()) for which in (Endplate.INFERIOR, Endplate.SUPERIOR))
        return bottom, top

    def size_at(self, c: NDArray[np.floating]) -> NDArray[np.floating]:
        """Scale of the cross-section at a cranial position: 1 at the endplates, least at mid-height."""
        bottom, top = self.ends
        place = np.clip((2 * c - bottom - top) / (top - bottom), -1, 1)
        return np.asarray(1 - self.waist * (1 - place**2) ** 2)

    def border(self, left: Floats) -> tuple[Floats, Floats]:
        """Anterior position of the footprint's front and back border over left, NaN beyond the sides."""
        return _border(self.depth_mm, self.width_mm, left)

    def wall(self, c: Floats, left: Floats) -> tuple[Floats, Floats]:
        """Anterior position of the anterior and the posterior wall over (cranial, left), any shape."""
        size = self.size_at(c)
        front, back = self.border(left / size)
        return front * size, np.minimum(back * size, self._bulge_border(c, left))

    @cached_property
    def _bulge_centre(self) -> Floats:
        """Middle of the bulge's base on the posterior wall, (cranial, anterior, left)."""
        bottom, top = self.ends
        c = (bottom + top) / 2 + _BULGE_PLACE * (top - bottom)
        size = float(self.size_at(np.array(c)))
        return np.array([c, float(self.border(np.array(0.0))[1]) * size, 0.0])

    def _bulge_border(self, c: Floats, left: Floats) -> Floats:
        """Posterior border of the bulge over (cranial, left); infinite where there is none."""
        middle = self._bulge_centre
        square = ((c - middle[0]) / _BULGE_HALF_MM[0]) ** 2 + (left / _BULGE_HALF_MM[1]) ** 2
        reach = middle[1] - self.bulge_mm * np.sqrt(np.clip(1 - square, 0, None))
        return np.where(square < 1, reach, np.inf) if self.bulge_mm else np.full(square.shape, np.inf)

    def inset(self, a: NDArray[np.floating], left: NDArray[np.floating]) -> NDArray[np.float32]:
        """Distance from the footprint's border at the endplates, positive inside."""
        table, first_a, first_left = _outline(self.depth_mm, self.width_mm)
        place = np.stack([(a - first_a) / _LOOKUP_MM, (left - first_left) / _LOOKUP_MM])
        return np.asarray(ndimage.map_coordinates(table, place, order=1, mode="nearest"), np.float32)

    def distance(
        self, c: NDArray[np.float32], a: NDArray[np.float32], left: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Distance from the body's surface, positive inside; edges between endplates and walls are rounded."""
        size = self.size_at(c)
        wall = self.inset(a / size, left / size) * size
        top = self._square_gap(Endplate.SUPERIOR, c, a, left)
        bottom = self._square_gap(Endplate.INFERIOR, c, a, left)
        plate = np.minimum(top, bottom)
        u, v = np.clip(_ROUNDING_MM - wall, 0, None), np.clip(_ROUNDING_MM - plate, 0, None)
        rounded = _ROUNDING_MM - np.sqrt(u * u + v * v)
        inside = np.asarray(np.where((u > 0) & (v > 0), rounded, np.minimum(wall, plate)), np.float32)
        if not self.bulge_mm:
            return inside
        half = (_BULGE_HALF_MM[0], self.bulge_mm, _BULGE_HALF_MM[1])
        return np.maximum(inside, ellipsoid(self._bulge_centre, half).distance(c, a, left))

    def _square_gap(
        self, which: Endplate, c: NDArray[np.float32], a: NDArray[np.float32], left: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Distance below (superior) or above (inferior) an endplate, square to it to first order."""
        step = np.float32(0.2)
        height = self.endplate(which, a, left)
        slope_a = (self.endplate(which, a + step, left) - height) / step
        slope_l = (self.endplate(which, a, left + step) - height) / step
        gap = height - c if which is Endplate.SUPERIOR else c - height
        return np.asarray(gap / np.sqrt(1 + slope_a**2 + slope_l**2), np.float32)

    def intact(self) -> Body:
        """The same body before it was deformed, without a node or a bulge."""
        return replace(self, deformity=None, node=None, bulge_mm=0.0)


def _border(depth: float, width: float, left: Floats) -> tuple[Floats, Floats]:
    """Front and back border of a footprint of this depth and width over left."""
    place = 2 * np.abs(left) / width
    place = np.where(place <= 1, place, np.nan)
    front = depth / 2 * (1 - place**_FRONT_POWER) ** (1 / _FRONT_POWER)
    hollow = _HOLLOW_MM * np.exp(-((place / _HOLLOW_WIDTH) ** 2))
    back = -(depth / 2 + _HOLLOW_MM) * (1 - place**_BACK_POWER) ** (1 / _BACK_POWER) + hollow
    return front, back


@lru_cache(maxsize=64)
def _outline(depth: float, width: float) -> tuple[NDArray[np.float32], float, float]:
    """Distance table of a footprint (positive inside) with the place of its first entry."""
    along = width / 2 * np.sin(np.linspace(-np.pi / 2, np.pi / 2, 1201))
    front, back = _border(depth, width, along)
    points = np.concatenate([np.stack([front, along], axis=1), np.stack([back, along], axis=1)])
    a = np.arange(-depth / 2 - 8, depth / 2 + 8, _LOOKUP_MM)
    left = np.arange(-width / 2 - 8, width / 2 + 8, _LOOKUP_MM)
    grid = np.stack(np.meshgrid(a, left, indexing="ij"), axis=-1)
    distance, _ = cKDTree(points).query(grid)
    front, back = _border(depth, width, left)
    inside = (a[:, None] <= front) & (a[:, None] >= back)  # NaN borders compare false: outside
    return np.where(inside, distance, -distance).astype(np.float32), float(a[0]), float(left[0])
