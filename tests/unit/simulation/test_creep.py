"""Slow giving way: even bone creeps by the law, broken bone faster, cement not at all; and the fan of a year."""

from __future__ import annotations

import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.simulation import BoneModel, build_bone_model
from spondyl.simulation.creep import (
    CreepCompliance,
    CreepLaw,
    creep_shape,
    find_creep_compliance,
    measured_ratio,
)
from spondyl.simulation.height_course import LIMIT, StandingLoad, follow_height, shortening
from tests.unit.simulation.cylinder import cylinder_spine

LOAD = StandingLoad(500.0, 5.0, 2.0)


@pytest.fixture(scope="module")
def bone() -> BoneModel:
    return build_bone_model(cylinder_spine(), "L1", voxel_mm=2.0)


@pytest.fixture(scope="module")
def whole(bone: BoneModel) -> CreepCompliance:
    return find_creep_compliance(bone)


@pytest.fixture(scope="module")
def broken(bone: BoneModel) -> CreepCompliance:
    return find_creep_compliance(bone, np.full(bone.density.array.shape, 0.5))


def test_the_ratio_is_that_of_the_measured_strains() -> None:
    """Case E21 by hand: (2867 + 1164) / (2018 + 1675) microstrain."""
    assert measured_ratio() == pytest.approx(4031 / 3693, rel=1e-12)


def test_the_law_passes_through_its_ratio_after_two_hours() -> None:
    law = CreepLaw(1.1, lasting_share=0.3, time_constant_h=0.7, exponent=0.15)
    assert float(law.ratio(np.array(2.0))) == pytest.approx(1.1)
    assert float(law.ratio(np.array(0.0))) == 0.0
    assert (np.diff(law.ratio(np.geomspace(0.01, 9000, 50))) > 0).all()
    ended = creep_shape(np.array(1e4), 0.0, 0.5, 0.2)
    assert float(ended) == pytest.approx(1 / (1 - np.exp(-4.0)))  # nothing lasts: 1 / (1 - e^(-2h/τ))


def test_even_bone_softens_as_one_plus_the_ratio(whole: CreepCompliance) -> None:
    """Within 5 % the compliance is (1 + φ) times the elastic one: the caps, 3 % of it, do not creep."""
    for ratio, matrix in zip(whole.ratios, whole.matrices, strict=True):
        assert matrix[0, 0] == pytest.approx((1 + ratio) * whole.matrices[0, 0, 0], rel=0.05)
    assert whole.at(np.array(7.0))[0, 0] == pytest.approx(8 * whole.matrices[0, 0, 0], rel=0.05)
    assert whole.at(np.array(60.0))[0, 0] == pytest.approx(61 * whole.matrices[0, 0, 0], rel=0.05)


def test_damaged_bone_creeps_faster_by_its_power(whole: CreepCompliance, bone: BoneModel) -> None:
    """Even damage of 0.5 in the handbook's form: creep of whole bone times 0.5^-3; the elastic model here is whole."""
    faster = find_creep_compliance(bone, np.full(bone.density.array.shape, 0.5), damage_exponent=3.0)
    plain = whole.at(np.array(1.5)) - whole.matrices[0]
    quick = faster.at(np.array(1.5)) - faster.matrices[0]
    assert quick[0, 0] / plain[0, 0] == pytest.approx(0.5**-2, rel=0.03)  # the third power is the model's own modulus


def test_a_force_in_front_wedges_forward(whole: CreepCompliance) -> None:
    front, back = shortening(whole, StandingLoad(1000.0, 0.0, 3.0), CreepLaw(1.0), 2.0)
    assert front > back > 0
    mirrored = shortening(whole, StandingLoad(1000.0, 0.0, -3.0), CreepLaw(1.0), 2.0)
    assert mirrored == pytest.approx((back, front), rel=0.1)  # the cylinder's voxels are not quite even


def test_cement_does_not_creep(bone: BoneModel, whole: CreepCompliance) -> None:
    still = find_creep_compliance(bone, creeps=np.zeros(bone.density.array.shape))
    assert still.matrices[-1] == pytest.approx(still.matrices[0], rel=1e-6)


