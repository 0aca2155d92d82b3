"""Kyphoplasty's balloons: inflated in a broken body under load, deflated, and the cavity handed to the cement.

The bone is that of a `BoneModel` between its caps: crushable, hardening, damaged by flow, and locked once its pores are
used up. Its broken plane bears no tension. Each balloon has a volume of fluid of its own. See
docs/explanation/balloon.md for what this leaves out; nothing here was calibrated on patients.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from spondyl.errors import InputError
from spondyl.evidence import find_parameter
from spondyl.planning import Plan
from spondyl.simulation.balloon_course import run_course
from spondyl.simulation.balloon_device import find_device
from spondyl.simulation.balloon_records import BalloonLift, BalloonOutcome, BalloonSettings
from spondyl.simulation.bone import BoneModel
from spondyl.simulation.broken_body import BrokenBody
from spondyl.studies.progress import Progress, silent
from spondyl.studies.workers import Workers, begin


def inflate_balloons(
    body: BrokenBody,
    plan: Plan,
    *,
    preload_n: float,
    settings: BalloonSettings | None = None,
    progress: Progress = silent,
) -> BalloonLift:
    """Inflate a plan's balloons in a broken body under a preload, and deflate them.

    Inflation ends at the volume, at the restored height, at the rated pressure, or where a side wall is near; all
    balloons end together. Then the pressure goes to 0 under the preload.

    Parameters
    ----------
    body
        From `break_bone`, of a bone model of the body alone (voxels of 1 or 2 mm) whose vertebra's endplates and walls
        were found; its plane opens, its damage makes what is behind the plane softer.
    plan
        With balloons, of the same level (`plan_augmentation(..., course="kyphoplasty")`).
    preload_n
        On the upper cap, evenly, along the cranial axis, 0 to 600: what muscles, or a test rig, hold.

    Raises
    ------
    InputError
        For a plan without balloons or of another level, a balloon that starts outside the bone, heights that cannot
        be measured, or a preload outside 0 to 600 N.
    NotConverged
        Where a stage cannot be balanced, as when the preload crushes the body.
    """
    chosen = settings or BalloonSettings()
    _check(body.bone, plan, preload_n)
    devices = [chosen.device or find_device(balloon.length_mm) for balloon in plan.balloons]
    return run_course(body, plan.balloons, devices, preload_n, chosen, progress)


def compare_preload(
    body: BrokenBody,
    plan: Plan,
    *,
    preload_n: float | None = None,
    settings: BalloonSettings | None = None,
    progress: Progress = silent,
    workers: Workers | None = None,
) -> BalloonOutcome:
    """The balloons of a plan under the load of a procedure, and without any; arguments as of `inflate_balloons`.

    `preload_n` left out: what was held on segments that were treated in the laboratory (tivad2022). With workers that
    are up, one of them does without load meanwhile; neither needs anything of the other.
    """
    unloaded = begin(workers, partial(inflate_balloons, preload_n=0.0, settings=settings), body, plan)
    loaded = inflate_balloons(
        body,
        plan,
        preload_n=procedure_preload() if preload_n is None else preload_n,
        settings=settings,
        progress=lambda share, what: progress(0.65 * share, what),
    )
    progress(0.65, "without load")
    return BalloonOutcome(loaded, unloaded())


def procedure_preload() -> float:
    """What lies on the body while it is treated. [N]"""
    value = find_parameter("protocol.procedure_preload").value
    assert isinstance(value, int | float)
    return float(value)


def _check(bone: BoneModel, plan: Plan, preload_n: float) -> None:
    if plan.level is not bone.level:
        raise InputError(f"the plan is for {plan.level.name}, the bone model for {bone.level.name}: give both of one")
    if not plan.balloons:
        raise InputError("the plan has no balloon: plan with course 'kyphoplasty', or leave the balloons out")
    if not (np.isfinite(preload_n) and 0 <= preload_n <= 600):
        raise InputError(f"a preload of {preload_n:g} N; 0 to 600 N is expected, what lies on a body lying to standing")
