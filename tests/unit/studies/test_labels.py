"""Label images and their names."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.space import Geometry, Volume
from spondyl.studies import read_label_image, write_label_nifti

POSE = np.diag([-1.0, -1.0, 1.0, 1.0])
LABELS = np.zeros((5, 6, 7), np.uint8)
LABELS[1:4, 1:3, 1:4] = 31
LABELS[1:4, 3:5, 4:6] = 32
# As TotalSegmentator writes it: header extension of code 0, text in CDATA, blanks behind the end.
TABLE = (
    b'<?xml version="1.0" encoding="UTF-8"?> <CaretExtension>  <Date><![CDATA[2013-07-14T05:45:09]]></Date>   '
    b'<VolumeInformation Index="0">   <LabelTable>\n'
    b'<Label Key="31" Red="1.0" Green="0.0" Blue="0.0" Alpha="1"><![CDATA[vertebrae_L1]]></Label>\n'
    b'<Label Key="32" Red="0.0" Green="1.0" Blue="0.0" Alpha="1"><![CDATA[vertebrae_T12]]></Label>\n\n'
    b"  </LabelTable>  <StudyMetaDataLinkSet>  </StudyMetaDataLinkSet>  <VolumeType><![CDATA[Label]]></VolumeType>   "
    b"</VolumeInformation></CaretExtension>\n              "
)


def _save(path: Path, array: np.ndarray = LABELS, table: bytes | None = None, pose: np.ndarray = POSE) -> None:
    image = nib.Nifti1Image(array, pose)
    if table is not None:
        image.header.extensions.append(nib.nifti1.Nifti1Extension(0, table))
    nib.save(image, path)


def test_numbers_without_a_table_have_no_names(tmp_path: Path) -> None:
    _save(tmp_path / "seg.nii.gz")
    image = read_label_image(tmp_path / "seg.nii.gz")
    assert image.names is None
    np.testing.assert_array_equal(image.labels.array, LABELS)
    assert len(image.source_hashes["labels"]) == 64


def test_names_come_from_the_table_in_the_header(tmp_path: Path) -> None:
    _save(tmp_path / "seg.nii.gz", table=TABLE)
    assert read_label_image(tmp_path / "seg.nii.gz").names == {31: "vertebrae_L1", 32: "vertebrae_T12"}


def test_names_come_back(tmp_path: Path) -> None:
    names = {31: 'L1 <first> & "lumbar"', 32: "T12"}
    write_label_nifti(Volume(LABELS, Geometry(np.eye(4), LABELS.shape), "1"), tmp_path / "seg.nii.gz", names=names)
    image = read_label_image(tmp_path / "seg.nii.gz")
    assert image.names == names
    np.testing.assert_array_equal(image.labels.array, LABELS)
    np.testing.assert_allclose(image.labels.geometry.affine, np.eye(4))


def test_a_damaged_table_is_refused(tmp_path: Path) -> None:
    _save(tmp_path / "seg.nii.gz", table=TABLE.replace(b"</LabelTable>", b""))
    with pytest.raises(InputError, match=r"label table .* is damaged"):
        read_label_image(tmp_path / "seg.nii.gz")


def test_a_table_with_entities_is_not_parsed(tmp_path: Path) -> None:
    evil = TABLE.replace(b"<CaretExtension>", b'<!DOCTYPE x [<!ENTITY a "b">]><CaretExtension>', 1)
    _save(tmp_path / "seg.nii.gz", table=evil)
    assert read_label_image(tmp_path / "seg.nii.gz").names is None


def test_whole_numbers_stored_as_floats_are_labels(tmp_path: Path) -> None:
    _save(tmp_path / "seg.nii.gz", LABELS.astype(np.float32))
    assert read_label_image(tmp_path / "seg.nii.gz").labels.array.dtype == np.uint8


def test_large_numbers_are_kept(tmp_path: Path) -> None:
    _save(tmp_path / "seg.nii.gz", LABELS.astype(np.int16) * 10)
    assert set(np.unique(read_label_image(tmp_path / "seg.nii.gz").labels.array)) == {0, 310, 320}


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (LABELS / 2.0, "18 voxels with fractions; labels are whole numbers"),
        (LABELS * 0, "is empty: every voxel is 0; labelled voxels are expected: check"),
        (LABELS.astype(np.int16) - 1000, "labels from -1000 to -968; 0 to 65535 are expected"),
        (np.where(LABELS > 0, np.nan, 0), "not finite; whole numbers are expected"),
    ],
    ids=["fractions", "empty", "the CT itself", "not finite"],
)
def test_what_is_no_label_image_is_refused(array: np.ndarray, found: str, tmp_path: Path) -> None:
    _save(tmp_path / "seg.nii.gz", np.asarray(array, np.float64 if array.dtype.kind == "f" else array.dtype))
    with pytest.raises(InputError, match=found):
        read_label_image(tmp_path / "seg.nii.gz")


@pytest.mark.parametrize("name", ["seg.nrrd", "seg.txt"])
def test_other_formats_are_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("x")
    with pytest.raises(InputError, match="is not a NIfTI file; labels end in"):
        read_label_image(tmp_path / name)


def test_a_missing_path_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not there"):
        read_label_image(tmp_path / "seg.nii.gz")


def test_a_folder_of_masks_is_merged_under_their_names(tmp_path: Path) -> None:
    _save(tmp_path / "vertebrae_L1.nii.gz", (LABELS == 31).astype(np.uint8))
    _save(tmp_path / "sacrum.nii.gz", (LABELS == 32).astype(np.uint8))
    _save(tmp_path / "vertebrae_L5.nii.gz", LABELS * 0)  # not in the field of view
    image = read_label_image(tmp_path)
    assert image.names == {1: "sacrum", 2: "vertebrae_L1"}
    np.testing.assert_array_equal(image.labels.array == 2, LABELS == 31)
    np.testing.assert_array_equal(image.labels.array == 1, LABELS == 32)
    assert set(image.source_hashes) == {"vertebrae_L1.nii.gz", "sacrum.nii.gz", "vertebrae_L5.nii.gz"}


def test_masks_that_overlap_are_refused(tmp_path: Path) -> None:
    _save(tmp_path / "a.nii.gz", (LABELS > 0).astype(np.uint8))
    _save(tmp_path / "b.nii.gz", (LABELS == 31).astype(np.uint8))
    with pytest.raises(InputError, match="'a' and 'b' overlap in 18 voxels"):
        read_label_image(tmp_path)


def test_masks_on_two_grids_are_refused(tmp_path: Path) -> None:
    moved = POSE.copy()
    moved[0, 3] = 3.0
    _save(tmp_path / "a.nii.gz", (LABELS == 31).astype(np.uint8))
    _save(tmp_path / "b.nii.gz", (LABELS == 32).astype(np.uint8), pose=moved)
    with pytest.raises(InputError, match=r"'b.nii.gz' lies on another grid than 'a.nii.gz'"):
        read_label_image(tmp_path)


def test_a_folder_with_a_label_map_is_refused(tmp_path: Path) -> None:
    _save(tmp_path / "all.nii.gz")
    with pytest.raises(InputError, match="2 different labels; one structure a file is expected: give that file alone"):
        read_label_image(tmp_path)


def test_a_folder_of_empty_masks_is_refused(tmp_path: Path) -> None:
    _save(tmp_path / "a.nii.gz", LABELS * 0)
    with pytest.raises(InputError, match=r"all 1 masks .* are empty"):
        read_label_image(tmp_path)
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="holds no NIfTI file"):
        read_label_image(tmp_path / "none")
