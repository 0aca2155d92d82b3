"""The column of bodies in the straightened image: its walls on the midline, its discs and its pedicles, by station."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from spondyl.space import Floats
from spondyl.spine.segmenters.arrays import Grey, Mask
from spondyl.spine.segmenters.curved import BACK_MM, LEFT_MM
from spondyl.spine.segmenters.searches import best_line

_WALL_MM = (-16.0, 0.0)  # where the posterior wall is looked for, behind the canal's path
_DARK_HU = 30.0  # fat, air and lung lie below it; so does the marrow of some old bodies
_BELOW_CORE_HU = 20.0  # below the cores of the bodies: nothing within them is as dark
_FAT_HU = -60.0  # no marrow is darker
_BODIES_MM = 61  # of canal: two bodies or three
_CORE_BEHIND_MM, _CORE_AHEAD_MM = 5.0, 14.0  # before the posterior wall there is bone in the flattest body
_DEPTHS_MM = np.arange(14.0, 45.0)
_TILTS_DEG = (-24, -18, -12, -6, 0, 6, 12, 18, 24)  # of a disc in the sagittal plane
_LEANS_DEG = (-18, -12, -6, 0, 6, 12, 18)  # and in the coronal plane
_WIDTHS_MM = (3, 5, 7, 9, 12)
_WIDEST = 0.27  # of a disc, as a share of the body's depth: a wider dark band is the middle of a body
_NARROW_MM = 5.1
STRETCHED_MM = 12.0  # width of a disc beside which a body has lost height
_WIDE_MM = (9, 12, 15, 18, 21, 24)  # of discs beside a body that collapsed while its pedicles kept their height
_DARK_FREE, _DARK_PRICE = 0.3, 1.0  # of the grey range that such a disc may be brighter than the darkest nearby
_NEAR_MM = 3  # a disc's plane is the best response so near
_PER_MM_AWAY = 0.02  # of the response
_SHOWN_HU = -900.0
_SHOWN_SHARE = 0.97


@dataclass(frozen=True, eq=False)
class Column:
    """By station of the curved frame (1 mm): walls, disc and pedicle evidence. Positions back of the canal's path."""

    wall_mm: Floats  # posterior wall on the midline
    depth_mm: Floats  # from there to the anterior wall
    disc: Floats  # how much it looks like a disc; 0.35 and more in discs
    plane: Floats  # (n, 3): tilt and lean of that disc [deg], width [mm]
    pedicle: Floats  # 0 foramen, 1 pedicle
    shown: Mask  # the body lies in the image
    wide: Floats  # how much it looks like a stretched disc; middles of bodies may do so too
    wide_plane: Floats  # (n, 3), as `plane`

    def plane_near(self, disc: int) -> Floats:
        """Tilt, lean and width of a disc, of the best response within 3 mm. [deg, deg, mm]"""
        near = np.arange(max(0, disc - _NEAR_MM), min(len(self.disc), disc + _NEAR_MM + 1))
        best = near[int((self.disc[near] - _PER_MM_AWAY * np.abs(near - disc)).argmax())]
        return np.asarray(self.plane[best], np.float64)

    def widened(self, where: Mask) -> Column:
        """The column with stretched discs let in at some stations."""
        better = where & (self.wide > self.disc)
        plane = np.where(better[:, None], self.wide_plane, self.plane)
        return replace(self, disc=np.where(better, self.wide, self.disc), plane=plane)


def measure_column(straight: Grey) -> Column:
    """What the straightened CT (shape left, back, stations; HU) shows of the bodies along the canal."""
    wall, depth = _walls(straight)
    profiles = _profiles(straight, wall, depth)
    disc, plane = _discs(profiles, depth)
    wide, wide_plane = _stretched_discs(profiles)
    return Column(wall, depth, disc, plane, _pedicles(straight, wall), _shown(straight, wall, depth), wide, wide_plane)


def _walls(straight: Grey) -> tuple[Floats, Floats]:
    """Posterior wall and depth of the bodies on the midline, by station. [mm]"""
    smooth = ndimage.gaussian_filter(np.clip(straight, -100, 350), (2, 0.8, 1.5))
    middle = smooth[np.abs(LEFT_MM) <= 5].mean(axis=0)
    slope = np.gradient(middle, BACK_MM, axis=0)
    near = (_WALL_MM[0] <= BACK_MM) & (_WALL_MM[1] >= BACK_MM)
    cost = (slope[near] / 40).T + 0.012 * np.abs(BACK_MM[near] + 8)
    wall = ndimage.gaussian_filter1d(BACK_MM[near][best_line(cost, 0.35)], 3)
    dim = darker_than_bone(middle, wall - _CORE_BEHIND_MM, wall - _CORE_AHEAD_MM, _DARK_HU)
    cost = np.stack([_depth_cost(middle[:, k], slope[:, k], wall[k], dim[k]) for k in range(len(wall))])
    depth = _DEPTHS_MM[best_line(cost, 0.6)]
    return wall, ndimage.gaussian_filter1d(ndimage.median_filter(depth, 9), 4)


