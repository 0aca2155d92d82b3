"""Filled and broken bodies: bounds of the composite, damage that leaves what was asked, and who bears what."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.simulation import BoneModel, build_bone_model, press_bone, solve_voxel_model
from spondyl.simulation.composite import HardCement, acrylic, filled_with_cement, gain_note, partly_filled, with_fields
from spondyl.simulation.damage import damage_by_loading, damaged
from spondyl.simulation.mechanics import left_share
from spondyl.space import Volume
from tests.unit.simulation.cylinder import HEIGHT, cylinder_spine

CEMENT = HardCement(2000.0, 70.0, 0.6)


@pytest.fixture(scope="module")
def bone() -> BoneModel:
    return build_bone_model(cylinder_spine(), "L1", voxel_mm=2.0)


def share_of(bone: BoneModel, chosen: np.ndarray) -> Volume:
    return Volume(np.where(bone.density.array > 0, chosen, 0.0).astype(float), bone.density.geometry, "1")


def places(bone: BoneModel) -> np.ndarray:
    """Middles of the voxels in the grid's own axes, from the middle of the bone, shape (nx, ny, nz, 3). [mm]"""
    grid = np.stack(np.meshgrid(*map(np.arange, bone.density.array.shape), indexing="ij"), axis=-1) * bone.voxel_mm
    return grid - grid[bone.density.array > 0].mean(axis=0)


def test_a_gain_in_strength_says_what_it_rests_on() -> None:
    """Seven times the strength once stood in a picture without a word; published is +241 %, 3.4 times."""
    both, one, none = (gain_note(7000.0, 1000.0, contact) for contact in ((0.2, 0.1), (0.0, 0.1), (0.0, 0.0)))
    for note in both, one, none:
        assert "7.0 times" in note and "upper bound" in note and "3.4 times, affirm" in note
    assert "lies under both endplates" in both and "where it is one piece" in both
    assert "reaches the lower endplate alone" in one
    assert "neither endplate" in none


def test_bare_bone_stays_and_filled_bone_is_that_of_the_cement() -> None:
    modulus, stress = np.array([200.0, 200.0]), np.array([1.5, 1.5])
    found, yields = partly_filled(modulus, stress, np.full(2, 0.3), np.array([0.0, 1.0]), CEMENT)
    assert found.tolist() == [200.0, pytest.approx(1200.0)]
    assert yields.tolist() == [1.5, pytest.approx(42.0)]  # 0.6 of 70


def test_filled_bone_does_not_stiffen_with_the_share_of_bone() -> None:
    """Case E14: the modulus of filled bone changes by less than 5 % between 0.057 and 0.138 of bone."""
    native = np.array([100.0, 400.0])
    found, _ = partly_filled(native, native / 150, np.full(2, 0.3), np.ones(2), CEMENT)
    assert found[0] == pytest.approx(found[1], rel=0.05)


def test_a_few_islands_follow_the_dilute_limit() -> None:
    """Case A07: K = K_m [1 + f (K_i - K_m) / (K_m + α (K_i - K_m))], α = (1 + ν) / (3 (1 - ν)); error of order f²."""
    nu, f, soft, stiff = 0.3, 1e-4, 200.0, 1200.0
    found, _ = partly_filled(np.array([soft]), np.array([1.5]), np.array([nu]), np.array([f]), CEMENT)
    bulk, inside = soft / (3 * (1 - 2 * nu)), stiff / (3 * (1 - 2 * nu))
    shear, shear_inside = soft / (2 * (1 + nu)), stiff / (2 * (1 + nu))
    alpha, beta = (1 + nu) / (3 * (1 - nu)), 2 * (4 - 5 * nu) / (15 * (1 - nu))
    k = bulk * (1 + f * (inside - bulk) / (bulk + alpha * (inside - bulk)))
    g = shear * (1 + f * (shear_inside - shear) / (shear + beta * (shear_inside - shear)))
    assert found[0] / soft - 1 == pytest.approx(9 * k * g / (3 * k + g) / soft - 1, rel=1e-3)


def test_part_filling_lies_under_the_mean_and_over_the_layers() -> None:
    f = np.linspace(0.05, 0.95, 19)
    found, _ = partly_filled(np.full(19, 200.0), np.full(19, 1.5), np.full(19, 0.3), f, CEMENT)
    assert (found < (1 - f) * 200 + f * 1200).all()
    assert (found > 1 / ((1 - f) / 200 + f / 1200)).all()
    assert (np.diff(found) > 0).all()


