"""The patient's facts from a small TOML file."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from spondyl.errors import InputError
from spondyl.studies import Patient

_EXPECTED = {
    "age_years": "a number of years",
    "sex": '"F", "M" or "O"',
    "pain_nrs": "a number from 0 to 10",
    "ct_date": "a date such as 2026-03-31",
    "onset_date": "a date such as 2026-03-31",
    "contrast_given": "true or false",
    "fracture_levels": 'a list of levels such as ["L1"]',
}


def read_patient(path: Path | str) -> Patient:
    """The facts in a patient.toml; what is left out is not recorded.

    The keys are the fields of `Patient`. An unknown key is refused, since a misspelt fact would be a missing one.
    Messages name the key, never its value.
    """
    path = Path(path)
    try:
        facts = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{path} could not be read ({error.strerror}): give a TOML file of the facts") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise InputError(f'{path} is not valid TOML: one fact a line is expected, such as sex = "F"') from None
    known = [field.name for field in fields(Patient)]
    if unknown := sorted(set(facts) - set(known)):
        raise InputError(f"{path} has the unknown key {', '.join(unknown)}; known are {', '.join(known)}")
    try:
        return TypeAdapter(Patient).validate_python(facts)
    except ValidationError as error:
        key = str(error.errors()[0]["loc"][0])
        raise InputError(f"{path}: {key} is not what is expected: {_EXPECTED.get(key, 'see the manual')}") from None
