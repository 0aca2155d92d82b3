"""One call for every course: doing nothing, cement, or cement after a balloon."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spondyl.errors import InputError
from spondyl.planning import Plan
from spondyl.simulation import composite, damage, height_course, segment
from spondyl.simulation.body_injection import BodyInjection, simulate_injection
from spondyl.simulation.bone import BoneModel
from spondyl.simulation.cement import Cement
from spondyl.simulation.composite import acrylic, averaged_on, filled_with_cement, partly_filled
from spondyl.simulation.course_start import CourseStart, start_courses
from spondyl.simulation.creep import CreepCompliance, find_creep_compliance
from spondyl.simulation.height_course import HeightCourse, StandingLoad, follow_height, line_of_standing
from spondyl.simulation.loads import ASSUMED as LOADS_ASSUMED
from spondyl.simulation.loads import Activity, estimate_loads, mean_step
from spondyl.simulation.mechanics import measure_mechanics
from spondyl.simulation.neighbours import NeighbourEffect, compare_neighbours
from spondyl.simulation.segment import build_segment_model
from spondyl.simulation.types import Course, NotSimulated, Simulation
from spondyl.space import Volume
from spondyl.spine import Spine
from spondyl.studies import Progress
from spondyl.studies.progress import silent

WEDGE_DEG = 10.0  # by which the load of a wedge is found; it grows about evenly with the angle
YEAR = "height over the year"
LIMITS = (
    "Models of one body, or of three with their discs: no patient was compared with them.",
    "The whole body is an estimate: the present shape and density without the cracks of the fracture.",
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

    Raises
    ------
    InputError
        For a level that is cut or has no separable body, a tip outside bone, more cement than there is room for.
    NotConverged
        Where a load path cannot be balanced.
    """
    course = Course.of(plan)
    if course is Course.KYPHOPLASTY:
        raise InputError(
            "a course with balloons is not simulated as a whole yet: `inflate_balloons` gives their lift alone; leave "
            "them out of the plan to simulate its cement"
        )
    progress(0.0, f"the body of {plan.level.name}, whole and broken")
    begun = start_courses(spine, plan.level, voxel_mm=voxel_mm) if start is None else start
    progress(0.4, "injecting cement")
    injection = None if course is Course.UNTREATED else _injected(spine, plan, begun, cement, volume_ml, flow_voxel_mm)
    filled = _filled(begun, injection) if isinstance(injection, BodyInjection) else None
    progress(0.7, "a year of standing and lying")
    standing = _standing(spine, plan, begun)
    heights = _heights(begun, filled, standing, seed) if isinstance(standing, StandingLoad) else standing
    progress(0.9, "the vertebrae beside it")
    neighbours = () if filled is None else _neighbours(spine, begun, filled, voxel_mm)
    answers = injection, heights, neighbours
    told = None if isinstance(injection, NotSimulated) else injection
    years = () if isinstance(heights, NotSimulated) else heights
    beside = () if isinstance(neighbours, NotSimulated) else neighbours
    progress(1.0, "done")
    return Simulation(
        plan,
        course,
        begun.whole,
        begun.broken,
        None if filled is None else measure_mechanics(filled.bone),
        told,
        years,
        beside,
        begun.bone.calibration,
        begun.bone.voxel_mm,
        tuple(answer for answer in answers if isinstance(answer, NotSimulated)),
        (*begun.bone.notes, *LIMITS, *_reached(begun), *_needles(plan)),
        _assumptions(course, years, beside, told),
    )


def _injected(
    spine: Spine,
    plan: Plan,
    start: CourseStart,
    cement: Cement | str,
    volume_ml: float | None,
    voxel_mm: float,
) -> BodyInjection | NotSimulated:
    """The plan's injection; unknown where the density has no calibration."""
    try:
        return simulate_injection(spine, plan, cement=cement, volume_ml=volume_ml, voxel_mm=voxel_mm)
    except InputError as error:
        if start.bone.is_absolute:
            raise
        return NotSimulated("where the cement goes", str(error))


@dataclass(frozen=True, eq=False)
class _Filled:
    """A broken body with cement in it."""

    bone: BoneModel
    saturation: Volume
    creep: CreepCompliance


def _filled(start: CourseStart, injection: BodyInjection) -> _Filled:
    saturation = Volume(np.clip(injection.result.saturation, 0, 1), injection.cement_share.geometry, "1")
    bone = filled_with_cement(start.body.pressed_bone, saturation)
    still = averaged_on(saturation, bone.density.geometry)
    creep = find_creep_compliance(bone, np.asarray(start.body.damage.field), creeps=1 - still)
    return _Filled(bone, saturation, creep)


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


def _heights(start: CourseStart, filled: _Filled | None, load: StandingLoad, seed: int) -> tuple[HeightCourse, ...]:
    if filled is not None:
        return (follow_height(filled.creep, load, seed=seed),)
    return (
        follow_height(start.creep_broken, load, seed=seed),
        follow_height(start.creep_broken, load, whole=start.creep_whole, seed=seed),
    )


def _neighbours(
    spine: Spine, start: CourseStart, filled: _Filled, voxel_mm: float
) -> tuple[NeighbourEffect, ...] | NotSimulated:
    """The vertebrae beside the treated one, or why they are unknown."""
    try:
        model = build_segment_model(spine, start.bone.level, voxel_mm=voxel_mm)
    except InputError as error:
        return NotSimulated("load on the neighbours", str(error))
    geometry = model.model.geometry
    lost = averaged_on(Volume(np.asarray(start.body.damage.field), start.bone.density.geometry, "1"), geometry)
    before = model.model.modulus * (1 - lost)
    share = averaged_on(filled.saturation, geometry)
    after, _ = partly_filled(before, np.zeros_like(before), model.model.poisson, share, acrylic())
    return compare_neighbours(model, before, after)


def _reached(start: CourseStart) -> tuple[str, ...]:
    if start.body.damage.reached:
        return ()
    return (f"the damaged body keeps {start.body.damage.stiffness_left:.0%} of its stiffness: more could not be taken",)


def _needles(plan: Plan) -> tuple[str, ...]:
    if all(needle.access_class is not None for needle in plan.needles):
        return ()
    return ("needles of this plan are for orientation only on this CT: so is where their cement goes",)


def _assumptions(
    course: Course, heights: tuple[HeightCourse, ...], neighbours: tuple[NeighbourEffect, ...], cement: object
) -> tuple[str, ...]:
    told = [damage.ASSUMED]
    if heights:
        told += [height_course.ASSUMED, f"{LOADS_ASSUMED}"]
    if course is not Course.UNTREATED:
        told.append(composite.ASSUMED)
    if neighbours:
        told.append(segment.ASSUMED)
    if isinstance(cement, BodyInjection):
        told += cement.assumptions
    return tuple(dict.fromkeys(told))
