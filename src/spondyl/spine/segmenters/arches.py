"""Arches: bone behind the bodies, each piece given to the level from whose pedicles it is reached soonest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.space import Floats
from spondyl.spine.segmenters.arrays import Grey, Mask, Upright, isotropic
from spondyl.spine.segmenters.bodies import Bodies
from spondyl.spine.segmenters.column import Column
from spondyl.spine.segmenters.curved import BACK_MM, LEFT_MM
from spondyl.spine.segmenters.places import StraightPlaces

STEP_MM = 1.0
BONE_HU = 135.0  # of arches; 150-165 would do as well in thoracic spines, less in lumbar ones
_RIB_HU = 190.0
_WIDEST_MM = 50.0
_BEHIND_MM = 64.0
_PER_GAP = 6.0  # price of a joint's gap, in steps through bone
_GAP_HU = 150.0
_PER_SOFT = 2.0
_UPWARD = 1.5  # extra price of a step to the head behind the canal: processes hang down from their pedicles
_FURTHEST = 260.0
_RIB_HANDICAP = 14.0
_HOLE_MM2 = 90  # of marrow in a section


@dataclass(frozen=True, eq=False)
class Arches:
    """Arches on cubes of 1 mm: number of the interval whose arch each is, plus one; 0 none."""

    labels: NDArray[np.int16]
    first_mm: Floats  # place of the first voxel

    def plane(self, left_mm: Floats, back_mm: Floats, height_mm: float) -> NDArray[np.int16]:
        """Nearest labels over a plane of the upright image, shape (left, back)."""
        i, j = (
            np.rint((mm - first) / STEP_MM).astype(int)
            for mm, first in zip((left_mm, back_mm), self.first_mm[:2], strict=True)
        )
        k = round((height_mm - float(self.first_mm[2])) / STEP_MM)
        out = np.zeros((len(i), len(j)), np.int16)
        if not 0 <= k < self.labels.shape[2]:
            return out
        inside = [(n >= 0) & (n < size) for n, size in zip((i, j), self.labels.shape, strict=False)]
        out[np.ix_(*inside)] = self.labels[np.ix_(i[inside[0]], j[inside[1]], [k])][..., 0]
        return out


def find_arches(image: Upright, straight: Grey, column: Column, places: StraightPlaces, bodies: Bodies) -> Arches:
    """The arch of each interval, without ribs where levels bear them."""
    from spondyl.spine.segmenters.layer_kernels import grow

    hu, first = _cubes(image, places)
    smooth = ndimage.gaussian_filter(hu, 0.6)
    left, back, station, interval, canal = _fields(hu.shape, first, places, bodies)
    half = np.interp(station, np.arange(len(column.wall_mm)), _half_width(bodies)).astype(np.float32)
    behind = back - np.interp(station, np.arange(len(column.wall_mm)), column.wall_mm).astype(np.float32)
    ribs = np.interp(station, np.arange(len(column.wall_mm)), _rib_bearing(straight)) > 0.5
    aside = np.abs(left)
    body = interval >= 0
    domain = _domain(aside, behind, back, half, ribs) & ~body & ~canal & (station >= 0)
    bone = (smooth > BONE_HU) & domain
    bone = ndimage.binary_closing(bone, iterations=2) & domain
    _fill_marrow(bone, body, canal)
    labels = _seeds(bone, interval, behind, aside, half, station, bodies)
    rib = (smooth > _RIB_HU) & ribs & (aside > np.minimum(half + 19, 37)) & (aside < _WIDEST_MM) & ~body
    number = len(bodies.plates) + 2
    labels[rib] = number
    gap = np.clip((ndimage.grey_closing(smooth, size=(5, 5, 5)) - smooth) / _GAP_HU, 0, 1.5)
    cost = 1 + _PER_SOFT * np.clip((BONE_HU + 100 - smooth) / 100, 0, 1) + _PER_GAP * gap
    cost = np.where(bone | rib, cost, -1).astype(np.float32)
    start = np.zeros(number + 1, np.float32)
    start[number] = _RIB_HANDICAP
    upward = np.where(back > 6, np.float32(_UPWARD), np.float32(0))
    grow(cost, labels, start, upward, np.float32(_FURTHEST))
    labels[labels == number] = 0
    return Arches(labels, first)


def _cubes(image: Upright, places: StraightPlaces) -> tuple[Grey, Floats]:
    """The image near the spine on cubes, and the place of its first voxel."""
    low, high = places.box()
    start = np.maximum(np.floor(low / image.spacing_mm), 0).astype(int)
    stop = np.minimum(np.ceil(high / image.spacing_mm).astype(int) + 1, image.array.shape)
    block = image.array[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))]
    hu, first = isotropic(block, image.spacing_mm, STEP_MM)
    return hu, first + start * image.spacing_mm


def _fields(
    shape: tuple[int, ...], first: Floats, places: StraightPlaces, bodies: Bodies
) -> tuple[Grey, Grey, Grey, NDArray[np.int16], Mask]:
    """Left, back, station, interval of the body and canal of each cube; station -1 where there is none."""
    left, back, station = (np.empty(shape, np.float32) for _ in range(3))
    interval, canal = np.empty(shape, np.int16), np.empty(shape, bool)
    axes = [first[k] + STEP_MM * np.arange(shape[k]) for k in range(3)]
    for k, height in enumerate(axes[2]):
        u, v, s, off = places.plane(axes[0], axes[1], float(height))
        s = np.where(off < 3, s, -1.0)
        left[:, :, k], back[:, :, k], station[:, :, k] = u, v, s
        interval[:, :, k] = bodies.interval(u, v, s)
        canal[:, :, k] = bodies.is_canal(u, v, s)
    return left, back, station, interval, canal


def _half_width(bodies: Bodies) -> Floats:
    """Half the width of the bodies' waists, by station: overhanging rims do not count. [mm]"""
    width = bodies.wall.half_width()
    return np.asarray(ndimage.gaussian_filter1d(ndimage.percentile_filter(width, 40, 41), 10))


