"""Positions side by side; nothing from a missing fact, and never more reassuring for knowing less."""

import itertools
import re
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from spondyl.decisions import Answer, Recommendation, Stance, assess_candidacy, criteria_of
from spondyl.decisions.disagreements import ENTRIES
from spondyl.decisions.of_score import RULE
from spondyl.decisions.populations import POPULATIONS
from spondyl.decisions.questions import QUESTIONS
from spondyl.evidence import disagreements, find_entry, find_rule, rules_of
from spondyl.outcomes import CountedRuns, CourseFacts
from spondyl.spine import Level
from spondyl.studies import (
    Bleeding,
    BoneHealth,
    Cause,
    Conditions,
    Course,
    Evolution,
    Examination,
    Function,
    Imaging,
    Patient,
)

YES, NO, UNKNOWN = Answer.YES, Answer.NO, Answer.UNKNOWN
WEIGHED = ("dis-augment-or-not", "dis-sham", "dis-time", "dis-pvp-vs-bkp", "dis-adjacent")
SAFE = Patient(
    age_years=74,
    pain_nrs=8,
    cause=Cause.OSTEOPOROTIC,
    course=Course(
        evolution=Evolution.WORSENING, optimal_treatment_failed=True, fracture_age_weeks=4, asymptomatic=False
    ),
    examination=Examination(tender_at_level=True, neurological_deficit=False, kyphosis_visible=False),
    imaging=Imaging(
        mri_oedema=True,
        posterior_wall_involved=False,
        canal_stenosis=False,
        cord_compressed_by_fragment=False,
        unstable=False,
        height_loss_progressing=False,
        cleft=False,
    ),
    conditions=Conditions(False, False, False, False, False, False, False, 2, 0),
    bleeding=Bleeding((), 1.0, 250.0, 80.0),
)


def answer_of(advice: Recommendation, key: str) -> Answer:
    for one in (*advice.positions, *advice.choices, *advice.team):
        if one.key == key:
            return one.applies
    return next(one.answer for one in (*advice.contraindications, *advice.urgent) if one.key == key)


def test_nothing_known_gives_no_verdict() -> None:
    advice = assess_candidacy(Patient())
    assert advice.no_contraindication_found is UNKNOWN
    assert {one.applies for one in advice.positions} == {UNKNOWN}
    assert {one.answer for one in advice.contraindications} == {UNKNOWN}
    assert len(advice.urgent) == 6


def test_a_good_candidate_still_meets_positions_for_and_against() -> None:
    advice = assess_candidacy(SAFE)
    met = {one.key for one in advice.positions if one.applies is YES}
    assert {"cand-nice", "cand-acr", "cand-sir-2014", "cand-rand-worsening", "trial-vapour", "trial-vertos4"} <= met
    assert {"cand-aaos", "cand-asbmr"} <= met
    assert advice.no_contraindication_found is YES
    assert [one.key for one in advice.urgent] == []


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        (replace(SAFE, conditions=replace(SAFE.conditions, local_infection=True)), "ctr-infection-local"),
        (replace(SAFE, conditions=replace(SAFE.conditions, systemic_infection=True)), "ctr-infection-systemic"),
        (replace(SAFE, conditions=replace(SAFE.conditions, cement_allergy=True)), "ctr-allergy"),
        (replace(SAFE, conditions=replace(SAFE.conditions, pregnant=True)), "ctr-pregnancy"),
        (replace(SAFE, conditions=replace(SAFE.conditions, asa_class=4)), "ctr-severe-cardiopulmonary"),
        (replace(SAFE, bleeding=replace(SAFE.bleeding, inr=1.9)), "ctr-coagulopathy"),
        (replace(SAFE, bleeding=replace(SAFE.bleeding, platelets_10e9_l=49)), "ctr-coagulopathy"),
        (replace(SAFE, imaging=replace(SAFE.imaging, unstable=True)), "ctr-unstable"),
        (replace(SAFE, imaging=replace(SAFE.imaging, cord_compressed_by_fragment=True)), "ctr-myelopathy"),
        (replace(SAFE, imaging=replace(SAFE.imaging, posterior_wall_involved=True)), "ctr-posterior-wall"),
        (replace(SAFE, examination=replace(SAFE.examination, neurological_deficit=True)), "pc-surgery-neuro"),
    ],
)
def test_each_concern_is_found_and_blocks_the_words(changed: Patient, key: str) -> None:
    advice = assess_candidacy(changed)
    assert answer_of(advice, key) is YES
    assert advice.no_contraindication_found is NO


