"""Signs and scales of published differences, worked by hand from the file."""

from __future__ import annotations

import pytest

from spondyl.evidence import Comparison, trial_rows
from spondyl.outcomes import ArmPoint, Course, Difference
from spondyl.outcomes.published import published_arms, published_differences

ALL = published_differences("osteoporotic")


def one(trial: str, outcome: str, days: int) -> Difference:
    (found,) = (d for d in ALL if (d.trial, d.outcome, d.time_days) == (trial, outcome, days))
    return found


def test_sham_minus_procedure_is_positive_where_the_procedure_left_less_pain() -> None:
    """VERTOS IV at one day: sham minus vertebroplasty is -0.43, the sham group had less pain."""
    found = one("VERTOS_IV", "pain", 1)
    assert (found.value, found.low, found.high) == (-0.43, -1.17, 0.31)


def test_procedure_minus_control_is_turned_with_its_interval() -> None:
    """Farrokhi: vertebroplasty minus care is -3.1 (-3.72 to -2.28) points of pain, so better by 3.1 (2.28 to 3.72)."""
    found = one("FARROKHI", "pain", 7)
    assert (found.value, found.low, found.high) == (3.1, 2.28, 3.72)
    assert found.kind is Comparison.OPEN


def test_a_scale_where_more_is_better_keeps_its_sign() -> None:
    """FREE: kyphoplasty minus care is +5.2 (2.9 to 7.4) points of physical health."""
    found = one("FREE", "physical health (SF-36)", 30)
    assert (found.value, found.low, found.high) == (5.2, 2.9, 7.4)
    assert found.course is Course.KYPHOPLASTY


def test_roland_morris_is_told_as_percent_of_its_scale() -> None:
    """INVEST: 1.37 of 23 points are 5.957 %; VERTOS V was published of 100 already."""
    assert one("INVEST", "disability", 365).value == pytest.approx(100 * 1.37 / 23)
    assert one("VERTOS_V", "disability", 365).value == 7.1


def test_nothing_beyond_the_year_and_no_starting_difference() -> None:
    assert {d.time_days for d in ALL} == {1, 7, 30, 90, 180, 365}


def test_every_figure_is_one_of_a_verified_row() -> None:
    figures = {abs(row.value) for row in trial_rows() if row.value is not None}
    scaled = figures | {100 * value / full for value in figures for full in (23.0, 24.0, 100.0)}
    arms: tuple[ArmPoint, ...] = published_arms("osteoporotic")
    for shown in (*ALL, *arms):
        assert min(abs(abs(shown.value) - value) for value in scaled) < 1e-9


def test_a_procedures_arm_is_never_shown_without_its_control() -> None:
    """EVOLVE, Robinson and McGraw had one arm; of CAFE only the kyphoplasty arm was read."""
    for cause in ("osteoporotic", "neoplastic"):
        arms = published_arms(cause)
        treated = {(a.trial, a.outcome) for a in arms if a.course is not Course.NONE}
        assert treated <= {(a.trial, a.outcome) for a in arms if a.course is Course.NONE}
    shown = {a.trial for a in published_arms("osteoporotic")}
    assert shown == {"VERTOS_V", "FREE", "ROUSING_2009"}