def test_a_whole_filling_makes_the_body_stiffer_and_leaks_change_nothing(bone: BoneModel) -> None:
    before = solve_voxel_model(bone.model).stiffness_n_per_mm
    everywhere = share_of(bone, np.ones(bone.density.array.shape))
    filled = filled_with_cement(bone, everywhere)
    after = solve_voxel_model(filled.model).stiffness_n_per_mm
    native, caps = bone.model.modulus[bone.density.array > 0].mean(), bone.height_mm - HEIGHT
    rows = [HEIGHT / modulus + caps / 2500 for modulus in (native, acrylic().kept * acrylic().modulus)]
    assert 0.8 < after / before * rows[1] / rows[0] < 1.0  # in series; stiff caps hold soft sides, and stiffen them
    beside = Volume(1.0 - everywhere.array, bone.density.geometry, "1")
    assert np.array_equal(filled_with_cement(bone, beside).model.modulus, bone.model.modulus)


def test_a_bridge_from_end_to_end_beats_a_ball_of_the_same_volume(bone: BoneModel) -> None:
    """Distribution beats volume (handbook 6.1)."""
    x, y, z = np.moveaxis(places(bone), -1, 0)
    column = share_of(bone, np.hypot(x, y) < 5)
    away = np.where(bone.density.array > 0, np.sqrt(x**2 + y**2 + z**2), np.inf)
    ball = share_of(bone, away <= np.sort(away, axis=None)[int(column.array.sum()) - 1])
    assert ball.array.sum() == pytest.approx(column.array.sum(), rel=0.1)
    stiff = [solve_voxel_model(filled_with_cement(bone, one).model).stiffness_n_per_mm for one in (column, ball)]
    assert stiff[0] > 1.1 * stiff[1]


def test_a_cavity_holds_neat_cement(bone: BoneModel) -> None:
    cavity = share_of(bone, np.linalg.norm(places(bone), axis=-1) < 4)
    filled = filled_with_cement(bone, share_of(bone, np.zeros(cavity.array.shape)), cavity=cavity)
    assert filled.model.modulus[cavity.array > 0] == pytest.approx(acrylic().modulus)


def test_shares_beyond_one_are_refused(bone: BoneModel) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        filled_with_cement(bone, share_of(bone, np.full(bone.density.array.shape, 1.5)))
    with pytest.raises(InputError, match="a share from 0 to 1"):
        HardCement(2000.0, 70.0, 1.2)


def test_damage_leaves_the_stiffness_that_was_asked_for(bone: BoneModel) -> None:
    path = press_bone(bone, steps=4)
    damage = damage_by_loading(bone, path, stiffness_left=0.6)
    whole, left = (solve_voxel_model(one.model).stiffness_n_per_mm for one in (bone, damaged(bone, damage.field)))
    assert damage.reached
    assert damage.stiffness_left == pytest.approx(0.6, rel=0.01)  # where the search ends
    assert left / whole == pytest.approx(damage.stiffness_left, rel=1e-3)
    assert damage.field[bone.density.array == 0].max() == 0


def test_damage_that_cannot_be_had_says_so(bone: BoneModel) -> None:
    path = press_bone(bone, steps=4)
    damage = damage_by_loading(bone, path, stiffness_left=1e-4)
    assert not damage.reached
    assert damage.stiffness_left > 1e-4
    with pytest.raises(InputError, match="load path"):
        damage_by_loading(bone, solve_voxel_model(bone.model))
    with pytest.raises(InputError, match="more than 0"):
        damage_by_loading(bone, path, stiffness_left=0.0)


def test_an_even_body_bears_alike_and_a_filled_side_bears_more(bone: BoneModel) -> None:
    """LPS: the patient's left has the larger x."""
    assert left_share(bone) == pytest.approx(0.5, abs=0.01)
    points = bone.density.geometry.points(np.argwhere(np.ones(bone.density.array.shape)))
    to_left = (points[:, 0] > points[:, 0].mean()).reshape(bone.density.array.shape)
    left = left_share(filled_with_cement(bone, share_of(bone, to_left)))
    right = left_share(filled_with_cement(bone, share_of(bone, ~to_left)))
    assert left > 0.7
    assert right < 0.3


def test_two_columns_share_the_force_by_their_stiffness(bone: BoneModel) -> None:
    """Case A02's rule: 1 to 3; the platens stay level and Poisson's ratio is 0, so only shear between them differs."""
    columns = np.where(places(bone)[..., 1] > 0, 300.0, 100.0)
    model = replace(bone.model, poisson=np.zeros_like(bone.model.poisson))
    uneven = with_fields(replace(bone, model=model), columns, bone.yield_stress.array)
    assert left_share(uneven) == pytest.approx(0.75, abs=0.03)  # caps too are 100 and 300 here
