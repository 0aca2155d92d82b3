"""Random voxel bodies against elimination: the right answer, or an error that names the cause; never a wrong number.

Islands that float, contacts by one node or edge, plates one voxel thick, all-soft bodies, moduli from 1e-4 to 1e4 MPa.
"""

import numpy as np
import pytest

from spondyl.errors import InputError, NotConverged
from spondyl.numerics import elasticity as el
from spondyl.numerics.equilibrium import Problem, conjugate_gradients, held_parts

GROUPS = 10
BODIES = 30  # of each group: 300 in all


def random_problem(rng: np.random.Generator) -> Problem:
    shape = tuple(int(n) for n in rng.integers(1, [5, 5, 7]))
    modulus = 10 ** rng.choice([rng.uniform(-4, 4, shape), np.full(shape, -4.0), rng.choice([-4.0, 4.0], shape)])
    modulus[rng.random(shape) < rng.choice([0.0, 0.2, 0.5, 0.75])] = 0.0
    if rng.random() < 0.2:
        modulus[:, :, shape[2] // 2] = 1e4  # a plate
    nodes = (3, *(n + 1 for n in shape))
    held, value = np.zeros(nodes, bool), np.zeros(nodes)
    kind = rng.choice(["platens", "smooth", "tilted", "nodes", "force"])
    if kind == "nodes":
        held[:] = rng.random(nodes) < 0.15
        value[:] = rng.normal(size=nodes)
    else:
        held[:, :, :, 0] = True
        if kind != "force":
            held[slice(2, 3) if kind == "smooth" else slice(None), :, :, -1] = True
            value[2, :, :, -1] = -0.1
        if kind == "tilted":
            value[2, :, :, -1] += 0.02 * np.arange(nodes[1])[:, None]
    forces = None
    if kind == "force":
        forces = np.zeros(nodes)
        forces[:, :, :, -1] = rng.normal(size=(3, *nodes[1:3]))
        forces *= touched(modulus)
    return Problem(el.isotropic(modulus, rng.uniform(0, 0.45, shape)), 1.3, held, value, forces)


def touched(modulus: np.ndarray) -> np.ndarray:
    nodes = np.zeros([n + 1 for n in modulus.shape], bool)
    a, b, c = modulus.shape
    for i, j, k in el.CORNERS:
        nodes[i : i + a, j : j + b, k : k + c] |= modulus > 0
    return nodes


def true_energy(problem: Problem) -> tuple[float, float]:
    """By least squares in float64, which a part that hangs on a hinge does not spoil; and its rounding."""
    coefficients = np.where(held_parts(problem)[0], problem.coefficients, 0.0)
    matrix = el.assembled(coefficients, problem.edge)
    start = np.where(problem.held, problem.prescribed, 0.0).ravel()
    load = -(matrix @ start) + (0.0 if problem.forces is None else problem.forces.ravel())
    diagonal = matrix.diagonal()
    free = np.flatnonzero(~problem.held.ravel() & (diagonal > 0))
    answer = start
    if free.size:
        scale = 1 / np.sqrt(diagonal[free])
        dense = scale[:, None] * matrix[free][:, free].toarray() * scale
        values, vectors = np.linalg.eigh(dense)
        kept = values > 1e-13 * values[-1]
        answer[free] = scale * (vectors[:, kept] @ ((vectors[:, kept].T @ (scale * load[free])) / values[kept]))
    size = float(np.abs(answer) @ (abs(matrix) @ np.abs(answer)))
    return float(answer @ (matrix @ answer)), 10 * np.finfo(float).eps * size


@pytest.mark.parametrize("group", range(GROUPS))
def test_right_answer_or_a_named_error(group: int) -> None:
    solved = 0
    for number in range(BODIES):
        problem = random_problem(np.random.default_rng([group, number]))
        try:
            found = conjugate_gradients(rtol=1e-8, force_rtol=1e-6)(problem)
        except (InputError, NotConverged) as error:
            assert str(error)
            continue
        solved += 1
        true, rounding = true_energy(problem)
        # a contrast of 1e8 leaves the truth itself, of float64, no better than this
        assert found.energy_n_mm == pytest.approx(true, rel=1e-6, abs=rounding), (group, number)
    assert solved > BODIES / 2
