"""How much force a vertebra bears between its ends, by its load path and by faster estimates."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, sqrt

import numpy as np

from spondyl.errors import InputError
from spondyl.numerics.plasticity import CRUSHABLE
from spondyl.simulation.between_platens import CurvePoint, PlatenResponse, solve_voxel_model
from spondyl.simulation.bone import BoneModel
from spondyl.simulation.linear_estimates import MAPS, LinearEstimates, estimate_linear, find_map
from spondyl.simulation.load_path import follow_load_path

FAILURE_STRAIN = 0.019  # where no peak comes before, handbook 1.5
STEPS = 10
# Relative standard deviations of handbook 9, which calls them suggested; density's is that of its grade.
LAW_SPREAD, MODEL_SPREAD = 0.30, 0.20
DENSITY_POWER = 1.39  # of the yield stress on density


@dataclass(frozen=True)
class Strength:
    """Stiffness and failure load of one vertebra as modelled; nobody's bone was tested."""

    failure_n: float
    failure_low_n: float  # 95 % interval of the budget of handbook 9
    failure_high_n: float
    method: str  # "load_path", or "linear": Crawford's estimate through the map of `linear_estimates`
    has_peak: bool | None  # False: the force at 1.9 % of apparent strain; None: no path was followed
    curve: tuple[CurvePoint, ...] | None
    linear: LinearEstimates
    mapped_n: float | None  # the failure load that goes with Crawford's estimate; None: no map for these voxels
    height_mm: float
    voxels: int

    @property
    def stiffness_n_per_mm(self) -> float:
        """Before anything yields."""
        return self.linear.stiffness_n_per_mm


def estimate_strength(bone: BoneModel, *, steps: int = STEPS, path: PlatenResponse | None = None) -> Strength:
    """Failure load by crushable plasticity, and the linear estimates.

    Bone that is squeezed loses volume, so it yields under pressure too (handbook 1.6). Von Mises does not, and plain
    voxels lock under it: a cylinder of one strength between glued ends read 1.5 to 1.8 of its yield load at 2 %, where
    upsetting allows 1.2; this law reads 1.03 to 1.07.

    Where `bone.is_absolute` is False only ratios between levels of the same CT have a meaning.

    Parameters
    ----------
    bone
        From `build_bone_model`; its displacement should reach 2 % of the height.
    steps
        Equal steps of the load path.
    path
        The load path, where `press_bone` followed it before.

    Raises
    ------
    NotConverged
        Where a step cannot be balanced.
    """
    answer = solve_voxel_model(bone.model)
    linear = estimate_linear(bone, answer)
    pressed = press_bone(bone, steps=steps) if path is None else path
    assert pressed.curve is not None
    failure, has_peak = _failure(pressed.curve, bone.height_mm)
    low, high = _interval(failure, bone)
    mapped = _mapped(bone, linear)
    return Strength(
        failure, low, high, "load_path", has_peak, pressed.curve, linear, mapped, bone.height_mm, answer.voxels
    )


def estimate_strength_linear(bone: BoneModel) -> Strength:
    """Failure load from a linear answer alone, by the map that was measured between the two.

    The interval holds the scatter of the map besides the budget of `estimate_strength`.

    Raises
    ------
    InputError
        For voxels of a size without a map.
    """
    answer = solve_voxel_model(bone.model)
    linear = estimate_linear(bone, answer)
    known, mapped = find_map(bone.voxel_mm), _mapped(bone, linear)
    if known is None or mapped is None:
        sizes = ", ".join(f"{one.voxel_mm:g}" for one in MAPS)
        raise InputError(f"no map from linear estimates holds for voxels of {bone.voxel_mm:g} mm: choose {sizes} mm")
    low, high = _interval(mapped, bone, known.crawford[2])
    return Strength(mapped, low, high, "linear", None, None, linear, mapped, bone.height_mm, answer.voxels)


def press_bone(bone: BoneModel, *, steps: int = STEPS) -> PlatenResponse:
    """The load path of a bone model by the crushable law, to its whole displacement."""
    return follow_load_path(bone.model, bone.yield_stress, law=CRUSHABLE, steps=steps, tolerance=1e-3)


def _mapped(bone: BoneModel, linear: LinearEstimates) -> float | None:
    known = find_map(bone.voxel_mm)
    return None if known is None else known.failure_n(linear.crawford_n)


def _failure(curve: tuple[CurvePoint, ...], height_mm: float) -> tuple[float, bool]:
    """The highest force before 1.9 % where the curve falls afterwards, else the force there."""
    strain = np.abs([0.0, *(point.displacement_mm for point in curve)]) / height_mm
    force = np.array([0.0, *(point.reaction_n for point in curve)])
    at_limit = float(np.interp(FAILURE_STRAIN, strain, force))
    before = force[strain <= FAILURE_STRAIN]
    highest = float(before.max())
    return (highest, True) if highest > at_limit * (1 + 1e-6) else (at_limit, False)


def _interval(failure: float, bone: BoneModel, of_map: float = 0.0) -> tuple[float, float]:
    """95 % interval by the standard deviation of the logarithm of the failure load."""
    density = bone.calibration.density_spread
    of_density = DENSITY_POWER * (0.0 if density is None else density)
    spread = sqrt(of_density**2 + LAW_SPREAD**2 + MODEL_SPREAD**2 + of_map**2)
    return failure * exp(-1.96 * spread), failure * exp(1.96 * spread)
