"""The shape of simulations.json: what each course does to each level, by models, and what it does not say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from spondyl.documents.balloon_models import BalloonModel
from spondyl.documents.base import Document
from spondyl.documents.cement_models import CementModel, HeatModel
from spondyl.documents.leak_models import WORDS, LeakShareModel, leak_shares_of
from spondyl.documents.mechanics import CurvePointModel
from spondyl.documents.strength import LoadModel
from spondyl.simulation import (
    Fan,
    HeightCourse,
    LeakShares,
    Mechanics,
    Simulation,
    SpineLoad,
)


class FanModel(Document):
    """Middle and 95 % range over the runs, a value for each day."""

    middle: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


class HeightCourseModel(Document):
    """Shortening since the CT under the force of standing, and wedge added."""

    days: tuple[float, ...]
    heals: bool
    front_mm: FanModel
    middle_mm: FanModel
    back_mm: FanModel
    wedge_deg: FanModel
    beyond_share: tuple[float, ...]  # of runs past the limit of small strains, by day
    runs: int
    seed: int

    @classmethod
    def of(cls, course: HeightCourse) -> HeightCourseModel:
        """The model of a course of heights."""
        return cls(
            days=course.days,
            heals=course.heals,
            front_mm=_fan(course.front_mm),
            middle_mm=_fan(course.middle_mm),
            back_mm=_fan(course.back_mm),
            wedge_deg=_fan(course.wedge_deg),
            beyond_share=course.beyond_share,
            runs=course.runs,
            seed=course.seed,
        )


class StateModel(Document):
    """One state of the body between caps; forces are null where the density has no calibration."""

    failure_n: float | None
    failure_low_n: float | None
    failure_high_n: float | None
    stiffness_n_per_mm: float | None
    stiffness_share: float  # of that before the fracture
    strength_share: float
    left_share: float  # of the force, borne by the patient's left half while the top stays level
    curve: tuple[CurvePointModel, ...]  # empty where forces are null

    @classmethod
    def of(cls, state: Mechanics, before: Mechanics, *, absolute: bool) -> StateModel:
        """The model of a state against the body before its fracture."""
        found = state.strength
        curve = (found.curve or ()) if absolute else ()
        return cls(
            failure_n=found.failure_n if absolute else None,
            failure_low_n=found.failure_low_n if absolute else None,
            failure_high_n=found.failure_high_n if absolute else None,
            stiffness_n_per_mm=state.stiffness_n_per_mm if absolute else None,
            stiffness_share=state.stiffness_n_per_mm / before.stiffness_n_per_mm,
            strength_share=found.failure_n / before.strength.failure_n,
            left_share=state.left_share,
            curve=tuple(
                CurvePointModel(displacement_mm=point.displacement_mm, reaction_n=point.reaction_n) for point in curve
            ),
        )


class NeighbourModel(Document):
    """A neighbour and the disc towards it, treated over untreated; 1: no change."""

    level: str
    disc_pressure: float
    endplate_bulge: float | None  # null: the untreated endplate hardly bulges
    strain: float
    strain_by_wedge: float | None
    strain_by_both: float | None


class UnknownModel(Document):
    """A question this run has no answer to."""

    what: str
    reason: str


class CourseModel(Document):
    """One course of one level."""

    level: str
    course: Literal["untreated", "vertebroplasty", "kyphoplasty"]
    before: StateModel  # estimated: the present shape without cracks
    broken: StateModel
    after: StateModel | None
    balloons: BalloonModel | None = None
    cement: CementModel | None
    heat: HeatModel | None = None
    leak_shares: tuple[LeakShareModel, ...]  # none where runs were not counted, or cement went in in none
    empty_runs: int = 0  # simulated runs in which nothing went in
    heights: tuple[HeightCourseModel, ...]
    neighbours: tuple[NeighbourModel, ...]
    loads: tuple[LoadModel, ...]  # of daily life, over the strength of the body as the course leaves it
    unknown: tuple[UnknownModel, ...]
    notes: tuple[str, ...]
    assumptions: tuple[str, ...]

    @classmethod
    def of(cls, found: Simulation, leaks: LeakShares | None, loads: Sequence[SpineLoad] = ()) -> CourseModel:
        """The model of a simulation, of its leaks under doubt, and of what its level has to bear."""
        present = found.present
        absolute = found.is_absolute
        told = (*found.assumptions, *(() if leaks is None else leaks.assumptions))
        return cls(
            level=found.level.name,
            course=found.course.value,
            before=StateModel.of(found.before, found.before, absolute=absolute),
            broken=StateModel.of(found.broken, found.before, absolute=absolute),
            after=None if found.after is None else StateModel.of(found.after, found.before, absolute=absolute),
            balloons=None if found.balloons is None else BalloonModel.of(found.balloons, found.plan.balloons),
            cement=None if found.injection is None else CementModel.of(found.injection),
            heat=None if found.heat is None else HeatModel.of(found.heat),
            leak_shares=() if leaks is None else leak_shares_of(leaks),
            empty_runs=0 if leaks is None else leaks.empty,
            heights=tuple(HeightCourseModel.of(course) for course in found.heights),
            neighbours=tuple(
                NeighbourModel(
                    level=one.level.name,
                    disc_pressure=one.disc_pressure,
                    endplate_bulge=one.endplate_bulge,
                    strain=one.strain,
                    strain_by_wedge=one.strain_by_wedge,
                    strain_by_both=one.strain_by_both,
                )
                for one in found.neighbours
            ),
            loads=()
            if present is None
            else tuple(LoadModel.of(load, present.strength, found.calibration.grade) for load in loads),
            unknown=(*(UnknownModel(what=one.what, reason=one.reason) for one in found.unknown), *_no_shares(leaks)),
            notes=tuple(dict.fromkeys((*found.notes, *(() if leaks is None else leaks.notes)))),
            assumptions=tuple(dict.fromkeys(told)),
        )


class LeftOutModel(Document):
    """A level, or one course of it, that could not be simulated."""

    level: str
    course: Literal["untreated", "vertebroplasty", "kyphoplasty"] | None = None  # null: none of the level's courses
    reason: str

    @property
    def what(self) -> str:
        """L1, or L1, kyphoplasty."""
        return self.level if self.course is None else f"{self.level}, {self.course}"


class SimulationsDocument(Document):
    """All courses of the levels of a case."""

    schema_: Literal["spondyl.simulations/1"] = "spondyl.simulations/1"
    density_grade: int | None  # null: nothing was simulated
    density_reason: str | None
    voxel_mm: float
    courses: tuple[CourseModel, ...]
    left_out: tuple[LeftOutModel, ...]
    words: str = WORDS

    @classmethod
    def of(
        cls,
        found: Sequence[tuple[Simulation, LeakShares | None]],
        *,
        voxel_mm: float,
        left_out: Sequence[LeftOutModel] = (),
        loads: Mapping[str, Sequence[SpineLoad]] | None = None,
    ) -> SimulationsDocument:
        """The document of these courses; loads by level."""
        borne = {} if loads is None else loads
        graded = found[0][0].calibration if found else None
        return cls(
            density_grade=None if graded is None else graded.grade,
            density_reason=None if graded is None else graded.reason,
            voxel_mm=voxel_mm,
            courses=tuple(CourseModel.of(one, leaks, borne.get(one.level.name, ())) for one, leaks in found),
            left_out=tuple(left_out),
        )


def _fan(fan: Fan) -> FanModel:
    return FanModel(middle=fan.middle, low=fan.low, high=fan.high)


def _no_shares(leaks: LeakShares | None) -> tuple[UnknownModel, ...]:
    """Said where cement went in in none of the runs."""
    if leaks is None or leaks.paths:
        return ()
    reason = f"no cement went in in any of {len(leaks.draws)} simulated runs"
    return (UnknownModel(what="share of simulated runs that leaked", reason=reason),)