def darker_than_bone(middle: Floats, behind: Floats, ahead: Floats, usual_hu: float) -> Floats:
    """Below which grey value nothing lies within a body, by station: fatty marrow may be darker than water. [HU]

    Parameters
    ----------
    middle
        Grey values of the column's midline, shape (back, stations). [HU]
    behind, ahead
        Between which places back of the path the core of the bodies lies, by station. [mm]
    usual_hu
        What is given for bodies of usual density. [HU]
    """
    core = np.empty(middle.shape[1])
    for k in range(len(core)):
        inside = (behind[k] > BACK_MM) & (ahead[k] < BACK_MM)
        core[k] = np.median(middle[inside, k])
    core = np.where(core > _FAT_HU, core, usual_hu + _BELOW_CORE_HU)  # darker than any marrow: beyond the image
    bodies = ndimage.percentile_filter(core, 20, _BODIES_MM, mode="nearest")
    return np.asarray(np.clip(ndimage.gaussian_filter1d(bodies, 10) - _BELOW_CORE_HU, _FAT_HU, usual_hu), np.float64)


def _depth_cost(middle: Floats, slope: Floats, wall: float, dim: float) -> Floats:
    """Cost of each depth at one station: an edge to something darker, bone before it and no bone behind."""
    place = wall - _DEPTHS_MM
    inside = np.interp(wall - np.arange(2, 46), BACK_MM, middle)
    dark = np.cumsum(np.clip((dim - inside) / 60, 0, 1))[(_DEPTHS_MM - 2).astype(int)]
    ahead = np.interp(place - 2.5, BACK_MM, middle)
    edge = np.interp(place, BACK_MM, slope)
    return np.asarray(-edge / 40 + 0.5 * dark + 0.006 * np.clip(ahead - 60, 0, 250))


def _profiles(straight: Grey, wall: Floats, depth: Floats) -> dict[tuple[int, int], Floats]:
    """Mean grey value of the body's section through each station, by tilt and lean of the section. [HU]"""
    count = straight.shape[2]
    image = ndimage.gaussian_filter(np.clip(straight, -150, 450), (1.0, 1.0, 0.6))
    depth_s, wall_s = ndimage.gaussian_filter1d(depth, 10), ndimage.gaussian_filter1d(wall, 6)
    left = np.arange(-10.0, 10.1, 2.5)
    share = np.linspace(0.2, 0.85, 8)
    back = wall_s - share[:, None] * depth_s  # (8, n)
    forward = back - (wall_s - 0.5 * depth_s)
    shape = (len(share), len(left), count)
    where = np.empty((3, *shape))
    where[0] = (left - LEFT_MM[0])[:, None]
    where[1] = (back - BACK_MM[0])[:, None]
    profiles = {}
    for tilt in _TILTS_DEG:
        for lean in _LEANS_DEG:
            slope = np.tan(np.radians(tilt)) * forward[:, None] + np.tan(np.radians(lean)) * left[:, None]
            where[2] = np.arange(count) + slope
            seen = ndimage.map_coordinates(image, where, order=1, mode="nearest")
            profiles[tilt, lean] = np.asarray(seen.mean(axis=(0, 1)), np.float64)
    return profiles


def _discs(profiles: dict[tuple[int, int], Floats], depth: Floats) -> tuple[Floats, Floats]:
    """Best response of a dark layer between two bright plates, over tilts and widths, by station."""
    scale = _grey_range(profiles[0, 0])
    widest = np.maximum(_WIDEST * ndimage.gaussian_filter1d(depth, 10), _NARROW_MM)
    best, plane = np.full(len(scale), -9.0), np.zeros((len(scale), 3))
    for (tilt, lean), profile in profiles.items():
        for width in _WIDTHS_MM:
            response = _layer_response(profile, width) / scale - _askew(tilt, lean)
            better = (response > best) & (width <= widest)
            best[better] = response[better]
            plane[better] = (tilt, lean, width)
    return best, plane