def test_height_falls_day_by_day_faster_when_broken_and_heavier(
    whole: CreepCompliance, broken: CreepCompliance
) -> None:
    sound, hurt = follow_height(whole, LOAD, runs=100), follow_height(broken, LOAD, runs=100)
    heavy = follow_height(broken, StandingLoad(800.0, 5.0, 2.0), runs=100)
    for course in (sound, hurt, heavy):
        assert (np.diff(course.front_mm.middle) >= 0).all()
        assert (np.array(course.front_mm.low) <= course.front_mm.middle).all()
        assert course.wedge_deg.middle[-1] > 0
    assert sound.front_mm.middle[-1] < hurt.front_mm.middle[-1] < heavy.front_mm.middle[-1]


def test_healing_slows_and_the_same_seed_gives_the_same(whole: CreepCompliance, broken: CreepCompliance) -> None:
    bare, healing = follow_height(broken, LOAD, runs=100), follow_height(broken, LOAD, whole=whole, runs=100)
    assert healing.heals
    assert not bare.heals
    assert healing.front_mm.middle[-1] < bare.front_mm.middle[-1]
    assert follow_height(broken, LOAD, runs=100) == bare
    assert follow_height(broken, LOAD, runs=100, seed=1) != bare


def test_what_passes_the_limit_stays_there_and_is_told(broken: CreepCompliance) -> None:
    crushed = follow_height(broken, StandingLoad(100_000.0, 50.0, 2.0), runs=50)
    assert crushed.beyond_share[-1] == 1.0
    front, middle = crushed.front_mm.middle[0], crushed.middle_mm.middle[0]
    edge = middle + (front - middle) * 0.5 / 0.375  # from the band's middle on to the body's edge, where it is held
    assert edge == pytest.approx(LIMIT * broken.height_mm)


def by_hand() -> CreepCompliance:
    """A body of 40 mm depth, 25 mm high: 1 mm for 1000 N, 1 mrad for 100 N m about the left; twice that at φ = 1."""
    elastic = np.diag([1e-3, 1e-8, 1e-8])
    return CreepCompliance(np.array([0.0, 1.0]), np.stack([elastic, 2 * elastic]), (-20.0, 20.0, -25.0, 25.0), 25.0)


def test_front_and_back_are_told_where_heights_are_measured() -> None:
    """On day 0, 500 N 20 mm in front of the middle: 0.5 mm, and 0.1 mrad; the bands' middles lie 15 mm off it."""
    course = follow_height(by_hand(), StandingLoad(500.0, 0.0, 20.0), runs=100, days=(0.0, 1.0))
    size = course.middle_mm.middle[0] / 0.5  # the middle of 100 drawn forces
    assert course.front_mm.middle[0] == pytest.approx(size * (0.5 + 15 * 1e-4))
    assert course.back_mm.middle[0] == pytest.approx(size * (0.5 - 15 * 1e-4))


def test_a_shape_taken_under_load_holds_that_loads_shortening_already() -> None:
    """100 N at 1 mm for 1000 N are 0.1 mm, on each day and at each quantile; the wedge stays."""
    load = StandingLoad(500.0, 0.0, 20.0)
    free, held = (follow_height(by_hand(), load, shaped_under_n=n, runs=50) for n in (0.0, 100.0))
    for one, other in zip(
        (free.front_mm, free.middle_mm, free.back_mm), (held.front_mm, held.middle_mm, held.back_mm), strict=True
    ):
        for part in ("middle", "low", "high"):
            assert np.subtract(getattr(one, part), getattr(other, part)) == pytest.approx(0.1)
    assert held.wedge_deg == free.wedge_deg


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda c: follow_height(c, LOAD, runs=5), "at least 20"),
        (lambda c: follow_height(c, LOAD, days=(1.0, 2.0)), "rise from 0"),
        (lambda c: StandingLoad(0.0, 1.0, 1.0), "above 0 N"),
        (lambda c: CreepLaw(-1.0), "positive ratio"),
        (lambda c: CreepLaw(1.0, exponent=1.5), "between 0 and 1"),
    ],
)
def test_bad_input(whole: CreepCompliance, act: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        act(whole)  # type: ignore[operator]
