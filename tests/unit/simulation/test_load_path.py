"""Load paths between platens against the closed form of a bar, and bad input."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.numerics.plasticity import CRUSHABLE, VON_MISES, YieldLaw
from spondyl.simulation import VoxelModel, build_voxel_model, follow_load_path, load_between_platens
from spondyl.space import Volume

Field = Callable[..., Volume]
SHAPE, EDGES = (4, 5, 3), (5.0, 4.0, 10.0)  # 20 x 20 x 30 mm


@pytest.fixture
def bar(field: Field, ends: Field) -> VoxelModel:
    labels = ends(SHAPE, EDGES)
    given: dict[str, Any] = {"top": 6, "bottom": 5, "displacement_mm": -0.3, "lateral": "free"}
    return build_voxel_model(field(np.full(SHAPE, 300.0), EDGES), labels, **given)


@pytest.mark.parametrize("law", [VON_MISES, CRUSHABLE], ids=["von Mises", "crushable"])
@pytest.mark.parametrize("integration", ["full", "one_point"])
def test_a_bar_of_perfect_plasticity(law: YieldLaw, integration: str, bar: VoxelModel, field: Field) -> None:
    """Case A01 that yields at 1.5 MPa, 0.5 %: 300 N a step of 0.075 mm up to 600 N, whatever the law."""
    found = follow_load_path(bar, field(np.full(SHAPE, 1.5), EDGES), law=law, steps=4, integration=integration)
    assert found.curve is not None
    assert [point.displacement_mm for point in found.curve] == pytest.approx([-0.075, -0.15, -0.225, -0.3])
    forces = [point.reaction_n for point in found.curve]
    assert forces == pytest.approx([300.0, 600.0, 600.0, 600.0], rel=1e-4)  # the tolerance of the residual
    assert found.stiffness_n_per_mm == pytest.approx(4000.0, rel=1e-9)
    assert found.reaction_n == forces[-1] and found.residual <= 1e-4 and found.iterations > 0


def test_hardening_and_a_weaker_tension(bar: VoxelModel, field: Field) -> None:
    """Pulled by 1 %, a bar with H = 2 of 1.5 MPa yields at 0.8 of it and follows E H' / (E + H')."""
    pulled = VoxelModel(**{**bar.__dict__, "displacement_mm": 0.3})
    strength = field(np.full(SHAPE, 1.5), EDGES)
    found = follow_load_path(pulled, strength, law=CRUSHABLE, steps=3)
    assert found.reaction_n == pytest.approx(0.8 * 1.5 * 400, rel=1e-3)
    found = follow_load_path(bar, strength, law=YieldLaw(hardening=2.0), steps=3)
    slope = 300 * 3.0 / (300 + 3.0)
    assert found.reaction_n == pytest.approx((1.5 + slope * (0.01 - 0.005)) * 400, rel=1e-3)


def test_what_never_yields_answers_as_the_linear_model(bar: VoxelModel, field: Field, ends: Field) -> None:
    modulus = np.random.default_rng(0).uniform(50, 500, SHAPE)
    given: dict[str, Any] = {"top": 6, "bottom": 5, "displacement_mm": -0.3, "lateral": "held"}
    fields = field(modulus, EDGES), ends(SHAPE, EDGES)
    linear = load_between_platens(*fields, **given)
    found = follow_load_path(build_voxel_model(*fields, **given), field(np.zeros(SHAPE), EDGES), steps=2)
    assert found.reaction_n == pytest.approx(linear.reaction_n, rel=1e-6)
    assert found.displacement == pytest.approx(linear.displacement, abs=1e-4 * 0.3)


@pytest.mark.parametrize("value", [-1.0, np.nan])
def test_bad_strengths_are_refused(value: float, bar: VoxelModel, field: Field) -> None:
    array = np.full(SHAPE, 1.5)
    array[0, 0, 0] = value
    with pytest.raises(InputError, match="yield stresses hold"):
        follow_load_path(bar, field(array, EDGES))


def test_another_grid_and_no_steps_are_refused(bar: VoxelModel, field: Field) -> None:
    with pytest.raises(InputError, match="different grids"):
        follow_load_path(bar, field(np.ones((4, 5, 4)), EDGES))
    with pytest.raises(InputError, match="0 steps"):
        follow_load_path(bar, field(np.ones(SHAPE), EDGES), steps=0)
