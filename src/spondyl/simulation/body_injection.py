"""The injection of a plan into a patient's vertebral body: where cement lies, at what pressure, and what leaked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from spondyl.errors import InputError
from spondyl.planning import Plan
from spondyl.simulation.cement import Cement, find_cement
from spondyl.simulation.flow_model import FlowModel, build_flow_model, draw_factor, injection_model, with_tracks
from spondyl.simulation.injection import inject
from spondyl.simulation.injection_records import InjectionResult, InjectionSettings, Needle, Portion
from spondyl.simulation.openings import LeakPath, Opening
from spondyl.simulation.permeability import Scenario, find_scenario
from spondyl.space import Geometry, Volume
from spondyl.spine import Spine

Array = NDArray[Any]

FLOW_ML_PER_MIN = 4.0  # the handbook's example, as is the length of the cannula
START_MIN = 5.0  # after mixing: a choice
PRESSURE_LIMIT_MPA = 3.0  # at the syringe, a hand's: a choice, no source was read
BORE_OF_OUTER = 0.8  # inner over outer diameter of a cannula: a choice
TOUCHES = 0.5  # share of the pores from which a voxel under an endplate counts as reached

ASSUMPTIONS = (
    f"where nothing else is given: {FLOW_ML_PER_MIN:g} mL/min, from {START_MIN:g} min after mixing, at most "
    f"{PRESSURE_LIMIT_MPA:g} MPa at the syringe, a cannula of 120 mm whose bore is {BORE_OF_OUTER:g} of its outer "
    "diameter; these are choices",
)
LIMITS = (
    "A model, not calibrated on patients: use it to compare plans, not to decide whether one is safe.",
    "At a given flow, and far above marrow's viscosity, the cement's shape hangs on the bone alone: what makes thicker "
    "cement leak less in experiments is in here only as pressure limit, curing and thin early cement.",
)


@dataclass(frozen=True)
class PathLeak:
    """Cement that left the body by one path."""

    path: LeakPath
    openings: tuple[str, ...]  # that lead there; empty: none in the model
    volume_ml: float
    first_min: float | None  # after mixing; None: never


@dataclass(frozen=True, eq=False)
class BodyInjection:
    """One injection into one body, by a model. Volumes lie on a grid of the vertebra's own axes, in patient mm."""

    plan: Plan
    scenario: Scenario
    cement: Cement
    schedule: tuple[Portion, ...]
    flow: FlowModel  # pores and ways out, with the tracks of the needles
    cement_share: Volume  # of each voxel's whole volume that is cement [1]
    result: InjectionResult  # pressures, saturation of the pores, entry times
    leaks: tuple[PathLeak, ...]  # by every path
    contact_superior: float  # share of the endplate's area whose bone below it is reached
    contact_inferior: float
    left_share: float  # of the cement in the body, on the patient's left
    stop_reason: str
    notes: tuple[str, ...]
    assumptions: tuple[str, ...]

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, item.name) for item in fields(self))

    @property
    def fill(self) -> float:
        """Cement in the body over the body's volume."""
        return self.result.in_bone_ml / self.flow.body_ml

    @property
    def leaked_ml(self) -> float:
        """By all paths."""
        return sum(leak.volume_ml for leak in self.leaks)

    def leak(self, path: LeakPath | str) -> PathLeak:
        """The leak of one path."""
        wanted = LeakPath(path)
        return next(leak for leak in self.leaks if leak.path is wanted)


