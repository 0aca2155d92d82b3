"""The clearance along a needle agrees with the clearances of its path."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from spondyl.planning import ClearanceProfile, NeedlePath, Plan, Structure, clearance_profiles, plan_augmentation

if TYPE_CHECKING:
    from tests.unit.planning.conftest import Known


@pytest.fixture(scope="module")
def profiled(known: Known) -> list[tuple[NeedlePath, ClearanceProfile]]:
    plan = plan_augmentation(known.spine, "L1")
    profiles = [profile for profile in clearance_profiles(known.spine, plan) if profile is not None]
    return list(zip(plan.needles, profiles, strict=True))


def test_it_runs_from_the_entry_to_the_tip(profiled: list[tuple[NeedlePath, ClearanceProfile]]) -> None:
    assert len(profiled) == 2
    for path, profile in profiled:
        assert profile.depth_mm[0] == 0 and profile.depth_mm[-1] == pytest.approx(path.bone_depth_mm)
        assert profile.doubt_below_mm == pytest.approx(0.5)  # half of 1 mm
        assert profile.doubt_above_mm == pytest.approx(np.sqrt(3) / 2)  # half the diagonal of a cube of 1 mm
        for clearance in path.clearances:
            assert clearance.value_mm - clearance.low_mm == pytest.approx(profile.doubt_below_mm)
            assert clearance.high_mm - clearance.value_mm == pytest.approx(profile.doubt_above_mm)


def test_its_least_is_the_clearance_of_the_path(profiled: list[tuple[NeedlePath, ClearanceProfile]]) -> None:
    """Distances change no faster than their point moves: between samples 0.25 mm apart, by no more than that."""
    for path, profile in profiled:
        values = dict(profile.clearance_mm)
        canal = path.clearance(Structure.CANAL)
        assert canal is not None
        assert np.nanmin(values[Structure.CANAL]) == pytest.approx(canal.value_mm, abs=0.25)
        place = profile.depth_mm[np.nanargmin(values[Structure.CANAL])]
        assert place == pytest.approx(canal.depth_mm, abs=3.0)
        walls = [path.clearance(s) for s in (Structure.PEDICLE_WALL, Structure.BODY_WALL)]
        for wall in (wall for wall in walls if wall is not None):
            there = np.interp(wall.depth_mm, profile.depth_mm, values[Structure.BODY_WALL])
            assert there == pytest.approx(wall.value_mm, abs=0.25)


def test_there_is_none_where_clearance_cannot_be_judged(coarse: Known) -> None:
    plan: Plan = plan_augmentation(coarse.spine, "L1")
    assert plan.needles and clearance_profiles(coarse.spine, plan) == (None,) * len(plan.needles)
