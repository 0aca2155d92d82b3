import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.numerics import elasticity as el

ROUND = 1e-11  # sums of a few hundred terms in float64


def grid(shape: tuple[int, int, int]) -> np.ndarray:
    return np.zeros((3, *(n + 1 for n in shape)))


def random_field(shape: tuple[int, int, int], seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    modulus = rng.uniform(10, 1000, shape)
    modulus[rng.random(shape) < 0.3] = 0.0
    return modulus, rng.uniform(0, 0.45, shape)


def test_rigid_motion_needs_no_force() -> None:
    modulus, poisson = random_field((4, 3, 5))
    for coefficients in (
        el.isotropic(modulus, poisson),
        el.transversely_isotropic(modulus, ratio=0.4, poisson_axial=0.3, poisson_transverse=0.2, shear_axial=0.3),
    ):
        for mode in el.rigid_modes((4, 3, 5), 1.5):
            forces = el.apply_stiffness(coefficients, 1.5, mode)
            assert np.abs(forces).max() < ROUND * 1e3 * np.abs(mode).max()


def test_twin_equals_the_assembled_matrix() -> None:
    modulus, poisson = random_field((4, 3, 5))
    coefficients = el.isotropic(modulus, poisson)
    u = np.random.default_rng(2).normal(size=grid((4, 3, 5)).shape)
    plain = el.apply_stiffness(coefficients, 0.7, u)
    assert np.allclose(plain.ravel(), el.assembled(coefficients, 0.7) @ u.ravel(), atol=1e-9, rtol=0)


def test_patch_of_linear_displacement_has_its_stress() -> None:
    """hughes2000: a linear field is reproduced, forces at inner nodes vanish."""
    shape = (4, 4, 4)
    coefficients = el.isotropic(np.full(shape, 300.0), 0.3)
    gradient = np.array([[1.0, 0.2, -0.3], [0.1, -0.5, 0.4], [0.25, 0.0, 0.7]]) * 1e-3
    points = np.stack(np.meshgrid(*[np.arange(5.0) * 2.0] * 3, indexing="ij"))
    u = np.tensordot(gradient, points, 1)
    forces = el.apply_stiffness(coefficients, 2.0, u)
    assert np.abs(forces[:, 1:-1, 1:-1, 1:-1]).max() < ROUND
    strain = (gradient + gradient.T) / 2
    lame, shear = 300 * 0.3 / (1.3 * 0.4), 300 / 2.6
    expected = lame * np.trace(strain) * np.eye(3) + 2 * shear * strain
    found = el.stress(coefficients, el.centre_strain(u, 2.0))[:, 1, 2, 3]
    assert found == pytest.approx([expected[i] for i in ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))], rel=1e-10)


def test_isotropy_is_a_case_of_orthotropy() -> None:
    modulus, _ = random_field((3, 3, 3))
    u = np.random.default_rng(3).normal(size=grid((3, 3, 3)).shape)
    same = el.transversely_isotropic(
        modulus, ratio=1.0, poisson_axial=0.3, poisson_transverse=0.3, shear_axial=1 / 2.6, axis=1
    )
    one, other = el.apply_stiffness(el.isotropic(modulus, 0.3), 1.0, u), el.apply_stiffness(same, 1.0, u)
    assert np.allclose(one, other, rtol=0, atol=1e-9)
    strain = el.centre_strain(u, 1.0)
    assert np.allclose(el.stress(el.isotropic(modulus, 0.3), strain), el.stress(same, strain), rtol=0, atol=1e-9)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_transverse_isotropy_pulls_as_its_moduli_say(axis: int) -> None:
    """One free block stretched along each axis: the force is modulus times area times strain."""
    coefficients = el.transversely_isotropic(
        np.full((2, 2, 2), 300.0), ratio=1 / 3, poisson_axial=0.3, poisson_transverse=0.2, shear_axial=0.25, axis=axis
    )
    for pulled in range(3):
        u = stretched(coefficients, pulled)
        force = np.moveaxis(el.apply_stiffness(coefficients, 1.0, u)[pulled], pulled, 0)[-1].sum()
        assert force == pytest.approx((300.0 if pulled == axis else 100.0) * 4 * 0.01, rel=1e-10)


def stretched(coefficients: np.ndarray, axis: int) -> np.ndarray:
    """By 1 %, sides free to slide and to draw in."""
    held, value = np.zeros((2, 3, 3, 3, 3), bool), grid((2, 2, 2))
    for plane in range(3):
        np.moveaxis(held[0][plane], plane, 0)[0] = True
    np.moveaxis(held[0][axis], axis, 0)[-1] = True
    np.moveaxis(value[axis], axis, 0)[-1] = 0.02
    return el.solve_direct(coefficients, 1.0, held[0], value)


def test_pressure_on_all_sides_is_a_uniform_stress_and_sums_to_nothing() -> None:
    solid = np.zeros((5, 5, 5), bool)
    solid[1:4, 1:4, 1:4] = True
    forces = el.pressure_forces(solid, ~solid, 0.5, 2.0)
    stresses = np.zeros((6, 5, 5, 5))
    stresses[:3, solid] = -0.5
    assert np.allclose(forces, el.stress_forces(stresses, 2.0), atol=1e-12)
    assert np.abs(forces.sum((1, 2, 3))).max() < 1e-12
    assert np.abs(forces).max() > 0.4


def test_a_free_body_takes_its_eigenstrain() -> None:
    coefficients = el.isotropic(np.full((3, 3, 3), 300.0), 0.3)
    wanted = np.zeros((6, 3, 3, 3))
    wanted[:3] = 0.004
    wanted[5] = 0.002
    held = np.zeros((3, 4, 4, 4), bool)
    held[:, 0, 0, 0] = held[1:, 3, 0, 0] = held[2, 0, 3, 0] = True
    forces = el.stress_forces(el.stress(coefficients, wanted), 1.0)
    u = el.solve_direct(coefficients, 1.0, held, grid((3, 3, 3)), forces)
    assert np.allclose(el.centre_strain(u, 1.0), wanted, atol=1e-12)


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_bad_moduli_are_refused(value: float) -> None:
    modulus = np.ones((2, 2, 2))
    modulus[0, 1, 1] = value
    with pytest.raises(InputError, match="0 for void"):
        el.isotropic(modulus, 0.3)


def test_impossible_ratios_are_refused() -> None:
    with pytest.raises(InputError, match="Poisson"):
        el.isotropic(np.ones((2, 2, 2)), 0.5)
    with pytest.raises(InputError, match="energy"):
        el.transversely_isotropic(
            np.ones((2, 2, 2)), ratio=10.0, poisson_axial=0.45, poisson_transverse=0.45, shear_axial=0.3
        )
