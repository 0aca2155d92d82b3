"""Needles in a pedicle whose mask is too wide are measured to its wall on the CT, and in a right mask to the mask."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spondyl.planning import Border, NeedlePath, Structure, clearance_profiles, plan_augmentation
from spondyl.planning.ct_walls import BLUR_MM, CtWall, _faces
from spondyl.planning.distances import box_distance_field
from spondyl.planning.paths import Line, measure_path
from spondyl.planning.room import Room, make_room
from spondyl.planning.search import free_radius
from spondyl.space import Floats, Frame
from spondyl.spine import Pedicle, Side, Spine
from spondyl.spine.pedicle_outline import find_outline
from spondyl.synthetic.patient import vertebra_shapes
from tests.unit.planning.conftest import Known, spine_of
from tests.unit.spine.test_isthmus import CENTRE, CRANIAL, GRID, HALF_VOXEL_MM, outward_mm, tube
from tools.validate_access import grown, true_canal_clearance, true_wall_clearance

WIDTH_MM, HEIGHT_MM = 7.0, 13.0
GAUGE, RADIUS_MM = 11, 3.048 / 2


def room_of(side: Side, grown_mm: float) -> tuple[Room, Pedicle, Floats]:
    """An elliptic pedicle on the CT; a mask that reaches so far beyond it, with the canal beside its inner wall."""
    sign = 1.0 if side is Side.LEFT else -1.0
    ct, axis, lateral = tube(sign, WIDTH_MM, HEIGHT_MM)
    place = CENTRE * [sign, 1.0, 1.0]
    points = GRID.points(np.moveaxis(np.indices(GRID.shape), 0, -1)) - place
    along, across, up = points @ axis, points @ lateral, points @ np.cross(lateral, axis)
    wider = 1 + (along / 25) ** 2
    half = wider * WIDTH_MM / 2 + grown_mm, wider * HEIGHT_MM / 2 + grown_mm
    bone = (across / half[0]) ** 2 + (up / half[1]) ** 2 <= 1
    canal = ~bone & (across < 0) & (np.abs(up) < HEIGHT_MM / 2)
    pedicle = Pedicle(side, place, axis, WIDTH_MM, HEIGHT_MM, HALF_VOXEL_MM, mask_width_mm=WIDTH_MM + 2 * grown_mm)
    outline = find_outline(ct, pedicle, CRANIAL)
    assert outline is not None
    wall = CtWall(outline, _faces(outline, GRID, bone, canal))
    free, away = (box_distance_field(mask, GRID.spacing_mm, 8.0) for mask in (~bone, canal))
    return Room(GRID, bone, ((Structure.CANAL, canal),), free, away, (wall,)), pedicle, lateral


def needle(room: Room, pedicle: Pedicle, through: Floats) -> NeedlePath:
    frame = Frame.from_directions(np.zeros(3), CRANIAL, np.array([0.0, -1.0, 0.0]))
    line = Line(through, through + 8.0 * pedicle.axis)
    return measure_path(
        room, line, frame, pedicle.side, GAUGE, posterior_wall_mm=99.0, ct=None, can_judge=True, reasons=()
    )


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("off_mm", [-1.2, -0.6, 0.6])
def test_a_mask_that_is_2_mm_too_wide_does_not_give_its_room_to_a_needle(side: Side, off_mm: float) -> None:
    """Half the width, less the way off the axis, less the needle's radius: 0.8, 1.4 and 2.6 mm to the canal."""
    room, pedicle, lateral = room_of(side, 2.0)
    path = needle(room, pedicle, pedicle.isthmus + off_mm * lateral)
    truth = {
        Structure.PEDICLE_WALL: WIDTH_MM / 2 - abs(off_mm) - RADIUS_MM,
        Structure.CANAL: WIDTH_MM / 2 + off_mm - RADIUS_MM,
    }
    for structure, true in truth.items():
        told = path.clearance(structure)
        assert told is not None and told.measured_on is Border.CT and told.mask_mm is not None
        assert told.value_mm == pytest.approx(true + outward_mm() - BLUR_MM, abs=HALF_VOXEL_MM)
        assert told.low_mm <= true <= told.high_mm
        assert told.mask_mm == pytest.approx(true + 2.0, abs=2 * HALF_VOXEL_MM)
    assert path.access_class == {-1.2: "C", -0.6: "B", 0.6: "A"}[off_mm]
    assert "narrower on the CT" in path.reasons[-1]


