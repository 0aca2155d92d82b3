"""The procedure sheet: each source by itself, unknown facts as questions, and nothing where nothing is planned."""

from dataclasses import replace

import pytest

from spondyl.decisions import Answer, ChecklistItem, Phase, ProcedureSheet, Statement, plan_procedure
from spondyl.evidence import find_source
from spondyl.outcomes import CountedRuns, CourseFacts, WayOut
from spondyl.planning import Angles, CementVolume, NeedlePath, NoPath, Plan
from spondyl.spine import Level, Side
from spondyl.studies import Bleeding, BloodThinner, Patient
from tests.unit.decisions.traced import numbers_in, untraced

YES, NO, UNKNOWN = Answer.YES, Answer.NO, Answer.UNKNOWN
ANGLES = Angles(20.0, 5.0, 21.0, 6.0, 3.0, 0.0)


def needle(side: Side, gauge: int = 11) -> NeedlePath:
    x = 20.0 if side is Side.LEFT else -20.0
    return NeedlePath(
        side, "transpedicular", gauge, 3.05, [x, 40.0, 0.0], [x / 4, 0.0, 0.0], (), None, ANGLES, 62.0, ()
    )


def plan_of(level: Level, low: float = 3.4, high: float = 6.8) -> Plan:
    paths = (needle(Side.LEFT), needle(Side.RIGHT))
    return Plan(level, paths, cement=CementVolume(low, high, 21.0, "molloy2003"), notes=("a note",))


REFUSED = Plan(Level.L1, refused=(NoPath(Side.LEFT, 11, None, None, "no pedicle is labelled"),))


def told(sheet: ProcedureSheet, key: str) -> Statement:
    return next(one for one in sheet.statements if one.key == key)


def point(sheet: ProcedureSheet, key: str) -> ChecklistItem:
    return next(one for one in sheet.checklist if one.key == key)


@pytest.mark.parametrize(
    "patient",
    [Patient(), Patient(bleeding=Bleeding(tuple(BloodThinner), 2.1, 40.0, 40.0)), Patient(bleeding=Bleeding(()))],
)
def test_every_number_that_is_shown_stands_in_a_verified_entry(patient: Patient) -> None:
    sheet = plan_procedure(patient, (plan_of(Level.L1),))
    for one in sheet.statements:
        assert untraced(one, recorded=set()) == set(), one.key
    for item in sheet.checklist:
        if not item.entries and not item.key.startswith("needles"):
            assert numbers_in(item.words) == set(), item.key
    assert numbers_in(point(sheet, "inr").words) == {1.8}
    assert numbers_in(point(sheet, "platelets").words) == {50.0}


def test_the_unverified_intervals_are_switched_off_and_still_asked() -> None:
    sheet = plan_procedure(Patient(bleeding=Bleeding(("warfarin",))))
    for key in ("ac-hold-sir", "ac-hold-asra"):
        one = told(sheet, key)
        assert (one.words, one.note, one.applies) == (None, None, YES)
    assert any(q.variable == "drugs" and "ac-hold-sir" in q.changes for q in plan_procedure(Patient()).questions)


@pytest.mark.parametrize(("drug", "days"), [("apixaban", 2), ("rivaroxaban", 2), ("edoxaban", 2), ("warfarin", 5)])
def test_days_of_one_drug(drug: str, days: int) -> None:
    """ACC/AHA 2023, pocket card: high bleeding risk."""
    sheet = plan_procedure(Patient(bleeding=Bleeding((drug,))))
    assert told(sheet, f"ac-hold-acc:{drug}").words == f"hold {drug} {days} days before"
    assert [one.key for one in sheet.statements if one.key.startswith("ac-hold-acc")] == [f"ac-hold-acc:{drug}"]


@pytest.mark.parametrize(("clearance", "met"), [(60.0, "2 days"), (50.0, "4 days"), (30.0, "4 days")])
def test_dabigatran_goes_by_the_kidneys(clearance: float, met: str) -> None:
    sheet = plan_procedure(Patient(bleeding=Bleeding(("dabigatran",), None, None, clearance)))
    words = [one.words for one in sheet.statements if "dabigatran" in one.key and one.applies is YES]
    assert words == [f"hold dabigatran {met} before"]


def test_dabigatran_below_what_the_source_speaks_of() -> None:
    sheet = plan_procedure(Patient(bleeding=Bleeding(("dabigatran",), None, None, 20.0)))
    words = [one.words for one in sheet.statements if "dabigatran" in one.key and one.applies is YES]
    assert len(words) == 1 and words[0] is not None and "no verified interval for dabigatran" in words[0]


@pytest.mark.parametrize("drug", [drug for drug in BloodThinner if drug.value != "dabigatran"])
def test_no_drug_passes_in_silence(drug: BloodThinner) -> None:
    sheet = plan_procedure(Patient(bleeding=Bleeding((drug,))))
    about = [one for one in sheet.statements if one.key.endswith(f":{drug}")]
    assert len(about) == 1 and about[0].applies is YES and about[0].words is not None
    assert told(sheet, "ac-thrombotic").applies is YES


def test_an_inr_above_the_limit_is_not_as_it_should_be() -> None:
    sheet = plan_procedure(Patient(bleeding=Bleeding((), 1.9)))
    assert point(sheet, "inr").recorded is NO and told(sheet, "ac-highrisk-inr").applies is NO


