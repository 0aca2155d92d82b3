"""Yielding, crushing and damaging bone at one point: stress from strain, and how it changes.

The yield surface is an ellipse in mean stress p (tension positive) and equivalent stress q, in the effective stress
that the undamaged part carries:

    Q = sqrt(q² + α² (p - p0)²) = B(κ),        dε_p = dκ ∂Q/∂σ

α = 0 is von Mises; α = 2 a solid that can be crushed. p0 is placed so that tension yields at `tension_ratio` times the
yield stress of compression; with hardening it follows the surface of the step before. κ is the equivalent plastic
strain. Damage D = D_m (1 - exp(-κ / κ_d)) lowers stiffness, and the factor of the nominal strength is prescribed apart
from it: s = s_r + (1 - s_r) exp(-κ / κ_s) + H κ. Damage and softening are those at the start of a step (so that the
tangent stays symmetric); `recover_damage` brings them up to date at its end without a jump of stress.

Small strain, isotropic; nothing here knows of time, so the part of a height that comes back within minutes is not
described. This is the plain NumPy version; `plastic_kernels` is its compiled twin.

References
----------
[1] deshpande2000: Deshpande, Fleck, "Isotropic constitutive models for metallic foams", J Mech Phys Solids 48 (2000).
[2] simo1998: Simo, Hughes, "Computational Inelasticity", Springer 1998, ch. 3 (return mapping, algorithmic tangent).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spondyl.errors import InputError, NotConverged

Array = NDArray[np.float64]

_RETURN_TOLERANCE = 1e-10  # of the yield stress; far below the residual of any solver above it
_LEAST_STIFFNESS = 0.003  # share of the elastic one left along the flow: perfect plasticity would leave none
_RETURN_STEPS = 60  # a bisection alone halves its bracket so often, well beyond double precision


@dataclass(frozen=True)
class YieldLaw:
    """How a material yields, hardens, softens and takes damage; stresses are in units of its yield stress."""

    pressure_sensitivity: float = 0.0  # α; 0 is von Mises
    tension_ratio: float = 1.0  # yield stress of tension over that of compression; needs α > 0 where it is not 1
    damage_limit: float = 0.0  # D_m: the damage that is never passed
    damage_strain: float = 0.02  # κ_d
    residual_strength: float = 1.0  # s_r: the factor that softening ends at
    softening_strain: float = 0.02  # κ_s, for voxels of the size at hand: see `for_voxel_size`
    hardening: float = 0.0  # H: rise of the strength factor with κ

    def __post_init__(self) -> None:
        if self.pressure_sensitivity < 0:
            raise InputError("pressure_sensitivity is negative: 0 (von Mises) or more is expected")
        if not 0 < self.tension_ratio <= 1:
            raise InputError("tension_ratio is not within 0 to 1: give tension's yield stress over compression's")
        if self.tension_ratio < 1 and self.pressure_sensitivity == 0:
            raise InputError(
                "tension_ratio below 1 needs a pressure_sensitivity above 0: von Mises yields alike in both"
            )
        if not 0 <= self.damage_limit < 1:
            raise InputError("damage_limit is not within 0 to 1: 1 would leave no stiffness at all")
        if not 0 < self.residual_strength <= 1:
            raise InputError("residual_strength is not within 0 to 1: give the share of strength that stays")
        if self.damage_strain <= 0 or self.softening_strain <= 0 or self.hardening < 0:
            raise InputError("damage_strain and softening_strain must be above 0, hardening not below 0")

    def for_voxel_size(self, voxel_size: float, reference: float = 1.0) -> YieldLaw:
        """The same law for voxels of this size, where it was set in voxels of the reference's. [mm]

        A band of failing bone is one voxel thick, so the energy of a crack stays the same only where the strains of
        softening and of damage rise as the voxels shrink, and the rise of strength by strain falls (the crack band
        model: Bažant, Oh, Mater Struct 16 (1983)).
        """
        wider = reference / voxel_size
        return replace(
            self,
            softening_strain=self.softening_strain * wider,
            damage_strain=self.damage_strain * wider,
            hardening=self.hardening / wider,
        )

    @property
    def centre(self) -> float:
        """p0 of the unhardened surface, in yield stresses; from equal Q at yield in compression and in tension."""
        if self.pressure_sensitivity == 0:
            return 0.0
        return -1.5 * (1 - self.tension_ratio) * (1 / self.pressure_sensitivity**2 + 1 / 9)

    @property
    def size(self) -> float:
        """B of the unhardened surface, in yield stresses: Q at yield in uniaxial compression."""
        return float(np.hypot(1.0, self.pressure_sensitivity * (1 / 3 + self.centre)))

    def damage(self, accumulated: Array) -> Array:
        """D at an equivalent plastic strain."""
        return np.asarray(-self.damage_limit * np.expm1(-accumulated / self.damage_strain))

    def strength_factor(self, accumulated: Array, at_start: Array) -> Array:
        """B over its first value, in effective stress: softening as it was at the step's start, hardening as it is."""
        lasting = self.residual_strength
        softened = lasting + (1 - lasting) * np.exp(-at_start / self.softening_strain)
        return np.asarray((softened + self.hardening * accumulated) / (1 - self.damage(at_start)))


