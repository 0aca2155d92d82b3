"""Strain of pressed bone against displacements whose strain is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from spondyl.simulation import BoneModel, build_voxel_model, measure_pressed, solve_voxel_model
from spondyl.space import Volume
from spondyl.spine import Level

SHAPE = (3, 4, 5)


@pytest.fixture
def pressed(field: Callable[..., Volume], ends: Callable[..., Volume]) -> Callable[[np.ndarray], Any]:
    """The fields of a block whose top layer is a cap, under given displacements of its nodes."""
    model = build_voxel_model(
        field(np.full(SHAPE, 100.0)), ends(SHAPE), top=6, bottom=5, displacement_mm=-0.1, lateral="held"
    )
    density = np.full(SHAPE, 0.1)
    density[..., -1] = 0.0
    bone = cast(BoneModel, SimpleNamespace(level=Level.L1, model=model, density=field(density)))

    def measure(displacement: np.ndarray) -> Any:
        plastic = np.full(SHAPE, 0.02)
        return measure_pressed(
            bone, replace(solve_voxel_model(model), displacement=displacement, plastic_strain=plastic)
        )

    return measure


def displaced(gradient: np.ndarray) -> np.ndarray:
    nodes = np.stack(np.meshgrid(*(np.arange(n + 1.0) for n in SHAPE), indexing="ij"))
    return np.tensordot(gradient, nodes, 1)


@pytest.mark.parametrize("axis", range(3))
def test_shortening_along_an_axis_is_the_least_strain(pressed: Any, axis: int) -> None:
    found = pressed(displaced(np.diag([-0.03 if a == axis else 0.01 for a in range(3)])))
    assert found.least_strain.array[..., :-1] == pytest.approx(-0.03, rel=1e-5)  # single precision


@pytest.mark.parametrize(("i", "j"), [(0, 1), (0, 2), (1, 2)])
def test_simple_shear_shortens_by_half_of_it_along_a_diagonal(pressed: Any, i: int, j: int) -> None:
    """u_i = γ x_j has the tensor shear γ / 2, hence principal strains of ± γ / 2."""
    gradient = np.zeros((3, 3))
    gradient[i, j] = 0.02
    assert pressed(displaced(gradient)).least_strain.array[..., :-1] == pytest.approx(-0.01, rel=1e-5)


def test_caps_are_left_out(pressed: Any) -> None:
    found = pressed(displaced(np.diag([0.0, 0.0, -0.02])))
    assert not found.least_strain.array[..., -1].any() and not found.lasting_strain.array[..., -1].any()
    assert found.lasting_strain.array[..., 0] == pytest.approx(0.02)
