"""Distances are from the faces of voxels, exactly."""

import numpy as np
import pytest

from spondyl.planning import box_distance_field, exact_distances
from spondyl.planning.distances import border_indices
from spondyl.space import Geometry


def by_hand(forbidden: np.ndarray, points: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """Distance of index points to all boxes, one by one: the definition."""
    boxes = np.argwhere(forbidden)
    apart = np.maximum(np.abs(points[:, None] - boxes) - 0.5, 0) * spacing
    return np.sqrt((apart**2).sum(axis=2)).min(axis=1)


def test_beside_one_voxel_the_distance_counts_from_its_face() -> None:
    forbidden = np.zeros((7, 1, 1), bool)
    forbidden[3] = True
    field = box_distance_field(forbidden, np.array([2.0, 1.0, 1.0]), 100.0)
    np.testing.assert_allclose(field[:, 0, 0], [5, 3, 1, 0, 1, 3, 5])


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 0.7, 2.5), (3.0, 0.4, 1.1)])
def test_the_field_is_the_distance_to_the_nearest_box(spacing: tuple[float, float, float]) -> None:
    forbidden = np.random.default_rng(1).random((11, 12, 9)) < 0.02
    field = box_distance_field(forbidden, np.array(spacing), 6.0)
    expected = np.minimum(by_hand(forbidden, np.argwhere(np.ones_like(forbidden)), np.array(spacing)), 6.0)
    np.testing.assert_allclose(field.ravel(), expected, atol=1e-5)  # float32


def test_between_voxel_centres_distances_are_exact_too() -> None:
    rng = np.random.default_rng(2)
    forbidden = np.zeros((14, 15, 16), bool)
    forbidden[4:9, 5:11, 3:10] = True
    geometry = Geometry(np.array([[0.0, 0.8, 0, 4], [-1.1, 0, 0, 9], [0, 0, 1.4, -3], [0, 0, 0, 1]]), forbidden.shape)
    indices = rng.uniform(0, 13, (200, 3))
    found = exact_distances(geometry.points(indices), geometry, border_indices(forbidden), forbidden)
    np.testing.assert_allclose(found, by_hand(forbidden, indices, geometry.spacing_mm), atol=1e-9)


def test_inside_the_distance_is_zero() -> None:
    forbidden = np.ones((5, 5, 5), bool)
    geometry = Geometry(np.eye(4), forbidden.shape)
    assert exact_distances(np.array([[2.2, 2.0, 2.0]]), geometry, border_indices(forbidden), forbidden)[0] == 0
