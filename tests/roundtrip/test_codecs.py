"""Every compressed coding gives the same volume as the plain one. The files are made with GDCM and pydicom."""

from __future__ import annotations

from pathlib import Path

import gdcm
import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from spondyl.space import Geometry, Volume
from spondyl.studies import read_study, write_dicom

GDCM = {
    JPEG2000Lossless: gdcm.TransferSyntax.JPEG2000Lossless,
    JPEGLSLossless: gdcm.TransferSyntax.JPEGLSLossless,
    RLELossless: gdcm.TransferSyntax.RLELossless,
    JPEGLossless: gdcm.TransferSyntax.JPEGLosslessProcess14,
    JPEGLosslessSV1: gdcm.TransferSyntax.JPEGLosslessProcess14_1,
}


def _recode_with_gdcm(file: Path, syntax: int) -> None:
    reader = gdcm.ImageReader()
    reader.SetFileName(str(file))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(file))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()


def _noisy(volume: Volume) -> Volume:
    """With noise, so that a coder has something to do; values from -1024 to the top of the range."""
    noise = np.random.default_rng(1).integers(-24, 25, volume.array.shape)
    array = (volume.array + noise).astype(np.int16)
    array[0, 0, 0], array[1, 0, 0] = -1024, 3071
    return Volume(array, volume.geometry, volume.unit)


@pytest.mark.parametrize("syntax", GDCM, ids=lambda uid: uid.name)
@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned 12 bit"])
def test_compressed_series_is_read(syntax: str, signed: bool, left_marked: Volume, tmp_path: Path) -> None:
    volume = _noisy(left_marked)
    for file in write_dicom(volume, tmp_path / "ct"):
        if not signed:
            dataset = pydicom.dcmread(file)
            dataset.PixelRepresentation, dataset.BitsStored, dataset.HighBit = 0, 12, 11
            dataset.save_as(file)
        _recode_with_gdcm(file, GDCM[syntax])
        assert pydicom.dcmread(file).file_meta.TransferSyntaxUID == syntax
    assert read_study(tmp_path / "ct").ct.is_equal(volume)


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian],
    ids=lambda uid: uid.name,
)
def test_uncompressed_codings_are_read(syntax: str, left_marked: Volume, tmp_path: Path) -> None:
    volume = _noisy(left_marked)
    for file in write_dicom(volume, tmp_path / "ct"):
        dataset = pydicom.dcmread(file)
        if syntax == ExplicitVRBigEndian:
            dataset.PixelData = dataset.pixel_array.astype(">i2").tobytes()
        dataset.file_meta.TransferSyntaxUID = syntax
        little, implicit = syntax != ExplicitVRBigEndian, syntax == ImplicitVRLittleEndian
        pydicom.dcmwrite(file, dataset, little_endian=little, implicit_vr=implicit, force_encoding=True)
    assert read_study(tmp_path / "ct").ct.is_equal(volume)


def test_file_without_preamble_and_file_meta_is_read(left_marked: Volume, tmp_path: Path) -> None:
    """As old archives hold them: the bare dataset in implicit little endian."""
    for file in write_dicom(left_marked, tmp_path / "ct"):
        dataset = pydicom.dcmread(file)
        bare = pydicom.Dataset()
        bare.update(dataset)
        pydicom.dcmwrite(file, bare, little_endian=True, implicit_vr=True)
        assert file.read_bytes()[128:132] != b"DICM"
    assert read_study(tmp_path / "ct").ct.is_equal(left_marked)


def test_lossy_coding_is_read_with_a_note(left_marked: Volume, tmp_path: Path) -> None:
    """JPEG 2000 with loss: values may differ, the place may not, and it is said."""
    larger = np.repeat(np.repeat(left_marked.array, 4, axis=0), 4, axis=1)  # the coder needs 32 pixels
    volume = Volume(larger, Geometry(left_marked.geometry.affine, larger.shape), left_marked.unit)
    for file in write_dicom(volume, tmp_path / "ct"):
        dataset = pydicom.dcmread(file)
        dataset.compress(JPEG2000, j2k_cr=[5], encoding_plugin="pylibjpeg")
        dataset.save_as(file)
    study = read_study(tmp_path / "ct")
    assert study.ct.geometry.is_same_grid(Geometry(volume.geometry.affine, larger.shape))
    assert np.abs(study.ct.array.astype(int) - larger).max() < 100
    assert any("compressed with loss" in note for note in study.notes)
