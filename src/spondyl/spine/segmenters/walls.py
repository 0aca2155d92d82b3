"""Walls round the column of bodies and round the canal, as radii over angle and station of the straightened image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.space import Floats
from spondyl.spine.segmenters.arrays import Grey
from spondyl.spine.segmenters.column import Column, darker_than_bone
from spondyl.spine.segmenters.curved import BACK_MM, LEFT_MM, STEP_MM
from spondyl.spine.segmenters.smooth_surface import least_surface

_ANGLES = 64
_STEP_MM = 0.75
_BODY_MM = (6.0, 36.0)
_BODY_PRICE = 0.10  # of a step of 0.75 mm from one ray to the next
_TEMPLATE_MM = 61  # of canal over which the typical outline is taken: two to three bodies
_LOOSE = 0.12  # of the radius that a body may differ from the typical outline freely
_CORE_MM = 8.0  # from the midline
_DARK_HU = 20.0  # fat, air and lung lie below it
_SMOOTHED_MM = 0.7  # of the image before its slopes are taken
_VOXEL_BLUR = 0.4  # of a voxel or a step of interpolation, standard deviation over width
_SCANNER_MM = 0.5
_INSET_SHARE = 0.4
_CANAL_MM = (4.0, 15.0)
_CANAL_PRICE = 0.15
_CANAL_USUAL_MM = 8.5


@dataclass(frozen=True, eq=False)
class TubeWall:
    """A wall by its distance from a line along the canal; angle 0 looks to the front, a quarter turn to the left."""

    centre_mm: Floats  # (n,), back coordinate of the line at each station
    radius_mm: Floats  # (angles, n)

    def margin(self, left: Floats, back: Floats, station: Floats) -> Floats:
        """How far places lie within the wall, along their ray. [mm; negative: outside]"""
        behind = back - np.interp(station, np.arange(len(self.centre_mm)), self.centre_mm)
        angle = np.mod(np.arctan2(left, -behind), 2 * np.pi) * len(self.radius_mm) / (2 * np.pi)
        rolled = np.concatenate([self.radius_mm, self.radius_mm[:1]])
        limit = ndimage.map_coordinates(rolled, np.stack([angle, station]), order=1, mode="nearest")
        return np.asarray(limit - np.hypot(left, behind))

    def encloses(self, left: Floats, back: Floats, station: Floats) -> NDArray[np.bool_]:
        """Whether places lie within the wall; the far ones are sorted out by the box around it."""
        reach = float(self.radius_mm.max())
        near = (np.abs(left) <= reach) & (station >= 0)
        near &= (back >= self.centre_mm.min() - reach) & (back <= self.centre_mm.max() + reach)
        near[near] = self.margin(left[near], back[near], station[near]) >= 0
        return near

    def half_width(self) -> Floats:
        """Reach to the sides at each station, mean of left and right. [mm]"""
        sine = np.sin(2 * np.pi * np.arange(len(self.radius_mm)) / len(self.radius_mm))[:, None]
        return np.asarray(0.5 * ((self.radius_mm * sine).max(axis=0) - (self.radius_mm * sine).min(axis=0)))


def layer_inset(voxel_mm: float, smoothed_mm: float) -> float:
    """How far a thin bright layer's outer face lies inside the steepest slope of its image. [mm]

    The image of a layer thinner than the blur is steepest up to one standard deviation outside the layer's middle, that
    of a plain step at the step. The blur joins that of voxels, of the scanner, of the straightening at 1 mm and of the
    smoothing here. Virtual patients, whose shells are 0.5 mm thick, ask for 0.8 of it; labels of real CTs for 0.3 to
    0.5: the share taken lies between.

    >>> round(layer_inset(1.0, 0.7), 2)
    0.41
    """
    blur = np.sqrt((_VOXEL_BLUR * voxel_mm) ** 2 + _SCANNER_MM**2 + (_VOXEL_BLUR * STEP_MM) ** 2 + smoothed_mm**2)
    return float(_INSET_SHARE * blur)


def find_body_wall(straight: Grey, column: Column, pixel_mm: float) -> TubeWall:
    """The wall of the bodies and discs, without pedicles, ribs and vessels.

    A first surface follows the edge from bright to dark; the second is held near the typical outline of the
    neighbourhood, made symmetric, where a rib head, a spur or a bright vessel has no edge of its own. `pixel_mm` is the
    distance of voxels across the spine.
    """
    wall = ndimage.gaussian_filter1d(column.wall_mm, 4)
    centre = wall - 0.5 * ndimage.gaussian_filter1d(column.depth_mm, 6)
    image = ndimage.gaussian_filter(np.clip(straight, -100, 400), (_SMOOTHED_MM, _SMOOTHED_MM, 1.2))
    radius = np.arange(_BODY_MM[0], _BODY_MM[1] + 4.5, _STEP_MM)
    count = int((_BODY_MM[1] - _BODY_MM[0]) / _STEP_MM) + 1
    seen, left, back = _rays(image, centre, radius)
    slope = -np.gradient(seen, _STEP_MM, axis=2)[:, :, :count]
    middle = image[np.abs(LEFT_MM) < _CORE_MM].mean(axis=0)
    depth = column.depth_mm
    dim = darker_than_bone(middle, column.wall_mm - 0.3 * depth, column.wall_mm - 0.7 * depth, _DARK_HU)[:, None]
    dark = np.cumsum(np.clip((dim - seen) / 60, 0, 1), axis=2)[:, :, :count] * _STEP_MM
    beyond = round(3 / _STEP_MM)
    ahead = np.clip((seen[:, :, beyond : beyond + count] - 150) / 200, 0, 1)
    cost = -np.clip(slope / 90, -0.3, 1.0) + 0.35 * dark + 0.30 * ahead
    behind = back[:, :, :count] - wall[:, None] - 1.5 - 0.008 * left[:, None, :count] ** 2
    cost = (cost + 0.8 * np.clip(behind, 0, 5)).astype(np.float32)
    first = _BODY_MM[0] + _STEP_MM * least_surface(cost, _BODY_PRICE, closed=True)
    usual = ndimage.median_filter(first, (1, _TEMPLATE_MM), mode="nearest")
    usual = 0.5 * (usual + usual[-np.arange(_ANGLES) % _ANGLES])
    usual = ndimage.gaussian_filter1d(usual, 1.5, axis=0, mode="wrap")
    odd = np.abs(radius[:count] - usual[..., None]) / usual[..., None] / _LOOSE
    cost += 0.5 * np.clip(odd - 1, 0, 4).astype(np.float32)
    second = _BODY_MM[0] + _STEP_MM * least_surface(cost, _BODY_PRICE, closed=True)
    smooth = ndimage.gaussian_filter(second, (0.7, 1.0), mode=("wrap", "nearest"))
    return TubeWall(centre, smooth - layer_inset(pixel_mm, _SMOOTHED_MM))


def find_canal_wall(straight: Grey, column: Column) -> TubeWall:
    """The wall of the canal: bone where there is bone, and the way from bone to bone across foramina and ligaments."""
    wall = ndimage.gaussian_filter1d(column.wall_mm, 4)
    centre = np.minimum(wall + _CANAL_USUAL_MM, 3.0)
    image = ndimage.gaussian_filter(np.clip(straight, -100, 500), (0.6, 0.6, 0.8))
    radius = np.arange(_CANAL_MM[0], _CANAL_MM[1] + 1e-6, 0.5)
    seen, _, back = _rays(image, centre, radius)
    slope = np.gradient(seen, 0.5, axis=2)
    bright = np.cumsum(np.clip((seen - 200) / 150, 0, 1), axis=2) * 0.5
    cost = -np.clip(slope / 120, -0.3, 1.0) + 0.5 * bright + 0.04 * np.abs(radius - _CANAL_USUAL_MM)
    cost += 0.8 * np.clip(wall[:, None] - back, 0, 3)
    found = _CANAL_MM[0] + 0.5 * least_surface(cost.astype(np.float32), _CANAL_PRICE, closed=True)
    return TubeWall(centre, ndimage.gaussian_filter(found, (1.0, 1.5), mode=("wrap", "nearest")))


def _rays(image: Grey, centre: Floats, radius: Floats) -> tuple[Grey, Floats, Floats]:
    """Values along rays, shape (angles, n, radii); left coordinates (angles, radii), back ones (angles, n, radii)."""
    angle = 2 * np.pi * np.arange(_ANGLES) / _ANGLES
    left = np.sin(angle)[:, None] * radius
    ahead = np.cos(angle)[:, None] * radius
    back = centre[None, :, None] - ahead[:, None]
    shape = back.shape
    station = np.broadcast_to(np.arange(shape[1], dtype=np.float32)[:, None], shape)
    where: NDArray[np.float32] = np.empty((3, *shape), np.float32)
    where[0] = left[:, None] - LEFT_MM[0]
    where[1] = back - BACK_MM[0]
    where[2] = station
    return ndimage.map_coordinates(image, where, np.float32, order=1, mode="nearest"), left, back
