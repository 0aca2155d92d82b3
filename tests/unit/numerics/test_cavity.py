"""Volume of a cavity in moved voxels against closed forms, and its derivative against differences."""

import numpy as np
import pytest

from spondyl.numerics.cavity import enclosed_volume, find_wall, volume_gradient


def grid(shape: tuple[int, int, int], edge: float) -> np.ndarray:
    return edge * np.stack(np.meshgrid(*(np.arange(n + 1.0) for n in shape), indexing="ij"))


def box() -> np.ndarray:
    cavity = np.zeros((6, 7, 8), bool)
    cavity[2:4, 2:5, 3:7] = True
    return cavity


def test_a_box_has_its_volume_and_its_faces_their_areas() -> None:
    """2 x 3 x 4 voxels of 1.5 mm; each side's push is its area, and all pushes cancel."""
    wall, points = find_wall(box()), grid((6, 7, 8), 1.5)
    assert enclosed_volume(wall, points) == pytest.approx(24 * 1.5**3)
    push = volume_gradient(wall, points)
    assert push.sum(axis=(1, 2, 3)) == pytest.approx(np.zeros(3), abs=1e-12)
    assert push[0, 4].sum() == pytest.approx(12 * 1.5**2)
    assert push[0, 2].sum() == pytest.approx(-12 * 1.5**2)


def test_a_map_of_all_points_scales_volume_by_its_determinant() -> None:
    """An affine map, however large, is exact."""
    wall, points = find_wall(box()), grid((6, 7, 8), 1.0)
    matrix = np.array([[2.0, 0.3, 0], [0.1, 1.5, -0.4], [0, 0.2, 3.0]])
    moved = np.tensordot(matrix, points, 1)
    assert enclosed_volume(wall, moved) == pytest.approx(24 * np.linalg.det(matrix))


def test_the_gradient_is_that_of_the_volume() -> None:
    """Against central differences at a random place; volume is cubic, so 1e-4 leaves 1e-8 of truncation."""
    rng = np.random.default_rng(3)
    wall, points = find_wall(box()), grid((6, 7, 8), 1.0)
    points = points + rng.normal(0, 0.2, points.shape)
    change = rng.normal(0, 1, points.shape)
    step = 1e-4
    difference = (
        (enclosed_volume(wall, points + step * change) - enclosed_volume(wall, points - step * change)) / 2 / step
    )
    assert np.vdot(volume_gradient(wall, points), change) == pytest.approx(difference, rel=1e-6)


def test_bridged_faces_bound_the_volume_and_are_not_pushed() -> None:
    bridged = np.zeros((6, 7, 8), bool)
    bridged[4, 2:5, 3] = True
    wall, points = find_wall(box(), bridged), grid((6, 7, 8), 1.0)
    assert enclosed_volume(wall, points) == pytest.approx(24)
    assert (wall.pushed == 0).sum() == 3
    assert volume_gradient(wall, points)[0].sum() == pytest.approx(-3)


def test_faces_that_are_bridged_in_part_are_pushed_by_the_rest() -> None:
    bridged = np.zeros((6, 7, 8))
    bridged[4, 2:5, 3] = 0.8
    wall, points = find_wall(box(), bridged), grid((6, 7, 8), 1.0)
    assert enclosed_volume(wall, points) == pytest.approx(24)
    assert volume_gradient(wall, points)[0].sum() == pytest.approx(-3 * 0.8)  # three faces keep a fifth of their push
