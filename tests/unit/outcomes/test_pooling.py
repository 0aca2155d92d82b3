"""Pooling: who may meet in a group, the fit by hand, and that a sham arm is not beaten by assumption."""

from __future__ import annotations

import json
from dataclasses import replace
from math import sqrt

import pytest

from spondyl.errors import InputError
from spondyl.evidence import Comparison
from spondyl.evidence.copies import packaged_bytes
from spondyl.outcomes import Course, Difference, PooledDifference
from spondyl.outcomes import pooling as pooling_module
from spondyl.outcomes.pooling import FITTED, comparable_groups, pooled_differences
from spondyl.outcomes.published import published_differences
from tools.fit_outcomes import fit, left_out, pooled, table

NORMAL, STUDENT_1, STUDENT_2 = 1.959964, 12.706205, 4.302653  # 97.5 % points, from a printed table


def difference(trial: str, value: float, error: float, kind: Comparison = Comparison.SHAM) -> Difference:
    reach = NORMAL * error
    return Difference(
        "pain", "points of 10", Course.VERTEBROPLASTY, "sham", kind, trial, trial, "people", 365,
        value, value - reach, value + reach, 100, True, "spondyl",
    )  # fmt: skip


EQUAL = tuple(difference(name, 0.5, 0.4) for name in ("A", "B", "C"))


def test_three_equal_trials_by_hand() -> None:
    """Mean 0.5; error 0.4 / sqrt(3); interval by Student's t with 2, of a further trial with 1 degree of freedom."""
    found = pooled(EQUAL, "osteoporotic")
    error = 0.4 / sqrt(3)
    assert found["value"] == 0.5
    assert found["low"] == pytest.approx(0.5 - STUDENT_2 * error, abs=2e-4)
    assert found["next_high"] == pytest.approx(0.5 + STUDENT_1 * error, abs=2e-4)
    assert found["between_trials_sd"] == 0


def test_unequal_trials_have_the_variance_of_paule_and_mandel() -> None:
    """Values -1, 0, 1 with error 0.1: Q(tau2) = 2 / (0.01 + tau2) = 2 gives tau2 = 0.99."""
    found = fit(tuple(difference(name, value, 0.1) for name, value in (("A", -1.0), ("B", 0.0), ("C", 1.0))))
    assert found.between**2 == pytest.approx(0.99, abs=1e-4)
    assert found.mean == pytest.approx(0.0, abs=1e-9)


def test_sham_is_not_beaten_by_assumption() -> None:
    """No difference in, none out; and where sham did better in every trial the pooled sign says so."""
    assert fit(tuple(difference(name, 0.0, 0.4) for name in "ABC")).mean == 0.0
    forward = tuple(difference(n, v, e) for n, v, e in (("A", 0.2, 0.3), ("B", 0.9, 0.5), ("C", 0.4, 0.2)))
    backward = tuple(replace(d, value=-d.value, low=-d.high, high=-d.low) for d in forward)  # type: ignore[operator]
    assert fit(backward).mean == pytest.approx(-fit(forward).mean)
    assert fit(backward).error == pytest.approx(fit(forward).error)


def test_sham_controlled_and_open_label_never_meet() -> None:
    mixed = (*EQUAL[:2], difference("C", 3.0, 0.4, Comparison.OPEN))
    assert comparable_groups(mixed) == ()
    (group,) = comparable_groups((*EQUAL, difference("D", 3.0, 0.4, Comparison.OPEN)))
    assert {one.trial for one in group} == {"A", "B", "C"}


@pytest.mark.parametrize(
    "third",
    [
        replace(EQUAL[2], independent=False),
        replace(EQUAL[2], low=None, high=None),
        replace(EQUAL[2], time_days=180),
        replace(EQUAL[2], course=Course.KYPHOPLASTY),
        replace(EQUAL[2], trial="B"),
    ],
)
def test_what_is_no_third_comparison(third: Difference) -> None:
    assert len(comparable_groups(EQUAL)) == 1
    assert comparable_groups((*EQUAL[:2], third)) == ()


def test_two_comparisons_make_no_pooled_record() -> None:
    (found,) = pooled_differences("osteoporotic")
    with pytest.raises(InputError, match="too few"):
        replace(found, trials=found.trials[:2])


def test_the_shipped_table_is_what_a_fit_gives_today() -> None:
    assert json.loads(packaged_bytes(FITTED)) == json.loads(json.dumps(table()))


def test_one_year_of_pain_against_sham_by_hand() -> None:
    """VERTOS IV 0.45 (-0.37 to 1.24), VERTOS V 1.3 (0.1 to 2.6), INVEST 1.02 (0.04 to 2.01).

    Weights 5.928, 2.459, 3.960 (inverse squares of (high - low) / 3.92): mean 9.904 / 12.347 = 0.802, error 0.2846,
    times 4.303 = 1.225.
    """
    (found,) = pooled_differences("osteoporotic")
    assert isinstance(found, PooledDifference)
    assert (found.outcome, found.kind, found.time_days) == ("pain", Comparison.SHAM, 365)
    assert set(found.trials) == {"VERTOS_IV", "VERTOS_V", "INVEST"}
    assert found.value == pytest.approx(0.802, abs=0.001)
    assert (found.low, found.high) == pytest.approx((0.802 - 1.225, 0.802 + 1.225), abs=0.001)
    assert pooled_differences("neoplastic") == ()


def test_each_trial_is_predicted_from_the_others() -> None:
    """Without VERTOS V: (5.928 x 0.45 + 3.960 x 1.02) / 9.888 = 0.678, so it is missed by 0.622."""
    (group,) = comparable_groups(published_differences("osteoporotic"))
    errors = {one.left_out.trial: one.error for one in left_out(group)}
    assert errors["VERTOS_V"] == pytest.approx(0.622, abs=0.001)
    assert set(errors) == {"VERTOS_IV", "VERTOS_V", "INVEST"}


def test_a_table_of_other_rows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    stale = {"inputs": {"osteoporotic": "0" * 64}, "pooled": []}
    monkeypatch.setattr(pooling_module, "_table", lambda: stale)
    with pytest.raises(InputError, match="fit_outcomes"):
        pooled_differences("osteoporotic")
