"""No record, however incomplete or contradictory, gives a verdict from a missing fact, a crash, or false comfort."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import partial

import jsonschema
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from spondyl.decisions import (
    Answer,
    Concern,
    Position,
    Recommendation,
    Stance,
    assess_candidacy,
    plan_bone_health,
    plan_procedure,
)
from spondyl.decisions.populations import POPULATIONS
from spondyl.decisions.questions import QUESTIONS
from spondyl.documents.advice_models import (
    BoneHealthDocument,
    DecisionsDocument,
    ForecastDocument,
    ProcedureDocument,
    RecoveryDocument,
    TriageDocument,
)
from spondyl.documents.base import Document
from spondyl.documents.booklet import booklet_html
from spondyl.documents.schema_files import shipped_schema
from spondyl.evidence import rules_of
from spondyl.followup import CheckIn, Urgency, plan_recovery, red_flags, triage
from spondyl.outcomes import predict_outcomes
from spondyl.planning import Plan, no_treatment
from spondyl.spine import Level
from spondyl.studies import Patient
from tests.unit.decisions.any_record import checkins, forgotten, patients
from tests.unit.decisions.test_procedure import REFUSED, plan_of

YES, NO, UNKNOWN = Answer.YES, Answer.NO, Answer.UNKNOWN
COMFORT = {NO: 0, UNKNOWN: 1, YES: 2}  # how much an answer reassures, where YES is the comforting one
PLANS = st.sampled_from([(), (no_treatment(Level.L1),), (REFUSED,), (plan_of(Level.L1), plan_of(Level.T12))])
DECIDING = [
    rule.rule_id for domain in ("candidacy", "contraindication", "procedure_choice") for rule in rules_of(domain)
]
KEYS = st.sets(st.sampled_from([*DECIDING, *(one.key for one in POPULATIONS)]), max_size=4)
FLAGS = st.sets(st.sampled_from([rule.rule_id for rule in red_flags()]), max_size=4)
EMERGENCIES = (
    ("examination", "neurological_deficit"),
    ("imaging", "cord_compressed_by_fragment"),
    ("imaging", "unstable"),
    ("conditions", "local_infection"),
    ("conditions", "systemic_infection"),
)
CALL_NOW = (
    *("chest_pain", "dyspnoea", "syncope", "haemoptysis", "bladder_or_bowel_dysfunction", "saddle_anaesthesia"),
    *("bilateral_leg_weakness", "new_leg_weakness_or_numbness", "expanding_haematoma"),
)


def some(examples: int) -> settings:
    """The same examples each time; how long one takes depends on the machine."""
    return settings(max_examples=examples, derandomize=True, deadline=None, database=None, phases=(Phase.generate,))


def answers_of(advice: Recommendation) -> Iterator[tuple[Position | Concern, Answer]]:
    yield from ((one, one.applies) for one in (*advice.positions, *advice.choices, *advice.team))
    yield from ((one, one.answer) for one in (*advice.contraindications, *advice.urgent))


def comfort_of(advice: Recommendation) -> dict[str, int]:
    """How reassuring each answer is: a concern that is absent, a position for cement that is met."""
    found = {"none found": COMFORT[advice.no_contraindication_found]}
    for one, answer in answers_of(advice):
        turned = isinstance(one, Concern) or one.stance is Stance.AGAINST
        found[one.key] = COMFORT[~answer if turned else answer]
    return found


@some(20)
@given(patients(), PLANS, checkins())
def test_any_record_gives_documents_that_their_schemas_accept(
    patient: Patient, plans: tuple[Plan, ...], checkin: CheckIn
) -> None:
    plan = plans[0] if plans else None
    documents: list[Document] = [
        DecisionsDocument.of(assess_candidacy(patient)),
        ForecastDocument.of(predict_outcomes(patient)),
        ProcedureDocument.of(plan_procedure(patient, plans)),
        BoneHealthDocument.of(plan_bone_health(patient)),
        RecoveryDocument.of(plan_recovery(plan, patient.ct_date), None),
        TriageDocument.of(triage(checkin, plan), None),
    ]
    for document in documents:
        told = json.loads(document.model_dump_json(by_alias=True))
        schema = shipped_schema(told["schema"])
        assert list(jsonschema.validators.validator_for(schema)(schema).iter_errors(told)) == []


@some(60)
@given(patients())
def test_an_answer_rests_on_facts_and_falls_with_them(patient: Patient) -> None:
    """Yes or no has a known reason; without the facts behind it the answer is unknown. Choices wait for positions."""
    advice = assess_candidacy(patient)
    choices = {one.key for one in advice.choices}
    for one, answer in answers_of(advice):
        known = [reason for reason in one.reasons if reason.answer is not UNKNOWN]
        assert answer is UNKNOWN or known or one.key in choices, one.key
    for one in advice.positions[:: 1 + len(advice.positions) // 4]:
        paths = tuple(path for reason in one.reasons for path in QUESTIONS[reason.variable].facts)
        less = assess_candidacy(forgotten(patient, paths))
        assert next(each.applies for each in less.positions if each.key == one.key) is UNKNOWN, one.key


@some(60)
@given(patients(), st.sampled_from(EMERGENCIES), KEYS)
def test_nothing_is_advised_against_an_emergency(
    patient: Patient, emergency: tuple[str, str], without: Collection[str]
) -> None:
    """Whatever else the record says, and whichever rules are off, it stands first and nothing is 'not found'."""
    group, fact = emergency
    there = replace(patient, **{group: replace(getattr(patient, group), **{fact: True})})
    advice = assess_candidacy(there, without=without)
    assert YES in {one.answer for one in advice.urgent}
    assert advice.no_contraindication_found is NO
    if fact == "neurological_deficit":
        assert advice.urgent[0].key == "pc-surgery-neuro"
        sheet = plan_procedure(there, (plan_of(Level.L1),), without=without)
        assert next(one.recorded for one in sheet.checklist if one.key == "neurology") is NO


@some(15)
@given(patients(), st.sampled_from(EMERGENCIES), KEYS)
def test_the_booklet_puts_an_emergency_before_everything_else(
    patient: Patient, emergency: tuple[str, str], without: Collection[str]
) -> None:
    group, fact = emergency
    there = replace(patient, **{group: replace(getattr(patient, group), **{fact: True})})
    html = booklet_html(patient=there, findings=(), advice=assess_candidacy(there, without=without))
    assert html.index('id="first"') < html.index('id="why"')
    assert "found nothing" not in html
    assert "Your record names something that speaks against cement." in html


@some(100)
@given(checkins(), st.sampled_from(CALL_NOW), FLAGS)
def test_an_emergency_on_the_phone_is_one_whatever_else_is_said(
    checkin: CheckIn, symptom: str, without: Collection[str]
) -> None:
    assert triage(replace(checkin, **{symptom: True}), without=without).urgency is Urgency.EMERGENCY_NOW


@some(60)
@given(patients(), KEYS)
def test_switching_rules_off_never_makes_a_decision_more_reassuring(patient: Patient, without: set[str]) -> None:
    whole, less = comfort_of(assess_candidacy(patient)), comfort_of(assess_candidacy(patient, without=without))
    for name in set(whole) & set(less):
        assert less[name] <= whole[name], name
    urgent = {one.key for one in assess_candidacy(patient).urgent}
    assert urgent <= {one.key for one in assess_candidacy(patient, without=without).urgent}


@some(100)
@given(checkins(), FLAGS)
def test_switching_rules_off_never_makes_a_triage_less_urgent(checkin: CheckIn, without: set[str]) -> None:
    whole, less = triage(checkin), triage(checkin, without=without)
    assert less.urgency.rank <= whole.urgency.rank
    assert {one.key for one in whole.reasons} == {one.key for one in less.reasons}
    assert less.not_asked == whole.not_asked


@some(100)
@given(checkins())
def test_nothing_reported_or_unasked_ends_in_self_care(checkin: CheckIn) -> None:
    found = triage(checkin)
    if found.reported or found.not_asked:
        assert found.urgency is not Urgency.SELF_CARE
    assert found.urgency is Urgency.SELF_CARE or found.say


@some(40)
@given(patients(), PLANS, st.data())
def test_switching_statements_off_hides_words_and_answers_nothing(
    patient: Patient, plans: tuple[Plan, ...], data: st.DataObject
) -> None:
    """Of the procedure sheet and the plan for the bones: no tick, no question and no answer changes."""
    for plan in (partial(plan_procedure, patient, plans), partial(plan_bone_health, patient)):
        whole = plan()
        if not whole.statements:
            continue
        off = data.draw(st.sets(st.sampled_from([one.key for one in whole.statements]), max_size=4))
        less = plan(without=off)
        assert {one.key: one.applies for one in less.statements} == {one.key: one.applies for one in whole.statements}
        assert all(one.words is None and one.note is None for one in less.statements if one.key in off)
        assert less.questions == whole.questions
    assert plan_procedure(patient, plans).checklist == plan_procedure(patient, plans, without=DECIDING).checklist


@some(40)
@given(patients())
def test_what_is_not_known_is_never_as_it_should_be(patient: Patient) -> None:
    """Without the facts behind it a point of the checklist is not ticked by the record."""
    for point in plan_procedure(patient).checklist:
        less = plan_procedure(forgotten(patient, point.facts)) if point.facts else None
        if less is not None:
            found = next(one.recorded for one in less.checklist if one.key == point.key)
            assert found is UNKNOWN or point.key == "clearance", point.key


@some(60)
@given(patients())
def test_no_figure_of_the_forecast_rests_on_anything_but_the_cause(patient: Patient) -> None:
    assert predict_outcomes(patient) == predict_outcomes(Patient(cause=patient.cause))


@some(15)
@given(patients())
def test_the_booklet_of_any_record_asks_for_what_it_does_not_know(patient: Patient) -> None:
    html = booklet_html(patient=patient, findings=(), advice=assess_candidacy(patient))
    for known, asked in (
        (patient.fracture_levels, "which bone is broken"),
        (patient.cause, "why the bone broke"),
        (None if patient.pain_nrs is None else "told", "how bad your pain is"),
    ):
        assert (f"Your record does not say {asked}" in html) is not known or (known and f"say {asked}" not in html)
