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
from spondyl.spine.segmenters.places import StraightPlaces, between
from spondyl.spine.segmenters.sharing import filled, moved_to_joints

STEP_MM = 1.0
BONE_HU = 135.0  # of arches; 150-165 would do as well in thoracic spines, less in lumbar ones
_EDGE_SHARE = 0.5  # of the brightest bone within 2 mm: what is fainter at the surface is a halo of the scanner's blur
_SURFACE_HU = 100.0  # of the surface at least: thin bone is dimmed by the blur
_RAMP_HU = 200.0  # above and below the surface's grey value; further away the surface hardly moves
_BESIDE = ndimage.generate_binary_structure(3, 1)
_FILLED_HU = -50.0  # no marrow that is filled in is darker: fat between ligaments is
_RIB_HU = 190.0
_WIDEST_MM = 50.0
_BEHIND_MM = 64.0
_FRONT_MM, _SLANT = 1.0, 0.3  # ribs lie in front of a slanted line, transverse processes behind it
_RIB_AT_MM, _RIB_PER_MM = 3.0, 1.3  # behind the wall at the pedicles, and per mm aside: half the bone there is rib
_RIB_PER_MM_TOP = 0.3  # beside the tops of the lungs, where transverse processes stand straight aside
_TOP_MM = (15.0, 75.0)  # below those tops: from the one slope to the other
_LUNG_SHARE = 0.3  # of the space beside the column that is air where a lung lies
_LUNG_MM = 60.0  # of the column that has lung beside it, at least, for its upper end to be a top
_RIB_SPREAD_MM = 4.0  # of that line, as a logistic; line and spread as labels of lidc-0001-thoracic have them
_RIB_MEDIAL_MM = 2.0  # within the pedicles' outer wall there may be heads of ribs
_RIB_ASIDE_MM = 38.0  # further from the midline all bone is rib
_PER_GAP = 10.0  # price of a joint's gap, in steps through bone
_GAP_HU = 150.0
_PER_SOFT = 2.0
_UPWARD, _UPWARD_MIDDLE = 1.5, 5.0  # extra price of a step to the head behind the canal, aside and in the middle
_DOWNWARD = 0.4  # factor of a step to the foot there: laminae and processes hang down from their pedicles
_UPWARD_LUMBAR, _DOWNWARD_LUMBAR = 0.5, 0.7  # without ribs, aside: upper facets stand high above their pedicles
_MIDDLE_MM = 10.0
_BEHIND_CANAL_MM = 6.0
_LEAVING_RIB = 12.0
_FURTHEST = 260.0
_END_MM = 2.0
_LUMBAR_MM, _LUMBAR_SIDE_MM = 6.0, 4.0  # pedicles without ribs may begin so far before and beside the wall's corner
_HOLE_MM2 = 90  # of marrow in a section
_SACRUM_BELOW_MM = 18.0  # below the lowest disc, beside and just behind the body, all bone is sacrum
_SACRUM_BEHIND_MM = 4.0


@dataclass(frozen=True, eq=False)
class Arches:
    """Arches on cubes of 1 mm: number of the interval whose arch each is, plus one; 0 none.

    The numbers reach one cube beyond the bone; its surface is where `within` passes zero between the cubes' middles.
    """

    labels: NDArray[np.int16]
    within: Grey  # how far the grey value lies above that of the surface, as a share of `_RAMP_HU`, -1 to 1
    first_mm: Floats  # place of the first voxel

    def plane(self, left_mm: Floats, back_mm: Floats, height_mm: float) -> NDArray[np.int16]:
        """Numbers over a plane of the upright image, shape (left, back)."""
        places = [
            (np.asarray(mm) - first) / STEP_MM
            for mm, first in zip((left_mm, back_mm, height_mm), self.first_mm, strict=True)
        ]
        i, j, k = (np.rint(place).astype(int) for place in places)
        out = np.zeros((len(i), len(j)), np.int16)
        if not 0 <= k < self.labels.shape[2]:
            return out
        inside = [(n >= 0) & (n < size) for n, size in zip((i, j), self.labels.shape, strict=False)]
        out[np.ix_(*inside)] = self.labels[np.ix_(i[inside[0]], j[inside[1]], [k])][..., 0]
        low = int(np.clip(np.floor(places[2]), 0, self.labels.shape[2] - 2))
        share = np.float32(np.clip(places[2] - low, 0, 1))
        within = self.within[..., low] * (1 - share) + self.within[..., low + 1] * share
        for axis in (0, 1):
            within = between(within, axis, places[axis])
        out[within <= 0] = 0
        return out


