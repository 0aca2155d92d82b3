"""The balloon's parameters as they were frozen before its validation cases were run (decisions 0024, 0033 to 0039)."""

from __future__ import annotations

import pytest

from spondyl.simulation.balloon import procedure_preload
from spondyl.simulation.balloon_records import BONE_LAW, BalloonSettings
from spondyl.simulation.damage import STIFFNESS_LEFT
from spondyl.simulation.fracture import HINGE_SHARE


def test_the_hinge_and_the_bone_are_as_frozen() -> None:
    assert pytest.approx(0.30) == HINGE_SHARE
    assert pytest.approx(0.47) == STIFFNESS_LEFT
    assert (BONE_LAW.damage_limit, BONE_LAW.damage_strain, BONE_LAW.hardening) == (0.6, 0.02, 1.5)


def test_the_balloons_are_driven_as_frozen() -> None:
    settings = BalloonSettings()
    assert (settings.start_diameter_mm, settings.packed_g_cm3) == (7.0, 0.6)
    assert (settings.wall_mm, settings.shift_mm, settings.growth) == (1.0, 2.0, 0.2)
    assert procedure_preload() == 100.0
