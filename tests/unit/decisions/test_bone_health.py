"""The plan for the bones: each guideline by itself, verified figures only, and the cause first."""

import itertools
from dataclasses import replace

import pytest

from spondyl.decisions import Answer, plan_bone_health
from spondyl.decisions.bone_health import TOPICS
from spondyl.evidence import find_entry, find_source
from spondyl.findings import Finding, Status
from spondyl.spine import Level
from spondyl.studies import BoneHealth, Cause, Conditions, Patient
from tests.unit.decisions.traced import figures_of, numbers_in, untraced

YES, NO, UNKNOWN = Answer.YES, Answer.NO, Answer.UNKNOWN
PATIENT = Patient(
    age_years=74,
    sex="F",
    cause=Cause.OSTEOPOROTIC,
    fracture_levels=("L1",),
    conditions=Conditions(known_cancer=False),
    bone=BoneHealth(-3.0, -2.6, (), (), 40.0, 1, False, True, 3.0),
)
HIDDEN = {"bone-very-high-list-nogg", "bone-very-high-aace", "bone-treat-bhof"}


def told(patient: Patient, key: str, **more: object):
    return next(one for one in plan_bone_health(patient, **more).statements if one.key == key)


@pytest.mark.parametrize("patient", [PATIENT, Patient(), replace(PATIENT, sex="M", age_years=60)])
def test_every_number_that_is_shown_stands_in_a_verified_entry(patient: Patient) -> None:
    for one in plan_bone_health(patient).statements:
        assert untraced(one, recorded=set()) == set(), one.key
        entries = [entry for entry in one.entries if find_entry(entry).verified]
        limits = numbers_in(" ".join(reason.words for reason in one.reasons))
        known = set().union(*(figures_of(entry) for entry in entries), figures_of("bh-lifestyle"))
        assert limits <= known | figures_of("bh-calcium-vitd"), one.key


def test_what_nobody_verified_is_asked_and_says_nothing() -> None:
    hidden = {one.key: one for one in plan_bone_health(PATIENT).statements if one.words is None}
    assert set(hidden) == HIDDEN
    assert all(one.note is None and one.strength is None and one.reasons for one in hidden.values())


def test_sources_stay_apart() -> None:
    """The entry holds the figures of two guidelines: each is told with its own name, region and source."""
    bhof, nogg = told(PATIENT, "bone-calcium-woman-bhof"), told(PATIENT, "bone-nutrition-nogg")
    assert (bhof.who, bhof.region, bhof.sources) == ("BHOF 2022", "United States", ("bhof2022",))
    assert (nogg.who, nogg.region, nogg.sources) == ("NOGG 2021", "United Kingdom", ("nogg_s5",))
    assert "1200 mg" in bhof.words and "700" not in bhof.words
    assert "700 mg" in nogg.words and "1200" not in nogg.words


@pytest.mark.parametrize(
    ("sex", "age", "key"),
    [
        ("F", 60, "bone-calcium-woman-bhof"),
        ("M", 70, "bone-calcium-man-bhof"),
        ("M", 71, "bone-calcium-later-man-bhof"),
    ],
)
def test_calcium_goes_by_sex_and_age(sex: str, age: float, key: str) -> None:
    patient = replace(PATIENT, sex=sex, age_years=age)
    met = [s.key for s in plan_bone_health(patient).statements if s.key.startswith("bone-calcium") and s.applies is YES]
    assert met == [key]


@pytest.mark.parametrize(
    ("changed", "first"),
    [
        (replace(PATIENT, cause=Cause.NEOPLASTIC), YES),
        (replace(PATIENT, conditions=Conditions(known_cancer=True)), YES),
        (replace(PATIENT, conditions=Conditions()), UNKNOWN),
        (replace(PATIENT, cause=None), UNKNOWN),
        (PATIENT, NO),
    ],
)
def test_the_cause_comes_first_where_it_may_be_cancer(changed: Patient, first: Answer) -> None:
    plan = plan_bone_health(changed)
    assert plan.work_up_first is first
    drugs = {one.applies for one in plan.statements if one.topic == "drug" and one.key != "bone-denosumab-nogg"}
    assert (YES in drugs) is (first is NO)
    assert bool(plan.because) is (first is not NO)


