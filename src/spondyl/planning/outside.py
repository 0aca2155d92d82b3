"""Candidate needles beside a pedicle: along its outer wall, or through the side wall of the body."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spondyl.planning.room import Room
from spondyl.planning.search import Aim, Candidates, ranked, tips_of
from spondyl.planning.types import Approach
from spondyl.space import Floats, Frame
from spondyl.spine import Pedicle, Side

# Ahead of the entry the needle comes through the wall; from here on all walls are forbidden. A needle of radius r that
# crosses a wall at an angle a lies within it after r / sin(a): 8 mm is enough for 8 G (2.1 mm) from 15 deg on, for 11 G
# from 11 deg on. Flatter ones are told to meet the wall, on the safe side.
WALL_FROM_MM = 8.0
# From the pedicle's outer wall. Choices of this program, no published distance was read: two widths of an 11 G needle
# still run along the pedicle; the far limit ends the grid, it is no anatomical border.
_ALONG_TO_MM, _BESIDE_TO_MM = 6.0, 24.0
BEHIND_MM = 25.0  # behind the place beside the pedicle, where obstacles are still watched
_BESIDE_MM = {
    Approach.PARAPEDICULAR: (0.0, _ALONG_TO_MM),
    Approach.EXTRAPEDICULAR: (_ALONG_TO_MM, _BESIDE_TO_MM),
}
_ACROSS = 15  # places each way beside the pedicle
_OFF_WEIGHT = 0.1  # clearance that is given up for 1 mm nearer to the pedicle: less is passed that was not checked
_SAMPLES_BEHIND, _SAMPLES_AHEAD = 12, 24
_BATCH = 25_000


def search_outside(
    room: Room, pedicle: Pedicle, frame: Frame, aim: Aim, radius_mm: float, way: Approach, keep_off_mm: float = 0.0
) -> Candidates:
    """All lines from a grid of places beside the pedicle to a grid of tips, ranked for a needle of this radius.

    Places lie in the plane of the pedicle's narrowest section, within its height: up to 6 mm from its outer wall for a
    parapedicular needle, 6 to 24 mm for an extrapedicular one. Lines that meet no bone are left out; so are
    extrapedicular ones that meet bone behind their place, or the body behind its posterior wall first. Where a
    clearance to the canal is asked for (`keep_off_mm`), so much less room is counted beside the canal.
    """
    through, targets = _beside(pedicle, frame, way), tips_of(frame, aim)
    first, second = np.meshgrid(np.arange(len(through)), np.arange(len(targets)), indexing="ij")
    starts, tips = through[first.ravel()], targets[second.ravel()]
    free = np.concatenate(
        [
            free_radius_outside(room, starts[i : i + _BATCH], tips[i : i + _BATCH], way, keep_off_mm)
            for i in range(0, len(starts), _BATCH)
        ]
    )
    off = np.linalg.norm(starts - pedicle.isthmus, axis=1)
    return ranked(starts, tips, free, frame, aim, radius_mm, _OFF_WEIGHT * off)


def free_radius_outside(room: Room, through: Floats, target: Floats, way: Approach, keep_off_mm: float = 0.0) -> Floats:
    """Least distance along each line to what it must not meet, by the nearest voxel's centre, shape (n,). [mm]

    Obstacles count along the whole line, the outside of the bone from 8 mm behind the entry. Minus infinity where the
    line is none of this approach. For ranking; the paths that are kept are measured exactly.
    """
    start = room.geometry.indices(through).astype(np.float32)
    step = room.geometry.indices(target).astype(np.float32) - start
    length = np.linalg.norm(target - through, axis=1).astype(np.float32)
    bone, away = room.bone.ravel(), room.away_with_canal_mm(keep_off_mm).ravel()
    inside = room.free_of_canal_mm(keep_off_mm).ravel()
    least = np.full(len(start), np.inf)
    behind = np.zeros(len(start), bool)
    for back in np.linspace(-BEHIND_MM, -BEHIND_MM / _SAMPLES_BEHIND, _SAMPLES_BEHIND):
        place = _flat(room, start, step, back / length)
        np.minimum(least, away[place], out=least)
        behind |= bone[place]
    entered = np.full(len(start), np.inf, np.float32)
    for share in np.linspace(0, 1, _SAMPLES_AHEAD, dtype=np.float32):
        place = _flat(room, start, step, share)
        np.minimum(least, away[place], out=least)
        depth = share * length
        entered = np.where(bone[place] & np.isinf(entered), depth, entered)
        deep = depth >= entered + WALL_FROM_MM
        least = np.where(deep, np.minimum(least, inside[place]), least)
    wrong = entered + WALL_FROM_MM > length
    if way is Approach.EXTRAPEDICULAR:
        wrong |= behind | (entered == 0)
    return np.where(wrong, -np.inf, least)


def _flat(room: Room, start: NDArray[np.float32], step: NDArray[np.float32], share: object) -> NDArray[np.int64]:
    """Flat indices of the voxels at a share of each line; beyond the block the nearest voxel of its border."""
    shares = np.broadcast_to(np.asarray(share, np.float32), len(start))
    top = np.array(room.geometry.shape) - 1
    place = np.clip(np.rint(start + shares[:, None] * step).astype(np.int64), 0, top)
    return np.asarray((place[:, 0] * room.geometry.shape[1] + place[:, 1]) * room.geometry.shape[2] + place[:, 2])


def _beside(pedicle: Pedicle, frame: Frame, way: Approach) -> Floats:
    """Places beside the pedicle's narrowest section, shape (n, 3)."""
    plane = Frame.from_directions(
        pedicle.isthmus, frame.cranial - (frame.cranial @ pedicle.axis) * pedicle.axis, pedicle.axis
    )
    outwards = 1.0 if pedicle.side is Side.LEFT else -1.0
    near, far = (pedicle.width_mm / 2 + beside for beside in _BESIDE_MM[way])
    up = np.linspace(-0.5, 0.5, _ACROSS) * pedicle.height_mm
    left = outwards * np.linspace(near, far, _ACROSS)
    first, second = np.meshgrid(up, left, indexing="ij")
    return plane.to_patient(np.stack([first, np.zeros_like(first), second], axis=-1).reshape(-1, 3))