def simulate_injection(
    spine: Spine,
    plan: Plan,
    *,
    cement: Cement | str = "generic-medium",
    volume_ml: float | None = None,
    flow_ml_per_min: float = FLOW_ML_PER_MIN,
    start_min: float = START_MIN,
    pressure_limit_mpa: float | None = PRESSURE_LIMIT_MPA,
    scenario: Scenario | str = Scenario.MIDDLE,
    voxel_mm: float = 1.0,
    marrow: Literal["lumped", "full"] = "lumped",
    generator: Generator | None = None,
    flow: FlowModel | None = None,
) -> BodyInjection:
    """Inject the cement of a plan through its needles, one after the other, in equal portions.

    Parameters
    ----------
    cement
        Or the name of a generic one.
    volume_ml
        In all; None: the middle of the plan's own bracket.
    pressure_limit_mpa
        At the syringe; the flow falls to keep it. None: a pump that never gives way.
    scenario
        "low", "middle" or "high" permeability.
    generator
        For a random field of permeability about that of the CT; None: that of the CT alone.
    flow
        The body's model where it is there already (`build_flow_model`); `voxel_mm` is then its own.

    Raises
    ------
    InputError
        For a plan without needles, a body without calibrated density, a tip outside bone, more cement than pores.
    """
    chosen = find_cement(cement) if isinstance(cement, str) else cement
    which = find_scenario(scenario)
    asked = planned_volume(plan) if volume_ml is None else volume_ml
    body = build_flow_model(spine, plan.level, voxel_mm=voxel_mm) if flow is None else flow
    if body.level is not plan.level:
        raise InputError(f"the model is of {body.level.name} and the plan of {plan.level.name}; one level is expected")
    schedule = portions(plan, asked, flow_ml_per_min, start_min, tips=body.tips)
    tracked = with_tracks(body, plan.needles)
    factor = None if generator is None else draw_factor(tracked, generator)
    model = injection_model(tracked, reference_m2=which.reference_m2, factor=factor)
    settings = InjectionSettings(pressure_limit_mpa=pressure_limit_mpa, marrow=marrow)
    result = inject(model, schedule, chosen, settings)
    share = result.saturation * model.porosity
    above, below = (_contact(result.saturation, body.bone, up=up) for up in (True, False))
    return BodyInjection(
        plan,
        which,
        chosen,
        schedule,
        tracked,
        Volume(share, body.geometry, "1"),
        result,
        leaks_by_path(result, tracked.openings),
        above,
        below,
        _left_share(share, body),
        _stop_reason(result),
        (*body.notes, *LIMITS, *result.warnings),
        (*result.assumptions, *body.assumptions, *ASSUMPTIONS),
    )


def planned_volume(plan: Plan) -> float:
    """The middle of the plan's bracket of cement. [ml]"""
    if not plan.needles or plan.cement is None:
        raise InputError(
            f"the plan of {plan.level.name} has no needle or no cement: nothing is injected; a plan with needles, from "
            "plan_augmentation, is expected"
        )
    return (plan.cement.low_ml + plan.cement.high_ml) / 2


def portions(
    plan: Plan,
    volume_ml: float,
    flow_ml_per_min: float,
    start_min: float,
    *,
    tips: Sequence[tuple[float, float, float]] | None = None,
) -> tuple[Portion, ...]:
    """The volume in equal portions, one a needle, each as soon as the one before is in.

    `tips`: where each lets its cement out; None: at the needles' ends. [patient mm]
    """
    if not plan.needles:
        raise InputError(f"the plan of {plan.level.name} has no needle: nothing can be injected")
    each = volume_ml / len(plan.needles)
    made = []
    for number, needle in enumerate(plan.needles):
        x, y, z = (float(value) for value in (needle.target if tips is None else tips[number]))
        tip = Needle((x, y, z), bore_mm=BORE_OF_OUTER * needle.outer_diameter_mm)
        made.append(Portion(tip, each, flow_ml_per_min, start_min + number * each / flow_ml_per_min))
    return tuple(made)


def leaks_by_path(result: InjectionResult, openings: Sequence[Opening]) -> tuple[PathLeak, ...]:
    """What left by each path, also by those that have no opening."""
    by_name = {leak.outlet.name: leak for leak in result.leaks}
    found = []
    for path in LeakPath:
        names = tuple(opening.name for opening in openings if opening.path is path)
        leaks = [by_name[name] for name in names]
        first = [leak.first_min for leak in leaks if leak.first_min is not None]
        found.append(PathLeak(path, names, sum(leak.volume_ml for leak in leaks), min(first, default=None)))
    return tuple(found)


def cement_on(injection: BodyInjection, geometry: Geometry) -> Volume:
    """Share of cement in the voxels of another grid of the same patient, such as the CT's."""
    return injection.cement_share.resampled(geometry)


def _contact(saturation: Array, bone: NDArray[np.bool_], *, up: bool) -> float:
    """Share of the grid columns of bone whose last voxel at one end is reached."""
    solid, filled = (field if up else field[..., ::-1] for field in (bone, saturation >= TOUCHES))
    last = bone.shape[2] - 1 - solid[..., ::-1].argmax(axis=2)
    columns = solid.any(axis=2)
    ends = np.take_along_axis(filled, last[..., None], axis=2)[..., 0]
    return float(ends[columns].mean())


def _left_share(share: Array, body: FlowModel) -> float:
    edge = float(body.geometry.spacing_mm[0])
    on_left = np.clip(body.local_mm[..., 2] / edge + 0.5, 0.0, 1.0)  # voxels on the midline count half
    return float((share * on_left).sum() / share.sum())


def _stop_reason(result: InjectionResult) -> str:
    if result.injected_ml >= result.asked_ml * (1 - 1e-9):
        return "all of the cement is in"
    return f"{result.injected_ml:.2f} of {result.asked_ml:.2f} mL went in: {result.stopped_by}"
