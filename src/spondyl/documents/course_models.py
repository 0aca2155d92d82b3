"""The shape of simulations.json: what each course does to each level, by models, and what it does not say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from spondyl.documents.mechanics import CurvePointModel
from spondyl.documents.models import Document
from spondyl.documents.strength import LoadModel
from spondyl.planning import Balloon
from spondyl.simulation import (
    BalloonOutcome,
    BodyInjection,
    CuringHeat,
    Fan,
    HeightCourse,
    LeakShares,
    Mechanics,
    PressureCourse,
    Share,
    Simulation,
    SpineLoad,
)
from spondyl.simulation.balloon_device import find_device
from spondyl.simulation.permeability import Scenario
from spondyl.space import Floats

PATHS = {
    "any": "any way out",
    "disc_superior": "disc above",
    "disc_inferior": "disc below",
    "epidural": "canal (epidural)",
    "paravertebral": "beside the spine",
    "venous": "segmental veins",
    "track": "needle track",
}
MOST_STEPS = 200  # of a run that are written
WORDS = "not calibrated on patients: use it to compare plans, not to decide whether one is safe"


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


class BalloonStageModel(Document):
    """One stage in balance."""

    phase: Literal["inflation", "deflation"]
    volumes_ml: tuple[float, ...]  # by balloon
    pressures_mpa: tuple[float, ...]  # at the gauge
    lift_mm: tuple[float, float, float]  # at front, middle and back


class RegainedModel(Document):
    """Height that stays once the balloons are empty, at one site, over three denominators; null: not known."""

    site: str
    lift_mm: float
    of_intact: float | None  # over the height that undeformed neighbours let expect
    of_lost: float | None  # over what is lacking to it under the load
    of_not_recovered: float | None  # over what is lacking to it without load


class BalloonModel(Document):
    """What balloons do under the load of a procedure; the absolute lift hangs on the assumed fracture."""

    preload_n: float
    stopped_by: str
    lift_inflated_mm: tuple[float, float, float]  # at front, middle and back
    regained: tuple[RegainedModel, ...]
    lift_without_load_mm: float  # of the front, kept
    retained_ratio: float | None  # kept with load over kept without, at the front
    intact_mm: tuple[float, float, float] | None  # null: too few undeformed neighbours
    cavity_ml: float
    wall_mm: float  # least bone between a balloon and a side wall
    side_wall_shift_mm: float
    back_wall_shift_mm: float  # towards the canal
    linear_volume_error: float  # of a volume by the first area vectors, relative
    warnings: tuple[str, ...]
    stages: tuple[BalloonStageModel, ...]
    sides: tuple[str, ...] = ()  # of each balloon
    rated_mpa: tuple[float, ...] = ()  # of each balloon: inflation ends there

    @classmethod
    def of(cls, outcome: BalloonOutcome, balloons: Sequence[Balloon] = ()) -> BalloonModel:
        """The model of both lifts, and of the balloons that made them."""
        lift = outcome.loaded
        devices = [lift.settings.device or find_device(balloon.length_mm) for balloon in balloons]
        return cls(
            preload_n=lift.preload_n,
            stopped_by=lift.stopped_by,
            lift_inflated_mm=lift.lift_mm(lift.inflated),
            regained=tuple(
                RegainedModel(
                    site=site,
                    lift_mm=gain,
                    of_intact=share.of_intact,
                    of_lost=share.of_lost,
                    of_not_recovered=share.of_not_recovered,
                )
                for site, gain, share in zip(("front", "middle", "back"), lift.lift_mm(), lift.restored(), strict=True)
            ),
            lift_without_load_mm=outcome.free.lift_mm()[0],
            retained_ratio=outcome.retained_ratio,
            intact_mm=lift.settings.intact_mm,
            cavity_ml=lift.cavity_ml,
            wall_mm=lift.wall_mm,
            side_wall_shift_mm=lift.bulge_mm,
            back_wall_shift_mm=lift.back_mm,
            linear_volume_error=lift.linear_volume_error,
            warnings=lift.warnings,
            sides=tuple(balloon.side.value for balloon in balloons),
            rated_mpa=tuple(device.rated_mpa for device in devices),
            stages=tuple(
                BalloonStageModel(
                    phase=stage.phase,
                    volumes_ml=stage.volumes_ml,
                    pressures_mpa=stage.pressures_mpa,
                    lift_mm=stage.lift_mm,
                )
                for stage in lift.stages
            ),
        )


class PathLeakModel(Document):
    """Cement that left by one path in the one run that is shown."""

    path: str
    openings: tuple[str, ...]  # empty: the model has no way there
    volume_ml: float
    first_min: float | None


class OpeningModel(Document):
    """One way out of the body, and what left by it in the one run that is shown."""

    name: str
    path: str
    place_mm: tuple[float, float, float]  # its middle, in patient mm, LPS
    volume_ml: float


class PressuresModel(Document):
    """What is read over time in the run that is shown, at most `MOST_STEPS` values each, at the beginning of steps."""

    minutes: tuple[float, ...]  # after mixing
    volume_ml: tuple[float, ...]  # in all, by then
    flow_ml_per_min: tuple[float, ...]
    syringe_mpa: tuple[float, ...]
    cannula_mpa: tuple[float, ...]  # lost in it
    bone_mpa: tuple[float, ...]  # at the open end

    @classmethod
    def of(cls, course: PressureCourse) -> PressuresModel:
        """The model of a course of pressures; its highest pressure is kept."""
        steps = len(course.minutes)
        even = np.linspace(0, steps - 1, min(steps, MOST_STEPS)).round().astype(int)
        kept = np.unique([*even, int(course.syringe_kpa.argmax())])
        return cls(
            minutes=tuple(course.minutes[kept].tolist()),
            volume_ml=tuple(course.volume_ml[kept].tolist()),
            flow_ml_per_min=tuple(course.flow_ml_per_min[kept].tolist()),
            syringe_mpa=tuple((course.syringe_kpa[kept] / 1000).tolist()),
            cannula_mpa=tuple((course.cannula_kpa[kept] / 1000).tolist()),
            bone_mpa=tuple((course.tip_kpa[kept] / 1000).tolist()),
        )


class HeatModel(Document):
    """Highest temperatures while the cement cures, degrees Celsius, by a model in which no blood carries heat away."""

    hottest_c: float  # anywhere
    hottest_min: float  # minutes above 50 C there where it is longest
    centre_c: float  # of the body
    anterior_wall_c: float
    posterior_wall_c: float
    disc_superior_c: float
    disc_inferior_c: float
    canal_c: float | None
    canal_reason: str | None = None  # why that is null

    @classmethod
    def of(cls, heat: CuringHeat) -> HeatModel:
        """The model of these temperatures."""
        places = ("centre_c", "anterior_wall_c", "posterior_wall_c", "disc_superior_c", "disc_inferior_c", "canal_c")
        return cls(
            hottest_c=float(heat.peak.array.max()),
            hottest_min=float(heat.dwell_min.array.max()),
            canal_reason=heat.canal_reason,
            **{name: getattr(heat, name) for name in places},
        )


class CementModel(Document):
    """Where the cement of a plan went in one run: middle permeability, the plan's own tips."""

    cement: str
    scenario: str
    injected_ml: float
    in_bone_ml: float
    fill: float  # of the body's volume
    left_share: float  # of the cement, on the patient's left
    contact_superior: float  # share of the endplate's area that cement lies under
    contact_inferior: float
    stop_reason: str
    leaks: tuple[PathLeakModel, ...]
    openings: tuple[OpeningModel, ...]
    tips_mm: tuple[tuple[float, float, float], ...]  # of the portions, in their order, patient mm, LPS
    pressures: PressuresModel
    cement_file: str | None = None  # share of each voxel that is cement, on the vertebra's own grid
    minutes_file: str | None = None  # when a voxel was half full, minutes after mixing; -1: never
    surface_file: str | None = None  # of the cement, STL, patient mm, LPS
    cells_file: str | None = None  # its voxels with both fields, VTU, patient mm, LPS

    @classmethod
    def of(cls, injection: BodyInjection) -> CementModel:
        """The model of an injection."""
        return cls(
            cement=injection.cement.name,
            scenario=injection.scenario.value,
            injected_ml=injection.result.injected_ml,
            in_bone_ml=injection.result.in_bone_ml,
            fill=injection.fill,
            left_share=injection.left_share,
            contact_superior=injection.contact_superior,
            contact_inferior=injection.contact_inferior,
            stop_reason=injection.stop_reason,
            leaks=tuple(
                PathLeakModel(
                    path=leak.path.value, openings=leak.openings, volume_ml=leak.volume_ml, first_min=leak.first_min
                )
                for leak in injection.leaks
            ),
            openings=_openings(injection),
            tips_mm=tuple(point_of(portion.needle.tip_mm) for portion in injection.schedule),
            pressures=PressuresModel.of(injection.result.course),
        )


