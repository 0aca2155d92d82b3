"""The OF score against points worked by hand, and its three bands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from spondyl.decisions import Answer, Fact, Interval, Position, assess_candidacy
from spondyl.decisions.of_score import of_score
from spondyl.findings import Finding, Status
from spondyl.spine import Level
from spondyl.studies import Bleeding, BoneHealth, Cause, Conditions, Course, Examination, Imaging, Patient
from tools.spec_tables import SpecCase, score_tables

(TABLE,) = score_tables()
EIGHT = Patient(
    pain_nrs=8,
    cause=Cause.OSTEOPOROTIC,
    course=Course(immobile_under_analgesia=False),
    examination=Examination(neurological_deficit=False),
    imaging=Imaging(height_loss_progressing=True, of_class=3),
    conditions=Conditions(asa_class=2, frailty_index=0),
    bleeding=Bleeding(()),
    bone=BoneHealth(t_score_spine=-3.5, t_score_hip=-3.5),
)


@pytest.mark.parametrize("case", TABLE.cases, ids=[case.words for case in TABLE.cases])
def test_points_worked_by_hand(case: SpecCase) -> None:
    facts: Mapping[str, Fact | None] = dict(case.facts)
    low, _, high = case.answer.partition("..")
    assert of_score(facts) == Interval(float(low), float(high or low))


def bands(patient: Patient, findings: tuple[Finding, ...] = (), without: tuple[str, ...] = ()) -> list[Position]:
    choices = assess_candidacy(patient, findings, without=without).choices
    return [one for one in choices if one.key.startswith("pc-of-score")]


def answers(patient: Patient, findings: tuple[Finding, ...] = ()) -> str:
    return " ".join(one.applies.value for one in bands(patient, findings))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (EIGHT, "no no yes"),
        (replace(EIGHT, imaging=Imaging(height_loss_progressing=False, of_class=3)), "no yes no"),
        (replace(EIGHT, imaging=Imaging(height_loss_progressing=False, of_class=2)), "yes no no"),
        (replace(EIGHT, imaging=Imaging(of_class=3)), "no unknown unknown"),
        (replace(EIGHT, cause=Cause.NEOPLASTIC), "no no no"),
        (replace(EIGHT, cause=None), "no no unknown"),
        (Patient(), "unknown unknown unknown"),
    ],
)
def test_bands(changed: Patient, expected: str) -> None:
    assert answers(changed) == expected


def test_points_are_said_and_a_score_switched_off_says_nothing() -> None:
    assert bands(EIGHT)[2].words == (
        "at least 7 points: kyphoplasty or surgical treatment per OF class. This record: 8 points"
    )
    assert bands(Patient())[0].words == "at most 5 points: treatment without a procedure. This record: -3 to 16 points"
    off = bands(EIGHT, without=("pc-of-score",))
    assert [one.words for one in off] == [None] * 3
    assert [one.applies for one in off] == [Answer.UNKNOWN, Answer.NO, Answer.UNKNOWN]


def finding(name: str, level: Level | None, value: float | str, low: float | None, high: float | None) -> Finding:
    return Finding(name, level, None, None, value, "1", low, high, Status.MEASURED, None, "test", "spondyl")


HU = finding("trabecular_hu", Level.L1, 60, 50, 70)
SOUND = (HU, finding("density_grade", None, 3, None, None), finding("genant_grade", Level.L1, 0, 0, 0))


def test_the_ct_number_counts_for_a_sound_l1_without_contrast_alone() -> None:
    """Points 6 without progression, 5 to 6 where neither T-score nor CT number is known."""
    patient = replace(EIGHT, imaging=Imaging(height_loss_progressing=False, of_class=3), bone=BoneHealth())
    plain = replace(patient, contrast_given=False)
    assert answers(plain, SOUND) == "no yes no"
    doubt = "unknown unknown no"
    assert answers(plain) == doubt
    assert answers(patient, SOUND) == doubt  # contrast not recorded
    assert answers(replace(patient, contrast_given=True), SOUND) == doubt
    assert answers(plain, (*SOUND, finding("contrast_in_blood", None, "yes", None, None))) == doubt
    assert answers(replace(plain, fracture_levels=("L1",)), SOUND) == doubt
    assert answers(plain, (HU, SOUND[1], finding("genant_grade", Level.L1, 0, 0, 1))) == doubt
    assert answers(plain, (HU, finding("density_grade", None, 5, None, None), SOUND[2])) == doubt
