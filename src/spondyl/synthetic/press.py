"""The smooth map that presses a body's endplates toward one another, along its cranial axis."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.errors import InputError
from spondyl.space import Floats, Frame, Geometry, HeightMap, Volume
from spondyl.spine.surfaces import Surfaces
from spondyl.synthetic.grid import Block, local_grid
from spondyl.synthetic.spec import Deformity

_RIM_MM = 5.0  # around the footprint that moves with it: overhanging rims and osteophytes
_SIDE_TAPER_MM = 8.0  # over which the map dies out further in front and to the sides
_BACK_TAPER_MM = 5.0  # and behind its posterior wall, so that the arch keeps its place
_LEAST_LIP_MM, _HIGHEST_LIP_MM = 1.5, 7.0
_LEAST_GAP_MM = 1.5  # of disc that is stretched where the next label touches
_USUAL_GAP_MM = 8.0  # where there is no next label
REACH_MM = (45.0, 40.0, 45.0)  # half extent of the changed block along cranial, anterior, left
_PLATE_STEP_MM = 1.0


@dataclass(frozen=True, eq=False)
class Press:
    """The map: endplates before and after over a grid of (anterior, left), and how far it reaches. [mm]"""

    frame: Frame
    anterior: Floats  # (n,) grid
    left: Floats  # (m,)
    top: Floats  # (n, m) superior endplate, continued beyond the footprint
    bottom: Floats
    gap_above: Floats  # (n, m) from the endplate to where nothing moves
    gap_below: Floats
    weight: Floats  # (n, m) 1 within the footprint, 0 where nothing moves
    sides: Floats  # (n, m) 0 in the middle, 1 at the sides of the body
    walls: tuple[float, float]  # mean anterior and posterior wall
    biconcave: bool
    deformity: Deformity  # whose knots give the wanted heights

    def kept(self, deformity: Deformity) -> Floats:
        """Share of the height that is left, (n, m)."""
        front, back = self.walls
        place = np.clip((front - self.anterior) / (front - back), 0, 1)
        kept = np.broadcast_to(deformity.profile()(place)[:, None], self.top.shape)
        if self.biconcave:
            rim = max(deformity.anterior, deformity.posterior)
            kept = kept + self.sides * np.clip(rim - kept, 0, None)
        return np.asarray(1 - self.weight * (1 - kept))

    def heights(self, deformity: Deformity) -> tuple[float, float, float]:
        """Anterior, middle and posterior height by the default bands. [mm]"""
        height = (self.top - self.bottom) * self.kept(deformity)
        share = (self.walls[0] - self.anterior) / (self.walls[0] - self.walls[1])
        slab = np.abs(self.left) <= 6
        bands = ((0.05, 0.20), (0.40, 0.60), (0.80, 0.95))
        a, b, c = (float(height[(share >= low) & (share <= high)][:, slab].mean()) for low, high in bands)
        return a, b, c


def fitted_press(surfaces: Surfaces, labels: Volume, target: NDArray[np.bool_], wanted: Deformity, shape: str) -> Press:
    """The map whose band heights are the wanted fractions of the intact ones."""
    press = _press(surfaces, labels, target, wanted, shape)
    intact = np.array(press.heights(Deformity(1.0, 1.0, 1.0)))
    goal = np.array([wanted.anterior, wanted.middle, wanted.posterior])
    knots = goal.copy()
    for _ in range(10):
        tried = replace(wanted, anterior=knots[0], middle=knots[1], posterior=knots[2])
        knots = np.clip(knots * goal / (np.array(press.heights(tried)) / intact), 0.2, 1.2)
    return replace(press, deformity=replace(wanted, anterior=knots[0], middle=knots[1], posterior=knots[2]))


def _press(surfaces: Surfaces, labels: Volume, target: NDArray[np.bool_], wanted: Deformity, shape: str) -> Press:
    frame = surfaces.frame
    anterior, left = (np.arange(-reach, reach + 0.5, _PLATE_STEP_MM) for reach in REACH_MM[1:])
    top, inside = _continued(surfaces.superior, anterior, left)
    bottom, _ = _continued(surfaces.inferior, anterior, left)
    walls = _mean_walls(surfaces)
    in_front = (anterior > walls[1])[:, None]
    own = Volume(target.astype(np.float32), labels.geometry, "1")
    others = Volume(((labels.array > 0) & ~target).astype(np.uint8), labels.geometry, "1")
    top = top + in_front * _lip(own, _Plate(frame, anterior, left, top, 1))
    bottom = bottom - in_front * _lip(own, _Plate(frame, anterior, left, bottom, -1))
    beyond = ndimage.distance_transform_edt(~inside) * _PLATE_STEP_MM
    side = np.clip(1 - (beyond - _RIM_MM) / _SIDE_TAPER_MM, 0, 1)
    behind = np.clip(1 - (walls[1] - anterior) / _BACK_TAPER_MM, 0, 1)[:, None]
    weight = np.minimum(_smooth(side), _smooth(np.broadcast_to(behind, side.shape)))
    half = max(float(np.abs(left[inside.any(axis=0)]).max()), 1.0)
    sides = np.broadcast_to(np.clip(np.abs(left) / half, 0, 1) ** 3, top.shape)
    above, below = (
        _gaps(others, _Plate(frame, anterior, left, height, outward)) for height, outward in ((top, 1), (bottom, -1))
    )
    return Press(frame, anterior, left, top, bottom, above, below, weight, sides, walls, shape == "biconcave", wanted)


def _smooth(share: Floats) -> Floats:
    """A straight ramp made smooth at both ends."""
    return np.asarray(share**2 * (3 - 2 * share))


def _continued(plate: HeightMap, anterior: Floats, left: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """An endplate on a wider grid, its nearest height beyond its border, and where it is."""
    heights = np.full((len(anterior), len(left)), np.nan)
    rows, columns = (np.searchsorted(grid, axis - 0.01) for grid, axis in ((anterior, plate.u_mm), (left, plate.v_mm)))
    fit = (rows < len(anterior))[:, None] & (columns < len(left))[None, :]
    values = np.where(fit, plate.height_mm, np.nan)
    heights[np.ix_(np.clip(rows, 0, len(anterior) - 1), np.clip(columns, 0, len(left) - 1))] = values
    inside = np.isfinite(heights)
    where = ndimage.distance_transform_edt(~inside, return_distances=False, return_indices=True)
    return np.asarray(ndimage.gaussian_filter(heights[tuple(where)], 1.0)), inside


def _mean_walls(surfaces: Surfaces) -> tuple[float, float]:
    """Mean anterior and posterior wall over the middle third of the height within the slab."""
    if surfaces.anterior is None or surfaces.posterior is None:
        raise InputError("the walls of the body cannot be found in its mask: " + "; ".join(surfaces.remarks))
    found = []
    for wall in (surfaces.anterior, surfaces.posterior):
        third = (wall.u_mm[-1] - wall.u_mm[0]) / 3
        rows = np.abs(wall.u_mm - wall.u_mm.mean()) <= third / 2
        found.append(float(np.nanmean(wall.height_mm[rows][:, np.abs(wall.v_mm) <= 6])))
    return found[0], found[1]


@dataclass(frozen=True, eq=False)
class _Plate:
    """One endplate over the grid of a press."""

    frame: Frame
    anterior: Floats  # (n,) grid
    left: Floats  # (m,)
    height: Floats  # (n, m)
    outward: int  # 1: to the head, -1: to the foot

    def points(self, step: float) -> Floats:
        """Patient points a step outside the endplate, (n, m, 3)."""
        a, across = np.meshgrid(self.anterior, self.left, indexing="ij")
        return self.frame.to_patient(np.stack([self.height + self.outward * step, a, across], axis=-1))


def _lip(mask: Volume, plate: _Plate) -> Floats:
    """How far the mask's rim stands out beyond a smooth endplate: it would be drawn out like a thread. [mm]"""
    lip = np.zeros(plate.height.shape)
    reached = np.ones(plate.height.shape, bool)
    for step in np.arange(0.5, _HIGHEST_LIP_MM + 0.1, 0.5):
        reached &= mask.sample(plate.points(step)) > 0.5
        lip[reached] = step
    lip[lip < _LEAST_LIP_MM] = 0  # a mask's steps are no lip
    return np.asarray(ndimage.gaussian_filter(ndimage.maximum_filter(lip, 3), 1.0))


