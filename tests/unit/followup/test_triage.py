"""When to call. The rules as published have holes; none of them ends in self-care."""

import itertools
from collections.abc import Iterator
from dataclasses import fields, replace

import pytest

from spondyl.decisions import Answer, criteria_of, holds
from spondyl.errors import InputError
from spondyl.evidence import find_entry
from spondyl.followup import SYMPTOMS, CheckIn, Urgency, red_flags, triage
from spondyl.followup.triage import UNVERIFIED, facts_of
from spondyl.followup.words import reason_words
from spondyl.planning import Plan, no_treatment
from spondyl.spine import Level

NOW, TODAY, DAYS, SELF = Urgency
ALL_NO = CheckIn(
    days_after=20, pain_nrs=2, temperature_c=36.6, known_cancer=False, other="", **dict.fromkeys(SYMPTOMS, False)
)

# Cases that a clinician can check: what differs from "everything asked and absent", and how urgent it is.
TABLE = [
    ("nothing reported, everything asked", {}, SELF),
    ("chest pain", {"chest_pain": True}, NOW),
    ("short of breath", {"dyspnoea": True}, NOW),
    ("fainted", {"syncope": True}, NOW),
    ("coughed up blood", {"haemoptysis": True}, NOW),
    ("chest pain not asked", {"chest_pain": None}, TODAY),
    ("bladder or bowel", {"bladder_or_bowel_dysfunction": True}, NOW),
    ("numb saddle", {"saddle_anaesthesia": True}, NOW),
    ("both legs weak", {"bilateral_leg_weakness": True}, NOW),
    ("saddle not asked", {"saddle_anaesthesia": None}, TODAY),
    ("one leg newly weak", {"new_leg_weakness_or_numbness": True}, NOW),
    ("leg not asked", {"new_leg_weakness_or_numbness": None}, TODAY),
    ("growing lump", {"expanding_haematoma": True}, NOW),
    ("lump not asked", {"expanding_haematoma": None}, TODAY),
    ("38.5 degrees", {"temperature_c": 38.5}, NOW),
    ("38.4 degrees", {"temperature_c": 38.4}, TODAY),
    ("38.0 degrees", {"temperature_c": 38.0}, TODAY),
    ("37.9 degrees and nothing felt", {"temperature_c": 37.9}, SELF),
    ("38.0 degrees with chills", {"temperature_c": 38.0, "rigors": True}, NOW),
    ("38.0 degrees, chills not asked", {"temperature_c": 38.0, "rigors": None}, TODAY),
    ("fever with chills", {"fever": True, "rigors": True, "temperature_c": None}, NOW),
    ("fever, not measured", {"fever": True, "temperature_c": None}, TODAY),
    ("temperature not measured", {"temperature_c": None}, TODAY),
    ("fever felt, 37.0 measured: no published rule", {"fever": True, "temperature_c": 37.0}, TODAY),
    ("no fever felt, 39 measured", {"fever": False, "temperature_c": 39.0}, NOW),
    ("chills alone", {"rigors": True}, TODAY),
    ("red needle place", {"wound_redness_swelling_discharge": True}, TODAY),
    ("needle place not asked", {"wound_redness_swelling_discharge": None}, DAYS),
    ("swollen calf", {"calf_swelling": True}, TODAY),
    ("calf not asked", {"calf_swelling": None}, DAYS),
    ("worse pain on day 1", {"pain_worse_than_before": True, "days_after": 1}, TODAY),
    ("worse pain on day 20", {"pain_worse_than_before": True}, TODAY),
    ("worse pain, day not known", {"pain_worse_than_before": True, "days_after": None}, TODAY),
    ("worse pain not asked", {"pain_worse_than_before": None}, DAYS),
    ("new pain on day 20", {"new_focal_spine_pain": True}, DAYS),
    ("new pain on day 2: no published rule", {"new_focal_spine_pain": True, "days_after": 2}, TODAY),
    ("new pain, day not known", {"new_focal_spine_pain": True, "days_after": None}, DAYS),
    ("pain down one side", {"new_unilateral_radicular_pain": True}, TODAY),
    ("pain down one side not asked", {"new_unilateral_radicular_pain": None}, DAYS),
    ("a fall", {"fall_since_procedure": True}, DAYS),
    ("fall not asked", {"fall_since_procedure": None}, DAYS),
    ("cancer and a weak leg", {"known_cancer": True, "new_leg_weakness_or_numbness": True}, NOW),
    ("cancer and worse pain", {"known_cancer": True, "pain_worse_than_before": True}, TODAY),
    ("cancer and new pain on day 20", {"known_cancer": True, "new_focal_spine_pain": True}, TODAY),
    ("cancer not asked", {"known_cancer": None}, DAYS),
    ("cancer not asked, new pain", {"known_cancer": None, "new_focal_spine_pain": True}, DAYS),
    ("cancer not asked, a weak leg", {"known_cancer": None, "new_leg_weakness_or_numbness": True}, NOW),
    ("fever not asked, not measured", {"fever": None, "temperature_c": None}, TODAY),
    ("cancer alone", {"known_cancer": True}, SELF),
    ("pain of 4, no worse", {"pain_nrs": 4}, DAYS),
    ("pain of 3, no worse", {"pain_nrs": 3}, SELF),
    ("pain not asked", {"pain_nrs": None}, DAYS),
    ("something else", {"other": "my hand tingles"}, DAYS),
    ("something else not asked", {"other": None}, DAYS),
    ("day not known", {"days_after": None}, DAYS),
]


