"""A plan of one level: needles, what was refused, cement."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spondyl.errors import InputError
from spondyl.evidence import find_entry, find_parameter
from spondyl.planning.balloons import SIZES, fit_balloons
from spondyl.planning.gauges import outer_diameter
from spondyl.planning.landmarks import entry_landmarks
from spondyl.planning.room import make_room
from spondyl.planning.sides import Case, compared, others, side_paths, worth
from spondyl.planning.surroundings import BESIDE_ONLY, Labelled, labelled_surroundings
from spondyl.planning.types import (
    CLASS_LIMITS_MM,
    AccessClass,
    Approach,
    CementVolume,
    NeedlePath,
    NoPath,
    Plan,
    Structure,
)
from spondyl.spine import Level, Side, Spine, Vertebra

VERTEBROPLASTY, KYPHOPLASTY = COURSES = ("vertebroplasty", "kyphoplasty")
ANY = "any"  # all approaches are looked at
_NEVER_CHECKED = ("folds of the pleura without lung in them",)
_BESIDE = ("muscles and the nerves in them",)  # beside the pedicle
_NO_CT = ("lung and bowel", "metal or cement that is there already")
NOTES = (
    "the CT was taken lying; in the theatre the position will differ: check every angle under the C-arm",
    "straight paths only",
)


def no_treatment(level: Level | str) -> Plan:
    """The empty plan of a level: nothing is done.

    >>> no_treatment("L1").is_untreated
    True
    """
    return Plan(Level.parse(level) if isinstance(level, str) else level)


def plan_augmentation(
    spine: Spine,
    level: Level | str,
    *,
    course: str = VERTEBROPLASTY,
    approach: str = "transpedicular",
    gauge: int = 11,
    needles: int = 2,
    side: Side | None = None,
    lowest_class: str = AccessClass.C,
    lowest_class_source: str | None = None,
) -> Plan:
    """Plan needles into one vertebra.

    Straight paths through or beside each pedicle are searched on the masks. The class of a path is by the clearance of
    its surface to the canal. Where the largest voxel edge exceeds 1.5 mm, or half the pedicle's narrowest width for a
    path through it, clearance cannot be judged: the path is orientation only and has no class.

    Parameters
    ----------
    course
        "vertebroplasty": tips where cement goes; "kyphoplasty": a balloon at each needle's end, midway between the
        endplates, as wide as the body lets it become now.
    approach
        "transpedicular", "parapedicular", "extrapedicular", or "any": all three are looked at on each
        side, and the first of them that has a path is taken; the others become alternatives.
    gauge
        8 to 13; 11 to 13 are usual for vertebroplasty [pp-needle].
    needles
        2 for one on each side, 1 for the better side with its tip near the midline.
    side
        The one side wanted; None: both are looked at.
    lowest_class
        "A", "B" or "C": paths of a lower class are not proposed, and their side is refused with what limits it. C, the
        default, keeps all that has a class: this program's choice, no published limit was read.
    lowest_class_source
        Where another lowest class comes from: a local rule or a publication, in words. The plan's notes print it.
    """
    if approach != ANY and approach not in list(Approach):
        raise InputError(f"the approach '{approach}' is not known; it is one of {', '.join((*Approach, ANY))}")
    if course not in COURSES:
        raise InputError(f"the course '{course}' is not known; it is one of {', '.join(COURSES)}")
    if needles not in (1, 2) or (needles == 2 and side is not None):
        raise InputError(f"1 or 2 needles are planned, and one side takes 1; found {needles}, side {side}")
    outer_diameter(gauge)
    told = lowest_class_words(lowest_class, lowest_class_source)
    case = replace(
        _case(spine, spine[level], gauge, needles, balloon=course == KYPHOPLASTY),
        lowest_class=AccessClass(lowest_class),
    )
    ways = tuple(Approach) if approach == ANY else (Approach(approach),)
    found: list[tuple[NeedlePath, ...]] = []
    refused: list[NoPath] = []
    for each in Side if side is None else (side,):
        paths, refusals = side_paths(case, each, ways)
        refused += refusals
        if paths:
            found.append(paths)
    found.sort(key=lambda paths: worth(paths[0]), reverse=True)
    used = found[:needles]
    left = [path for paths in used for path in others(paths)]
    left += [path for paths in found[needles:] for path in (paths[0], *others(paths))]
    first = {paths[0].side: paths[0] for paths in used}
    chosen = tuple(
        replace(paths[0], landmarks=entry_landmarks(case.vertebra, paths[0]))
        for paths in sorted(used, key=lambda paths: paths[0].side.value)
    )
    judged = [path for path in chosen if path.access_class is not None]
    around = labelled_surroundings(spine, case.vertebra)
    balloons, without = fit_balloons(case.vertebra, judged) if case.balloon else ((), ())
    if case.balloon and len(judged) < len(chosen):
        without = (*without, "the size of a balloon is not given: its needle cannot be judged on this CT")
    return Plan(
        case.vertebra.level,
        needles=chosen,
        balloons=balloons,
        cement=cement_volume(case.vertebra) if used else None,
        refused=tuple(refused),
        alternatives=tuple(compared(path, first) for path in sorted(left, key=worth, reverse=True)),
        unchecked=_unchecked(case, ways, around),
        notes=(*_notes(spine), *_arch_words(case.vertebra), told, *without, *(balloon_notes() if case.balloon else ())),
        checked=_checked(case, ways, around) if judged or not chosen else (),
    )


def lowest_class_words(lowest_class: str, source: str | None) -> str:
    """The lowest class that is proposed, its limit, and who set it.

    >>> lowest_class_words("B", "spine board 2026")
    'proposed down to class B (from 1 mm to the canal), set here: spine board 2026'
    """
    if lowest_class not in list(CLASS_LIMITS_MM):
        raise InputError(f"the lowest class '{lowest_class}' is not known; it is one of {', '.join(CLASS_LIMITS_MM)}")
    if source is None and lowest_class != AccessClass.C:
        raise InputError(
            f"the lowest class {lowest_class} has no source: say where it comes from (lowest_class_source)"
        )
    by = (
        "no local setting: this program's default, whose limits of 1 mm steps no publication was read for"
        if source is None
        else f"set here: {source}"
    )
    limit = CLASS_LIMITS_MM[AccessClass(lowest_class)]
    return f"proposed down to class {lowest_class} (from {limit:g} mm to the canal), {by}"


def _checked(case: Case, ways: tuple[Approach, ...], around: tuple[Labelled, ...]) -> tuple[Structure, ...]:
    """What distances were measured to, for needles on either side."""
    incomplete = {Structure(labelled.kind.value) for labelled in around if not labelled.is_whole}
    walls = [Structure.BODY_WALL, *((Structure.PEDICLE_WALL,) if Approach.TRANSPEDICULAR in ways else ())]
    looked_for = {*case.room.checked, *walls} - incomplete
    return tuple(structure for structure in Structure if structure in looked_for)


def _unchecked(case: Case, ways: tuple[Approach, ...], around: tuple[Labelled, ...]) -> tuple[str, ...]:
    """What no distance was measured to, and what the labels do not hold at this level."""
    roots = () if Structure.FORAMEN in case.room.checked else ("nerve roots",)
    through = ways == (Approach.TRANSPEDICULAR,)
    missing = [
        labelled.missing_words()
        for labelled in around
        if not labelled.is_whole and not (through and labelled.kind in BESIDE_ONLY)
    ]
    no_ct = _NO_CT if case.spine.ct is None else ()
    return (*no_ct, *missing, *_NEVER_CHECKED, *(() if through else _BESIDE), *roots)


def cement_volume(vertebra: Vertebra) -> CementVolume:
    """Bracket of cement by body volume and the mean fill that restored strength and stiffness in cadavers."""
    assert vertebra.body is not None
    entry = find_entry("pp-volume-fill")
    shares = [entry.figure(name).value for name in ("fill_strength", "fill_stiffness")]
    low, high = (float(str(share)) / 100 for share in shares)
    volume = float(vertebra.body.array.sum()) * vertebra.body.geometry.voxel_volume_mm3 / 1000
    return CementVolume(low * volume, high * volume, volume, entry.source)


def balloon_notes() -> tuple[str, ...]:
    """What must be known of the size of a balloon."""
    sizes, needle = find_parameter(SIZES), find_entry("pp-needle")
    return (
        "balloon: check the instructions for use for its inflated size, volume and pressure; lengths are nominal ones "
        f"of one maker [{sizes.source}], the diameter is that of the cavity before anything is lifted",
        f"working cannulae for balloons are larger than the needles of vertebroplasty [{needle.source}]: plan with the "
        "gauge of yours",
        "the bracket of cement is from vertebroplasty: it does not follow the balloon",
    )


def _notes(spine: Spine) -> tuple[str, ...]:
    position = None if spine.study is None else spine.study.scan.patient_position
    told = "the header does not say how the patient lay" if position is None else f"scanned in position {position}"
    asked = (*(() if spine.study is None else spine.study.questions), *spine.questions)
    first = (f"answer first: {question.text} {question.action}" for question in asked if question.blocking)
    return (*first, told, *NOTES)


def _arch_words(vertebra: Vertebra) -> tuple[str, ...]:
    """That the image cuts the arch, through which the needles go; nothing where it does not."""
    return tuple(f"{vertebra.level.name}: {remark}" for remark in vertebra.arch_cut)


def _case(spine: Spine, vertebra: Vertebra, gauge: int, needles: int, *, balloon: bool = False) -> Case:
    name = vertebra.level.name
    if not vertebra.level.is_intended:
        raise InputError(f"{name} lies outside the intended use: needles are planned from T5 to L5")
    if vertebra.is_cut:
        raise InputError(f"{name} is {vertebra.cut_words}: no path is planned into it")
    if vertebra.body is None or vertebra.frame is None or vertebra.posterior is None:
        why = "; ".join(vertebra.remarks) or "body and arch could not be told apart"
        raise InputError(f"{name} has no body to plan into ({why}): check its label, then plan again")
    if spine.canal is None:
        raise InputError(f"there is no canal around {name}, so no distance to it: label the arches, then plan again")
    if not vertebra.pedicles:
        raise InputError(f"no pedicle of {name} was found, so no way in: label its arch, pedicles too, then plan again")
    room = make_room(spine, vertebra, spine.canal)
    if not room.forbidden(Structure.CANAL).any():
        raise InputError(f"there is no canal at {name}, so no distance to it: label its arch, then plan again")
    wall = float(np.nanmedian(vertebra.posterior.height_mm))
    return Case(spine, vertebra, vertebra.frame, room, gauge, needles, wall, balloon)