def test_an_unverified_concern_is_asked_and_shows_no_figure() -> None:
    for patient in (replace(SAFE, conditions=replace(SAFE.conditions, asa_class=value)) for value in (4, None)):
        advice = assess_candidacy(patient)
        (concern,) = [one for one in advice.contraindications if one.key == "ctr-severe-cardiopulmonary"]
        assert "Check with your team: no verified source in this version" in concern.words
        assert not re.search(r"\d", concern.words + concern.reasons[0].words)
        assert advice.no_contraindication_found is not YES


def test_a_limit_itself_is_met() -> None:
    """NICE by the English policy: pain of at least 7, at most 6 weeks; INR above 1.8 is too high, 1.8 is not."""
    assert answer_of(assess_candidacy(replace(SAFE, pain_nrs=7)), "cand-nice") is YES
    assert answer_of(assess_candidacy(replace(SAFE, pain_nrs=6)), "cand-nice") is NO
    for weeks, expected in ((6, YES), (6.1, NO), (None, UNKNOWN)):
        course = replace(SAFE.course, fracture_age_weeks=weeks)
        assert answer_of(assess_candidacy(replace(SAFE, course=course)), "cand-nice") is expected
    assert (
        answer_of(assess_candidacy(replace(SAFE, bleeding=replace(SAFE.bleeding, inr=1.8))), "ctr-coagulopathy") is NO
    )


def test_technique_waits_for_a_candidate() -> None:
    """Without any source in favour no technique is named, whatever the deformity."""
    progressing = replace(SAFE, imaging=replace(SAFE.imaging, height_loss_progressing=True))
    assert answer_of(assess_candidacy(progressing), "pc-deformity-bkp") is YES
    mild = replace(progressing, pain_nrs=0, course=replace(SAFE.course, asymptomatic=True))
    advice = assess_candidacy(mild)
    assert not [one for one in advice.positions if one.stance is Stance.FOR and one.applies is YES]
    assert answer_of(advice, "pc-deformity-bkp") is NO


def test_positions_that_nobody_verified_are_named_and_not_shown() -> None:
    advice = assess_candidacy(SAFE)
    hidden = {one.key: set(one.hidden) for one in advice.disagreements}
    assert hidden["dis-augment-or-not"] == {"cochrane2018"}
    assert hidden["dis-sham"] == {"buchbinder2009"}
    assert "cochrane" not in repr([one.positions for one in advice.disagreements])
    (cochrane,) = [one for one in advice.positions if one.key == "cand-cochrane"]
    assert (cochrane.words, cochrane.note, cochrane.strength) == (None, None, None)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"dis-augment-or-not": YES, "dis-sham": YES, "dis-time": YES, "dis-pvp-vs-bkp": UNKNOWN}),
        ({"cause": Cause.NEOPLASTIC}, dict.fromkeys(WEIGHED, NO)),
        ({"cause": None}, dict.fromkeys(WEIGHED, UNKNOWN)),
        ({"conditions": Conditions(local_infection=True)}, dict.fromkeys(WEIGHED, NO)),
        ({"pain_nrs": 0, "course": Course(asymptomatic=True)}, {"dis-augment-or-not": NO, "dis-adjacent": NO}),
    ],
)
def test_a_disagreement_bites_where_the_record_gives_its_sides_different_answers(
    changes: dict[str, Any], expected: dict[str, Answer]
) -> None:
    found = {one.key: one.bites for one in assess_candidacy(replace(SAFE, **changes)).disagreements}
    assert {key: found[key] for key in expected} == expected, found


