"""Ribs in a CT straightened along the canal: bone that leaves the spine sideways and goes on beyond any process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from spondyl.space import Floats
from spondyl.spine.segmenters.arrays import Grey, Mask

BONE_HU = 140.0
_FROM_MM, _STEP_MM = 28.0, 2.0  # beside the midline: beyond a thoracic vertebra's facets
_BACK_MM = (-15.0, 45.0)  # behind the canal's path: in front of it lie vessels and kidneys
_AREA_MM2 = (10.0, 420.0)  # of a rib's cross-section in a sagittal plane; ilium, kidney and scapula are larger
_ALONG_MM, _ACROSS_MM = 34.0, 30.0
_JUMP_MM = 6.0  # between planes, from where the rib is expected
_BEGINS_BY_MM = 44.0  # what is seen only further outward is no rib of this vertebra
_LEAST_PLANES = 4


class Cut(NamedTuple):
    """A bone's cross-section in one sagittal plane: distance from the midline, place backwards and station. [mm]"""

    side_mm: float
    back_mm: float
    station: float


@dataclass(frozen=True)
class Spur:
    """A bone followed outward from the spine on one side: a rib, or a transverse process."""

    cuts: tuple[Cut, ...]

    @property
    def root(self) -> float:
        """Station at which it leaves the spine. [mm]"""
        return self.cuts[0].station

    @property
    def reach_mm(self) -> float:
        """How far from the midline it was followed."""
        return self.cuts[-1].side_mm


def find_spurs(straight: Grey, left_mm: Floats, back_mm: Floats, sign: int, farthest_mm: float) -> tuple[Spur, ...]:
    """Bones that leave the spine on one side, from foot to head.

    They are followed through sagittal planes 2 mm apart, each as a small piece of bone near where the last plane let it
    be expected. A rib crosses such planes far beyond the tip of a transverse process; a bone broken by noise ends too
    early and is then taken for a process, so what is short is not yet no rib.

    Parameters
    ----------
    straight
        CT along the canal, shape (left, back, stations of 1 mm). [HU]
    left_mm, back_mm
        Places of its first two axes, 1 mm apart. [mm]
    sign
        +1 the patient's left, -1 the right.
    farthest_mm
        Distance from the midline to which bones are followed.
    """
    rows = (back_mm >= _BACK_MM[0]) & (back_mm <= _BACK_MM[1])
    growing: list[list[Cut]] = []
    done: list[list[Cut]] = []
    for side in np.arange(_FROM_MM, farthest_mm + 0.1, _STEP_MM):
        plane = straight[np.abs(left_mm - sign * side) <= 1.0][:, rows].mean(axis=0)
        free = _sections(plane, float(side), float(back_mm[rows][0]))
        still = []
        for cuts in growing:
            near = _next(cuts, free)
            if near is not None:
                free.remove(near)
                cuts.append(near)
                still.append(cuts)
            elif side - cuts[-1].side_mm < 2.5 * _STEP_MM:
                still.append(cuts)
            else:
                done.append(cuts)
        growing = still + [[cut] for cut in free if side <= _BEGINS_BY_MM]
    spurs = [Spur(tuple(cuts)) for cuts in done + growing if len(cuts) >= _LEAST_PLANES]
    return tuple(sorted(spurs, key=lambda spur: spur.root))


def _sections(plane: Grey, side: float, first_back: float) -> list[Cut]:
    """Pieces of bone of a rib's or process's size in one sagittal plane (back, stations)."""
    bone: Mask = ndimage.gaussian_filter(np.clip(plane, -200, 700), 0.8) > BONE_HU
    pieces, _ = ndimage.label(bone)
    found = []
    for number, where in enumerate(ndimage.find_objects(pieces), 1):
        piece = pieces[where] == number
        small = _AREA_MM2[0] <= piece.sum() <= _AREA_MM2[1]
        if small and piece.shape[0] <= _ACROSS_MM and piece.shape[1] <= _ALONG_MM:
            back, station = (np.array(ndimage.center_of_mass(piece)) + [part.start for part in where]).tolist()
            found.append(Cut(side, first_back + back, station))
    return found


def _next(cuts: list[Cut], free: list[Cut]) -> Cut | None:
    """The piece that goes on with a bone, as it has run so far."""
    last = cuts[-1]
    slope = (last.station - cuts[0].station) / (last.side_mm - cuts[0].side_mm) if len(cuts) > 3 else -0.35
    best, least = None, np.inf
    for cut in free:
        ahead = cut.side_mm - last.side_mm
        away = float(np.hypot(cut.back_mm - last.back_mm, cut.station - last.station - slope * ahead))
        if away < min(least, _JUMP_MM + ahead - _STEP_MM):
            best, least = cut, away
    return best
