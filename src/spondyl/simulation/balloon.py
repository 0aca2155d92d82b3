"""Kyphoplasty's balloons: inflated in a broken body under load, deflated, and the cavity handed to the cement.

The bone is that of a `BoneModel` between its caps: crushable, hardening, damaged by flow, and locked once its pores are
used up. Its broken plane bears no tension. Each balloon has a volume of fluid of its own. See
docs/explanation/balloon.md for what this leaves out; nothing here was calibrated on patients.
"""

from __future__ import annotations

import numpy as np

from spondyl.errors import InputError
from spondyl.planning import Plan
from spondyl.simulation.balloon_course import run_course
from spondyl.simulation.balloon_device import find_device
from spondyl.simulation.balloon_records import BalloonLift, BalloonSettings
from spondyl.simulation.bone import BoneModel
from spondyl.simulation.broken_body import BrokenBody
from spondyl.studies.progress import Progress, silent


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


def retained_ratio(loaded: BalloonLift, free: BalloonLift) -> float | None:
    """Retained lift of the front under a preload over that without one; None where nothing was lifted without.

    Both hang on the assumed fracture, their ratio less so.
    """
    if loaded.body is not free.body and not np.array_equal(loaded.body.parted, free.body.parted):
        raise InputError("these two lifts are of different fractures: inflate the same BrokenBody twice")
    under, without = loaded.lift_mm()[0], free.lift_mm()[0]
    return under / without if without > 0.05 else None  # less than a twentieth of a mm is noise


def _check(bone: BoneModel, plan: Plan, preload_n: float) -> None:
    if plan.level is not bone.level:
        raise InputError(f"the plan is for {plan.level.name}, the bone model for {bone.level.name}: give both of one")
    if not plan.balloons:
        raise InputError("the plan has no balloon: plan with course 'kyphoplasty', or leave the balloons out")
    if not (np.isfinite(preload_n) and 0 <= preload_n <= 600):
        raise InputError(f"a preload of {preload_n:g} N; 0 to 600 N is expected, what lies on a body lying to standing")
