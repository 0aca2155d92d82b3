"""The words of the procedure sheet and of the plan for the bones, for their pages and for the report's sections."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from spondyl.decisions import Answer, BoneHealthPlan, ChecklistItem, Phase, ProcedureSheet, Statement
from spondyl.decisions.bone_health import TOPICS as BONE_TOPICS
from spondyl.decisions.procedure import TOPICS as SHEET_TOPICS
from spondyl.documents.advice import MET_WORDS, NOT_SHOWN, PositionRow, conditions_by_answer, statement_rows
from spondyl.documents.leak_models import PATHS
from spondyl.documents.tables import Table, joined
from spondyl.evidence import find_entry
from spondyl.outcomes import MODEL

PHASE_WORDS = {
    Phase.BEFORE: "Before the day",
    Phase.ON_THE_DAY: "On the day, before the needle",
    Phase.SIGN_OUT: "Sign-out, before leaving the room",
    Phase.HOME: "Before going home",
}
RECORDED_WORDS = {Answer.YES: "record: as it should be", Answer.NO: "record: NOT so, deal with it first"}
TOPIC_WORDS = {
    "diagnosis": "What it is called, and who follows it up",
    "work-up": "Looking for the cause",
    "drug": "Drug class",
    "drug effect": "What drugs did in trials",
    "nutrition": "Calcium and vitamin D",
    "exercise": "Exercise",
    "falls": "Falls",
    "habits": "Smoking and alcohol",
    "monitoring": "Monitoring",
    "guidance": "Guidance by images, and dose",
    "anaesthesia": "Anaesthesia",
    "antibiotic": "Antibiotic",
    "time": "Time",
    "needle": "Needle",
    "cement": "Cement: working time and amount",
    "after": "The first hours",
    "home": "Going home, and the next visit",
}
LIMIT_WORDS = {
    Answer.YES: "within it",
    Answer.NO: "OUTSIDE IT: correct or think again first",
    Answer.UNKNOWN: "not known: ask",
}
_LIMITS, _DRUGS = ("bleeding", "levels"), "anticoagulants"


@dataclass(frozen=True)
class Group:
    """Statements on one topic."""

    title: str
    rows: tuple[PositionRow, ...]


@dataclass(frozen=True)
class TickList:
    """One checklist: each point, and what the record says of it."""

    title: str
    points: tuple[tuple[str, str, bool], ...]  # words, what the record says, whether that is not as it should be


@dataclass(frozen=True)
class SheetSection:
    """Everything that the procedure sheet prints."""

    first: tuple[str, ...]  # present, and before any procedure
    levels: str
    state: str  # whether a way in was planned; that a procedure is done is never decided here
    refused: tuple[str, ...]
    needles: Table | None
    cement: tuple[str, ...]
    watch: tuple[str, ...]  # ways out of the bone in the model, by level
    watch_limits: str
    notes: tuple[str, ...]
    questions: tuple[str, ...]
    limits: Table | None
    drugs: tuple[PositionRow, ...]
    lists: tuple[TickList, ...]
    groups: tuple[Group, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True)
class BoneSection:
    """Everything that the section on bone health prints."""

    first: str | None  # that the cause is found first, and why
    groups: tuple[Group, ...]
    questions: tuple[str, ...]
    sources: tuple[str, ...]


def sheet_section(sheet: ProcedureSheet) -> SheetSection:
    """The procedure sheet in words."""
    return SheetSection(
        first=sheet.first,
        levels=", ".join(level.name for level in sheet.levels),
        state=_state(sheet),
        refused=sheet.refused,
        needles=_needles(sheet) if sheet.needles else None,
        cement=_cement(sheet),
        watch=_watch(sheet),
        watch_limits=f"{MODEL[0].upper()}{MODEL[1:]}. A share of simulated runs is no chance of this patient.",
        notes=sheet.notes,
        questions=tuple(one.text for one in sheet.questions),
        limits=_limits([one for one in sheet.statements if one.topic in _LIMITS]),
        drugs=_rows(one for one in sheet.statements if one.topic == _DRUGS),
        lists=tuple(_tick_list(phase, sheet.checklist) for phase in Phase) if sheet.checklist else (),
        groups=_groups(sheet.statements, [topic for topic in SHEET_TOPICS if topic not in (*_LIMITS, _DRUGS)]),
        sources=tuple(sorted(set(_sources(sheet.statements)) | {one.source for one in sheet.cement})),
    )


def bone_section(plan: BoneHealthPlan) -> BoneSection:
    """The plan for the bones in words."""
    because = "; ".join(plan.because)
    first = {
        Answer.YES: f"Find the cause first, before any drug for the bones: cancer may be the cause ({because}).",
        Answer.UNKNOWN: f"Find the cause first: cancer is not excluded as the cause ({because}).",
        Answer.NO: None,
    }[plan.work_up_first]
    return BoneSection(
        first=first,
        groups=_groups(plan.statements, BONE_TOPICS),
        questions=tuple(one.text for one in plan.questions),
        sources=_sources(plan.statements),
    )


def _state(sheet: ProcedureSheet) -> str:
    return {
        Answer.YES: "If a procedure is done: a way in was planned here, no more. A clinician and the patient decide.",
        Answer.NO: "No procedure is planned: no needle stands in the plan. There is nothing to prepare.",
        Answer.UNKNOWN: "There is no plan yet: run `spondyl access` for needles and cement.",
    }[sheet.planned]


def _needles(sheet: ProcedureSheet) -> Table:
    head = ("Level", "Side", "Needle", "Class", "Depth from skin", "Depth in bone", "To the table")
    rows = tuple(
        (
            one.level.name,
            one.side.value,
            f"{one.gauge} G, {one.approach}",
            "orientation only" if one.access_class is None else one.access_class.value,
            "not known" if one.skin_depth_mm is None else f"{one.skin_depth_mm:.0f} mm",
            f"{one.bone_depth_mm:.0f} mm",
            f"{_turn(one.table_inward_deg, 'inward', 'outward')}, {_turn(one.table_cranial_deg, 'head', 'foot')}",
        )
        for one in sheet.needles
    )
    return Table("Needles of the plan", head, rows)


def _turn(degrees: float, positive: str, negative: str) -> str:
    return f"{abs(degrees):.0f}° {positive if degrees >= 0 else negative}"


def _cement(sheet: ProcedureSheet) -> tuple[str, ...]:
    brackets = tuple(
        f"{one.level.name}: {one.low_ml:.1f}-{one.high_ml:.1f} ml by published fill [{one.source}]: a bracket, no "
        "target."
        for one in sheet.cement
    )
    if sheet.pace is None:
        return brackets
    pace = sheet.pace
    return (
        *brackets,
        f"From one mix, {pace.low_ml:.1f}-{pace.high_ml:.1f} ml within a paste phase of {pace.paste_min:g} min (one "
        f"cement at {pace.room_c:g} °C) means {pace.low_ml_per_min:.1f}-{pace.high_ml_per_min:.1f} ml a minute. Check "
        "the instructions for use of your cement: its times and your room's temperature decide.",
    )


def _watch(sheet: ProcedureSheet) -> tuple[str, ...]:
    """One sentence a way out; a share is of simulated runs."""
    told = []
    for one in sheet.watch:
        leaked = "runs were not counted" if one.counted is None else one.counted.words
        through = f" by {joined(one.openings)}" if one.openings else ""
        told.append(f"{one.level.name}, {one.course}: {PATHS[one.path]}{through}: {leaked}.")
    return tuple(told)


def _limits(told: list[Statement]) -> Table | None:
    if not told:
        return None
    rows = tuple(
        (
            "; ".join(reason.words for reason in one.reasons) or one.who,
            f"{(one.words or NOT_SHOWN).rstrip('.')}.{' ' + one.note if one.note else ''} [{', '.join(one.sources)}]",
            LIMIT_WORDS[one.applies] if one.reasons else "–",
        )
        for one in told
    )
    outside = tuple(row[0] for row in rows if row[2] == LIMIT_WORDS[Answer.NO])
    return Table("Limits", ("Limit", "What the source says", "This patient"), rows, marked=outside)


def _tick_list(phase: Phase, points: Iterable[ChecklistItem]) -> TickList:
    return TickList(
        PHASE_WORDS[phase],
        tuple(
            (one.words, RECORDED_WORDS.get(one.recorded, ""), one.recorded is Answer.NO)
            for one in points
            if one.phase is phase
        ),
    )


def _groups(statements: tuple[Statement, ...], topics: Iterable[str]) -> tuple[Group, ...]:
    groups = (Group(TOPIC_WORDS[topic], _rows(one for one in statements if one.topic == topic)) for topic in topics)
    return tuple(group for group in groups if group.rows)


def _rows(statements: Iterable[Statement]) -> tuple[PositionRow, ...]:
    """The rows, those that are met first."""
    order = (Answer.YES, Answer.UNKNOWN, Answer.NO)
    return tuple(_row(one) for one in sorted(statements, key=lambda one: order.index(one.applies)))


def _row(one: Statement) -> PositionRow:
    read = [find_entry(entry).statement for entry in one.entries]
    verbatim = one.words is not None and one.words in read
    return PositionRow(
        key=one.key,
        who=one.who if one.region is None else f"{one.who} ({one.region})",
        applies=MET_WORDS[one.applies] if one.reasons else "speaks of all",
        words=one.words or NOT_SHOWN,
        strength=one.strength or "",
        note=one.note or "",
        reasons=tuple(conditions_by_answer(one.reasons)),
        statements=() if verbatim or one.words is None else tuple(statement_rows(one.entries)),
        sources=one.sources,
    )


def _sources(statements: Iterable[Statement]) -> tuple[str, ...]:
    told = tuple(statements)
    of_entries = {find_entry(entry).source for one in told for entry in one.entries}
    return tuple(sorted({source for one in told for source in one.sources} | of_entries))