@dataclass(frozen=True, eq=False)
class _Site:
    """Where the cubes lie: arrays of one shape."""

    hu: Grey
    aside: Grey  # distance from the midline [mm]
    back: Grey  # behind the canal's path [mm]
    behind: Grey  # behind the posterior wall [mm]
    half: Grey  # half width of the body at this station [mm]
    station: Grey  # -1 outside
    ribs: Mask  # the level bears ribs
    rib_per_mm: Grey  # slope of the line in front of which half the bone is rib
    interval: NDArray[np.int16]  # of the body; -1 none
    canal: Mask
    before: Mask  # in a disc, or between bodies and canal: no arch has bone there

    @property
    def body(self) -> Mask:
        """In a body."""
        return np.asarray(self.interval >= 0)

    @property
    def front(self) -> Mask:
        """In front of the line between ribs and transverse processes."""
        return np.asarray(self.behind < _FRONT_MM + _SLANT * (self.aside - self.half))


def find_arches(
    image: Upright, straight: Grey, column: Column, places: StraightPlaces, bodies: Bodies, *, sacrum_below: bool
) -> Arches:
    """The arch of each interval between discs.

    Bone behind the bodies is shared out between seeds: the beginnings of the pedicles, ribs where levels bear them, the
    sacrum, and what hangs into the image from a level above it. Ways through bone cost their length, more through soft
    bone and the gaps of joints; behind the canal ways down are cheap and ways up dear, because an arch hangs down from
    its pedicles.
    """
    from spondyl.spine.segmenters.layer_kernels import grow

    site, first = _site(image, straight, column, places, bodies, sacrum_below=sacrum_below)
    bone = _bone(site)
    rib = (site.hu > _RIB_HU) & site.ribs & (site.aside > site.half + 1) & (site.front | (site.aside > _RIB_ASIDE_MM))
    rib &= ~site.body & (site.aside < _WIDEST_MM) & (site.behind > -12) & (site.station >= 0)
    labels = _seeds(bone & ~rib, site, bodies)
    if sacrum_below:
        low = site.station < bodies.middles[0] - _SACRUM_BELOW_MM
        labels[bone & low & (site.behind < _SACRUM_BEHIND_MM) & (labels == 0)] = 1
    ribs = len(bodies.plates) + 2
    above = bone & (labels == 0) & (site.behind > 2) & _at_head(site, bodies)
    labels[above] = ribs if (labels == ribs - 1).any() else ribs - 1
    labels[rib] = ribs
    gap = np.clip((ndimage.grey_closing(site.hu, size=(5, 5, 5)) - site.hu) / _GAP_HU, 0, 1.5)
    cost = 1 + _PER_SOFT * np.clip((BONE_HU + 100 - site.hu) / 100, 0, 1) + _PER_GAP * gap
    cost = np.where(bone | rib, cost, -1).astype(np.float32)
    leaving = np.zeros(ribs + 1, np.float32)
    leaving[ribs] = _LEAVING_RIB
    grow(cost, labels, leaving, *_ways(site), np.float32(_FURTHEST))
    labels = moved_to_joints(labels, cost, _rib_place(site), ribs)
    marrow = ~site.body & ~site.canal & (site.hu > _FILLED_HU)
    labels = filled(labels, np.asarray(np.where(site.body, site.interval + 1, 0), np.int16), marrow)
    within = _within(site, ndimage.binary_erosion(bone | site.body | (labels > 0)))
    labels = _one_beyond(labels, ~site.body & ~site.canal & ~site.before)
    labels[labels == ribs] = 0
    return Arches(labels, within, first)


