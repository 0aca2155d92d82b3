"""The forecast of a patient: whose trials, what is counted, and that every figure was read somewhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spondyl.errors import InputError
from spondyl.evidence import entry_ids, find_entry, find_source, trial_rows
from spondyl.outcomes import Course, CourseFacts, Frequency, Prediction, predict_outcomes
from spondyl.spine import Level
from spondyl.studies import Cause, Patient

FOUND = predict_outcomes(Patient(cause=Cause.OSTEOPOROTIC))
SHOWN = (*FOUND.natural, *FOUND.frequencies)


def frequency(what: str, course: Course, source: str) -> Frequency:
    (found,) = (one for one in SHOWN if (one.what, one.course, one.source) == (what, course, source))
    return found


def test_counts_have_wilsons_interval() -> None:
    """15 of 91: centre (15 + 1.9208) / (91 + 3.8416) = 0.1784, half width 0.0759."""
    found = frequency("a new vertebral fracture on X-ray", Course.VERTEBROPLASTY, "vertos2_fx")
    assert found.per_1000 == 165.0
    assert (found.low, found.high) == pytest.approx((102.5, 254.3), abs=0.3)


def test_a_proportion_without_counts_has_no_interval() -> None:
    """FREE randomised 149 and 151, but how many had X-rays at one year was not read."""
    found = frequency("a new vertebral fracture on X-ray", Course.KYPHOPLASTY, "free_web")
    assert (found.per_1000, found.low, found.high) == (330.0, None, None)


def test_every_frequency_stands_in_a_verified_row_or_entry() -> None:
    rows = {(row.source, round(1000 * row.value, 1)) for row in trial_rows() if row.value is not None}
    entries = {
        (entry.source, round(10 * value.value, 1))
        for entry in map(find_entry, entry_ids())
        for value in entry.values
        if entry.verified and isinstance(value.value, int | float) and value.unit == "percent"
    }
    for one in SHOWN:
        assert (one.source, one.per_1000) in rows | entries
        assert find_source(one.source).cite


def test_benefit_and_harm_are_told_within_the_same_year() -> None:
    assert FOUND.horizon_days == 365
    assert all(one.horizon_days is None or one.horizon_days <= 365 for one in SHOWN)
    assert {one.course for one in FOUND.frequencies} == set(Course)


def test_natural_recovery_comes_with_the_words_that_sham_improves_too() -> None:
    assert FOUND.natural
    assert all(one.course is Course.NONE for one in FOUND.natural)
    assert any("falls without cement too" in remark for remark in FOUND.remarks)


def test_no_figure_depends_on_the_patient() -> None:
    worse = replace(Patient(cause=Cause.OSTEOPOROTIC), age_years=90.0, pain_nrs=10.0)
    assert predict_outcomes(worse) == FOUND


def test_an_unknown_cause_is_said() -> None:
    unknown = predict_outcomes(Patient())
    assert unknown.frequencies == FOUND.frequencies
    assert "does not say why the bone broke" in unknown.remarks[0]


def test_cancer_takes_no_figure_of_osteoporosis() -> None:
    cancer = predict_outcomes(Patient(cause=Cause.NEOPLASTIC))
    assert (cancer.pooled, cancer.differences, cancer.natural) == ((), (), ())
    assert {one.per_1000 for one in cancer.frequencies} == {100, 7, 19, 3.2, 2}


@pytest.mark.parametrize("cause", [Cause.TRAUMATIC, Cause.HAEMANGIOMA])
def test_other_causes_have_no_figure(cause: Cause) -> None:
    none: Prediction = predict_outcomes(Patient(cause=cause))
    assert not (none.natural or none.pooled or none.differences or none.arms or none.frequencies)
    assert "no figure is shown" in none.remarks[0]


def test_the_untreated_year_is_not_simulated_and_says_so() -> None:
    assert "not simulated" in FOUND.simulated_course


def test_the_untreated_year_of_the_model_stands_beside_the_trials_and_changes_no_figure() -> None:
    untreated = CourseFacts(Level.L1, "untreated", None, (3.2, 1.0, 8.9), (1.2, 0.4, 3.0), 365.0, 0.0, None)
    treated = CourseFacts(Level.L1, "vertebroplasty", 0.9, (0.2, 0.1, 0.4), None, 365.0, 0.0, None)
    found = predict_outcomes(Patient(), untreated, treated)
    assert found.simulated_course == (
        "upright after 365 days the front of L1 is 3.2 mm (1.0 to 8.9) lower than on the CT if it does not heal, 1.2 "
        "mm (0.4 to 3.0) lower if it does "
        "(model, not calibrated on patients: to compare plans, not to decide whether one is safe)"
    )
    assert replace(found, simulated_course="") == replace(predict_outcomes(Patient()), simulated_course="")
    assert "not simulated" in predict_outcomes(Patient(), treated).simulated_course


def test_more_than_all_people_is_refused() -> None:
    with pytest.raises(InputError, match="of 1000"):
        replace(SHOWN[0], per_1000=1001.0)
