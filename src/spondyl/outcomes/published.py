"""Published differences and arms, brought to one sign, one scale and one name for each outcome."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from spondyl.evidence import Comparison, TrialRow, trial_rows
from spondyl.outcomes.types import HORIZON_DAYS, ArmPoint, Course, Difference

PAIN, DISABILITY = "pain", "disability"
_DIFFERENCES = ("between_group_difference", "between_group_difference_of_change")
_AGAINST = ("_minus_", "_vs_", "difference_favours_")
_COURSES = {"PVP": Course.VERTEBROPLASTY, "BKP": Course.KYPHOPLASTY}


@dataclass(frozen=True)
class _Scale:
    """How an outcome of the table is told."""

    outcome: str
    unit: str
    less_is_better: bool
    full: float | None = None  # told on this scale: value / scale_max * full


_SCALES = {
    "pain_vas": _Scale(PAIN, "points of 10", True),
    "pain_nrs": _Scale(PAIN, "points of 10", True),
    "rmdq": _Scale(DISABILITY, "% of the scale", True, 100.0),
    "rmdq_modified": _Scale(DISABILITY, "% of the scale", True, 100.0),
    "rmdq_rescaled": _Scale(DISABILITY, "% of the scale", True, 100.0),
    "qualeffo": _Scale("quality of life (QUALEFFO)", "points of 100", True),
    "sf36_pcs": _Scale("physical health (SF-36)", "points of 100", False),
    "odi": _Scale("disability (Oswestry)", "%", True),
    "eq5d": _Scale("quality of life (EQ-5D)", "1", False),
}


def published_differences(cause: str) -> tuple[Difference, ...]:
    """All verified differences after the first day until one year, positive where the procedure did better.

    Parameters
    ----------
    cause
        Of the fractures in the trials: "osteoporotic" or "neoplastic".

    Assumptions: Roland-Morris questionnaires of 23, 24 and 100 points are compared as percent of their scale.
    """
    return tuple(_difference(row) for row in _rows(cause) if row.value_type in _DIFFERENCES and row.time_days > 0)


def published_arms(cause: str) -> tuple[ArmPoint, ...]:
    """Verified means of arms that were followed up within the year; a sham arm belongs to the course without cement.

    A procedure's arm is shown only beside a control of the same trial: alone, natural recovery would pass for its
    effect.
    """
    arms = [_arm(row) for row in _rows(cause) if row.value_type == "mean"]
    followed = {(one.trial, one.arm, one.outcome) for one in arms if one.time_days > 0}
    kept = [one for one in arms if (one.trial, one.arm, one.outcome) in followed]
    controlled = {(one.trial, one.outcome) for one in kept if one.course is Course.NONE}
    return tuple(one for one in kept if (one.trial, one.outcome) in controlled)


def _rows(cause: str) -> Iterator[TrialRow]:
    for row in trial_rows():
        shown = row.value is not None and row.outcome in _SCALES and row.time_days <= HORIZON_DAYS
        if shown and row.design.cause == cause and row.design.kind is not Comparison.ADD_ON:
            yield row


def _difference(row: TrialRow) -> Difference:
    scale = _SCALES[row.outcome]
    factor = _factor(row, scale) * (-1 if _is_lower_minus_higher(row, scale) else 1)
    ends = sorted(factor * end for end in (row.low, row.high) if end is not None)
    assert row.value is not None
    return Difference(
        outcome=scale.outcome,
        unit=scale.unit,
        course=_course(row.arm),
        against=row.design.control,
        kind=row.design.kind,
        trial=row.trial,
        trial_name=row.design.name,
        population=row.design.population,
        time_days=row.time_days,
        value=factor * row.value,
        low=ends[0] if ends else None,
        high=ends[1] if ends else None,
        n=row.n,
        independent=row.design.part_of is None,
        source=row.source,
    )


def _is_lower_minus_higher(row: TrialRow, scale: _Scale) -> bool:
    """Whether the row is a plain subtraction whose sign must be turned for positive to mean better.

    "A_minus_B" is arithmetic; "A_vs_B" and "difference_favours_A" are positive already where A is better.
    """
    first, minus, _ = row.arm.partition("_minus_")
    return bool(minus) and (first in _COURSES) == scale.less_is_better


def _arm(row: TrialRow) -> ArmPoint:
    scale = _SCALES[row.outcome]
    factor = _factor(row, scale)
    assert row.value is not None
    return ArmPoint(
        outcome=scale.outcome,
        unit=scale.unit,
        course=_course(row.arm),
        arm=row.arm,
        kind=row.design.kind,
        trial=row.trial,
        trial_name=row.design.name,
        time_days=row.time_days,
        value=factor * row.value,
        low=None if row.low is None else factor * row.low,
        high=None if row.high is None else factor * row.high,
        n=row.n,
        source=row.source,
    )


def _factor(row: TrialRow, scale: _Scale) -> float:
    if scale.full is None:
        return 1.0
    assert row.scale_max is not None
    return scale.full / row.scale_max


def _course(arm: str) -> Course:
    """The procedure that an arm had, or that a comparison asks about."""
    words = arm
    for mark in _AGAINST:
        words = words.replace(mark, " ")
    procedures = [_COURSES[word] for word in words.split() if word in _COURSES]
    return procedures[0] if procedures else Course.NONE
