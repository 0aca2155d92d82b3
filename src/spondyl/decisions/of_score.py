"""The modified OF score of osteoporotic fractures: points as an interval, and where its thresholds leave a patient."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import reduce
from operator import or_

from spondyl.decisions.answer import Answer
from spondyl.decisions.conditions import Facts, Interval, holds
from spondyl.decisions.facts import KnownFact, facts_of
from spondyl.decisions.positions import cautious
from spondyl.decisions.reasons import reasons_for
from spondyl.decisions.types import Position, Reason, Stance
from spondyl.errors import InputError
from spondyl.evidence import AnyOf, Criterion, PublishedRule, Score, ScoreTerm, find_entry, find_rule
from spondyl.studies.patient import RANGES

RULE = "pc-of-score"
_SCORE = "of_score"
_OSTEOPOROTIC = Criterion("aetiology", "==", "osteoporotic")


def of_score(facts: Facts) -> Interval:
    """Lowest and highest points that the facts allow.

    The published card gives an item that is not known 0 points; here it spans all that it can give, 0 among them, so
    that a missing fact gives no verdict.
    """
    score = _score(find_rule(RULE))
    limits, spans = dict(score.group_limits), [(term.group, _points(term, facts)) for term in score.terms]
    groups = {group for group, _ in spans}
    sums = [_sum([span for name, span in spans if name == group], limits.get(str(group))) for group in groups]
    return Interval(sum(low for low, _ in sums), sum(high for _, high in sums))


def of_positions(known: Mapping[str, KnownFact], without: Collection[str] = ()) -> tuple[Position, ...]:
    """What the score says at each of its three bands; unknown where the interval reaches over a threshold.

    It speaks of osteoporotic fractures only.
    """
    rule = find_rule(RULE)
    limits = {key: float(str(value)) for key, value in _table(rule, "thresholds").items()}
    lowest, either, highest = limits["conservative_max"], limits["either"], limits["surgery_min"]
    return (
        _position(rule, known, without, ("<=", lowest), Stance.AGAINST, "treatment without a procedure"),
        _position(rule, known, without, ("==", either), Stance.FOR, "treatment without a procedure, or surgery"),
        _position(rule, known, without, (">=", highest), Stance.FOR, str(rule.says("surgery_means"))),
    )


_BANDS = {"<=": ("conservative", "at most "), "==": ("either", ""), ">=": ("operative", "at least ")}


def _position(
    rule: PublishedRule,
    known: Mapping[str, KnownFact],
    without: Collection[str],
    band: tuple[str, float],
    stance: Stance,
    says: str,
) -> Position:
    points, (operator, limit), speaks = of_score(facts_of(known)), band, rule.rule_id not in without
    name, bound = _BANDS[operator]
    answer = holds(Criterion(_SCORE, operator, limit), {_SCORE: points}) & holds(_OSTEOPOROTIC, facts_of(known))
    return Position(
        key=f"{rule.rule_id}-{name}",
        who="Modified OF score (AO Spine, DGOU)",
        stance=stance,
        applies=answer if speaks else cautious(answer, stance),
        words=f"{bound}{limit:g} points: {says}. This record: {points_words(points)}" if speaks else None,
        reasons=(*reasons_for(_OSTEOPOROTIC, known), *_reasons(rule, known)),
        strength=rule.strength if speaks else None,
        note=rule.note if speaks else None,
        sources=rule.sources,
        entries=rule.entries,
    )


def points_words(points: Interval) -> str:
    """The points, or from which to which."""
    return f"{points.low:g} points" if points.low == points.high else f"{points.low:g} to {points.high:g} points"


def _score(rule: PublishedRule) -> Score:
    if not isinstance(rule.when, Score):
        raise InputError(f"the rule {rule.rule_id} is no score: mend the file of rules")
    return rule.when


def _table(rule: PublishedRule, key: str) -> Mapping[str, object]:
    said = rule.says(key)
    return dict(said) if isinstance(said, tuple) else {}


def _points(term: ScoreTerm, facts: Facts) -> tuple[float, float]:
    """Lowest and highest points of one item."""
    if not isinstance(term.points, int | float):
        return _multiple(facts.get(term.variable), term.variable)
    given = {Answer.YES: (term.points,), Answer.NO: (term.else_points,)}.get(
        _answer(term, facts), (term.points, term.else_points)
    )
    return min(given), max(given)


def _multiple(fact: object, variable: str) -> tuple[float, float]:
    """The points of the fracture's class; its classes are those of the record."""
    factor = find_entry(RULE).figure("morphology_multiplier").value
    assert isinstance(factor, int | float)
    low, high = (fact, fact) if isinstance(fact, int | float) else RANGES[variable]
    return factor * low, factor * high


def _answer(term: ScoreTerm, facts: Facts) -> Answer:
    return reduce(or_, (holds(one, facts) for one in _criteria(term)), Answer.NO)


def _criteria(term: ScoreTerm) -> tuple[Criterion, ...]:
    return tuple(one for one in (term.criterion, term.or_criterion) if one is not None)


def _sum(spans: list[tuple[float, float]], limit: float | None) -> tuple[float, float]:
    low, high = (sum(points) for points in zip(*spans, strict=True))
    return (low, high) if limit is None else (max(low, limit), max(high, limit))


def _reasons(rule: PublishedRule, known: Mapping[str, KnownFact]) -> Iterator[Reason]:
    """Each item with its answer; of two facts that count as one, those that settle it."""
    for term in _score(rule).terms:
        if not (criteria := _criteria(term)):
            origin = known[term.variable].origin if term.variable in known else None
            answer = Answer.UNKNOWN if origin is None else Answer.YES
            yield Reason(term.variable, "OF class of the fracture", answer, origin)
            continue
        settled = _answer(term, facts_of(known)) is not Answer.UNKNOWN
        found = reasons_for(AnyOf(criteria), known)
        yield from (one for one in found if not (settled and one.answer is Answer.UNKNOWN))
