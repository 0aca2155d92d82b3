"""Balloons in bodies whose shape is known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.planning import Balloon, Plan, plan_augmentation
from spondyl.planning.balloons import fit_balloons
from spondyl.space import Volume
from spondyl.spine import Side, Spine, Vertebra

if TYPE_CHECKING:
    from tests.unit.planning.conftest import Known


@pytest.fixture(scope="module")
def plan(known: Known) -> Plan:
    return plan_augmentation(known.spine, "L1", course="kyphoplasty")


def points_of(balloon: Balloon, radius: float) -> np.ndarray:
    """Points of a rod with round ends, drawn at random: its definition, not the code's."""
    draw = np.random.default_rng(3)
    half = balloon.length_mm / 2 - radius
    unit = draw.normal(size=(4000, 3))
    unit *= radius / np.linalg.norm(unit, axis=1)[:, None]
    return balloon.centre + draw.uniform(-half, half, (4000, 1)) * balloon.axis + unit


def test_each_needle_has_a_balloon_at_its_tip(plan: Plan) -> None:
    assert [balloon.side for balloon in plan.balloons] == [path.side for path in plan.needles] == list(Side)
    for balloon, path in zip(plan.balloons, plan.needles, strict=True):
        np.testing.assert_allclose(balloon.centre + balloon.length_mm / 2 * balloon.axis, path.target)
        assert balloon.length_mm in (10, 15, 20)  # those whose instructions were read


def test_its_middle_lies_midway_between_the_true_endplates(plan: Plan, known: Known) -> None:
    """Within a sixth of the height: the pedicle holds the needle above the middle, which is not the code's to mend."""
    body = known.patient.truth["L1"].body
    for balloon in plan.balloons:
        cranial = body.frame.to_local(balloon.centre)[0]
        assert abs(cranial) < min(body.heights_mm) / 6


def test_the_widest_for_certain_lies_in_the_mask_and_a_wider_one_does_not(plan: Plan, known: Known) -> None:
    body = known.spine["L1"].body
    for balloon in plan.balloons:
        low, value = balloon.diameter_low_mm / 2, balloon.diameter_mm / 2
        assert body.sample(points_of(balloon, low), order=0).all()
        assert body.sample(points_of(balloon, value - 0.05), order=0).all()
        if balloon.limited_by in ("an endplate", "a wall of the body"):
            assert not body.sample(points_of(balloon, value + 0.5), order=0).all()
        assert balloon.diameter_high_mm >= balloon.diameter_mm >= balloon.diameter_low_mm


def test_two_balloons_do_not_meet(known: Known) -> None:
    first, second = plan_augmentation(known.spine, "L2", course="kyphoplasty").balloons
    assert first.limited_by == second.limited_by == "the other balloon"
    apart = np.linalg.norm(
        points_of(first, first.diameter_mm / 2)[:, None] - points_of(second, second.diameter_mm / 2)[None, :500], axis=2
    )
    assert apart.min() > 0


def test_a_flat_body_leaves_less_room_and_the_endplates_limit_it(known: Known, plan: Plan) -> None:
    """A slab of 8 mm around the balloon is left: none is wider, to within a voxel, nor reaches half of that."""
    for before, path in zip(plan.balloons, plan.needles, strict=True):
        (balloon,), _ = fit_balloons(slab(known.spine["L1"], before.centre, 8.0), (path,))
        assert 4.0 < balloon.diameter_mm <= 9.0 < before.diameter_mm
        assert balloon.limited_by == "an endplate"


def slab(vertebra: Vertebra, centre: np.ndarray, height: float) -> Vertebra:
    """The vertebra with a body that is cut flat above and below a point."""
    points = np.argwhere(vertebra.body.array)
    cranial = (vertebra.body.geometry.points(points) - centre) @ vertebra.frame.cranial
    keep = np.zeros_like(vertebra.body.array)
    keep[tuple(points[np.abs(cranial) < height / 2].T)] = True
    return replace(vertebra, body=Volume(keep, vertebra.body.geometry, "1"))


def test_where_none_fits_that_is_said(known: Known, plan: Plan) -> None:
    points = np.argwhere(known.spine["L1"].body.array)
    near = np.linalg.norm(known.spine["L1"].body.geometry.points(points) - plan.needles[0].target, axis=1) < 9
    holed = known.spine["L1"].body.array.copy()
    holed[tuple(points[near].T)] = False
    vertebra = replace(known.spine["L1"], body=Volume(holed, known.spine["L1"].body.geometry, "1"))
    balloons, refused = fit_balloons(vertebra, plan.needles)
    assert [balloon.side for balloon in balloons] == [Side.RIGHT]
    assert refused[0].startswith("no balloon on the left side")


def test_what_must_be_checked_is_said_and_no_unverified_volume_is_shown(plan: Plan) -> None:
    told = " ".join(plan.notes)
    assert "check the instructions for use" in told and "gauge of yours" in told
    assert " ml" not in told and "psi" not in told


def test_the_mirror_image_has_the_mirrored_balloons(plan: Plan, mirror_spine: Spine) -> None:
    """3 mm: finalists lie 2 mm apart and may rank alike, so that a voxel's difference lets the next one win."""
    other = plan_augmentation(mirror_spine, "L1", course="kyphoplasty")
    for balloon in plan.balloons:
        opposite = next(b for b in other.balloons if b.side is not balloon.side)
        np.testing.assert_allclose(opposite.centre * [-1, 1, 1], balloon.centre, atol=3.0)
        assert opposite.diameter_mm == pytest.approx(balloon.diameter_mm, abs=2.0)  # nearer to an endplate, narrower


def test_where_a_path_cannot_be_judged_no_size_is_given(coarse: Known) -> None:
    plan = plan_augmentation(coarse.spine, "L1", course="kyphoplasty")
    assert plan.needles and plan.balloons == ()
    assert "the size of a balloon is not given: its needle cannot be judged on this CT" in plan.notes


def test_vertebroplasty_has_none_and_other_courses_are_not_known(known: Known) -> None:
    assert plan_augmentation(known.spine, "L1").balloons == ()
    with pytest.raises(InputError, match="course 'lifting' is not known"):
        plan_augmentation(known.spine, "L1", course="lifting")
