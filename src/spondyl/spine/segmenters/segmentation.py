"""Vertebrae told apart in a bare CT: a mask of each, its body and arch, and the canal. Names come later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spondyl.errors import InputError
from spondyl.space import Floats, Volume, is_blank
from spondyl.spine.segmenters.arches import Arches, find_arches
from spondyl.spine.segmenters.arrays import Upright
from spondyl.spine.segmenters.bodies import Bodies
from spondyl.spine.segmenters.chains import ASKED_MM
from spondyl.spine.segmenters.end_plates import DiscPlates, find_end_plates
from spondyl.spine.segmenters.found import SACRAL_MM, DiscsFound, Search, search_discs
from spondyl.spine.segmenters.levels import FAINT, against_neighbours, mean_depths
from spondyl.spine.segmenters.places import StraightPlaces
from spondyl.spine.segmenters.walls import find_body_wall, find_canal_wall
from spondyl.studies import Progress
from spondyl.studies.progress import silent

ARCH, BODY, CANAL = 41, 49, 61  # sub-region numbers of SPINEPS
_SMALLEST_MM3 = 1500.0  # of the body of an end vertebra that is still told: less is a rim
_ONE_DISC = "it is cut: only one of its discs is found"
_FAINT_END = "it is taken as cut: the disc at the end of what is found hardly looks like a disc"
_SEEN_CALMED = (
    "its lower disc is seen only after smoothing within slices, with metal as bright as bone: a sharp kernel or metal "
    "may have misled the search"
)
_THICK_MM = 3.5  # of slices that still show a pedicle of 5 to 8 mm in two of them
_COMPARED = 4  # bodies beside one
_LARGE, _SMALL = 1.6, 0.65  # of their volume; neighbours that are whole differ by less than a third
_FLAT, _TALL = 0.78, 1.35  # of the height that depth and neighbours let expect; on the test data 0.85 to 1.30
_SHALLOW, _DEEP = 0.8, 1.2  # depth of the wall over that of the midline; on the test data 0.86 to 1.00
_RIM_MM = 1.5  # of an end plate that does not count
_BEYOND_SHARE = 0.05  # of an end plate outside the image: more, and the body is cut
_FACE_MM2 = 20.0  # of a body on the image's border: more, and it is cut
_CLEAR_DISC = 0.8  # score of a disc that could not be clearer
PER_DOUBT = 0.6  # of the confidence


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Vertebrae told apart in a CT, not yet named.

    `confidence` is how clearly both discs of a vertebra stand out from the bodies beside them (1: as clear as they
    come), lowered by 40 % for each doubt. It orders vertebrae by how much they deserve a look; it is not a probability.
    """

    vertebrae: Volume  # uint8 on the CT's grid: 0 none, k = the k-th vertebra from the head, 1..n
    parts: Volume  # uint8, same grid: 49 body, 41 arch, 61 canal (SPINEPS sub-region numbers)
    found: DiscsFound  # discs, alternatives, whether the sacrum lies below
    confidence: tuple[float, ...]  # per vertebra, 0..1
    doubts: tuple[tuple[str, ...], ...]  # per vertebra, in words
    cut: tuple[bool, ...]  # per vertebra: the image border, or the end of what is found, cuts its body

    def __post_init__(self) -> None:
        count = len(self.cut)
        if not len(self.confidence) == len(self.doubts) == count:
            raise InputError("confidence, doubts and cut of a segmentation are told for the same vertebrae")
        if not self.vertebrae.geometry.is_same_grid(self.parts.geometry):
            raise InputError("vertebrae and parts of a segmentation lie on one grid")
        if int(self.vertebrae.array.max(initial=0)) > count:
            raise InputError(f"{count} vertebrae are told, but a voxel bears a higher number")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, item.name) for item in fields(self))


