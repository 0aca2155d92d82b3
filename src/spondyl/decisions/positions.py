"""Where each guideline and each trial population stands: its own position, never merged with another's."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from spondyl.decisions.answer import Answer
from spondyl.decisions.conditions import holds
from spondyl.decisions.facts import KnownFact, facts_of
from spondyl.decisions.populations import POPULATIONS, Population
from spondyl.decisions.reasons import reasons_for
from spondyl.decisions.types import Position, Stance
from spondyl.evidence import PublishedRule, rules_of

TEAM_RULES = ("cand-mdt-malignant",)  # they say who is at the table, not whether

_SAYS: Mapping[str, tuple[Stance, str]] = MappingProxyType(
    {  # what the rules' recommendation words mean, and which way they point
        "option": (Stance.FOR, "vertebroplasty, or kyphoplasty without a stent, is an option"),
        "usually_appropriate": (
            Stance.FOR,
            "augmentation is usually appropriate, and so is medical management; as a first step without earlier care "
            "augmentation only may be appropriate",
        ),
        "medical_management_usually_appropriate": (Stance.AGAINST, "medical management is usually appropriate"),
        "NSM_appropriate": (Stance.AGAINST, "treatment without a procedure is appropriate"),
        "VA_appropriate": (Stance.FOR, "augmentation is appropriate"),
        "VA_appropriate_if_2_to_4_unfavourable": (
            Stance.FOR,
            "augmentation is appropriate with two to four unfavourable conditions, depending on their weight",
        ),
        "augmentation_recommended_when_refractory": (
            Stance.FOR,
            "augmentation is recommended where other treatment has failed",
        ),
        "against_vertebroplasty": (
            Stance.AGAINST,
            "strong recommendation against vertebroplasty; kyphoplasty is a weak option",
        ),
        "not_routine": (
            Stance.AGAINST,
            "no routine use: vertebroplasty showed no clinically significant benefit over placebo, and the evidence "
            "for kyphoplasty is insufficient",
        ),
        "not_supported_for_routine_use": (Stance.AGAINST, "routine use is not supported"),
        "rarely_appropriate": (Stance.AGAINST, "augmentation is rarely appropriate"),
        "appropriate_with_agreement": (
            Stance.FOR,
            "augmentation is most often appropriate; radiation is always to be considered",
        ),
        "radiation_oncology_consultation_and_mdt": (
            Stance.AGAINST,
            "radiation oncology is asked, and a multidisciplinary team decides",
        ),
    }
)


def guideline_positions(known: Mapping[str, KnownFact], without: Collection[str] = ()) -> tuple[Position, ...]:
    """Each guideline's position, those of the rules about the team left out."""
    return tuple(_position(rule, known, without) for rule in rules_of("candidacy") if rule.rule_id not in TEAM_RULES)


def team_positions(known: Mapping[str, KnownFact], without: Collection[str] = ()) -> tuple[Position, ...]:
    """Who should be at the table, by source."""
    return tuple(_position(rule, known, without) for rule in rules_of("candidacy") if rule.rule_id in TEAM_RULES)


def trial_positions(known: Mapping[str, KnownFact], without: Collection[str] = ()) -> tuple[Position, ...]:
    """Whether each trial would have taken this patient, as far as its published criteria were read."""
    return tuple(_population(one, known, without) for one in POPULATIONS)


def cautious(answer: Answer, stance: Stance) -> Answer:
    """The answer of a position that may not speak: it stops favouring, and it stops reassuring."""
    return answer | Answer.UNKNOWN if stance is Stance.AGAINST else answer & Answer.UNKNOWN


def position_of(
    rule: PublishedRule,
    known: Mapping[str, KnownFact],
    without: Collection[str],
    *,
    who: str,
    says: tuple[Stance, str],
    also: Answer = Answer.YES,
) -> Position:
    """A rule's position; `also` must hold besides its own condition.

    One that nobody verified may warn and may not favour; one that is switched off says nothing and never reassures.
    """
    stance, words = says
    applies = holds(rule.when, facts_of(known)) & also
    is_off = rule.rule_id in without
    speaks = rule.verified and not is_off
    if is_off or (stance is Stance.FOR and not rule.verified):
        applies = cautious(applies, stance)
    return Position(
        key=rule.rule_id,
        who=who,
        stance=stance,
        applies=applies,
        words=words if speaks else None,
        reasons=reasons_for(rule.when, known, verified=rule.verified, hidden=rule.limits_not_read),
        strength=rule.strength if speaks else None,
        note=rule.note if speaks else None,
        sources=rule.sources,
        entries=rule.entries,
    )


def _position(rule: PublishedRule, known: Mapping[str, KnownFact], without: Collection[str]) -> Position:
    says = _SAYS[_recommendation(rule)]
    return position_of(rule, known, without, who=str(rule.says("guideline")), says=says)


def _recommendation(rule: PublishedRule) -> str:
    """What a rule recommends; of an unverified one only which way it points is used, from its id."""
    said = rule.says("recommendation")
    return str(said) if said is not None else _UNVERIFIED_STANCES[rule.rule_id]


_UNVERIFIED_STANCES = MappingProxyType(
    {
        "cand-cochrane": "not_supported_for_routine_use",
        "cand-mdt-malignant": "radiation_oncology_consultation_and_mdt",
    }
)


def _population(one: Population, known: Mapping[str, KnownFact], without: Collection[str]) -> Position:
    applies = holds(one.condition, facts_of(known))
    speaks = one.key not in without
    return Position(
        key=one.key,
        who=one.trial,
        stance=Stance.TRIAL,
        applies=applies if speaks else applies & Answer.UNKNOWN,
        words=one.result if speaks else None,
        reasons=reasons_for(one.condition, known),
        strength=one.design if speaks else None,
        note=one.note if speaks else None,
        sources=(one.source,),
        entries=one.entries,
    )
