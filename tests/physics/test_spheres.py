"""Cases A05 and A07 of the validation list: a cavity under pressure and a stiff ball, in a large elastic body."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from spondyl.numerics import elasticity as el
from spondyl.numerics.equilibrium import Problem, conjugate_gradients

MODULUS, POISSON = 300.0, 0.3
SHEAR = MODULUS / (2 * (1 + POISSON))


def octant(voxels: int, edge: float) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Middles of voxels and places of nodes, shape (3, ...), and what symmetry and the outer faces hold."""
    middles = (np.stack(np.meshgrid(*[np.arange(voxels) + 0.5] * 3, indexing="ij"))) * edge
    nodes = (np.stack(np.meshgrid(*[np.arange(voxels + 1.0)] * 3, indexing="ij"))) * edge
    held = np.zeros(nodes.shape, bool)
    held[0, 0] = held[1, :, 0] = held[2, :, :, 0] = True
    held[:, -1] = held[:, :, -1] = held[:, :, :, -1] = True
    return middles, nodes, held


def wall_of_cavity(per_radius: int) -> tuple[float, float]:
    """Displacement of the wall over p a / (4 G), and the worst of the decay beyond two radii over (a / r)²."""
    radius, pressure = 5.0, 0.5
    edge = radius / per_radius
    middles, nodes, held = octant(5 * per_radius, edge)
    solid = np.linalg.norm(middles, axis=0) > radius
    a = np.cbrt(6 * np.count_nonzero(~solid) * edge**3 / np.pi)  # of the cavity as voxels have it
    r = np.maximum(np.linalg.norm(nodes, axis=0), edge)
    exact = pressure * a**3 / (4 * SHEAR * r**3) * nodes
    coefficients = el.isotropic(np.where(solid, MODULUS, 0.0), POISSON)
    push = el.pressure_forces(solid, ~solid, pressure, edge)
    found = conjugate_gradients(rtol=1e-6)(Problem(coefficients, edge, held, exact, push)).displacement
    outwards = (found * nodes).sum(axis=0) / r * (r / a) ** 2 / (pressure * a / (4 * SHEAR))
    has_solid = np.abs(found).sum(axis=0) > 0
    wall = outwards[has_solid & (np.abs(r - a) < edge / 2)].mean()
    far = outwards[(r > 2 * a) & (r < 4 * a)]
    return float(wall), float(np.abs(far - 1).max())


def test_a05_pressed_cavity() -> None:
    """Asked: the wall within 5 % at ten voxels a radius, the decay within 3 %; a stair-step wall is of first order."""
    coarse, fine = wall_of_cavity(5), wall_of_cavity(10)
    assert fine[0] == pytest.approx(1.0, abs=0.05)
    assert fine[1] < 0.03
    assert abs(fine[0] - 1) < 0.7 * abs(coarse[0] - 1)


@pytest.mark.parametrize(("far", "expected"), [((1.0, 1.0, 1.0), 0.1950), ((1.0, -0.5, -0.5), 0.2395)])
def test_a07_stiff_ball(far: tuple[float, float, float], expected: float) -> None:
    """Eshelby: the strain inside is even, and this share of the far one. Asked: 5 %, variation under 10 %.

    Read 1.5 voxels below the surface: with the voxels of the stair-step surface the mean is 6 and 10 % too high.
    """
    radius, edge = 4.0, 0.5
    middles, nodes, held = octant(40, edge)
    distance = np.linalg.norm(middles, axis=0)
    coefficients = el.isotropic(np.where(distance < radius, 2300.0, MODULUS), POISSON)
    moved = -0.001 * np.array(far).reshape(3, 1, 1, 1) * nodes
    found = conjugate_gradients(rtol=1e-6)(Problem(coefficients, edge, held, moved)).displacement
    inside = el.centre_strain(found, edge)[0][distance < radius - 1.5 * edge] / -0.001
    assert inside.mean() == pytest.approx(expected, rel=0.05)
    assert inside.std() / inside.mean() < 0.10
