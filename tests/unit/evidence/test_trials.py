"""The rows of the trials: no figure without verification, and a verification fits one row and quotes its figure."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from spondyl.errors import InputError
from spondyl.evidence import Comparison, TrialRow, Verification, find_source, trial_designs, trial_rows
from spondyl.evidence import trials as trials_module
from spondyl.evidence.copies import packaged_bytes


def row(trial: str, arm: str, outcome: str, days: int, value_type: str) -> TrialRow:
    (found,) = (
        one
        for one in trial_rows()
        if (one.trial, one.arm, one.outcome, one.time_days, one.value_type) == (trial, arm, outcome, days, value_type)
    )
    return found


def test_a_row_as_the_file_has_it() -> None:
    found = row("VERTOS_IV", "sham_minus_PVP", "pain_vas", 1, "between_group_difference")
    assert (found.value, found.low, found.high, found.n) == (-0.43, -1.17, 0.31, 180)
    assert found.design.kind is Comparison.SHAM
    assert found.verification is not None
    assert "(−1.17 to 0.31) at one day" in found.verification.quoted


def test_a_row_that_nobody_read_has_no_figure() -> None:
    recalled = row("VERTOS_IV", "PVP", "pain_vas", 365, "mean")
    assert not recalled.verified
    assert (recalled.value, recalled.sd, recalled.low, recalled.high) == (None, None, None, None)
    with pytest.raises(InputError, match="not verified"):
        replace(recalled, value=2.72)


def test_no_unverified_row_has_a_figure_and_every_trial_has_a_design_and_a_source() -> None:
    assert len(trial_rows()) == 194
    for one in trial_rows():
        assert one.verified or (one.value, one.sd, one.low, one.high) == (None, None, None, None)
        assert find_source(one.source).cite
    assert {one.trial for one in trial_rows()} == set(trial_designs())


def test_every_quotation_holds_the_figure_of_its_row() -> None:
    """A percentage or a count stands for a proportion."""
    for one in trial_rows():
        if one.verification is None or one.value is None:
            continue
        words = one.verification.quoted.replace("−", "-").replace("·", ".").replace("–", " ")
        numbers = {abs(float(found)) for found in re.findall(r"\d+\.?\d*", words)}
        counts = {round(k / n, 3) for k in numbers for n in numbers if n > k}
        assert abs(one.value) in numbers or 100 * one.value in numbers or one.value in counts, one


@pytest.mark.parametrize("field", ["page_or_table", "address", "quoted"])
def test_a_verification_needs_place_address_and_quotation(field: str) -> None:
    with pytest.raises(InputError, match=field):
        replace(Verification("table 2", "https://example.org", "2.72"), **{field: " "})


def test_a_verification_of_a_row_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    stray = b"NOBODY,PVP,pain_vas,0,mean,table 1,https://example.org,7.7\n"
    name = "own/trials_verification.csv"
    monkeypatch.setattr(trials_module, "packaged_bytes", lambda n: packaged_bytes(n) + (stray if n == name else b""))
    with pytest.raises(InputError, match="fits 0 rows"):
        trial_rows.__wrapped__()
