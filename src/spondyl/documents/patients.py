"""The patient's facts from and to a small TOML or JSON file."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import date
from enum import StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from spondyl.errors import InputError
from spondyl.studies import Patient
from spondyl.studies.patient import GROUPS, RANGES

_KINDS = {bool: "true or false", date: "a date such as 2026-03-31", str: "words in quotes", int: "a whole number"}


def read_patient(path: Path | str) -> Patient:
    """The facts in a patient.toml or patient.json; what is left out (null in JSON) is not recorded.

    The keys are the fields of `Patient`; each of its parts is a table: [bleeding], then inr = 1.1. An unknown key is
    refused, since a misspelt fact would be a missing one. Messages name the key, never its value.
    """
    path = Path(path)
    facts = read_facts(path)
    for table, key, known in _unknown_keys(facts):
        raise InputError(f"{path} has the unknown key {table}{key}; known are {', '.join(known)}")
    for keys in _yes_or_no_for_a_number(facts):
        raise InputError(f"{path}: {'.'.join(keys)} is not what is expected: {_expected(keys)}")
    try:
        return TypeAdapter(Patient).validate_python(facts)
    except ValidationError as error:
        keys = [str(part) for part in error.errors()[0]["loc"] if isinstance(part, str)]
        raise InputError(f"{path}: {'.'.join(keys)} is not what is expected: {_expected(keys)}") from None


def patient_toml(patient: Patient) -> str:
    """The facts that are recorded, as the text of a patient.toml."""
    plain = [name for name in _names(Patient) if name not in GROUPS]
    lines = [_line(name, getattr(patient, name)) for name in plain if getattr(patient, name) is not None]
    for group in GROUPS:
        part = getattr(patient, group)
        told = [_line(name, getattr(part, name)) for name in _names(type(part)) if getattr(part, name) is not None]
        lines += ["", f"[{group}]", *told] if told else []
    return "\n".join(lines) + "\n"


def read_facts(path: Path) -> Mapping[str, Any]:
    """The keys and values of a TOML or JSON file of facts; null is left out."""
    try:
        text = path.read_text("utf-8")
        facts = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except OSError as error:
        raise InputError(
            f"{path} could not be read ({error.strerror}): give a TOML or JSON file of the facts"
        ) from None
    except json.JSONDecodeError:
        raise InputError(f'{path} is not valid JSON: an object of facts is expected, such as {{"sex": "F"}}') from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        raise InputError(f'{path} is not valid TOML: one fact a line is expected, such as sex = "F"') from None
    if not isinstance(facts, dict):
        raise InputError(f'{path} holds no object of facts: {{"sex": "F"}} is expected')
    return {key: value for key, value in facts.items() if value is not None}


def _unknown_keys(facts: Mapping[str, Any]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Table, key and the keys that are known there, of every key that no field has."""
    tables = {"": (facts, _names(Patient))}
    for group in GROUPS:
        if isinstance(facts.get(group), dict):
            tables[f"{group}."] = (facts[group], _names(get_type_hints(Patient)[group]))
    for table, (given, known) in tables.items():
        for key in sorted(set(given) - set(known)):
            yield table, key, known


def _yes_or_no_for_a_number(facts: Mapping[str, Any]) -> Iterator[list[str]]:
    """Keys of numbers that hold true or false, which would pass for 1 and 0."""
    for group in ("", *GROUPS):
        given = facts if not group else facts.get(group)
        for key, value in given.items() if isinstance(given, Mapping) else ():
            if isinstance(value, bool) and key in RANGES:
                yield [group, key] if group else [key]


def _expected(keys: list[str]) -> str:
    """What a field takes, in words made from its type and range."""
    owner: Any = get_type_hints(Patient)[keys[0]] if keys[0] in GROUPS else Patient
    if owner is not Patient and len(keys) == 1:
        return f"a table [{keys[0]}] of facts"
    name = keys[0] if owner is Patient else keys[1]
    kind = next(each for each in _parts(get_type_hints(owner)[name]) if each is not NoneType)
    if get_origin(kind) is tuple:
        inner = [each for each in _parts(get_args(kind)[0]) if each is not NoneType]
        return 'a list of levels such as ["L1"]' if name == "fracture_levels" else f"a list, each {_in_words(inner[0])}"
    if name in RANGES and kind is not bool:
        low, high = RANGES[name]
        return f"{'a whole number' if kind is int else 'a number'} from {low:g} to {high:g}"
    return _in_words(kind)


def _in_words(kind: Any) -> str:
    if issubclass(kind, StrEnum):
        values = [f'"{value}"' for value in kind]
        return f"{', '.join(values[:-1])} or {values[-1]}"
    return _KINDS.get(kind, "a number")


def _parts(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _names(record: type) -> tuple[str, ...]:
    return tuple(item.name for item in fields(record))


def _line(name: str, value: Any) -> str:
    return f"{name} = {_literal(value)}"


def _literal(value: Any) -> str:
    """A value as TOML writes it; JSON's strings, numbers and booleans are TOML's too."""
    if isinstance(value, tuple):
        return f"[{', '.join(_literal(each) for each in value)}]"
    return value.isoformat() if isinstance(value, date) else json.dumps(value, ensure_ascii=False)
