"""Vertebroplasty, kyphoplasty or neither: by source, and what this patient's own findings add.

A rule of technique speaks only after a source has found the person a candidate; it never makes one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import reduce
from operator import or_
from types import MappingProxyType

from spondyl.decisions.answer import Answer
from spondyl.decisions.facts import KnownFact
from spondyl.decisions.of_score import of_positions
from spondyl.decisions.positions import position_of
from spondyl.decisions.simulated import NOT_SIMULATED, aspects_of
from spondyl.decisions.types import Aspect, Position, Stance
from spondyl.evidence import PublishedRule, Score, rules_of
from spondyl.findings import Finding, Findings, Status
from spondyl.outcomes import CourseFacts
from spondyl.spine import Level

ELSEWHERE = ("pc-surgery-neuro", "pc-sins")  # concerns, asked before any choice

_SAYS: Mapping[str, tuple[Stance, str]] = MappingProxyType(
    {
        "PVP_or_BKP_equivalent": (
            Stance.FOR,
            "vertebroplasty or kyphoplasty: pain and function come out alike; vertebroplasty is faster and cheaper and "
            "leaks slightly more",
        ),
        "BKP_favoured": (
            Stance.FOR,
            "kyphoplasty, where kyphosis or height matter: it corrects more of them; not for pain relief",
        ),
        "show_both": (Stance.FOR, "sources disagree in this band of height loss: both are shown"),
        "PVP_reasonable": (Stance.FOR, "vertebroplasty is reasonable: pain comes first, the fracture is stable"),
        "expandable_implant_or_stent_option": (Stance.FOR, "an expandable implant or stent is an option"),
        "PVP_or_BKP; BKP corrects height more": (
            Stance.FOR,
            "vertebroplasty or kyphoplasty; kyphoplasty corrects more height; a cleft raises the risk of leakage and "
            "of a new collapse",
        ),
        "conservative": (Stance.AGAINST, "neither for now: treatment without a procedure, and see again"),
        "early_treatment_may_be_offered": (Stance.FOR, "early treatment may be offered"),
    }
)


def choose_procedure(
    known: Mapping[str, KnownFact], positions: Sequence[Position], without: Collection[str] = ()
) -> tuple[Position, ...]:
    """What each source says of the technique; unknown while no source has found a candidate."""
    candidate = reduce(or_, (one.applies for one in positions if one.stance is Stance.FOR), Answer.NO)
    rules = (rule for rule in rules_of("procedure_choice") if rule.rule_id not in ELSEWHERE)
    by_rule = (_choice(rule, known, candidate, without) for rule in rules if not isinstance(rule.when, Score))
    return (*by_rule, *of_positions(known, without))


def look_at_findings(
    findings: Findings, levels: Sequence[Level], courses: Sequence[CourseFacts] = ()
) -> tuple[Aspect, ...]:
    """What CT and simulations say of height, leaks, cleft, canal, age and tumour at the levels in question."""
    seen = (aspect for level in levels for aspect in _of_level(findings, level))
    return (*seen, _AGE, *(tuple(aspects_of(courses, levels)) or (_NOT_SIMULATED,)))


def _choice(
    rule: PublishedRule, known: Mapping[str, KnownFact], candidate: Answer, without: Collection[str]
) -> Position:
    also = Answer.YES if rule.requires is None else candidate
    who, says = rule.strength or "source", _SAYS[str(rule.says("choice"))]
    return position_of(rule, known, without, who=who, says=says, also=also)


_AGE = Aspect(
    "age", Answer.UNKNOWN, "A CT alone does not tell a fresh fracture from an old one: MRI or an earlier CT does.", None
)
_NOT_SIMULATED = Aspect("simulation", Answer.UNKNOWN, NOT_SIMULATED, None)
_LOOKED_AT = (  # topic, finding, what it means where it is there
    ("leak", "superior_endplate_defect", "pit in the upper endplate: a way for cement into the disc"),
    ("leak", "inferior_endplate_defect", "pit in the lower endplate: a way for cement into the disc"),
    ("leak", "anterior_wall_defect", "gap in the anterior wall: a way for cement to the front"),
    ("leak", "posterior_wall_defect", "gap in the posterior wall: a way for cement to the canal"),
    ("leak", "basivertebral_foramen", "opening of the basivertebral vein: a normal way to the canal"),
    ("cleft", "gas_cleft", "gas in the body: a cleft, which lifts and leaks more easily"),
    ("tumour", "lytic_pattern", "a place much darker than other bone: is it a tumour?"),
    ("tumour", "sclerotic_pattern", "a place much brighter than other bone: is it a tumour?"),
)
_ANSWERS = MappingProxyType({"yes": Answer.YES, "no": Answer.NO})


def _of_level(findings: Findings, level: Level) -> list[Aspect]:
    here = {one.name: one for one in findings if one.level is level and one.side is None and one.level_to is None}
    origin = f"CT, {level.name}"
    aspects = [
        _number("height", here.get("height_loss"), "height lost: what a balloon could give back at most", origin),
        _number("retropulsion", here.get("posterior_wall_bulge"), "posterior wall behind its line", origin),
    ]
    for topic, name, words in _LOOKED_AT:
        finding = here.get(name)
        answer = _ANSWERS.get(str(finding.value), Answer.UNKNOWN) if finding is not None else Answer.UNKNOWN
        if finding is not None and finding.status is not Status.MEASURED:
            answer = answer | Answer.UNKNOWN
        aspects.append(Aspect(topic, answer, f"{level.name}: {words}", origin if finding is not None else None))
    return aspects


def _number(topic: str, finding: Finding | None, words: str, origin: str) -> Aspect:
    """A measured length or share with its interval; its answer is whether the interval lies above 0."""
    if finding is None or finding.low is None or finding.high is None or not isinstance(finding.value, int | float):
        return Aspect(topic, Answer.UNKNOWN, f"{words}: not measured", None)
    answer = Answer.YES if finding.low > 0 else Answer.NO if finding.high <= 0 else Answer.UNKNOWN
    value = f"{finding.value:.3g} {finding.unit} ({finding.low:.3g} to {finding.high:.3g})"
    return Aspect(topic, answer, f"{words}: {value}", origin)