def segment_spine(
    ct: Volume,
    *,
    wanted: Sequence[ArrayLike] = (),
    refused: Sequence[ArrayLike] = (),
    progress: Progress = silent,
) -> Segmentation:
    """The vertebrae of a bare CT from its grey values alone: body, arch and canal, counted from the head, not named.

    Canal and discs are found first (`find_discs`). The bodies' common wall and the end plates of each disc are
    surfaces in the CT straightened along the canal; the voxels' places are compared with them, so that nothing is
    resampled. Arches are bone behind the bodies, each piece given to the level from which it is reached.

    Parameters
    ----------
    ct
        Volume in Hounsfield units, at most 40 degrees askew to the patient.
    wanted, refused
        Points at which a person says that a disc is, or that none is, each shape (3,). [mm, LPS]
    progress
        Called with the share done and what is being done.

    Raises
    ------
    InputError
        If no canal of 45 mm is seen, or fewer than two discs.
    """
    progress(0.0, "looking for the canal and the discs")
    search = search_discs(ct, wanted=wanted, refused=refused)
    progress(0.4, "following walls and end plates")
    bodies = _bodies(search)
    places = StraightPlaces.around(search.frame, search.image.size_mm)
    progress(0.6, "giving arches to their bodies")
    arches = find_arches(search.image, search.straight, search.column, places, bodies, sacrum_below=search.sacrum_below)
    progress(0.8, "writing the masks")
    vertebrae, parts = _painted(search, places, bodies, arches)
    told = _told(search, bodies, vertebrae, parts)
    progress(1.0, "done")
    return told


def _bodies(search: Search) -> Bodies:
    straight, column, discs = search.straight, search.column, search.levels.discs
    spacing = search.image.spacing_mm
    wall = find_body_wall(straight, column, float(spacing[:2].mean()))
    plates = find_end_plates(straight, column, discs, wall, float(spacing[2]))
    shown = np.flatnonzero(column.shown)
    low = max(float(shown[0]), discs[0] - float(column.depth_mm[discs[0]]))
    high = min(float(shown[-1]), discs[-1] + float(column.depth_mm[discs[-1]]))
    return Bodies(wall, find_canal_wall(straight, column), plates, (low, high))


