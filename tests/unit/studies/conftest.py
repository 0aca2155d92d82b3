"""A small CT whose left side is marked, with an oblique pose and three different spacings."""

from __future__ import annotations

import numpy as np
import pytest

from spondyl.space import Geometry, Volume


@pytest.fixture
def marked_ct() -> Volume:
    """Water in air; a bright block at the patient's left, a dense one at the head: shape (20, 16, 12)."""
    array = np.full((20, 16, 12), -1000, np.int16)
    array[3:17, 3:13, 1:11] = 40
    array[13:16, 6:9, 4:7] = 700  # i grows to the left
    array[8:11, 6:9, 9:11] = 1200  # k grows to the head
    affine = np.diag([0.7, 0.8, 1.25, 1.0])
    affine[:3, 3] = (-12.5, 33.25, -410.75)
    return Volume(array, Geometry(affine, array.shape, "1.2.3.4"), "[hnsf'U]")
