"""Needles beside the pedicle, and what stands in the way besides bone and canal."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from spondyl.planning import AccessClass, Approach, Structure, plan_augmentation
from spondyl.planning.obstacles import inner_air
from spondyl.planning.outside import free_radius_outside
from spondyl.planning.plans import _case
from spondyl.space import Geometry, Volume
from spondyl.spine import Side, Spine

if TYPE_CHECKING:
    from tests.unit.planning.conftest import Known

OUTSIDE = (Approach.PARAPEDICULAR, Approach.EXTRAPEDICULAR)


@pytest.mark.parametrize("way", OUTSIDE)
def test_needles_beside_the_pedicle_pass_outside_its_true_outer_wall(known: Known, way: Approach) -> None:
    """In the plane of the true narrowest section the axis lies further out than half the width (0.5 mm: voxel)."""
    plan = plan_augmentation(known.spine, "L1", approach=way)
    assert [path.side for path in plan.needles] == [Side.LEFT, Side.RIGHT]
    for path in plan.needles:
        truth = known.patient.truth["L1"].pedicle(path.side)
        share = (truth.isthmus - path.entry) @ truth.axis / (path.direction @ truth.axis)
        off = path.entry + share * path.direction - truth.isthmus
        outwards = np.cross(known.spine["L1"].frame.cranial, truth.axis) * (1 if path.side is Side.LEFT else -1)
        assert path.approach is way and path.access_class is not AccessClass.NONE
        assert off @ outwards > truth.width_mm / 2 - 0.5
        assert path.clearance(Structure.PEDICLE_WALL) is None


def test_an_extrapedicular_needle_comes_through_the_side_wall_of_the_body(known: Known) -> None:
    """It meets no voxel of this bone before its entry, and the entry lies in front of the true posterior wall."""
    body = known.patient.truth["L1"].body
    mask = known.spine["L1"].mask
    for path in plan_augmentation(known.spine, "L1", approach="extrapedicular").needles:
        assert body.frame.to_local(path.entry)[1] > body.posterior_wall_mm
        behind = path.entry - np.arange(1.0, 25.0, 0.5)[:, None] * path.direction
        assert not mask.sample(behind, order=0).any()


def test_any_approach_takes_the_pedicle_first_and_names_the_others_with_their_difference(known: Known) -> None:
    plan = plan_augmentation(known.spine, "L1", approach="any")
    assert {path.approach for path in plan.needles} == {Approach.TRANSPEDICULAR}
    assert {path.approach for path in plan.alternatives} == set(Approach)
    assert all("least clearance" in path.reasons[0] for path in plan.alternatives)
    assert "kidneys" in plan.unchecked


def test_a_hundred_thousand_lines_beside_agree_with_one_by_one(known: Known) -> None:
    """The plain twin walks each line in a loop and samples the same fields."""
    case = _case(known.spine, known.spine["L1"], 11, 2)
    pedicle = known.spine["L1"].pedicle(Side.LEFT)
    draw = np.random.default_rng(1)
    frame = case.frame
    n = 60
    starts = frame.to_patient(frame.to_local(pedicle.isthmus) + draw.uniform([-5, -2, 4], [5, 2, 12], (n, 3)))
    tips = frame.to_patient(draw.uniform([-4, 2, 0], [4, 12, 8], (n, 3)))
    fast = free_radius_outside(case.room, starts, tips, Approach.PARAPEDICULAR)
    for start, tip, told in zip(starts, tips, fast, strict=True):
        assert told == pytest.approx(one_by_one(case.room, start, tip), abs=0.5)  # a rounding tie: the next voxel


def one_by_one(room, start: np.ndarray, tip: np.ndarray) -> float:  # type: ignore[no-untyped-def]
    length = float(np.linalg.norm(tip - start))
    unit, entered, least = (tip - start) / length, None, np.inf

    def at(array: np.ndarray, depth: float) -> float:
        place = np.clip(np.rint(room.geometry.indices(start + depth * unit)).astype(int), 0, np.array(array.shape) - 1)
        return float(array[tuple(place)])

    for depth in [*np.linspace(-25, -25 / 12, 12), *np.linspace(0, length, 24)]:
        least = min(least, at(room.away_mm, depth))
        if depth >= 0 and entered is None and at(room.bone, depth):
            entered = depth
        if entered is not None and depth >= entered + 8:
            least = min(least, at(room.free_mm, depth))
    return least if entered is not None and entered + 8 <= length else -np.inf


def test_metal_in_a_pedicle_closes_it(known: Known) -> None:
    """A rod of 3000 HU, 12 mm thick, along the left pedicle: the left side is refused, naming it."""
    pedicle = known.spine["L1"].pedicle(Side.LEFT)
    ct = known.spine.ct
    points = ct.geometry.points(np.moveaxis(np.indices(ct.array.shape), 0, -1)) - pedicle.isthmus
    along = points @ pedicle.axis
    screw = (np.linalg.norm(points - along[..., None] * pedicle.axis, axis=-1) < 6) & (np.abs(along) < 25)
    bright = Volume(np.where(screw, np.int16(3000), ct.array), ct.geometry, ct.unit)
    plan = plan_augmentation(with_ct(known.spine, bright), "L1")
    (refusal,) = plan.refused
    assert refusal.side is Side.LEFT
    assert "metal or dense cement lies in this pedicle" in refusal.reason
    assert [path.side for path in plan.needles] == [Side.RIGHT]


def with_ct(spine: Spine, ct: Volume) -> Spine:
    return replace(spine, study=replace(spine.study, ct=ct))


def test_air_with_tissue_behind_it_is_lung_and_air_behind_the_back_is_not() -> None:
    """On both directions of the grid: 40 mm of chest wall behind 40 mm of lung, then the room."""
    for step in (1.0, -1.0):
        hu = np.full((20, 120, 20), 40.0)
        hu[:, 20:60] = -850.0
        hu[:, 100:] = -1000.0
        affine = np.diag([1.0, step, 1.0, 1.0])
        if step < 0:
            hu = hu[:, ::-1].copy()
            affine[1, 3] = 119.0
        grid = Geometry(affine, hu.shape)
        block = grid.cropped([0, 0, 0], [20, 90, 20]) if step > 0 else grid.cropped([0, 30, 0], [20, 120, 20])
        lung = inner_air(Volume(hu, grid, "[hnsf'U]"), block, np.zeros(block.shape, bool))
        y = block.points(np.argwhere(lung))[:, 1]
        assert (y.min(), y.max()) == (20, 59)
        assert lung.sum() == 20 * 40 * 20


def test_without_a_ct_it_is_said_that_lung_and_metal_were_not_looked_at(known: Known) -> None:
    plan = plan_augmentation(replace(known.spine, study=None), "L1")
    assert plan.unchecked[:2] == ("lung and bowel", "metal or cement that is there already")
    assert "lung and bowel" not in plan_augmentation(known.spine, "L1").unchecked
