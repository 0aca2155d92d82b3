"""What vertebrae bear in daily life, by a free body of the trunk (handbook 2.2).

The weight above a level is held by one row of muscle behind the disc; the disc bears both. Three lengths are unknown:
how far the weight stands in front of the disc upright, how high its centre lies, and how far a load is held in front.
Each is what makes the disc pressures of one man of 70 kg come out (case E23), so that those say nothing about the
model; implants that measured forces do (case E24). All results are brackets for groups of people, not for one back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import pairwise
from math import cos, exp, radians, sin
from types import MappingProxyType

import numpy as np

from spondyl.evidence import find_parameter
from spondyl.spine import Level, Spine

GRAVITY = 9.81  # [m/s²]
SPREAD = 0.25  # relative standard deviation of a load, handbook 9
LEVELS = tuple(level for level in Level if Level.T12.order <= level.order <= Level.L5.order)

# Of the volunteer of E23: the mass stands in the evidence, the stature and how far he bent do not.
VOLUNTEER_KG, VOLUNTEER_CM = 70.0, 170.0
HELD_KG = 20.0
ASSUMED = (
    "loads: stature of the measured man (170 cm), his bends (36, 60 and 30 degrees) and no pressure of the belly are "
    "assumed; weights of body parts, disc area and the muscles' arm are not verified"
)


class Activity(StrEnum):
    """Activities that people ask about; those without a measured disc pressure have no load."""

    STANDING = "standing"
    BENT_FORWARD = "standing, bent forward"
    HOLDING_CLOSE = "holding 20 kg close"
    LIFTING_KNEES = "lifting 20 kg, knees bent"
    LIFTING_ROUND = "lifting 20 kg, back bent"
    COUGHING = "coughing or sneezing"


@dataclass(frozen=True)
class SpineLoad:
    """Compression of a level in one activity."""

    activity: Activity
    force_n: float | None  # None: unknown, see the reason
    low_n: float | None  # 95 % interval by the handbook's budget
    high_n: float | None
    uncompensated_n: float | None  # where a kyphosis is given: the trunk tilts with it; None: none is given
    reason: str | None


@dataclass(frozen=True)
class _Posture:
    """How an activity is held, and the measured pressure that its length was set by."""

    pressure: str
    bend_deg: float
    held_kg: float


_POSTURES: Mapping[Activity, _Posture] = MappingProxyType(
    {
        Activity.STANDING: _Posture("relaxed_standing", 0.0, 0.0),
        Activity.BENT_FORWARD: _Posture("standing_flexed", 36.0, 0.0),
        Activity.HOLDING_CLOSE: _Posture("hold20kg_close", 0.0, HELD_KG),
        Activity.LIFTING_KNEES: _Posture("lift20kg_bent_knees", 30.0, HELD_KG),
        Activity.LIFTING_ROUND: _Posture("lift20kg_round_back", 60.0, HELD_KG),
    }
)


def estimate_loads(
    level: Level | str,
    *,
    weight_kg: float | None,
    height_cm: float | None = None,
    per_level_mm: float | None = None,
    kyphosis_deg: float | None = None,
) -> tuple[SpineLoad, ...]:
    """Compression of a level in each activity; unknown, with the reason, where a fact is missing.

    Parameters
    ----------
    level
        T12 to L5: for others the weights and arms are not at hand.
    weight_kg, height_cm
        Of the person; lengths grow with the height.
    per_level_mm
        From one body to the next, as `mean_step` measures it: how much lower than the trunk's centre a level lies.
    kyphosis_deg
        By which a deformity bends the trunk forward beyond what is usual. Held upright by the muscles alone
        (uncompensated) it moves the weight forward; with a tilted pelvis it need not [bruno2012].

    Raises
    ------
    InputError
        For a name that is no level.
    """
    at = Level.parse(level) if isinstance(level, str) else level
    return tuple(_load(at, activity, weight_kg, height_cm, per_level_mm, kyphosis_deg) for activity in Activity)


def mean_step(spine: Spine) -> float | None:
    """Mean distance between the bodies of neighbouring levels from T12 to L5; None: no two are framed. [mm]"""
    framed = [v for v in spine if v.frame is not None and v.level in LEVELS]
    steps = [
        float(np.linalg.norm(upper.frame.origin - lower.frame.origin))
        for upper, lower in pairwise(framed)
        if upper.frame is not None and lower.frame is not None and lower.level.order == upper.level.order + 1
    ]
    return float(np.mean(steps)) if steps else None


def _load(
    level: Level,
    activity: Activity,
    weight_kg: float | None,
    height_cm: float | None,
    per_level_mm: float | None,
    kyphosis_deg: float | None,
) -> SpineLoad:
    reason = _missing(level, activity, weight_kg, height_cm, per_level_mm)
    if reason is not None:
        return SpineLoad(activity, None, None, None, None, reason)
    assert weight_kg is not None
    posture = _POSTURES[activity]
    scale = 1.0 if height_cm is None else height_cm / VOLUNTEER_CM
    step = (per_level_mm or 0.0) / 1000
    force = _compression(level, posture, weight_kg, scale, step, _arm_of_hands(activity))
    tilted = None
    if kyphosis_deg is not None and height_cm is not None:
        tilted = force + _tilt_force(level, posture, weight_kg, scale, step, kyphosis_deg)
    return SpineLoad(activity, force, force * exp(-1.96 * SPREAD), force * exp(1.96 * SPREAD), tilted, None)


def _missing(
    level: Level, activity: Activity, weight_kg: float | None, height_cm: float | None, per_level_mm: float | None
) -> str | None:
    """Why a load is unknown."""
    if level not in LEVELS:
        return f"{level.name}: weights and arms are at hand for T12 to L5 alone"
    if weight_kg is None:
        return "the weight is not in the record"
    if activity not in _POSTURES:
        return f"{activity}: no measured load was read, so it is unknown"
    if _POSTURES[activity].bend_deg and height_cm is None:
        return "the height is not in the record"
    if _POSTURES[activity].bend_deg and per_level_mm is None and level is not Level.L4:
        return "no two neighbouring bodies from T12 to L5 are seen whole, so the trunk's length is unknown"
    return None


def _compression(level: Level, posture: _Posture, weight_kg: float, scale: float, step: float, hands: float) -> float:
    """Weight along the spine and the muscles' pull; lengths in metres. [N]"""
    above, held = _above(level) * weight_kg * GRAVITY, posture.held_kg * GRAVITY
    bend, up = radians(posture.bend_deg), _up(level) * step
    moment = above * _upright() * scale + _first_moment(level, scale, step) * weight_kg * GRAVITY * sin(bend)
    moment += held * (hands * scale - up * sin(bend))
    return (above + held) * cos(bend) + moment / (_number("muscle.erector_arm") * scale)


