"""From a bare CT to vertebrae with names: the own segmenter, the names, and label images of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from spondyl.errors import InputError
from spondyl.space import Volume
from spondyl.spine.label_maps import CANAL
from spondyl.spine.names import Anchor, BodyShape, NamingProposal, letter, measure_shape, name_levels, parse_anchor
from spondyl.spine.segmenters import Segmentation, look_again, segment_spine
from spondyl.spine.types import Level
from spondyl.studies import LabelImage, Progress, Question
from spondyl.studies.progress import silent

ARCH, BODY, CANAL_NUMBER = 41, 49, 61  # sub-region numbers of SPINEPS
METHOD = "own segmenter"
_LOOK = (
    "Look at the picture of the levels; say where a disc is missing with --disc-at, or where there is none with "
    "--no-disc-at, or give corrected labels."
)
_GIVE_ABOVE = (
    "Nothing above is measured or planned. Where the spine goes on there, give a part of the CT that begins at the "
    "levels you need, a wider field of view, or labels."
)
_THIN = "Use thinner slices of this scan where there are any."
_LEVEL_MM = 25.0  # of the image above the canal that is found: room for a vertebra
_FOUND_FROM, _NAMED_FROM = 0.6, 0.85  # share of the work after which the masks are there, and looked at again


@dataclass(frozen=True, eq=False)
class NamedSegmentation:
    """Vertebrae told apart in a CT, with their names or with the question for them."""

    segmentation: Segmentation
    naming: NamingProposal
    notes: tuple[str, ...] = ()  # of how it was found

    def __post_init__(self) -> None:
        levels = self.naming.levels
        if levels is not None and len(levels) != len(self.segmentation.cut):
            raise InputError(f"{len(self.segmentation.cut)} vertebrae are told apart, but {len(levels)} are named")

    @property
    def names(self) -> dict[int, str]:
        """What each number of `labels` stands for; letters where the levels have no names."""
        levels = self.naming.levels
        if levels is None:
            count = len(self.segmentation.cut)
            return {number: letter(number) for number in range(1, count + 1)} | {CANAL_NUMBER: CANAL}
        return {int(level): _structure(level) for level in levels} | {CANAL_NUMBER: CANAL}

    @property
    def labels(self) -> LabelImage:
        """Label image: VerSe numbers, or 1, 2, 3 ... from the head where there are no names; 61 the canal."""
        found, levels = self.segmentation, self.naming.levels
        numbers = np.arange(len(found.cut) + 1, dtype=np.uint8)
        if levels is not None:
            numbers[1:] = [int(level) for level in levels]
        array: NDArray[np.uint8] = numbers[found.vertebrae.array]
        array[(array == 0) & (found.parts.array == CANAL_NUMBER)] = CANAL_NUMBER
        return LabelImage(Volume(array, found.vertebrae.geometry, "1"), self.names, {})

    @property
    def parts(self) -> LabelImage:
        """Sub-regions on the same grid: 49 body, 41 arch, 61 canal."""
        names = {BODY: "body", ARCH: "arch", CANAL_NUMBER: CANAL}
        return LabelImage(self.segmentation.parts, names, {})

    @property
    def cut_levels(self) -> tuple[Level, ...]:
        """Levels of which only one disc is found; they are never measured."""
        levels = self.naming.levels or ()
        return tuple(level for level, cut in zip(levels, self.segmentation.cut, strict=False) if cut)

    @property
    def questions(self) -> tuple[Question, ...]:
        """Of the names, and of single vertebrae that may be two, or half a one."""
        called = self.names
        numbers = [number for number in called if number != CANAL_NUMBER]
        doubtful = [
            (called[number].removeprefix("vertebrae_"), said)
            for number, said, cut in zip(numbers, self.segmentation.doubts, self.segmentation.cut, strict=True)
            if said and not cut
        ]
        alike: dict[tuple[str, ...], list[str]] = {}
        for name, said in doubtful:
            alike.setdefault(tuple(said), []).append(name)
        asked = [
            Question(
                "vertebra_doubtful",
                f"{', '.join(names)} as found by the own segmenter: {'; '.join(said)}.",
                _THIN if all("too thick" in words for words in said) else _LOOK,
                blocking=False,
            )
            for said, names in alike.items()
        ]
        return (*self.naming.questions, *self._lost_above, *asked)

    @property
    def _lost_above(self) -> tuple[Question, ...]:
        """Of levels that the image shows above those found, where the canal could not be followed to them."""
        unseen = self.segmentation.found.unseen_above_mm(self.segmentation.vertebrae.geometry)
        if unseen < _LEVEL_MM:
            return ()
        said = (
            f"The spinal canal is followed to {unseen:.0f} mm below the upper border of the image: the levels above "
            "are not told apart."
        )
        return (Question("levels_lost_above", said, _GIVE_ABOVE, blocking=False),)


def segment_levels(
    ct: Volume,
    *,
    anchors: Sequence[str | Anchor] = (),
    disc_at: Sequence[ArrayLike] = (),
    no_disc_at: Sequence[ArrayLike] = (),
    progress: Progress = silent,
) -> NamedSegmentation:
    """The vertebrae of a bare CT, told apart and named, or lettered with the question for their names.

    Parameters
    ----------
    ct
        Volume in Hounsfield units.
    anchors
        What a person says of levels, such as "L1=slice:412" (`parse_anchor`).
    disc_at, no_disc_at
        Points at which a person says that a disc is, or that none is, each shape (3,). [mm, LPS]
    progress
        Called with the share done and what is being done.

    Raises
    ------
    InputError
        If no spine is found, or if an anchor is not understood or means no vertebra.
    """
    parsed = [_anchor(anchor) for anchor in anchors]  # before the long part begins
    found, note = tell_apart(ct, disc_at=disc_at, no_disc_at=no_disc_at, progress=progress)
    progress(_NAMED_FROM, "looking for ribs and sacrum")
    named = name_segmentation(ct, found, parsed)
    progress(1.0, "done")
    return replace(named, notes=(note,))


def tell_apart(
    ct: Volume,
    *,
    disc_at: Sequence[ArrayLike] = (),
    no_disc_at: Sequence[ArrayLike] = (),
    progress: Progress = silent,
) -> tuple[Segmentation, str]:
    """The vertebrae without names, with the network's doubts where it can run, and a note that says whether.

    Parameters
    ----------
    ct, disc_at, no_disc_at, progress
        As for `segment_levels`.
    """
    found = segment_spine(
        ct, wanted=disc_at, refused=no_disc_at, progress=lambda share, what: progress(_FOUND_FROM * share, what)
    )
    return _looked_again(ct, found, progress)


def _looked_again(ct: Volume, found: Segmentation, progress: Progress) -> tuple[Segmentation, str]:
    """The vertebrae with the network's doubts where it can run, and a note that says whether."""
    span = _NAMED_FROM - _FOUND_FROM
    try:
        seen = look_again(ct, found, progress=lambda share, what: progress(_FOUND_FROM + span * share, what))
    except InputError as error:
        return found, f"vertebrae were told apart from grey values alone: {error}"
    return (
        seen,
        "a network looked at the vertebrae again for discs inside them; what it sees is a doubt, no mask is its own",
    )