def _rib_bearing(straight: Grey) -> Floats:
    """Whether a station bears ribs, 0 to 1: lung beside the spine, or bone far aside and in front of the arch."""
    aside = np.abs(LEFT_MM)
    lung = straight[aside > 25][:, (BACK_MM > -40) & (BACK_MM < 25)]
    air = ((lung < -500) & (lung > -1000)).mean(axis=(0, 1))
    smooth = ndimage.gaussian_filter(straight, (1, 1, 0))
    far = (smooth[aside > 38][:, (BACK_MM > -25) & (BACK_MM < 35)] > 200).any(axis=0).sum(axis=0)
    return np.asarray(ndimage.gaussian_filter1d(np.clip(np.maximum(air / 0.10, far / 5.0), 0, 1), 12), np.float64)


def _domain(aside: Grey, behind: Grey, back: Grey, half: Grey, ribs: Mask) -> Mask:
    """Where arches may be. A transverse process leaves backwards and the rib lies in front of it: a slanted line."""
    thoracic = (aside < half + 1) & (behind > -3)
    thoracic |= (behind > 3 + 0.30 * (aside - half)) & (aside < np.minimum(half + 19, 37))
    lumbar = (aside < half - 1) & (behind > -3) | (behind > -4) & (aside < _WIDEST_MM)
    return np.asarray(np.where(ribs, thoracic, lumbar) & (back < _BEHIND_MM))


def _fill_marrow(bone: Mask, body: Mask, canal: Mask) -> None:
    """Fill small holes of each section, in place."""
    for k in range(bone.shape[2]):
        ring = bone[:, :, k] | body[:, :, k]
        if not ring.any():
            continue
        holes = ndimage.binary_fill_holes(ring | canal[:, :, k]) & ~ring & ~canal[:, :, k]
        pieces, count = ndimage.label(holes)
        if count:
            small = np.bincount(pieces.ravel()) < _HOLE_MM2
            small[0] = False
            bone[:, :, k] |= small[pieces]


def _seeds(
    bone: Mask, interval: NDArray[np.int16], behind: Grey, aside: Grey, half: Grey, station: Grey, bodies: Bodies
) -> NDArray[np.int16]:
    """Beginnings of the pedicles: bone that touches the upper part of each body from behind."""
    near = bone & (behind > -1) & (behind < 7) & (aside < half)
    middles = bodies.middles()
    bounds = np.concatenate([[bodies.ends[0]], middles, [bodies.ends[1]]])
    labels = np.zeros(bone.shape, np.int16)
    for n in range(len(bounds) - 1):
        body = interval == n
        box = ndimage.find_objects(body.view(np.uint8))
        if not box:
            continue
        where = tuple(slice(max(0, s.start - 3), s.stop + 3) for s in box[0])
        low = bounds[n] + 0.35 * (bounds[n + 1] - bounds[n])
        touching = ndimage.binary_dilation(body[where], iterations=2) & near[where] & (station[where] > low)
        labels[where][touching] = n + 1
    return labels
