"""Height and wedge of a body over a year of standing and lying, as a fan over what is not known (handbook 7).

The force of a day is its mean over hours upright and hours lying; a body that wedges forward moves the trunk forward,
and what posture does not make good the muscles add to the force. Creep goes on at the rate that the time since the
start gives for the force at hand. Small strains, and one body alone: its neighbours neither give way nor help. Beyond
`LIMIT` of the height the model ends, and the share of runs that came so far is told.

Nothing here is fitted to patients. The fan is that of the brackets below, not a forecast.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import log, sqrt
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spondyl.errors import InputError
from spondyl.evidence import find_parameter
from spondyl.findings.heights import DEFAULT_DEFINITION, SITES
from spondyl.simulation.creep import SPREAD_OF_SPECIMENS, CreepCompliance, CreepLaw, creep_shape, measured_ratio
from spondyl.simulation.loads import SPREAD

Array = NDArray[Any]

DAYS = (0.0, 1.0, 3.0, 7.0, 14.0, 30.0, 60.0, 90.0, 180.0, 365.0)
LIMIT = 0.3  # of the body's height: beyond it small strains mean nothing
RUNS = 400
_STEPS = 120  # over the year, finer at its start; twice as many change the medians by less than 1 %
_FIRST_DAY = 0.01
_SITES = tuple(
    sum(DEFAULT_DEFINITION.band(site)) / 2 for site in SITES
)  # middles of the bands, of the depth from front

# Brackets without a published figure for patients, each drawn evenly between its ends.
BRACKETS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "upright_hours": (8.0, 16.0),  # of a day
        "lasting_share": (0.2, 0.8),
        "time_constant_h": (0.25, 1.0),
        "exponent": (0.1, 0.3),
        "compensated": (0.0, 1.0),  # of the forward shift, by posture
        "healing_days": (30.0, 120.0),
    }
)
ASSUMED = (
    "course of height: creep measured over two hours is carried on to a year by brackets of its law; 8 to 16 hours "
    "upright a day; posture makes good anything from none to all of a forward shift; bone heals not at all, or with a "
    "time constant of 30 to 120 days (two separate fans)"
)


@dataclass(frozen=True)
class StandingLoad:
    """What a body bears upright, and how that grows as it wedges."""

    force_n: float
    per_wedge_n_deg: float  # added by each degree of wedge where posture makes good nothing
    forward_mm: float  # of the line of force from the middle of the upper platen

    def __post_init__(self) -> None:
        if self.force_n <= 0 or self.per_wedge_n_deg < 0:
            raise InputError("a standing load is above 0 N, and does not fall as the body wedges")


@dataclass(frozen=True)
class Fan:
    """Middle and 95 % range of a quantity over the runs, one value for each day."""

    middle: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True)
class HeightCourse:
    """Shortening since the CT, under the force of standing, over `days`; below 0: higher than on the CT.

    At the middles of the bands where `findings` measures heights. The CT shows the patient lying; its shape is taken
    as that without load.
    """

    days: tuple[float, ...]
    front_mm: Fan
    middle_mm: Fan
    back_mm: Fan
    wedge_deg: Fan  # added; positive: the front lost more
    beyond_share: tuple[float, ...]  # of runs that passed `LIMIT`, by day; these stay at it
    heals: bool
    runs: int
    seed: int


def follow_height(
    compliance: CreepCompliance,
    load: StandingLoad,
    *,
    whole: CreepCompliance | None = None,
    shaped_under_n: float = 0.0,
    runs: int = RUNS,
    seed: int = 0,
    days: tuple[float, ...] = DAYS,
) -> HeightCourse:
    """The fan of a body's shortening over these days.

    Parameters
    ----------
    compliance
        Of the body as it is: broken, or filled.
    whole
        Of the same body without damage: the course then heals towards it. None: no healing.
    shaped_under_n
        What lay evenly on the body while it took the shape that is counted from, as cement hardens under the load of
        a procedure: that much of its elastic shortening is in the shape already. 0: a shape without load.
    runs, seed
        Of the draws; the same seed gives the same fan.

    Raises
    ------
    InputError
        For fewer than 20 runs, or days that do not rise from 0.
    """
    if runs < 20:
        raise InputError(f"a fan of {runs} runs says nothing: expected at least 20")
    if days[0] != 0 or list(days) != sorted(set(days)):
        raise InputError("days rise from 0")
    drawn = _draw(np.random.default_rng(seed), runs)
    moved, beyond = _followed(compliance, load, drawn, whole, np.array(days))
    moved = moved - shaped_under_n * compliance.matrices[0][:, 0]
    at = [moved[..., 0] + moved[..., 1] * x for x in _places(compliance)]
    wedge = np.degrees(moved[..., 1])
    front_mm, middle_mm, back_mm, wedge_deg = (_fan(quantity) for quantity in (*at, wedge))
    shares = tuple(float(share) for share in beyond.mean(axis=1))
    heals = whole is not None
    return HeightCourse(tuple(days), front_mm, middle_mm, back_mm, wedge_deg, shares, heals, runs, seed)


def raised(course: HeightCourse, gain_mm: tuple[float, float, float], wedge_deg: float) -> HeightCourse:
    """The same course of a body that was lifted first: what is lost is counted from the height of the CT.

    `gain_mm` over the CT at front, middle and back, and the wedge that it took away; no doubt of the lift enters the
    fan.
    """
    fans = course.front_mm, course.middle_mm, course.back_mm, course.wedge_deg
    front, middle, back, wedge = (_less(fan, by) for fan, by in zip(fans, (*gain_mm, wedge_deg), strict=True))
    return replace(course, front_mm=front, middle_mm=middle, back_mm=back, wedge_deg=wedge)


def _places(compliance: CreepCompliance) -> tuple[float, float, float]:
    """Front, middle and back from the platen's middle, where heights are measured. [mm]"""
    back, front = compliance.reach_mm[:2]
    first, middle, last = (front - share * (front - back) for share in _SITES)
    return first, middle, last


