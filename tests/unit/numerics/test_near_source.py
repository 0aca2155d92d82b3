"""What a grid hides around a round mouth in a wall: against the closed form of a disc on a half space."""

from __future__ import annotations

import numpy as np
import pytest

from spondyl.numerics.darcy import DarcyProblem, conjugate_gradients
from spondyl.numerics.near_source import mouth_resistance

K, REACH = 0.02, 10.0  # mm², half the width of the block of bone [mm]


def disc_potential(radius: float, across: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Of a disc at a pressure of 1 in a closed wall, 0 far away; all flow together is 4 k a / viscosity."""
    near, far = np.hypot(across - radius, depth), np.hypot(across + radius, depth)
    return 2 / np.pi * np.arcsin(2 * radius / (near + far))


def flow_through(h: float, radius: float, mouth: np.ndarray | None, *, whole_faces: bool = False) -> float:
    """Flow from a mouth at a pressure of 1 into a block whose other sides have the closed form's pressure."""
    n, deep = round(2 * REACH / h) | 1, round(REACH / h)
    x = (np.arange(n) - n // 2) * h
    places = np.meshgrid(x, x, (np.arange(deep) + 0.5) * h, indexing="ij")
    drain, pressure = np.zeros((n, n, deep)), np.zeros((n, n, deep))
    for axis, ends in ((0, (0, -1)), (1, (0, -1)), (2, (-1,))):
        for end in ends:
            on_face = [place.take(end, axis) for place in places]
            on_face[axis] = on_face[axis] + (h / 2 if end else -h / 2)
            truth = disc_potential(radius, np.hypot(on_face[0], on_face[1]), on_face[2])
            at = [slice(None)] * 3
            at[axis] = end
            ease = 2 * K * h
            pressure[tuple(at)] = (drain[tuple(at)] * pressure[tuple(at)] + ease * truth) / (drain[tuple(at)] + ease)
            drain[tuple(at)] += ease
    middle = n // 2
    cells = np.zeros((n, n), bool)
    cells[middle, middle] = True
    if mouth is not None:
        cells = np.hypot(*np.meshgrid(x, x, indexing="ij")) <= mouth
    count = int(cells.sum())
    beyond = mouth_resistance(radius, K, (h, h, h), count)
    ease = 2 * K * h if whole_faces else 1 / max(beyond, 1e-3 / K) / count
    drain[cells, 0], pressure[cells, 0] = ease, 1.0
    problem = DarcyProblem(np.full((3, n, n, deep), K), np.ones_like(drain), (h, h, h), 0 * drain, drain, pressure)
    found = conjugate_gradients(rtol=1e-10)(problem).pressure
    return float((ease * (1.0 - found[cells, 0])).sum())


@pytest.mark.parametrize("h", [2.0, 1.0, 0.5])
def test_a_narrow_mouth_passes_the_closed_forms_flow_on_any_grid(h: float) -> None:
    """4 k a within 3 %: what the sides of a block of 20 mm leave, and one cell against its lattice."""
    assert flow_through(h, 0.3, None) == pytest.approx(4 * K * 0.3, rel=0.03)


@pytest.mark.parametrize("h", [1.0, 0.5])
def test_several_cells_pass_it_too(h: float) -> None:
    """A mouth of 1 mm over the cells within 1.1 mm of it: 4 %, for what exponent and block's sides miss."""
    assert flow_through(h, 1.0, 1.1) == pytest.approx(4 * K, rel=0.04)


def test_whole_faces_would_hang_on_the_grid() -> None:
    """Symptom: the leak through a vein kept falling under refinement, since its mouth was one face of a voxel."""
    wide, narrow = (flow_through(h, 0.3, None, whole_faces=True) for h in (2.0, 0.5))
    assert wide > 3 * narrow


def test_a_mouth_wider_than_its_cells_resists_no_further() -> None:
    """By hand: 1 / (4 k) (1/a - 1/(0.738 h)) for one cell."""
    assert mouth_resistance(0.5, K, (1.0, 1.0, 1.0), 1) == pytest.approx((2.0 - 1 / 0.738) / (4 * K), rel=2e-3)
    assert mouth_resistance(0.8, K, (1.0, 1.0, 1.0), 1) == 0.0
    assert mouth_resistance(0.8, K, (1.0, 1.0, 1.0), 2) > 0.0
