"""End plates beside each disc as surfaces in the straightened image: where the dark disc meets the bright plate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from spondyl.space import Floats
from spondyl.spine.segmenters.arrays import Grey
from spondyl.spine.segmenters.chains import Chain
from spondyl.spine.segmenters.column import STRETCHED_MM, Column
from spondyl.spine.segmenters.curved import BACK_MM, LEFT_MM
from spondyl.spine.segmenters.smooth_surface import least_surface
from spondyl.spine.segmenters.walls import TubeWall, layer_inset

_GRID_MM = 1.5
_HALF_MM = 30.0
_STEP_MM = 0.5
_DEEPEST_MM = 11.0  # beyond a flat disc: a deep depression or a node
_FLAT_MM = 3.0  # beyond a stretched disc's own border, where the body behind it is flat
_PRICE = 0.08  # of a step of 0.5 mm from one column to the next
_SHARE = 0.42  # of the way to the next disc
_END_MM = 12.0  # where there is no next disc
_SMOOTHED_MM = 0.5  # along the canal
_NEAREST_MM = 1.0  # between the plates of one disc


@dataclass(frozen=True, eq=False)
class DiscPlates:
    """The two end plates at a disc, as stations over left and back. [mm]"""

    left_mm: Floats
    back_mm: Floats
    lower: Floats  # (left, back): upper end plate of the body below
    upper: Floats  # lower end plate of the body above

    def at(self, surface: Floats, left: Floats, back: Floats) -> Floats:
        """Stations of one of the surfaces, shape of `left`."""
        where = np.stack([(left - self.left_mm[0]) / _GRID_MM, (back - self.back_mm[0]) / _GRID_MM])
        return np.asarray(ndimage.map_coordinates(surface, where, order=1, mode="nearest"), np.float64)


def find_end_plates(
    straight: Grey, column: Column, discs: Chain, wall: TubeWall, slice_mm: float
) -> tuple[DiscPlates, ...]:
    """The end plates beside each disc, of an image with slices so far apart."""
    image = ndimage.gaussian_filter(np.clip(straight, -50, 450), (1.0, 1.0, _SMOOTHED_MM))
    inset = layer_inset(slice_mm, _SMOOTHED_MM)
    found = []
    for n, disc in enumerate(discs):
        below = _SHARE * (disc - discs[n - 1]) if n else _END_MM
        above = _SHARE * (discs[n + 1] - disc) if n + 1 < len(discs) else _END_MM
        found.append(_beside(image, column, disc, wall, (below, above), inset))
    return tuple(found)


def _beside(
    image: Grey,
    column: Column,
    disc: int,
    wall: TubeWall,
    reach_mm: tuple[float, float],
    inset_mm: float,
) -> DiscPlates:
    """Both plates of one disc."""
    tilt, lean, width = column.plane_near(disc)
    back_wall, depth = column.wall_mm[disc], column.depth_mm[disc]
    left_mm = np.arange(-_HALF_MM, _HALF_MM + 0.1, _GRID_MM)
    back_mm = np.arange(back_wall - depth - 6, back_wall + 6, _GRID_MM)
    left, back = np.meshgrid(left_mm, back_mm, indexing="ij")
    flat = disc + np.tan(np.radians(tilt)) * (back - (back_wall - 0.5 * depth)) + np.tan(np.radians(lean)) * left
    inside = np.clip(0.5 + wall.margin(left, back, np.full_like(left, disc)) / 3.0, 0, 1)
    surfaces = []
    for sign, limit in ((-1, reach_mm[0]), (1, reach_mm[1])):
        deepest = min(_DEEPEST_MM, limit) + width / 2
        if width >= STRETCHED_MM:  # beside a flat body: its other end plate must stay out of reach
            deepest = min(deepest, max(limit, width / 2 + _FLAT_MM))
        offset = np.arange(0.0, deepest, _STEP_MM)
        where = np.empty((3, *left.shape, len(offset)))
        where[0] = left[..., None] - LEFT_MM[0]
        where[1] = back[..., None] - BACK_MM[0]
        where[2] = flat[..., None] + sign * offset
        seen = ndimage.map_coordinates(image, where, np.float32, order=1, mode="nearest")
        depth_index = least_surface(_cost(seen, offset, inside, width), _PRICE)
        smooth = ndimage.gaussian_filter(ndimage.median_filter(_STEP_MM * depth_index, 3), 0.8)
        surfaces.append(flat + sign * (smooth + inset_mm))
    middle, gap = 0.5 * (surfaces[0] + surfaces[1]), np.maximum(surfaces[1] - surfaces[0], _NEAREST_MM)
    return DiscPlates(left_mm, back_mm, middle - gap / 2, middle + gap / 2)


def _cost(seen: Grey, offset: Floats, inside: Floats, width: float) -> Grey:
    """An edge from dark to bright, going out from the disc; what was bright before it counts against it."""
    slope = np.gradient(seen, _STEP_MM, axis=2)
    core = inside > 0.5
    steep = max(40.0, float(np.percentile(slope[core], 97))) if core.any() else 60.0
    dark = float(np.median(seen[..., 0][core])) if core.any() else 80.0
    passed = np.cumsum(np.clip((seen - dark - 60) / 150, 0, 1), axis=2)
    cost = -np.clip(slope / steep, 0, 1) + 0.03 * np.abs(offset - width / 2) + 0.25 * _STEP_MM * passed
    return np.asarray(cost * inside[..., None], np.float32)
