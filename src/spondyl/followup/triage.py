"""When to call: how urgent what was reported is, and what is still to be asked. It errs towards the phone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from types import MappingProxyType

from spondyl.decisions import Answer, criteria_of, holds
from spondyl.evidence import Default, PublishedRule, find_entry, rules_of
from spondyl.followup.checkin import SYMPTOMS, CheckIn
from spondyl.followup.questions import SYMPTOM_QUESTIONS, question_text
from spondyl.planning import Plan

UNVERIFIED = "Check with your team: no verified source in this version"
_PAIN_ENTRY = "out-mcid"  # its responder_nrs: pain below it counted as a response in a trial


class Urgency(StrEnum):
    """How soon; the order of the members is from the most urgent."""

    EMERGENCY_NOW = "emergency_now"
    SAME_DAY = "same_day"
    WITHIN_DAYS = "within_days"
    SELF_CARE = "self_care"

    @property
    def rank(self) -> int:
        """0 is the most urgent."""
        return list(Urgency).index(self)

    def less(self) -> Urgency:
        """One step less urgent, but never self-care."""
        return list(Urgency)[min(self.rank + 1, Urgency.WITHIN_DAYS.rank)]


@dataclass(frozen=True)
class TriageReason:
    """One rule that speaks, or that waits for an answer."""

    key: str  # of the rule; "closed-..." where this project closed a hole towards caution
    answer: Answer  # YES: it speaks; UNKNOWN: an answer is missing
    urgency: Urgency  # what it asks for; one step less where an answer is missing
    words: str  # what was reported or is missing
    action: str | None  # for the team; None where no verified source stands behind it
    verified: bool
    sources: tuple[str, ...]
    entries: tuple[str, ...]  # verified ones


@dataclass(frozen=True)
class Triage:
    """How urgent, why, what to say, and what was not asked."""

    urgency: Urgency
    reasons: tuple[TriageReason, ...]  # the most urgent first
    reported: tuple[str, ...]  # names of what was reported
    say: tuple[str, ...]  # on the phone
    not_asked: tuple[str, ...]  # questions still open, as text


def triage(checkin: CheckIn, plan: Plan | None = None, *, without: Collection[str] = ()) -> Triage:
    """How urgent a check-in is.

    The urgency is the highest of all rules that speak. A rule that waits for an answer counts one step below its own
    urgency, and never as self-care; self-care needs every red flag asked and absent, and nothing reported. Rules that
    nobody verified keep their urgency and lose their text.

    Parameters
    ----------
    plan
        What was done, for the words on the phone.
    without
        Ids of rules that are switched off: they keep their urgency and lose their text.
    """
    reasons = sorted((*_published(checkin, without), *_closed(checkin)), key=lambda one: one.urgency.rank)
    urgency = reasons[0].urgency if reasons else Urgency.SELF_CARE
    return Triage(
        urgency=urgency,
        reasons=tuple(reasons),
        reported=reported(checkin),
        say=tuple(_say(checkin, plan)) if urgency is not Urgency.SELF_CARE else (),
        not_asked=tuple(question_text(name) for name in _not_answered(checkin)),
    )


def reported(checkin: CheckIn) -> tuple[str, ...]:
    """Names of what was reported as a complaint."""
    said = [name for name in SYMPTOMS if getattr(checkin, name) is True]
    if checkin.pain_nrs is not None and checkin.pain_nrs >= _pain_limit():
        said.append("pain_nrs")
    return (*said, "other") if checkin.other else tuple(said)


def red_flags() -> tuple[PublishedRule, ...]:
    """The published rules of triage, the one that speaks when no other does left out."""
    return tuple(rule for rule in rules_of("triage") if not isinstance(rule.when, Default))


def facts_of(checkin: CheckIn) -> Mapping[str, bool | float | str | None]:
    """The answers by the names of the rules' variables."""
    answers = {item.name: getattr(checkin, item.name) for item in fields(checkin)}
    answers["time_since_procedure_days"] = answers.pop("days_after")
    return MappingProxyType(answers)


def _published(checkin: CheckIn, without: Collection[str]) -> Iterator[TriageReason]:
    """The published rules that speak or wait for an answer."""
    for rule in red_flags():
        answer = holds(rule.when, facts_of(checkin))
        if answer is Answer.NO:
            continue
        own = Urgency(str(rule.says("urgency")))
        speaks = rule.verified and rule.rule_id not in without
        yield TriageReason(
            key=rule.rule_id,
            answer=answer,
            urgency=own if answer is Answer.YES else own.less(),
            words=_words(rule, checkin, answer),
            action=_action(rule) if speaks else None,
            verified=speaks,
            sources=rule.sources,
            entries=tuple(key for key in rule.entries if find_entry(key).verified),
        )