def test_a_rule_that_is_switched_off_silences_no_disagreement() -> None:
    """Nobody is told that the sources agree since one of them was taken away."""
    for one in assess_candidacy(SAFE).disagreements:
        for key in ("cand-nice", "cand-acr", "cand-sir-2014", "cand-aaos", "trial-vapour", "pc-deformity-bkp"):
            off = {each.key: each for each in assess_candidacy(SAFE, without=(key,)).disagreements}[one.key]
            assert one.bites is NO or off.bites is not NO, (one.key, key)


def test_every_position_of_a_disagreement_names_its_entry() -> None:
    listed = {(one.disagreement_id, each.source) for one in disagreements() for each in one.positions}
    assert listed == set(ENTRIES)
    for (_, source), entry in ENTRIES.items():
        assert entry is None or source in repr(find_entry(entry)) or find_entry(entry).verified


def test_questions_come_with_what_they_would_change() -> None:
    advice = assess_candidacy(replace(SAFE, bleeding=Bleeding()))
    assert [one.variable for one in advice.questions[:2]] == ["inr", "platelets"]
    assert "ctr-coagulopathy" in advice.questions[0].changes
    assert advice.questions[0].facts == ("bleeding.inr",)


def test_every_variable_that_is_asked_has_words() -> None:
    for domain in ("candidacy", "contraindication", "procedure_choice"):
        for rule in rules_of(domain):
            assert {one.variable for one in criteria_of(rule.when)} <= set(QUESTIONS), rule.rule_id


def test_limits_of_trials_stand_in_their_entries() -> None:
    """Each number, or the months it was made from, in the text of the entry that is named for it."""
    for one in POPULATIONS:
        entry = find_entry(one.criteria_entry)
        text = f"{entry.statement} {entry.population} {find_entry(one.result_entries[0]).population}"
        for criterion in criteria_of(one.condition):
            if isinstance(criterion.value, bool | str):
                continue
            months = criterion.value * 7 / 30
            wanted = (
                f"{months:g} months"
                if months == int(months) and criterion.variable == "fracture_age_weeks"
                else f"{criterion.value:g}"
            )
            assert wanted.removeprefix("-") in text, (one.key, wanted)
        assert one.result is not None
        assert all(find_entry(key).verified for key in one.entries)


def numbers(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:\.\d+)?", text))


def test_every_number_shown_stands_in_a_verified_rule_or_entry() -> None:
    """Walk all words of positions and concerns; a number must be found in the verified texts that they name."""
    advice = assess_candidacy(SAFE)
    for one in (*advice.positions, *advice.choices, *advice.team):
        if one.words is None:
            continue
        good = [find_entry(key) for key in one.entries if find_entry(key).verified]
        assert good, one.key
        rule = None if one.stance is Stance.TRIAL else find_rule(RULE if one.key.startswith(RULE) else one.key)
        source = (
            " ".join(f"{entry.statement} {entry.values} {entry.population} {entry.note}" for entry in good)
            + repr(rule)
            + one.who
        )
        assert numbers(one.words.split("This record:")[0]) <= numbers(source), one.key
    for concern in advice.contraindications:
        if concern.verified:
            assert any(find_entry(key).verified for key in concern.entries), concern.key


def reassurance(advice: Recommendation) -> dict[str, int]:
    """How reassuring each answer is; more must never come from knowing less."""
    rank = {YES: 2, UNKNOWN: 1, NO: 0}
    out = {"none found": rank[advice.no_contraindication_found]}
    for one in (*advice.positions, *advice.choices):
        out[one.key] = rank[~one.applies if one.stance is Stance.AGAINST else one.applies]
    for concern in advice.contraindications:
        out[concern.key] = rank[~concern.answer]
    return out


