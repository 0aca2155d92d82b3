"""One call for every course: doing nothing, cement, or cement after a balloon."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spondyl.errors import InputError
from spondyl.findings.heights import SITES, measure_heights
from spondyl.findings.reference import find_references
from spondyl.planning import Plan
from spondyl.simulation import composite, damage, height_course, segment
from spondyl.simulation import lifted as lifted_body
from spondyl.simulation.balloon import compare_preload
from spondyl.simulation.balloon_records import LIMITS as LIFT_LIMITS
from spondyl.simulation.balloon_records import BalloonLift, BalloonOutcome, BalloonSettings
from spondyl.simulation.body_injection import BodyInjection, simulate_injection
from spondyl.simulation.bone import BoneModel
from spondyl.simulation.cement import Cement
from spondyl.simulation.composite import acrylic, averaged_on, filled_with_cement, partly_filled
from spondyl.simulation.course_start import CourseStart, start_courses
from spondyl.simulation.creep import CreepCompliance, find_creep_compliance
from spondyl.simulation.curing_heat import LIMITS as HEAT_LIMITS
from spondyl.simulation.curing_heat import simulate_heat
from spondyl.simulation.fracture import depth_range
from spondyl.simulation.height_course import HeightCourse, StandingLoad, follow_height, line_of_standing, raised
from spondyl.simulation.lifted import LiftedBody, follow_lift, lifted_bone, lifted_flow, pulled_back
from spondyl.simulation.loads import ASSUMED as LOADS_ASSUMED
from spondyl.simulation.loads import Activity, estimate_loads, mean_step
from spondyl.simulation.mechanics import Mechanics, measure_mechanics
from spondyl.simulation.neighbours import NeighbourEffect, compare_neighbours
from spondyl.simulation.types import Course, NotSimulated, Simulation
from spondyl.simulation.wedge_load import ASSUMED as WEDGE_ASSUMED
from spondyl.simulation.wedge_load import LEVEL_ASSUMED, lasting_wedge, wedge_deg, wedge_force_ratios
from spondyl.space import Volume
from spondyl.spine import Spine
from spondyl.studies import Progress
from spondyl.studies.progress import silent
from spondyl.studies.workers import Workers

WEDGE_DEG = 10.0  # by which the load of a wedge is found; it grows about evenly with the angle
YEAR = "height over the year"
LIMITS = (
    "Models of one body, or of three with their discs: no patient was compared with them.",
    "The whole body is an estimate: the present shape and density without the cracks of the fracture.",
)
BALLOON_LIMITS = (
    *LIFT_LIMITS,
    "Height over the year after balloons starts from the lift of one run: its doubt is not in the band.",
    "Neighbours after balloons see the cement's stiffness in the body's old shape, and the wedge that is left.",
    "That wedge is measured under the preload, as the body then sags; before and after cement alone it is the CT's.",
)


def simulate(
    spine: Spine,
    plan: Plan,
    *,
    start: CourseStart | None = None,
    cement: Cement | str = "generic-medium",
    volume_ml: float | None = None,
    voxel_mm: float = 2.0,
    flow_voxel_mm: float = 1.0,
    seed: int = 0,
    progress: Progress = silent,
    workers: Workers | None = None,
) -> Simulation:
    """What a plan does to its vertebra: cement, stiffness and strength, neighbours, and height over a year.

    A plan without needles is the untreated course.

    Parameters
    ----------
    start
        From `start_courses`, where another course of the level was simulated before; `voxel_mm` is then its own.
    cement, volume_ml
        What is injected; without a volume the middle of the plan's bracket.
    voxel_mm, flow_voxel_mm
        Edge of the voxels of the mechanics and of the flow.
    seed
        Of the fans of heights.
    progress
        Called with the share done and what is being done.
    workers
        Processes, of which one that is up takes the balloons without load; None: this one.

    Raises
    ------
    InputError
        For a level that is cut or has no separable body, a tip outside bone, more cement than there is room for.
    NotConverged
        Where a load path cannot be balanced.
    """
    course = Course.of(plan)
    progress(0.0, f"the body of {plan.level.name}, whole and broken")
    begun = start_courses(spine, plan.level, voxel_mm=voxel_mm) if start is None else start
    inflated = _balloons(spine, plan, begun, progress, workers) if course is Course.KYPHOPLASTY else None
    balloons = None if isinstance(inflated, NotSimulated) else inflated
    lifted = None if balloons is None else follow_lift(balloons.loaded)
    progress(0.6, "injecting cement")
    injection = (
        None if course is Course.UNTREATED else _injected(spine, plan, begun, lifted, cement, volume_ml, flow_voxel_mm)
    )
    filled = _filled(begun, lifted, injection) if isinstance(injection, BodyInjection) else None
    progress(0.8, "a year of standing and lying")
    standing = _standing(spine, plan, begun)
    shaped_n = 0.0 if balloons is None else balloons.loaded.preload_n
    heights = _heights(begun, filled, standing, shaped_n, seed) if isinstance(standing, StandingLoad) else standing
    if balloons is not None and not isinstance(heights, NotSimulated):
        heights = tuple(raised_by(one, balloons.loaded) for one in heights)
    progress(0.9, "the vertebrae beside it")
    intact = _intact(spine, plan)
    present = measure_heights(begun.bone.vertebra) if balloons is None else balloons.loaded.deflated
    wedge = None if isinstance(present, str) else lasting_wedge(present, intact)
    neighbours = () if filled is None else _neighbours(begun, filled, wedge)
    answers = inflated, injection, heights, neighbours
    told = None if isinstance(injection, NotSimulated) else injection
    years = () if isinstance(heights, NotSimulated) else heights
    beside = () if isinstance(neighbours, NotSimulated) else neighbours
    after = None if filled is None else measure_mechanics(filled.bone)
    gain = () if after is None or not isinstance(injection, BodyInjection) else _gain(after, begun.broken, injection)
    progress(1.0, "done")
    return Simulation(
        plan,
        course,
        begun.whole,
        begun.broken,
        after,
        balloons,
        told,
        None if told is None else simulate_heat(spine, told),
        years,
        beside,
        begun.bone.calibration,
        begun.bone.voxel_mm,
        tuple(answer for answer in answers if isinstance(answer, NotSimulated)),
        (
            *begun.bone.notes,
            *LIMITS,
            *_reached(begun),
            *_needles(plan),
            *(() if balloons is None else BALLOON_LIMITS),
            *gain,
        ),
        _assumptions(course, years, beside, told, balloons, intact),
    )


def _balloons(
    spine: Spine, plan: Plan, begun: CourseStart, progress: Progress, workers: Workers | None
) -> BalloonOutcome | NotSimulated:
    """What the balloons do, to the height that the neighbours let expect where there are enough of them."""
    if not begun.bone.is_absolute:
        reason = "the density of this CT has no calibration (grade 5): a load in newtons has no meaning beside it"
        return NotSimulated("what the balloons do", reason)
    settings = BalloonSettings(intact_mm=_intact(spine, plan))
    return compare_preload(
        begun.body,
        plan,
        settings=settings,
        progress=lambda share, what: progress(0.2 + 0.4 * share, what),
        workers=workers,
    )


def _intact(spine: Spine, plan: Plan) -> tuple[float, float, float] | None:
    measured = {vertebra.level: measure_heights(vertebra) for vertebra in spine}
    known = {level: heights for level, heights in measured.items() if not isinstance(heights, str)}
    reference = find_references(known).get(plan.level)
    if reference is None or isinstance(reference, str):
        return None
    front, middle, back = (reference.heights_mm[site] for site in SITES)
    return front, middle, back


def _injected(
    spine: Spine,
    plan: Plan,
    begun: CourseStart,
    lifted: LiftedBody | None,
    cement: Cement | str,
    volume_ml: float | None,
    voxel_mm: float,
) -> BodyInjection | NotSimulated:
    """The plan's injection; unknown where the density has no calibration."""
    try:
        flow = begun.flow(voxel_mm)
    except InputError as error:
        if begun.bone.is_absolute:
            raise
        return NotSimulated("where the cement goes", str(error))
    if lifted is not None:
        flow = lifted_flow(flow, lifted, plan)
    return simulate_injection(spine, plan, cement=cement, volume_ml=volume_ml, flow=flow)


