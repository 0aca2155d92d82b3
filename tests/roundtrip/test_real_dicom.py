"""Both DICOM series of the test data, against dcm2niix and against the NIfTI file of the same scan."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from spondyl.space import Geometry
from spondyl.studies import read_study

Reader = Callable[[Path], tuple[np.ndarray, np.ndarray]]
CORNERS = np.array(np.meshgrid((0, 1), (0, 1), (0, 1))).reshape(3, -1).T


@pytest.mark.parametrize("name", ["dicom-rider-pilot-0117", "dicom-ts-body-20"])
def test_same_volume_as_dcm2niix(name: str, data_dir: Path, dcm2niix_reader: Reader) -> None:
    ct = read_study(data_dir / name).ct
    array, affine = dcm2niix_reader(data_dir / name)
    assert ct.array.shape == array.shape
    np.testing.assert_array_equal(ct.array, np.maximum(array, -1024))  # padding is set to air here, kept there
    corners = CORNERS * (np.array(array.shape) - 1)
    np.testing.assert_allclose(ct.geometry.points(corners), Geometry(affine, array.shape).points(corners), atol=0.01)


def test_same_voxels_as_the_nifti_of_the_scan(data_dir: Path) -> None:
    """The NIfTI file is a crop of the same series (its README): values cut to -1024..3071, nothing resampled."""
    dicom = read_study(data_dir / "dicom-rider-pilot-0117").ct
    nifti = read_study(data_dir / "rider-pilot-0117-thoracic" / "ct.nii.gz").ct
    start = np.rint(dicom.geometry.indices(nifti.geometry.points((0, 0, 0)))).astype(int)
    # the crop begins below the DICOM slices and ends above them or within
    low, high = max(0, start[2]), min(dicom.array.shape[2], start[2] + nifti.array.shape[2])
    assert high - low >= 38
    columns, rows = slice(start[0], start[0] + 192), slice(start[1], start[1] + 235)
    mine, its = dicom.array[columns, rows, low:high], nifti.array[:, :, low - start[2] : high - start[2]]
    np.testing.assert_array_equal(mine, its)
    here = dicom.geometry.points((start[0], start[1], low))
    np.testing.assert_allclose(here, nifti.geometry.points((0, 0, low - start[2])), atol=0.01)


def test_header_of_the_rider_series(data_dir: Path) -> None:
    study = read_study(data_dir / "dicom-rider-pilot-0117")
    scan = study.scan
    assert (scan.modality, scan.kvp, scan.convolution_kernel, scan.contrast) == ("CT", 120, "STANDARD", True)
    assert (scan.slice_thickness_mm, scan.patient_position, scan.gantry_tilt_deg) == (1.25, "FFS", 0)
    assert (scan.patient_age_years, scan.patient_sex, scan.study_date) == (60, None, date(2000, 5, 20))
    np.testing.assert_allclose(study.ct.geometry.spacing_mm, (0.644531, 0.644531, 0.8), atol=1e-5)
    assert any("below -1024 HU" in note for note in study.notes)
    assert not study.questions


def test_header_of_the_series_without_uids(data_dir: Path) -> None:
    study = read_study(data_dir / "dicom-ts-body-20")
    scan = study.scan
    assert (scan.study_instance_uid, scan.series_instance_uid) == (None, None)
    assert (scan.convolution_kernel, scan.slice_thickness_mm) == ("Br38f\\3", 3)
    assert (scan.patient_age_years, scan.patient_sex) == (None, None)
    np.testing.assert_allclose(study.ct.geometry.spacing_mm, (0.9765625, 0.9765625, 2.0), atol=1e-6)
    assert any("SeriesInstanceUID" in note for note in study.notes)


def test_no_name_or_id_is_kept(data_dir: Path) -> None:
    """The patient's name and ID of this series are a UID that ends in .0117."""
    study = read_study(data_dir / "dicom-rider-pilot-0117")
    told = repr((study.scan, study.notes, study.other_series, dict(study.source_hashes)))
    assert "0117" not in told