@pytest.mark.parametrize(("case", "changed", "urgency"), TABLE, ids=[row[0] for row in TABLE])
def test_the_table(case: str, changed: dict[str, object], urgency: Urgency) -> None:
    assert triage(replace(ALL_NO, **changed)).urgency is urgency


def test_every_rule_has_a_row_where_it_speaks_and_one_where_a_fact_is_missing() -> None:
    spoke, waited = set(), set()
    for _, changed, _ in TABLE:
        for reason in triage(replace(ALL_NO, **changed)).reasons:
            (spoke if reason.answer is Answer.YES else waited).add(reason.key)
    rules = {rule.rule_id for rule in red_flags()}
    assert rules <= spoke
    assert rules <= waited


def test_nothing_answered_is_no_self_care() -> None:
    found = triage(CheckIn())
    assert found.urgency is TODAY
    assert len(found.not_asked) == len(fields(CheckIn))


VALUES = {
    "temperature_c": (None, 36.6, 37.9, 38.0, 38.4, 38.5, 40.0),
    "days_after": (None, 0, 2, 2.5, 20),
    **dict.fromkeys([*SYMPTOMS, "known_cancer"], (None, False, True)),
}
# The urgency is a maximum over rules, so answers that share no rule can be searched apart: these are the groups.
GROUPS = [
    ("chest_pain", "dyspnoea", "syncope", "haemoptysis"),
    ("temperature_c", "fever", "rigors"),
    ("wound_redness_swelling_discharge", "expanding_haematoma", "calf_swelling", "fall_since_procedure"),
    ("days_after", "known_cancer", "pain_worse_than_before", "new_focal_spine_pain"),
    (
        "known_cancer",
        "new_leg_weakness_or_numbness",
        "bladder_or_bowel_dysfunction",
        "saddle_anaesthesia",
        "bilateral_leg_weakness",
    ),
    ("new_unilateral_radicular_pain",),
]


def test_each_rule_lies_within_one_group_and_nothing_is_left_out() -> None:
    names = {"time_since_procedure_days": "days_after"}
    for rule in red_flags():
        asked = {names.get(one.variable, one.variable) for one in criteria_of(rule.when)}
        assert any(asked <= set(group) for group in GROUPS), rule.rule_id
    assert {name for group in GROUPS for name in group} == set(VALUES)


def answers(group: tuple[str, ...]) -> Iterator[CheckIn]:
    for values in itertools.product(*(VALUES[name] for name in group)):
        yield replace(ALL_NO, **dict(zip(group, values, strict=True)))


