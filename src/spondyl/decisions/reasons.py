"""The reasons behind an answer, in the order in which a rule asks."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from spondyl.decisions.conditions import criteria_of, holds
from spondyl.decisions.facts import KnownFact, facts_of
from spondyl.decisions.questions import in_words
from spondyl.decisions.types import Reason
from spondyl.evidence import Condition


def reasons_for(
    condition: Condition, known: Mapping[str, KnownFact], *, verified: bool = True, hidden: Collection[str] = ()
) -> tuple[Reason, ...]:
    """Each criterion of a condition with its answer and where the fact comes from.

    Parameters
    ----------
    hidden
        Variables whose limit is not shown, since no verified entry holds it.
    """
    facts = facts_of(known)
    return tuple(
        Reason(
            variable=criterion.variable,
            words=in_words(criterion, verified=verified and criterion.variable not in hidden),
            answer=holds(criterion, facts),
            origin=known[criterion.variable].origin if criterion.variable in known else None,
        )
        for criterion in criteria_of(condition)
    )