def _less(fan: Fan, by: float) -> Fan:
    middle, low, high = (tuple(value - by for value in part) for part in (fan.middle, fan.low, fan.high))
    return Fan(middle, low, high)


def shortening(compliance: CreepCompliance, load: StandingLoad, law: CreepLaw, hours: float) -> tuple[float, float]:
    """Creep alone of front and back under a force that does not change, as a bench holds it. [mm]"""
    ratio = law.ratio(np.array(hours))
    change = compliance.at(ratio) - compliance.matrices[0]
    moved = change @ (load.force_n * np.array([1.0, load.forward_mm, 0.0]))
    back, front = compliance.reach_mm[:2]
    return float(moved[0] + moved[1] * front), float(moved[0] + moved[1] * back)


def line_of_standing(whole: CreepCompliance) -> float:
    """How far in front of the platen's middle the force must pass so that the whole body creeps as measured. [mm]

    Eleven old segments crept 2.46 times as much in front as at the back (case E21, calibration).
    """
    wanted = _creep("anterior") / _creep("posterior")
    back, front = whole.reach_mm[:2]
    middle, moment = (whole.matrices[0][:2, column] for column in (0, 1))
    ahead, behind = np.array([1.0, front]), np.array([1.0, back])
    return float((wanted * middle @ behind - middle @ ahead) / (moment @ ahead - wanted * moment @ behind))


@dataclass(frozen=True, eq=False)
class _Draws:
    """One value for each run."""

    ratio: Array
    lasting_share: Array
    time_constant_h: Array
    exponent: Array
    force: Array  # over that of the load
    lying: Array  # over that upright
    upright_hours: Array
    compensated: Array
    healing_days: Array


