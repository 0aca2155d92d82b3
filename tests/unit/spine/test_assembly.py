"""From a label image to a spine: parts against their known shapes, borders, and what is refused or asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from spondyl.errors import InputError
from spondyl.space import Geometry, Volume
from spondyl.spine import Level, Side, Spine, build_spine
from spondyl.spine.assembly import _piece_questions
from spondyl.spine.label_maps import load_label_map
from spondyl.spine.masks import level_masks
from spondyl.studies import LabelImage, Study
from spondyl.studies.workers import Workers

from .conftest import LEFT_PEDICLE_MM, RIGHT_PEDICLE_MM, Blocks, make_blocks

Make = Callable[..., Blocks]


def codes(spine: Spine) -> list[str]:
    return [question.code for question in spine.questions]


def whole(mask: Volume, like: Volume) -> np.ndarray:
    """A cropped mask on the grid it was cropped from."""
    full = np.zeros(like.array.shape, bool)
    start = np.rint(like.geometry.indices(mask.geometry.affine[:3, 3])).astype(int)
    full[tuple(slice(a, a + n) for a, n in zip(start, mask.array.shape, strict=True))] = mask.array
    return full


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


@pytest.fixture(scope="module")
def pair() -> Blocks:
    """T12 and L1, where two vertebrae are enough."""
    return make_blocks((Level.T12, Level.L1))


@pytest.fixture(scope="module")
def spine(blocks: Blocks) -> Spine:
    return build_spine(None, labels=blocks.image, label_map="verse")


def test_levels_come_from_head_to_foot_with_nothing_to_ask(spine: Spine) -> None:
    assert spine.levels == (Level.T12, Level.L1, Level.L2, Level.L3)
    assert spine.questions == ()
    assert spine.label_map == "verse"
    assert all(not v.is_cut and v.remarks == () for v in spine)


def test_frames_stand_where_the_bodies_are(spine: Spine, blocks: Blocks) -> None:
    for vertebra in spine:
        assert vertebra.frame is not None
        assert np.abs(vertebra.frame.origin - blocks.centres[vertebra.level]).max() < 0.8  # under a voxel
        assert vertebra.frame.cranial[2] > 0.999
        assert vertebra.frame.anterior[1] < -0.999
        assert vertebra.frame.left[0] > 0.999


def test_body_and_arch_are_told_apart(spine: Spine, blocks: Blocks) -> None:
    for vertebra in spine:
        assert vertebra.body is not None
        own = blocks.body & (blocks.labels.array == vertebra.level)
        found = whole(vertebra.body, blocks.labels)
        assert dice(found, own) > 0.98  # the pedicles' roots in the rounded corners are the only difference
        assert vertebra.arch is not None
        assert not (vertebra.arch.array & vertebra.body.array).any()


@pytest.mark.parametrize("spacing", [(0.5, 0.5, 3.0), (3.0, 0.5, 0.5), (1.5, 1.5, 5.0)])
def test_body_and_arch_on_uneven_grids(make: Make, spacing: tuple[float, float, float]) -> None:
    given = make((Level.T12, Level.L1), spacing_mm=spacing)
    for vertebra in build_spine(None, labels=given.image, label_map="verse"):
        assert vertebra.body is not None
        own = given.body & (given.labels.array == vertebra.level)
        assert dice(whole(vertebra.body, given.labels), own) > 0.95  # one voxel of 3-5 mm at the pedicles' roots


def test_the_canal_runs_through_all_arches_and_between_them(spine: Spine, blocks: Blocks) -> None:
    assert spine.canal is not None
    found = whole(spine.canal, blocks.labels)
    z = blocks.labels.geometry.points(np.argwhere(found))[:, 2]
    assert z.max() > 9 and z.min() < -96 - 8  # from T12 (0 mm) to L3 (-96 mm)
    assert (
        dice(found[:, :, 40:100], blocks.canal[:, :, 40:100] | found[:, :, 40:100] & ~blocks.canal[:, :, 40:100]) > 0.9
    )
    inside = blocks.canal & ~found
    assert inside.sum() < 0.15 * blocks.canal.sum()
    assert not (found & (blocks.labels.array > 0)).any()


def test_left_and_right_pedicles_are_the_patients_own(spine: Spine) -> None:
    """The left pedicle was made 6 mm wide, the right one 9 mm; a voxel is 1 mm."""
    for vertebra in spine:
        left, right = vertebra.pedicle(Side.LEFT), vertebra.pedicle(Side.RIGHT)
        assert left is not None and right is not None
        assert left.isthmus[0] > 8 and right.isthmus[0] < -8  # LPS: x runs to the left
        assert left.width_mm == pytest.approx(LEFT_PEDICLE_MM, abs=1.0)
        assert right.width_mm == pytest.approx(RIGHT_PEDICLE_MM, abs=1.0)
        assert left.axis[1] < -0.95 and right.axis[1] < -0.95  # straight forward, into the body
        assert left.half_voxel_mm == 0.5


def test_a_mirrored_label_image_swaps_the_pedicles(pair: Blocks) -> None:
    mirrored = build_spine(None, labels=pair.with_array(pair.labels.array[::-1].copy()), label_map="verse")
    left, right = mirrored["L1"].pedicle(Side.LEFT), mirrored["L1"].pedicle(Side.RIGHT)
    assert left is not None and right is not None
    assert left.width_mm > right.width_mm + 1.5


def test_a_body_without_arch_is_recognised(make: Make) -> None:
    spine = build_spine(None, labels=make((Level.T12, Level.L1), arch=False).image, label_map="verse")
    assert spine.canal is None
    for vertebra in spine:
        assert vertebra.body is not None and vertebra.frame is not None
        assert vertebra.arch is not None and not vertebra.arch.array.any()
        assert vertebra.frame.anterior[1] < -0.99
        assert vertebra.pedicles == ()
        assert any("holds no arch" in remark for remark in vertebra.remarks)


def test_a_ring_that_is_open_behind_still_gives_the_body(pair: Blocks) -> None:
    """Laminectomy of all levels: nothing behind the pedicles near the midline."""
    array = pair.labels.array.copy()
    x, y, _ = np.moveaxis(pair.labels.geometry.points(np.moveaxis(np.indices(array.shape), 0, -1)), -1, 0)
    array[(np.abs(x) < 12) & (y > 20)] = 0
    spine = build_spine(None, labels=pair.with_array(array), label_map="verse")
    for vertebra in spine:
        assert vertebra.body is not None
        assert dice(whole(vertebra.body, pair.labels), pair.body & (pair.labels.array == vertebra.level)) > 0.97
        assert any("open behind" in remark for remark in vertebra.remarks)


def test_sub_regions_give_the_body(pair: Blocks) -> None:
    regions = np.where(pair.labels.array > 0, 41, 0)
    regions[pair.body & (pair.labels.array > 0)] = 49
    subregions = pair.with_array(regions.astype(np.uint8))
    spine = build_spine(None, labels=pair.image, label_map="verse", subregions=subregions)
    body = spine["L1"].body
    assert body is not None
    assert dice(whole(body, pair.labels), pair.body & (pair.labels.array == Level.L1)) == 1.0


def test_sub_regions_of_another_grid_are_refused(pair: Blocks, make: Make) -> None:
    other = make(spacing_mm=(2.0, 2.0, 2.0))
    with pytest.raises(InputError, match="sub-regions"):
        build_spine(None, labels=pair.image, label_map="verse", subregions=other.image)


def test_the_canal_of_the_labels_is_used(pair: Blocks) -> None:
    array = pair.labels.array.copy()
    array[pair.canal] = 61
    spine = build_spine(None, labels=pair.with_array(array), label_map="spineps")
    assert spine.canal is not None
    assert np.array_equal(whole(spine.canal, pair.labels), array == 61)


def test_loose_voxels_are_left_out_and_reported(pair: Blocks) -> None:
    array = pair.labels.array.copy()
    array[2:4, 2:4, 2:4] = Level.L1
    spine = build_spine(None, labels=pair.with_array(array), label_map="verse")
    assert spine["L1"].remarks == ("8 loose voxels (0.01 ml) of the label are left out",)
    assert spine["L1"].mask.array.sum() == (pair.labels.array == Level.L1).sum()


def test_cavities_of_the_body_are_filled(pair: Blocks) -> None:
    array = pair.labels.array.copy()
    centre = np.rint(pair.labels.geometry.indices(np.array(pair.centres[Level.L1]))).astype(int)
    array[tuple(slice(c - 3, c + 4) for c in centre)] = 0
    body = build_spine(None, labels=pair.with_array(array), label_map="verse")["L1"].body
    assert body is not None
    assert whole(body, pair.labels)[tuple(centre)]


def test_a_body_at_the_border_is_cut_and_not_measured(pair: Blocks) -> None:
    top = int(pair.labels.geometry.indices(np.zeros(3))[2])  # the middle of T12
    labels = LabelImage(pair.labels.cropped((0, 0, 0), (999, 999, top)), None)
    spine = build_spine(None, labels=labels, label_map="verse")
    assert spine["T12"].cut == ("head",)
    assert spine["T12"].frame is None and spine["T12"].superior is None
    assert "the label image ends towards the head: the body is cut" in spine["T12"].remarks
    assert not spine["L1"].is_cut


def test_processes_at_the_border_do_not_make_a_cut_body(pair: Blocks) -> None:
    behind = int(pair.labels.geometry.indices(np.array([0.0, 50.0, 0.0]))[1])  # through the spinous processes
    labels = LabelImage(pair.labels.cropped((0, 0, 0), (999, behind, 999)), None)
    for vertebra in build_spine(None, labels=labels, label_map="verse"):
        assert not vertebra.is_cut and vertebra.frame is not None
        assert vertebra.remarks == ("the label image ends towards the back: processes are cut, the body is whole",)


def test_a_vertebra_cut_before_the_image_was_padded_is_cut(pair: Blocks) -> None:
    array = pair.labels.array.copy()
    array[:, :, int(pair.labels.geometry.indices(np.array([0.0, 0.0, 5.0]))[2]) :] = 0
    spine = build_spine(None, labels=pair.with_array(array), label_map="verse")
    assert spine["T12"].cut == ("head",)
    assert spine["T12"].frame is None


def test_a_fragment_away_from_the_border_is_asked_about(blocks: Blocks) -> None:
    array = blocks.labels.array.copy()
    points = blocks.labels.geometry.points(np.moveaxis(np.indices(array.shape), 0, -1))
    near = np.linalg.norm(points - np.array(blocks.centres[Level.L1]), axis=-1) < 13
    array[(array == Level.L1) & ~near] = 0
    spine = build_spine(None, labels=blocks.with_array(array), label_map="verse")
    assert "level_fragment" in codes(spine)
    assert spine["L1"].frame is None
    pieces = level_masks(blocks.with_array(array).labels, load_label_map("verse").levels)
    assert not _piece_questions(pieces, blocks.labels.geometry, (Level.L1,))  # known to be cut: nothing to correct


def test_two_bodies_under_one_number_block(blocks: Blocks) -> None:
    array = blocks.labels.array.copy()
    array[array == Level.L3] = Level.L1
    spine = build_spine(None, labels=blocks.with_array(array), label_map="verse")
    doubled = next(question for question in spine.questions if question.code == "level_doubled")
    assert doubled.blocking
    assert "L1 labels two separate bodies, 3" in doubled.text  # 64 mm from centre to centre, 64 - 36 between processes


def test_numbers_without_names_are_not_guessed(blocks: Blocks) -> None:
    with pytest.raises(InputError, match="19-22 without names"):
        build_spine(None, labels=blocks.image)


def test_names_in_the_file_are_enough(pair: Blocks) -> None:
    image = replace(pair.image, names={19: "vertebrae_T12", 20: "vertebrae_L1"})
    assert build_spine(None, labels=image).levels == (Level.T12, Level.L1)


@pytest.mark.parametrize("name", ["totalseg-v1", "vertebrae_mr"])
def test_a_map_that_counts_upwards_is_found_out(blocks: Blocks, name: str) -> None:
    with pytest.raises(InputError, match="run from foot to head"):
        build_spine(None, labels=blocks.image, label_map=name)


def test_labels_upside_down_are_refused(pair: Blocks) -> None:
    with pytest.raises(InputError, match="run from foot to head"):
        build_spine(None, labels=pair.with_array(pair.labels.array[:, :, ::-1].copy()), label_map="verse")


def test_labels_flipped_from_front_to_back_are_refused(pair: Blocks) -> None:
    with pytest.raises(InputError, match="in front of their bodies"):
        build_spine(None, labels=pair.with_array(pair.labels.array[:, ::-1].copy()), label_map="verse")


def test_a_ct_as_labels_is_refused(pair: Blocks) -> None:
    ct = pair.study().ct
    with pytest.raises(InputError, match="is this the CT"):
        build_spine(None, labels=LabelImage(replace(ct, array=ct.array - 100), None), label_map="verse")


def test_a_study_whose_bodies_are_bone_has_nothing_to_ask(pair: Blocks) -> None:
    study = pair.study()
    spine = build_spine(study, labels=pair.image, label_map="verse")
    assert spine.study is study
    assert spine.questions == ()


def test_bodies_on_air_are_refused(pair: Blocks) -> None:
    with pytest.raises(InputError, match=r"T12 on air \(median -1000 HU\).*flipped or shifted"):
        build_spine(uniform(pair, -1000), labels=pair.image, label_map="verse")


def test_bodies_on_soft_tissue_are_refused(pair: Blocks) -> None:
    with pytest.raises(InputError, match=r"soft tissue \(median 50 HU, no brighter rim\)"):
        build_spine(uniform(pair, 50), labels=pair.image, label_map="verse")


def test_one_body_on_air_blocks(blocks: Blocks) -> None:
    study = blocks.study()
    hu = study.ct.array.copy()
    hu[blocks.labels.array == Level.L2] = -900
    spine = build_spine(replace(study, ct=replace(study.ct, array=hu)), labels=blocks.image, label_map="verse")
    assert codes(spine) == ["bodies_not_on_bone"]
    assert "L2 on air" in spine.questions[0].text


def test_thin_bone_with_a_rim_is_bone(pair: Blocks) -> None:
    """Trabecular bone of 30 HU, as in severe osteoporosis, still has a cortex."""
    assert build_spine(pair.study(bone_hu=30), labels=pair.image, label_map="verse").questions == ()


def test_bone_is_bone_also_where_a_mask_leaves_its_cortex_out(pair: Blocks) -> None:
    """A mask drawn two voxels too small holds marrow alone; the cortex lies just outside it."""
    labels = pair.labels.array
    smaller = np.where(ndimage.binary_erosion(labels > 0, np.ones((3, 3, 3)), iterations=2), labels, 0)
    image = LabelImage(Volume(smaller, pair.labels.geometry, "1"), None)
    assert "bodies_not_on_bone" not in codes(build_spine(pair.study(bone_hu=30), labels=image, label_map="verse"))


def test_fat_within_muscle_is_no_bone(pair: Blocks) -> None:
    """The layer around the labels is denser than what they hold, and still no cortex."""
    study = pair.study()
    hu = np.where(ndimage.binary_dilation(pair.labels.array > 0, iterations=4), 60, 20)
    hu = np.where(pair.labels.array > 0, -90, hu).astype(np.int16)
    with pytest.raises(InputError, match="on soft tissue"):
        build_spine(replace(study, ct=replace(study.ct, array=hu)), labels=pair.image, label_map="verse")


def uniform(blocks: Blocks, hu: int) -> Study:
    study = blocks.study()
    return replace(study, ct=replace(study.ct, array=np.full(study.ct.array.shape, hu, np.int16)))


def test_labels_of_an_equal_grid_elsewhere_are_told_by_how_far(pair: Blocks) -> None:
    """3, 4 and 12 mm make 13 mm."""
    affine = pair.labels.geometry.affine.copy()
    affine[:3, 3] += [3, 4, 12]
    moved = Volume(pair.labels.array, replace(pair.labels.geometry, affine=affine), "1")
    with pytest.raises(InputError, match=r"both have .* voxels .* lies 13\.0 mm from the CT's"):
        build_spine(pair.study(), labels=LabelImage(moved, None), label_map="verse")


def test_labels_of_another_grid_need_to_be_asked_for(pair: Blocks, make: Make) -> None:
    fine = make((Level.T12, Level.L1), spacing_mm=(0.8, 0.8, 0.8))
    with pytest.raises(InputError, match=r"different grids.*resample=True"):
        build_spine(pair.study(), labels=fine.image, label_map="verse")
    spine = build_spine(pair.study(), labels=fine.image, label_map="verse", resample=True)
    assert spine.geometry.is_same_grid(fine.labels.geometry)
    assert any("keep their own grid" in note for note in spine.notes)
    assert spine["L1"].frame is not None


def test_labels_of_another_frame_of_reference_are_refused(pair: Blocks) -> None:
    study = pair.study()
    geometry = replace(study.ct.geometry, frame_of_reference_uid="1.2.3")
    labels = LabelImage(replace(pair.labels, geometry=replace(geometry, frame_of_reference_uid="1.2.4")), None)
    study = replace(study, ct=replace(study.ct, geometry=geometry))
    with pytest.raises(InputError, match="different frames of reference"):
        build_spine(study, labels=labels, label_map="verse", resample=True)


def shifted(blocks: Blocks, along_head_mm: float) -> Study:
    study = uniform(blocks, 200)
    affine = study.ct.geometry.affine.copy()
    affine[2, 3] += along_head_mm
    return replace(study, ct=replace(study.ct, geometry=Geometry(affine, study.ct.geometry.shape)))


def test_labels_beside_the_ct_are_refused(pair: Blocks) -> None:
    with pytest.raises(InputError, match=r"% of the labelled voxels lie outside the CT"):
        build_spine(shifted(pair, 80), labels=pair.image, label_map="verse", resample=True)


def test_labels_that_reach_beyond_the_ct_block(pair: Blocks) -> None:
    spine = build_spine(shifted(pair, -20), labels=pair.image, label_map="verse", resample=True)
    assert "extent_conflict" in codes(spine)


def test_progress_is_told_from_start_to_end(pair: Blocks) -> None:
    told: list[float] = []
    build_spine(None, labels=pair.image, label_map="verse", progress=lambda share, _: told.append(share))
    assert told[0] == 0.0 and told[-1] == 1.0
    assert told == sorted(told)


def test_vertebrae_taken_apart_by_other_processes_are_the_same(
    spine: Spine, blocks: Blocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spondyl.spine.assembly._MANY", 2)
    with Workers(2) as workers:
        beside = build_spine(None, labels=blocks.image, label_map="verse", workers=workers)
        assert workers.are_awake
    assert beside.levels == spine.levels and beside.questions == spine.questions
    for other, one in zip(beside, spine, strict=True):
        assert other.remarks == one.remarks and len(other.pedicles) == len(one.pedicles)
        assert one.frame is not None and other.frame is not None and np.array_equal(other.frame.axes, one.frame.axes)
        assert one.superior is not None and other.superior is not None
        assert np.array_equal(other.superior.height_mm, one.superior.height_mm, equal_nan=True)
        for neck, same in zip(other.pedicles, one.pedicles, strict=True):
            assert np.array_equal(neck.axis, same.axis) and neck.width_mm == same.width_mm