VON_MISES = YieldLaw()
CRUSHABLE = YieldLaw(pressure_sensitivity=2.0, tension_ratio=0.8)
"""Bone as a crushable solid: tension within the bracket of handbook 1.6 (0.6-0.9); squeezed alike from all sides it
yields at 0.66 of its yield stress."""


@dataclass(frozen=True, eq=False)
class Update:
    """Stress and state at the end of a step, for n points. Tensors are xx, yy, zz, yz, xz, xy, shears not doubled."""

    stress: Array  # (n, 6) nominal [MPa]
    plastic_strain: Array  # (n, 6)
    accumulated: Array  # (n,) κ
    shear: Array  # (n,) of the tangent: 2 G'
    bulk: Array  # (n,) of the tangent: K'
    flow: Array  # (n, 6) m: tangent = 2 G' dev + K' vol - m ⊗ m


def update_stress(
    strain: Array,
    plastic_strain: Array,
    accumulated: Array,
    *,
    bulk: Array,
    shear: Array,
    yield_stress: Array,
    law: YieldLaw,
) -> Update:
    """Stress at n points after a step that ends at a strain, by return to the yield surface along its normal.

    Parameters
    ----------
    strain, plastic_strain
        Total strain at the end and plastic strain at the start of the step, shape (n, 6).
    accumulated
        Equivalent plastic strain at the start of the step, shape (n,).
    bulk, shear, yield_stress
        K, G and the uniaxial yield stress in compression, shape (n,). A point whose yield stress is 0 or less never
        yields. [MPa]

    Raises
    ------
    NotConverged
        where the return does not end on the surface.
    """
    elastic = strain - plastic_strain
    trace = elastic[:, :3].sum(axis=1)
    deviator = 2 * shear[:, None] * (elastic - _volume(trace / 3))
    start = law.strength_factor(accumulated, accumulated)
    centre = law.centre * yield_stress * start
    distance = bulk * trace - centre
    alpha2 = law.pressure_sensitivity**2
    deviatoric, volumetric = 1.5 * _inner(deviator, deviator), alpha2 * distance**2
    radius = law.size * yield_stress
    yields = (yield_stress > 0) & (np.sqrt(deviatoric + volumetric) > radius * start * (1 + 1e-12))
    multiplier, norm, slope = np.zeros((3, len(trace)))
    multiplier[yields], norm[yields], slope[yields] = _returned(
        deviatoric[yields],
        volumetric[yields],
        6 * shear[yields],
        2 * alpha2 * bulk[yields],
        radius[yields],
        accumulated[yields],
        law,
    )
    shear_left, bulk_left = 2 * shear / (1 + 6 * shear * multiplier), bulk / (1 + 2 * alpha2 * bulk * multiplier)
    deviator = deviator * (shear_left / (2 * shear))[:, None]
    distance = distance * bulk_left / bulk
    whole = 1 - law.damage(accumulated)
    flow = np.zeros_like(strain)
    flow[yields] = _tangent_flow(
        (3 * shear_left[:, None] * deviator + _volume(2 * alpha2 * bulk_left * distance))[yields],
        shear_left[yields],
        bulk_left[yields],
        multiplier[yields],
        norm[yields],
        slope[yields],
        (radius * law.hardening / whole)[yields],
    )
    normal = 3 * deviator + _volume(2 * alpha2 / 3 * distance)  # of Q², where the step ends
    return Update(
        stress=whole[:, None] * (deviator + _volume(distance + centre)),
        plastic_strain=plastic_strain + multiplier[:, None] * normal,
        accumulated=accumulated + 2 * multiplier * norm,
        shear=whole * shear_left,
        bulk=whole * bulk_left,
        flow=np.sqrt(whole)[:, None] * flow,
    )


