"""What holds where the program is used: the emergency number, who sits at the table, what needle is proposed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from string import digits
from typing import Any

from spondyl.documents.patients import read_facts
from spondyl.errors import InputError
from spondyl.planning import lowest_class_words

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
    lowest_class: str | None = None  # of a needle's path that is proposed: "A", "B" or "C"
    lowest_class_source: str | None = None  # where that comes from, in words

    def __post_init__(self) -> None:
        object.__setattr__(self, "emergency_number", dialled(self.emergency_number))
        if (self.lowest_class is None) != (self.lowest_class_source is None):
            raise InputError("lowest_class and lowest_class_source go together: a class, and where it comes from")
        if self.lowest_class is not None and self.lowest_class_source is not None:
            lowest_class_words(self.lowest_class, self.lowest_class_source)

    def over(self, earlier: Settings) -> Settings:
        """These settings, completed by earlier ones where nothing is set."""
        number = earlier.emergency_number if self.emergency_number is None else self.emergency_number
        team = earlier.team if self.team is None else self.team
        lowest = earlier if self.lowest_class is None else self
        return Settings(number, team, lowest.lowest_class, lowest.lowest_class_source)

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> Settings:
        """The settings that a record of run.json holds."""
        team = parameters["team"]
        lowest = parameters.get("lowest_class"), parameters.get("lowest_class_source")  # older cases have none
        return cls(parameters["emergency_number"], None if team is None else tuple(team), *lowest)

    @property
    def parameters(self) -> dict[str, Any]:
        """For run.json: lists, as JSON has no tuples."""
        team = None if self.team is None else list(self.team)
        return {"emergency_number": self.emergency_number, "team": team, **self.needle}

    @property
    def needle(self) -> dict[str, str]:
        """The options of `plan_augmentation` that are set here."""
        told = {"lowest_class": self.lowest_class, "lowest_class_source": self.lowest_class_source}
        return {name: value for name, value in told.items() if value is not None}

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
    number = told.get("emergency_number") if emergency_number is None else emergency_number
    return Settings(number, told.get("team"), told.get("lowest_class"), told.get("lowest_class_source"))


def _checked(path: Path) -> Mapping[str, Any]:
    told, known = read_facts(path), [item.name for item in fields(Settings)]
    if unknown := sorted(set(told) - set(known)):
        raise InputError(f"{path} has the unknown key {unknown[0]}; known are {', '.join(known)}")
    if not isinstance(told.get("emergency_number", ""), str):
        raise InputError(f'{path}: emergency_number is not what is expected: in quotes, such as "112"')
    for name in ("lowest_class", "lowest_class_source"):
        if name in told and not (isinstance(told[name], str) and told[name].strip()):
            raise InputError(f"{path}: {name} is not what is expected: words in quotes")
    team = told.get("team", [])
    if not isinstance(team, list) or not all(isinstance(one, str) and one.strip() for one in team):
        raise InputError(f'{path}: team is not what is expected: a list such as ["spine surgery: Dr A, ext. 1234"]')
    return {**told, **({"team": tuple(team)} if "team" in told else {})}
