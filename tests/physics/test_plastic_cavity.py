"""Case A06 of the handbook's validation list: a spherical cavity under pressure in a perfectly plastic body."""

import numpy as np
import pytest

from spondyl.numerics import elasticity as el
from spondyl.numerics.nonlinear import newton_krylov
from spondyl.numerics.plasticity import VON_MISES
from spondyl.numerics.yielding import YieldingBody

RADIUS, STRENGTH = 5.0, 1.5  # mm, MPa
VOXELS, EDGE = 24, 1.25  # an octant of 30 mm, four voxels to the radius: small strain and a stair-step wall


def test_a06_front_of_yield_around_a_cavity() -> None:
    """p = 2 Y ln(c/a) + 2 Y/3 gives the front c. The case asks for 5 %; the front is read from the yielded volume."""
    middles = (np.stack(np.meshgrid(*[np.arange(VOXELS) + 0.5] * 3, indexing="ij")) * EDGE) ** 2
    distance = np.sqrt(middles.sum(0))
    solid = distance > RADIUS
    shape = (VOXELS,) * 3
    held = np.zeros((3, *[VOXELS + 1] * 3), bool)
    held[0, 0] = held[1, :, 0] = held[2, :, :, 0] = True
    coefficients = el.isotropic(np.where(solid, 300.0, 0.0), 0.3)
    body = YieldingBody(coefficients, (EDGE,) * 3, held, np.full(shape, STRENGTH), VON_MISES)
    push = body.widened(el.pressure_forces(solid, ~solid, 1.0, EDGE))
    wall = 8 * np.count_nonzero(~solid) * EDGE**3  # of the whole cavity as voxels have it
    radius = np.cbrt(3 * wall / (4 * np.pi))
    solve, displacement = newton_krylov(rtol=1e-3), np.zeros(push.shape)
    for pressure in (0.5, 1.6, 2.0, 2.6, 3.2):
        body.load = pressure * push
        displacement = solve(body, displacement).displacement
        body.commit(displacement)
        yielded = 8 * np.count_nonzero(body.accumulated > 0) * EDGE**3 / 8  # eight octants, eight points a voxel
        front = np.cbrt(3 * (wall + yielded) / (4 * np.pi))
        if pressure < 2 * STRENGTH / 3:
            assert yielded == 0
        if pressure >= 2.0:
            expected = np.exp((pressure - 2 * STRENGTH / 3) / (2 * STRENGTH))
            assert front / radius == pytest.approx(expected, rel=0.05)
