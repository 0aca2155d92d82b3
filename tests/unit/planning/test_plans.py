"""Plans of virtual patients whose pedicles are known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.findings.heights import measure_heights
from spondyl.planning import AccessClass, NeedlePath, Plan, Structure, no_treatment, plan_augmentation
from spondyl.planning.paths import access_class, skin_distance
from spondyl.planning.plans import _case
from spondyl.planning.search import cement_aim, free_radius, search_paths
from spondyl.planning.sides import beside_the_end
from spondyl.planning.types import Clearance
from spondyl.space import Geometry, Volume
from spondyl.spine import Level, Side, Spine, build_spine
from spondyl.studies import LabelImage, Question
from spondyl.synthetic import ScanSpec, VertebraSpec, VirtualSpineSpec, make_virtual_patient
from tests.unit.planning.conftest import spine_of

if TYPE_CHECKING:
    from tests.unit.planning.conftest import Known


@pytest.fixture(scope="module")
def plan(known: Known) -> Plan:
    return plan_augmentation(known.spine, "L1")


def crossing(path: NeedlePath, point: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Where a needle crosses the plane of a pedicle's narrowest section, seen from its centre."""
    share = (point - path.entry) @ axis / (path.direction @ axis)
    return path.entry + share * path.direction - point


def test_the_empty_plan_is_the_untreated_course() -> None:
    empty = no_treatment("L1")
    assert empty.is_untreated
    assert empty.needles == empty.balloons == ()
    assert empty.cement is None


def test_each_needle_enters_on_its_own_side(plan: Plan) -> None:
    assert [path.side for path in plan.needles] == [Side.LEFT, Side.RIGHT]
    assert plan.needles[0].entry[0] > 5  # LPS: the patient's left is +x
    assert plan.needles[1].entry[0] < -5


def test_needles_run_within_the_true_pedicle(plan: Plan, known: Known) -> None:
    """Within half a voxel of what the true width leaves for an 11 G needle (the mask's doubt)."""
    for path in plan.needles:
        truth = known.patient.truth["L1"].pedicle(path.side)
        off = crossing(path, truth.isthmus, truth.axis)
        across = np.cross(truth.axis, known.spine["L1"].frame.cranial)
        assert abs(off @ across) <= truth.width_mm / 2 - path.outer_diameter_mm / 2 + 0.5


def test_tips_lie_in_the_anterior_third(plan: Plan, known: Known) -> None:
    body = known.patient.truth["L1"].body
    for path in plan.needles:
        place = body.frame.to_local(path.target)
        share = (place[1] - body.posterior_wall_mm) / body.depth_mm
        assert 2 / 3 - 0.05 <= share <= 0.9


def test_one_needle_goes_nearer_to_the_midline(plan: Plan, known: Known) -> None:
    single = plan_augmentation(known.spine, "L1", needles=1)
    frame = known.spine["L1"].frame
    assert len(single.needles) == 1
    assert abs(frame.to_local(single.needles[0].target)[2]) < min(
        abs(frame.to_local(path.target)[2]) for path in plan.needles
    )


def test_classes_follow_the_canal() -> None:
    def made(canal: float, wall: float = 1.0) -> tuple[Clearance, ...]:
        values = {Structure.CANAL: canal, Structure.PEDICLE_WALL: wall}
        return tuple(Clearance(s, v, v - 0.5, v + 0.5, v - 3, 10.0) for s, v in values.items())

    assert access_class(made(2.0)) is AccessClass.A
    assert access_class(made(1.99)) is AccessClass.B
    assert access_class(made(1.0)) is AccessClass.B
    assert access_class(made(0.99)) is AccessClass.C
    assert access_class(made(0.0)) is AccessClass.C
    assert access_class(made(-0.01)) is AccessClass.NONE
    assert access_class(made(3.0, wall=-0.1)) is AccessClass.NONE


def test_without_a_canal_or_a_pedicle_to_measure_there_is_no_class() -> None:
    """Nothing near is a hole in the labels, not room."""
    for kept in (Structure.CANAL, Structure.PEDICLE_WALL):
        assert access_class((Clearance(kept, 5.0, 4.5, 5.5, 2.0, 10.0),)) is AccessClass.NONE


