"""Bone that gives way slowly: how much a body shortens and wedges under a force that lasts.

Creep strain is the elastic strain of whole bone times a growing number φ, faster in damaged bone by (1 - D)^-q
(handbook 7). A voxel under a lasting stress is then as soft as (1 - D) E / (1 + φ (1 - D)^(1 - q)) (the effective
modulus [2], exact while the force does not change and all voxels creep alike; cement creeps not at all here). So a few
linear solutions, one for each φ, give the compliance of the body at its two ends, and a year is a sum over these.

References
----------
[1] pollintine2009: creep and elastic strain of eleven old segments under 1500 N for 2 h (case E21, calibration).
[2] bazant1972: Bažant, "Prediction of concrete creep effects using age-adjusted effective modulus method", ACI J 69
    (1972) 212-217.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spondyl.errors import InputError
from spondyl.evidence import find_parameter
from spondyl.numerics.equilibrium import conjugate_gradients
from spondyl.simulation.between_platens import platen_stiffness
from spondyl.simulation.bone import BoneModel
from spondyl.simulation.composite import with_fields
from spondyl.space.arrays import read_only

Array = NDArray[Any]

HOURS = 2.0  # of the test that φ is set by
SPREAD_OF_SPECIMENS = 2527 / 2867  # of φ₂ between bodies: standard deviation over mean of the front's creep [1]
RATIOS = (0.0, 0.5, 1.5, 4.0, 10.0, 30.0)  # of φ, at which compliances are found; between them by their logarithms
_QUICK = conjugate_gradients(rtol=1e-5)


@dataclass(frozen=True)
class CreepLaw:
    """φ(t) = φ₂ [(1 - s) (1 - e^(-t/τ)) / (1 - e^(-2h/τ)) + s (t / 2h)^m], and its exponent of damage q.

    φ₂ is measured. How it divides between a part that ends (s small) and one that goes on (m) is not known beyond two
    hours: those are brackets.
    """

    ratio_at_two_hours: float  # φ₂
    lasting_share: float = 0.5  # s
    time_constant_h: float = 0.5  # τ
    exponent: float = 0.2  # m
    damage_exponent: float = 3.0  # q

    def __post_init__(self) -> None:
        if not (self.ratio_at_two_hours > 0 and 0 <= self.lasting_share <= 1 and self.time_constant_h > 0):
            raise InputError("a law of creep has a positive ratio and time constant, and a lasting share from 0 to 1")
        if not (0 < self.exponent < 1 and self.damage_exponent >= 1):
            raise InputError("the exponent of creep's time lies between 0 and 1, that of damage is at least 1")

    def ratio(self, hours: Array) -> Array:
        """φ after so many hours under load."""
        shape = creep_shape(np.asarray(hours), self.lasting_share, self.time_constant_h, self.exponent)
        return np.asarray(self.ratio_at_two_hours * shape)


def creep_shape(
    hours: Array, lasting_share: Array | float, time_constant_h: Array | float, exponent: Array | float
) -> Array:
    """φ over φ₂, 1 after two hours; all arguments as in `CreepLaw`, broadcast against one another."""
    ends = np.expm1(-hours / time_constant_h) / np.expm1(-HOURS / np.asarray(time_constant_h))
    lasts = (hours / HOURS) ** np.asarray(exponent)
    return np.asarray((1 - lasting_share) * ends + lasting_share * lasts)


@cache
def measured_ratio() -> float:
    """Creep over elastic strain after two hours, means of front and back [1]."""
    crept = _number("creep.pre_anterior_1p5kN_2h") + _number("creep.pre_posterior_1p5kN_2h")
    return crept / (_number("elastic.anterior_1p5kN") + _number("elastic.posterior_1p5kN"))


@dataclass(frozen=True, eq=False)
class CreepCompliance:
    """Movement of a body's upper end for a force and its moments, at several φ.

    Rows: shortening [mm], slopes to the front and to the left [rad]; columns: force [N], moments [N mm].
    """

    ratios: Array  # (n,) of φ, rising from 0
    matrices: Array  # (n, 3, 3)
    reach_mm: tuple[float, float, float, float]  # back, front, right, left of the body from the platen's middle
    height_mm: float  # between the platens

    def __post_init__(self) -> None:
        for name in ("ratios", "matrices"):
            object.__setattr__(self, name, read_only(getattr(self, name), np.float64))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self.__dict__.values())

    def at(self, ratio: Array) -> Array:
        """Matrices at these φ, shape (..., 3, 3): linear between those that were found, and on past the last."""
        phi = np.asarray(ratio, float)
        place = np.clip(np.searchsorted(self.ratios, phi, side="right") - 1, 0, len(self.ratios) - 2)
        low, high = self.ratios[place], self.ratios[place + 1]
        share = ((phi - low) / (high - low))[..., None, None]
        return np.asarray((1 - share) * self.matrices[place] + share * self.matrices[place + 1])


def find_creep_compliance(
    bone: BoneModel, damage: Array | None = None, *, creeps: Array | None = None, damage_exponent: float = 3.0
) -> CreepCompliance:
    """Compliances of a body whose model holds its elastic state: damage lowered its modulus already.

    Parameters
    ----------
    damage
        Of each voxel, 0 to below 1, shape of the grid; None: whole.
    creeps
        Share of each voxel that creeps: 0 in cement, 1 in bone, between them where a voxel is filled in part; None:
        all bone does, the caps do not.
    """
    of_bone = bone.density.array > 0
    faster = np.zeros(of_bone.shape) if damage is None else np.asarray(damage, float)
    share = of_bone.astype(float) if creeps is None else np.where(of_bone, creeps, 0.0)
    rate = share * (1 - faster) ** (1 - damage_exponent)  # over the elastic strain of the damaged voxel
    matrices = []
    for ratio in RATIOS:
        softened = with_fields(bone, bone.model.modulus / (1 + ratio * rate), bone.yield_stress.array)
        matrices.append(np.linalg.inv(platen_stiffness(softened.model, solver=_QUICK)))
    return CreepCompliance(np.array(RATIOS), np.stack(matrices), _reach(bone), bone.height_mm)


def _reach(bone: BoneModel) -> tuple[float, float, float, float]:
    """How far the body lies behind, before, to the right and to the left of the upper platen's middle. [mm]"""
    model = bone.model
    edges = np.array(model.edges)
    middle = np.argwhere(model.platens.top)[:, :2].mean(axis=0)
    across = np.argwhere((bone.density.array > 0).any(axis=2))
    low, high = (across.min(axis=0) - middle) * edges[:2], (across.max(axis=0) + 1 - middle) * edges[:2]
    return float(low[0]), float(high[0]), float(low[1]), float(high[1])


def _number(name: str) -> float:
    value = find_parameter(name).value
    assert isinstance(value, int | float)
    return float(value)
