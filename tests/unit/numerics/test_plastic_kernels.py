"""The compiled law and its plain twin are one."""

import numpy as np
import pytest

from spondyl.numerics.plastic_kernels import law_numbers, update_points
from spondyl.numerics.plasticity import CRUSHABLE, VON_MISES, YieldLaw, update_stress

DAMAGING = YieldLaw(2.0, 0.8, damage_limit=0.6, damage_strain=0.02, residual_strength=0.8, hardening=4.0)


@pytest.mark.parametrize("law", [VON_MISES, CRUSHABLE, DAMAGING], ids=["von Mises", "crushable", "damaging"])
def test_compiled_and_plain_agree(law: YieldLaw) -> None:
    """To rounding, which the return's tolerance of 1e-10 of the yield stress bounds."""
    rng = np.random.default_rng(11)
    points = 400
    strain, plastic = rng.normal(0, 0.02, (points, 6)), rng.normal(0, 0.005, (points, 6))
    start = rng.exponential(0.02, points) * (rng.random(points) < 0.5)
    bulk, shear, strength = (rng.uniform(low, high, points) for low, high in ((50, 900), (20, 400), (0.2, 4)))
    strength[:20] = 0.0  # never yields
    plain = update_stress(strain, plastic, start, bulk=bulk, shear=shear, yield_stress=strength, law=law)
    stress, plastic_out, accumulated, tangent = (
        np.empty((points, 6)),
        np.empty((points, 6)),
        np.empty(points),
        np.empty((points, 8)),
    )
    update_points(
        strain, plastic, start, bulk, shear, strength, law_numbers(law), stress, plastic_out, accumulated, tangent
    )
    assert (plain.accumulated > start).sum() > points / 3
    for found, expected in (
        (stress, plain.stress),
        (plastic_out, plain.plastic_strain),
        (accumulated, plain.accumulated),
        (tangent[:, 0], plain.shear),
        (tangent[:, 1], plain.bulk),
        (tangent[:, 2:], plain.flow),
    ):
        assert found == pytest.approx(expected, rel=1e-8, abs=1e-9)
