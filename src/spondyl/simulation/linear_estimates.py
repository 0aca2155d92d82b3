"""Strength from a linear answer: no yielding is followed, so that it takes a tenth of the time and says less.

Each estimate is the published recipe. What it means beside the failure load of `strength` is another matter: the maps
at the end of this file were measured between the two on vertebrae of real CTs and of virtual patients
(`tools/validate_strength.py` measures them again), and hold for bodies between cement caps, pressed axially.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spondyl.evidence import find_parameter
from spondyl.simulation.between_platens import PlatenResponse, solve_voxel_model
from spondyl.simulation.bone import BoneModel
from spondyl.simulation.fields import measure_fields

Array = NDArray[Any]

SMALL_MM = 0.2  # of the published fixed displacement: mm, not percent (handbook 1.5)
VOXEL_TOLERANCE = 0.1  # a map holds for voxels within a tenth of those it was measured with


@dataclass(frozen=True)
class LinearEstimates:
    """What a linear answer says of strength."""

    stiffness_n_per_mm: float  # with discs, of the bone between them
    crawford_n: float  # 0.0068 K H
    reaction_small_n: float  # at 0.2 mm
    effective_strain: float  # that 7 % of the bone exceeds under 1 mm, handbook 1.5; for Pistoia's estimate [1/mm]
    pistoia_n: float | None  # None: no strain limit was measured for voxels of this size


@dataclass(frozen=True)
class EstimateMap:
    """From the linear estimates to the failure load of the load path, F = factor x estimate^power (newtons)."""

    voxel_mm: float
    crawford: tuple[float, float, float]  # factor, power, standard deviation of ln F about the line
    reaction: tuple[float, float, float]
    strain_limit: float  # of Pistoia's estimate at 7 % of the bone
    pistoia_spread: float  # standard deviation of ln F about it
    vertebrae: int

    def failure_n(self, crawford_n: float) -> float:
        """The failure load that goes with a Crawford estimate. [N]"""
        factor, power, _ = self.crawford
        return float(factor * crawford_n**power)


def estimate_linear(bone: BoneModel, answer: PlatenResponse | None = None) -> LinearEstimates:
    """Crawford's estimate, the force at a fixed displacement, and that at which a share of the bone is overstrained.

    Parameters
    ----------
    answer
        The linear answer of `bone.model`, where it was solved before.

    References
    ----------
    [1] walle2025: coefficient 0.0068 and the fixed displacement, as their table holds them.
    [2] pistoia2002: the share of overstrained tissue; effective strain √(2U/E). The pair of share and strain depends
        on the voxels: 7 % as [3] has it, and the strain that fits the load path at this size.
    [3] ogo: 7 % and 1.1 % in a whole-bone CT program.
    """
    solved = solve_voxel_model(bone.model) if answer is None else answer
    shortened = solved.displacement_mm if bone.ends == "cement" else bone.shortening_mm(solved.displacement)
    stiffness = solved.reaction_n / abs(shortened)
    strained = _effective_strain(bone, solved) / abs(shortened)
    known = map_of(bone)
    return LinearEstimates(
        stiffness,
        _number("strength.crawford_coefficient") * stiffness * bone.height_mm,
        SMALL_MM * stiffness,
        strained,
        None if known is None else stiffness * known.strain_limit / strained,
    )


def map_of(bone: BoneModel) -> EstimateMap | None:
    """The map that holds for a bone model; None where its voxels have none, its top is tilted, or between discs."""
    return None if any(bone.model.tilt) or bone.ends != "cement" else find_map(bone.voxel_mm)


def find_map(voxel_mm: float) -> EstimateMap | None:
    """The map measured with voxels of this size; None where there is none."""
    near = [one for one in MAPS if abs(log(voxel_mm / one.voxel_mm)) < log(1 + VOXEL_TOLERANCE)]
    return near[0] if near else None


def fit_map(voxel_mm: float, failure: Array, estimates: list[LinearEstimates]) -> EstimateMap:
    """The map between failure loads and linear estimates of the same vertebrae, by least squares of logarithms."""
    found = np.log(failure)
    crawford, reaction = ([getattr(one, name) for one in estimates] for name in ("crawford_n", "reaction_small_n"))
    strain = np.log([one.effective_strain / one.stiffness_n_per_mm for one in estimates]) + found
    return EstimateMap(
        voxel_mm,
        _line(np.log(crawford), found),
        _line(np.log(reaction), found),
        exp(float(strain.mean())),
        float(strain.std(ddof=1)),
        len(estimates),
    )


def _line(x: Array, y: Array) -> tuple[float, float, float]:
    power, factor = np.polyfit(x, y, 1)
    rest = y - factor - power * x
    return exp(float(factor)), float(power), float(np.sqrt(rest @ rest / (len(x) - 2)))


def _effective_strain(bone: BoneModel, answer: PlatenResponse) -> float:
    """√(2U/E) that the given share of the bone's voxels exceeds in an answer."""
    energy = measure_fields(bone.model, answer.displacement).energy_density
    here = (bone.density.array > 0) & (bone.model.parts > 0)
    strain = np.sqrt(2 * energy[here] / bone.model.modulus[here])
    return float(np.quantile(strain, 1 - _number("strength.pistoia_alt_volume")))


def _number(name: str) -> float:
    value = find_parameter(name).value
    assert isinstance(value, float)
    return value


# Measured by `python -m tools.validate_strength` on 24 bodies of five CTs, two of them virtual;
# docs/validation/strength.md holds the bodies and says what is not known about the line.
MAPS: tuple[EstimateMap, ...] = (EstimateMap(2.0, (0.2186, 1.099, 0.152), (0.01565, 1.442, 0.104), 0.00639, 0.067, 24),)