def test_no_planned_needle_meets_the_canal(plan: Plan, known: Known) -> None:
    """Independent of the distance code: no voxel of the canal has its centre within the needle."""
    canal = known.spine.canal
    points = canal.geometry.points(np.argwhere(canal.array))
    for path in (*plan.needles, *plan.alternatives):
        along = np.clip((points - path.entry) @ path.direction, -30, path.bone_depth_mm)
        nearest = path.entry + along[:, None] * path.direction
        least = np.linalg.norm(points - nearest, axis=1).min()
        assert least > path.outer_diameter_mm / 2
        told = path.clearance(Structure.CANAL).value_mm + path.outer_diameter_mm / 2
        assert told <= least <= told + np.linalg.norm(canal.geometry.spacing_mm) / 2 + 0.05  # face to centre; sampling


def test_the_mirror_image_has_the_mirrored_plan(known: Known, mirror_spine: Spine, plan: Plan) -> None:
    """Classes and places change sides; 1 mm: the pedicles of the mirror image are found on another grid order."""
    other = plan_augmentation(mirror_spine, "L1")
    for path in plan.needles:
        opposite = next(p for p in other.needles if p.side is not path.side)
        np.testing.assert_allclose(opposite.entry * [-1, 1, 1], path.entry, atol=1.0)
        np.testing.assert_allclose(opposite.target * [-1, 1, 1], path.target, atol=1.0)
        assert opposite.access_class is path.access_class
        assert opposite.angles.table_inward_deg == pytest.approx(path.angles.table_inward_deg, abs=1.0)


def test_on_coarse_slices_there_is_no_class(coarse: Known) -> None:
    plan = plan_augmentation(coarse.spine, "L1")
    assert plan.needles
    for path in plan.needles:
        assert path.access_class is None
        assert path.clearances == ()
        assert "pedicle clearance cannot be judged on this CT" in path.reasons[0]
    assert plan.checked == ()  # nothing was measured, so nothing was checked


def test_a_needle_that_does_not_fit_is_refused_with_what_limits_it(known: Known) -> None:
    thin = shaved(known.spine)
    plan = plan_augmentation(thin, "L1", gauge=8)
    assert plan.needles == ()
    for refusal in plan.refused:
        assert refusal.limit in (Structure.PEDICLE_WALL, Structure.CANAL, Structure.FORAMEN)
        assert "no " in refusal.reason and "gauge 8" in refusal.reason
        assert refusal.largest_gauge is None or refusal.largest_gauge > 8


def test_where_no_side_has_a_path_the_gauge_that_passes_is_named_and_passes() -> None:
    """True pedicles of 4.4 mm refuse 8 G (4.2 mm thick): at 1 mm the mask is narrower than they are."""
    scan = ScanSpec(in_plane_mm=1.0, slice_step_mm=1.0, margin_side_mm=10, margin_front_mm=10)
    spec = VirtualSpineSpec(levels=(Level.L1,), scan=scan, vertebrae={Level.L1: VertebraSpec(pedicle_width_mm=4.4)})
    patient = make_virtual_patient(spec, np.random.default_rng(8))
    spine = build_spine(None, labels=LabelImage(patient.labels, None), label_map="verse")
    plan = plan_augmentation(spine, "L1", gauge=8)
    assert plan.needles == () and plan.cement is None
    assert [refusal.side for refusal in plan.refused] == [Side.LEFT, Side.RIGHT]
    for refusal in plan.refused:
        assert refusal.reason.startswith(f"no {refusal.side.value} transpedicular path of gauge 8: limited by the ")
        assert refusal.reason.endswith(f"the thickest needle that passes is {refusal.largest_gauge} G")
        thinner = plan_augmentation(spine, "L1", gauge=refusal.largest_gauge)
        assert refusal.side in [path.side for path in thinner.needles]


def shaved(spine: Spine) -> Spine:
    """The spine with the bone of L1 around both narrowest sections taken off, but for a thin core."""
    vertebra = spine["L1"]
    keep = vertebra.mask.array.copy()
    points = vertebra.mask.geometry.points(np.argwhere(keep))
    for pedicle in vertebra.pedicles:
        off = points - pedicle.isthmus
        along = off @ pedicle.axis
        beside = np.linalg.norm(off - along[:, None] * pedicle.axis, axis=1)
        gone = (np.abs(along) < 3) & (beside > 1.6) & (beside < 12)
        keep[tuple(np.argwhere(vertebra.mask.array)[gone].T)] = False
    thin = replace(vertebra, mask=Volume(keep, vertebra.mask.geometry, "1"))
    return replace(spine, vertebrae=tuple(thin if v.level is thin.level else v for v in spine))


