"""The picture of balloons: what it says is what the result holds."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from matplotlib import image

from spondyl.documents.balloon_models import BalloonModel
from spondyl.documents.course_models import CourseModel
from spondyl.documents.figures import Picture
from spondyl.documents.figures_balloon import draw_balloons, draw_inflation
from spondyl.simulation import BalloonLift, BalloonOutcome, break_bone, inflate_balloons
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


def test_each_balloon_has_its_gauge_and_the_rated_pressure_stands_over_it(lift: BalloonLift) -> None:
    """Left and right are told apart; the devices of these 15 mm balloons are rated for 400 psi, 2.76 MPa."""
    told = BalloonModel.of(BalloonOutcome(lift, lift), BOTH.balloons)
    assert told.sides == tuple(balloon.side.value for balloon in BOTH.balloons)
    picture, bare = (
        draw_inflation(CourseModel.model_construct(level="L1", balloons=one))
        for one in (told, told.model_copy(update={"rated_mpa": (), "sides": ()}))  # as an earlier record has it
    )
    assert f"Rated for {told.rated_mpa[0]:.2f} MPa" in picture.alt
    assert "Rated" not in bare.alt
    assert not np.array_equal(pixels(picture), pixels(bare))


def test_the_broken_plane_is_drawn(lift: BalloonLift) -> None:
    whole = replace(lift, body=replace(lift.body, parted_share=np.zeros_like(lift.body.parted_share)))
    assert not np.array_equal(pixels(draw_balloons(whole)), pixels(draw_balloons(lift)))
