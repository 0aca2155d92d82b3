"""Plans on real label images. They have no known truth: what is tested is what may be said of them."""

from __future__ import annotations

from pathlib import Path

from spondyl.planning import plan_augmentation
from spondyl.spine import Side, build_spine
from spondyl.studies import read_study


def test_on_three_millimetre_slices_the_sentence_stands(data_dir: Path) -> None:
    folder = data_dir / "ts-lumbar-3mm"
    spine = build_spine(read_study(folder / "ct.nii.gz"), labels=folder / "vertebrae_auto.nii.gz", label_map="verse")
    whole = [v.level for v in spine if v.frame is not None and not v.is_cut and v.pedicles]
    assert whole
    for level in whole:
        for path in plan_augmentation(spine, level).needles:
            assert path.access_class is None
            assert "pedicle clearance cannot be judged on this CT" in path.reasons[0]


def test_a_real_vertebra_is_planned_on_its_own_sides(data_dir: Path) -> None:
    folder = data_dir / "tptbox-l3-ct-mr"
    spine = build_spine(
        read_study(folder / "l3_ct.nii.gz"), labels=folder / "l3_ct_vertebra_label.nii.gz", label_map="verse"
    )
    plan = plan_augmentation(spine, "L3")
    assert len(plan.needles) + len(plan.refused) == 2
    frame = spine["L3"].frame
    assert frame is not None
    for path in plan.needles:
        assert (frame.to_local(path.entry)[2] > 0) == (path.side is Side.LEFT)
