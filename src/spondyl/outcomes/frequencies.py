"""To how many of 1000 people something happened, benefit and harm over the same year, each from one source."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from spondyl.errors import InputError
from spondyl.evidence import TrialRow, find_entry, trial_rows
from spondyl.outcomes.types import Course, Frequency, Meaning

_COUNTS = re.compile(r"^(\d+)/(\d+)$")  # the note of a row: how many of how many


@dataclass(frozen=True)
class _OfTrial:
    """A proportion in the trial table."""

    trial: str
    arm: str
    outcome: str
    days: int
    what: str
    course: Course
    meaning: Meaning


@dataclass(frozen=True)
class _OfEntry:
    """A percentage of an evidence entry."""

    entry: str
    figure: str
    what: str
    courses: tuple[Course, ...]
    meaning: Meaning
    days: int | None
    causes: tuple[str, ...] = ("osteoporotic", "neoplastic")


_NEW = "a new vertebral fracture on X-ray"
_LOSS = "the broken vertebra loses more height"
_NONE, _PVP, _BKP = Course.NONE, Course.VERTEBROPLASTY, Course.KYPHOPLASTY
_GOOD, _BAD = Meaning.WANTED, Meaning.UNWANTED

_NATURAL_TRIALS = (
    _OfTrial("VERTOS_II", "conservative", "resolved_vas_le3", 365, "pain of 3 or less of 10", _NONE, _GOOD),
    _OfTrial("VERTOS_III", "conservative", "relief_ge50pct", 365, "pain at least halved", _NONE, _GOOD),
    _OfTrial("KLAZEN_2010_COURSE", "conservative", "relief_ge50pct", 180, "pain at least halved", _NONE, _GOOD),
    _OfTrial("VAPOUR", "sham", "persisting_nrs_ge4", 180, "pain still 4 or more of 10 (sham group)", _NONE, _BAD),
    _OfTrial("VAPOUR", "sham", "rmdq_ge10", 180, "still disabled, Roland-Morris 10 or more (sham group)", _NONE, _BAD),
)
_TRIALS = (
    _OfTrial("VAPOUR", "sham", "responder_nrs_lt4", 14, "pain below 4 of 10 (sham group)", _NONE, _GOOD),
    _OfTrial("VAPOUR", "PVP", "responder_nrs_lt4", 14, "pain below 4 of 10", _PVP, _GOOD),
    _OfTrial("VERTOS_II", "conservative", "new_vertebral_fracture", 365, _NEW, _NONE, _BAD),
    _OfTrial("VERTOS_II", "PVP", "new_vertebral_fracture", 365, _NEW, _PVP, _BAD),
    _OfTrial("FREE", "NSM", "new_radiographic_fracture", 365, _NEW, _NONE, _BAD),
    _OfTrial("FREE", "BKP", "new_radiographic_fracture", 365, _NEW, _BKP, _BAD),
    _OfTrial("KAVIAR", "PVP", "new_radiographic_fracture", 365, _NEW, _PVP, _BAD),
    _OfTrial("KAVIAR", "BKP", "new_radiographic_fracture", 365, _NEW, _BKP, _BAD),
    _OfTrial("VERTOS_II", "conservative", "further_height_loss", 365, _LOSS, _NONE, _BAD),
    _OfTrial("VERTOS_II", "PVP", "further_height_loss", 365, _LOSS, _PVP, _BAD),
)
_NATURAL_ENTRIES = (
    _OfEntry("nh-newfx-lindsay", "next_year", "a new vertebral fracture", (_NONE,), _BAD, 365, ("osteoporotic",)),
)
_BOTH = (_PVP, _BKP)
_ENTRIES = (
    _OfEntry("cx-rates-symptomatic", "osteoporotic", "a complication that is felt", (_PVP,), _BAD, None,
             ("osteoporotic",)),
    _OfEntry("cx-rates-symptomatic", "metastatic", "a complication that is felt (at most)", (_PVP,), _BAD, None,
             ("neoplastic",)),
    _OfEntry("cx-leak-large", "canal", "cement leaks into the canal of the spine", (_PVP,), _BAD, None),
    _OfEntry("cx-pce-incidence", "ct_incidence", "cement in the vessels of the lung, seen on CT", _BOTH, _BAD, None),
    _OfEntry("cx-infection", "incidence", "an infection of the spine", (_PVP,), _BAD, None),
    _OfEntry("cx-infection2", "ssi", "an infection of the wound or spine", _BOTH, _BAD, None),
)  # fmt: skip


def natural_frequencies(cause: str) -> tuple[Frequency, ...]:
    """What happened to people without cement."""
    return (*_of_trials(_NATURAL_TRIALS, cause), *_of_entries(_NATURAL_ENTRIES, cause))


def course_frequencies(cause: str) -> tuple[Frequency, ...]:
    """Benefit and harm by course; what is not known of a course is not there."""
    return (*_of_trials(_TRIALS, cause), *_of_entries(_ENTRIES, cause))


def _of_trials(wanted: Iterable[_OfTrial], cause: str) -> tuple[Frequency, ...]:
    found = ((one, _row(one)) for one in wanted)
    return tuple(_of_row(one, row) for one, row in found if row.verified and row.design.cause == cause)


def _row(wanted: _OfTrial) -> TrialRow:
    for row in trial_rows():
        place = (row.trial, row.arm, row.outcome, row.time_days)
        if row.value_type == "proportion" and place == (wanted.trial, wanted.arm, wanted.outcome, wanted.days):
            return row
    raise InputError(f"the trial table has no row for {wanted.trial}, {wanted.arm}, {wanted.outcome}")


def _of_row(wanted: _OfTrial, row: TrialRow) -> Frequency:
    """The proportion of a row, with an interval where the counts themselves were published."""
    assert row.value is not None
    low, high = _wilson(row.note)
    return Frequency(
        what=wanted.what,
        course=wanted.course,
        meaning=wanted.meaning,
        per_1000=round(1000 * row.value, 1),
        low=low,
        high=high,
        horizon_days=row.time_days,
        who=f"{row.design.name}: {row.design.population}",
        kind=row.design.kind,
        source=row.source,
    )


def _wilson(note: str) -> tuple[float | None, float | None]:
    """Wilson's 95 % interval of 1000, from counts such as "15/91"; the arm's size alone is not who was followed."""
    counts = _COUNTS.match(note)
    if counts is None:
        return None, None
    from scipy.stats import binomtest

    found = binomtest(int(counts[1]), int(counts[2])).proportion_ci(method="wilson")
    return round(1000 * float(found.low), 1), round(1000 * float(found.high), 1)


def _of_entries(wanted: Iterable[_OfEntry], cause: str) -> tuple[Frequency, ...]:
    return tuple(
        _of_entry(one, course)
        for one in wanted
        if cause in one.causes and find_entry(one.entry).verified
        for course in one.courses
    )


def _of_entry(wanted: _OfEntry, course: Course) -> Frequency:
    entry = find_entry(wanted.entry)
    figure = entry.figure(wanted.figure)
    assert isinstance(figure.value, int | float)
    assert figure.unit == "percent"
    return Frequency(
        what=wanted.what,
        course=course,
        meaning=wanted.meaning,
        per_1000=round(10 * figure.value, 1),
        low=None if figure.ci_low is None else round(10 * figure.ci_low, 1),
        high=None if figure.ci_high is None else round(10 * figure.ci_high, 1),
        horizon_days=wanted.days,
        who=entry.population,
        kind=None,
        source=entry.source,
    )
