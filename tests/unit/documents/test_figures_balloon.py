"""The picture of balloons: what it says is what the result holds."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from matplotlib import image

from spondyl.documents.figures import Picture
from spondyl.documents.figures_balloon import draw_balloons
from spondyl.simulation import BalloonLift, break_bone, inflate_balloons
from tests.unit.simulation.elliptic_bodies import BOTH, SETTINGS, make_bone


@pytest.fixture(scope="module")
def lift() -> BalloonLift:
    return inflate_balloons(break_bone(make_bone()), BOTH, preload_n=50.0, settings=replace(SETTINGS, volume_ml=0.5))


def pixels(picture: Picture) -> np.ndarray:
    return np.asarray(image.imread(io.BytesIO(picture.png)))[..., :3]


def test_the_table_holds_each_stage_and_the_words_the_assumptions(lift: BalloonLift) -> None:
    picture = draw_balloons(lift)
    assert len(picture.table.rows) == len(lift.stages)
    assert picture.table.rows[-1][0] == "deflation"
    assert f"keeps {lift.lift_mm()[0]:.1f} mm" in picture.alt
    assert set(lift.assumptions) <= set(picture.table.doubts)


def test_a_displacement_changes_the_picture(lift: BalloonLift) -> None:
    still = replace(lift, displacement_inflated=np.zeros_like(lift.displacement))
    assert not np.array_equal(pixels(draw_balloons(still)), pixels(draw_balloons(lift)))