def _gaps(others: Volume, plate: _Plate) -> Floats:
    """Distance from an endplate to the next label along the cranial axis, a little less for safety. [mm]"""
    gap = np.full(plate.height.shape, _USUAL_GAP_MM)
    for step in np.arange(_LEAST_GAP_MM, 2 * _USUAL_GAP_MM, 0.5)[::-1]:
        gap[others.sample(plate.points(step), order=0) > 0] = step
    reach = float(others.geometry.spacing_mm.max()) / 2  # a voxel's edge lies half a voxel before its centre
    nearest = ndimage.minimum_filter(gap, 5) - reach
    return np.asarray(np.maximum(ndimage.gaussian_filter(nearest, 1.5), _LEAST_GAP_MM))


def sources_of(press: Press, geometry: Geometry, block: Block) -> tuple[Floats, NDArray[np.float32]]:
    """Where each voxel of the block comes from, as indices (3, ...), and how much its volume shrank there."""
    c, a, left = local_grid(geometry, press.frame, block.axes)
    place = np.stack([(a - press.anterior[0]) / _PLATE_STEP_MM, (left - press.left[0]) / _PLATE_STEP_MM])

    def over(values: Floats) -> NDArray[np.float32]:
        found = ndimage.map_coordinates(values.astype(np.float32), place, order=1, mode="nearest")
        return np.asarray(found, np.float32)

    height = press.top - press.bottom
    loss = height * (1 - press.kept(press.deformity))
    share = press.deformity.superior_share
    top, bottom, lost = over(press.top), over(press.bottom), over(loss)
    new_top, new_bottom = top - np.float32(share) * lost, bottom + np.float32(1 - share) * lost
    shrink = (top - bottom) / np.maximum(new_top - new_bottom, np.float32(1.0))
    above, below = over(press.gap_above), over(press.gap_below)
    inside = bottom + (c - new_bottom) * shrink
    over_top = top + (c - new_top) * above / (above + top - new_top)
    under = bottom - (new_bottom - c) * below / (below + new_bottom - bottom)
    source = np.where(c > new_top, over_top, np.where(c < new_bottom, under, inside))
    source = np.where((c >= top + above) | (c <= bottom - below), c, source)
    within = (c <= new_top + 0.5) & (c >= new_bottom - 0.5)
    step = np.linalg.inv(geometry.affine[:3, :3]) @ press.frame.cranial
    grid = np.meshgrid(*block.axes, indexing="ij")
    indices = np.stack([axis + (source - c) * d for axis, d in zip(grid, step, strict=True)])
    return indices, np.where(within, shrink, 1).astype(np.float32)
