"""Records of a forecast: published points, pooled differences, and how many of 1000 people something happens to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from spondyl.errors import InputError
from spondyl.evidence import Comparison

HORIZON_DAYS = 365  # benefit and harm are told over the same year
FEWEST_COMPARISONS = 3  # with fewer independent ones the published points stand alone


class Course(StrEnum):
    """The three ways that are compared."""

    NONE = "no procedure"
    VERTEBROPLASTY = "vertebroplasty"
    KYPHOPLASTY = "kyphoplasty"


class Meaning(StrEnum):
    """Whether one wants it to happen."""

    WANTED = "wanted"
    UNWANTED = "unwanted"


@dataclass(frozen=True)
class Difference:
    """One published difference between a procedure and its control. Positive: better with the procedure."""

    outcome: str
    unit: str
    course: Course
    against: str
    kind: Comparison
    trial: str
    trial_name: str
    population: str
    time_days: int
    value: float
    low: float | None  # 95 % interval; None: not published
    high: float | None
    n: int | None
    independent: bool  # False: a subgroup of a trial that counts already
    source: str

    def __post_init__(self) -> None:
        if self.low is not None and self.high is not None and not self.low <= self.value <= self.high:
            raise InputError(f"the {self.outcome} difference of {self.trial} lies outside its own interval")


@dataclass(frozen=True)
class PooledDifference:
    """The mean difference of trials of one kind at one time, by random effects. Positive: better with the procedure."""

    outcome: str
    unit: str
    course: Course
    kind: Comparison
    time_days: int
    value: float
    low: float  # 95 % interval of the mean
    high: float
    next_low: float  # 95 % interval of the true difference in a further trial such as these
    next_high: float
    between_trials_sd: float
    trials: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.trials) < FEWEST_COMPARISONS:
            raise InputError(f"{len(self.trials)} comparisons are too few to pool: show the published points")


@dataclass(frozen=True)
class ArmPoint:
    """What one arm of a trial reported at one time."""

    outcome: str
    unit: str
    course: Course
    arm: str
    kind: Comparison
    trial: str
    trial_name: str
    time_days: int
    value: float
    low: float | None
    high: float | None
    n: int | None
    source: str


@dataclass(frozen=True)
class Frequency:
    """Of 1000 people, to how many something happened, as one source published it."""

    what: str
    course: Course
    meaning: Meaning
    per_1000: float
    low: float | None  # 95 % interval; None: neither published nor to be worked out from counts
    high: float | None
    horizon_days: int | None  # None: with the procedure or soon after; the source names no day
    who: str
    kind: Comparison | None  # None: no trial
    source: str

    def __post_init__(self) -> None:
        if not 0 <= self.per_1000 <= 1000:
            raise InputError(f"'{self.what}' gives {self.per_1000:g} of 1000 people")


@dataclass(frozen=True)
class Prediction:
    """What published evidence lets one expect over a year for the three courses.

    Nothing in it is computed from this patient: the record only decides whose trials are shown.
    """

    people: str  # whose trials these are
    remarks: tuple[str, ...]
    natural: tuple[Frequency, ...]  # without a procedure
    pooled: tuple[PooledDifference, ...]
    differences: tuple[Difference, ...]
    arms: tuple[ArmPoint, ...]
    frequencies: tuple[Frequency, ...]  # over the same year, of 1000
    unverified_rows: int  # of the trial table: not shown, fit nothing
    simulated_course: str  # what a simulation says of the untreated year
    horizon_days: int = HORIZON_DAYS