def name_segmentation(ct: Volume, found: Segmentation, anchors: Sequence[str | Anchor] = ()) -> NamedSegmentation:
    """Names for vertebrae that are told apart already, as `segment_levels` gives them.

    Parameters
    ----------
    ct
        Volume they were found in. [HU]
    found
        The vertebrae.
    anchors
        As for `segment_levels`.
    """
    numbers = piece_numbers(found)
    doubts = [() if number is None else found.doubts[number - 1] for number in numbers]
    parsed = [_anchor(anchor) for anchor in anchors]
    discs, shapes = found.found, piece_shapes(found, numbers)
    named = name_levels(ct, discs.canal, discs.discs, numbers=numbers, doubts=doubts, shapes=shapes, anchors=parsed)
    return NamedSegmentation(found, named)


def piece_shapes(found: Segmentation, numbers: Sequence[int | None]) -> tuple[BodyShape | None, ...]:
    """Sizes of the vertebra at each piece from head to foot; None: none there, cut, or in doubt.

    Parameters
    ----------
    found
        The vertebrae.
    numbers
        As `piece_numbers` gives them.
    """
    discs, geometry = found.found.discs, found.vertebrae.geometry
    boxes = ndimage.find_objects(found.vertebrae.array)
    shapes: list[BodyShape | None] = []
    for piece, number in enumerate(numbers):
        box = None if number is None or number > len(boxes) else boxes[number - 1]
        if number is None or box is None or found.cut[number - 1] or found.doubts[number - 1]:
            shapes.append(None)
            continue
        mine, parts = found.vertebrae.array[box] == number, found.parts.array[box]
        first = [part.start for part in box]
        body, arch = (geometry.points(np.argwhere(mine & (parts == kind)) + first) for kind in (BODY, ARCH))
        above = int(np.clip(len(discs) - piece, 1, len(discs) - 1))  # discs run from the foot
        shapes.append(measure_shape(body, arch, discs[above] - discs[above - 1]))
    return tuple(shapes)


def piece_numbers(found: Segmentation) -> tuple[int | None, ...]:
    """Number of the vertebra at each piece between the discs, from head to foot; None: no vertebra is told there."""
    inner, count = len(found.found.discs) - 1, len(found.cut)
    above = count - inner == 2 or (count - inner == 1 and _lies_above_discs(found))
    numbers: list[int | None] = [1] if above else [None]
    numbers += [number + above for number in range(1, inner + 1)]
    return (*numbers, count if count > inner + above else None)


def _lies_above_discs(found: Segmentation) -> bool:
    """Whether the first vertebra lies above the highest disc."""
    geometry, discs = found.vertebrae.geometry, found.found.discs
    voxels = np.argwhere((found.vertebrae.array == 1) & (found.parts.array == BODY))
    if not len(voxels):
        return False
    return bool((geometry.points(voxels.mean(axis=0)) - discs[-1]) @ (discs[-1] - discs[-2]) > 0)


def _anchor(anchor: str | Anchor) -> Anchor:
    return parse_anchor(anchor) if isinstance(anchor, str) else anchor


def _structure(level: Level) -> str:
    return level.name.lower() if level in (Level.SACRUM, Level.COCCYX) else f"vertebrae_{level.name}"