def _within(site: _Site, solid: Mask) -> Grey:
    """How far grey values lie above the surface's: half of the brightest bone nearby, and more than soft tissue."""
    surface = np.maximum(_EDGE_SHARE * ndimage.maximum_filter(site.hu, 5), _SURFACE_HU)
    return np.asarray(np.where(solid, 1, np.clip((site.hu - surface) / _RAMP_HU, -1, 1)), np.float32)


def _one_beyond(labels: NDArray[np.int16], free: Mask) -> NDArray[np.int16]:
    """Regions grown by a voxel into what is free, each voxel from the largest number beside it."""
    beside = ndimage.grey_dilation(labels, footprint=_BESIDE)
    return np.asarray(np.where((labels == 0) & free, beside, labels), np.int16)


def _ways(site: _Site) -> tuple[Grey, Grey]:
    """Extra price of a step to the head, and factor of a step to the foot, at each cube."""
    hanging = site.back > _BEHIND_CANAL_MM
    up = np.where(site.ribs, _UPWARD, _UPWARD_LUMBAR)
    down = np.where(site.ribs, _DOWNWARD, _DOWNWARD_LUMBAR)
    upward = np.where(hanging, np.where(site.aside < _MIDDLE_MM, _UPWARD_MIDDLE, up), 0)
    return upward.astype(np.float32), np.where(hanging, down, 1).astype(np.float32)


def _rib_place(site: _Site) -> Grey:
    """How much the place of each cube is a rib's rather than a transverse process's, 0 to 1; -1 where none may be.

    Necks of ribs run outwards and back in front of the transverse processes, on a line that is much steeper than the
    one in front of which all bone is rib; the first ones run straight aside (`rib_slopes`).
    """
    aside = site.aside - site.half
    behind = (_RIB_AT_MM + site.rib_per_mm * aside - site.behind) / _RIB_SPREAD_MM
    share = 1 / (1 + np.exp(-np.clip(behind, -5, 5)))
    return np.asarray(np.where(site.ribs & (aside > -_RIB_MEDIAL_MM), share, -1), np.float32)


def _bone(site: _Site) -> Mask:
    """Bone behind the bodies, its marrow included."""
    domain = (site.station >= 0) & ~site.body & ~site.canal & (site.back < _BEHIND_MM) & (site.aside < _WIDEST_MM)
    domain &= ~site.before & (site.behind > -4)
    domain &= site.ribs | (site.behind > -3) | (site.aside > site.half - 1)
    bone = np.asarray(ndimage.binary_closing((site.hu > BONE_HU) & domain) & domain)
    _fill_marrow(bone, site.body, site.canal)
    return bone


def _site(
    image: Upright, straight: Grey, column: Column, places: StraightPlaces, bodies: Bodies, *, sacrum_below: bool
) -> tuple[_Site, Floats]:
    """The image near the spine on cubes with what is known of each, and the place of the first one."""
    hu, first = _cubes(image, places)
    left, back, station, interval, canal, before = _fields(hu.shape, first, places, bodies)
    stations = np.arange(len(column.wall_mm))
    first_rib = float(bodies.middles[min(2, len(bodies.plates) - 1)]) if sacrum_below else 0.0
    air = _lung(straight)
    slope = rib_slopes(air[: int(bodies.ends[1]) + 1])
    half, wall, ribs, per_mm = (
        np.interp(station, stations[: len(values)], values).astype(np.float32)
        for values in (_half_width(bodies), column.wall_mm, _rib_bearing(straight, air, first_rib), slope)
    )
    smooth = ndimage.gaussian_filter(hu, 0.6)
    return _Site(
        smooth, np.abs(left), back, back - wall, half, station, ribs > 0.5, per_mm, interval, canal, before
    ), first


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
) -> tuple[Grey, Grey, Grey, NDArray[np.int16], Mask, Mask]:
    """Left, back, station, interval of the body, canal and what is before it, of each cube; station -1: no place."""
    left, back, station = (np.empty(shape, np.float32) for _ in range(3))
    interval, canal, before = np.empty(shape, np.int16), np.empty(shape, bool), np.empty(shape, bool)
    axes = [first[k] + STEP_MM * np.arange(shape[k]) for k in range(3)]
    for k, height in enumerate(axes[2]):
        u, v, s, off = places.plane(axes[0], axes[1], float(height))
        s = np.where(off < 3, s, -1.0)
        left[:, :, k], back[:, :, k], station[:, :, k] = u, v, s
        interval[:, :, k] = bodies.interval(u, v, s)
        canal[:, :, k] = bodies.is_canal(u, v, s)
        before[:, :, k] = bodies.is_before_canal(u, v, s)
    return left, back, station, interval, canal, before


