"""Are the level names plausible? Order, gaps, doubles and transitional vertebrae; and renaming by whole levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from spondyl.errors import InputError
from spondyl.space import Floats, Geometry, Volume
from spondyl.spine.centres import rough_centre
from spondyl.spine.names import SPACING_MM, Anchor, place_of
from spondyl.spine.types import Level, Spine, Vertebra
from spondyl.studies import Question

_NEIGHBOURS = 4  # gaps on either side that tell how far apart bodies stand here
_ROOM = 0.55  # of a body's spacing: so much more or less than expected is another body, not a tall or a crushed one
_FURTHER = 1.4  # of a body's spacing beyond the last labelled body: there another one is mostly visible
_SACRUM_ROOM = 1.1  # of a body's spacing from the lowest centre to the sacrum; one that stands on it has 0.6-0.8
_SIZES = (0.7, 1.4)  # of the usual distance of bodies: three standard deviations of adults' sizes either way
_SIZED = 3  # distances that tell it; with fewer, one crushed body or thick disc would
_PREFIX = "level_"  # of the codes of all questions asked here, so that renaming can ask them anew


def naming_questions(levels: Sequence[Level], centres: Floats, sacrum: Volume | None = None) -> tuple[Question, ...]:
    """What is doubtful about the names of these levels.

    Parameters
    ----------
    levels
        Named bodies from head to foot, without sacrum and coccyx.
    centres
        Their body centres, shape (n, 3), patient mm.
    sacrum
        Mask of the sacrum where it is labelled.

    Raises
    ------
    InputError
        If the names run from foot to head (`refuse_reversed`).
    """
    refuse_reversed(levels, centres)
    questions = _order(levels, centres)
    if not questions:
        questions += _gaps(levels, centres)
        questions += _size(levels, centres)
    return (*questions, *_transitional(levels, centres, sacrum))


def relabelled(spine: Spine, shift: int) -> Spine:
    """The same spine with every name moved by `shift` levels; +1 is one further down (L1 becomes L2).

    The sacrum and coccyx keep their names. T13 is passed only where the spine has one. Whatever was measured with the
    old names has to be measured again.

    Raises
    ------
    InputError
        If a name would leave C1 to L6.
    """
    chain = _chain(spine.levels)
    fixed = (Level.SACRUM, Level.COCCYX)
    renamed = [v if v.level in fixed else replace(v, level=_shifted(v.level, shift, chain)) for v in spine]
    named = [v for v in renamed if v.level not in fixed]
    sacrum = next((v.mask for v in renamed if v.level is Level.SACRUM), None)
    centres = body_centres(named)
    questions = [q for q in spine.questions if not q.code.startswith(_PREFIX)]
    questions += naming_questions([v.level for v in named], centres, sacrum)
    if shift and sacrum is not None:
        questions.append(_sacrum_question(named[-1].level))
    note = f"all vertebrae renamed by {shift:+d} level{'s' if abs(shift) > 1 else ''}"
    return replace(
        spine,
        vertebrae=tuple(renamed),
        questions=blocking_first(questions),
        notes=(*spine.notes, note),
    )


def shift_of_anchors(spine: Spine, anchors: Sequence[Anchor]) -> int:
    """By how many levels all names must move so that the vertebra at an anchor has its level.

    Raises
    ------
    InputError
        If no vertebra lies there, or if two anchors need different shifts.
    """
    named = [v for v in spine if v.level not in (Level.SACRUM, Level.COCCYX)]
    if len(named) < 3:
        raise InputError(f"{len(named)} vertebrae are too few to tell which one an anchor means: use --shift")
    centres = body_centres(named)[::-1]
    discs = (centres[1:] + centres[:-1]) / 2
    chain, image = _chain(spine.levels), spine.geometry if spine.ct is None else spine.ct.geometry
    shifts = []
    for anchor in anchors:
        there = named[place_of(anchor, image, discs, range(1, len(named) + 1))].level
        if anchor.level not in chain:
            raise InputError(f"{anchor}: names of labels are moved as a whole; {anchor.level.name} needs new labels")
        shifts.append(chain.index(anchor.level) - chain.index(there))
    if len(set(shifts)) != 1:
        raise InputError(
            f"the anchors {', '.join(map(str, anchors))} need the names moved by "
            f"{', '.join(f'{shift:+d}' for shift in shifts)}; all names move alike: correct the labels, or the anchors"
        )
    return shifts[0]


def blocking_first(questions: Sequence[Question]) -> tuple[Question, ...]:
    """The same questions, those first that must be answered before any result is used."""
    return tuple(sorted(questions, key=lambda question: not question.blocking))


def body_centres(vertebrae: Sequence[Vertebra]) -> Floats:
    """Centres of bodies, shape (n, 3), as well as they are known: from axes, body or mask alone. [mm, LPS]"""
    found = [rough_centre(v.body or v.mask) if v.frame is None else v.frame.origin for v in vertebrae]
    return np.array(found).reshape(-1, 3)


def unlabelled_ends(levels: Sequence[Level], centres: Floats, image: Geometry, *, sacrum: bool) -> tuple[str, ...]:
    """Notes on room for whole bodies above or below the labelled ones that the image shows.

    Some tools leave partly visible vertebrae without a label, some stop at the vertebrae they were asked for.
    """
    if len(levels) < 2:
        return ()
    notes = []
    steps = np.diff(centres, axis=0)
    per_level = [_names_between(a, b) + 1 for a, b in pairwise(levels)]
    if levels[0] is not Level.C1 and image.contains(centres[0] - _FURTHER * steps[0] / per_level[0]):
        notes.append(f"the image goes on above {levels[0].name}: vertebrae there are not labelled")
    if levels[-1] < Level.L5 and not sacrum and image.contains(centres[-1] + _FURTHER * steps[-1] / per_level[-1]):
        notes.append(f"the image goes on below {levels[-1].name}: vertebrae there are not labelled")
    return tuple(notes)


def _chain(levels: Sequence[Level]) -> list[Level]:
    return sorted(
        (level for level in Level if level < Level.SACRUM or (level is Level.T13 and Level.T13 in levels)),
        key=lambda level: level.order,
    )


def _shifted(level: Level, shift: int, chain: list[Level]) -> Level:
    place = chain.index(level) + shift
    if not 0 <= place < len(chain):
        raise InputError(
            f"{level.name} cannot be moved by {shift:+d}: there is no level beyond {chain[0 if shift < 0 else -1].name}"
        )
    return chain[place]


def _sacrum_question(last: Level) -> Question:
    return Question(
        _PREFIX + "sacrum_kept",
        f"The names were moved, but the sacrum keeps its own; the lowest vertebra above it is now {last.name}.",
        "Confirm that the sacrum is labelled rightly and that this count of lumbar vertebrae is meant.",
        blocking=last is not Level.L5,
    )


def refuse_reversed(levels: Sequence[Level], centres: Floats) -> None:
    """Refuse names that run from foot to head: the label map or the orientation is wrong, and no level can be trusted.

    Parameters
    ----------
    levels, centres
        As for `naming_questions`.
    """
    steps = _steps_down(centres)
    if (steps < 0).sum() * 2 > len(steps):
        raise InputError(
            f"the levels run from foot to head: {levels[0].name} lies below {levels[-1].name}; the label map does not "
            "belong to these labels, or the label image is upside down. Name the right label map or correct the image"
        )


def _order(levels: Sequence[Level], centres: Floats) -> list[Question]:
    """Names that do not run from head to foot along the line through the bodies."""
    steps = _steps_down(centres)
    wrong = [f"{levels[i].name} and {levels[i + 1].name}" for i in np.flatnonzero(steps < 0).tolist()]
    if not wrong:
        return []
    return [
        Question(
            _PREFIX + "out_of_order",
            f"Levels are out of order along the spine: {'; '.join(wrong)} stand the wrong way round.",
            "Correct the labels; no level near them can be trusted.",
            blocking=True,
        )
    ]


def _steps_down(centres: Floats) -> Floats:
    """From each centre to the next along their main direction, towards the feet. [mm]"""
    if len(centres) < 2:
        return np.empty(0)
    main = np.linalg.svd(centres - centres.mean(axis=0))[2][0]
    return np.diff(centres @ (-main if main[2] > 0 else main))


def _gaps(levels: Sequence[Level], centres: Floats) -> list[Question]:
    """Missing names with or without room for their bodies, and room without a missing name."""
    steps = np.array([_names_between(a, b) + 1 for a, b in pairwise(levels)], float)
    distances = np.linalg.norm(np.diff(centres, axis=0), axis=1)
    questions = []
    for i, count in enumerate(steps):
        expected = _expected_spacing(distances / steps, i)
        names = f"{levels[i].name} and {levels[i + 1].name}"
        if expected is None:
            if count > 1:
                questions.append(_missing(levels[i], levels[i + 1], "whether there is room for it cannot be told"))
        elif abs(distances[i] / expected - count) <= _ROOM * np.sqrt(count):
            if count > 1:
                questions.append(_missing(levels[i], levels[i + 1], "there is room for it between its neighbours"))
        elif distances[i] / expected > count:
            questions.append(_blocking_gap("room", names, distances[i], expected, "more than their names say"))
        elif count > 1:
            questions.append(_blocking_gap("skipped", names, distances[i], expected, "less than their names say"))
    return questions


def _size(levels: Sequence[Level], centres: Floats) -> list[Question]:
    """Bodies that stand as far apart as those of quite another part of the spine: another tool's numbers, or a child's.

    Most of a wrong label map is told by the order of its names; some maps give another part of the spine in order.
    """
    steps = [
        (float(np.linalg.norm(below - above)), (SPACING_MM[a] + SPACING_MM[b]) / 2)
        for (a, above), (b, below) in pairwise(zip(levels, centres, strict=True))
        if a in SPACING_MM and b in SPACING_MM and _names_between(a, b) == 0
    ]
    if len(steps) < _SIZED:
        return []
    share = float(np.median([found / usual for found, usual in steps]))
    if _SIZES[0] <= share <= _SIZES[1]:
        return []
    found, usual = (float(np.median(mm)) for mm in zip(*steps, strict=True))
    text = (
        f"The bodies of {levels[0].name} to {levels[-1].name} stand {found:.0f} mm apart, where {usual:.0f} mm are "
        "usual for these levels of an adult."
    )
    action = "Check the label map and the voxel size: another map may give other names in the same order."
    return [Question(_PREFIX + "size", text, action, blocking=True)]


def _names_between(above: Level, below: Level) -> int:
    return sum(above.order < level.order < below.order for level in Level if level is not Level.T13)


def _expected_spacing(per_level: Floats, index: int) -> float | None:
    """Median spacing of the gaps around one gap, itself left out; None where there are fewer than two. [mm]"""
    near = np.delete(per_level, index)[max(0, index - _NEIGHBOURS) : index + _NEIGHBOURS]
    return float(np.median(near)) if len(near) >= 2 else None


def _missing(above: Level, below: Level, room: str) -> Question:
    names = [level.name for level in Level if above.order < level.order < below.order and level is not Level.T13]
    return Question(
        _PREFIX + "missing",
        f"{', '.join(names)} between {above.name} and {below.name} "
        f"{'is' if len(names) == 1 else 'are'} not labelled; {room}.",
        "Confirm the names of the vertebrae below, or label the missing ones.",
        blocking=False,
    )


def _blocking_gap(kind: str, names: str, distance: float, expected: float, words: str) -> Question:
    return Question(
        _PREFIX + kind,
        f"The bodies of {names} stand {distance:.0f} mm apart, {words}: neighbouring bodies here stand "
        f"{expected:.0f} mm apart.",
        "Check whether a vertebra is missing or a name was skipped; all names on one side may be off by one.",
        blocking=True,
    )


def _transitional(levels: Sequence[Level], centres: Floats, sacrum: Volume | None) -> list[Question]:
    questions = [
        Question(
            _PREFIX + "transitional",
            f"{level.name} is labelled: a transitional vertebra, which tools and readers name differently.",
            "Confirm the names with the ribs or a whole-spine image before a level is treated.",
            blocking=False,
        )
        for level in (Level.T13, Level.L6)
        if level in levels
    ]
    if sacrum is not None and levels:
        questions += _above_sacrum(levels, centres, sacrum)
    return questions


def _above_sacrum(levels: Sequence[Level], centres: Floats, sacrum: Volume) -> list[Question]:
    """Does the lowest body stand on the sacrum, and should it?"""
    indices = np.argwhere(sacrum.array)[::7]
    nearest = float(np.linalg.norm(sacrum.geometry.points(indices) - centres[-1], axis=1).min())
    spacing = np.linalg.norm(np.diff(centres, axis=0), axis=1)
    last = levels[-1].name
    if len(spacing) == 0:
        return []
    far = nearest > _SACRUM_ROOM * float(np.median(spacing[-3:]))
    if levels[-1] >= Level.L5:
        text = f"Between {last} and the sacrum ({nearest:.0f} mm away) there is room for another vertebra."
        return [
            Question(_PREFIX + "room", text, "Check whether one is missing or the names are off by one.", True)
        ] * far
    if far:
        text = f"The lowest labelled vertebra above the sacrum is {last}, {nearest:.0f} mm from it: others are missing."
        return [Question(_PREFIX + "missing", text, "Label the missing vertebrae or confirm the names.", False)]
    text = f"{last} stands on the sacrum: four lumbar vertebrae, L5 part of the sacrum, or names off by one."
    return [Question(_PREFIX + "lumbar_count", text, "Confirm the count of lumbar vertebrae.", blocking=True)]
