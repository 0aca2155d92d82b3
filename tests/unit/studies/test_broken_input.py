"""Every kind of broken study ends in a sentence that says what was found, what was expected and what to do."""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.uid import SecondaryCaptureImageStorage, generate_uid

from spondyl.errors import InputError
from spondyl.studies import read_study

Edit = Callable[..., None]


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.dcm"))


def _move(folder: Path, edit: Edit, k: int, by: tuple[float, float, float]) -> None:
    file = _files(folder)[k]
    place = [float(x) for x in pydicom.dcmread(file).ImagePositionPatient]
    edit(file, ImagePositionPatient=[f"{x + d:.4f}" for x, d in zip(place, by, strict=True)])


def missing_slice(folder: Path, edit: Edit) -> None:
    _files(folder)[5].unlink()


def duplicate_with_other_pixels(folder: Path, edit: Edit) -> None:
    twin = pydicom.dcmread(_files(folder)[4])
    pixels = twin.pixel_array.copy()
    pixels[0, 0] += 1
    twin.PixelData, twin.SOPInstanceUID = pixels.tobytes(), generate_uid()
    twin.save_as(folder / "twin.dcm")


def four_dimensional(folder: Path, edit: Edit) -> None:
    for number, file in enumerate(_files(folder)):
        dataset = pydicom.dcmread(file)
        pixels = dataset.pixel_array + 5
        dataset.PixelData, dataset.AcquisitionNumber = pixels.astype("<i2").tobytes(), 2
        dataset.SOPInstanceUID = generate_uid()
        dataset.save_as(folder / f"later-{number}.dcm")


def irregular_spacing(folder: Path, edit: Edit) -> None:
    _move(folder, edit, 5, (0.0, 0.0, 0.3))


def sideways_jump(folder: Path, edit: Edit) -> None:
    _move(folder, edit, 5, (2.0, 0.0, 0.0))


def truncated_file(folder: Path, edit: Edit) -> None:
    data = _files(folder)[3].read_bytes()
    _files(folder)[3].write_bytes(data[:-200])


def truncated_header(folder: Path, edit: Edit) -> None:
    data = _files(folder)[3].read_bytes()
    _files(folder)[3].write_bytes(data[:140])


def every_file(**elements: Any) -> Callable[[Path, Edit], None]:
    def change(folder: Path, edit: Edit) -> None:
        for file in _files(folder):
            edit(file, **elements)

    return change


def colour(folder: Path, edit: Edit) -> None:
    for file in _files(folder):
        dataset = pydicom.dcmread(file)
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
        dataset.SOPClassUID = SecondaryCaptureImageStorage
        dataset.PixelData = bytes(dataset.Rows * dataset.Columns * 3)
        dataset.save_as(file)


def text_named_dcm(folder: Path, edit: Edit) -> None:
    _files(folder)[0].write_text("not an image at all, but long enough to be looked at\n" * 10)


def empty_file(folder: Path, edit: Edit) -> None:
    _files(folder)[0].write_bytes(b"")


def empty_folder(folder: Path, edit: Edit) -> None:
    for file in _files(folder):
        file.unlink()


def only_text(folder: Path, edit: Edit) -> None:
    empty_folder(folder, edit)
    (folder / "README.md").write_text("nothing here")


def one_slice(folder: Path, edit: Edit) -> None:
    for file in _files(folder)[1:]:
        file.unlink()


def other_matrix(folder: Path, edit: Edit) -> None:
    dataset = pydicom.dcmread(_files(folder)[5])
    dataset.Rows = 8
    dataset.PixelData = dataset.PixelData[: 8 * dataset.Columns * 2]
    dataset.save_as(_files(folder)[5])


def other_pixel_size(folder: Path, edit: Edit) -> None:
    edit(_files(folder)[5], PixelSpacing=["0.9", "0.9"])


def other_frame(folder: Path, edit: Edit) -> None:
    edit(_files(folder)[5], FrameOfReferenceUID="1.2.3.99")


def one_missing_position(folder: Path, edit: Edit) -> None:
    edit(_files(folder)[5], ImagePositionPatient=None)


def words_for_numbers(folder: Path, edit: Edit) -> None:
    dataset = pydicom.dcmread(_files(folder)[5])
    dataset.ImageOrientationPatient = ["1", "0", "0", "1", "0", "0"]
    dataset.save_as(_files(folder)[5])


