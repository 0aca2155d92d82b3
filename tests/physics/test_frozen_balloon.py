"""The balloon's parameters as they were frozen before its validation cases were run (decisions 0024 and 0033)."""

from __future__ import annotations

import pytest

from spondyl.simulation.balloon import procedure_preload
from spondyl.simulation.balloon_records import BONE_LAW, BalloonSettings
from spondyl.simulation.damage import STIFFNESS_LEFT
from spondyl.simulation.fracture import HINGE_SHARE, HINGE_SHARE_1_MM, hinge_share_at


def test_the_hinge_and_the_bone_are_as_frozen() -> None:
    assert pytest.approx(0.20) == HINGE_SHARE
    assert pytest.approx(0.30) == HINGE_SHARE_1_MM
    assert pytest.approx(0.47) == STIFFNESS_LEFT
    assert (BONE_LAW.damage_limit, BONE_LAW.damage_strain, BONE_LAW.hardening) == (0.6, 0.02, 1.5)


def test_the_balloons_are_driven_as_frozen() -> None:
    settings = BalloonSettings()
    assert (settings.start_diameter_mm, settings.packed_g_cm3) == (7.0, 0.6)
    assert (settings.wall_mm, settings.shift_mm, settings.growth) == (1.0, 2.0, 0.2)
    assert procedure_preload() == 100.0


def test_the_hinge_goes_on_a_line_between_the_voxels_it_was_set_in() -> None:
    """0.25 half-way; outside 1 to 2 mm the nearer one, since nothing was set there."""
    assert [hinge_share_at(size) for size in (0.5, 1.0, 1.5, 2.0, 3.0)] == pytest.approx([0.30, 0.30, 0.25, 0.20, 0.20])
