"""Arches written onto a grid: their surface lies between the cubes they were found on; by hand on slanted planes."""

import numpy as np
import pytest

from spondyl.spine.segmenters.arches import Arches


def half_space(direction: tuple[float, float, float], end_mm: float) -> Arches:
    """Bone of number 3 up to a plane, on cubes whose first one lies at (10, 20, 30) mm."""
    first = np.array([10.0, 20.0, 30.0])
    place = np.moveaxis(np.indices((12, 12, 12)), 0, -1) + first
    within = np.clip((end_mm - (place - first) @ np.array(direction)) / 40, -1, 1).astype(np.float32)
    return Arches(np.full((12, 12, 12), 3, np.int16), within, first)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_surface_lies_between_the_cubes(axis: int) -> None:
    """The plane stands at 5.3 mm: 5.25 mm is bone and 5.35 mm is not, though both are nearest to the same cube."""
    direction = tuple(float(k == axis) for k in range(3))
    arches = half_space(direction, 5.3)  # type: ignore[arg-type]
    for along, number in ((5.25, 3), (5.35, 0)):
        at = np.array([14.0, 24.0, 34.0])
        at[axis] = arches.first_mm[axis] + along
        assert arches.plane(at[:1], at[1:2], float(at[2])).item() == number


def test_a_slanted_surface_has_no_stairs() -> None:
    arches = half_space((0.6, 0.8, 0.0), 5.0)
    left, back = 10.0 + np.arange(0.5, 10, 0.25), 20.0 + np.arange(0.5, 10, 0.25)
    across, along = np.meshgrid(left - 10, back - 20, indexing="ij")
    before = 5.0 - (0.6 * across + 0.8 * along)
    clear = np.abs(before) > 1e-3
    np.testing.assert_array_equal((arches.plane(left, back, 35.4) == 3)[clear], (before > 0)[clear])


def test_beyond_the_cubes_there_is_none() -> None:
    arches = half_space((1.0, 0.0, 0.0), 50.0)
    assert not arches.plane(np.array([8.0, 23.0]), np.array([24.0]), 34.0).any()
    assert not arches.plane(np.array([14.0]), np.array([24.0]), 50.0).any()
    assert arches.plane(np.array([14.0]), np.array([24.0]), 34.0).item() == 3
