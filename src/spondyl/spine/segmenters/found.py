"""Canal and discs of a bare CT, in patient mm: where a segmentation without labels begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from spondyl.errors import InputError
from spondyl.space import Floats, Geometry, Volume, is_blank, read_only
from spondyl.spine.segmenters.arrays import Grey, Mask, Upright
from spondyl.spine.segmenters.canal_path import find_canal
from spondyl.spine.segmenters.column import Column, measure_column
from spondyl.spine.segmenters.curved import CurvedFrame, followed, straightened, turns_by_symmetry
from spondyl.spine.segmenters.levels import ChainCandidate, LevelsFound, find_levels

BEYOND_MM = 10.0  # of canal added straight at both ends, so that the outermost discs are seen whole
_SACRUM_MM = 25.0  # from the image's lower border to the canal's end: more, and it ended by itself
_AROUND_MM = 20.0  # aside, before and behind it: what is padding there too is not the air behind a person
_SIDE_MM = 12.0  # of a disc's middle that must be shown to either side
SACRAL_MM = 60.0  # of canal followed into a sacrum; on the test data up to 55, and from 65 where L5 was lost
_CALMED_MM = 1.0  # within slices, of an image searched again: undoes most of what a sharp kernel adds
_BRIGHTEST_HU = 1000  # of bone; metal counts as no brighter in an image searched again
_NAMED_MM = 25.0  # a disc that a person points at lies no further from one that could be


@dataclass(frozen=True, eq=False)
class DiscsFound:
    """Canal and discs of a CT, from foot to head. Bodies between two discs bear no level names: the discs tell none."""

    canal: Floats  # (m, 3), centre of the canal every millimetre, patient mm
    discs: Floats  # (n, 3), centre of each disc, patient mm
    doubts: tuple[tuple[str, ...], ...]  # of each of the n - 1 bodies between discs, in words; empty: none
    candidates: tuple[ChainCandidate, ...]  # readings of which discs there are, the one returned first
    sacrum_below: bool = False  # the canal ends well above the image's border: the lowest disc may lie on the sacrum

    def __post_init__(self) -> None:
        for name in ("canal", "discs"):
            object.__setattr__(self, name, read_only(getattr(self, name), np.float64))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, item.name) for item in fields(self))

    def unseen_above_mm(self, geometry: Geometry) -> float:
        """Height of the image with this grid above the canal's upper end; below 0 where the canal leaves it. [mm]"""
        axis = int(np.abs(geometry.axes[2]).argmax())
        last, end = geometry.shape[axis] - 1, float(geometry.indices(self.canal[-1])[axis])
        cells = last - end if geometry.axes[2, axis] > 0 else end
        return cells * float(geometry.spacing_mm[axis]) + BEYOND_MM  # the canal goes on straight for that long


@dataclass(frozen=True, eq=False)
class Search:
    """What a search for discs leaves behind: the image turned upright, straightened along the canal, and its column."""

    image: Upright
    frame: CurvedFrame
    straight: Grey
    column: Column
    levels: LevelsFound
    sacrum_below: bool
    named: tuple[float, ...] = ()  # stations at which a person says that a disc is
    calmed: bool = False  # path and discs are those of the image searched again

    @property
    def sacral_mm(self) -> float:
        """Length of the canal that is followed below the lowest disc. [mm]"""
        return float(self.levels.discs[0]) - BEYOND_MM

    @property
    def is_long_below(self) -> bool:
        """Whether a sacrum lies below and more of the canal than one holds."""
        return self.sacrum_below and self.sacral_mm > SACRAL_MM

    @property
    def found(self) -> DiscsFound:
        """The same in patient mm."""
        places = _disc_places(self.frame, self.column, self.levels.discs)
        image, levels = self.image, self.levels
        canal = image.points(self.frame.origins)
        return DiscsFound(canal, image.points(places), levels.doubts, levels.candidates, self.sacrum_below)


def find_discs(ct: Volume, *, wanted: Sequence[ArrayLike] = (), refused: Sequence[ArrayLike] = ()) -> DiscsFound:
    """The spinal canal and the discs in front of it, from grey values alone.

    The canal is followed through the slices, the CT straightened along it, and the best chain of discs searched; an
    interval too long for one body, or with the pedicles of two, is searched again with looser rules. A strongly
    collapsed body can still be merged with its neighbour; docs/validation/segmentation.md tells how often `doubts` said
    so. No masks.

    Parameters
    ----------
    ct
        Volume in Hounsfield units, at most 40 degrees askew to the patient.
    wanted, refused
        Points at which a person says that a disc is, or that none is, each shape (3,). [mm, LPS]

    Raises
    ------
    InputError
        If no canal of 45 mm is seen, or fewer than two discs.
    """
    return search_discs(ct, wanted=wanted, refused=refused).found


