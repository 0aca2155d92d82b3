"""A block and a cylinder pressed, let go and pressed again: stiffness lost and shortening kept, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.numerics.plasticity import YieldLaw
from spondyl.simulation import build_bone_model, height_recovery, press_twice
from spondyl.simulation.load_cases import find_load_case, loaded_as
from spondyl.simulation.load_cycle import DAMAGING, DELAYED_SHARE, LoadCycle, follow_cycle
from spondyl.simulation.load_path import follow_load_path
from spondyl.simulation.voxel_model import build_voxel_model
from tests.unit.simulation.conftest import volume
from tests.unit.simulation.cylinder import cylinder_spine

MODULUS, YIELD = 300.0, 1.5
LAW = YieldLaw(damage_limit=0.6, damage_strain=0.02)
STRAINS = (0.004, 0.008, 0.012, 0.016, 0.02)


def cycle_of_block(side: float, strength: float = YIELD) -> LoadCycle:
    """4 x 4 x 6 mm between smooth platens, 2 mm voxels."""
    field = np.full((2, 2, 3), MODULUS)
    labels = np.zeros(field.shape, np.uint8)
    labels[..., -1], labels[..., 0] = 6, 5
    edges = 2.0, 2.0, 2.0
    model = build_voxel_model(
        volume(field, edges), volume(labels, edges, "1"), top=6, bottom=5, displacement_mm=side * 0.1, lateral="free"
    )
    down = [side * 6.0 * strain for strain in STRAINS]
    again = [side * 6.0 * strain for strain in (0.001, 0.01, 0.02)]
    return follow_cycle(model, volume(np.full(field.shape, strength), edges), down, again, law=LAW, tolerance=1e-6)


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_a_block_loses_stiffness_and_keeps_a_set_as_by_hand(side: float) -> None:
    """At a stress that stays at its yield, all strain past σ/E is κ: D = 0.6 (1 - exp(-(ε - σ/E) / 0.02)).

    Let go, it has (1 - D) of its stiffness, and ε - σ / ((1 - D) E) stays. To 1e-4: the solver was asked for 1e-6.
    """
    cycle = cycle_of_block(side)
    damage = 0.6 * (1 - np.exp(-(0.02 - YIELD / MODULUS) / 0.02))
    lasting = 0.02 - YIELD / ((1 - damage) * MODULUS)
    assert cycle.damage == pytest.approx(damage, rel=1e-4)
    assert [point.reaction_n for point in cycle.first[1:]] == pytest.approx([16 * YIELD] * 4, rel=1e-4)
    assert cycle.pressed.stiffness_n_per_mm == pytest.approx(16 * MODULUS / 6, rel=1e-4)
    assert cycle.stiffness_left == pytest.approx(1 - damage, rel=1e-2)  # 1 % of the force may be left when let go
    assert cycle.lasting_mm == pytest.approx(side * 6 * lasting, rel=2e-2)
    assert cycle.recovered_share == pytest.approx(1 - lasting / 0.02, rel=1e-2)


def test_pressed_again_it_bears_what_it_bore() -> None:
    """Damage takes stiffness, not strength: the second test ends at the same yield load, at a longer way."""
    cycle = cycle_of_block(-1.0)
    assert cycle.again[-1].reaction_n == pytest.approx(16 * YIELD, rel=1e-4)
    assert cycle.again[1].reaction_n == pytest.approx(min(16 * YIELD, cycle.stiffness_after_n_per_mm * 0.06), rel=2e-2)


def test_what_comes_back_later_has_a_term_of_its_own() -> None:
    """At once the elastic share alone; after half an hour the calibrated share of the rest, whatever the constant."""
    cycle = cycle_of_block(-1.0)
    assert height_recovery(cycle, 0.0, time_constant_min=10.0) == pytest.approx(cycle.recovered_share)
    later = [height_recovery(cycle, 30.0, time_constant_min=tau) for tau in (3.0, 30.0)]
    assert later == pytest.approx([cycle.recovered_share + (1 - cycle.recovered_share) * DELAYED_SHARE] * 2)
    with pytest.raises(InputError, match="minutes"):
        height_recovery(cycle, -1.0, time_constant_min=10.0)


def test_a_body_keeps_more_stiffness_the_less_it_was_pressed() -> None:
    bone = build_bone_model(cylinder_spine(), "L1", voxel_mm=4.0)
    little, much = (press_twice(bone, apparent_strain=strain, steps=4) for strain in (0.01, 0.03))
    assert 1 > little.stiffness_left > much.stiffness_left > 0.2
    assert 0 > little.lasting_mm > much.lasting_mm > -0.03 * bone.height_mm
    assert not little.damage[bone.density.array == 0].any()  # the caps are cement


def test_forces_under_a_turned_top_are_those_of_the_load_path() -> None:
    """The work of the top's turn is no force; where the top is level both are the same anyway."""
    bone = loaded_as(build_bone_model(cylinder_spine(), "L1", voxel_mm=4.0), find_load_case("flexion"))
    cycle = press_twice(bone, apparent_strain=0.02, steps=4)
    path = follow_load_path(bone.model, bone.yield_stress, law=DAMAGING, steps=4, until_mm=-0.02 * bone.height_mm)
    assert path.curve is not None
    expected = [abs(point.reaction_n) for point in path.curve][-1]
    assert cycle.first[-1].reaction_n == pytest.approx(expected, rel=5e-3)  # balanced to 1e-3 each


def test_a_block_that_never_yields_comes_back_whole() -> None:
    """Let go it lies at 0 but for rounding, of either sign; the second press is the first."""
    cycle = cycle_of_block(-1.0, strength=1e3 * YIELD)
    assert cycle.stiffness_left == pytest.approx(1.0, rel=1e-2)
    assert cycle.lasting_mm == pytest.approx(0.0, abs=1e-3)
    assert all(point.reaction_n > 0 for point in cycle.again)


def test_bad_input_is_refused() -> None:
    bone = build_bone_model(cylinder_spine(), "L1", voxel_mm=4.0)
    with pytest.raises(InputError, match="between cement caps"):
        press_twice(replace(bone, ends="disc"))
    with pytest.raises(InputError, match="apparent strain"):
        press_twice(bone, apparent_strain=0.0)
