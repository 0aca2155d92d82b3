"""Loads of daily life against the free body worked by hand, the pressures that set them, and measured implants."""

from __future__ import annotations

from math import cos, radians, sin

import numpy as np
import pytest

from spondyl.evidence import find_parameter
from spondyl.simulation import Activity, SpineLoad, estimate_loads
from spondyl.simulation.loads import GRAVITY, SPREAD
from spondyl.spine import Level


def by_activity(level: str, **facts: float | None) -> dict[Activity, SpineLoad]:
    return {load.activity: load for load in estimate_loads(level, **facts)}  # type: ignore[arg-type]


def force(load: SpineLoad) -> float:
    assert load.force_n is not None
    return load.force_n


def test_the_measured_man_bears_what_was_measured() -> None:
    """E23 sets the lengths, so all five pressures come out: 0.66 x 1800 mm² x p."""
    loads = by_activity("L4", weight_kg=70.0, height_cm=170.0, per_level_mm=36.0)
    for activity, pressure in zip(list(Activity)[:5], (0.5, 1.1, 1.1, 1.7, 2.3), strict=True):
        assert force(loads[activity]) == pytest.approx(0.66 * 1800 * pressure)


def test_standing_at_l1_by_hand() -> None:
    """0.397 + 0.139 / 4 of the weight and its pull on an arm of 55 mm; upright it stands as far forward as at L4."""
    above = 0.397 + 0.139 * 1 / 4
    at_l4 = 0.536 * 70 * GRAVITY
    forward = (594.0 - at_l4) * 0.055 / at_l4
    expected = above * 60 * GRAVITY * (1 + forward / 0.055)
    assert force(by_activity("L1", weight_kg=60.0)[Activity.STANDING]) == pytest.approx(expected)


def test_the_trunks_moment_by_cutting_it_in_slices() -> None:
    """Weight over height as slices: 0.139 evenly from L4 to T12, 0.397 at one height over T12 that keeps the centre."""
    step, bend = 0.036, radians(36)
    at_l4 = 0.536 * 70 * GRAVITY
    upright = (594.0 - at_l4) * 0.055 / at_l4
    centre = ((1306.8 - at_l4 * cos(bend)) * 0.055 / at_l4 - upright) / sin(bend)
    slices = (np.arange(4000) + 0.5) / 4000 * 4 * step
    upper = (0.536 * centre - 0.139 * slices.mean()) / 0.397
    for level, up in (("L2", 2), ("T12", 4)):
        left = slices[slices > up * step]
        above = 0.397 + 0.139 * len(left) / len(slices)
        moment = 0.397 * (upper - up * step) + 0.139 / len(slices) * (left - up * step).sum()
        weight = 70 * GRAVITY
        expected = above * weight * cos(bend) + (above * weight * upright + moment * weight * sin(bend)) / 0.055
        found = by_activity(level, weight_kg=70.0, height_cm=170.0, per_level_mm=36.0)[Activity.BENT_FORWARD]
        assert force(found) == pytest.approx(expected, rel=1e-3)


def test_implants_bore_less_than_the_whole_and_not_a_sixth() -> None:
    """E24, kept apart from E23: five people of 60 to 72 kg at L1 and L3, dorsal rods beside the implant."""
    plateau = float(find_parameter("vbr.flexion_plateau_force").value)  # type: ignore[arg-type]
    rise = float(find_parameter("vbr.flexion_increase_standing").value)  # type: ignore[arg-type]
    for level, weight in (("L1", 60.0), ("L1", 72.0), ("L3", 63.0)):
        loads = by_activity(level, weight_kg=weight, height_cm=170.0, per_level_mm=36.0)
        assert 1 <= force(loads[Activity.BENT_FORWARD]) / plateau < 6
        assert 1 <= force(loads[Activity.STANDING]) / (plateau - rise) < 6


def test_what_is_not_recorded_is_unknown_and_says_why() -> None:
    assert {load.reason for load in estimate_loads("L1", weight_kg=None)} == {"the weight is not in the record"}
    loads = by_activity("L1", weight_kg=60.0)
    assert loads[Activity.STANDING].reason is None
    assert loads[Activity.LIFTING_ROUND].force_n is None and "height" in str(loads[Activity.LIFTING_ROUND].reason)
    assert "T12 to L5" in str(estimate_loads(Level.T8, weight_kg=60.0, height_cm=160.0)[0].reason)
    without = by_activity("L1", weight_kg=60.0, height_cm=160.0)[Activity.BENT_FORWARD]
    assert without.force_n is None and "trunk's length" in str(without.reason)


def test_coughing_has_no_load_and_says_so() -> None:
    """Handbook 2.2: no figure was retrieved."""
    load = by_activity("L1", weight_kg=60.0, height_cm=160.0, per_level_mm=34.0)[Activity.COUGHING]
    assert load.force_n is None and load.reason == "coughing or sneezing: no measured load was read, so it is unknown"


def test_a_kyphosis_only_adds_where_it_is_not_made_good() -> None:
    facts = {"weight_kg": 60.0, "height_cm": 160.0, "per_level_mm": 34.0}
    plain, bent = by_activity("L1", **facts), by_activity("L1", **facts, kyphosis_deg=15.0)
    for activity in set(Activity) - {Activity.COUGHING}:
        assert plain[activity].uncompensated_n is None
        assert force(plain[activity]) == force(bent[activity])
        more = bent[activity].uncompensated_n
        assert more is not None and more > force(bent[activity])


def test_the_interval_is_the_budgets() -> None:
    load = by_activity("L1", weight_kg=60.0)[Activity.STANDING]
    assert load.low_n is not None and load.high_n is not None
    assert np.log(load.high_n / load.low_n) == pytest.approx(2 * 1.96 * SPREAD)
