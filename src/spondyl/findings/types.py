"""One measurement or observation, with its doubt."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from spondyl.errors import InputError
from spondyl.spine import Level, Side


class Status(StrEnum):
    """How far a finding can be relied on."""

    MEASURED = "measured"
    UNCERTAIN = "uncertain"
    NOT_EVALUABLE = "not_evaluable"


@dataclass(frozen=True)
class Finding:
    """One measurement or observation, with its doubt and where the method comes from.

    A yes/no finding has the value "yes" or "no"; one that cannot be decided has None and the status NOT_EVALUABLE.
    """

    name: str  # "anterior_height", "genant_grade", "deformity_shape": docs/nomenclature.md
    level: Level | None  # None: of the whole study
    level_to: Level | None  # second level of an angle between two
    side: Side | None
    value: float | str | None
    unit: str  # UCUM: "mm", "deg", "mg/cm3", "%", "1"
    low: float | None  # 95 % interval
    high: float | None
    status: Status
    reason: str | None  # why uncertain or not evaluable
    method: str
    source: str  # key in the sources file, or "spondyl" for a definition of this project

    def __post_init__(self) -> None:
        if (self.value is None) != (self.status is Status.NOT_EVALUABLE):
            raise InputError(f"{self.name}: exactly a finding that is not evaluable has no value")
        if self.status is not Status.MEASURED and not self.reason:
            raise InputError(f"{self.name}: a finding that is {self.status} says why")
        for number in (self.value, self.low, self.high):
            if isinstance(number, float | int) and not math.isfinite(number):
                raise InputError(f"{self.name}: {number} is not a finite number")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise InputError(f"{self.name}: the interval {self.low} to {self.high} is reversed")


Findings: TypeAlias = tuple[Finding, ...]


def not_evaluable(
    name: str,
    level: Level | None,
    unit: str,
    reason: str,
    method: str,
    *,
    level_to: Level | None = None,
    side: Side | None = None,
    source: str = "spondyl",
) -> Finding:
    """A finding that could not be decided, with the reason."""
    return Finding(name, level, level_to, side, None, unit, None, None, Status.NOT_EVALUABLE, reason, method, source)