def _half_width(bodies: Bodies) -> Floats:
    """Half the width of the bodies' waists, by station: overhanging rims do not count. [mm]"""
    width = bodies.wall.half_width()
    return np.asarray(ndimage.gaussian_filter1d(ndimage.percentile_filter(width, 40, 41), 10))


def _lung(straight: Grey) -> Floats:
    """Share of lung in the space beside the column, by station."""
    beside = straight[np.abs(LEFT_MM) > 25][:, (BACK_MM > -40) & (BACK_MM < 25)]
    return np.asarray(((beside < -500) & (beside > -1000)).mean(axis=(0, 1)), np.float64)


def rib_slopes(lung: Floats) -> Floats:
    """Slope of the line between necks of ribs and transverse processes, by station, in mm to the back per mm aside.

    Transverse processes stand straight aside at T1 and lean back more from level to level. Where the column goes on
    above the tops of the lungs, which stand beside T1, its uppermost levels are therefore known before they have names;
    where it does not, the slope of the others is taken throughout.

    Parameters
    ----------
    lung
        Share of lung beside the column at each mm from foot to head, up to the end of what is found.
    """
    beside = ndimage.gaussian_filter1d(lung, 4) > _LUNG_SHARE
    slope = np.full(len(lung), _RIB_PER_MM)
    if beside.sum() < _LUNG_MM or beside[-1]:
        return slope
    below = np.flatnonzero(beside)[-1] - np.arange(len(lung))
    return np.asarray(np.interp(below, _TOP_MM, (_RIB_PER_MM_TOP, _RIB_PER_MM)))


def _rib_bearing(straight: Grey, air: Floats, first: float) -> Floats:
    """Whether a station bears ribs, 0 to 1: lung beside the spine, or bone far aside; none below the first (ilium)."""
    aside = np.abs(LEFT_MM)
    smooth = ndimage.gaussian_filter(straight, (1, 1, 0))
    far = (smooth[aside > 38][:, (BACK_MM > -25) & (BACK_MM < 35)] > 200).any(axis=0).sum(axis=0)
    found = np.clip(np.maximum(air / 0.10, far / 5.0), 0, 1) * (np.arange(straight.shape[2]) >= first)
    return np.asarray(ndimage.gaussian_filter1d(found, 12), np.float64)


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


def _at_head(site: _Site, bodies: Bodies) -> Mask:
    """The upper end of the image, or of what is found: what is seen there hangs down from a level above."""
    end = site.station > bodies.ends[1] - _END_MM
    end[:, :, -int(_END_MM) :] = True
    return end


def _seeds(bone: Mask, site: _Site, bodies: Bodies) -> NDArray[np.int16]:
    """Beginnings of the pedicles: bone that touches the upper part of each body from behind."""
    front = np.where(site.ribs, -1, -_LUMBAR_MM)
    side = np.where(site.ribs, site.half, site.half + _LUMBAR_SIDE_MM)
    near = bone & (site.behind > front) & (site.behind < 7) & (site.aside < side)
    bounds = np.concatenate([[bodies.ends[0]], bodies.middles, [bodies.ends[1]]])
    labels = np.zeros(bone.shape, np.int16)
    for n in range(len(bounds) - 1):
        body = site.interval == n
        box = ndimage.find_objects(body.view(np.uint8))
        if not box:
            continue
        where = tuple(slice(max(0, s.start - 3), s.stop + 3) for s in box[0])
        low = bounds[n] + 0.35 * (bounds[n + 1] - bounds[n])
        touching = ndimage.binary_dilation(body[where], iterations=2) & near[where] & (site.station[where] > low)
        labels[where][touching] = n + 1
    return labels
