"""What a wedge that stays adds to the force beside it: by hand, and where it is unknown."""

from __future__ import annotations

from dataclasses import replace
from math import degrees, sin, tan

import pytest

from spondyl.findings.heights import Heights
from spondyl.simulation.loads import Activity, estimate_loads, mean_step
from spondyl.simulation.wedge_load import lasting_wedge, wedge_deg, wedge_force_ratios
from spondyl.spine import Level
from spondyl.studies import Patient
from tests.unit.simulation.round_bodies import stacked_spine

PERSON = Patient(weight_kg=60.0, height_cm=160.0)
WEDGED = Heights(18.0, 20.0, 24.0, 0.2, 0.2, 0.2, 32.0, "slab_12mm_mean")


def test_the_wedge_is_that_beyond_the_shape_before() -> None:
    """By hand: bands 24 mm apart in a depth of 32 mm; 6 mm are 14.04 degrees, 1 mm is 2.39."""
    assert tan(wedge_deg(6.0, 32.0) * 3.141592653589793 / 180) == pytest.approx(6 / 24)
    assert lasting_wedge(WEDGED, None) == pytest.approx(14.04, abs=0.01)
    assert lasting_wedge(WEDGED, (24.0, 24.0, 25.0)) == pytest.approx(14.04 - 2.39, abs=0.01)
    assert lasting_wedge(replace(WEDGED, anterior_mm=25.0), None) < 0


def test_the_force_grows_by_the_moment_of_the_tilted_trunk() -> None:
    """The muscles' pull grows with sin of the angle: that of 10 degrees tells that of 20; backward adds nothing."""
    spine = stacked_spine(patient=PERSON)
    some, more, none = (wedge_force_ratios(spine, (Level.L1, Level.L2), angle) for angle in (10.0, 20.0, -5.0))
    assert none == {Level.L1: 1.0, Level.L2: 1.0}
    ten, twenty = (sin(angle / degrees(1.0)) for angle in (10.0, 20.0))
    for level in some:
        assert some[level] > 1.05
        assert (more[level] - 1) / (some[level] - 1) == pytest.approx(twenty / ten)
    loads = estimate_loads("L1", weight_kg=60.0, height_cm=160.0, per_level_mm=mean_step(spine), kyphosis_deg=10.0)
    upright = next(load for load in loads if load.activity is Activity.STANDING)
    assert upright.force_n is not None and upright.uncompensated_n is not None
    assert some[Level.L1] * upright.force_n == pytest.approx(upright.uncompensated_n)


def test_levels_and_persons_without_a_load_are_left_out() -> None:
    assert set(wedge_force_ratios(stacked_spine(patient=PERSON), (Level.T11, Level.L1), 10.0)) == {Level.L1}
    for person in (Patient(weight_kg=60.0), Patient(height_cm=160.0)):
        assert wedge_force_ratios(stacked_spine(patient=person), (Level.L1,), 10.0) == {}