@dataclass(frozen=True, eq=False)
class _Filled:
    """A broken body with cement in it."""

    bone: BoneModel
    saturation: Volume  # of the pores, on a grid of the body before any lift
    damage: NDArray[Any]
    creeps: NDArray[Any]  # share of each voxel that is no cement

    @cached_property
    def creep(self) -> CreepCompliance:
        """How it gives way over time; found when it is first asked for."""
        return find_creep_compliance(self.bone, self.damage, creeps=self.creeps)


def _filled(begun: CourseStart, lifted: LiftedBody | None, injection: BodyInjection) -> _Filled:
    geometry = injection.cement_share.geometry
    full = np.clip(injection.result.saturation, 0, 1)
    saturation = Volume(full, geometry, "1")
    if lifted is None:
        bare, damage, cavity = begun.body.pressed_bone, np.asarray(begun.body.damage.field), None
        bone = filled_with_cement(bare, saturation)
    else:
        bare, damage = lifted_bone(lifted)
        cavity = np.asarray(injection.flow.cavity)
        in_bone, in_cavity = (Volume(full * where, geometry, "1") for where in (~cavity, cavity))
        bone = filled_with_cement(bare, in_bone, cavity=in_cavity)
    still = np.minimum(averaged_on(saturation, bone.density.geometry), 1.0)
    if lifted is not None:
        saturation = pulled_back(saturation, lifted, begun.bone.density.geometry)
    return _Filled(bone, saturation, damage, 1 - still)