def test_a_place_in_the_ct_that_may_be_a_tumour_comes_first_too() -> None:
    dark = Finding("lytic_pattern", Level.L1, None, None, "yes", "1", None, None, Status.UNCERTAIN, "?", "m", "spondyl")
    plan = plan_bone_health(PATIENT, (dark,))
    assert plan.work_up_first is YES and plan.because == ("CT, L1: a place that may be a tumour",)
    assert told(PATIENT, "bone-first-nogg", findings=(dark,)).applies is NO
    assert plan_bone_health(PATIENT, (replace(dark, level=Level.L3),)).work_up_first is NO


def test_denosumab_is_never_stopped_alone() -> None:
    taken = replace(PATIENT, bone=replace(PATIENT.bone, bone_drugs=("Denosumab",)))
    assert told(taken, "bone-denosumab-nogg").applies is YES
    assert "zoledronate 6 months after the last dose" in told(taken, "bone-denosumab-nogg").words
    assert told(PATIENT, "bone-denosumab-nogg").applies is NO


def test_one_fracture_is_not_very_high_risk_and_not_excluded_either() -> None:
    """The guidelines' lists of very high risk are not verified here, so nothing can be said to be outside them."""
    assert told(PATIENT, "bone-very-high-nogg").applies is UNKNOWN
    assert told(replace(PATIENT, fracture_levels=("T12", "L1")), "bone-very-high-nogg").applies is YES


def test_nothing_known_asks_everything_and_meets_nothing() -> None:
    plan = plan_bone_health(Patient())
    assert {one.applies for one in plan.statements if one.reasons} == {UNKNOWN}
    assert plan.questions[0].text.startswith("May cancer be the cause")
    assert len({one.text for one in plan.questions}) == len(plan.questions)
    assert all(one.changes for one in plan.questions)


def test_a_question_is_asked_no_more_once_it_is_answered() -> None:
    assert {one.variable for one in plan_bone_health(PATIENT).questions} == {"very_high_risk"}


def test_topics_follow_one_another_and_sources_are_known() -> None:
    plan = plan_bone_health(PATIENT)
    order = [TOPICS.index(one.topic) for one in plan.statements]
    assert order == sorted(order) and set(order) == set(range(len(TOPICS)))
    assert all(find_source(key) for one in plan.statements for key in one.sources)
    assert len({one.key for one in plan.statements}) == len(plan.statements)


def test_switching_a_statement_off_says_so_and_reassures_nobody() -> None:
    whole = plan_bone_health(PATIENT)
    for one in whole.statements:
        less = plan_bone_health(PATIENT, without=(one.key,))
        assert told(PATIENT, one.key, without=(one.key,)).words is None
        assert less.switched_off == (one.key,)
        assert less.work_up_first is whole.work_up_first
        assert {s.key: s.applies for s in less.statements} == {s.key: s.applies for s in whole.statements}


def test_leaving_a_fact_out_never_turns_an_answer_round() -> None:
    """Without a fact an answer stays, or becomes unknown; the need for a work-up never becomes less."""
    order = {NO: 0, UNKNOWN: 1, YES: 2}
    whole = plan_bone_health(PATIENT)
    for name in ("age_years", "sex", "cause", "fracture_levels", "conditions", "bone"):
        kind = type(getattr(PATIENT, name))
        left_out = replace(PATIENT, **{name: kind() if name in ("conditions", "bone") else None})
        less = plan_bone_health(left_out)
        assert order[less.work_up_first] >= order[whole.work_up_first]
        for before, after in zip(whole.statements, less.statements, strict=True):
            assert after.applies in (before.applies, UNKNOWN), (name, before.key)


def test_no_record_crashes_it() -> None:
    causes, flags, levels = (None, *Cause), (None, True, False), (None, (), ("L1",), ("T12", "L1"))
    for cause, known, about in itertools.product(causes, flags, levels):
        plan = plan_bone_health(Patient(cause=cause, conditions=Conditions(known_cancer=known), fracture_levels=about))
        assert not any(one.applies is YES and one.words for one in plan.statements if one.topic == "drug")
