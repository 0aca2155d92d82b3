"""What a simulated course of one level gives."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from spondyl.findings import GradedCalibration
from spondyl.planning import Plan
from spondyl.simulation.balloon_records import BalloonOutcome
from spondyl.simulation.body_injection import BodyInjection
from spondyl.simulation.curing_heat import CuringHeat
from spondyl.simulation.height_course import HeightCourse
from spondyl.simulation.mechanics import Mechanics
from spondyl.simulation.neighbours import NeighbourEffect
from spondyl.spine import Level


class Course(StrEnum):
    """What is done."""

    UNTREATED = "untreated"
    VERTEBROPLASTY = "vertebroplasty"
    KYPHOPLASTY = "kyphoplasty"

    @classmethod
    def of(cls, plan: Plan) -> Course:
        """The course of a plan: no needles, needles, or needles with balloons."""
        if not plan.needles:
            return cls.UNTREATED
        return cls.KYPHOPLASTY if plan.balloons else cls.VERTEBROPLASTY


@dataclass(frozen=True)
class NotSimulated:
    """A question that this run has no answer to."""

    what: str
    reason: str


@dataclass(frozen=True, eq=False)
class Simulation:
    """One course of one level, by models. What is None was not simulated: `unknown` says why.

    Where `is_absolute` is False (density of grade 5) forces are no newtons: only ratios between states have a meaning.
    """

    plan: Plan
    course: Course
    before: Mechanics  # of the body before its fracture, estimated
    broken: Mechanics  # of the body as it is
    after: Mechanics | None  # of the treated body; None: untreated
    balloons: BalloonOutcome | None  # None: a course without
    injection: BodyInjection | None
    heat: CuringHeat | None  # while its cement cures
    heights: tuple[HeightCourse, ...]  # without healing, and with it where the body is untreated
    neighbours: tuple[NeighbourEffect, ...]  # empty for the untreated course: it is what the others are compared with
    calibration: GradedCalibration
    voxel_mm: float
    unknown: tuple[NotSimulated, ...]
    notes: tuple[str, ...]
    assumptions: tuple[str, ...]

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, item.name) for item in fields(self))

    @property
    def level(self) -> Level:
        """The level it is about."""
        return self.plan.level

    @property
    def is_absolute(self) -> bool:
        """Whether forces may be told in newtons."""
        return self.calibration.calibration is not None

    @property
    def present(self) -> Mechanics | None:
        """The body once the course has begun: broken as it is, or treated; None: treated, and not simulated."""
        return self.broken if self.course is Course.UNTREATED else self.after

    @property
    def stiffness_share(self) -> float | None:
        """Stiffness over that before the fracture."""
        found = self.present
        return None if found is None else found.stiffness_n_per_mm / self.before.stiffness_n_per_mm

    @property
    def strength_share(self) -> float | None:
        """Failure load over that before the fracture."""
        found = self.present
        return None if found is None else found.strength.failure_n / self.before.strength.failure_n
