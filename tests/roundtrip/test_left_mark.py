"""A phantom whose left is marked goes through each image writer and comes back through a reader of other hands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest

from spondyl.space import Geometry, Volume
from spondyl.studies import read_study, write_dicom, write_label_nifti, write_nifti

Reader = Callable[[Path], tuple[np.ndarray, np.ndarray]]
POSES = {
    "supine, indices left-back-head": np.eye(3),
    "indices back-foot-right": np.array([[0, 0, -1], [1, 0, 0], [0, -1, 0]], float),
    "indices right-front-head": np.diag([-1.0, -1.0, 1.0]),
    "left-handed, feet first": np.diag([1.0, 1.0, -1.0]),
    "oblique": np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1.0]]),
}


def _posed(volume: Volume, turn: np.ndarray) -> Volume:
    affine = np.eye(4)
    affine[:3, :3] = turn @ volume.geometry.affine[:3, :3]
    affine[:3, 3] = (11.0, -7.0, 13.0)
    return Volume(volume.array, Geometry(affine, volume.geometry.shape, "1.2.3.4"), volume.unit)


def _centre(array: np.ndarray, affine: np.ndarray, value: int) -> np.ndarray:
    return (np.argwhere(array == value) @ affine[:3, :3].T + affine[:3, 3]).mean(axis=0)


@pytest.mark.parametrize("pose", POSES)
@pytest.mark.parametrize("value", [700, 1200])
def test_nifti_seen_by_nibabel(pose: str, value: int, left_marked: Volume, tmp_path: Path) -> None:
    volume = _posed(left_marked, POSES[pose])
    write_nifti(volume, tmp_path / "ct.nii.gz")
    image = nib.load(tmp_path / "ct.nii.gz")
    right_front_head = _centre(np.asarray(image.dataobj), image.affine, value)  # RAS, nibabel's own
    left_back_head = _centre(volume.array, volume.geometry.affine, value)
    np.testing.assert_allclose(right_front_head * (-1, -1, 1), left_back_head, atol=1e-3)
    np.testing.assert_allclose(
        _centre(np.asarray(image.dataobj), image.get_qform(), value), right_front_head, atol=1e-3
    )


@pytest.mark.parametrize("pose", POSES)
@pytest.mark.parametrize("value", [700, 1200])
def test_dicom_seen_by_dcm2niix(
    pose: str, value: int, left_marked: Volume, tmp_path: Path, dcm2niix_reader: Reader
) -> None:
    volume = _posed(left_marked, POSES[pose])
    write_dicom(volume, tmp_path / "ct")
    array, affine = dcm2niix_reader(tmp_path / "ct")
    np.testing.assert_allclose(
        _centre(array, affine, value), _centre(volume.array, volume.geometry.affine, value), atol=0.01
    )


@pytest.mark.parametrize("pose", POSES)
def test_both_come_back_here(pose: str, left_marked: Volume, tmp_path: Path) -> None:
    volume = _posed(left_marked, POSES[pose])
    write_dicom(volume, tmp_path / "ct")
    write_nifti(volume, tmp_path / "ct.nii.gz")
    for path in (tmp_path / "ct", tmp_path / "ct.nii.gz"):
        ct = read_study(path).ct
        for value in (700, 1200):
            np.testing.assert_allclose(
                _centre(ct.array, ct.geometry.affine, value),
                _centre(volume.array, volume.geometry.affine, value),
                atol=1e-3,
            )


def test_labels_seen_by_nibabel(left_marked: Volume, tmp_path: Path) -> None:
    labels = Volume((left_marked.array == 700) * np.uint8(20), left_marked.geometry, "1")
    write_label_nifti(labels, tmp_path / "labels.nii.gz", names={20: "L1"})
    image = nib.load(tmp_path / "labels.nii.gz")
    assert image.get_data_dtype() == np.uint8
    centre = _centre(np.asarray(image.dataobj), image.affine, 20) * (-1, -1, 1)
    np.testing.assert_allclose(centre, _centre(left_marked.array, left_marked.geometry.affine, 700), atol=1e-3)


def test_the_block_is_really_at_the_left(left_marked: Volume) -> None:
    affine = left_marked.geometry.affine
    assert _centre(left_marked.array, affine, 700)[0] > _centre(left_marked.array, affine, 40)[0] + 2
    assert _centre(left_marked.array, affine, 1200)[2] > _centre(left_marked.array, affine, 40)[2] + 2


def test_written_series_says_what_it_is(left_marked: Volume, tmp_path: Path) -> None:
    for virtual, start, who in ((True, "VIRTUAL", "VIRTUAL"), (False, "RESEARCH ONLY", "ANONYMOUS")):
        files = write_dicom(left_marked, tmp_path / start, virtual=virtual)
        dataset = pydicom.dcmread(files[0])
        assert str(dataset.SeriesDescription).startswith(start)
        assert (dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate) == (f"{who}^PATIENT", who, "")
        assert len({pydicom.dcmread(f).SOPInstanceUID for f in files}) == 14
        assert len({pydicom.dcmread(f).SeriesInstanceUID for f in files}) == 1