def test_a_hundred_thousand_lines_are_judged_and_agree_with_one_by_one(known: Known) -> None:
    vertebra = known.spine["L1"]
    case = _case(known.spine, vertebra, 11, 2)
    pedicle = vertebra.pedicle(Side.LEFT)
    aim = cement_aim(vertebra, vertebra.frame, Side.LEFT, 2)
    found = search_paths(case.room, pedicle, vertebra.frame, aim, 1.524)
    assert found.judged >= 100_000
    for i in np.random.default_rng(0).integers(0, found.judged, 50):
        through, target = found.through[i], found.target[i]
        unit = (target - through) / np.linalg.norm(target - through)
        points = [through - 4 * unit, through - 2 * unit, *np.linspace(through, target, 16)]
        values = Volume(case.room.free_mm, case.room.geometry, "mm").sample(np.array(points), order=0)
        one = free_radius(case.room, through[None], target[None], pedicle.side)[0]
        assert one == pytest.approx(found.free_mm[i])
        assert one == pytest.approx(values.min(), abs=0.5)  # a rounding tie takes the next voxel


def test_skin_is_unknown_when_it_lies_outside_the_image() -> None:
    hu = np.full((5, 60, 5), 40.0)
    geometry = Geometry(np.eye(4), hu.shape)
    ahead = np.array([0.0, -1.0, 0.0])
    entry = np.array([2.0, 10.0, 2.0])
    assert skin_distance(Volume(hu, geometry, "[hnsf'U]"), entry, ahead) is None
    hu[:, 40:] = -1000.0
    assert skin_distance(Volume(hu, geometry, "[hnsf'U]"), entry, ahead) == pytest.approx(29.5, abs=0.5)


def test_air_with_tissue_behind_it_is_not_taken_for_the_skin() -> None:
    """Lung on the way: 10 mm of air, then 25 mm of chest wall; the thin shells of a table are no tissue."""
    hu = np.full((5, 120, 5), 40.0)
    geometry = Geometry(np.eye(4), hu.shape)
    entry, ahead = np.array([2.0, 10.0, 2.0]), np.array([0.0, -1.0, 0.0])
    hu[:, 40:50] = hu[:, 75:] = -900.0
    assert skin_distance(Volume(hu, geometry, "[hnsf'U]"), entry, ahead) is None
    hu[:, 40:] = -1000.0
    hu[:, 60:63] = hu[:, 80:83] = 100.0
    assert skin_distance(Volume(hu, geometry, "[hnsf'U]"), entry, ahead) == pytest.approx(29.5, abs=0.5)


def test_levels_outside_the_intended_use_are_refused(known: Known) -> None:
    other = replace(
        known.spine, vertebrae=tuple(replace(v, level=Level.T4) for v in known.spine if v.level is Level.T12)
    )
    with pytest.raises(InputError, match="T4 lies outside the intended use"):
        plan_augmentation(other, "T4")


def test_what_cannot_be_planned_is_said(known: Known) -> None:
    spine = known.spine
    with pytest.raises(InputError, match="T5 is not in this study"):
        plan_augmentation(spine, "T5")
    with pytest.raises(InputError, match="gauge 7 is not known"):
        plan_augmentation(spine, "L1", gauge=7)
    with pytest.raises(InputError, match="approach 'blind' is not known"):
        plan_augmentation(spine, "L1", approach="blind")
    with pytest.raises(InputError, match="no canal"):
        plan_augmentation(replace(spine, canal=None), "L1")
    with pytest.raises(InputError, match="1 or 2 needles"):
        plan_augmentation(spine, "L1", needles=3)


def changed(spine: Spine, **values: object) -> Spine:
    return replace(spine, vertebrae=tuple(replace(v, **values) if v.level.name == "L1" else v for v in spine))


def test_levels_that_are_cut_or_without_an_arch_are_refused(known: Known) -> None:
    with pytest.raises(InputError, match="cut by the image border"):
        plan_augmentation(changed(known.spine, cut=("head",)), "L1")
    with pytest.raises(InputError, match="has no body to plan into"):
        plan_augmentation(changed(known.spine, body=None), "L1")
    with pytest.raises(InputError, match="no pedicle of L1 was found, so no way in: label its arch"):
        plan_augmentation(changed(known.spine, pedicles=()), "L1")
    one = plan_augmentation(changed(known.spine, pedicles=known.spine["L1"].pedicles[:1]), "L1")
    (refusal,) = one.refused
    assert refusal.limit is None and "pedicle not found" in refusal.reason
    assert [path.side for path in one.needles] == [known.spine["L1"].pedicles[0].side]


