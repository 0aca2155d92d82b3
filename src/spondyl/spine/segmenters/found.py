"""Canal and discs of a bare CT, in patient mm: where a segmentation without labels begins."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from spondyl.space import Floats, Volume, read_only
from spondyl.spine.segmenters.arrays import Upright
from spondyl.spine.segmenters.canal_path import find_canal
from spondyl.spine.segmenters.column import Column, measure_column
from spondyl.spine.segmenters.curved import CurvedFrame, followed, straightened, turns_by_symmetry
from spondyl.spine.segmenters.levels import ChainCandidate, find_levels

_BEYOND_MM = 10.0  # of canal added straight at both ends, so that the outermost discs are seen whole
_SACRUM_MM = 25.0  # from the image's lower border to the canal's end: more, and it ended by itself


@dataclass(frozen=True, eq=False)
class DiscsFound:
    """Canal and discs of a CT, from foot to head. Bodies between two discs bear no level names: the discs tell none."""

    canal: Floats  # (m, 3), centre of the canal every millimetre, patient mm
    discs: Floats  # (n, 3), centre of each disc, patient mm
    doubts: tuple[tuple[str, ...], ...]  # of each of the n - 1 bodies between discs, in words; empty: none
    candidates: tuple[ChainCandidate, ...]  # readings of which discs there are, the one returned first

    def __post_init__(self) -> None:
        for name in ("canal", "discs"):
            object.__setattr__(self, name, read_only(getattr(self, name), np.float64))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, item.name) for item in fields(self))


def find_discs(ct: Volume) -> DiscsFound:
    """The spinal canal and the discs in front of it, from grey values alone.

    The canal is followed through the slices, the CT straightened along it, and the best chain of discs searched; an
    interval too long for one body, or with the pedicles of two, is searched again with looser rules. A strongly
    collapsed body can still be merged with its neighbour; how often `doubts` says so then is not measured. No masks.

    Parameters
    ----------
    ct
        Volume in Hounsfield units, at most 40 degrees askew to the patient.

    Raises
    ------
    InputError
        If no canal of 45 mm is seen, or fewer than two discs.
    """
    image = Upright.of(ct)
    path = followed(image, find_canal(image).places)
    frame = CurvedFrame.along(path, beyond_mm=_BEYOND_MM)
    turns = turns_by_symmetry(straightened(image, frame))
    frame = CurvedFrame.along(path, beyond_mm=_BEYOND_MM, turns=turns)
    column = measure_column(straightened(image, frame))
    levels = find_levels(column, sacrum_below=bool(path[0, 2] > _SACRUM_MM))
    places = _disc_places(frame, column, levels.discs)
    return DiscsFound(image.points(frame.origins), image.points(places), levels.doubts, levels.candidates)


def _disc_places(frame: CurvedFrame, column: Column, discs: tuple[int, ...]) -> Floats:
    """Middle of each disc between its front and back, shape (n, 3). [mm]"""
    at = np.array(discs)
    back = column.wall_mm[at] - 0.5 * column.depth_mm[at]
    return np.asarray(frame.origins[at] + back[:, None] * frame.back[at])