def search_discs(ct: Volume, *, wanted: Sequence[ArrayLike] = (), refused: Sequence[ArrayLike] = ()) -> Search:
    """As `find_discs`, with what a segmentation goes on from.

    A sharp kernel rims fat and bone so darkly that the canal's path may leave the sacrum and its disc with it; so it
    may where screws wall the canal in more brightly than bone does elsewhere. Where so much canal lies below the lowest
    disc, the image is searched once more, metal as bright as bone and smoothed within slices; if the disc is seen
    then, path and discs are taken from there, and the grey values from the CT as it is.
    """
    image = Upright.of(ct)
    first = _seen(image, wanted, refused)
    if not first.is_long_below:
        return first
    bone = np.minimum(image.array, _BRIGHTEST_HU).astype(np.float32)
    calmed = ndimage.gaussian_filter(bone, (*(_CALMED_MM / image.spacing_mm[:2]), 0))
    try:
        again = _seen(replace(image, array=calmed), wanted, refused)
    except InputError:
        return first
    if again.is_long_below:
        return first
    return replace(again, image=image, straight=straightened(image, again.frame), calmed=True)


def _seen(image: Upright, wanted: Sequence[ArrayLike], refused: Sequence[ArrayLike]) -> Search:
    """Canal and discs as one image shows them."""
    path = followed(image, find_canal(image).places)
    frame = CurvedFrame.along(path, beyond_mm=BEYOND_MM)
    turns = turns_by_symmetry(straightened(image, frame))
    frame = CurvedFrame.along(path, beyond_mm=BEYOND_MM, turns=turns)
    straight = straightened(image, frame)
    column = measure_column(straight)
    column = replace(column, shown=column.shown & _planes_shown(image, frame, column))
    sacrum_below = not _ends_below(image, path[0])
    named = (tuple(_station(image, frame, column, point) for point in points) for points in (wanted, refused))
    asked, denied = named
    levels = find_levels(column, sacrum_below=sacrum_below, wanted=asked, refused=denied)
    return Search(image, frame, straight, levels.column, levels, sacrum_below, asked)


def _ends_below(image: Upright, place: Floats) -> bool:
    """Whether the image, or its picture where it is padded, ends 25 mm below a place or sooner."""
    below = (
        place - (0, 0, _SACRUM_MM) + _AROUND_MM * np.array([(0, 0, 0), (-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0)])
    )
    return bool(is_blank(image.array, below / image.spacing_mm).all())


def _station(image: Upright, frame: CurvedFrame, column: Column, point: ArrayLike) -> float:
    """Station of the disc that a point names, by the middle of the column."""
    stations = np.arange(len(frame))
    back = column.wall_mm - 0.5 * column.depth_mm
    middle = image.points(frame.origins + back[:, None] * frame.back)
    distance = np.linalg.norm(middle - np.asarray(point, np.float64), axis=1)
    if distance.min() > _NAMED_MM:
        raise InputError(
            f"the point {np.round(np.asarray(point, float), 1).tolist()} lies {distance.min():.0f} mm from the column "
            f"of bodies that is found; a disc is named by a point within {_NAMED_MM:.0f} mm of its middle (LPS, mm)"
        )
    return float(stations[int(distance.argmin())])


def _planes_shown(image: Upright, frame: CurvedFrame, column: Column) -> Mask:
    """Stations at which both plates of a disc, tilted as it would be there, lie wholly in the image."""
    tilt, lean = (np.tan(np.radians(column.plane[:, k])) for k in (0, 1))
    shown = np.ones(len(frame), bool)
    for share in (0.1, 0.9):
        for left in (-_SIDE_MM, _SIDE_MM):
            back = column.wall_mm - share * column.depth_mm
            along = tilt * (0.5 - share) * column.depth_mm + lean * left
            middle = frame.origins + left * frame.left + back[:, None] * frame.back
            for sign in (-0.5, 0.5):
                place = middle + (along + sign * column.plane[:, 2])[:, None] * frame.head
                shown &= image.shows(place)
    return shown


def _disc_places(frame: CurvedFrame, column: Column, discs: tuple[int, ...]) -> Floats:
    """Middle of each disc between its front and back, shape (n, 3). [mm]"""
    at = np.array(discs)
    back = column.wall_mm[at] - 0.5 * column.depth_mm[at]
    return np.asarray(frame.origins[at] + back[:, None] * frame.back[at])
