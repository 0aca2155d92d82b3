"""Parameters of injections as they were frozen before the cases of validation were run: docs/decisions/0015."""

import numpy as np
import pytest

from spondyl.simulation import find_cement
from spondyl.simulation.leak_draws import LN_VISCOSITY
from spondyl.simulation.permeability import (
    CORRELATION_MM,
    EXPONENT,
    LN_SIGMA,
    REFERENCE_POROSITY,
    Scenario,
    permeability_of,
    transverse_ratio,
)


def test_the_frozen_parameters_are_what_they_were() -> None:
    """A change here is told on the validation page, with all cases before and after."""
    assert [scenario.reference_m2 for scenario in Scenario] == [5e-9, 2e-8, 4.45e-8]
    assert (EXPONENT, REFERENCE_POROSITY, LN_SIGMA, CORRELATION_MM) == (9.0, 0.90, 0.5, 3.0)
    assert transverse_ratio() == 0.78
    assert LN_VISCOSITY == 0.5
    starts = [find_cement(f"generic-{grade}").consistencies_pa_s_n[0] for grade in ("low", "medium", "high")]
    assert starts == pytest.approx([50.0, np.sqrt(50 * 2000), 2000.0])


def test_e10_cores_of_elderly_bone_within_a_factor_of_two_in_the_high_scenario() -> None:
    """baroud2004: 4.45e-8 m² along, 3.44e-8 across; porosity 0.85 to 0.92 as the case says, at its middle."""
    along = float(permeability_of(np.array(0.885), Scenario.HIGH.reference_m2))
    assert 0.5 < along / 4.45e-8 < 2.0
    assert 0.5 < transverse_ratio() * along / 3.44e-8 < 2.0
    assert 0.6 <= transverse_ratio() <= 0.9