def recover_damage(strain: Array, plastic_strain: Array, before: Array, after: Array, law: YieldLaw) -> Array:
    """The plastic strain after damage has risen at constant stress at the end of a step, shape (n, 6).

    (ε - ε_p)(1 - D) stays the same, so part of the step's inelastic strain becomes elastic.
    """
    left = (1 - law.damage(before)) / (1 - law.damage(after))
    return np.asarray(strain - (strain - plastic_strain) * left[:, None])


def tangent_matrix(update: Update) -> Array:
    """The algorithmic tangent dσ/dε of each point, shape (n, 6, 6), on strains whose shears are not doubled."""
    volume = np.zeros((6, 6))
    volume[:3, :3] = 1 / 3
    doubled = np.array([1.0, 1.0, 1.0, 2.0, 2.0, 2.0])
    return np.asarray(
        update.shear[:, None, None] * (np.eye(6) - volume)
        + 3 * update.bulk[:, None, None] * volume
        - update.flow[:, :, None] * (update.flow * doubled)[:, None, :]
    )


def _returned(
    deviatoric: Array, volumetric: Array, a: Array, c: Array, radius: Array, start: Array, law: YieldLaw
) -> tuple[Array, Array, Array]:
    """λ, Q and dQ/dλ where Q(λ) = B(κ(λ)): Newton's method kept within a bracket, since plain Newton may cycle."""
    low, high = np.zeros_like(a), np.full_like(a, np.inf)
    first = law.strength_factor(start, start)
    slope_of_surface = radius * law.hardening / (1 - law.damage(start))
    guess = (np.sqrt(deviatoric + volumetric) / (radius * first) - 1) / np.maximum(a, c)
    for _ in range(_RETURN_STEPS):
        along, across = 1 + a * guess, 1 + c * guess
        norm = np.sqrt(deviatoric / along**2 + volumetric / across**2)
        slope = -(a * deviatoric / along**3 + c * volumetric / across**3) / norm
        over = norm - radius * law.strength_factor(start + 2 * guess * norm, start)
        if np.all(np.abs(over) <= _RETURN_TOLERANCE * radius):
            return guess, norm, slope
        low, high = np.where(over > 0, guess, low), np.where(over > 0, high, guess)
        newton = guess - over / (slope - slope_of_surface * 2 * (norm + guess * slope))
        outside = ~((newton > low) & (newton < high))
        middle = np.where(np.isfinite(high), (low + high) / 2, 2 * guess + 1e-3 / a)
        guess = np.where(outside, middle, newton)
    raise NotConverged(
        f"the return to the yield surface did not end at {int(np.sum(np.abs(over) > _RETURN_TOLERANCE * radius))} "
        f"of {len(a)} points in {_RETURN_STEPS} steps: take smaller load steps",
        (float(np.max(np.abs(over) / radius)),),
    )


def _tangent_flow(
    pull: Array, shear_left: Array, bulk_left: Array, multiplier: Array, norm: Array, slope: Array, hardening: Array
) -> Array:
    """m of the tangent for points that yield; the stiffness left along m is kept above 0, so that it can be solved."""
    freed = 1 - 2 * multiplier * hardening
    denominator = 2 * norm * (2 * norm * hardening - slope * freed) / freed
    mean = pull[:, :3].sum(axis=1) / 3
    compliance = (_inner(pull, pull) - 3 * mean**2) / shear_left + mean**2 / bulk_left
    coefficient = np.clip(1 / denominator, 0.0, (1 - _LEAST_STIFFNESS) / compliance)
    return np.asarray(np.sqrt(coefficient)[:, None] * pull)


def _volume(mean: Array) -> Array:
    """The tensors with this mean on the diagonal, shape (n, 6)."""
    return np.asarray(mean[:, None] * np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0]))


def _inner(one: Array, other: Array) -> Array:
    """Double contraction of symmetric tensors, shape (n,)."""
    return np.asarray((one * other) @ np.array([1.0, 1.0, 1.0, 2.0, 2.0, 2.0]))
