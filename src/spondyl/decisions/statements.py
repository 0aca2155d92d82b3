"""What one source says to do, with whom it speaks of, so that a sheet or plan is a list of such statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_

from spondyl.decisions.answer import Answer
from spondyl.decisions.types import OpenQuestion, Reason
from spondyl.errors import InputError
from spondyl.evidence import find_entry
from spondyl.studies import Patient


@dataclass(frozen=True)
class Statement:
    """What one source says, and whether it speaks of this patient.

    One that is not verified, or is switched off, keeps its question and says nothing: `words` is None.
    """

    key: str
    topic: str  # drug, nutrition, anticoagulants, cement ...
    who: str  # guideline, trial or kind of work
    region: str | None  # where the guideline is made for; None: no guideline
    applies: Answer  # whether its conditions are met
    words: str | None
    reasons: tuple[Reason, ...]
    strength: str | None
    note: str | None
    sources: tuple[str, ...]
    entries: tuple[str, ...]


@dataclass(frozen=True)
class Ask:
    """One fact of the record as a condition."""

    variable: str
    words: str  # the fact in a list of reasons
    question: str
    facts: tuple[str, ...]  # where the record holds it
    look: Callable[[Patient], Answer]

    def reason(self, patient: Patient) -> Reason:
        """The answer of one patient's record."""
        answer = self.look(patient)
        return Reason(self.variable, self.words, answer, None if answer is Answer.UNKNOWN else "record")


def state(
    key: str,
    topic: str,
    who: tuple[str, str | None],
    words: Callable[[], str],
    reasons: Sequence[Reason] = (),
    *,
    entries: tuple[str, ...],
    sources: tuple[str, ...] = (),
    strength: str | None = None,
    note: str | None = None,
    without: Collection[str] = (),
    verified: bool = True,
) -> Statement:
    """A statement whose conditions must all be met.

    Parameters
    ----------
    who
        Name and region of the guideline.
    words
        Asked only where all entries are verified, so it may read their figures.
    sources
        Left out: those of the entries.
    strength, note
        Left out: those of the only entry, where there is one.
    verified
        Of the rule itself, where it stands on no entry.
    """
    found = [find_entry(entry) for entry in entries]
    speaks = verified and key not in without and all(entry.verified for entry in found)
    only = found[0] if len(found) == 1 else None
    return Statement(
        key=key,
        topic=topic,
        who=who[0],
        region=who[1],
        applies=reduce(and_, (reason.answer for reason in reasons), Answer.YES),
        words=words() if speaks else None,
        reasons=tuple(reasons),
        strength=(strength or (only.strength if only else None)) if speaks else None,
        note=(note or (only.note if only else None)) if speaks else None,
        sources=sources or tuple(dict.fromkeys(entry.source for entry in found)),
        entries=entries,
    )


def statement_of(entry: str) -> str:
    """The words of an entry as they were read."""
    words = find_entry(entry).statement
    if words is None:
        raise InputError(f"evidence entry {entry} is not verified: its words are not shown")
    return words


def number(entry: str, name: str) -> str:
    """A figure of an entry as text, or its range."""
    figure = find_entry(entry).figure(name)
    if figure.value is None:
        return f"{figure.low:g}-{figure.high:g}"
    return f"{figure.value:g}" if isinstance(figure.value, int | float) else str(figure.value)


def names(entry: str, name: str) -> tuple[str, ...]:
    """A list of words that an entry gives."""
    value = find_entry(entry).figure(name).value
    return tuple(str(one) for one in value) if isinstance(value, tuple) else (str(value),)


def questions_of(answered: Sequence[tuple[str, tuple[Reason, ...]]], asks: Iterable[Ask]) -> tuple[OpenQuestion, ...]:
    """What is not known and would settle a statement, in the order of `asks`: the most pressing stands first there.

    Parameters
    ----------
    answered
        Keys of what waits, each with its reasons.
    """
    waiting: dict[str, list[str]] = defaultdict(list)  # by the question, which several conditions may share
    first: dict[str, Ask] = {}
    open_ones = {reason.variable for _, reasons in answered for reason in reasons if reason.answer is Answer.UNKNOWN}
    for ask in asks:
        if ask.variable in open_ones:
            first.setdefault(ask.question, ask)
            waiting[ask.question] += [key for key, reasons in answered if _waits(reasons, ask.variable)]
    return tuple(
        OpenQuestion(ask.variable, text, tuple(dict.fromkeys(waiting[text])), ask.facts) for text, ask in first.items()
    )


def _waits(reasons: Sequence[Reason], variable: str) -> bool:
    return any(one.variable == variable and one.answer is Answer.UNKNOWN for one in reasons)
