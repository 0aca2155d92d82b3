"""The report's words on who is helped: what comes first, each source's position, and what to ask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from spondyl.decisions import Answer, Aspect, Concern, Position, Reason, Recommendation, ShownDisagreement, Stance
from spondyl.documents.tables import Table, joined
from spondyl.evidence import find_entry

ANSWER_WORDS = {Answer.YES: "yes", Answer.NO: "no", Answer.UNKNOWN: "not known"}
MET_WORDS = {Answer.YES: "met", Answer.NO: "not met", Answer.UNKNOWN: "not known"}
NOT_SHOWN = "not shown: no verified source in this version"
NOT_BEFORE = "What each source says holds only when that is settled; it stands below."
MOST_QUESTIONS = 12  # more would not be read; decisions.json holds all


@dataclass(frozen=True)
class PositionRow:
    """One source's position as the report prints it."""

    key: str
    who: str
    applies: str  # met, not met, not known
    words: str
    strength: str
    note: str
    reasons: tuple[tuple[str, str], ...]  # met, not met or not known, and what it asks for that is so
    statements: tuple[tuple[str, str, str], ...]  # verified entries behind it: id, statement, source
    sources: tuple[str, ...]  # of those entries


@dataclass(frozen=True)
class DisagreementRows:
    """Sources side by side."""

    topic: str
    here: str  # why it matters for this record
    presentation: str
    positions: tuple[tuple[str, str, str], ...]  # what it says, source, and whether its conditions are met here
    hidden: str


@dataclass(frozen=True)
class AdviceSection:
    """Everything that the section prints."""

    levels: str
    urgent: tuple[tuple[str, bool], ...]  # words, and whether it is present rather than not excluded
    none_found: str
    contraindications: Table
    guidelines: tuple[PositionRow, ...]
    trials: tuple[PositionRow, ...]
    choices: tuple[PositionRow, ...]
    team: tuple[PositionRow, ...]
    equal_pain: tuple[tuple[str, str], ...]  # statements on pain relief of both procedures, with their sources
    aspects: Table
    disagreements: tuple[DisagreementRows, ...]  # those that bite, or may
    quiet: tuple[str, ...]  # those that do not, with the reason
    questions: tuple[str, ...]
    further_questions: int
    sources: tuple[str, ...]


def advice_section(advice: Recommendation) -> AdviceSection:
    """The section of a recommendation."""
    positions = _rows(one for one in advice.positions if one.stance is not Stance.TRIAL)
    return AdviceSection(
        levels=", ".join(level.name for level in advice.levels) or "no level: the record names none as fractured",
        urgent=tuple((one.words, one.answer is Answer.YES) for one in advice.urgent),
        none_found=_none_found(advice.no_contraindication_found),
        contraindications=_contraindications(advice.contraindications),
        guidelines=positions,
        trials=_rows(one for one in advice.positions if one.stance is Stance.TRIAL),
        choices=_rows(advice.choices),
        team=_rows(advice.team),
        equal_pain=tuple(_statements(("pc-rct-equiv", "ht-not-pain"))),
        aspects=_aspects(advice.aspects),
        disagreements=tuple(_disagreement(one) for one in advice.disagreements if one.bites is not Answer.NO),
        quiet=tuple(f"{one.topic}: {one.why}" for one in advice.disagreements if one.bites is Answer.NO),
        questions=tuple(one.text for one in advice.questions[:MOST_QUESTIONS]),
        further_questions=max(0, len(advice.questions) - MOST_QUESTIONS),
        sources=cited_keys(advice),
    )


def short_words(advice: Recommendation) -> tuple[str, ...]:
    """The section in a few sentences, for the head of the report: how the sources stand, and what is not known.

    Where something comes first or a contraindication is present, nothing there speaks for augmentation: many sources
    do not name what excludes it, and their conditions would read as met.
    """
    if urgent_words(advice) or advice.no_contraindication_found is Answer.NO:
        return (_none_found(advice.no_contraindication_found), NOT_BEFORE)
    about = [one for one in advice.positions if one.stance is not Stance.TRIAL]
    met = [one for one in about if one.applies is Answer.YES]
    named = {stance: joined(one.who for one in met if one.stance is stance) for stance in (Stance.FOR, Stance.AGAINST)}
    told = [
        f"{words}: {named[stance]}."
        for stance, words in (
            (Stance.FOR, "Augmentation is an option here by the conditions of"),
            (Stance.AGAINST, "It is not, or something else comes first, by those of"),
        )
        if named[stance]
    ]
    open_ones = sum(one.applies is Answer.UNKNOWN for one in about)
    unknown = f"{open_ones} of {len(about)} positions cannot be judged: facts are missing." if open_ones else ""
    return (_none_found(advice.no_contraindication_found), *told, *([unknown] if unknown else []))


