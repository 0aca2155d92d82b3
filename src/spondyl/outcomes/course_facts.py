"""Simulated courses in plain figures, as forecast, decisions and the procedure sheet use them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spondyl.errors import InputError
from spondyl.spine import Level

if TYPE_CHECKING:
    from spondyl.simulation import HeightCourse, Simulation

MODEL = "model, not calibrated on patients: to compare plans, not to decide whether one is safe"
Lost = tuple[float, float, float]  # middle, and 95 % of the runs [mm]


@dataclass(frozen=True)
class CountedRuns:
    """Simulated runs that leaked more than 0.1 mL, of those in which cement went in: never a chance of a patient.

    No runs and some empty: they were counted, and cement went in in none.
    """

    leaked: int
    runs: int
    by_permeability: tuple[tuple[str, int, int], ...] = ()  # scenario, leaked, runs, where they differ; 0: none went in
    published: tuple[str, ...] = ()  # rates of patients
    empty: int = 0  # further runs, in which nothing went in

    def __post_init__(self) -> None:
        if not 0 <= self.leaked <= self.runs or self.empty < 0:
            raise InputError(
                f"{self.leaked} of {self.runs} simulated runs leaked and {self.empty} were empty: counts from 0 on are "
                "expected, and no more leaks than runs"
            )

    @property
    def words(self) -> str:
        """With the scenarios that disagree and the published rates beside it."""
        published = f"published: {'; '.join(self.published) or 'no rate verified'}"
        if self.none_entered:
            return (
                f"in none of {self.empty} simulated runs did cement go in: whether it would leak is not known, and the "
                f"plan may not be one that can be injected; {published}"
            )
        told = f"{self.leaked} of {self.runs} simulated runs leaked more than 0.1 mL"
        if self.by_permeability:
            scenarios = ", ".join(scenario_text(*each) for each in self.by_permeability)
            told += f" (permeability {scenarios})"
        if self.empty:
            told += f", and in {self.empty} more nothing went in"
        return f"{told}; {published}"

    @property
    def none_entered(self) -> bool:
        """Whether runs were made and cement went in in none of them."""
        return self.runs == 0 and self.empty > 0


@dataclass(frozen=True)
class WayOut:
    """One path by which cement could leave the body that is planned, as the model found it."""

    path: str  # a `LeakPath`
    openings: tuple[str, ...]  # that lead there
    counted: CountedRuns | None  # there; None: runs were not counted


@dataclass(frozen=True)
class CourseFacts:
    """One simulated course of one level in plain figures; None: the model has no answer."""

    level: Level
    course: str  # untreated, vertebroplasty, kyphoplasty
    strength_share: float | None  # of that before the fracture
    front_lost_mm: Lost | None  # upright on the last day below the lying CT, without healing
    front_lost_healing_mm: Lost | None
    days: float | None  # of both
    beyond_share: float | None  # of the runs without healing that had left what the model holds for by then
    counted: CountedRuns | None  # by any way
    ways: tuple[WayOut, ...] = ()
    front_kept_mm: float | None = None  # of the balloons' lift, under the load of the procedure; None: no balloons
    retained_ratio: float | None = None  # over that kept without load

    @classmethod
    def of(cls, found: Simulation) -> CourseFacts:
        """The facts of a simulation; the one run that it shows is no count of runs."""
        fans = {fan.heals: fan for fan in found.heights}
        leaks = () if found.injection is None else found.injection.leaks
        return cls(
            found.level,
            found.course.value,
            None if not found.plan.needles else found.strength_share,
            _lost(fans.get(False)),
            _lost(fans.get(True)),
            max((fan.days[-1] for fan in found.heights), default=None),
            fans[False].beyond_share[-1] if False in fans else None,
            None,
            tuple(WayOut(leak.path.value, leak.openings, None) for leak in leaks if leak.openings),
            None if found.balloons is None else found.balloons.loaded.lift_mm()[0],
            None if found.balloons is None else found.balloons.retained_ratio,
        )


def course_facts(simulations: Sequence[Simulation | CourseFacts]) -> tuple[CourseFacts, ...]:
    """The facts of all courses."""
    return tuple(one if isinstance(one, CourseFacts) else CourseFacts.of(one) for one in simulations)


def scenario_text(name: str, leaked: int, runs: int) -> str:
    """low 2 of 13; low: nothing went in, of no runs."""
    return f"{name} {leaked} of {runs}" if runs else f"{name}: nothing went in"


def _lost(fan: HeightCourse | None) -> Lost | None:
    return None if fan is None else (fan.front_mm.middle[-1], fan.front_mm.low[-1], fan.front_mm.high[-1])


def lost_text(lost: Lost) -> str:
    """3.2 mm (1.0 to 8.9) lower; higher where the middle run gained."""
    middle, low, high = lost
    if middle < 0:
        return f"{-middle:.1f} mm ({-high:.1f} to {-low:.1f}) higher"
    return f"{middle:.1f} mm ({low:.1f} to {high:.1f}) lower"


def beyond_text(share: float | None) -> str:
    """What is added where runs left what the model holds for; else nothing."""
    return "" if not share else f"; {100 * share:.0f} % of the runs had left what the model holds for"