def _tilt_force(
    level: Level, posture: _Posture, weight_kg: float, scale: float, step: float, kyphosis_deg: float
) -> float:
    """Pull of the muscles that a trunk bent further forward by a kyphosis needs. [N]"""
    bend, more = radians(posture.bend_deg), radians(kyphosis_deg)
    first = _first_moment(level, scale, step) * weight_kg * GRAVITY
    return max(0.0, first * (sin(min(bend + more, radians(90))) - sin(bend))) / (_number("muscle.erector_arm") * scale)


def _first_moment(level: Level, scale: float, step: float) -> float:
    """Share of the weight above a level times the height of its centre over that level. [m]"""
    upper, lower = _number("bw.above_T12"), _number("bw.abdomen")
    whole, span = (upper + lower) * _trunk_height() * scale, _up(Level.T12) * step
    up = _up(level) * step
    if up <= 0:
        return whole - (upper + lower) * up
    left = 1 - up / span
    over = (whole - lower * span / 2) / upper - span  # of what is above T12, over T12
    return upper * (span - up + over) + lower * left * (span - up) / 2


def _above(level: Level) -> float:
    """Share of the weight above a level: linear between T12 and L4, that of L4 below."""
    up = max(_up(level), 0) / _up(Level.T12)
    return _number("bw.above_L4") + up * (_number("bw.above_T12") - _number("bw.above_L4"))


def _up(level: Level) -> float:
    """Levels from L4 to the head."""
    return Level.L4.order - level.order


@cache
def _upright() -> float:
    """How far the weight stands in front of the disc, from the pressure of standing. [m]"""
    above = _above(Level.L4) * VOLUNTEER_KG * GRAVITY
    return (_measured(Activity.STANDING) - above) * _number("muscle.erector_arm") / above


@cache
def _trunk_height() -> float:
    """How high the centre of the weight lies over L4, from the pressure of standing bent forward. [m]"""
    above, bend = _above(Level.L4) * VOLUNTEER_KG * GRAVITY, radians(_POSTURES[Activity.BENT_FORWARD].bend_deg)
    moment = (_measured(Activity.BENT_FORWARD) - above * cos(bend)) * _number("muscle.erector_arm")
    return (moment / above - _upright()) / sin(bend)


@cache
def _arm_of_hands(activity: Activity) -> float:
    """How far a held load is in front of L4, from the pressure measured with it. [m]"""
    posture = _POSTURES[activity]
    if not posture.held_kg:
        return 0.0
    without = _compression(Level.L4, posture, VOLUNTEER_KG, 1.0, 0.0, 0.0)
    return (_measured(activity) - without) * _number("muscle.erector_arm") / (posture.held_kg * GRAVITY)


def _measured(activity: Activity) -> float:
    """Force on the disc of the measured man. [N]"""
    factor = _number("idp.force_correction") * _number("idp.area_L45")
    return _number(f"idp_L45.{_POSTURES[activity].pressure}") * factor


def _number(name: str) -> float:
    value = find_parameter(name).value
    assert isinstance(value, int | float)
    return float(value)