def _draw(generator: np.random.Generator, runs: int) -> _Draws:
    spread = sqrt(log(1 + SPREAD_OF_SPECIMENS**2))
    evenly = {name: generator.uniform(*ends, runs) for name, ends in BRACKETS.items()}
    lying = sorted(_pressure(name) / _pressure("relaxed_standing") for name in ("prone", "lateral_lying"))
    return _Draws(
        ratio=measured_ratio() * np.exp(generator.normal(-(spread**2) / 2, spread, runs)),
        force=np.exp(generator.normal(0.0, SPREAD, runs)),
        lying=generator.uniform(lying[0], lying[1], runs),
        **evenly,
    )


def _followed(
    compliance: CreepCompliance, load: StandingLoad, drawn: _Draws, whole: CreepCompliance | None, days: Array
) -> tuple[Array, Array]:
    """Shortening and slopes of each day and run, shape (days, runs, 3), and which runs passed the limit."""
    times = np.unique(np.concatenate([days, np.geomspace(_FIRST_DAY, max(days[-1], 2 * _FIRST_DAY), _STEPS)]))
    crept = np.zeros((len(drawn.force), 3))
    gone = np.zeros(len(drawn.force), bool)
    before = np.zeros(len(drawn.force))
    told, passed = [], []
    for start, now in zip(np.concatenate([[0.0], times[:-1]]), times, strict=True):
        wedge = np.degrees(np.maximum(crept[:, 1], 0.0))
        upright = drawn.force * load.force_n + (1 - drawn.compensated) * load.per_wedge_n_deg * wedge
        share = drawn.upright_hours / 24
        mean = upright * (share + (1 - share) * drawn.lying)
        ratio = _ratio(drawn, 24 * now)
        change = compliance.at(ratio) - compliance.at(before)
        if whole is not None:
            healed = -np.expm1(-(start + now) / 2 / drawn.healing_days)[:, None, None]
            change = (1 - healed) * change + healed * (whole.at(ratio) - whole.at(before))
        crept = np.where(gone[:, None], crept, crept + _moved(change, mean, load.forward_mm))
        before = ratio
        there = crept + _moved(np.broadcast_to(compliance.matrices[0], change.shape), upright, load.forward_mm)
        there, gone = _limited(there, compliance, gone)
        if np.isclose(days, now).any():
            told.append(there)
            passed.append(gone.copy())
    return np.stack(told), np.stack(passed)


def _moved(matrices: Array, force: Array, forward: float) -> Array:
    """Shortening and slopes of each run, shape (runs, 3)."""
    return np.asarray(matrices @ np.array([1.0, forward, 0.0]) * force[:, None])


def _limited(moved: Array, compliance: CreepCompliance, gone: NDArray[np.bool_]) -> tuple[Array, NDArray[np.bool_]]:
    """The same, scaled back to the limit where the front has passed it."""
    front = moved[:, 0] + moved[:, 1] * compliance.reach_mm[1]
    most = LIMIT * compliance.height_mm
    scale = np.where(front > most, most / np.maximum(front, 1e-12), 1.0)
    return moved * scale[:, None], gone | (front > most)


def _ratio(drawn: _Draws, hours: float) -> Array:
    """φ of each run after so many hours."""
    shape = creep_shape(np.array(hours), drawn.lasting_share, drawn.time_constant_h, drawn.exponent)
    return np.asarray(drawn.ratio * shape)


def _fan(quantity: Array) -> Fan:
    low, middle, high = np.quantile(quantity, (0.025, 0.5, 0.975), axis=1)
    return Fan(tuple(middle.tolist()), tuple(low.tolist()), tuple(high.tolist()))


def _creep(where: str) -> float:
    value = find_parameter(f"creep.pre_{where}_1p5kN_2h").value
    assert isinstance(value, int | float)
    return float(value)


def _pressure(name: str) -> float:
    value = find_parameter(f"idp_L45.{name}").value
    assert isinstance(value, int | float)
    return float(value)
