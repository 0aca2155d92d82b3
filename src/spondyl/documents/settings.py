"""What holds where the program is used: the local emergency number, and who sits at the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from string import digits
from typing import Any

from spondyl.documents.patients import read_facts
from spondyl.errors import InputError

LONGEST_NUMBER = 20  # of a telephone number with its spaces
NUMBER_UNSET = "the local emergency number is not set (give --emergency-number or --settings)"
TEAM_UNSET = "who sits at the table here is not set (give --settings)"


def dialled(number: str | None) -> str | None:
    """An emergency number that can be dialled; None stays None, it is never guessed."""
    if number is None:
        return None
    told = number.strip()
    signs = set(told)
    if not signs & set(digits) or signs - set(f"{digits} +-/()") or len(told) > LONGEST_NUMBER:
        raise InputError("the emergency number holds something else than digits, spaces and + - / ( ): correct it")
    return told


@dataclass(frozen=True)
class Settings:
    """Facts of a place, not of a patient. None was not set: it is shown so, never guessed."""

    emergency_number: str | None = None
    team: tuple[str, ...] | None = None  # the referral team in words: "spine surgery: Dr A, ext. 1234"

    def __post_init__(self) -> None:
        object.__setattr__(self, "emergency_number", dialled(self.emergency_number))

    def over(self, earlier: Settings) -> Settings:
        """These settings, completed by earlier ones where nothing is set."""
        number = earlier.emergency_number if self.emergency_number is None else self.emergency_number
        return Settings(number, earlier.team if self.team is None else self.team)

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> Settings:
        """The settings that a record of run.json holds."""
        team = parameters["team"]
        return cls(parameters["emergency_number"], None if team is None else tuple(team))

    @property
    def parameters(self) -> dict[str, Any]:
        """For run.json: lists, as JSON has no tuples."""
        return {"emergency_number": self.emergency_number, "team": None if self.team is None else list(self.team)}

    @property
    def number_words(self) -> str:
        """The number, or that nobody set it."""
        return self.emergency_number or NUMBER_UNSET

    @property
    def team_words(self) -> str:
        """Who sits at the table here, or that nobody said."""
        return f"at the table here: {'; '.join(self.team)}" if self.team else TEAM_UNSET


NOTHING_SET = Settings()


def read_settings(path: Path | str | None, emergency_number: str | None = None) -> Settings:
    """The settings of a TOML or JSON file; without a file nothing is set.

    The keys are the fields of `Settings`. An unknown key is refused, since a misspelt number would be a missing one.

    Parameters
    ----------
    emergency_number
        Wins over the file's.
    """
    told = {} if path is None else _checked(Path(path))
    return Settings(told.get("emergency_number") if emergency_number is None else emergency_number, told.get("team"))


def _checked(path: Path) -> Mapping[str, Any]:
    told, known = read_facts(path), [item.name for item in fields(Settings)]
    if unknown := sorted(set(told) - set(known)):
        raise InputError(f"{path} has the unknown key {unknown[0]}; known are {', '.join(known)}")
    if not isinstance(told.get("emergency_number", ""), str):
        raise InputError(f'{path}: emergency_number is not what is expected: in quotes, such as "112"')
    team = told.get("team", [])
    if not isinstance(team, list) or not all(isinstance(one, str) and one.strip() for one in team):
        raise InputError(f'{path}: team is not what is expected: a list such as ["spine surgery: Dr A, ext. 1234"]')
    return {**told, **({"team": tuple(team)} if "team" in told else {})}
