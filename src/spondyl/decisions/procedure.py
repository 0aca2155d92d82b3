"""The procedure sheet: before, on and after the day, for one patient and the plans of the levels."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from spondyl.decisions.answer import Answer
from spondyl.decisions.checklist import ChecklistItem, checklist
from spondyl.decisions.concerns import find_urgent
from spondyl.decisions.drug_holds import hold_drugs, limit_bleeding
from spondyl.decisions.facts import gather_facts
from spondyl.decisions.statements import Ask, Statement, number, questions_of, state, statement_of
from spondyl.decisions.types import OpenQuestion, Reason
from spondyl.evidence import find_entry
from spondyl.outcomes import CountedRuns, CourseFacts, course_facts
from spondyl.planning import AccessClass, Plan
from spondyl.spine import Level, Side
from spondyl.studies import Patient

if TYPE_CHECKING:
    from spondyl.simulation import Simulation

STUDY = ("Published study", None)
ROOM_C = 22.0  # "PMMA handling time at 22 degC": pp-cement-work

_STATEMENTS = (  # topic, key and entry; printed in this order
    ("guidance", "pp-imaging-guidance"),
    ("guidance", "pp-operator"),
    ("guidance", "pp-radiation-fluoro"),
    ("anaesthesia", "pp-sedation"),
    ("antibiotic", "pp-antibiotics"),
    ("antibiotic", "pp-antibiotics-timing"),
    ("time", "pp-duration-kaviar"),
    ("needle", "pp-needle"),
    ("cement", "pp-cement-work"),
    ("cement", "pp-cement-medvisc"),
    ("cement", "pp-cement-storage"),
    ("cement", "pp-volume-clinical"),
    ("cement", "pp-volume-opposite"),
    ("after", "pp-bedrest"),
    ("after", "rec-ambulate"),
    ("home", "pp-outpatient"),
    ("home", "rec-followup-imaging"),
)
TOPICS = (
    *("bleeding", "anticoagulants", "levels", "guidance", "anaesthesia", "antibiotic", "time", "needle", "cement"),
    *("after", "home"),
)


@dataclass(frozen=True)
class SheetNeedle:
    """One planned needle as the operator reads it."""

    level: Level
    side: Side
    approach: str
    gauge: int
    access_class: AccessClass | None  # None: not judged on this CT
    bone_depth_mm: float
    skin_depth_mm: float | None  # None: the skin is not in the picture
    table_inward_deg: float
    table_cranial_deg: float


@dataclass(frozen=True)
class SheetCement:
    """Cement of one level: a bracket by published fill, no target."""

    level: Level
    low_ml: float
    high_ml: float
    source: str


@dataclass(frozen=True)
class SheetWatch:
    """One way out of a planned body as the model found it; a share of simulated runs is no chance of a patient."""

    level: Level
    course: str
    path: str
    openings: tuple[str, ...]
    counted: CountedRuns | None  # runs that leaked there; None: not counted


@dataclass(frozen=True)
class CementPace:
    """How fast the planned cement of all levels would have to flow, were one mix of the tested cement to serve them.

    The paste phase is that of one cement at one room temperature: the instructions for use of the own cement rule.
    """

    low_ml: float
    high_ml: float
    paste_min: float
    room_c: float
    low_ml_per_min: float
    high_ml_per_min: float
    entry: str


@dataclass(frozen=True)
class ProcedureSheet:
    """What is read aloud and ticked. A clinician decides and signs."""

    first: tuple[str, ...]  # what the record holds that comes before any procedure
    planned: Answer  # NO: no procedure is planned; UNKNOWN: there is no plan yet
    levels: tuple[Level, ...]
    refused: tuple[str, ...]  # sides without a path, and why
    needles: tuple[SheetNeedle, ...]
    cement: tuple[SheetCement, ...]
    pace: CementPace | None
    watch: tuple[SheetWatch, ...]  # ways out of the bone that the model of a planned level has
    notes: tuple[str, ...]  # of the plans
    checklist: tuple[ChecklistItem, ...]
    statements: tuple[Statement, ...]  # in the order of TOPICS
    questions: tuple[OpenQuestion, ...]
    switched_off: tuple[str, ...]


def plan_procedure(
    patient: Patient,
    plans: Sequence[Plan] = (),
    simulations: Sequence[Simulation | CourseFacts] = (),
    *,
    without: Collection[str] = (),
) -> ProcedureSheet:
    """The sheet for one patient; what nobody recorded becomes a question.

    Parameters
    ----------
    plans
        One a level. None at all: no plan yet, and the sheet has no needles. Plans without any needle (the empty plan,
        or one whose paths were all refused) mean that no procedure is planned: then nothing is listed to prepare.
    simulations
        Of the planned levels: their ways out of the bone are listed to be watched.
    without
        Keys of statements that are switched off; they say so.
    """
    planned = Answer.of(any(plan.needles for plan in plans)) if plans else Answer.UNKNOWN
    active = [plan for plan in plans if plan.needles]
    points = () if planned is Answer.NO else tuple(checklist(patient, active))
    told = () if planned is Answer.NO else tuple(_statements(patient, active, without))
    cement = tuple(_cement(active))
    known = gather_facts(patient, (), ())
    return ProcedureSheet(
        first=tuple(one.words for one in find_urgent(known) if one.answer is Answer.YES),
        planned=planned,
        levels=tuple(plan.level for plan in active),
        refused=tuple(f"{plan.level.name}, {one.side.value}: {one.reason}" for plan in plans for one in plan.refused),
        needles=tuple(_needles(active)),
        cement=cement,
        pace=_pace(cement),
        watch=tuple(_watch(active, course_facts(simulations))),
        notes=tuple(dict.fromkeys(note for plan in active for note in plan.notes)),
        checklist=points,
        statements=told,
        questions=_questions(points, told),
        switched_off=tuple(sorted(without)),
    )


def _needles(plans: Sequence[Plan]) -> Iterator[SheetNeedle]:
    for plan in plans:
        for path in plan.needles:
            yield SheetNeedle(
                level=plan.level,
                side=path.side,
                approach=path.approach,
                gauge=path.gauge,
                access_class=path.access_class,
                bone_depth_mm=path.bone_depth_mm,
                skin_depth_mm=path.skin_depth_mm,
                table_inward_deg=path.angles.table_inward_deg,
                table_cranial_deg=path.angles.table_cranial_deg,
            )


def _cement(plans: Sequence[Plan]) -> Iterator[SheetCement]:
    for plan in plans:
        if plan.cement is not None:
            yield SheetCement(plan.level, plan.cement.low_ml, plan.cement.high_ml, plan.cement.source)


def _watch(plans: Sequence[Plan], courses: Sequence[CourseFacts]) -> Iterator[SheetWatch]:
    """Those of the course that is planned of each level; the way that most runs took stands first."""
    planned = {plan.level: "kyphoplasty" if plan.balloons else "vertebroplasty" for plan in plans}
    for one in courses:
        if planned.get(one.level) == one.course:
            for way in sorted(one.ways, key=lambda way: 0 if way.counted is None else -way.counted.leaked):
                yield SheetWatch(one.level, one.course, way.path, way.openings, way.counted)


def _pace(cement: Sequence[SheetCement]) -> CementPace | None:
    """The volume of all levels over the paste phase at room temperature."""
    entry = find_entry("pp-cement-work")
    if not cement or not entry.verified:
        return None
    low, high = sum(one.low_ml for one in cement), sum(one.high_ml for one in cement)
    paste = float(number(entry.entry_id, "paste"))
    return CementPace(low, high, paste, ROOM_C, low / paste, high / paste, entry.entry_id)


def _statements(patient: Patient, plans: Sequence[Plan], without: Collection[str]) -> Iterator[Statement]:
    yield from limit_bleeding(patient, without)
    yield from hold_drugs(patient, without)
    yield _levels(plans, without)
    for topic, entry in _STATEMENTS:
        yield state(entry, topic, STUDY, partial(statement_of, entry), entries=(entry,), without=without)


def _levels(plans: Sequence[Plan], without: Collection[str]) -> Statement:
    """Whether the plan keeps to the number of levels that trials treated in one session."""
    most = int(number("pp-levels", "levels_max_rct"))
    kept = Answer.of(len(plans) <= most if plans else None)
    reason = Reason("levels", f"at most {most} levels in one session", kept, "plan" if plans else None)
    return state(
        "pp-levels",
        "levels",
        STUDY,
        partial(statement_of, "pp-levels"),
        (reason,),
        entries=("pp-levels",),
        without=without,
    )


def _questions(points: Sequence[ChecklistItem], told: Sequence[Statement]) -> tuple[OpenQuestion, ...]:
    """What the record could hold and does not, in the order of the checklist."""
    asks = [Ask(one.key, one.words, one.question or "", one.facts, lambda _: Answer.UNKNOWN) for one in points]
    waiting: list[tuple[str, tuple[Reason, ...]]] = [
        (one.key, (Reason(one.key, one.words, one.recorded, None),)) for one in points if one.question
    ]
    same = {"anticoagulant": "drugs", "crcl": "clearance"}  # variables of the rules, by the point that asks for them
    for one in told:
        named = tuple(Reason(same.get(r.variable, r.variable), r.words, r.answer, r.origin) for r in one.reasons)
        waiting.append((one.key, named))
    return questions_of(waiting, asks)
