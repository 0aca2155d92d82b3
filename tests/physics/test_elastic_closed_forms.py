"""Cases A01-A03 of the physics handbook's validation list: closed forms that voxels must meet."""

import numpy as np
import pytest

from spondyl.numerics import elasticity as el

EXACT = 1e-9  # rounding of a direct solution in float64; the fields are linear in each voxel


def squeezed(coefficients: np.ndarray, edge: float, shortening: float, *, sides_held: bool = False) -> np.ndarray:
    """Displacements of a block on a smooth floor, its top pressed down."""
    shape = (3, *(n + 1 for n in coefficients.shape[1:]))
    held, value = np.zeros(shape, bool), np.zeros(shape)
    held[2, :, :, 0] = held[2, :, :, -1] = held[0, 0] = held[1, :, 0] = True
    if sides_held:
        held[0, -1] = held[1, :, -1] = True
    value[2, :, :, -1] = -shortening
    return el.solve_direct(coefficients, edge, held, value)


def force_on_top(coefficients: np.ndarray, edge: float, displacement: np.ndarray) -> float:
    return float(-el.apply_stiffness(coefficients, edge, displacement)[2, :, :, -1].sum())


@pytest.mark.parametrize("edge", [5.0, 10.0, 2.5])
def test_a01_uniaxial_block(edge: float) -> None:
    coefficients = el.isotropic(np.full((int(20 / edge), int(20 / edge), int(30 / edge)), 300.0), 0.3)
    free = squeezed(coefficients, edge, 0.3)
    assert force_on_top(coefficients, edge, free) == pytest.approx(1200.0, rel=EXACT)
    strain = el.centre_strain(free, edge)
    assert strain[2] == pytest.approx(-0.01, rel=EXACT)
    assert strain[0] == pytest.approx(0.003, rel=EXACT)
    confined = squeezed(coefficients, edge, 0.3, sides_held=True)
    assert force_on_top(coefficients, edge, confined) == pytest.approx(300 * 0.7 / (1.3 * 0.4) * 400 * 0.01, rel=EXACT)


def test_a02_columns_in_series_and_side_by_side() -> None:
    modulus = np.full((5, 5, 10), 300.0)
    pillar, slab, short = modulus.copy(), modulus.copy(), modulus.copy()
    pillar[:, 2] = 2300.0  # a fifth of the area
    slab[:, :, 4:6] = 2300.0  # a fifth of the height
    short[:, 2, 2:8] = 2300.0
    found = []
    for field in (pillar, slab, short):
        coefficients = el.isotropic(field, 0.0)
        found.append(force_on_top(coefficients, 4.0, squeezed(coefficients, 4.0, 0.4)) / (400 * 0.01))
    assert found[0] == pytest.approx(0.8 * 300 + 0.2 * 2300, rel=EXACT)
    assert found[1] == pytest.approx(1 / (0.8 / 300 + 0.2 / 2300), rel=EXACT)
    assert 1 / (0.88 / 300 + 0.12 / 2300) < found[2] < found[0]


def test_a03_eccentric_load_bends() -> None:
    """F 1000 N, 5 mm off the axis, on 40 x 30 mm: no stress at one face, twice the mean at the other, and its turn."""
    edge, shape = 2.5, (16, 12, 16)
    coefficients = el.isotropic(np.full(shape, 300.0), 0.3)
    across = (np.arange(shape[1]) + 0.5) * edge - 15.0
    traction = np.zeros((6, *shape))
    traction[2] = (-1000 / 1200 * (1 + 12 * 5 * across / 30**2))[None, :, None]
    balanced = el.stress_forces(traction, edge)
    forces = np.zeros_like(balanced)
    forces[2, :, :, -1] = balanced[2, :, :, -1]
    lever = (np.arange(shape[1] + 1) * edge - 15.0)[None, :]
    moment = -float((forces[2, :, :, -1] * lever).sum())
    held = np.zeros(forces.shape, bool)
    held[2, :, :, 0] = held[0, 8, :, 0] = held[1, :, 6, 0] = True
    found = el.solve_direct(coefficients, edge, held, np.zeros(forces.shape), forces)
    stress = el.stress(coefficients, el.centre_strain(found, edge))[2, 8, :, 8]
    slope, mean = np.polyfit(across, stress, 1)
    assert -float(forces[2].sum()) == pytest.approx(1000.0)
    assert moment == pytest.approx(1000 * 5.0, rel=0.01)
    assert mean - 15 * slope == pytest.approx(0.0, abs=0.02 * 1.667)  # the case asks for 2 %
    assert mean + 15 * slope == pytest.approx(-1.667, rel=0.02)
    top = found[2, 8, :, -1]
    turn = float(top[0] - top[-1]) / 30
    assert turn == pytest.approx(1000 * 5 * 40 / (300 * 40 * 30**3 / 12), rel=0.02)
