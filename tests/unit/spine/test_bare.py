"""From a bare CT to a spine: the same door as labels, and what is asked where it does not decide."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.spine import Level, NamedSegmentation, build_spine, name_segmentation, segment_levels
from spondyl.spine.bare import piece_numbers, piece_shapes
from spondyl.spine.names import measure_shape
from spondyl.studies import Patient, Scan, Study, read_study
from spondyl.synthetic import ScanSpec, VirtualPatient, VirtualSpineSpec, make_virtual_patient

LEVELS = ("T12", "L1", "L2", "L3", "L4")


def virtual(rib_reach: float) -> VirtualPatient:
    scan = ScanSpec(in_plane_mm=2.0, slice_step_mm=2.0)
    spec = VirtualSpineSpec(levels=LEVELS, rib_reach=rib_reach, scale=0.9, scan=scan)  # type: ignore[arg-type]
    return make_virtual_patient(spec, np.random.default_rng(3))


@pytest.fixture(scope="module")
def patient() -> VirtualPatient:
    return virtual(1.7)


@pytest.fixture(scope="module")
def study(patient: VirtualPatient) -> Study:
    return Study(patient.ct, Scan(), Patient(), (), (), (), {})


@pytest.fixture(scope="module")
def named(patient: VirtualPatient) -> NamedSegmentation:
    return segment_levels(patient.ct)


@pytest.fixture(scope="module")
def lettered() -> tuple[VirtualPatient, NamedSegmentation]:
    """The same spine with stumps of ribs that no longer can be told from processes."""
    short = virtual(1.0)
    return short, segment_levels(short.ct)


def test_labels_bear_the_numbers_of_their_levels(patient: VirtualPatient, named: NamedSegmentation) -> None:
    """Most voxels of each vertebra that is found bear its true number."""
    array = named.labels.labels.array
    for level in named.naming.levels or ():
        true = patient.labels.array[(array == level) & (named.parts.labels.array == 49)]
        assert (true == level).mean() > 0.8, level.name
    assert named.names[int(Level.L1)] == "vertebrae_L1"
    assert named.names[61] == "spinal_canal"


def test_a_bare_ct_becomes_a_spine(study: Study, named: NamedSegmentation) -> None:
    found = named.segmentation
    ends = replace(found, cut=(True, *found.cut[1:]))
    spine = build_spine(study, labels=NamedSegmentation(ends, named.naming))
    assert [level.name for level in spine.levels] == list(LEVELS)
    assert spine.method == "own segmenter"
    assert spine.label_map is None
    assert spine.canal is not None
    assert "head" in spine["T12"].cut  # only one of its discs is found
    assert spine["T12"].frame is None
    assert spine["L2"].frame is not None
    assert any("confidence" in remark for remark in spine["L2"].remarks)
    assert any("last pair of ribs meets T12" in note for note in spine.notes)
    assert any(question.code == "level_one_tie" for question in spine.questions)


def test_sizes_of_whole_vertebrae_are_those_that_were_built(patient: VirtualPatient, named: NamedSegmentation) -> None:
    """The cut ones have none; the canal of L2 is 22.5 mm wide, and its pedicles are 8.2 mm times the scale of 0.9."""
    found = named.segmentation
    shapes = piece_shapes(found, piece_numbers(found))
    assert shapes[0] is None and shapes[-1] is None
    (shape,) = (shapes[i] for i, level in enumerate(named.naming.levels or ()) if level is Level.L2)
    assert shape is not None and shape.pedicles_mm is not None
    # voxels of 2 mm: a pedicle's middle lies within one, and so do the walls
    assert shape.pedicles_mm == pytest.approx(2 * (22.5 / 2 + 0.9 * 8.2 / 2 + 0.3), abs=2.0)
    geometry, mine = patient.labels.geometry, patient.labels.array == Level.L2
    body, arch = (geometry.points(np.argwhere(mine & (patient.subregions.array == part))) for part in (49, 41))
    true = measure_shape(body, arch, patient.truth["L2"].body.frame.cranial)
    assert true is not None
    assert (shape.width_mm, shape.depth_mm) == pytest.approx((true.width_mm, true.depth_mm), abs=2.0)


def test_undecided_names_are_a_question_not_a_spine(lettered: tuple[VirtualPatient, NamedSegmentation]) -> None:
    patient, found = lettered
    assert found.naming.levels is None
    assert set(np.unique(found.labels.labels.array).tolist()) == {0, 1, 2, 3, 4, 5, 61}
    assert found.names[3] == "C"
    study = Study(patient.ct, Scan(), Patient(), (), (), (), {})
    with pytest.raises(InputError, match=r"does not decide which levels.*A to E.*--anchor C=L1"):
        build_spine(study, labels=found)


def test_one_word_of_a_person_names_them_without_segmenting_again(
    lettered: tuple[VirtualPatient, NamedSegmentation],
) -> None:
    patient, found = lettered
    named = name_segmentation(patient.ct, found.segmentation, ["C=L2"])
    assert [level.name for level in named.naming.levels or ()] == list(LEVELS)
    assert named.segmentation is found.segmentation
    assert named.naming.evidence[0] == "you say L2=label:3"


def test_a_wrong_anchor_is_refused_before_the_long_part(patient: VirtualPatient) -> None:
    def told(share: float, what: str) -> None:
        raise AssertionError("nothing may begin")

    with pytest.raises(InputError, match="is not understood as an anchor"):
        segment_levels(patient.ct, anchors=["L1 at slice 4"], progress=told)


def test_doubts_of_the_segmenter_are_asked(named: NamedSegmentation) -> None:
    found = named.segmentation
    doubtful = replace(found, doubts=(*found.doubts[:2], ("no pedicles are seen here",), *found.doubts[3:]))
    asked = [q for q in NamedSegmentation(doubtful, named.naming).questions if q.code == "vertebra_doubtful"]
    assert asked[0].text == "L2 as found by the own segmenter: no pedicles are seen here."
    assert "--disc-at" in asked[0].action


def test_levels_above_the_canal_that_is_found_are_told(named: NamedSegmentation) -> None:
    """Where a narrow field of view ended the canal early, two levels above it were left out without a word."""
    seen, found = named.segmentation, named.segmentation.found
    codes = [question.code for question in named.questions]
    assert "levels_lost_above" not in codes  # the canal leaves the image
    geometry = seen.vertebrae.geometry
    axis = int(np.abs(geometry.axes[2]).argmax())
    corners = [geometry.points(np.where(np.arange(3) == axis, k, 0))[2] for k in (0, geometry.shape[axis] - 1)]
    height = found.canal[:, 2]
    short = replace(found, canal=found.canal[height < max(corners) - 40.0])
    end = max(corners) - short.canal[-1, 2]
    lost = NamedSegmentation(replace(seen, found=short), named.naming)
    (asked,) = [question for question in lost.questions if question.code == "levels_lost_above"]
    assert f"{end + 10:.0f} mm below" in asked.text  # 10 mm of the canal are gone on straight
    assert not asked.blocking


def test_one_doubt_of_several_levels_is_asked_once(named: NamedSegmentation) -> None:
    """Seven levels of a CT of 4 mm slices were asked about one by one, with advice on discs."""
    found = named.segmentation
    thick = ("slices of 4.2 mm are too thick for pedicles",)
    doubtful = replace(found, doubts=tuple(thick for _ in found.doubts))
    levels = [v.name for v, cut in zip(named.naming.levels or (), found.cut, strict=True) if not cut]
    asked = [q for q in NamedSegmentation(doubtful, named.naming).questions if q.code == "vertebra_doubtful"]
    assert [q.text for q in asked] == [f"{', '.join(levels)} as found by the own segmenter: {thick[0]}."]
    assert "thinner slices" in asked[0].action


def test_a_cut_level_is_cut_towards_its_own_end_and_not_called_whole(study: Study, named: NamedSegmentation) -> None:
    """The second level from the head was called cut towards the foot where the disc above it is not sure."""
    cut = replace(named.segmentation, cut=(True, True, *named.segmentation.cut[2:]))
    spine = build_spine(study, labels=NamedSegmentation(cut, named.naming))
    for vertebra in spine.vertebrae[:2]:
        assert "head" in vertebra.cut and "foot" not in vertebra.cut
        assert not any("the body is whole" in remark for remark in vertebra.remarks)
        assert any("taken as cut towards the head" in remark for remark in vertebra.remarks)


def test_the_lower_of_two_cut_levels_at_the_head_is_cut_there_in_a_short_stack(
    study: Study, named: NamedSegmentation
) -> None:
    """Place 1 of 3 is in the lower half of neither, and what is cut lies above it."""
    found = named.segmentation
    levels = [v.name for v in named.naming.levels or ()]
    cut = tuple(place < len(levels) - 1 for place in range(len(levels)))
    spine = build_spine(study, labels=NamedSegmentation(replace(found, cut=cut), named.naming))
    for vertebra in spine.vertebrae[: len(levels) - 1]:
        assert any("taken as cut towards the head" in remark for remark in vertebra.remarks)


def test_pieces_are_numbered_as_the_vertebrae(named: NamedSegmentation) -> None:
    """Six discs bound five vertebrae; what lies beyond the outer discs is none."""
    assert len(named.segmentation.found.discs) == 6
    assert piece_numbers(named.segmentation) == (None, 1, 2, 3, 4, 5, None)


def test_the_sacrum_bears_no_number(data_dir: Path) -> None:
    ct = read_study(data_dir / "ts-lumbar-3mm" / "ct.nii.gz").ct
    found = segment_levels(ct)
    assert piece_numbers(found.segmentation) == (1, 2, 3, 4, 5, 6, None)
    assert [level.name for level in found.naming.levels or ()] == ["T12", "L1", "L2", "L3", "L4", "L5"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"label_map": "verse"}, "belong to labels"),
        ({"labels": "seg.nii.gz", "anchors": ["C=L1"]}, "labels have their names"),
    ],
)
def test_what_does_not_go_together_is_refused(study: Study, options: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        build_spine(study, **options)  # type: ignore[arg-type]


def test_neither_ct_nor_labels_is_refused() -> None:
    with pytest.raises(InputError, match="neither a CT nor labels"):
        build_spine(None)