def test_where_the_image_ends_beside_a_pedicle_nothing_is_judged(known: Known) -> None:
    """8 mm behind both pedicles of L1: its body is whole and measured, its laminae are cut."""
    ct = known.patient.ct
    axis = int(np.abs(ct.geometry.axes[1]).argmax())
    assert ct.geometry.axes[1, axis] > 0  # rows from front to back
    isthmus = max(float(ct.geometry.indices(p.isthmus)[axis]) for p in known.spine["L1"].pedicles)
    high = np.array(ct.geometry.shape)
    high[axis] = int(isthmus + 8.0 / ct.geometry.spacing_mm[axis] + 0.5)
    spine = spine_of(*(volume.cropped((0, 0, 0), high) for volume in (ct, known.patient.labels)))
    vertebra = spine["L1"]
    assert not vertebra.is_cut and not isinstance(measure_heights(vertebra), str)
    (remark,) = vertebra.arch_cut
    assert "towards the back: processes are cut" in remark
    cut = plan_augmentation(spine, "L1")
    assert f"L1: {remark}" in cut.notes and not known.spine["L1"].arch_cut
    assert cut.needles and not cut.checked
    for path in cut.needles:
        assert path.access_class is None and not path.clearances
        assert f"narrowest section of the {path.side.value} pedicle" in path.reasons[0]


@pytest.mark.parametrize(("edge", "judged"), [(10.0, True), (9.0, False)])
def test_ten_millimetres_of_image_around_a_pedicle_are_enough(known: Known, edge: float, judged: bool) -> None:
    """Isthmus at the middle of voxel 2 of 4 mm: 10 mm to the first face; at 3.6 mm it is 9 mm."""
    pedicle = replace(known.spine["L1"].pedicles[0], isthmus=np.array([50.0, 50.0, 2 * edge / 2.5]))
    image = Geometry(np.diag([1.0, 1.0, edge / 2.5, 1.0]), (101, 101, 60))
    assert (beside_the_end(image, pedicle) is None) is judged


@pytest.mark.parametrize(("away_mm", "judged"), [(12.5, True), (8.5, False)])
def test_padding_beside_a_pedicle_shows_no_wall(known: Known, away_mm: float, judged: bool) -> None:
    """Zeros behind the left pedicle of L1, in voxels of 1 mm, where the grid goes on; and a CT that ends there."""
    ct, pedicle = known.patient.ct, known.spine["L1"].pedicle(Side.LEFT)
    assert pedicle is not None
    axis = int(np.abs(ct.geometry.axes[1]).argmax())
    stop = np.array(ct.geometry.shape)
    stop[axis] = int(np.ceil(ct.geometry.indices(pedicle.isthmus)[axis] + away_mm))
    padded = np.moveaxis(ct.array.copy(), axis, 0)
    padded[stop[axis] :] = 0
    blank = Volume(np.moveaxis(padded, 0, axis), ct.geometry, ct.unit)
    for short in (blank, ct.cropped((0, 0, 0), stop)):
        assert (beside_the_end(known.spine.geometry, pedicle, short) is None) is judged
    if not judged:
        plan = plan_augmentation(spine_of(blank, known.patient.labels), "L1")
        path = next(path for path in plan.needles if path.side is Side.LEFT)
        assert path.access_class is None and not path.clearances and "the image ends" in path.reasons[0]


def test_cement_is_a_bracket_with_its_source(plan: Plan, known: Known) -> None:
    """16.2 % to 29.8 % of the true volume; the mask's volume is within 5 % of it."""
    volume = known.patient.truth["L1"].body.volume_mm3 / 1000
    assert plan.cement.source == "molloy2003"
    assert plan.cement.low_ml == pytest.approx(0.162 * volume, rel=0.05)
    assert plan.cement.high_ml == pytest.approx(0.298 * volume, rel=0.05)


def test_a_blocking_question_stands_first_in_the_plan(known: Known) -> None:
    """Such as doubt about the levels' names: the wrong level is the worst that a plan can do."""
    asked = Question(code="levels", text="Two names are swapped.", action="Look at the picture.", blocking=True)
    plan = plan_augmentation(replace(known.spine, questions=(asked,)), "L1")
    assert plan.notes[0] == "answer first: Two names are swapped. Look at the picture."
    assert not any("answer first" in note for note in plan_augmentation(known.spine, "L1").notes)