RULES = [rule.rule_id for domain in ("candidacy", "contraindication", "procedure_choice") for rule in rules_of(domain)]


@pytest.mark.parametrize("key", [*RULES, *(one.key for one in POPULATIONS)])
def test_switching_a_rule_off_never_reassures(key: str) -> None:
    for patient in (SAFE, Patient(), replace(SAFE, pain_nrs=3), replace(SAFE, cause=Cause.NEOPLASTIC)):
        whole, without = reassurance(assess_candidacy(patient)), reassurance(assess_candidacy(patient, without={key}))
        assert all(without[name] <= whole[name] for name in whole if name != "pc-conservative-first"), key


@pytest.mark.parametrize("key", [rule.rule_id for rule in rules_of("contraindication")])
def test_a_concern_that_is_switched_off_is_not_called_absent(key: str) -> None:
    """Its answer was unknown, its words said "absent"."""
    (concern,) = [one for one in assess_candidacy(SAFE, without={key}).contraindications if one.key == key]
    assert concern.answer is UNKNOWN
    assert not concern.words.startswith("absent") and "switched off" in concern.words


def random_patient(rng: np.random.Generator) -> Patient:
    """A record, however incomplete or contradictory."""

    def maybe(*choices: object) -> object:
        return choices[rng.integers(len(choices))] if rng.random() < 0.7 else None

    def flags(record: type, numbers_: dict[str, tuple[float, ...]] | None = None) -> object:
        values = {}
        for item in fields(record):
            if numbers_ and item.name in numbers_:
                values[item.name] = maybe(*numbers_[item.name])
            elif "bool" in str(item.type):
                values[item.name] = maybe(True, False)
        return record(**values)

    course = flags(Course, {"fracture_age_weeks": (1, 3, 6, 12, 13, 60), "evolution": tuple(Evolution)})
    return Patient(
        age_years=maybe(20, 55, 60, 61, 90),
        pain_nrs=maybe(0, 3, 4, 5, 6, 7, 10),
        cause=maybe(*Cause),
        fracture_levels=maybe((), ("L1",), ("T12", "L1")),
        course=course,
        function=Function(rmdq_score=maybe(0, 17, 18, 24)),
        examination=flags(Examination),
        imaging=flags(Imaging, {"of_class": (1, 5), "sins": (0, 6, 7, 18)}),
        conditions=flags(Conditions, {"asa_class": (1, 3, 4, 5), "frailty_index": (0, 3)}),
        bleeding=Bleeding(inr=maybe(1.0, 1.8, 1.9), platelets_10e9_l=maybe(49, 50, 200)),
        bone=BoneHealth(t_score_spine=maybe(-3.5, -1.0, 0.0), t_score_hip=maybe(-3.5, -1.0)),
    )


def knowing_less(patient: Patient, rng: np.random.Generator) -> Patient:
    """The same record with one fact left out."""
    group = rng.choice([item.name for item in fields(Patient)])
    value = getattr(patient, group)
    if value is None or isinstance(value, int | float | str | tuple):
        return replace(patient, **{group: None}) if group not in ("function",) else patient
    inner = rng.choice([item.name for item in fields(value) if item.name != "rmdq_not_asked"])
    return replace(patient, **{group: replace(value, **{inner: None})})


def contradicts_itself(patient: Patient) -> bool:
    """Two facts that cannot both hold leave a third unknown; leaving one of them out settles that, rightly."""
    pictures = {patient.imaging.mri_oedema, patient.imaging.bone_scan_uptake} >= {True, False}
    painless = patient.pain_nrs is not None and patient.course.asymptomatic is (patient.pain_nrs != 0)
    return pictures or painless


