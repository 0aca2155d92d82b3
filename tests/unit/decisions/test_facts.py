"""Facts from the record and the CT, and what must stay unknown."""

from datetime import date

import pytest

from spondyl.decisions import Interval
from spondyl.decisions.facts import facts_of, gather_facts
from spondyl.findings import Finding, Findings, Status, not_evaluable
from spondyl.spine import Level
from spondyl.studies import BoneHealth, Cause, Conditions, Course, Evolution, Function, Imaging, Patient


def measured(
    name: str, level: Level, value: float | str, low: float | None = None, high: float | None = None
) -> Finding:
    return Finding(name, level, None, None, value, "%", low, high, Status.MEASURED, None, "test", "spondyl")


def facts(patient: Patient, findings: Findings = (), *levels: Level) -> dict[str, object]:
    return dict(facts_of(gather_facts(patient, findings, levels)))


def test_an_empty_record_gives_no_fact() -> None:
    assert facts(Patient()) == {}


def test_facts_of_the_record() -> None:
    patient = Patient(
        age_years=74,
        pain_nrs=8,
        cause=Cause.OSTEOPOROTIC,
        course=Course(evolution=Evolution.WORSENING, fracture_age_weeks=3),
        function=Function(rmdq_applies=(1, 2), rmdq_not_asked=(3,)),
    )
    assert facts(patient) == {
        "age": 74,
        "pain_score": 8,
        "asymptomatic": False,
        "aetiology": "osteoporotic",
        "symptom_evolution": "worsening",
        "fracture_age_weeks": 3,
        "rmdq": Interval(2, 3),
    }


def test_dates_give_a_fracture_age_of_at_least() -> None:
    patient = Patient(onset_date=date(2026, 3, 1), ct_date=date(2026, 3, 22))
    assert facts(patient) == {"fracture_age_weeks": Interval(3, None)}
    assert facts(Patient(onset_date=date(2026, 3, 1))) == {}
    assert facts(Patient(onset_date=date(2026, 4, 1), ct_date=date(2026, 3, 22))) == {}


@pytest.mark.parametrize(
    ("mri", "scan", "expected"),
    [(True, None, True), (None, False, False), (True, True, True), (True, False, None), (None, None, None)],
)
def test_mri_and_bone_scan_that_differ_leave_it_unknown(
    mri: bool | None, scan: bool | None, expected: bool | None
) -> None:
    found = facts(Patient(imaging=Imaging(mri_oedema=mri, bone_scan_uptake=scan)))
    assert found.get("imaging_positive") is expected


def test_no_allergy_needs_both_answers() -> None:
    assert facts(Patient(conditions=Conditions(cement_allergy=False))) == {}
    assert facts(Patient(conditions=Conditions(cement_allergy=False, contrast_allergy=False))) == {
        "allergy_cement_or_contrast": False
    }
    assert facts(Patient(conditions=Conditions(contrast_allergy=True))) == {"allergy_cement_or_contrast": True}


def test_one_t_score_bounds_the_lowest_from_above() -> None:
    assert facts(Patient(bone=BoneHealth(t_score_hip=-2.0))) == {"t_score": Interval(None, -2.0)}
    assert facts(Patient(bone=BoneHealth(t_score_hip=-2.0, t_score_spine=-3.1))) == {"t_score": -3.1}


def test_pain_and_word_that_gainsay_each_other_leave_it_unknown() -> None:
    assert "asymptomatic" not in facts(Patient(pain_nrs=8, course=Course(asymptomatic=True)))
    assert facts(Patient(pain_nrs=0))["asymptomatic"] is True


def test_a_ct_counts_only_at_fractured_levels() -> None:
    findings = (measured("height_loss", Level.L1, 30, 25, 35), measured("gas_cleft", Level.L1, "yes"))
    assert facts(Patient(), findings) == {}
    assert facts(Patient(), findings, Level.L2) == {}
    assert facts(Patient(), findings, Level.L1) == {
        "height_loss_percent": Interval(25, 35),
        "intravertebral_cleft": True,
    }


def test_levels_that_differ_give_the_span_of_both() -> None:
    findings = (measured("height_loss", Level.L1, 30, 25, 35), measured("height_loss", Level.L2, 10, 5, 15))
    assert facts(Patient(), findings, Level.L1, Level.L2) == {"height_loss_percent": Interval(5, 35)}
    assert facts(Patient(), findings[:1], Level.L1, Level.L2) == {}


def test_an_angle_measured_lying_is_a_lower_bound() -> None:
    findings = (measured("vertebral_angle", Level.L1, 12, 10, 14),)
    assert facts(Patient(), findings, Level.L1) == {"kyphosis_angle": Interval(10, None)}


def test_what_a_ct_does_not_show_is_not_absent() -> None:
    """No gas is not "no cleft", no gap is not "wall whole", and an uncertain yes is no fact."""
    findings = (
        measured("gas_cleft", Level.L1, "no"),
        Finding(
            "posterior_wall_defect",
            Level.L1,
            None,
            None,
            "yes",
            "1",
            None,
            None,
            Status.UNCERTAIN,
            "noise",
            "t",
            "spondyl",
        ),
        not_evaluable("height_loss", Level.L1, "%", "cut", "t"),
    )
    assert facts(Patient(), findings, Level.L1) == {}


def test_the_record_goes_before_the_ct() -> None:
    findings = (measured("gas_cleft", Level.L1, "yes"),)
    assert facts(Patient(imaging=Imaging(cleft=False)), findings, Level.L1) == {"intravertebral_cleft": False}
