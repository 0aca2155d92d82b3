"""Any record and any check-in that their types allow, however incomplete or contradictory, for property tests."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from enum import StrEnum
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from spondyl.followup import SYMPTOMS, CheckIn
from spondyl.followup.checkin import RANGES as ASKED_RANGES
from spondyl.spine import Level
from spondyl.studies import Function, Patient
from spondyl.studies.patient import GROUPS, RANGES, RMDQ_ITEMS

LISTS = {
    "fracture_levels": [level.name for level in Level if level.name[0] in "TL"],
    "tried": ["paracetamol", "opioid", "a brace"],
    "earlier_fractures": ["T12 in 2021", "hip", "wrist"],
    "bone_drugs": ["alendronate", "denosumab", "vitamin D", "something new"],
}
DATES = st.dates(date(2024, 1, 1), date(2026, 12, 31))


def patients() -> st.SearchStrategy[Patient]:
    """Any record: each fact is left out or anything in its range."""
    plain = {name: _fact(Patient, name) for name in _names(Patient) if name not in GROUPS}
    groups = {name: _group(get_type_hints(Patient)[name]) for name in GROUPS}
    return st.builds(Patient, **plain, **groups)


def checkins() -> st.SearchStrategy[CheckIn]:
    """Any report: each question is unanswered or answered somehow."""
    numbers = {name: st.none() | st.floats(low, high) for name, (low, high) in ASKED_RANGES.items()}
    answers = {name: st.sampled_from([None, False, True]) for name in (*SYMPTOMS, "known_cancer")}
    return st.builds(CheckIn, **numbers, **answers, other=st.sampled_from([None, "", "my hand tingles"]))


def forgotten(patient: Patient, paths: tuple[str, ...]) -> Patient:
    """The record without the facts of these paths, such as bleeding.inr."""
    for path in paths:
        group, _, name = path.rpartition(".")
        if not group:
            patient = replace(patient, **{name: None})
        elif name == "rmdq_score":
            patient = replace(patient, function=Function(odi_percent=patient.function.odi_percent))
        else:
            patient = replace(patient, **{group: replace(getattr(patient, group), **{name: None})})
    return patient


def _group(kind: type) -> st.SearchStrategy[Any]:
    if kind is Function:
        return st.none().map(lambda _: Function()) | st.builds(
            _function, st.sets(st.integers(1, RMDQ_ITEMS)), st.integers(0, RMDQ_ITEMS), st.booleans()
        )
    return st.builds(kind, **{name: _fact(kind, name) for name in _names(kind)})


def _function(applies: set[int], score: int, by_item: bool) -> Function:
    return Function(rmdq_applies=tuple(sorted(applies))) if by_item else Function(rmdq_score=score)


def _fact(owner: type, name: str) -> st.SearchStrategy[Any]:
    (kind, *_) = [one for one in get_args(get_type_hints(owner)[name]) if one is not NoneType]
    return st.none() | _value(kind, name)


def _value(kind: Any, name: str) -> st.SearchStrategy[Any]:
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        choices = list(inner) if isinstance(inner, type) and issubclass(inner, StrEnum) else LISTS[name]
        return st.lists(st.sampled_from(choices), unique=True, max_size=3).map(tuple)
    if kind is bool:
        return st.booleans()
    if kind is date:
        return DATES
    if kind is str:
        return st.just("to walk again")
    if issubclass(kind, StrEnum):
        return st.sampled_from(list(kind))
    low, high = RANGES[name]
    return st.integers(int(low), int(high)) if kind is int else st.floats(low, high)


def _names(kind: type) -> tuple[str, ...]:
    return tuple(item.name for item in fields(kind))
