"""The compiled operator against its NumPy twin."""

import numpy as np
import pytest

from spondyl.numerics import elasticity as el
from spondyl.numerics.operators import Operator, voxel_diagonal

SHAPE, EDGE = (7, 6, 80), 1.5
RNG = np.random.default_rng(0)


def coefficients(material: str) -> np.ndarray:
    """A random body with void voxels, void rows and a void plane at one end."""
    modulus = RNG.uniform(10, 1000, SHAPE)
    modulus[RNG.random(SHAPE) < 0.3] = 0.0
    modulus[3:5, 2:4] = modulus[:, 0, 64:] = modulus[:, 5, :64] = modulus[6] = 0.0
    if material == "isotropic":
        return el.isotropic(modulus, RNG.uniform(0, 0.45, SHAPE))
    return el.transversely_isotropic(
        modulus, ratio=0.4, poisson_axial=0.3, poisson_transverse=0.2, shear_axial=0.3, axis=0
    )


@pytest.mark.parametrize(
    ("material", "kind"), [("isotropic", np.float64), ("isotropic", np.float32), ("along x", np.float32)]
)
@pytest.mark.parametrize("threads", [1, 3])
def test_compiled_equals_plain(material: str, kind: type, threads: int) -> None:
    given = coefficients(material)
    u = RNG.normal(size=(3, 8, 7, 81)).astype(kind)
    found = np.full_like(u, 7.0)  # what stands there before must not matter
    operator = Operator(given, EDGE, kind, threads)
    for _ in range(2):  # nor what the last pass left
        operator(u, found)
    plain = el.apply_stiffness(given, EDGE, u.astype(float))
    assert np.abs(found - plain).max() < 20 * np.finfo(kind).eps * np.abs(plain).max()


@pytest.mark.parametrize(("material", "directions"), [("isotropic", 1), ("along x", 3)])
def test_the_diagonal_is_that_of_the_sparse_matrix(material: str, directions: int) -> None:
    given = coefficients(material)
    found = voxel_diagonal(given, EDGE)
    truth = el.assembled(given, EDGE).diagonal().reshape(3, 8, 7, 81)
    assert len(found) == directions
    np.testing.assert_allclose(np.broadcast_to(found, truth.shape), truth, rtol=1e-12, atol=1e-9 * truth.max())


@pytest.mark.parametrize("threads", [1, 2])
def test_forces_are_used_plane_by_plane(threads: int) -> None:
    """What lacks to the load, and a step of the smoother that changes the displacement while planes still need it."""
    given = coefficients("isotropic")
    u, right, change = (RNG.normal(size=(3, 8, 7, 81)).astype(np.float32) for _ in range(3))
    inverse = RNG.uniform(0, 1e-3, u.shape).astype(np.float32)
    inverse[RNG.random(u.shape) < 0.3] = 0.0
    inverse *= voxel_diagonal(given, EDGE) != 0
    forces = el.apply_stiffness(given, EDGE, u.astype(float))
    close = 40 * np.finfo(np.float32).eps * np.abs(forces).max()
    operator, found = Operator(given, EDGE, np.float32, threads), np.empty_like(u)
    operator.lack(u, right, inverse, found)
    assert np.abs(found - np.where(inverse != 0, right - forces, 0)).max() < close
    before, expected = u.copy(), 0.3 * change + 0.7 * inverse * (right - forces)
    operator.smooth(u, right, inverse, change, 0.3, 0.7)
    there = inverse != 0
    assert np.abs(change - expected)[there].max() < close * 1e-3
    assert np.abs(u - before - expected)[there].max() < close * 1e-3 + 1e-6


@pytest.mark.parametrize("threads", [1, 2])
def test_rows_of_nodes_are_smoothed_alone(threads: int) -> None:
    """Others stay as they are, though their displacements make forces on those that move."""
    given = coefficients("isotropic")
    u, right, change = (RNG.normal(size=(3, 8, 7, 81)).astype(np.float32) for _ in range(3))
    inverse = np.where(voxel_diagonal(given, EDGE) > 0, np.full(u.shape, 1e-3), 0).astype(np.float32)
    rows = np.zeros((8, 7), bool)
    rows[1, 2:4] = rows[4:6, 1] = rows[6, 6] = True
    forces = el.apply_stiffness(given, EDGE, u.astype(float))
    before, steps = u.copy(), 0.3 * change + 0.7 * inverse * (right - forces)
    expected = np.where(rows[..., None] & (inverse != 0), steps, 0)
    Operator(given, EDGE, np.float32, threads).narrowed(rows).smooth(u, right, inverse, change, 0.3, 0.7)
    assert (
        np.abs(u - before - expected)[inverse != 0].max() < 40 * np.finfo(np.float32).eps * np.abs(forces).max() * 1e-3
    )
