"""What makes a strength uncertain, cause by cause, to first order about the answer at hand.

A body whose moduli are all a times and whose yield stresses are all b times as high follows the same path with
displacements b/a times and forces b times as large: small-strain plasticity without a length or a time of its own is
homogeneous. So what density and law do to the failure load is read off the path that was followed, without another
one. The ends are kept out of it: caps are stiff beside bone and never yield. Discs are not, so with them this is an
approximation: stiffer bone between the same discs shares out its load otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, hypot, log, sqrt

import numpy as np

from spondyl.errors import InputError
from spondyl.simulation.between_platens import CurvePoint
from spondyl.simulation.bone import BoneModel, build_bone_model
from spondyl.simulation.linear_estimates import LinearEstimates, estimate_linear
from spondyl.spine import Spine

FAILURE_STRAIN = 0.019  # where no peak comes before, handbook 1.5
LAW_SPREAD, MODEL_SPREAD = 0.30, 0.20  # relative standard deviations of handbook 9, which calls them suggested
BORDER_SHARE = 0.5  # of the CT's mean voxel edge: one standard deviation of where a border of labels lies, our choice
YIELD_STRAIN_SPREAD = 0.06 / 0.84  # of vertebral cores in compression, kopperdahl1998 (case E01)


@dataclass(frozen=True)
class SpreadCause:
    """One cause of doubt, and the standard deviation of ln F that it makes."""

    name: str
    sd: float


def failure_of(
    curve: tuple[CurvePoint, ...], height_mm: float, strain_limit: float = FAILURE_STRAIN
) -> tuple[float, bool]:
    """The highest force before a limit of apparent strain where the curve falls afterwards, else the force there.

    Strain is the shortening that was watched over the height, else the displacement of the top over it.
    Beyond its end the curve is carried on along its last step.
    """
    strain = np.abs([0.0, *(point.shortening_mm or point.displacement_mm for point in curve)]) / height_mm
    force = np.array([0.0, *(point.reaction_n for point in curve)])
    at_limit = float(np.interp(strain_limit, strain, force))
    if strain_limit > strain[-1]:
        at_limit += float((strain_limit - strain[-1]) * (force[-1] - force[-2]) / (strain[-1] - strain[-2]))
    highest = float(force[strain <= strain_limit].max())
    return (highest, True) if highest > at_limit * (1 + 1e-6) else (at_limit, False)


def scaled_failure(
    curve: tuple[CurvePoint, ...], height_mm: float, *, modulus_factor: float, yield_factor: float
) -> float:
    """The failure load of the same body with all its moduli and yield stresses changed by these factors. [N]"""
    limit = FAILURE_STRAIN * modulus_factor / yield_factor
    return yield_factor * failure_of(curve, height_mm, limit)[0]


def spread_causes(
    bone: BoneModel,
    curve: tuple[CurvePoint, ...] | None,
    borders: tuple[LinearEstimates, LinearEstimates] | None,
) -> tuple[SpreadCause, ...]:
    """The causes of doubt of a failure load: density, law, yield strain, border of the labels, and the model itself.

    The density's spread is that of its grade with the doubt of the tissues that it was calibrated by, or the gap
    between two ways to calibrate it where that is wider.

    Parameters
    ----------
    curve
        The load path; None: the failure load rests on a linear estimate, which goes with the yield stress.
    borders
        Linear estimates with the border of the labels moved inwards and outwards, as of `estimate_borders`; None: that
        cause is left out.
    """

    def scaled(modulus_factor: float, yield_factor: float) -> float:
        if curve is None:
            return yield_factor
        return scaled_failure(curve, bone.height_mm, modulus_factor=modulus_factor, yield_factor=yield_factor)

    density = max(hypot(bone.calibration.density_spread or 0.0, bone.density_doubt), abs(bone.density_gap))
    rho = np.median(bone.density.array[bone.density.array > 0])

    def by_density(factor: float) -> float:
        return scaled(*(float(law(factor * rho) / law(rho)) for law in (bone.law.modulus, bone.law.yield_stress)))

    found = [
        SpreadCause("density", _effect(by_density, density)),
        SpreadCause("law of bone", _effect(lambda factor: scaled(factor, factor), LAW_SPREAD)),
        SpreadCause("yield strain", _effect(lambda factor: scaled(1.0, factor), YIELD_STRAIN_SPREAD)),
        SpreadCause("model", MODEL_SPREAD),
    ]
    if borders is not None:
        inwards, outwards = (estimate.stiffness_n_per_mm / estimate.effective_strain for estimate in borders)
        found.append(SpreadCause("border of the labels", abs(log(outwards / inwards)) / 2))
    return tuple(found)


def estimate_borders(
    spine: Spine, bone: BoneModel, *, part: str = "body"
) -> tuple[LinearEstimates, LinearEstimates] | None:
    """Linear estimates with the border of the labels moved by one standard deviation inwards and outwards.

    None where one of the two bears nothing any more.
    """
    assert spine.ct is not None  # `bone` came from it
    moved = BORDER_SHARE * float(np.prod(spine.ct.geometry.spacing_mm)) ** (1 / 3)
    try:
        inwards, outwards = (
            estimate_linear(
                build_bone_model(
                    spine,
                    bone.level,
                    voxel_mm=bone.voxel_mm,
                    part=part,
                    law=bone.law.name,
                    ends=bone.ends,
                    border_mm=border,
                    calibration=bone.calibration,
                )
            )
            for border in (-moved, moved)
        )
    except InputError:
        return None
    return inwards, outwards


def interval(failure_n: float, causes: tuple[SpreadCause, ...]) -> tuple[float, float]:
    """95 % interval of causes that are independent of one another."""
    spread = sqrt(sum(cause.sd**2 for cause in causes))
    return failure_n * exp(-1.96 * spread), failure_n * exp(1.96 * spread)


def _effect(answer: Callable[[float], float], spread: float) -> float:
    """Half the change of ln F between one standard deviation of ln x above and one below."""
    return abs(log(answer(exp(spread)) / answer(exp(-spread)))) / 2