def urgent_words(advice: Recommendation) -> tuple[str, ...]:
    """What is present and belongs to another path first."""
    return tuple(one.words for one in advice.urgent if one.answer is Answer.YES)


def cited_keys(advice: Recommendation) -> tuple[str, ...]:
    """Keys of all sources that the section names."""
    entries = (*(key for one in _all(advice) for key in one.entries), "pc-rct-equiv", "ht-not-pain")
    of_entries = {find_entry(key).source for key in entries}
    shown = {side.source for one in advice.disagreements if one.bites is not Answer.NO for side in one.positions}
    return tuple(sorted(of_entries | {key for one in _all(advice) for key in one.sources} | shown))


def _all(advice: Recommendation) -> Iterator[Position | Concern]:
    yield from advice.urgent
    yield from advice.contraindications
    yield from (*advice.positions, *advice.choices, *advice.team)


def _none_found(answer: Answer) -> str:
    return {
        Answer.YES: "Every contraindication was asked, and none was found. This alone makes nobody a candidate.",
        Answer.NO: "At least one contraindication is present.",
        Answer.UNKNOWN: "It cannot be said that there is no contraindication: not all were asked.",
    }[answer]


def _contraindications(concerns: tuple[Concern, ...]) -> Table:
    order = (Answer.YES, Answer.UNKNOWN, Answer.NO)
    ranked = sorted(concerns, key=lambda one: order.index(one.answer))
    rows = tuple(
        (_sentence(one.words), one.level, ", ".join(one.sources) if one.verified else "none") for one in ranked
    )
    present = tuple(_sentence(one.words) for one in concerns if one.answer is Answer.YES)
    return Table("Contraindications", ("Contraindication", "Grade", "Source"), rows, marked=present)


def _rows(positions: Iterable[Position]) -> tuple[PositionRow, ...]:
    """The rows, those that are met first, then the open ones, in the order of the rules."""
    order = (Answer.YES, Answer.UNKNOWN, Answer.NO)
    return tuple(_row(one) for one in sorted(positions, key=lambda one: order.index(one.applies)))


def _row(one: Position) -> PositionRow:
    return PositionRow(
        key=one.key,
        who=one.who,
        applies=MET_WORDS[one.applies],
        words=one.words or NOT_SHOWN,
        strength=one.strength or "",
        note=one.note or "",
        reasons=tuple(conditions_by_answer(one.reasons)),
        statements=tuple(statement_rows(one.entries)),
        sources=tuple(dict.fromkeys(source for _, _, source in statement_rows(one.entries))),
    )


def conditions_by_answer(reasons: tuple[Reason, ...]) -> Iterator[tuple[str, str]]:
    """The conditions by answer; what the CT gave says so."""
    for answer in (Answer.YES, Answer.NO, Answer.UNKNOWN):
        told = [f"{one.words}{_from_ct(one.origin)}" for one in reasons if one.answer is answer]
        if told:
            yield MET_WORDS[answer], "; ".join(told)


def _from_ct(origin: str | None) -> str:
    return f" ({origin})" if origin not in (None, "record") else ""


def statement_rows(entries: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    """The verified entries among these: id, statement, source."""
    for key in entries:
        entry = find_entry(key)
        if entry.statement is not None:
            yield key, entry.statement, entry.source


def _statements(entries: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    return ((statement, source) for _, statement, source in statement_rows(entries))


def _aspects(aspects: tuple[Aspect, ...]) -> Table:
    rows = tuple(
        (one.words, "–" if one.answer is None else ANSWER_WORDS[one.answer], one.origin or "–") for one in aspects
    )
    return Table("This patient's own findings", ("What bears on the choice", "There", "From"), rows)


def _disagreement(one: ShownDisagreement) -> DisagreementRows:
    positions = tuple(
        (side.words, side.source, "" if side.applies is None else MET_WORDS[side.applies]) for side in one.positions
    )
    return DisagreementRows(one.topic, one.why, one.presentation, positions, _hidden(one.hidden))


def _hidden(sources: tuple[str, ...]) -> str:
    return f"Not shown, since not verified in this version: {', '.join(sources)}." if sources else ""


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:]