@pytest.mark.parametrize("side", list(Side))
def test_a_needle_that_leaves_the_pedicle_on_the_ct_has_no_class(side: Side) -> None:
    """3.9 mm off the axis of a pedicle that is 3.5 mm to its wall, within a mask that holds the needle."""
    room, pedicle, lateral = room_of(side, 4.0)
    for way, canal in ((3.9, None), (-3.9, -RADIUS_MM)):
        path = needle(room, pedicle, pedicle.isthmus + way * lateral)
        told = path.clearance(Structure.PEDICLE_WALL)
        assert told is not None and told.mask_mm is not None
        assert told.value_mm == pytest.approx(-RADIUS_MM) and told.mask_mm > 0.5
        assert path.access_class == "none"
        if canal is not None:
            assert path.clearance(Structure.CANAL).value_mm == pytest.approx(canal)
        else:
            assert path.clearance(Structure.CANAL).value_mm > 2.0  # away from it


@pytest.mark.parametrize("side", list(Side))
def test_where_mask_and_ct_agree_nothing_changes(side: Side) -> None:
    room, pedicle, lateral = room_of(side, 0.0)
    bare = replace(room, walls=())
    for off_mm in (-1.2, 0.0, 1.2):
        with_ct, without = (needle(each, pedicle, pedicle.isthmus + off_mm * lateral) for each in (room, bare))
        assert with_ct.clearances == without.clearances
        assert with_ct.reasons == without.reasons == ()
        assert {c.measured_on for c in with_ct.clearances} == {Border.MASK}
    fields = (each.in_pedicle_mm(side, 1.0) for each in (room, bare))
    assert np.count_nonzero(np.subtract(*fields)) <= 2  # of 438,976: one on the rim of the mask


@pytest.mark.parametrize("side", list(Side))
def test_the_search_sees_the_wall_on_the_ct(side: Side) -> None:
    """Along the axis half the width is free; the field is read at voxels' centres, so within a voxel's diagonal."""
    room, pedicle, lateral = room_of(side, 2.0)
    for off_mm, keep_off in ((0.0, 0.0), (-1.5, 0.0), (1.5, 0.0), (0.0, 1.0)):
        start = (pedicle.isthmus + off_mm * lateral)[None]
        told = free_radius(room, start, start + 4.0 * pedicle.axis, side, keep_off)[0]
        assert told == pytest.approx(WIDTH_MM / 2 - abs(off_mm) - keep_off, abs=2 * HALF_VOXEL_MM * 3**0.5)
    other = Side.RIGHT if side is Side.LEFT else Side.LEFT
    start = pedicle.isthmus[None]
    assert free_radius(room, start, start + 4.0 * pedicle.axis, other)[0] > WIDTH_MM / 2 + 1.0


@pytest.fixture(scope="module")
def wide(known: Known) -> Spine:
    """The patient whose masks reach 2 mm too far."""
    return spine_of(known.patient.ct, grown(known.patient.labels, 2.0))


def test_a_patient_with_masks_too_wide_gets_the_clearances_of_the_ct(known: Known, wide: Spine) -> None:
    """Against the exact shapes, left and right: within the interval; the mask would have told a voxel more."""
    shapes = vertebra_shapes(known.patient.spec)
    shape = next(s for s in shapes if s.level.name == "L1")
    plan = plan_augmentation(wide, "L1")
    assert {path.side for path in plan.needles} == set(Side)
    for path in plan.needles:
        pedicle = wide["L1"].pedicle(path.side)
        truth = {
            Structure.CANAL: true_canal_clearance(path, shapes),
            Structure.PEDICLE_WALL: true_wall_clearance(path, shape, pedicle),
        }
        for structure, true in truth.items():
            told = path.clearance(structure)
            assert told.measured_on is Border.CT
            assert told.low_mm <= true <= told.high_mm
            assert told.mask_mm > true + 1.0
    for path, profile in zip(plan.needles, clearance_profiles(wide, plan), strict=True):
        canal = dict(profile.clearance_mm)[Structure.CANAL]
        assert np.nanmin(canal) == pytest.approx(path.clearance(Structure.CANAL).value_mm, abs=0.1)


def test_a_patient_with_right_masks_keeps_the_plan_of_the_masks(known: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    with_ct = plan_augmentation(known.spine, "L1")
    make_room.cache_clear()
    monkeypatch.setattr("spondyl.planning.room.ct_walls", lambda *_: ())
    without = plan_augmentation(known.spine, "L1")
    make_room.cache_clear()
    for one, other in zip(with_ct.needles, without.needles, strict=True):
        np.testing.assert_array_equal(one.target, other.target)
        assert one.clearances == other.clearances
