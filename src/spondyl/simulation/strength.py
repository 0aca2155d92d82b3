"""How much force a vertebra bears between cement caps, by its load path and by faster estimates."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, sqrt

import numpy as np

from spondyl.evidence import find_parameter
from spondyl.numerics.plasticity import CRUSHABLE
from spondyl.simulation.between_platens import CurvePoint, solve_voxel_model
from spondyl.simulation.bone import BoneModel
from spondyl.simulation.load_path import follow_load_path

FAILURE_STRAIN = 0.019  # where no peak comes before, handbook 1.5
SMALL_MM = 0.2  # of the published fixed displacement: mm, not percent (handbook 1.5)
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
    has_peak: bool  # False: the force at 1.9 % of apparent strain
    curve: tuple[CurvePoint, ...]
    stiffness_n_per_mm: float
    linear_failure_n: float  # 0.0068 K H
    reaction_small_n: float  # at 0.2 mm, linear
    height_mm: float
    voxels: int


def estimate_strength(bone: BoneModel, *, steps: int = STEPS) -> Strength:
    """Failure load by crushable plasticity, and the two linear estimates.

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

    Raises
    ------
    NotConverged
        Where a step cannot be balanced.
    """
    linear = solve_voxel_model(bone.model)
    path = follow_load_path(bone.model, bone.yield_stress, law=CRUSHABLE, steps=steps, tolerance=1e-3)
    assert path.curve is not None
    failure, has_peak = _failure(path.curve, bone.height_mm)
    spread = _spread(bone)
    return Strength(
        failure,
        failure * exp(-1.96 * spread),
        failure * exp(1.96 * spread),
        has_peak,
        path.curve,
        linear.stiffness_n_per_mm,
        _crawford() * linear.stiffness_n_per_mm * bone.height_mm,
        SMALL_MM * linear.stiffness_n_per_mm,
        bone.height_mm,
        linear.voxels,
    )


def _failure(curve: tuple[CurvePoint, ...], height_mm: float) -> tuple[float, bool]:
    """The highest force before 1.9 % where the curve falls afterwards, else the force there."""
    strain = np.abs([0.0, *(point.displacement_mm for point in curve)]) / height_mm
    force = np.array([0.0, *(point.reaction_n for point in curve)])
    at_limit = float(np.interp(FAILURE_STRAIN, strain, force))
    before = force[strain <= FAILURE_STRAIN]
    highest = float(before.max())
    return (highest, True) if highest > at_limit * (1 + 1e-6) else (at_limit, False)


def _spread(bone: BoneModel) -> float:
    """Standard deviation of the logarithm of the failure load."""
    density = bone.calibration.density_spread
    of_density = DENSITY_POWER * (0.0 if density is None else density)
    return sqrt(of_density**2 + LAW_SPREAD**2 + MODEL_SPREAD**2)


def _crawford() -> float:
    value = find_parameter("strength.crawford_coefficient").value
    assert isinstance(value, float)
    return value