def raised_by(course: HeightCourse, lift: BalloonLift) -> HeightCourse:
    """The course from the height that balloons left: over the CT, not over the body that the preload had pressed."""
    gain = lift.gain_on_ct_mm
    back, front = depth_range(lift.body.bone)
    return raised(course, gain, wedge_deg(gain[0] - gain[2], front - back))


def _standing(spine: Spine, plan: Plan, start: CourseStart) -> StandingLoad | NotSimulated:
    """The load of standing, or why it is unknown."""
    if not start.bone.is_absolute:
        return NotSimulated(YEAR, "the density of this CT has no calibration (grade 5), so no newtons are known")
    patient = None if spine.study is None else spine.study.patient
    loads = estimate_loads(
        plan.level,
        weight_kg=None if patient is None else patient.weight_kg,
        height_cm=None if patient is None else patient.height_cm,
        per_level_mm=mean_step(spine),
        kyphosis_deg=WEDGE_DEG,
    )
    upright = next(load for load in loads if load.activity is Activity.STANDING)
    if upright.force_n is None:
        return NotSimulated(YEAR, upright.reason or "unknown")
    if upright.uncompensated_n is None:
        return NotSimulated(YEAR, "the height is not in the record")
    more = (upright.uncompensated_n - upright.force_n) / WEDGE_DEG
    return StandingLoad(upright.force_n, more, line_of_standing(start.creep_whole))


def _heights(
    start: CourseStart, filled: _Filled | None, load: StandingLoad, shaped_n: float, seed: int
) -> tuple[HeightCourse, ...]:
    """`shaped_n`: the load under which the cement of a lifted body hardened."""
    if filled is not None:
        return (follow_height(filled.creep, load, shaped_under_n=shaped_n, seed=seed),)
    return (
        follow_height(start.creep_broken, load, seed=seed),
        follow_height(start.creep_broken, load, whole=start.creep_whole, seed=seed),
    )


def _neighbours(start: CourseStart, filled: _Filled, wedge: float | None) -> tuple[NeighbourEffect, ...] | NotSimulated:
    """The vertebrae beside the treated one, with the wedge that stays, or why they are unknown."""
    try:
        model = start.segment
    except InputError as error:
        return NotSimulated("load on the neighbours", str(error))
    geometry = model.model.geometry
    lost = averaged_on(Volume(np.asarray(start.body.damage.field), start.bone.density.geometry, "1"), geometry)
    before = model.model.modulus * (1 - lost)
    share = averaged_on(filled.saturation, geometry)
    after, _ = partly_filled(before, np.zeros_like(before), model.model.poisson, share, acrylic())
    more = None if wedge is None else wedge_force_ratios(start.spine, model.levels, wedge)
    return compare_neighbours(model, before, after, force_ratios=more)


def _reached(start: CourseStart) -> tuple[str, ...]:
    if start.body.damage.reached:
        return ()
    return (f"the damaged body keeps {start.body.damage.stiffness_left:.0%} of its stiffness: more could not be taken",)


def _gain(after: Mechanics, broken: Mechanics, injection: BodyInjection) -> tuple[str, ...]:
    contact = injection.contact_superior, injection.contact_inferior
    return (composite.gain_note(after.strength.failure_n, broken.strength.failure_n, contact),)


def _needles(plan: Plan) -> tuple[str, ...]:
    if all(needle.access_class is not None for needle in plan.needles):
        return ()
    return ("needles of this plan are for orientation only on this CT: so is where their cement goes",)


def _assumptions(
    course: Course,
    heights: tuple[HeightCourse, ...],
    neighbours: tuple[NeighbourEffect, ...],
    cement: object,
    balloons: BalloonOutcome | None,
    intact: tuple[float, float, float] | None,
) -> tuple[str, ...]:
    told = [damage.ASSUMED]
    if balloons is not None:
        told += [*balloons.loaded.assumptions, lifted_body.ASSUMED]
    if heights:
        told += [height_course.ASSUMED, f"{LOADS_ASSUMED}"]
    if course is not Course.UNTREATED:
        told.append(composite.ASSUMED)
    if neighbours:
        told.append(segment.ASSUMED)
    if any(one.strain_by_wedge is not None for one in neighbours):
        told += [WEDGE_ASSUMED, *(() if intact else (LEVEL_ASSUMED,))]
    if isinstance(cement, BodyInjection):
        told += [*cement.assumptions, *HEAT_LIMITS]
    return tuple(dict.fromkeys(told))
