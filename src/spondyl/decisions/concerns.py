"""Contraindications, and what comes before any needle. None of them is silent."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from spondyl.decisions.answer import Answer
from spondyl.decisions.conditions import criteria_of, holds
from spondyl.decisions.facts import KnownFact, facts_of
from spondyl.decisions.questions import in_words
from spondyl.decisions.reasons import reasons_for
from spondyl.decisions.types import Concern
from spondyl.evidence import PublishedRule, find_rule, rules_of

UNVERIFIED = "Check with your team: no verified source in this version"

# Not for this path: who is asked first, before anybody speaks of cement. The rest are contraindications only.
_URGENT: Mapping[str, str] = MappingProxyType(
    {
        "pc-surgery-neuro": "a spine surgeon is asked now: a neurological deficit is not a matter of cement",
        "ctr-myelopathy": "a spine surgeon is asked now: a fragment presses on the cord",
        "ctr-infection-local": "the infection is found and treated first",
        "ctr-infection-systemic": "the infection is found and treated first",
        "ctr-unstable": "a spine surgeon judges the stability first",
        "pc-sins": "a spine surgeon judges the stability before cement or radiation",
    }
)
_LEVELS: Mapping[str, str] = MappingProxyType(
    {
        "absolute": "absolute contraindication",
        "relative": "relative contraindication",
        "correct_first": "to be corrected first",
        "absolute_for_cement_alone": "absolute contraindication to cement alone",
        "absolute_for_cement_alone_refer_surgery": "absolute contraindication to cement alone; refer to surgery",
        "absolute_or_defer": "absolute contraindication, or defer",
    }
)


def find_urgent(known: Mapping[str, KnownFact], without: Collection[str] = ()) -> tuple[Concern, ...]:
    """What is present or not excluded and belongs to another path first; asked and absent is left out."""
    found = (_concern(find_rule(rule_id), known, without) for rule_id in _URGENT)
    return tuple(concern for concern in found if concern.answer is not Answer.NO)


def find_contraindications(known: Mapping[str, KnownFact], without: Collection[str] = ()) -> tuple[Concern, ...]:
    """Every contraindication with its answer: present, absent, or not known."""
    return tuple(_concern(rule, known, without) for rule in rules_of("contraindication"))


def none_found(contraindications: Collection[Concern], urgent: Collection[Concern]) -> Answer:
    """YES only where every contraindication was asked and absent, those that nobody verified too."""
    found = Answer.NO
    for concern in (*contraindications, *urgent):
        found = found | concern.answer
    return ~found


def _concern(rule: PublishedRule, known: Mapping[str, KnownFact], without: Collection[str]) -> Concern:
    answer = holds(rule.when, facts_of(known))
    speaks = rule.rule_id not in without
    return Concern(
        key=rule.rule_id,
        answer=answer if speaks else answer | Answer.UNKNOWN,
        level=_LEVELS.get(str(rule.says("level")), "another path first"),
        urgent=rule.rule_id in _URGENT,
        words=_words(rule, answer, speaks),
        reasons=reasons_for(rule.when, known, verified=rule.verified),
        verified=rule.verified,
        sources=rule.sources,
        entries=rule.entries,
    )


def _words(rule: PublishedRule, answer: Answer, speaks: bool) -> str:
    """What is found, and what follows; without a verified source only that it is to be checked."""
    asked = [in_words(criterion, verified=rule.verified) for criterion in criteria_of(rule.when)]
    fact = " or ".join(dict.fromkeys(asked)) if rule.rule_id != "pc-sins" else "a tumour that makes the spine unstable"
    if answer is Answer.NO and speaks:
        return f"absent: {fact}"
    told = fact if answer is Answer.YES else f"not known: {fact}"
    if not speaks:
        return f"{told}. This rule is switched off"
    if not rule.verified:
        return f"{told}. {UNVERIFIED}"
    if rule.rule_id not in _URGENT:
        return told
    return f"{told}: {_URGENT[rule.rule_id]}" if answer is Answer.YES else f"{told}. Ask this before anything else"
