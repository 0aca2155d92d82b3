"""Rheology of cement: closed forms, its clock, and the generic brackets."""

from math import exp, log, pi

import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.simulation.cement import (
    CEMENT_NAMES,
    Cement,
    activation_energy,
    cannula_pressure_drop,
    find_cement,
    newtonian,
    porous_coefficient,
    power_law,
    radial_pressure_drop,
)

FLOW = 4000 / 60  # 4 mL/min [mm³/s]


def test_cannula_of_a_newtonian_fluid_is_hagen_poiseuille() -> None:
    """Case A11, and the fourth power of the radius."""
    found = cannula_pressure_drop(100e-6, 1.0, 120.0, 2.7, FLOW)
    assert found == pytest.approx(8 * 100e-6 * 120 * FLOW / (pi * 1.35**4), rel=1e-12)
    assert found == pytest.approx(0.6133, abs=5e-5)
    assert cannula_pressure_drop(100e-6, 1.0, 120.0, 5.4, FLOW) == pytest.approx(found / 16, rel=1e-12)


def test_cannula_of_a_power_law_fluid() -> None:
    """Case A12; pressure over flow has the slope n."""
    found = cannula_pressure_drop(300e-6, 0.6, 120.0, 2.7, FLOW)
    assert found == pytest.approx(0.4896, abs=5e-5)
    assert cannula_pressure_drop(300e-6, 0.6, 120.0, 2.7, 2 * FLOW) / found == pytest.approx(2**0.6, rel=1e-12)


def test_power_law_cannula_agrees_with_the_profile_of_its_velocity() -> None:
    """The flow of a given pressure by adding up rings: u(r) from K (du/dr)^n = r dp / 2L."""
    consistency, n, length, radius, pressure = 300e-6, 0.6, 120.0, 1.35, 0.4896
    r = np.linspace(0, radius, 20001)
    rate = (r * pressure / (2 * length * consistency)) ** (1 / n)
    flow = np.trapezoid(pi * r**2 * rate, r)  # by parts: the ring's area under each shear
    assert cannula_pressure_drop(consistency, n, length, 2 * radius, flow) == pytest.approx(pressure, rel=1e-6)


def test_widening_two_thirds_of_the_cannula_gives_the_published_drop() -> None:
    """E11: 67.2 % of the length at twice the bore takes 63 % of the pressure of a Newtonian fluid."""
    whole = cannula_pressure_drop(1e-4, 1.0, 100.0, 2.7, FLOW)
    wide = cannula_pressure_drop(1e-4, 1.0, 67.2, 5.4, FLOW) + cannula_pressure_drop(1e-4, 1.0, 32.8, 2.7, FLOW)
    assert 1 - wide / whole == pytest.approx(0.63, abs=1e-3)


def test_point_source_of_a_power_law_fluid() -> None:
    """Case A10 with its coefficient; its unit m^(1-n) is 1000^(1-n) mm^(1-n)."""
    coefficient = porous_coefficient(300e-6, 0.6, np.array(0.04), np.array(0.9))
    assert coefficient * 1e6 / 1000**0.4 == pytest.approx(10.77, abs=5e-3)
    drop = radial_pressure_drop(float(coefficient), 0.6, 0.04, FLOW, 1.5, 8.0)
    assert drop * 1000 == pytest.approx(15.23, abs=5e-3)


def test_point_source_of_a_newtonian_fluid_and_the_logarithm_at_one_half() -> None:
    """Case A08, and that n = 1/2 lies between its neighbours."""
    viscosity = float(porous_coefficient(100e-6, 1.0, np.array(0.04), np.array(0.9)))
    assert viscosity == pytest.approx(100e-6, rel=1e-12)
    assert radial_pressure_drop(viscosity, 1.0, 0.04, FLOW, 1.5, 20.0) * 1000 == pytest.approx(8.179, abs=5e-4)
    below, at, above = (radial_pressure_drop(1.0, n, 1.0, 1.0, 1.5, 8.0) for n in (0.5 - 1e-6, 0.5, 0.5 + 1e-6))
    assert at == pytest.approx((below + above) / 2, rel=1e-6)


def test_activation_energy_halves_the_time_between_25_and_37_degrees() -> None:
    assert activation_energy() == pytest.approx(44.4e3, rel=2e-3)  # handbook 3.2: about 44 kJ/mol
    cement = find_cement("generic-low")
    assert cement.clock_rate(37.0) == pytest.approx(2.0, rel=1e-9)
    assert cement.clock_rate(25.0) == 1.0 and cement.clock_rate(20.0) < 1


def test_generic_cements_start_in_the_bracket_and_end_on_the_plateau() -> None:
    starts = [float(find_cement(name).consistency(0.0)) for name in CEMENT_NAMES]
    assert starts == pytest.approx([50, (50 * 2000) ** 0.5, 2000])
    for cement in map(find_cement, CEMENT_NAMES):
        assert float(cement.consistency(11 * 60 * 2.0)) == pytest.approx(75_000)  # 11 min at 37 C, twice at 25 C
        assert float(cement.consistency(1e6)) == pytest.approx(75_000)
        assert any("generic bracket" in note for note in cement.assumptions)
        assert any("not verified against lewis2011" in note for note in cement.assumptions)


def test_a_table_is_read_along_lines_of_its_logarithm() -> None:
    cement = Cement("own", 0.5, (0.0, 100.0, 300.0), (10.0, 100.0, 10_000.0), 1e5, 0.0, ("own",))
    assert cement.consistency(np.array([0.0, 50.0, 200.0, 400.0, 9e9])) == pytest.approx([10, 31.6228, 1000, 1e5, 1e5])
    assert cement.fastest_rise == pytest.approx(log(10) / 100)
    assert power_law(60.0, 0.6).consistency(1e9) == pytest.approx(60) and newtonian(7.0).fastest_rise == 0
    assert cement.consistency(150.0) == pytest.approx(100 * exp(50 * log(100) / 200))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"index": 1.4}, "index n is 1.4"),
        ({"ages_s": (5.0, 1.0)}, "do not rise"),
        ({"consistencies_pa_s_n": (1.0, -2.0)}, "not above 0"),
        ({"consistencies_pa_s_n": (1.0,)}, "2 ages and 1 consistencies"),
        ({"plateau_pa_s_n": 1.5}, "lies below"),
    ],
)
def test_impossible_cements_are_refused(change: dict[str, object], says: str) -> None:
    given = {
        "name": "own", "index": 0.5, "ages_s": (0.0, 1.0), "consistencies_pa_s_n": (1.0, 2.0),
        "plateau_pa_s_n": 3.0, "activation_j_per_mol": 0.0, "sources": ("own",),
    }  # fmt: skip
    with pytest.raises(InputError, match=says):
        Cement(**{**given, **change})  # type: ignore[arg-type]


def test_an_unknown_cement_names_the_known_ones() -> None:
    with pytest.raises(InputError, match="generic-low, generic-medium, generic-high"):
        find_cement("brand-x")
