"""Named load cases on a round body of one density: which side is squeezed, and by how much."""

from __future__ import annotations

import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.simulation import (
    LoadCase,
    build_bone_model,
    estimate_linear,
    estimate_strength_linear,
    find_load_case,
    loaded_as,
    measure_fields,
    solve_voxel_model,
)
from spondyl.simulation.bone import BoneModel
from tests.unit.simulation.cylinder import HEIGHT, RADIUS, cylinder_spine

OFFSET = 2.0
SIDES = {LoadCase.FLEXION: (0, 1), LoadCase.EXTENSION: (0, -1), LoadCase.LEFT: (1, 1), LoadCase.RIGHT: (1, -1)}


@pytest.fixture(scope="module")
def bone() -> BoneModel:
    return build_bone_model(cylinder_spine(), "L1", voxel_mm=2.0)


@pytest.mark.parametrize("case", SIDES)
def test_the_side_of_the_force_is_squeezed_more(bone: BoneModel, case: LoadCase) -> None:
    """A round bar has σ = F/A (1 + 4 e x / R²), so that its halves bear 1 ± 16 e / (3 π R) at each height.

    Neither end slides, so the moment falls from the top down; at mid-height Timoshenko's beam has (1 + Φ) / (4 + Φ)
    of it, Φ = 12 EI / (0.9 G A L²). The body is no slender bar: 10 %.
    """
    model = loaded_as(bone, case, eccentricity_mm=OFFSET).model
    answer = solve_voxel_model(model)
    strain = measure_fields(model, answer.displacement).strain[2]
    layer = strain[..., strain.shape[2] // 2]
    axis, sign = SIDES[case]
    index = np.indices(layer.shape)[axis]
    inside = layer != 0
    side = sign * (index - index[inside].mean()) > 0
    shear = 12 * RADIUS**2 / 4 * 2 * 1.3 / (0.9 * HEIGHT**2)
    share = 16 * OFFSET / (3 * np.pi * RADIUS) * (1 + shear) / (4 + shear)
    assert layer[inside & side].sum() / layer[inside & ~side].sum() == pytest.approx((1 + share) / (1 - share), rel=0.1)
    expected = [sign * OFFSET if a == axis else 0.0 for a in range(2)]
    assert answer.offset_mm == pytest.approx(expected, abs=1e-3)


def test_axial_changes_nothing_and_a_tilt_has_no_map(bone: BoneModel) -> None:
    assert loaded_as(bone, LoadCase.AXIAL) is bone
    bent = loaded_as(bone, LoadCase.LEFT)
    assert estimate_linear(bone).pistoia_n is not None and estimate_linear(bent).pistoia_n is None
    with pytest.raises(InputError, match="axial force alone"):
        estimate_strength_linear(bent)


def test_what_is_no_case_or_beside_the_top_is_refused(bone: BoneModel) -> None:
    with pytest.raises(InputError, match="flexion, extension, left, right"):
        find_load_case("sideways")
    with pytest.raises(InputError, match="off its middle"):
        loaded_as(bone, LoadCase.RIGHT, eccentricity_mm=30.0)