@pytest.mark.parametrize("group", GROUPS, ids=[group[-1] for group in GROUPS])
def test_no_combination_of_answers_ends_in_self_care_with_something_reported_or_unasked(group: tuple[str, ...]) -> None:
    for checkin in answers(group):
        found = triage(checkin)
        unasked = any(getattr(checkin, name) is None for name in group)
        if found.reported or unasked:
            assert found.urgency is not SELF, checkin
        else:
            raised = checkin.temperature_c is not None and checkin.temperature_c >= 38
            assert (found.urgency is SELF) is not raised


@pytest.mark.parametrize("group", GROUPS, ids=[group[-1] for group in GROUPS])
def test_a_yes_is_at_least_as_urgent_as_not_asked_and_that_as_a_no(group: tuple[str, ...]) -> None:
    for checkin in answers(group):
        for name in group:
            if VALUES[name] != (None, False, True):
                continue
            no, unasked, yes = (triage(replace(checkin, **{name: value})).urgency.rank for value in (False, None, True))
            assert yes <= unasked or name == "known_cancer", (name, checkin)
            assert unasked <= no, (name, checkin)


def holes() -> dict[str, set[str]]:
    """Combinations of one group in which something is reported and no published rule speaks, by what is reported."""
    found: dict[str, set[str]] = {}
    for group in GROUPS:
        for checkin in answers(group):
            said = [name for name in group if name in SYMPTOMS and getattr(checkin, name)]
            if said and not any(holds(rule.when, facts_of(checkin)) is Answer.YES for rule in red_flags()):
                found.setdefault("+".join(said), set()).add(f"{checkin.temperature_c} {checkin.days_after}")
    return found


def test_the_holes_of_the_published_rules_are_those_that_the_manual_lists() -> None:
    """Fever felt with less than 38 measured; new pain in the first two days or on a day that is not known."""
    assert holes() == {
        "fever": {"36.6 20", "37.9 20"},
        "new_focal_spine_pain": {"36.6 None", "36.6 0", "36.6 2"},
    }


@pytest.mark.parametrize("rule_id", [rule.rule_id for rule in red_flags()])
def test_a_rule_switched_off_keeps_its_urgency_and_loses_its_text(rule_id: str) -> None:
    for _, changed, urgency in TABLE:
        found = triage(replace(ALL_NO, **changed), without={rule_id})
        assert found.urgency is urgency
        assert all(reason.action is None for reason in found.reasons if reason.key == rule_id)


def test_what_nobody_verified_is_said_so_and_shows_no_figure() -> None:
    found = triage(replace(ALL_NO, calf_swelling=True))
    (reason,) = [one for one in found.reasons if one.key == "tri-dvt"]
    assert reason.action is None and not reason.verified
    assert UNVERIFIED in reason_words(reason)
    assert not any(character.isdigit() for character in reason_words(reason))


def test_only_verified_entries_are_named() -> None:
    for _, changed, _ in TABLE:
        for reason in triage(replace(ALL_NO, **changed)).reasons:
            assert all(find_entry(key).verified for key in reason.entries)


def test_what_to_say_on_the_phone() -> None:
    found = triage(replace(ALL_NO, chest_pain=True, temperature_c=38.2), no_treatment(Level.L1))
    assert found.say == (
        "I have a broken L1 in my back. It was not treated with cement.",
        "I have pain in my chest.",
        "My temperature is 38.2 degrees Celsius.",
        "My back pain is 2 of 10.",
    )
    assert triage(ALL_NO).say == ()


def test_a_plan_without_a_day_is_no_proof_that_it_was_done() -> None:
    needles = Plan(**{**vars(no_treatment(Level.L1)), "needles": (object(),)})
    said = {days: triage(replace(ALL_NO, chest_pain=True, days_after=days), needles).say[0] for days in (None, 3)}
    assert said[None] == "Cement was planned for L1 (vertebroplasty). Please check when it was done."
    assert said[3] == "I had cement put into L1 (vertebroplasty) 3 days ago."


@pytest.mark.parametrize(
    "wrong", [{"temperature_c": 98.6}, {"pain_nrs": 11}, {"days_after": -1}, {"fever": "yes"}, {"pain_nrs": True}]
)
def test_a_slip_of_the_pen_is_refused_without_its_value(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError) as caught:
        CheckIn(**wrong)
    assert "98.6" not in str(caught.value)
