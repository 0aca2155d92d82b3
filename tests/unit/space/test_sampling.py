"""The grid along a frame gives the same numbers as single points; that it is faster is measured in benchmarks/."""

from __future__ import annotations

import numpy as np
import pytest

from spondyl.space import Floats, Frame, Geometry, Volume, contained_along, sample_along

AXES = (np.arange(-20.0, 21.0), np.arange(-24.0, 13.0), np.arange(-15.0, 16.0, 0.5))


@pytest.fixture
def share() -> Volume:
    """A blob in a corner of an oblique, anisotropic grid, up to the border of the image."""
    affine = np.array([[0.6, 0.1, 0, -9], [0, 1.1, 0.4, -12], [-0.05, 0, 2.0, -20], [0, 0, 0, 1.0]])
    array = np.zeros((24, 20, 18), np.float32)
    array[:9, 4:15, 5:14] = np.random.default_rng(3).random((9, 11, 9), np.float32)
    return Volume(array, Geometry(affine, array.shape), "1")


@pytest.fixture
def frame() -> Frame:
    return Frame.from_directions([-3.0, -2.0, 1.0], [0.1, 0.3, 1.0], [0.1, -1.0, 0.2])


def points(frame: Frame) -> Floats:
    return frame.to_patient(np.stack(np.meshgrid(*AXES, indexing="ij"), axis=-1))


def test_the_grid_gives_the_values_of_its_points(share: Volume, frame: Frame) -> None:
    expected = share.sample(points(frame))
    found = sample_along(share, frame, AXES)
    assert expected.max() > 0.5
    np.testing.assert_allclose(found, expected, atol=1e-5)  # float32 values, rounded along two ways


def test_a_mask_of_truth_values_is_sampled_as_0_and_1(share: Volume, frame: Frame) -> None:
    mask = Volume(share.array > 0.3, share.geometry, "1")
    np.testing.assert_allclose(sample_along(mask, frame, AXES), mask.sample(points(frame)), atol=1e-5)


def test_an_empty_mask_and_one_that_the_grid_does_not_reach_give_zeros(share: Volume, frame: Frame) -> None:
    empty = Volume(np.zeros(share.geometry.shape, bool), share.geometry, "1")
    far = Frame(frame.origin + 500.0, frame.cranial, frame.anterior, frame.left)
    assert not sample_along(empty, frame, AXES).any()
    assert not sample_along(share, far, AXES).any()


def test_the_grid_knows_which_of_its_points_the_image_contains(share: Volume, frame: Frame) -> None:
    expected = share.geometry.contains(points(frame))
    assert 0.05 < expected.mean() < 0.95
    np.testing.assert_array_equal(contained_along(share.geometry, frame, AXES), expected)


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("far", [0.0, 3.0, 50.0])
def test_whole_numbers_are_sampled_as_decimal_ones(order: int, far: float) -> None:
    """Only the block around the points is made decimal: the same to the last bit, beyond the image too."""
    generator = np.random.default_rng(7)
    array = generator.integers(-1000, 2000, (11, 9, 13)).astype(np.int16)
    pose = np.diag([1.3, -0.7, 2.1, 1.0])
    pose[:3, 3] = 4.0, -8.0, 15.0
    grid = Geometry(pose, (11, 9, 13))
    places = generator.uniform(-far, np.array(array.shape) - 1 + far, (40, 3)).round(1)
    for some in (places, places[:1], places[:0], np.vstack([places, [[0, 0, 0], [10, 8, 12], [-2, -2, -2]]])):
        points = grid.points(some)
        whole = Volume(array, grid, "1").sample(points, order=order, outside=-7.0)
        assert np.array_equal(
            whole, Volume(array.astype(np.float32), grid, "1").sample(points, order=order, outside=-7.0)
        )