BROKEN: dict[str, tuple[Callable[[Path, Edit], None], str, str, str]] = {
    # kind: how to break it, what was found, what was expected, what to do
    "missing slice": (missing_slice, r"missing between the positions -405\.75 and -403\.25", "expected", "export"),
    "duplicate, other pixels": (duplicate_with_other_pixels, "two images with other pixels", "expected", "give"),
    "4D": (four_dimensional, r"time points \(4D\)", "expected", "give"),
    "irregular spacing": (irregular_spacing, r"irregularly spaced \(up to 0\.30 mm", "expected", "give"),
    "sideways jump": (sideways_jump, r"jump sideways by up to 2\.00 mm", "expected", "give"),
    "truncated file": (truncated_file, "cannot be decoded", "expected", "copy"),
    "truncated header": (truncated_header, "ends before the image", "expected", "copy"),
    "MR": (every_file(Modality="MR"), "modality is MR", "expected", "give"),
    "no modality": (every_file(Modality=""), "modality is not recorded", "expected", "give"),
    "colour": (colour, "colour", "expected", "give"),
    "localizer only": (every_file(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]), "LOCALIZER", "expected", "give"),
    "projection only": (every_file(ImageType=["DERIVED", "SECONDARY", "MIP"]), "MIP", "expected", "give"),
    "text named .dcm": (text_named_dcm, "is not one", "expected", "copy"),
    "empty file": (empty_file, "is not one", "expected", "copy"),
    "empty folder": (empty_folder, "is empty", "expected", "check"),
    "folder without images": (only_text, "no DICOM image", "expected", "check"),
    "one slice": (one_slice, "1 slice positions", "expected", "give"),
    "positions missing": (every_file(ImagePositionPatient=None), "position or orientation is", "expected", "give"),
    "one position missing": (one_missing_position, "orientation is missing in at least one", "expected", "give"),
    "orientation missing": (every_file(ImageOrientationPatient=None), "orientation is missing", "expected", "give"),
    "orientation not square": (words_for_numbers, "ImageOrientationPatient", "expected", "export"),
    "pixel spacing missing": (every_file(PixelSpacing=None), "pixel spacing is missing", "expected", "give"),
    "matrix sizes differ": (other_matrix, "different matrix sizes", "expected", "give"),
    "pixel sizes differ": (other_pixel_size, "different pixel sizes", "expected", "give"),
    "frames of reference differ": (other_frame, "2 frames of reference", "expected", "give"),
    "rescale missing": (every_file(RescaleSlope=None), "rescale slope or intercept is missing", "expected", "export"),
    "wrong rescale": (every_file(RescaleIntercept="0"), "not a CT in Hounsfield units", "air is -1000", "Give"),
    "wrong intercept": (every_file(RescaleIntercept="-2200"), "voxels lie between", "expected", "check"),
    "electron density": (every_file(RescaleType="ED"), "type 'ED'", "expected", "give"),
    "slope out of range": (every_file(RescaleSlope="100"), "values reach", "expected", "check"),
    "no pixels": (every_file(PixelData=None), "ends before its pixels", "expected", "copy"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_study_ends_in_a_sentence(kind: str, ct_folder: Path, edit: Edit) -> None:
    break_it, found, expected, do = BROKEN[kind]
    break_it(ct_folder, edit)
    with pytest.raises(InputError, match=found) as caught:
        read_study(ct_folder)
    message = str(caught.value)
    assert expected in message
    assert do in message
    assert "Traceback" not in message and str(ct_folder) not in message


def test_exact_duplicates_are_dropped_with_a_note(ct_folder: Path) -> None:
    for file in _files(ct_folder)[2:4]:
        shutil.copy(file, ct_folder / f"copy-of-{file.name}")
    study = read_study(ct_folder)
    assert study.ct.array.shape == (20, 16, 12)
    assert any("2 slices lay there twice" in note for note in study.notes)


def test_empty_uids_are_accepted_with_a_note(ct_folder: Path, edit: Edit) -> None:
    every_file(StudyInstanceUID="", SeriesInstanceUID="", SOPInstanceUID="", FrameOfReferenceUID="")(ct_folder, edit)
    study = read_study(ct_folder)
    assert study.ct.geometry.frame_of_reference_uid is None
    assert any("SeriesInstanceUID" in note for note in study.notes)
    assert any("frame of reference is not recorded" in note for note in study.notes)


def test_padding_becomes_air(ct_folder: Path) -> None:
    for file in _files(ct_folder):
        dataset = pydicom.dcmread(file)
        pixels = dataset.pixel_array.copy()
        pixels[0, :] = -2000  # decodes to -3024
        dataset.PixelData = pixels.tobytes()
        dataset.add_new("PixelPaddingValue", "SS", -2000)
        dataset.save_as(file)
    study = read_study(ct_folder)
    assert study.ct.array.min() == -1024
    assert (study.ct.array[:, 0, :] == -1024).all()
    assert any("240 voxels below -1024 HU" in note for note in study.notes)  # 20 columns x 12 slices


def test_padding_value_that_means_water_is_no_padding(ct_folder: Path) -> None:
    for file in _files(ct_folder):
        dataset = pydicom.dcmread(file)
        dataset.add_new("PixelPaddingValue", "SS", 1064)  # decodes to 40 HU, the phantom's body
        dataset.save_as(file)
    assert np.count_nonzero(read_study(ct_folder).ct.array == 40) > 1000


def test_rescale_is_applied_slice_by_slice(ct_folder: Path, edit: Edit) -> None:
    before = read_study(ct_folder).ct.array
    edit(_files(ct_folder)[3], RescaleIntercept="-1014")
    after = read_study(ct_folder).ct.array
    assert (after[:, :, 3] == before[:, :, 3] + 10).all()
    assert (after[:, :, 4] == before[:, :, 4]).all()


def test_fractional_slope_gives_floats(ct_folder: Path, edit: Edit) -> None:
    every_file(RescaleSlope="1.5", RescaleIntercept="-1500.5")(ct_folder, edit)
    array = read_study(ct_folder).ct.array
    assert array.dtype == np.float32
    assert float(array[10, 8, 3]) == 1064 * 1.5 - 1500.5


def _zip(folder: Path, target: Path) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in _files(folder):
            archive.write(file, f"CT/{file.name}")
    return target


def test_a_zip_gives_the_same_study_and_writes_nothing(ct_folder: Path, tmp_path: Path) -> None:
    archive = _zip(ct_folder, tmp_path / "ct.zip")
    before = sorted(tmp_path.rglob("*"))
    study = read_study(archive)
    assert study.ct.is_equal(read_study(ct_folder).ct)
    assert sorted(tmp_path.rglob("*")) == before


def _append(archive: Path, name: str | zipfile.ZipInfo, data: bytes) -> None:
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr(name, data)


def _link(name: str, target: str) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name)
    info.create_system = 3  # Unix, so that the mode bits count
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info, target.encode()


