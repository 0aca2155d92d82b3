import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from spondyl.errors import InputError, NotConverged
from spondyl.numerics import elasticity as el
from spondyl.numerics.equilibrium import Problem, _Forces, conjugate_gradients, memory_bytes


def problem(modulus: np.ndarray, *, forces: np.ndarray | None = None) -> Problem:
    nodes = (3, *(n + 1 for n in modulus.shape))
    held, value = np.zeros(nodes, bool), np.zeros(nodes)
    held[:, :, :, 0] = True
    if forces is None:
        held[:, :, :, -1] = True
        value[2, :, :, -1] = -0.1
    return Problem(el.isotropic(modulus, 0.3), 1.5, held, value, forces)


def body(seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(10, 1000, (7, 9, 11))


def test_displacements_and_energy_of_a_random_field() -> None:
    given = problem(body())
    found = conjugate_gradients(rtol=1e-7)(given)
    true = el.solve_direct(given.coefficients, given.edge, given.held, given.prescribed)
    energy = float(np.vdot(true, el.apply_stiffness(given.coefficients, given.edge, true)))
    assert np.linalg.norm(found.displacement - true) < 1e-6 * np.linalg.norm(true)
    assert found.energy_n_mm == pytest.approx(energy, rel=1e-10)
    assert found.residuals[-1] <= 1e-7 < found.residuals[-2]


def test_a_tolerance_beyond_single_precision_is_met_in_truth() -> None:
    given = problem(body())
    found = conjugate_gradients(rtol=1e-11)(given)
    forces = el.apply_stiffness(given.coefficients, given.edge, found.displacement)
    start = el.apply_stiffness(given.coefficients, given.edge, given.prescribed * given.held)
    true = np.linalg.norm(forces[~given.held]) / np.linalg.norm(start[~given.held])
    assert found.residuals[-1] == pytest.approx(true, rel=1e-3)  # the rest is rounding in double precision
    assert true <= 1e-11


@pytest.mark.parametrize("threads", [1, 2])
def test_forces_that_lack_are_summed_some_planes_at_a_time(threads: int) -> None:
    rng = np.random.default_rng(2)
    modulus = rng.uniform(10, 1000, (19, 4, 5))
    modulus[7:9, 1:] = 0.0
    given = problem(modulus, forces=rng.normal(size=(3, 20, 5, 6)))
    kept = np.ones(modulus.shape, bool)
    kept[12] = False
    inverse = np.pad(rng.integers(0, 2, (3, 20, 5, 6)), ((0, 0), (0, 0), (0, 0), (0, 11))).astype(np.float32)
    answer = rng.normal(size=inverse.shape) * (np.arange(17) < 6)
    residual = np.full_like(inverse, 7.0)
    given = replace(given, coefficients=given.coefficients * kept)
    found = _Forces(given, inverse).lacking(answer[..., :6], threads, 3.0, residual)
    coefficients = np.pad(given.coefficients, ((0, 0), (0, 0), (0, 0), (0, 11)))
    forces = el.apply_stiffness(coefficients, given.edge, answer)
    lack = np.pad(given.forces, ((0, 0), (0, 0), (0, 0), (0, 11))) - forces  # type: ignore[arg-type]
    free = inverse != 0
    assert np.abs(residual - np.where(free, lack, 0) / 3.0).max() < 1e-6 * np.abs(lack).max()
    assert found.lack == pytest.approx(np.linalg.norm(lack[free]), rel=1e-12)
    assert found.carried == pytest.approx(np.linalg.norm(lack[~free]), rel=1e-12)
    assert found.energy == pytest.approx(np.vdot(answer, forces), rel=1e-12)


def test_transverse_isotropy_and_a_force() -> None:
    shape = (5, 4, 6)
    forces = np.zeros((3, 6, 5, 7))
    forces[:, 5, 4, 6] = 1.0, -2.0, -3.0
    given = problem(np.ones(shape), forces=forces)
    across = el.transversely_isotropic(
        body()[:5, :4, :6], ratio=1 / 3, poisson_axial=0.3, poisson_transverse=0.2, shear_axial=0.25
    )
    given = Problem(across, 1.5, given.held, given.prescribed, forces)
    found = conjugate_gradients(rtol=1e-9)(given)
    true = el.solve_direct(across, 1.5, given.held, given.prescribed, forces)
    assert np.linalg.norm(found.displacement - true) < 1e-7 * np.linalg.norm(true)
    assert found.energy_n_mm == pytest.approx(float(np.vdot(forces, true)), rel=1e-9)


def test_a_start_near_the_answer_saves_iterations() -> None:
    given = problem(body())
    first = conjugate_gradients()(given)
    again = conjugate_gradients()(given, first.displacement)
    assert again.iterations <= 1
    assert again.energy_n_mm == pytest.approx(first.energy_n_mm, rel=1e-12)


def test_an_island_is_taken_away_and_told() -> None:
    whole = body()
    whole[:, :, 5:8] = 0.0
    whole[2:4, 2, 6] = 50.0
    whole[3, 3, 5:8] = 100.0  # one pillar, which touches the island: no island
    assert conjugate_gradients()(problem(whole)).removed_voxels == 0
    whole[3, 3, 5:8] = 0.0
    whole[6, 8, 5:8] = 100.0
    found = conjugate_gradients()(problem(whole))
    assert found.removed_voxels == 2
    assert not found.displacement[:, 2:5, 2:4, 6:8].any()


def test_a_loaded_island_is_refused() -> None:
    whole = body()
    whole[:, :, 5] = 0.0
    forces = np.zeros((3, 8, 10, 12))
    forces[2, 3, 3, 11] = -1.0
    with pytest.raises(InputError, match="nothing holds them"):
        conjugate_gradients()(problem(whole, forces=forces))
    with pytest.raises(InputError, match="without material"):
        whole[:, :, 5:] = 0.0
        conjugate_gradients()(problem(whole, forces=forces))


def test_a_loaded_hinge_does_not_converge() -> None:
    """Two voxels that share one node: the upper one turns about it."""
    modulus = np.zeros((2, 2, 2))
    modulus[0, 0, 0] = modulus[1, 1, 1] = 100.0
    forces = np.zeros((3, 3, 3, 3))
    forces[0, 2, 2, 2] = 1.0
    with pytest.raises(NotConverged) as caught:
        conjugate_gradients(iterations=100)(problem(modulus, forces=forces))
    assert caught.value.residuals[0] == pytest.approx(1.0, abs=1e-6)  # their unit is known in single precision


def test_what_does_not_fit_is_refused_before_it_starts() -> None:
    with pytest.raises(InputError, match="GiB"):
        conjugate_gradients(memory_limit=memory_bytes((7, 9, 11)) - 1)(problem(body()))


def test_the_memory_that_is_known_beforehand_is_enough() -> None:
    """A body of unlike moduli takes nearly all of it, one of a single modulus some half."""
    unlike = np.random.default_rng(3).uniform(10, 10_000, (32, 32, 32))
    padded = unlike[:, :, :17], np.tile(unlike[:, :, :3], (2, 2, 1))  # to 32 and 16, for which vectors are made
    for modulus, least in ((unlike, 0.75), (np.full((32, 32, 32), 100.0), 0.3), *((thin, 0.6) for thin in padded)):
        given = problem(modulus)
        conjugate_gradients(rtol=0.1)(given)  # what is loaded once does not count
        tracemalloc.start()
        conjugate_gradients(rtol=0.1)(given)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert least < peak / memory_bytes(modulus.shape) < 1.0


def test_a_part_that_is_taken_away_may_hold_no_number() -> None:
    bone = np.zeros((5, 5, 9))
    bone[:2] = 100.0
    alone = conjugate_gradients()(problem(bone)).displacement
    given = problem(bone)
    given.held[:, 3:] = False
    given.coefficients[:, 3:, 2:4, 3:5] = np.nan
    found = conjugate_gradients()(given)
    assert found.removed_voxels == 8 and np.array_equal(found.displacement, alone)


def test_nothing_held_is_refused() -> None:
    given = problem(body())
    with pytest.raises(InputError, match="nothing is held"):
        conjugate_gradients()(Problem(given.coefficients, 1.5, np.zeros_like(given.held), given.prescribed))
    with pytest.raises(InputError, match="shape"):
        Problem(given.coefficients, 1.5, given.held[:2], given.prescribed)
