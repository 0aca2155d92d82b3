"""A check-in from a small TOML or JSON file."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from spondyl.documents.patients import read_facts
from spondyl.errors import InputError
from spondyl.followup import CheckIn


def read_checkin(path: Path | str) -> CheckIn:
    """The answers in a file; what is left out (null in JSON) was not answered.

    The keys are the fields of `CheckIn`. An unknown key is refused, since a misspelt symptom would be a missing one.
    """
    path = Path(path)
    answers = read_facts(path)
    known = [item.name for item in fields(CheckIn)]
    if unknown := sorted(set(answers) - set(known)):
        raise InputError(f"{path} has the unknown key {unknown[0]}; known are {', '.join(known)}")
    return CheckIn(**answers)