BROKEN_ZIPS: dict[str, tuple[str | zipfile.ZipInfo, bytes, str]] = {
    "path upwards": ("../outside.dcm", b"x", r"leads out of it"),
    "path upwards within": ("CT/../../outside.dcm", b"x", r"leads out of it"),
    "absolute path": ("/etc/outside.dcm", b"x", r"leads out of it"),
    "drive letter": ("C:/outside.dcm", b"x", r"leads out of it"),
    "link": (*_link("CT/slice-0099.dcm", "/etc/passwd"), "holds the link"),
    "link to a folder": (*_link("CT/up", "../.."), "holds the link"),
    "nested zip": ("CT/more.zip", b"PK\x03\x04", "another archive"),
    "nested zip in disguise": ("CT/more", b"PK\x03\x04" + bytes(200), "another archive"),
    "zip bomb": ("CT/zeros", bytes(40_000_000), "zip bomb"),
}


@pytest.mark.parametrize("kind", BROKEN_ZIPS)
def test_harmful_zip_is_refused(kind: str, ct_folder: Path, tmp_path: Path) -> None:
    name, data, found = BROKEN_ZIPS[kind]
    archive = _zip(ct_folder, tmp_path / "ct.zip")
    _append(archive, name, data)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=found) as caught:
        read_study(archive)
    assert "expected" in str(caught.value) or "CT slices stay below" in str(caught.value)
    assert "give the folder" in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_zip_whose_packed_bytes_are_damaged_is_refused(ct_folder: Path, tmp_path: Path) -> None:
    """Bytes turned within the packed data of the first slice, behind a directory that is whole."""
    archive = _zip(ct_folder, tmp_path / "ct.zip")
    data = bytearray(archive.read_bytes())
    data[100:400] = bytes(byte ^ 0xFF for byte in data[100:400])
    archive.write_bytes(data)
    with pytest.raises(InputError, match=r"damaged .*copy it again"):
        read_study(archive)


def test_zip_over_the_size_limit_is_refused(ct_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spondyl.studies.sources.MAX_TOTAL_BYTES", 5000)
    with pytest.raises(InputError, match="unpacks to"):
        read_study(_zip(ct_folder, tmp_path / "ct.zip"))


def test_zip_with_too_many_files_is_refused(ct_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spondyl.studies.sources.MAX_MEMBERS", 11)
    with pytest.raises(InputError, match="holds 12 files"):
        read_study(_zip(ct_folder, tmp_path / "ct.zip"))


def test_damaged_zip_is_refused(ct_folder: Path, tmp_path: Path) -> None:
    archive = _zip(ct_folder, tmp_path / "ct.zip")
    data = bytearray(archive.read_bytes())
    data[200:260] = bytes(60)  # within the first member's packed bytes
    archive.write_bytes(bytes(data))
    with pytest.raises(InputError, match="damaged"):
        read_study(archive)


def test_a_zip_cut_short_is_called_one(ct_folder: Path, tmp_path: Path) -> None:
    """Without its end it is no zip to the library, and was called a folder without DICOM images."""
    packed = tmp_path / "ct.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for file in _files(ct_folder):
            archive.write(file, file.name)
    packed.write_bytes(packed.read_bytes()[:-2000])
    with pytest.raises(InputError, match=r"no whole zip archive.*copy or download it again"):
        read_study(packed)


def test_a_link_to_a_folder_is_not_followed(ct_folder: Path, tmp_path: Path) -> None:
    os.symlink(tmp_path, ct_folder / "loop")  # noqa: PTH211
    assert read_study(ct_folder).ct.array.shape == (20, 16, 12)
