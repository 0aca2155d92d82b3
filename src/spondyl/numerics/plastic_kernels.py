"""The compiled twin of `plasticity.update_stress`: one point at a time, for the loops over voxels.

Import it inside functions: numba takes a second to load.
"""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from spondyl.numerics.plasticity import _LEAST_STIFFNESS, _RETURN_STEPS, _RETURN_TOLERANCE, YieldLaw

Array = NDArray[np.float64]

_COMPILE: dict[str, Any] = {"cache": True, "error_model": "numpy", "boundscheck": False}
# Part of each loop that calls it. Sums in any order; a value that is no number stays what it is.
_INLINE: dict[str, Any] = {
    **_COMPILE,
    "cache": False,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "forceinline": True,
    "fastmath": {"contract", "nsz", "reassoc"},
}


def law_numbers(law: YieldLaw) -> Array:
    """The law as the kernels take it: α², p0, B, D_m, κ_d, s_r, κ_s, H."""
    return np.array(
        [
            law.pressure_sensitivity**2,
            law.centre,
            law.size,
            law.damage_limit,
            law.damage_strain,
            law.residual_strength,
            law.softening_strain,
            law.hardening,
        ]
    )


@nb.njit(**_INLINE)
def update_point(strain, plastic, start, bulk, shear, yield_stress, law, stress, plastic_out, tangent):  # type: ignore[no-untyped-def]
    """One point of `update_stress`. Writes stress (6), plastic_out (6), tangent (2 G', K', m of 6); returns κ.

    κ is NaN where the return did not end: the caller raises.
    """
    alpha2, hardening = law[0], law[7]
    whole = 1.0 - law[3] * (1.0 - math.exp(-start / law[4]))
    softened = law[5] + (1.0 - law[5]) * math.exp(-start / law[6])
    e0, e1, e2 = strain[0] - plastic[0], strain[1] - plastic[1], strain[2] - plastic[2]
    trace = e0 + e1 + e2
    mean = trace / 3.0
    g2 = 2.0 * shear
    s0, s1, s2 = g2 * (e0 - mean), g2 * (e1 - mean), g2 * (e2 - mean)
    s3, s4, s5 = g2 * (strain[3] - plastic[3]), g2 * (strain[4] - plastic[4]), g2 * (strain[5] - plastic[5])
    first = (softened + hardening * start) / whole
    centre = law[1] * yield_stress * first
    radius = law[2] * yield_stress
    distance = bulk * trace - centre
    deviatoric = 1.5 * (s0 * s0 + s1 * s1 + s2 * s2 + 2.0 * (s3 * s3 + s4 * s4 + s5 * s5))
    volumetric = alpha2 * distance * distance
    norm = math.sqrt(deviatoric + volumetric)
    for c in range(6):
        plastic_out[c] = plastic[c]
        tangent[2 + c] = 0.0
    if yield_stress <= 0.0 or norm <= radius * first * (1.0 + 1e-12):
        p = distance + centre
        stress[0], stress[1], stress[2] = whole * (s0 + p), whole * (s1 + p), whole * (s2 + p)
        stress[3], stress[4], stress[5] = whole * s3, whole * s4, whole * s5
        tangent[0], tangent[1] = whole * g2, whole * bulk
        return start
    a, c2 = 6.0 * shear, 2.0 * alpha2 * bulk
    low, high = 0.0, math.inf
    multiplier = (norm / (radius * first) - 1.0) / max(a, c2)
    slope = 0.0
    ended = False
    for _ in range(_RETURN_STEPS):
        along, across = 1.0 + a * multiplier, 1.0 + c2 * multiplier
        norm = math.sqrt(deviatoric / (along * along) + volumetric / (across * across))
        slope = -(a * deviatoric / along**3 + c2 * volumetric / across**3) / norm
        reach = radius * (softened + hardening * (start + 2.0 * multiplier * norm)) / whole
        over = norm - reach
        if abs(over) <= _RETURN_TOLERANCE * radius:
            ended = True
            break
        if over > 0.0:
            low = multiplier
        else:
            high = multiplier
        rise = radius * hardening / whole * 2.0 * (norm + multiplier * slope)
        newton = multiplier + over * norm / (rise * norm - reach * slope)  # reach over norm is all but straight
        if newton > low and newton < high:
            multiplier = newton
        elif math.isinf(high):
            multiplier = 2.0 * multiplier + 1e-3 / a
        else:
            multiplier = (low + high) / 2.0
    if not ended:
        return math.nan
    shear_left, bulk_left = g2 / (1.0 + a * multiplier), bulk / (1.0 + c2 * multiplier)
    kept = shear_left / g2
    s0, s1, s2, s3, s4, s5 = s0 * kept, s1 * kept, s2 * kept, s3 * kept, s4 * kept, s5 * kept
    distance *= bulk_left / bulk
    volume = 2.0 * alpha2 / 3.0 * distance
    plastic_out[0] += multiplier * (3.0 * s0 + volume)
    plastic_out[1] += multiplier * (3.0 * s1 + volume)
    plastic_out[2] += multiplier * (3.0 * s2 + volume)
    plastic_out[3] += multiplier * 3.0 * s3
    plastic_out[4] += multiplier * 3.0 * s4
    plastic_out[5] += multiplier * 3.0 * s5
    p = distance + centre
    stress[0], stress[1], stress[2] = whole * (s0 + p), whole * (s1 + p), whole * (s2 + p)
    stress[3], stress[4], stress[5] = whole * s3, whole * s4, whole * s5
    surface = radius * hardening / whole
    freed = 1.0 - 2.0 * multiplier * surface
    denominator = 2.0 * norm * (2.0 * norm * surface - slope * freed) / freed
    pull, push = 3.0 * shear_left, 2.0 * alpha2 * bulk_left * distance
    mean2 = push * push
    deviator2 = pull * pull * (s0 * s0 + s1 * s1 + s2 * s2 + 2.0 * (s3 * s3 + s4 * s4 + s5 * s5))
    limit = (1.0 - _LEAST_STIFFNESS) / (deviator2 / shear_left + mean2 / bulk_left)
    factor = math.sqrt(whole * min(max(1.0 / denominator, 0.0), limit))
    tangent[0], tangent[1] = whole * shear_left, whole * bulk_left
    tangent[2], tangent[3], tangent[4] = (
        factor * (pull * s0 + push),
        factor * (pull * s1 + push),
        factor * (pull * s2 + push),
    )
    tangent[5], tangent[6], tangent[7] = factor * pull * s3, factor * pull * s4, factor * pull * s5
    return start + 2.0 * multiplier * norm


@nb.njit(**_COMPILE)
def update_points(strain, plastic, start, bulk, shear, yield_stress, law, stress, plastic_out, accumulated, tangent):  # type: ignore[no-untyped-def]
    """`update_point` for n points, for tests and for callers without a grid."""
    for i in range(strain.shape[0]):
        accumulated[i] = update_point(
            strain[i],
            plastic[i],
            start[i],
            bulk[i],
            shear[i],
            yield_stress[i],
            law,
            stress[i],
            plastic_out[i],
            tangent[i],
        )