def _stretched_discs(profiles: dict[tuple[int, int], Floats]) -> tuple[Floats, Floats]:
    """The same for wide layers that are evenly as dark as the darkest tissue of the column nearby."""
    level = profiles[0, 0]
    scale = _grey_range(level)
    dark = ndimage.gaussian_filter1d(ndimage.percentile_filter(level, 10, 80), 15)
    best, plane = np.full(len(level), -9.0), np.zeros((len(level), 3))
    for (tilt, lean), profile in profiles.items():
        for width in _WIDE_MM:
            inside, plate = _inside_and_plates(profile, width)
            brightest = ndimage.maximum_filter1d(profile, 2 * round(width / 2 - 1) - 1, mode="nearest")
            response = (plate - inside) / scale - _askew(tilt, lean)
            response -= _DARK_PRICE * np.maximum((brightest - dark) / scale - _DARK_FREE, 0)
            better = response > best
            best[better] = response[better]
            plane[better] = (tilt, lean, width)
    return best, plane


def _grey_range(level: Floats) -> Floats:
    """Between dark and bright within two vertebrae, by station. [HU]"""
    scale = ndimage.percentile_filter(level, 85, 60) - ndimage.percentile_filter(level, 10, 60)
    return np.asarray(ndimage.gaussian_filter1d(np.maximum(scale, 40.0), 15))


def _askew(tilt: int, lean: int) -> float:
    return 0.00035 * lean**2 + 0.00012 * tilt**2


def _layer_response(profile: Floats, width: int) -> Floats:
    """Plates against what lies between them, and against the bodies behind them. [HU]"""
    inside, plate = _inside_and_plates(profile, width)
    reach = round(width / 2 + 1.5)
    bodies = [ndimage.uniform_filter1d(_ahead(profile, sign * (reach + 4)), 9) for sign in (1, -1)]
    return np.asarray(0.55 * (plate - inside) + 0.45 * (plate - np.mean(bodies, axis=0)))


def _inside_and_plates(profile: Floats, width: int) -> tuple[Floats, Floats]:
    """Mean within a layer, and the less bright one of the plates that bound it. [HU]"""
    half = max(1, round(width / 2 - 1))
    inside = ndimage.uniform_filter1d(profile, 3 if width <= 3 else 2 * half + 1, mode="nearest")
    reach = round(width / 2 + 1.5)
    ends = [ndimage.maximum_filter1d(_ahead(profile, sign * reach), 3) for sign in (1, -1)]
    return np.asarray(inside), np.asarray(np.minimum(*ends))


def _ahead(profile: Floats, stations: int) -> Floats:
    """The profile as seen so many stations further on; the ends repeated."""
    return profile[np.clip(np.arange(len(profile)) + stations, 0, len(profile) - 1)]


def _pedicles(straight: Grey, wall: Floats) -> Floats:
    """Bone beside the canal: 1 where its pedicles are, 0 in the foramina, by station."""
    bone = np.clip((ndimage.gaussian_filter(straight, 0.7) - 60) / 200, 0, 1)
    found = np.zeros(straight.shape[2])
    sides = [(sign * LEFT_MM > 6) & (sign * LEFT_MM < 17) for sign in (1, -1)]
    for k in range(len(found)):
        near = (wall[k] + 0.5 < BACK_MM) & (wall[k] + 8.5 > BACK_MM)
        for side in sides:
            part = bone[side][:, near, k]
            found[k] += 0.25 * (np.sort(part.mean(axis=1))[-5:].mean() + part.mean())
    found = ndimage.gaussian_filter1d(found, 1.5)
    low = ndimage.gaussian_filter1d(ndimage.percentile_filter(found, 10, 61), 10)
    high = ndimage.gaussian_filter1d(ndimage.percentile_filter(found, 90, 61), 10)
    return np.asarray(np.clip((found - low) / np.maximum(high - low, 0.2), 0, 1))


def _shown(straight: Grey, wall: Floats, depth: Floats) -> Mask:
    """Stations at which the body lies in the image."""
    middle = straight[np.abs(LEFT_MM) <= 10]
    found = np.zeros(len(wall), bool)
    for k in range(len(wall)):
        rows = (wall[k] - 0.1 * depth[k] > BACK_MM) & (wall[k] - 0.85 * depth[k] < BACK_MM)
        found[k] = (middle[:, rows, k] > _SHOWN_HU).mean() > _SHOWN_SHARE
    return found
