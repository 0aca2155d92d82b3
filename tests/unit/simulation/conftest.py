"""Small voxel models with labels 6 and 5 on their upper and lower ends."""

from collections.abc import Callable

import numpy as np
import pytest

from spondyl.space import Geometry, Volume


def volume(array: np.ndarray, edges: tuple[float, float, float] = (1.0, 1.0, 1.0), unit: str = "MPa") -> Volume:
    return Volume(array, Geometry(np.diag([*edges, 1.0]), array.shape), unit)


@pytest.fixture
def field() -> Callable[..., Volume]:
    return volume


@pytest.fixture
def ends() -> Callable[..., Volume]:
    """Labels of the ends of a grid."""

    def labels(
        shape: tuple[int, int, int], edges: tuple[float, float, float] = (1.0, 1.0, 1.0), axis: int = 2
    ) -> Volume:
        array = np.zeros(shape, np.uint8)
        along = np.moveaxis(array, axis, 0)
        along[-1], along[0] = 6, 5
        return volume(array, edges, "1")

    return labels
