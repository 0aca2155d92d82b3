"""The path of the spinal canal: a soft round hole in bone, with a body in front of it, followed through all slices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from spondyl.errors import InputError
from spondyl.space import Floats
from spondyl.spine.segmenters.arrays import Grey, Mask, Upright, isotropic, moved, odd
from spondyl.spine.segmenters.searches import best_path

BONE_HU = 170.0  # of walls of the canal; contrast-filled vessels reach it too, so no voxel is judged alone
_COARSE_MM = 2.0
_RAYS = 16
_RING_MM = (6.0, 17.0)  # from the canal's centre to its walls
_BRIDGED_MM = 6.0  # along the spine: foramina between pedicles
_BEND = 0.15
_KEPT = 0.75  # of the usual score: below it the canal has been lost
_DIMMED = 0.65  # of it: what joins two stretches, as where a narrow field of view leaves out the canal's back wall
_LEAST_SCORE = 1.6  # of the best stretch; soft tissue and air stay below 1
_LEAST_MM = 45.0  # of canal: less than two vertebrae
_FINE_MM = 1.0
_TUBE_MM = 22.0  # around the coarse path
_LUMEN_HU = 150.0
_LUMEN_MM = 10.0  # half width from which on more room says nothing
_FINE_BEND = 0.6


@dataclass(frozen=True, eq=False)
class CanalPath:
    """Places of the canal's centre from foot to head, shape (n, 3), and its score there (about 2-4.5 in a canal)."""

    places: Floats
    score: Floats


def canal_score(hu: Grey, step_mm: float) -> Grey:
    """How much each voxel looks like the middle of the canal, on cubes whose axes run left, back and head.

    Bone around it in most directions, soft tissue in it, no bone within a few millimetres, a body in front of it and
    laminae behind. The weights were set by hand on seven CTs,
    the real test data of this project; none of them is an independent test.
    """

    def cells(mm: float) -> int:
        return round(mm / step_mm)

    bone = ndimage.gaussian_filter(hu, 0.5) > BONE_HU
    share = bone.astype(np.float32)
    bridged = ndimage.maximum_filter1d(bone.astype(np.uint8), odd(_BRIDGED_MM / step_mm), axis=2)
    ring = np.zeros(hu.shape, np.float32)
    for angle in 2 * np.pi * np.arange(_RAYS) / _RAYS:
        met = np.zeros(hu.shape, np.uint8)
        for radius in np.arange(_RING_MM[0], _RING_MM[1] + 0.1, step_mm):
            met |= moved(bridged, cells(radius * np.cos(angle)), cells(radius * np.sin(angle)))
        ring += met
    score = 1.2 / _RAYS * ring
    score -= 1.2 * ndimage.uniform_filter(share, (odd(8 / step_mm), odd(6 / step_mm), 1))
    soft = ndimage.gaussian_filter(hu, (2.5 / step_mm, 2.5 / step_mm, 3 / step_mm))
    score += 0.8 * np.exp(-(((soft - 40) / 70) ** 2))
    mean = ndimage.uniform_filter(np.clip(hu, -300, 300), (odd(20 / step_mm), odd(22 / step_mm), 1))
    ahead = moved(mean + 300, 0, -cells(23)) - 300
    score += 0.6 * np.clip((ahead + 50) / 250, 0, 1)
    around = ndimage.uniform_filter(share, (odd(26 / step_mm), odd(40 / step_mm), odd(24 / step_mm)))
    score += 0.6 * np.clip(moved(around, 0, -cells(24)) / 0.35, 0, 1)
    score += 0.5 * np.clip(moved(around, 0, cells(22)) / 0.2, 0, 1)
    return np.asarray(score, np.float32)


