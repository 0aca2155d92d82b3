"""The report's first sentences, in plain words, made from the findings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from spondyl.documents.tables import (
    GRADE_WORDS,
    deformed_levels,
    find,
    grade,
    grade_chances,
    interval_text,
    joined,
    level_ranges,
    percent_text,
    value_text,
    words,
)
from spondyl.findings import Findings, Status
from spondyl.spine import Level
from spondyl.studies import Patient, Question, Suitability, Usability

AGE_UNKNOWN = (
    "A deformity is a shape. Whether it is a fracture, and how old it is, cannot be told from one CT: "
    "an MRI or an earlier CT is needed."
)


def summarise(findings: Findings, patient: Patient) -> tuple[str, ...]:
    """Which levels are deformed, how sure that is, what the record says, and what could not be evaluated."""
    graded = [f.level for f in findings if f.name == "genant_grade" and f.level is not None and f.value is not None]
    deformed = deformed_levels(findings)
    sentences = [_deformity_sentence(findings, level) for level in deformed]
    if graded and not deformed:
        sentences.append(f"No deformity of grade 1 or more was measured at {level_ranges(graded)}.")
    sentences += _possible_sentences(findings, graded)
    sentences += _record_sentences(patient, graded, deformed)
    sentences += _not_evaluable_sentences(findings)
    if not graded:
        sentences.append("No level could be graded: nothing is said here about deformities.")
    return (*sentences, AGE_UNKNOWN) if deformed else tuple(sentences)


def suitability_sentences(suitability: Iterable[Suitability]) -> tuple[str, ...]:
    """What the input is not good for; nothing where it is good for everything."""
    bad = [s.purpose.replace("_", " ") for s in suitability if s.usability is Usability.UNSUITABLE]
    limited = [s.purpose.replace("_", " ") for s in suitability if s.usability is Usability.LIMITED]
    parts = [f"unsuitable for {joined(bad)}"] if bad else []
    parts += [f"of limited use for {joined(limited)}"] if limited else []
    return (f"The input is {' and '.join(parts)}; the reasons stand under 'The input'.",) if parts else ()


def blocking_first(questions: Iterable[Question]) -> tuple[Question, ...]:
    """The questions, each once, those that block first."""
    once = dict.fromkeys(questions)
    return tuple(sorted(once, key=lambda question: not question.blocking))


def chances_text(findings: Findings, level: Level) -> str:
    """'none 2 %, mild 10 %, ...', empty where the chances were not given."""
    names = ("none", "mild", "moderate", "severe")
    chances = grade_chances(findings, level)
    spoken = {n: percent_text(chance).replace("<", "under ").replace(">", "over ") for n, chance in chances}
    return ", ".join(f"{names[n]} {percent} %" for n, percent in spoken.items())


def _deformity_sentence(findings: Findings, level: Level) -> str:
    found = grade(findings, level) or 0
    shape, loss = find(findings, "deformity_shape", level), find(findings, "height_loss", level)
    kind = f", {words(shape.value)} shape" if shape is not None and isinstance(shape.value, str) else ""
    sentence = f"{level.name} has a {GRADE_WORDS[found]} (grade {found}{kind})"
    if loss is not None and loss.value is not None:
        interval = "" if loss.low is None else f" (95 % interval {interval_text(loss)})"
        sentence += f", height loss {value_text(loss)}{interval}"
    chances = chances_text(findings, level)
    sure = f" Chance of each grade, given the measurement's error: {chances}." if chances else ""
    graded = find(findings, "genant_grade", level)
    doubt = f" It is uncertain: {graded.reason}." if graded is not None and graded.status is Status.UNCERTAIN else ""
    return f"{sentence}.{sure}{' The grade is uncertain.' if doubt and sure else doubt}"


def _possible_sentences(findings: Findings, graded: Iterable[Level]) -> list[str]:
    """Levels called undeformed that may well not be: a moderate or severe grade keeps a chance of 5 % or more."""
    open_levels = []
    for level in graded:
        chances = dict(grade_chances(findings, level))
        if grade(findings, level) == 0 and chances.get(2, 0.0) + chances.get(3, 0.0) >= 0.05:
            open_levels.append(level)
    if not open_levels:
        return []
    return [f"A moderate or severe deformity is not excluded at {level_ranges(open_levels)} (chance 5 % or more)."]


def _record_sentences(patient: Patient, graded: list[Level], deformed: tuple[Level, ...]) -> list[str]:
    if patient.fracture_levels is None:
        return []
    if not patient.fracture_levels:
        return ["The record says that no level is fractured."]
    sentences = [f"The record calls {joined(patient.fracture_levels)} fractured."]
    measured, found = {level.name for level in graded}, {level.name for level in deformed}
    for name in patient.fracture_levels:
        if name not in measured:
            sentences.append(f"{name} was not graded here.")
        elif name not in found:
            sentences.append(f"No deformity was measured at {name}; that does not exclude a fracture.")
    return sentences


def _not_evaluable_sentences(findings: Findings) -> list[str]:
    """One sentence a reason for the grades that are missing."""
    by_reason: dict[str, list[Level]] = defaultdict(list)
    for finding in findings:
        if finding.name == "genant_grade" and finding.status is Status.NOT_EVALUABLE and finding.level is not None:
            by_reason[finding.reason or ""].append(finding.level)
    return [f"Not evaluable: {level_ranges(levels)} ({why})." for why, levels in by_reason.items()]