def _painted(
    search: Search, places: StraightPlaces, bodies: Bodies, arches: Arches
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Interval plus one, and parts, of each voxel of the upright image, plane by plane."""
    image = search.image
    vertebrae, parts = (np.zeros(image.array.shape, np.uint8) for _ in range(2))
    low, high = places.box()
    start = np.maximum(np.ceil(low / image.spacing_mm), 0).astype(int)
    stop = np.minimum(np.floor(high / image.spacing_mm).astype(int) + 1, image.array.shape)
    left, back = (image.spacing_mm[k] * np.arange(start[k], stop[k]) for k in range(2))
    block = (slice(start[0], stop[0]), slice(start[1], stop[1]))
    for k in range(start[2], stop[2]):
        height = k * float(image.spacing_mm[2])
        u, v, s, off = places.plane(left, back, height)
        s = np.where(off < 3, s, -1.0)
        interval = bodies.interval(u, v, s)
        arch = arches.plane(left, back, height)
        arch[interval >= 0] = 0
        canal = bodies.is_canal(u, v, s) & (interval < 0) & (arch == 0)
        vertebrae[(*block, k)] = np.where(interval >= 0, interval + 1, arch)
        parts[(*block, k)] = np.select([interval >= 0, arch > 0, canal], [BODY, ARCH, CANAL], 0)
    return vertebrae, parts


def _told(search: Search, bodies: Bodies, intervals: NDArray[np.uint8], parts: NDArray[np.uint8]) -> Segmentation:
    """Intervals numbered from the head, on the CT's own grid; what lies below the lowest disc of a sacrum left out."""
    image, levels = search.image, search.levels
    discs = levels.discs
    counts = np.bincount(intervals[parts == BODY], minlength=len(discs) + 2)[1:]
    sizes = np.asarray(counts * image.geometry.voxel_volume_mm3, np.float64)
    kept = [n for n in range(len(discs) + 1) if _is_told(n, len(discs), sizes, search.sacrum_below)]
    number = np.zeros(len(discs) + 2, np.uint8)
    number[[n + 1 for n in kept[::-1]]] = np.arange(1, len(kept) + 1)
    vertebrae = number[intervals]
    parts[(vertebrae == 0) & (parts != CANAL)] = 0
    ratios = against_neighbours(bodies.heights(search.column), mean_depths(search.column, discs))
    deep = bodies.depth_ratios(search.column)
    outside = [_outside(search, disc, bodies) for disc in bodies.plates]
    on_border = np.maximum(_border_areas(vertebrae, parts, image.spacing_mm), _blank_areas(image, vertebrae, parts))
    confidence: list[float] = []
    doubts: list[tuple[str, ...]] = []
    cut: list[bool] = []
    for n in kept[::-1]:
        beside = [search.column.disc[discs[k]] for k in (n - 1, n) if 0 <= k < len(discs)]
        is_end = n in (0, len(discs)) or _ends_faintly(search, n)
        said = (
            [_ONE_DISC if n in (0, len(discs)) else _FAINT_END]
            if is_end
            else [*levels.doubts[n - 1], *odd_size(sizes, n), *odd_height(ratios[n - 1]), *odd_wall(deep[n - 1])]
        )
        if n == 1 and search.sacrum_below:
            said += odd_foot(search.sacral_mm)
            said += [_SEEN_CALMED] if search.calmed else []
        beyond = max(outside[n - 1][1] if n else 0.0, outside[n][0] if n < len(discs) else 0.0)
        if beyond > _BEYOND_SHARE:
            said.append(f"{beyond:.0%} of an end plate lies outside the image")
        bordered = bool(on_border[len(cut) + 1] > _FACE_MM2)
        if bordered and not is_end and beyond <= _BEYOND_SHARE:
            said.append("the image ends at its body: a part of it may lie outside")
        confidence.append(float(np.clip(min(beside) / _CLEAR_DISC, 0, 1) * PER_DOUBT ** len(said)))
        doubts.append((*said, *_too_thick(float(image.spacing_mm[2]))))
        cut.append(is_end or beyond > _BEYOND_SHARE or bordered)
    return Segmentation(
        Volume(image.turned_back(vertebrae), image.geometry, "1"),
        Volume(image.turned_back(parts), image.geometry, "1"),
        search.found,
        tuple(confidence),
        tuple(doubts),
        tuple(cut),
    )


def _ends_faintly(search: Search, interval: int) -> bool:
    """Whether the first or the last disc found bounds a body and hardly looks like a disc: a sliver lies beyond it.

    The disc on a sacrum is no such end: it is often narrow. Nor is a disc that a person named.
    """
    discs = search.levels.discs
    outer = [(len(discs) - 1, discs[-1]), *([] if search.sacrum_below else [(1, discs[0])])]
    seen = [(n, disc) for n, disc in outer if not any(abs(disc - place) <= ASKED_MM for place in search.named)]
    return any(number == interval and search.column.disc[disc] < FAINT for number, disc in seen)


def odd_size(sizes: Floats, interval: int) -> list[str]:
    """What a body's volume beside that of the nearest ones makes doubtful; the first and the last are not whole."""
    whole = [n for n in range(1, len(sizes) - 1) if n != interval]
    near = sorted(whole, key=lambda n: abs(n - interval))[:_COMPARED]
    if len(near) < 2:
        return []
    ratio = float(sizes[interval] / np.median(sizes[near]))
    if ratio > _LARGE:
        return [f"its body has {ratio:.1f} times the volume of those beside it: two may be joined here"]
    if ratio < _SMALL:
        return [f"its body has {ratio:.0%} of the volume of those beside it: collapsed, or a part of a body"]
    return []


def odd_height(ratio: float) -> list[str]:
    """What a body's height over what is expected of it makes doubtful."""
    if ratio > _TALL:
        return [f"its body is {ratio:.1f} times as high as those beside it let expect"]
    if ratio < _FLAT:
        return [
            f"its body has {ratio:.0%} of the height that those beside it let expect: collapsed, or a part of a body"
        ]
    return []


def odd_wall(ratio: float) -> list[str]:
    """What a wall that does not lie where the midline shows it makes doubtful."""
    if _SHALLOW <= ratio <= _DEEP:
        return []
    return [f"its wall is {ratio:.1f} times as deep as its midline shows: fat, lung or dark marrow may have misled it"]


def odd_foot(canal_mm: float) -> list[str]:
    """What much canal between the disc taken for the one on the sacrum and the canal's end makes doubtful."""
    if canal_mm <= SACRAL_MM:
        return []
    return [f"{canal_mm:.0f} mm of canal lie below its lower disc: a level above the sacrum may be missing"]


def _too_thick(slice_mm: float) -> tuple[str, ...]:
    """What slices are too thick for; it lowers no confidence, which is that of the bodies."""
    if slice_mm <= _THICK_MM:
        return ()
    return (f"slices of {slice_mm:.1f} mm are too thick for pedicles: its arch shows where it is and is not measured",)


def _outside(search: Search, disc: DiscPlates, bodies: Bodies) -> tuple[float, float]:
    """Share of the lower and of the upper plate of a disc that lies outside the image."""
    frame, image = search.frame, search.image
    left, back = np.meshgrid(disc.left_mm, disc.back_mm, indexing="ij")
    shares = []
    for surface in (disc.lower, disc.upper):
        own = bodies.wall.margin(left, back, surface) > _RIM_MM
        if not own.any():
            return 1.0, 1.0
        station, u, v = surface[own], left[own], back[own]
        near = np.clip(np.rint(station).astype(int), 0, len(frame) - 1)
        place = frame.origins[near] + (station - near)[:, None] * frame.head[near]
        place = place + u[:, None] * frame.left[near] + v[:, None] * frame.back[near]
        shares.append(float(1 - image.shows(place).mean()))
    return shares[0], shares[1]


def _border_areas(vertebrae: NDArray[np.uint8], parts: NDArray[np.uint8], spacing_mm: Floats) -> Floats:
    """Largest area of each number's body on a face of the image, by number. [mm²]

    Aside, in front and behind, the voxel beside the outermost one counts too: a wall that is followed to the border
    ends one voxel short of it.
    """
    largest = np.zeros(256)
    for axis, planes in enumerate(((0, 1, -2, -1), (0, 1, -2, -1), (0, -1))):
        area = float(np.prod(np.delete(spacing_mm, axis)))
        for k in planes:
            face, part = np.take(vertebrae, k, axis), np.take(parts, k, axis)
            largest = np.maximum(largest, area * np.bincount(face[part == BODY], minlength=256))
    return largest


def _blank_areas(image: Upright, vertebrae: NDArray[np.uint8], parts: NDArray[np.uint8]) -> Floats:
    """Largest area of each number's body towards padding, from one side, by number. [mm²]

    Two voxels away counts, as at the image's faces.
    """
    largest = np.zeros(256)
    body = np.argwhere(parts == BODY)
    last = np.array(parts.shape) - 1
    for axis in range(3):
        area = float(np.prod(np.delete(image.spacing_mm, axis)))
        for step in (-2, 2):
            beside = body + step * np.eye(3, dtype=int)[axis]
            outer = ((beside >= 0) & (beside <= last)).all(axis=1)
            outer[outer] = parts[tuple(beside[outer].T)] != BODY
            blank = body[outer][is_blank(image.array, beside[outer])]
            largest = np.maximum(largest, area * np.bincount(vertebrae[tuple(blank.T)], minlength=256))
    return largest


def _is_told(interval: int, discs: int, sizes: Floats, sacrum_below: bool) -> bool:
    """Whether an interval becomes a vertebra: what lies between two discs does, an end only where it is no rim."""
    if interval == 0 and sacrum_below:
        return False
    return 0 < interval < discs or bool(sizes[interval] >= _SMALLEST_MM3)