def test_paths_below_the_lowest_class_are_not_proposed(plan: Plan, known: Known) -> None:
    """L1 of this patient takes 11 G in class A or B; at class A a side keeps its needle only where it has one."""
    paths = (*plan.needles, *plan.alternatives)
    worst = max(path.access_class for path in paths)
    assert worst > AccessClass.A, "the fixture must have something to leave out"
    strict = plan_augmentation(known.spine, "L1", lowest_class="A", lowest_class_source="spine board 2026")
    assert {path.access_class for path in (*strict.needles, *strict.alternatives)} <= {AccessClass.A}
    assert "proposed down to class A (from 2 mm to the canal), set here: spine board 2026" in strict.notes
    for refusal in strict.refused:
        assert "of class A or better: limited by the" in refusal.reason
        assert refusal.largest_gauge is None or refusal.largest_gauge > 11
    assert len(strict.needles) + len(strict.refused) == 2


def test_a_thicker_needle_is_refused_by_the_class_with_the_gauge_that_reaches_it(known: Known) -> None:
    """Planning with the gauge that a refusal names reaches the class."""
    rule = {"lowest_class": "A", "lowest_class_source": "spine board 2026"}
    refused = plan_augmentation(known.spine, "T12", gauge=8, **rule).refused
    assert refused, "the fixture must refuse 8 G"
    passing = {refusal.side: refusal.largest_gauge for refusal in refused if refusal.largest_gauge is not None}
    assert passing, "the fixture must name a gauge"
    for side, gauge in passing.items():
        plan = plan_augmentation(known.spine, "T12", gauge=gauge, **rule)
        assert side in [path.side for path in plan.needles]


@pytest.mark.parametrize("level", ["T12", "L1"])
def test_a_class_that_is_asked_for_is_looked_for(known: Known, level: str) -> None:
    """Ranked by all walls alike, both sides had been refused class A for 9 G at L1, and T12 on the right for 11 G.

    A needle that hugs the outer wall keeps off the canal; no voxel of the canal's mask is nearer than 2 mm to it.
    """
    gauge = 9 if level == "L1" else 11
    asked = plan_augmentation(known.spine, level, gauge=gauge, lowest_class="A", lowest_class_source="spine board 2026")
    assert [path.access_class for path in asked.needles] == [AccessClass.A, AccessClass.A] and not asked.refused
    assert AccessClass.B in [path.access_class for path in plan_augmentation(known.spine, level, gauge=gauge).needles]
    canal = known.spine.canal.geometry.points(np.argwhere(known.spine.canal.array))
    for path in asked.needles:
        along = np.clip((canal - path.entry) @ path.direction, -30, path.bone_depth_mm)
        least = np.linalg.norm(canal - path.entry - along[:, None] * path.direction, axis=1).min()
        assert least - path.outer_diameter_mm / 2 >= 2.0


def test_room_beside_the_canal_is_counted_less_by_the_clearance_that_is_asked_for(known: Known) -> None:
    """By hand: on a line the lesser of the room in bone and the distance to the canal less 2 mm."""
    case = _case(known.spine, known.spine["L1"], 11, 2)
    canal = np.argwhere(case.room.forbidden(Structure.CANAL))
    asked = case.room.free_of_canal_mm(2.0)
    for place in np.argwhere(case.room.bone)[::5000]:
        apart = np.maximum(np.abs(canal - place) - 0.5, 0) * case.room.geometry.spacing_mm
        to_canal = min(float(np.sqrt((apart**2).sum(axis=1)).min()), 8.0)  # 8 mm: the reach of the fields
        assert asked[tuple(place)] == pytest.approx(min(case.room.free_mm[tuple(place)], to_canal - 2.0), abs=1e-4)


def test_the_default_says_that_nobody_set_it(plan: Plan) -> None:
    assert any(
        note.startswith("proposed down to class C (from 0 mm to the canal), no local setting") for note in plan.notes
    )


def test_a_lowest_class_needs_a_name_and_a_source(known: Known) -> None:
    with pytest.raises(InputError, match="lowest class 'none' is not known; it is one of A, B, C"):
        plan_augmentation(known.spine, "L1", lowest_class="none", lowest_class_source="board")
    with pytest.raises(InputError, match="lowest class B has no source"):
        plan_augmentation(known.spine, "L1", lowest_class="B")