def test_needles_and_cement_are_those_of_the_plan_with_their_sides() -> None:
    left_only = Plan(Level.T12, (needle(Side.LEFT, 13),), cement=CementVolume(2.0, 3.0, 15.0, "molloy2003"))
    sheet = plan_procedure(Patient(), (left_only, plan_of(Level.L1)))
    assert sheet.planned is YES and sheet.levels == (Level.T12, Level.L1)
    assert [(one.level.name, one.side.value, one.gauge) for one in sheet.needles] == [
        ("T12", "left", 13),
        ("L1", "left", 11),
        ("L1", "right", 11),
    ]
    assert point(sheet, "needles-T12").words == "said aloud and marked: T12, left 13 G"
    assert point(sheet, "needles-L1").words == "said aloud and marked: L1, left 11 G, right 11 G"
    assert sheet.notes == ("a note",)


def test_the_pace_is_the_volume_of_all_levels_over_the_paste_phase() -> None:
    """5.4 and 9.8 ml in the 3.4 min that chilled2012 measured at 22 degC."""
    pace = plan_procedure(Patient(), (plan_of(Level.L1), plan_of(Level.T12, 2.0, 3.0))).pace
    assert pace is not None
    assert (pace.low_ml, pace.high_ml, pace.paste_min, pace.room_c) == pytest.approx((5.4, 9.8, 3.4, 22.0))
    assert (pace.low_ml_per_min, pace.high_ml_per_min) == pytest.approx((5.4 / 3.4, 9.8 / 3.4))


@pytest.mark.parametrize("plan", [Plan(Level.L1), REFUSED])
def test_without_a_needle_there_is_no_procedure(plan: Plan) -> None:
    sheet = plan_procedure(Patient(), (plan,))
    assert sheet.planned is NO
    assert (sheet.checklist, sheet.statements, sheet.needles, sheet.questions, sheet.pace) == ((), (), (), (), None)
    assert bool(sheet.refused) is (plan is REFUSED)


def test_no_plan_yet_is_not_no_procedure() -> None:
    sheet = plan_procedure(Patient())
    assert sheet.planned is UNKNOWN and sheet.pace is None
    assert {one.phase for one in sheet.checklist} == set(Phase)


def test_more_levels_than_the_trials_treated() -> None:
    plans = tuple(plan_of(level) for level in (Level.T11, Level.T12, Level.L1, Level.L2))
    assert told(plan_procedure(Patient(), plans[:3]), "pp-levels").applies is YES
    assert told(plan_procedure(Patient(), plans), "pp-levels").applies is NO


def test_unknown_facts_are_questions_with_what_waits_for_them() -> None:
    sheet = plan_procedure(Patient())
    asked = {one.variable: one for one in sheet.questions}
    assert {"neurology", "infection", "drugs", "inr", "platelets", "allergy", "pregnancy", "asa", "level"} <= set(asked)
    assert all(one.text and one.facts for one in asked.values())
    assert "ac-hold-acc:apixaban" in asked["drugs"].changes
    answered = plan_procedure(Patient(bleeding=Bleeding((), 1.0, 200.0)))
    assert not {"drugs", "inr", "platelets", "clearance"} & {one.variable for one in answered.questions}


def test_switching_a_statement_off_leaves_its_place_and_its_question() -> None:
    patient = Patient(bleeding=Bleeding(("apixaban",), 2.0))
    whole = plan_procedure(patient)
    for one in whole.statements:
        less = plan_procedure(patient, without=(one.key,))
        assert told(less, one.key).words is None and told(less, one.key).applies is one.applies
        assert less.questions == whole.questions and less.checklist == whole.checklist


def test_leaving_a_fact_out_makes_no_point_better() -> None:
    patient = Patient(bleeding=Bleeding(("dabigatran",), 2.0, 40.0, 60.0))
    for name in ("blood_thinners", "inr", "platelets_10e9_l", "creatinine_clearance_ml_min"):
        less = plan_procedure(replace(patient, bleeding=replace(patient.bleeding, **{name: None})))
        for before, after in zip(plan_procedure(patient).checklist, less.checklist, strict=True):
            assert after.recorded in (before.recorded, UNKNOWN)


def test_every_source_is_known_and_every_key_is_told_once() -> None:
    sheet = plan_procedure(Patient(), (plan_of(Level.L1),))
    assert all(find_source(key) for one in sheet.statements for key in one.sources)
    for keys in ([one.key for one in sheet.statements], [one.key for one in sheet.checklist]):
        assert len(set(keys)) == len(keys)


def test_ways_out_of_the_model_are_listed_to_be_watched_the_most_taken_first() -> None:
    ways = (
        WayOut("disc_superior", ("superior endplate defect",), CountedRuns(2, 40)),
        WayOut("venous", ("left segmental vein", "right segmental vein"), CountedRuns(9, 40)),
    )
    facts = [
        CourseFacts(level, course, None, None, None, None, None, CountedRuns(10, 40), ways)
        for level in (Level.L1, Level.L4)
        for course in ("vertebroplasty", "kyphoplasty")  # the second is not planned
    ]
    sheet = plan_procedure(Patient(), (plan_of(Level.L1),), facts)
    assert [(one.level, one.course, one.path) for one in sheet.watch] == [
        (Level.L1, "vertebroplasty", "venous"),
        (Level.L1, "vertebroplasty", "disc_superior"),
    ]
    assert plan_procedure(Patient(), (plan_of(Level.L1),)) == replace(sheet, watch=())