def _closed(checkin: CheckIn) -> Iterator[TriageReason]:
    """Holes of the published rules, closed towards caution; each is listed in docs/explanation/triage.md."""
    rules = {rule.rule_id: rule for rule in red_flags()}
    if checkin.fever and checkin.temperature_c is not None and checkin.temperature_c < _fever_limit(rules):
        yield _closing("closed-fever", Urgency.SAME_DAY, "fever was felt, though the thermometer shows less")
    if checkin.new_focal_spine_pain and checkin.days_after is not None and checkin.days_after <= _early_days(rules):
        yield _closing("closed-early-pain", Urgency.SAME_DAY, "new back pain in the first days")
    if reported(checkin):
        yield _closing("closed-reported", Urgency.WITHIN_DAYS, "something was reported, so the team is asked")
    if _not_answered(checkin):
        yield _closing("closed-unasked", Urgency.WITHIN_DAYS, "questions are still open", Answer.UNKNOWN)


def _closing(key: str, urgency: Urgency, words: str, answer: Answer = Answer.YES) -> TriageReason:
    return TriageReason(key, answer, urgency, words, "the team is asked", True, ("spondyl",), ())


def _words(rule: PublishedRule, checkin: CheckIn, answer: Answer) -> str:
    """The answers that the rule rests on, or those it waits for."""
    names = list(dict.fromkeys(_field(criterion.variable) for criterion in criteria_of(rule.when)))
    if answer is Answer.UNKNOWN:
        return "not answered: " + " ".join(question_text(name) for name in names if getattr(checkin, name) is None)
    said = [SYMPTOM_QUESTIONS[name].say for name in names if name in SYMPTOM_QUESTIONS and getattr(checkin, name)]
    if "temperature_c" in names and checkin.temperature_c is not None:
        said.append("have a raised temperature")
    return "reported: I " + ", and I ".join(said)


def _action(rule: PublishedRule) -> str:
    return str(rule.says("action")).replace("_", " ")


def _field(variable: str) -> str:
    return "days_after" if variable == "time_since_procedure_days" else variable


def _not_answered(checkin: CheckIn) -> tuple[str, ...]:
    """Names of all answers that nobody gave."""
    return tuple(item.name for item in fields(checkin) if getattr(checkin, item.name) is None)


def _say(checkin: CheckIn, plan: Plan | None) -> Iterator[str]:
    """Sentences to read out on the phone."""
    yield from _what_was_done(checkin, plan)
    for name in SYMPTOMS:
        if getattr(checkin, name):
            yield f"I {SYMPTOM_QUESTIONS[name].say}."
    if checkin.temperature_c is not None:
        yield f"My temperature is {checkin.temperature_c:g} degrees Celsius."
    if checkin.pain_nrs is not None:
        yield f"My back pain is {checkin.pain_nrs:g} of 10."
    if checkin.known_cancer:
        yield "I have or had cancer."
    if checkin.other:
        yield f"I also noticed: {checkin.other}"


def _what_was_done(checkin: CheckIn, plan: Plan | None) -> Iterator[str]:
    if plan is None:
        yield "I have a broken bone in my back, or had one treated."
    elif not plan.needles:
        yield f"I have a broken {plan.level.name} in my back. It was not treated with cement."
    else:
        name = "kyphoplasty" if plan.balloons else "vertebroplasty"
        if checkin.days_after is None:  # a plan alone does not say that it was done
            yield f"Cement was planned for {plan.level.name} ({name}). Please check when it was done."
        else:
            yield f"I had cement put into {plan.level.name} ({name}) {checkin.days_after:g} days ago."


def _pain_limit() -> float:
    """Pain at or above it counts as reported; below it a published trial spoke of a response."""
    return _number(find_entry(_PAIN_ENTRY).figure("responder_nrs").value)


def _fever_limit(rules: Mapping[str, PublishedRule]) -> float:
    """The temperature of the published rule on fever."""
    return min(_number(one.value) for one in criteria_of(rules["tri-fever"].when))


def _early_days(rules: Mapping[str, PublishedRule]) -> float:
    """The days that the published rule on late pain leaves out."""
    days = (one for one in criteria_of(rules["tri-pain-late"].when) if one.variable == "time_since_procedure_days")
    return _number(next(days).value)


def _number(value: object) -> float:
    assert isinstance(value, int | float)  # the copied evidence file holds a number there: a test looks
    return float(value)