def find_canal(image: Upright) -> CanalPath:
    """The canal's path in the part of the image where it is seen.

    Raises
    ------
    InputError
        If no stretch of the image looks like a spinal canal.
    """
    coarse, start = isotropic(image.array, image.spacing_mm, _COARSE_MM)
    if min(coarse.shape) < 12:
        raise InputError(
            f"the image is {' x '.join(f'{mm:.0f}' for mm in image.size_mm)} mm large; a spine needs at least 25 mm "
            "in each direction: give a larger part of the CT"
        )
    score = canal_score(coarse, _COARSE_MM)
    path = best_path(score, _BEND)
    along = np.asarray(score[path[:, 0], path[:, 1], np.arange(len(path))], np.float64)
    smooth = ndimage.gaussian_filter1d(along, 5)
    run = _longest_run(_joined(smooth, float(np.percentile(smooth, 90))))
    best = float(np.percentile(along[run], 75))
    length = (run.stop - run.start) * _COARSE_MM
    if best < _LEAST_SCORE:
        raise InputError(
            "no spinal canal is found: nothing in this image is soft, round and enclosed by bone over "
            f"{_LEAST_MM:.0f} mm (best score {best:.1f}, {_LEAST_SCORE} is expected). Is this a CT of the spine in "
            "Hounsfield units? Otherwise give labels"
        )
    if length < _LEAST_MM:
        raise InputError(
            f"no spinal canal is found that is long enough: {length:.0f} mm of one are seen in this image of "
            f"{image.size_mm[2]:.0f} mm along the body, and {_LEAST_MM:.0f} mm are needed to tell vertebrae apart: "
            "give more slices of this CT, or labels"
        )
    heights = np.arange(len(path)) * _COARSE_MM + start[2]
    places = np.column_stack([path * _COARSE_MM + start[:2], heights])
    fine = _centred(image, places)
    kept = (fine[:, 2] >= heights[run.start]) & (fine[:, 2] <= heights[run.stop - 1])
    return CanalPath(fine[kept], np.interp(fine[kept, 2], heights, along))


def _joined(score: Floats, usual: float) -> Mask:
    """Where a path with these scores is kept: clear stretches and the dim ones between two long ones.

    A stretch that goes on dimly and leads nowhere has left the canal; one that leads to another canal has not.
    """
    clear = score > _KEPT * usual
    pieces, count = ndimage.label(score > _DIMMED * usual)
    stretches, _ = ndimage.label(clear)
    long = np.flatnonzero(np.bincount(stretches)[1:] * _COARSE_MM >= _LEAST_MM) + 1
    for piece in range(1, count + 1):
        ends = np.flatnonzero((pieces == piece) & np.isin(stretches, long))
        if len(ends):
            clear[ends[0] : ends[-1] + 1] = True
    return np.asarray(clear)


def _longest_run(found: Mask) -> slice:
    pieces, count = ndimage.label(found)
    if count == 0:
        return slice(0, 1)
    longest = int(np.bincount(pieces)[1:].argmax()) + 1
    inside = np.flatnonzero(pieces == longest)
    return slice(int(inside[0]), int(inside[-1]) + 1)


def _centred(image: Upright, coarse: Floats) -> Floats:
    """The path moved to the middle of the lumen, slice by slice of 1 mm, shape (n, 3)."""
    heights = np.arange(0.0, image.size_mm[2] + 1e-6, _FINE_MM)
    x, y = (np.interp(heights, coarse[:, 2], ndimage.gaussian_filter1d(coarse[:, axis], 3.0)) for axis in (0, 1))
    grid = np.arange(-_TUBE_MM, _TUBE_MM + 0.1, _FINE_MM)
    left, back = np.meshgrid(grid, grid, indexing="ij")
    where = np.stack(
        [
            (x + left[..., None]) / image.spacing_mm[0],
            (y + back[..., None]) / image.spacing_mm[1],
            np.broadcast_to(heights / image.spacing_mm[2], (*left.shape, len(heights))),
        ]
    )
    tube = ndimage.map_coordinates(image.array, where, np.float32, order=1, mode="nearest")
    tube = ndimage.gaussian_filter(tube, (0.7, 0.7, 1.0))
    free = tube < _LUMEN_HU
    room = np.stack([ndimage.distance_transform_edt(plane) for plane in np.moveaxis(free, 2, 0)], axis=2)
    room = ndimage.gaussian_filter(np.clip(room, 0, _LUMEN_MM).astype(np.float32), (1, 1, 3))
    narrow = ndimage.minimum_filter1d(room, 15, axis=2)  # a foramen beside the canal is open for some slices only
    narrow = ndimage.gaussian_filter1d(narrow, 3.0, axis=2)
    fat = np.clip((-20 - ndimage.gaussian_filter(tube, 1.5)) / 60, 0, 1)
    score = narrow - 4 * fat - 0.006 * (left**2 + back**2)[..., None]
    path = best_path(score.astype(np.float32), _FINE_BEND)
    x, y = x + grid[path[:, 0]], y + grid[path[:, 1]]
    smooth = [ndimage.gaussian_filter1d(values, 5.0, mode="nearest") for values in (x, y)]
    return np.column_stack([*smooth, heights])
