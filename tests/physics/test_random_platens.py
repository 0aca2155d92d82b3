"""Random voxel models between platens against eigenvectors: the right reaction, or an error that names the cause.

Islands, stumps, contacts by one node or edge, all-soft models, contrast of 1e8, boxes of any shape, held and sliding.
"""

from typing import Any

import numpy as np
import pytest

from spondyl.errors import InputError, NotConverged
from spondyl.numerics import elasticity as el
from spondyl.simulation import VoxelModel, build_voxel_model, solve_voxel_model
from spondyl.space import Geometry, Volume

GROUPS = 5
MODELS = 30  # of each group


def random_model(rng: np.random.Generator) -> VoxelModel:
    axis = int(rng.integers(3))
    shape = tuple(int(n) for n in rng.integers(1, 6, 3))
    modulus = 10 ** rng.choice([rng.uniform(-4, 4, shape), np.full(shape, -4.0), rng.choice([-4.0, 4.0], shape)])
    modulus[rng.random(shape) < rng.choice([0.0, 0.2, 0.5, 0.7])] = 0.0
    labels = np.zeros(shape, np.uint8)
    along = np.moveaxis(labels, axis, 0)
    along[-1], along[0] = 6, 5
    geometry = Geometry(np.diag([*rng.choice([[1.0, 1.0, 1.0], rng.uniform(0.5, 2, 3)]), 1.0]), shape)
    given: dict[str, Any] = {"top": 6, "bottom": 5, "displacement_mm": -0.1, "axis": axis}
    given |= {"lateral": str(rng.choice(["free", "held"])), "poisson": float(rng.uniform(0, 0.45))}
    return build_voxel_model(Volume(modulus, geometry, "MPa"), Volume(labels, geometry, "1"), **given)


def true_reaction(model: VoxelModel) -> tuple[float, float]:
    """By eigenvectors in float64, which what is free to move does not spoil; and its rounding."""
    matrix = el.assembled(model.coefficients, model.edges)
    diagonal = matrix.diagonal()
    held = model.platens.held(model.lateral == "held").ravel()
    answer = model.platens.moved(model.displacement_mm).ravel()
    free = np.flatnonzero(~held & (diagonal > 0))
    if free.size:
        load = -(matrix @ answer)
        scale = 1 / np.sqrt(diagonal[free])
        values, vectors = np.linalg.eigh(scale[:, None] * matrix[free][:, free].toarray() * scale)
        kept = values > 1e-13 * values[-1]
        answer[free] = scale * (vectors[:, kept] @ ((vectors[:, kept].T @ (scale * load[free])) / values[kept]))
    size = float(np.abs(answer) @ (abs(matrix) @ np.abs(answer)))
    unit = abs(model.displacement_mm)
    return float(answer @ (matrix @ answer)) / unit, 10 * np.finfo(float).eps * size / unit


@pytest.mark.parametrize("group", range(GROUPS))
def test_right_reaction_or_a_named_error(group: int) -> None:
    solved = 0
    for number in range(MODELS):
        try:
            model = random_model(np.random.default_rng([group, number]))
            found = solve_voxel_model(model)
        except (InputError, NotConverged) as error:
            assert str(error)
            continue
        solved += 1
        true, rounding = true_reaction(model)
        # a contrast of 1e8 leaves the truth itself, of float64, no better than this
        assert found.reaction_n == pytest.approx(true, rel=1e-6, abs=rounding), (group, number)
    assert solved > MODELS / 3
