"""The straightened column: how dark a body may be, by station."""

from __future__ import annotations

import numpy as np
import pytest

from spondyl.spine.segmenters.column import darker_than_bone
from spondyl.spine.segmenters.curved import BACK_MM

USUAL_HU = 40.0


def limits(core_hu: np.ndarray) -> np.ndarray:
    """Of bodies whose whole depth reads these values, by station."""
    middle = np.broadcast_to(core_hu, (len(BACK_MM), len(core_hu)))
    behind, ahead = np.full(len(core_hu), BACK_MM[-1]), np.full(len(core_hu), BACK_MM[0])
    return darker_than_bone(middle, behind, ahead, USUAL_HU)


def test_dark_marrow_lowers_the_limit_and_usual_bone_does_not() -> None:
    assert limits(np.full(200, 150.0)) == pytest.approx(USUAL_HU)
    assert limits(np.full(200, 10.0)) == pytest.approx(10.0 - 20.0)


def test_air_beyond_the_image_is_no_marrow() -> None:
    """A column that runs out of the image at either end: the stations beyond it hold air."""
    core = np.full(200, 150.0)
    core[:12] = core[-12:] = -100.0
    assert limits(core) == pytest.approx(USUAL_HU)