class RateModel(Document):
    """A published rate, of patients."""

    what: str
    percent: float
    entry: str
    source: str


class RunShareModel(Document):
    """Share of simulated runs that leaked more than 0.1 mL, with its interval by the number of runs alone."""

    leaked: int
    runs: int
    value: float
    low: float
    high: float


class LeakShareModel(Document):
    """Runs that leaked by one path, of those in which cement went in; never a chance of a patient."""

    path: str  # "any", or one path
    has_opening: bool
    share: RunShareModel
    empty_runs: int = 0  # further ones, in which nothing went in: they are in no share
    by_scenario: dict[str, RunShareModel | None]  # null: nothing went in in any run of it; before, it was left out
    scenarios_disagree: bool  # by more than a factor 2, or one took no cement: all three are then shown
    by_volume_ml: tuple[tuple[float, float], ...]  # cement injected, share of runs by then
    strongest_input: str | None  # what the leaked volume ranks with most; null: told apart by none
    published: tuple[RateModel, ...]

    @property
    def scenarios_to_show(self) -> tuple[tuple[str, int, int], ...]:
        """Name, leaked and runs by permeability where they disagree, or where not all three are there; else none."""
        if not self.scenarios_disagree and len(self.by_scenario) == len(Scenario):
            return ()
        return tuple(
            (name, 0, 0) if share is None else (name, share.leaked, share.runs)
            for name, share in self.by_scenario.items()
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


def _openings(injection: BodyInjection) -> tuple[OpeningModel, ...]:
    """Those that reach the surface of the grid, at the middle of their voxels."""
    flow, leaked = injection.flow, {leak.outlet.name: leak.volume_ml for leak in injection.result.leaks}
    found = []
    for opening in flow.openings:
        cells = np.argwhere(flow.labels == opening.label)
        if len(cells):
            middle = flow.geometry.points(cells).mean(axis=0)
            volume = leaked.get(opening.name, 0.0)
            found.append(
                OpeningModel(name=opening.name, path=opening.path.value, place_mm=point_of(middle), volume_ml=volume)
            )
    return tuple(found)


def point_of(point: Sequence[float] | Floats) -> tuple[float, float, float]:
    """Three plain numbers."""
    first, second, third = (float(value) for value in point)
    return first, second, third


def _fan(fan: Fan) -> FanModel:
    return FanModel(middle=fan.middle, low=fan.low, high=fan.high)


def leak_shares_of(leaks: LeakShares) -> tuple[LeakShareModel, ...]:
    """Runs that leaked by each path, as they are written."""
    told = []
    for one in leaks.paths:
        driver = one.drivers[0] if one.drivers and one.drivers[0].is_told_apart else None
        told.append(
            LeakShareModel(
                path="any" if one.path is None else one.path.value,
                has_opening=one.has_opening,
                share=_share(one.share),
                empty_runs=leaks.empty,
                by_scenario={
                    scenario.value: None if share is None else _share(share) for scenario, share in one.by_scenario
                },
                scenarios_disagree=one.scenarios_disagree,
                by_volume_ml=tuple((volume, share.value) for volume, share in one.by_volume),
                strongest_input=None if driver is None else driver.name,
                published=tuple(
                    RateModel(what=rate.what, percent=rate.percent, entry=rate.entry, source=rate.source)
                    for rate in one.published
                ),
            )
        )
    return tuple(told)


def _no_shares(leaks: LeakShares | None) -> tuple[UnknownModel, ...]:
    """Said where cement went in in none of the runs."""
    if leaks is None or leaks.paths:
        return ()
    reason = f"no cement went in in any of {len(leaks.draws)} simulated runs"
    return (UnknownModel(what="share of simulated runs that leaked", reason=reason),)


def _share(share: Share) -> RunShareModel:
    low, high = share.interval
    return RunShareModel(leaked=share.leaked, runs=share.runs, value=share.value, low=low, high=high)
