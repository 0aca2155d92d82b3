"""Outside segmenters in a case folder: what is asked for, what their labels rest on, and who made them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spondyl.app.backends import (
    LABELS_FILE,
    PARTS_FILE,
    STAGE,
    BackendWish,
    backend_needs,
    make_backend_labels,
    read_backend_labels,
)
from spondyl.documents.backend_labels import write_backend_labels
from spondyl.documents.runs import recorded
from spondyl.errors import InputError
from spondyl.spine.segmenters.backends import run_backend
from spondyl.studies import read_label_image
from tests.unit.spine import outside_programs as outside


def wish(tmp_path: Path, name: str = "spineps", distribution: str | None = None) -> BackendWish:
    program = outside.install(tmp_path / "environment", name, distribution=distribution)
    weights = outside.lay_down_weights(tmp_path / "weights", name)
    asked = BackendWish.asked(name, program=program, weights=weights)
    assert asked is not None
    return asked


def test_labels_are_read_back_with_the_name_of_their_maker(tmp_path: Path) -> None:
    ct, case, given = outside.numbered_ct(), tmp_path / "case", wish(tmp_path)
    case.mkdir()
    with recorded(case, STAGE, *backend_needs({}, given)) as progress:
        progress.outputs += make_backend_labels(case, ct, given)
    assert set(progress.outputs) == {LABELS_FILE, PARTS_FILE}
    answer = read_backend_labels(case)
    assert answer.made_by == "SPINEPS 2.1.0" and answer.subregions is not None
    np.testing.assert_array_equal(answer.labels.labels.array, np.where(ct.array > 0, ct.array, 0))


def test_another_ct_version_or_map_is_another_need(tmp_path: Path) -> None:
    needs = backend_needs({"ct": "1"}, wish(tmp_path / "a"))
    assert needs == backend_needs({"ct": "1"}, wish(tmp_path / "b"))
    assert needs != backend_needs({"ct": "2"}, wish(tmp_path / "c"))
    assert needs != backend_needs({"ct": "1"}, wish(tmp_path / "d", distribution="spineps-2.2.0"))


def test_sub_regions_of_one_backend_are_not_laid_over_the_labels_of_another(tmp_path: Path) -> None:
    ct, case = outside.numbered_ct(), tmp_path / "case"
    case.mkdir()
    make_backend_labels(case, ct, wish(tmp_path / "a", "spineps"))
    make_backend_labels(case, ct, wish(tmp_path / "b", "totalsegmentator"))
    assert read_backend_labels(case).subregions is None


def test_what_is_for_outside_segmenters_is_refused_for_the_own() -> None:
    assert BackendWish.asked("own") is None
    with pytest.raises(InputError, match="weights and minutes: given for an outside segmenter, but none is named"):
        BackendWish.asked("own", weights=Path("w"), minutes=5)
    with pytest.raises(InputError, match="no backend 'moose'"):
        BackendWish.asked("moose")
    with pytest.raises(InputError, match="no label map 'mine'"):
        BackendWish.asked("nnunet", label_map="mine")
    asked = BackendWish.asked("nnunet", minutes=5, gpu=True)
    assert asked is not None and asked.settings.time_limit_s == 300 and asked.settings.device == "gpu"


def test_the_files_carry_verse_numbers_and_names(tmp_path: Path) -> None:
    given = wish(tmp_path, "totalsegmentator")
    answer = run_backend(outside.numbered_ct(), given.name, given.settings)
    document = write_backend_labels(tmp_path / "labels.nii.gz", answer)
    assert [level.name for level in document.levels] == ["T12", "L1", "L2"] and document.parts is None
    names = read_label_image(tmp_path / "labels.nii.gz").names
    assert names == {19: "vertebrae_T12", 20: "vertebrae_L1", 21: "vertebrae_L2"}
    with pytest.raises(InputError, match="is no name of a label image"):
        write_backend_labels(tmp_path / "labels.txt", answer)
