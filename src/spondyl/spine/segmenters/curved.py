"""A frame that follows the canal, and the CT straightened along it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from spondyl.space import Floats
from spondyl.spine.segmenters.arrays import Grey, Upright
from spondyl.spine.segmenters.canal_path import canal_score
from spondyl.spine.segmenters.searches import best_path

STEP_MM = 1.0
LEFT_MM = np.arange(-50.0, 50.1, STEP_MM)  # of the straightened image: transverse processes and pedicles
BACK_MM = np.arange(-60.0, 65.1, STEP_MM)  # body in front of the canal (at 0), spinous process behind
AIR_HU = -1024.0  # beyond the image
_SMOOTH_MM = 12.0  # of the canal's path: longer than a vertebra's own ups and downs
_RUN_MM = 25.0  # at an end, that tells where the path goes on
_TURNS_DEG = np.arange(-15.0, 15.1, 3.0)
_PART = 64  # stations straightened at once


@dataclass(frozen=True, eq=False)
class CurvedFrame:
    """Stations of 1 mm along the canal from foot to head, with axes towards head, left and back. Places in mm."""

    origins: Floats  # (n, 3)
    head: Floats  # (n, 3), unit
    left: Floats
    back: Floats
    step_mm: float = STEP_MM

    @classmethod
    def along(
        cls, places: Floats, *, smooth_mm: float = _SMOOTH_MM, step_mm: float = STEP_MM, beyond_mm: float = 0.0,
        turns: Floats | None = None,
    ) -> CurvedFrame:  # fmt: skip
        """The frame of a path, gone on straight beyond both ends.

        Parameters
        ----------
        turns
            Rotation about the path at each station, from left towards back. [rad]
        """
        way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(places, axis=0), axis=1))])
        stations = np.arange(0.0, way[-1] + 1e-6, step_mm)
        path = np.column_stack([np.interp(stations, way, places[:, k]) for k in range(3)])
        run = min(len(path) - 1, int(_RUN_MM / step_mm))
        pad = int(4 * smooth_mm / step_mm) + int(beyond_mm / step_mm)
        count = np.arange(1, pad + 1)[:, None]
        low = path[0] - (path[run] - path[0]) / run * count[::-1]
        high = path[-1] + (path[-1] - path[-1 - run]) / run * count
        long = ndimage.gaussian_filter1d(np.concatenate([low, path, high]), smooth_mm / step_mm, axis=0, mode="nearest")
        beyond = int(beyond_mm / step_mm)
        origins = long[pad - beyond : len(long) - pad + beyond]
        head = _unit(np.gradient(origins, axis=0))
        back = np.array([0.0, 1.0, 0.0]) - head * head[:, 1:2]
        back = _unit(back)
        left = np.cross(back, head)
        if turns is not None:
            cos, sin = np.cos(turns)[:, None], np.sin(turns)[:, None]
            left, back = left * cos + back * sin, back * cos - left * sin
        return cls(origins, head, left, back, step_mm)

    def __len__(self) -> int:
        return len(self.origins)


def straightened(image: Upright, frame: CurvedFrame, left: Floats = LEFT_MM, back: Floats = BACK_MM) -> Grey:
    """The CT along a frame, shape (left, back, stations); air beyond the image. [HU]"""
    out = np.empty((len(left), len(back), len(frame)), np.float32)
    for first in range(0, len(frame), _PART):
        part = slice(first, first + _PART)
        where = frame.origins[part].T[:, None, None] + left[:, None, None] * frame.left[part].T[:, None, None]
        where = where + back[:, None] * frame.back[part].T[:, None, None]
        where /= image.spacing_mm[:, None, None, None]
        out[:, :, part] = ndimage.map_coordinates(image.array, where, np.float32, order=1, mode="constant", cval=AIR_HU)
    return out


def turns_by_symmetry(straight: Grey) -> Floats:
    """Rotation at which left and right look most alike, at each station. [rad]"""
    rows = np.flatnonzero((BACK_MM > -40) & (BACK_MM < 25))[::2]
    columns = LEFT_MM[np.abs(LEFT_MM) < 32][::2]
    left, back = np.meshgrid(columns, BACK_MM[rows], indexing="ij")
    image = ndimage.gaussian_filter(np.clip(straight, -150, 400), (1.5, 1.5, 4))[:, :, ::3]
    scores = []
    for turn in np.radians(_TURNS_DEG):
        x, y = left * np.cos(turn) - back * np.sin(turn), left * np.sin(turn) + back * np.cos(turn)
        where = np.stack([x - LEFT_MM[0], y - BACK_MM[0]])
        seen = np.stack(
            [ndimage.map_coordinates(image[:, :, k], where, order=1, mode="nearest") for k in range(image.shape[2])], 2
        )
        seen = seen - seen.mean(axis=(0, 1))
        mirrored = seen[::-1]
        scores.append((seen * mirrored).sum(axis=(0, 1)) / ((seen**2).sum(axis=(0, 1)) + 1e-6))
    smooth = ndimage.gaussian_filter1d(np.array(scores), 3, axis=1) - 0.02 * (_TURNS_DEG[:, None] / 15) ** 2
    best = np.radians(_TURNS_DEG)[smooth.argmax(axis=0)]
    best = ndimage.gaussian_filter1d(ndimage.median_filter(best, 9), 4)
    return np.asarray(np.interp(np.arange(straight.shape[2]), np.arange(0, straight.shape[2], 3), best))


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


# Following the canal beyond the ends found in axial slices: in planes square to it, as at a steep sacrum.

_STEP_FOLLOWED_MM = 2.0
_BEYOND_MM = 40.0
_BEND_FOLLOWED = 0.12
_KEPT = 0.65  # of the usual score
_BORDER_MM = 8.0  # an end as near to the image's border as this is the image's end
_CUT_BACK_MM = 25.0
_LONG_MM = 80.0
_ROUNDS = 4


def followed(image: Upright, places: Floats) -> Floats:
    """A path of the canal taken on, in the curved frame, as far as it is seen; shape (n, 3)."""
    path = places
    if len(path) > _LONG_MM and path[0, 2] > _BORDER_MM:
        path = path[int(_CUT_BACK_MM) :]
    if len(path) > _LONG_MM and path[-1, 2] < image.size_mm[2] - _BORDER_MM:
        path = path[: -int(_CUT_BACK_MM)]
    for attempt in range(_ROUNDS):
        path, longer = _once_further(image, path)
        if not longer:
            break
        if attempt == 0:
            path = CurvedFrame.along(path, smooth_mm=6.0).origins
    return path


def _once_further(image: Upright, path: Floats) -> tuple[Floats, bool]:
    step = _STEP_FOLLOWED_MM
    left, back = np.arange(-50.0, 50.1, step), np.arange(-60.0, 65.1, step)
    frame = CurvedFrame.along(path, beyond_mm=_BEYOND_MM, step_mm=step)
    straight = straightened(image, frame, left, back)
    count, beyond = len(frame), int(_BEYOND_MM / step)
    station = np.arange(count)
    outside = np.maximum(0, np.maximum(beyond - station, station - (count - 1 - beyond)))
    away = np.hypot(left[:, None], back)[..., None]
    score = canal_score(straight, step) - 0.15 * np.clip(away - 6 - step * outside, 0, 30)
    best = best_path(score.astype(np.float32), _BEND_FOLLOWED)
    along = ndimage.gaussian_filter1d(score[best[:, 0], best[:, 1], station], 4)
    shown = straight[best[:, 0], best[:, 1], station] > -900
    inner = along[beyond : count - beyond]
    good = (along > _KEPT * np.percentile(inner, 75)) & shown
    low, high = beyond, count - 1 - beyond
    while low > 0 and good[low - 1]:
        low -= 1
    while high < count - 1 and good[high + 1]:
        high += 1
    seen = frame.origins + left[best[:, 0]][:, None] * frame.left + back[best[:, 1]][:, None] * frame.back
    seen = ndimage.gaussian_filter1d(seen, 3, axis=0, mode="nearest")
    depth = np.minimum(station - beyond, count - 1 - beyond - station)
    weight = np.clip((8 - depth) / 6.0, 0, 1)[:, None]  # the finer path inside, the new one at the ends
    joined = frame.origins * (1 - weight) + seen * weight
    return joined[low : high + 1], low < beyond or high > count - 1 - beyond
