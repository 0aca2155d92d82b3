"""Does a published condition hold, given what is known? Yes, no or unknown."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import TypeAlias

from spondyl.decisions.answer import Answer
from spondyl.errors import InputError
from spondyl.evidence.rules import AllOf, AnyOf, Condition, Context, CountOf, Criterion, Default, Score


@dataclass(frozen=True)
class Interval:
    """A number of which only bounds are known; None is a bound that is not known."""

    low: float | None
    high: float | None


Fact: TypeAlias = bool | float | str | Interval
Facts: TypeAlias = Mapping[str, Fact | None]  # by the names of the rules' variables; a name left out was not given


def holds(condition: Condition, facts: Facts, contexts: Collection[str] = ()) -> Answer:
    """Whether a condition holds.

    Whole intervals are compared: what is true of a part of one only is unknown. The operator "unknown" is yes where a
    fact was not given; every other operator on a fact that was not given is unknown, never no. A default holds never
    by itself, and a score is summed by who needs it.
    """
    match condition:
        case Criterion():
            return _tested(condition, facts.get(condition.variable))
        case AllOf(parts):
            return reduce(and_, (holds(part, facts, contexts) for part in parts), Answer.YES)
        case AnyOf(parts):
            return reduce(or_, (holds(part, facts, contexts) for part in parts), Answer.NO)
        case CountOf(parts, operator, value):
            answers = [holds(part, facts, contexts) for part in parts]
            sure = sum(answer is Answer.YES for answer in answers)
            return _compared(
                Interval(sure, sure + sum(answer is Answer.UNKNOWN for answer in answers)), operator, value
            )
        case Context(name):
            return Answer.of(name in contexts)
        case Default() | Score():
            raise InputError(f"a {type(condition).__name__.lower()} is no condition of its own: ask its stage")


def criteria_of(condition: Condition) -> tuple[Criterion, ...]:
    """All criteria within a condition, in order."""
    match condition:
        case Criterion():
            return (condition,)
        case AllOf(parts) | AnyOf(parts) | CountOf(parts, _, _):
            return tuple(criterion for part in parts for criterion in criteria_of(part))
        case Score(_, terms, _):
            return tuple(each for term in terms for each in (term.criterion, term.or_criterion) if each is not None)
        case _:
            return ()


def _tested(criterion: Criterion, fact: Fact | None) -> Answer:
    if criterion.operator == "unknown":
        return Answer.of(fact is None)
    if fact is None or criterion.value is None:
        return Answer.UNKNOWN
    if isinstance(criterion.value, bool | str):
        if type(fact) is not type(criterion.value):
            raise InputError(
                f"{criterion.variable} is a {_kind(fact)} in the record, {_kind(criterion.value)} is expected"
            )
        return Answer.of((fact == criterion.value) is (criterion.operator == "=="))
    if isinstance(fact, bool | str):
        raise InputError(f"{criterion.variable} is a {_kind(fact)} in the record, a number is expected")
    return _compared(fact if isinstance(fact, Interval) else Interval(fact, fact), criterion.operator, criterion.value)


def _compared(fact: Interval, operator: str, value: float) -> Answer:
    """The comparison for every number of the interval: yes for all, no for none, else unknown."""
    low = -math.inf if fact.low is None else fact.low
    high = math.inf if fact.high is None else fact.high
    match operator:
        case ">=":
            return _all_or_none(low >= value, high < value)
        case ">":
            return _all_or_none(low > value, high <= value)
        case "<=":
            return _all_or_none(high <= value, low > value)
        case "<":
            return _all_or_none(high < value, low >= value)
        case "==":
            return _all_or_none(low == high == value, not low <= value <= high)
        case "!=":
            return ~_compared(fact, "==", value)
    raise InputError(
        f"a rule compares with {operator!r}, which is none of ==, !=, <, <=, >, >=, unknown: mend the file"
    )


def _all_or_none(for_all: bool, for_none: bool) -> Answer:
    if for_all:
        return Answer.YES
    return Answer.NO if for_none else Answer.UNKNOWN


def _kind(fact: Fact) -> str:
    return {bool: "yes or no", str: "word", Interval: "interval"}.get(type(fact), "number")
