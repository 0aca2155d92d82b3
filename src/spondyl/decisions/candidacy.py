"""Who is helped: every published position on augmentation for this patient, with its reasons."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from spondyl.decisions.answer import Answer
from spondyl.decisions.choices import choose_procedure, look_at_findings
from spondyl.decisions.concerns import find_contraindications, find_urgent, none_found
from spondyl.decisions.conditions import holds
from spondyl.decisions.disagreements import weigh_disagreements
from spondyl.decisions.facts import KnownFact, facts_of, gather_facts
from spondyl.decisions.positions import guideline_positions, team_positions, trial_positions
from spondyl.decisions.questions import question_of
from spondyl.decisions.types import Concern, OpenQuestion, Position, Recommendation
from spondyl.evidence import Criterion
from spondyl.findings import Findings
from spondyl.outcomes import CourseFacts, course_facts
from spondyl.spine import Level
from spondyl.studies import Patient

if TYPE_CHECKING:
    from spondyl.simulation import Simulation


def assess_candidacy(
    patient: Patient,
    findings: Findings = (),
    simulations: Sequence[Simulation | CourseFacts] = (),
    *,
    levels: Sequence[Level] | None = None,
    without: Collection[str] = (),
) -> Recommendation:
    """Where the published guidelines and trials stand on augmentation for this patient.

    Each source is its own position; nothing is merged into a verdict. What comes before any cement stands first. A
    missing fact is unknown and becomes a question. Findings of the CT count only at fractured levels.

    Parameters
    ----------
    simulations
        Of the courses: their figures stand beside the findings, and weigh in no position. None: not simulated.
    levels
        Fractured levels that the question is about; None takes those that the record names.
    without
        Keys of rules or trials that are switched off: they say nothing, and no result becomes more reassuring.
    """
    about = _fractured(patient) if levels is None else tuple(levels)
    known = gather_facts(patient, findings, about)
    urgent = find_urgent(known, without)
    contraindications = find_contraindications(known, without)
    guidelines, trials = guideline_positions(known, without), trial_positions(known, without)
    choices, team = choose_procedure(known, guidelines, without), team_positions(known, without)
    return Recommendation(
        levels=about,
        urgent=urgent,
        contraindications=contraindications,
        no_contraindication_found=none_found(contraindications, urgent),
        positions=guidelines + trials,
        choices=choices,
        aspects=look_at_findings(findings, about, course_facts(simulations)),
        disagreements=weigh_disagreements(_osteoporotic(known), guidelines + trials, choices, urgent),
        team=team,
        questions=open_questions((*urgent, *contraindications), (*guidelines, *trials, *choices, *team), known),
        switched_off=tuple(sorted(without)),
    )


def open_questions(
    concerns: Iterable[Concern], positions: Iterable[Position], known: Mapping[str, KnownFact]
) -> tuple[OpenQuestion, ...]:
    """Facts that are not settled and on which an answer that is not settled waits, the most wanted first.

    What concerns wait for comes before what positions wait for: safety is asked first.
    """
    waiting: dict[str, list[str]] = defaultdict(list)
    first: set[str] = set()
    for concern in concerns:
        if concern.answer is Answer.UNKNOWN:
            _note(waiting, concern)
            first |= {reason.variable for reason in concern.reasons if reason.answer is Answer.UNKNOWN}
    for position in positions:
        if position.applies is Answer.UNKNOWN:
            _note(waiting, position)
    ranked = sorted(waiting, key=lambda name: (name not in first, -len(waiting[name])))
    return tuple(_question(name, tuple(dict.fromkeys(waiting[name]))) for name in ranked)


def _note(waiting: dict[str, list[str]], one: Concern | Position) -> None:
    for reason in one.reasons:
        if reason.answer is Answer.UNKNOWN:
            waiting[reason.variable].append(one.key)


def _question(variable: str, changes: tuple[str, ...]) -> OpenQuestion:
    question = question_of(variable)
    return OpenQuestion(variable, question.text, changes, question.facts)


def _osteoporotic(known: Mapping[str, KnownFact]) -> Answer:
    return holds(Criterion("aetiology", "==", "osteoporotic"), facts_of(known))


def _fractured(patient: Patient) -> tuple[Level, ...]:
    return tuple(Level.parse(name) for name in patient.fracture_levels or ())
