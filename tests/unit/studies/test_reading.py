from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.space import Volume
from spondyl.studies import Patient, Scan, Sex, read_study, write_dicom, write_nifti


def test_nifti_comes_back_with_its_pose(marked_ct: Volume, tmp_path: Path) -> None:
    write_nifti(marked_ct, tmp_path / "ct.nii.gz")
    study = read_study(tmp_path / "ct.nii.gz")
    assert study.ct.is_equal(marked_ct)


def test_dicom_comes_back_with_its_pose_and_scan(marked_ct: Volume, tmp_path: Path) -> None:
    scan = Scan(kvp=120, convolution_kernel="B30f", contrast=False, patient_sex=Sex.FEMALE, patient_age_years=71)
    write_dicom(marked_ct, tmp_path / "ct", scan=scan, virtual=True)
    study = read_study(tmp_path / "ct", Patient(age_years=71))
    assert study.ct.is_equal(marked_ct)
    assert (study.scan.kvp, study.scan.convolution_kernel, study.scan.contrast) == (120, "B30f", False)
    assert (study.scan.patient_sex, study.scan.patient_age_years) == (Sex.FEMALE, 71)
    assert study.scan.series_description == "VIRTUAL CT"
    assert study.patient.age_years == 71


def test_the_left_block_lies_at_the_left(marked_ct: Volume, tmp_path: Path) -> None:
    write_dicom(marked_ct, tmp_path / "ct")
    ct = read_study(tmp_path / "ct").ct
    bright = ct.geometry.points(np.argwhere(ct.array == 700)).mean(axis=0)
    body = ct.geometry.points(np.argwhere(ct.array == 40)).mean(axis=0)
    assert bright[0] > body[0] + 2  # LPS: x grows to the left


def test_a_missing_path_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not there"):
        read_study(tmp_path / "nothing")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_what_never_ends_is_not_opened(tmp_path: Path) -> None:
    """A pipe without a writer, or /dev/zero, kept the reader waiting for ever."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="neither a file nor a folder"):
        read_study(tmp_path / "pipe")
