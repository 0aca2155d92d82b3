"""A multi-frame (Enhanced) CT is read by its functional groups."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.uid import EnhancedCTImageStorage

from spondyl.errors import InputError
from spondyl.space import Volume
from spondyl.studies import Scan, read_study, write_dicom


def _group(**elements: object) -> list[Dataset]:
    group = Dataset()
    for keyword, value in elements.items():
        setattr(group, keyword, value)
    return [group]


def _enhanced(volume: Volume, folder: Path) -> Path:
    """The slices of a plain series as frames of one file, in shuffled order."""
    files = write_dicom(volume, folder / "plain", scan=Scan(kvp=100, convolution_kernel="B30f"))
    slices = [pydicom.dcmread(files[k]) for k in np.random.default_rng(2).permutation(len(files))]
    whole, frames = slices[0], []
    for plane in slices:
        frame = Dataset()
        frame.PlanePositionSequence = _group(ImagePositionPatient=plane.ImagePositionPatient)
        frames.append(frame)
    shared = Dataset()
    shared.PlaneOrientationSequence = _group(ImageOrientationPatient=whole.ImageOrientationPatient)
    shared.PixelMeasuresSequence = _group(PixelSpacing=whole.PixelSpacing, SliceThickness="1.25")
    shared.PixelValueTransformationSequence = _group(RescaleSlope="1", RescaleIntercept="-1024", RescaleType="HU")
    shared.CTReconstructionSequence = _group(ConvolutionKernel="B30f")
    shared.CTXRayDetailsSequence = _group(KVP=100.0)
    whole.PixelData = b"".join(plane.PixelData for plane in slices)
    for keyword in (
        "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "RescaleSlope",
        "RescaleIntercept", "RescaleType", "ConvolutionKernel", "KVP",
    ):  # fmt: skip
        delattr(whole, keyword)
    whole.SOPClassUID = whole.file_meta.MediaStorageSOPClassUID = EnhancedCTImageStorage
    whole.NumberOfFrames = len(slices)
    whole.SharedFunctionalGroupsSequence, whole.PerFrameFunctionalGroupsSequence = [shared], frames
    (folder / "enhanced").mkdir()
    whole.save_as(folder / "enhanced" / "all.dcm")
    return folder / "enhanced" / "all.dcm"


def test_frames_are_ordered_and_scaled_by_their_groups(left_marked: Volume, tmp_path: Path) -> None:
    file = _enhanced(left_marked, tmp_path)
    for path in (file, file.parent):
        study = read_study(path)
        assert study.ct.is_equal(left_marked)
        assert (study.scan.kvp, study.scan.convolution_kernel, study.scan.slice_thickness_mm) == (100, "B30f", 1.25)


def test_frames_without_positions_are_refused(left_marked: Volume, tmp_path: Path) -> None:
    file = _enhanced(left_marked, tmp_path)
    dataset = pydicom.dcmread(file)
    del dataset.PerFrameFunctionalGroupsSequence
    dataset.save_as(file)
    with pytest.raises(InputError, match=r"multi-frame image whose frames have no positions\); .* expected"):
        read_study(file)
