"""Which fact to ask for next: only what could still change an answer, the most wanted first."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from types import MappingProxyType, NoneType
from typing import Any, get_args, get_origin, get_type_hints

from spondyl.decisions.candidacy import assess_candidacy
from spondyl.decisions.questions import question_of
from spondyl.errors import InputError
from spondyl.findings import Findings
from spondyl.studies import Patient

# A question that two facts answer is put fact by fact; the rest is put in the words of the rule's own question.
_OWN_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "fracture_levels": "Which levels are fractured (such as L1, T12)? Write none where there is none.",
        "imaging.mri_oedema": "Does MRI show oedema of a fresh fracture at that level?",
        "imaging.bone_scan_uptake": "Does a bone scan show uptake at that level?",
        "onset_date": "On which day did the pain begin?",
        "ct_date": "On which day was the CT made?",
        "conditions.cement_allergy": "Is there an allergy to bone cement?",
        "conditions.contrast_allergy": "Is there an allergy to contrast medium?",
        "bone.t_score_spine": "What is the T-score of the spine?",
        "bone.t_score_hip": "What is the T-score of the hip?",
    }
)
_ONLY_TOGETHER = {"onset_date": "ct_date", "ct_date": "onset_date"}  # one without the other says nothing


@dataclass(frozen=True)
class Prompt:
    """One fact to ask for."""

    fact: str  # field of Patient, such as bleeding.inr
    text: str
    answers: str  # what may be answered, in words
    changes: tuple[str, ...]  # keys of positions and concerns that wait for it


def next_prompt(patient: Patient, findings: Findings = (), skipped: Collection[str] = ()) -> Prompt | None:
    """The fact that most is gained from; None where no further fact could change an answer.

    Parameters
    ----------
    skipped
        Facts that were asked before and are not known.
    """
    return next(_open(patient, findings, skipped), None)


def with_answer(patient: Patient, fact: str, answer: str) -> Patient:
    """The record with one more fact, from words as a person types them. Messages do not repeat the answer."""
    group, _, name = fact.rpartition(".")
    part: Any = getattr(patient, group) if group else patient
    changed = replace(part, **{name: _parsed(fact, answer.strip())})
    return replace(patient, **{group: changed}) if group else changed


def _open(patient: Patient, findings: Findings, skipped: Collection[str]) -> Iterator[Prompt]:
    if patient.fracture_levels is None and "fracture_levels" not in skipped:
        yield _prompt("fracture_levels", _OWN_WORDS["fracture_levels"], ())
    for question in assess_candidacy(patient, findings).questions:
        text = question_of(question.variable).text
        for fact in question.facts:
            if fact not in skipped and _value(patient, fact) is None and _is_worth_asking(patient, fact, skipped):
                yield _prompt(fact, _OWN_WORDS.get(fact, text), question.changes)


def _is_worth_asking(patient: Patient, fact: str, skipped: Collection[str]) -> bool:
    other = _ONLY_TOGETHER.get(fact)
    return other is None or other not in skipped or _value(patient, other) is not None


def _prompt(fact: str, text: str, changes: tuple[str, ...]) -> Prompt:
    return Prompt(fact, text, _answers(fact), changes)


def _value(patient: Patient, fact: str) -> object:
    group, _, name = fact.rpartition(".")
    return getattr(getattr(patient, group) if group else patient, name)


def _hint(fact: str) -> Any:
    group, _, name = fact.rpartition(".")
    owner = get_type_hints(Patient)[group] if group else Patient
    return get_type_hints(owner)[name]


def _kind(fact: str) -> Any:
    """The type of a fact; of a list, that of its items."""
    kind = next(each for each in (*get_args(_hint(fact)), _hint(fact)) if each is not NoneType)
    return get_args(kind)[0] if get_origin(kind) is tuple else kind


def _is_list(fact: str) -> bool:
    return any(get_origin(each) is tuple for each in get_args(_hint(fact)))


def _answers(fact: str) -> str:
    kind = _kind(fact)
    words = {bool: "yes or no", date: "a day such as 2026-03-31", str: "names", float: "a number", int: "a number"}
    told = ", ".join(kind) if isinstance(kind, type) and issubclass(kind, StrEnum) else words[kind]
    return f"{told}; several with commas, none where there is none" if _is_list(fact) else told


def _parsed(fact: str, answer: str) -> object:
    if _is_list(fact):
        items = () if answer.lower() == "none" else tuple(one.strip() for one in answer.split(",") if one.strip())
        return tuple(_one(fact, item) for item in items)
    return _one(fact, answer)


def _one(fact: str, answer: str) -> object:
    kind = _kind(fact)
    try:
        if kind is bool:
            return {"yes": True, "y": True, "no": False, "n": False}[answer.lower()]
        if kind in (int, float):
            return kind(answer.replace(",", "."))
        if kind is date:
            return date.fromisoformat(answer)
        return kind(answer.lower()) if issubclass(kind, StrEnum) else answer.upper()
    except (KeyError, ValueError):
        raise InputError(f"{fact} was not understood: {_answers(fact)} is expected") from None
