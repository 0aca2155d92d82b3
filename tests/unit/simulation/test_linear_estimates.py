"""Linear estimates of a bar of even strain, and the map that is fitted between them and failure loads."""

from __future__ import annotations

import numpy as np
import pytest

from spondyl.simulation import LinearEstimates, find_map
from spondyl.simulation.linear_estimates import MAPS, fit_map


def estimates(stiffness: float, height: float, strain: float) -> LinearEstimates:
    return LinearEstimates(stiffness, 0.0068 * stiffness * height, 0.2 * stiffness, strain, None)


def test_a_map_finds_the_power_law_that_made_its_data() -> None:
    """F = 3 C^1.2: factor and power to rounding, no scatter; Pistoia's limit is the mean strain at failure."""
    made = [estimates(k, h, 0.03) for k, h in ((5e3, 25.0), (9e3, 28.0), (2e4, 26.0), (3e4, 33.0))]
    failure = np.array([3 * one.crawford_n**1.2 for one in made])
    found = fit_map(2.0, failure, made)
    assert found.crawford == pytest.approx((3.0, 1.2, 0.0), abs=1e-6)
    assert found.failure_n(1000.0) == pytest.approx(3 * 1000**1.2)
    at_failure = [f / one.stiffness_n_per_mm * one.effective_strain for f, one in zip(failure, made, strict=True)]
    assert found.strain_limit == pytest.approx(np.exp(np.mean(np.log(at_failure))))
    assert found.pistoia_spread > 0


def test_a_map_holds_for_its_own_voxels_only() -> None:
    for known in MAPS:
        assert find_map(known.voxel_mm) is known
        assert known.vertebrae >= 15 and 0 < known.crawford[2] < 0.5
    assert find_map(0.5) is None
