"""Label images of real patients. Their labels are automatic or of unstated origin: read as such, not as truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.space import Volume
from spondyl.spine import Level, Side, Spine, Vertebra, build_spine
from spondyl.studies import read_label_image, read_study


def levels(first: Level, last: Level, *without: Level) -> tuple[Level, ...]:
    return tuple(Level(n) for n in range(first, last + 1) if Level(n) not in without)


def dice(vertebra: Vertebra, regions: Volume) -> float:
    """Of a body with 49 and 50 of a sub-region image under the same vertebra."""
    assert vertebra.body is not None
    start = np.rint(regions.geometry.indices(vertebra.mask.geometry.affine[:3, 3])).astype(int)
    block = regions.cropped(start, start + vertebra.mask.geometry.shape).array
    theirs = np.isin(block, [49, 50]) & vertebra.mask.array
    return float(2 * (theirs & vertebra.body.array).sum() / (theirs.sum() + vertebra.body.array.sum()))


def measured(spine: Spine) -> list[Level]:
    return [v.level for v in spine if v.frame is not None and v.superior is not None and v.inferior is not None]


@pytest.fixture(scope="module")
def fractured(data_dir: Path) -> Spine:
    """T1 to L5 without a CT, separated here."""
    return build_spine(None, labels=data_dir / "fracture-masks-l2" / "vertebrae_mask.nii.gz", label_map="verse")


def test_every_body_of_the_fractured_spine_agrees_with_its_sub_regions(fractured: Spine, data_dir: Path) -> None:
    """Dice of at least 0.97 with the bodies of SPINEPS, the crushed L2 included; 0.976 (T5) to 0.995 when written."""
    regions = read_label_image(data_dir / "fracture-masks-l2" / "subregions_mask.nii.gz").labels
    assert fractured.levels == levels(Level.T1, Level.L5)
    for vertebra in fractured:
        assert vertebra.body is not None
        assert dice(vertebra, regions) > 0.97, vertebra.level.name


def test_the_fractured_spine_is_measured_at_all_levels(fractured: Spine) -> None:
    assert measured(fractured) == list(levels(Level.T1, Level.L5))
    assert fractured.questions == ()
    assert all("the body is whole" in remark for v in fractured for remark in v.remarks)


def test_axes_and_pedicles_of_the_fractured_spine_have_the_right_side(fractured: Spine) -> None:
    for vertebra in fractured:
        assert vertebra.frame is not None
        assert vertebra.frame.left[0] > 0.8  # LPS: x runs to the left
        for pedicle in vertebra.pedicles:
            side = vertebra.frame.to_local(pedicle.isthmus)[2]
            assert side > 5 if pedicle.side is Side.LEFT else side < -5


def test_the_intact_spine_skips_a_name(data_dir: Path) -> None:
    """T2 is not labelled, and T5 is skipped: T4 and T6 stand as near as neighbours do. C7 ends in a plane."""
    labels = data_dir / "healthy-reference-masks" / "vertebrae_mask.nii.gz"
    spine = build_spine(None, labels=labels, label_map="verse")
    assert spine.levels == levels(Level.C7, Level.L5, Level.T2, Level.T5)
    assert [(q.code, q.blocking) for q in spine.questions] == [("level_skipped", True), ("level_missing", False)]
    assert spine["C7"].cut == ("head",)
    assert measured(spine) == list(levels(Level.T3, Level.L5, Level.T5))
    assert any("not measured" in remark for remark in spine["T1"].remarks)  # a third of its body is not labelled


def test_the_thoracic_ct(data_dir: Path) -> None:
    folder = data_dir / "lidc-0001-thoracic"
    study = read_study(folder / "ct.nii.gz")
    spine = build_spine(study, labels=folder / "vertebrae_auto.nii.gz", label_map="verse")
    assert spine.levels == levels(Level.C5, Level.L3)
    assert {v.level.name for v in spine if v.is_cut} == {"C5", "C6", "C7", "L3"}
    assert measured(spine) == list(levels(Level.T1, Level.L2))
    assert not any(question.blocking for question in spine.questions)
    assert spine.canal is not None
    assert np.median(study.ct.sample(spine.canal.geometry.points(np.argwhere(spine.canal.array)[::50]))) < 80  # no bone


def test_the_thoracic_ct_under_a_wrong_map(data_dir: Path) -> None:
    folder = data_dir / "lidc-0001-thoracic"
    with pytest.raises(InputError, match=r"no vertebra is found with the label map totalseg.*5-22"):
        build_spine(None, labels=folder / "vertebrae_auto.nii.gz", label_map="totalseg")
    with pytest.raises(InputError, match="without names"):
        build_spine(None, labels=folder / "vertebrae_auto.nii.gz")


def test_the_lumbar_ct(data_dir: Path) -> None:
    folder = data_dir / "ts-lumbar-3mm"
    spine = build_spine(read_study(folder / "ct.nii.gz"), labels=folder / "vertebrae_auto.nii.gz", label_map="verse")
    assert spine.levels == (*levels(Level.T11, Level.L5), Level.SACRUM)
    assert {v.level.name for v in spine if v.is_cut} == {"T11", "T12"}
    assert measured(spine) == list(levels(Level.L1, Level.L5))
    assert spine.questions == ()


def test_the_lumbar_labels_flipped_against_their_ct(data_dir: Path) -> None:
    folder = data_dir / "ts-lumbar-3mm"
    study = read_study(folder / "ct.nii.gz")
    turned = replace(study, ct=replace(study.ct, array=study.ct.array[:, ::-1].copy()))
    with pytest.raises(InputError, match="do not lie on bone"):
        build_spine(turned, labels=folder / "vertebrae_auto.nii.gz", label_map="verse")


def test_one_vertebra_between_its_neighbours(data_dir: Path) -> None:
    folder = data_dir / "tptbox-l3-ct-mr"
    study = read_study(folder / "l3_ct.nii.gz")
    spine = build_spine(study, labels=folder / "l3_ct_vertebra_label.nii.gz", label_map="spineps")
    assert spine["L2"].cut == ("head",) and spine["L4"].cut == ("foot",)
    assert measured(spine) == [Level.L3]
    regions = read_label_image(folder / "l3_ct_subregions.nii.gz").labels
    assert dice(spine["L3"], regions) > 0.98  # 0.997 when written


def test_a_magnetic_resonance_image_with_its_canal(data_dir: Path) -> None:
    folder = data_dir / "tptbox-l3-ct-mr"
    spine = build_spine(
        None,
        labels=folder / "c6_t2w_mr_vertebra_label.nii.gz",
        label_map="spineps",
        subregions=folder / "c6_t2w_mr_subregions.nii.gz",
    )
    assert spine.levels == (Level.C5, Level.C6, Level.C7)
    assert "the canal is the one in the masks" in spine.notes


def test_t12_alone_with_its_processes_cut(data_dir: Path) -> None:
    folder = data_dir / "ts-thoracic-endplate"
    spine = build_spine(read_study(folder / "ct.nii.gz"), labels=folder / "t12_auto.nii.gz", label_map="verse")
    assert measured(spine) == [Level.T12]
    assert not spine["T12"].is_cut
    assert any("towards the back: processes are cut" in remark for remark in spine["T12"].remarks)