def test_leaving_a_fact_out_never_reassures() -> None:
    """A no may become unknown, nothing more; 400 records, seeded."""
    rng = np.random.default_rng(5)
    patients = (random_patient(rng) for _ in itertools.count())
    for patient in itertools.islice((one for one in patients if not contradicts_itself(one)), 400):
        less = knowing_less(patient, rng)
        known, unknown = assess_candidacy(patient), assess_candidacy(less)
        before, after = reassurance(known), reassurance(unknown)
        for name in before:
            assert after[name] <= before[name] or before[name] == 0, (name, patient, less)
        if known.no_contraindication_found is not YES:
            assert unknown.no_contraindication_found is not YES


def test_an_emergency_always_stands_first() -> None:
    rng = np.random.default_rng(6)
    for _ in itertools.repeat(None, 200):
        patient = random_patient(rng)
        advice = assess_candidacy(patient)
        if patient.examination.neurological_deficit:
            assert advice.urgent[0].key == "pc-surgery-neuro"
            assert advice.urgent[0].answer is YES
        if patient.conditions.local_infection or patient.conditions.systemic_infection:
            assert any("infection" in one.key and one.answer is YES for one in advice.urgent)
        assert all(one.answer is not NO for one in advice.urgent)


SIMULATED = (
    CourseFacts(Level.L1, "untreated", None, (3.2, 1.0, 8.9), (1.2, 0.4, 3.0), 365.0, 0.1, None),
    CourseFacts(Level.L1, "vertebroplasty", 0.84, (0.2, 0.1, 0.4), None, 365.0, 0.0, CountedRuns(4, 40)),
    CourseFacts(Level.L1, "kyphoplasty", None, (-1.8, -2.0, -1.0), None, 365.0, 0.0, None, (), 2.4, 0.31),
    CourseFacts(Level.T8, "untreated", None, None, None, None, None, None),
)


def test_simulated_figures_stand_beside_the_findings_and_weigh_in_no_position() -> None:
    without, told = (assess_candidacy(SAFE, simulations=found, levels=(Level.L1,)) for found in ((), SIMULATED))
    said = [one for one in told.aspects if one.topic == "simulation"]
    assert [one.words for one in said] == [
        "L1 with nothing done, if it does not heal: upright after 365 days the front is 3.2 mm (1.0 to 8.9) lower "
        "than on the CT; 10 % of the runs had left what the model holds for",
        "L1 after vertebroplasty: 0.84 of the strength before the fracture",
        "L1 after vertebroplasty: upright after 365 days the front is 0.2 mm (0.1 to 0.4) lower than on the CT",
        "L1, vertebroplasty: by any way 4 of 40 simulated runs leaked more than 0.1 mL; published: no rate verified",
        "L1 after kyphoplasty: the front keeps 2.4 mm of the balloons' lift, 0.31 of what it would keep without load; "
        "both hang on the assumed fracture, and what stays under load is not told by this model",
        "L1 after kyphoplasty: upright after 365 days the front is 1.8 mm (1.0 to 2.0) higher than on the CT",
    ]
    assert all(one.answer is None and "not calibrated on patients" in str(one.origin) for one in said)
    assert replace(told, aspects=()) == replace(without, aspects=())


def test_courses_are_told_where_the_record_names_no_fracture() -> None:
    """Plans are then of the deformed levels; to say that nothing was simulated would be false."""
    said = [one for one in assess_candidacy(Patient(), simulations=SIMULATED).aspects if one.topic == "simulation"]
    assert len(said) == 6 and not any("not simulated" in one.words for one in said)


def test_without_a_simulation_of_the_level_it_stays_unknown() -> None:
    (one,) = [
        one
        for one in assess_candidacy(SAFE, simulations=SIMULATED, levels=(Level.L3,)).aspects
        if one.topic == "simulation" and one.answer is not None
    ]
    assert one.answer is UNKNOWN and "L3: " in one.words and "not simulated" in one.words
