import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.numerics import elasticity as el
from spondyl.numerics.boxes import solve_boxes, stretched
from spondyl.numerics.equilibrium import Problem, conjugate_gradients

EDGES = (0.6, 1.1, 2.0)


def problem(coefficients: np.ndarray) -> Problem:
    nodes = (3, *(n + 1 for n in coefficients.shape[1:]))
    held, value, forces = np.zeros(nodes, bool), np.zeros(nodes), np.zeros(nodes)
    held[:, :, :, 0] = held[2, :, :, -1] = True
    value[2, :, :, -1] = -0.1
    forces[0, -1, 2, 3], forces[1, -1, 2, 3] = 2.0, -1.0
    return Problem(coefficients, 1.0, held, value, forces)


def body() -> np.ndarray:
    rng = np.random.default_rng(3)
    modulus = rng.uniform(10, 1000, (6, 7, 8))
    modulus[rng.random(modulus.shape) < 0.2] = 0.0
    modulus[-1, 2, 3] = modulus[..., -1] = modulus[..., 0] = 50.0  # what is held or loaded is there
    return modulus


@pytest.mark.parametrize("across", [False, True])
def test_boxes_agree_with_elimination(across: bool) -> None:
    modulus = body()
    law = {"ratio": 1 / 3, "poisson_axial": 0.3, "poisson_transverse": 0.2, "shear_axial": 0.25}
    coefficients = el.transversely_isotropic(modulus, **law) if across else el.isotropic(modulus, 0.3)
    given = problem(coefficients)
    found = solve_boxes(given, EDGES, conjugate_gradients(rtol=1e-9))
    true = el.solve_direct(coefficients, EDGES, given.held, given.prescribed, given.forces)
    assert np.linalg.norm(found.displacement - true) < 1e-7 * np.linalg.norm(true)
    energy = float(np.vdot(true, el.apply_stiffness(coefficients, EDGES, true)))
    assert found.energy_n_mm == pytest.approx(energy, rel=1e-10)


def test_stiffness_of_a_stretched_cube_is_that_of_the_box() -> None:
    """The plain operators, on random displacements; the truth on boxes is checked by closed forms elsewhere."""
    coefficients = el.isotropic(body(), 0.3)
    cube = float(np.prod(EDGES) ** (1 / 3))
    stretch = (cube / np.array(EDGES)).reshape(3, 1, 1, 1)
    moved = np.random.default_rng(0).normal(size=(3, 7, 8, 9))
    box = el.apply_stiffness(coefficients, EDGES, moved * stretch) * stretch
    assert el.apply_stiffness(stretched(coefficients, EDGES), cube, moved) == pytest.approx(box, abs=1e-9)


def test_boxes_that_are_cubes_but_for_rounding_are_solved_as_cubes() -> None:
    seen: list[Problem] = []

    def solver(given: Problem) -> object:
        seen.append(given)
        return "solved"

    given = problem(el.isotropic(body(), 0.3))
    assert solve_boxes(given, (1.5, 1.5 + 1e-6, 1.5), solver) == "solved"  # type: ignore[arg-type]
    assert len(seen[0].coefficients) == 2 and seen[0].edge == pytest.approx(1.5)


def test_edges_that_are_no_lengths_are_refused() -> None:
    with pytest.raises(InputError, match="above 0"):
        solve_boxes(problem(el.isotropic(body(), 0.3)), (1.0, 0.0, 1.0), conjugate_gradients())
