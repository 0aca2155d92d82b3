"""Which series is read when several lie in one folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.uid import generate_uid

from spondyl.errors import InputError
from spondyl.space import Geometry, Volume
from spondyl.studies import Scan, read_study, write_dicom
from spondyl.studies.series import is_sharp_kernel

Edit = Callable[..., None]


def _with_spacing(volume: Volume, step_mm: float) -> Volume:
    affine = volume.geometry.affine.copy()
    affine[2, 2] = step_mm
    return Volume(volume.array, Geometry(affine, volume.geometry.shape, "1.2.3.4"), volume.unit)


def _add(volume: Volume, folder: Path, name: str, kernel: str | None = "B30f") -> None:
    write_dicom(volume, folder / name, scan=Scan(series_description=name, convolution_kernel=kernel))


def _chosen(folder: Path) -> str | None:
    return read_study(folder).scan.series_description


def test_the_longest_stack_is_read_and_the_other_listed(marked_ct: Volume, tmp_path: Path) -> None:
    _add(_with_spacing(marked_ct, 2.0), tmp_path / "both", "long")
    _add(_with_spacing(marked_ct, 1.0), tmp_path / "both", "short")
    study = read_study(tmp_path / "both")
    assert study.scan.series_description == "RESEARCH ONLY long"
    (other,) = study.other_series
    assert (other.description, other.files, other.modality) == ("RESEARCH ONLY short", 12, "CT")
    assert other.reason == "it covers 11 mm, the chosen one 22 mm"


def test_closer_slices_come_before_a_soft_kernel_above_the_limit(marked_ct: Volume, tmp_path: Path) -> None:
    _add(_with_spacing(marked_ct, 2.9), tmp_path / "both", "soft", "B30f")
    _add(_with_spacing(marked_ct, 2.5), tmp_path / "both", "bone", "B70f")
    assert _chosen(tmp_path / "both") == "RESEARCH ONLY bone"


def test_a_soft_kernel_comes_before_closer_slices_below_the_limit(marked_ct: Volume, tmp_path: Path) -> None:
    _add(_with_spacing(marked_ct, 1.0), tmp_path / "both", "soft", "B30f")
    _add(_with_spacing(marked_ct, 0.9), tmp_path / "both", "bone", "BONEPLUS")
    study = read_study(tmp_path / "both")
    assert study.scan.series_description == "RESEARCH ONLY soft"
    assert study.other_series[0].reason == "its kernel is sharper or not recorded"


def test_an_original_comes_before_a_derived_one(marked_ct: Volume, tmp_path: Path, edit: Edit) -> None:
    _add(_with_spacing(marked_ct, 2.0), tmp_path / "both", "reformatted")
    _add(_with_spacing(marked_ct, 1.0), tmp_path / "both", "original")
    for file in (tmp_path / "both" / "original").glob("*.dcm"):
        edit(file, ImageType=["ORIGINAL", "PRIMARY", "AXIAL"])
    study = read_study(tmp_path / "both")
    assert study.scan.series_description == "RESEARCH ONLY original"
    assert study.other_series[0].reason == "it is derived from another series"


def test_localizer_and_other_modality_are_listed(ct_folder: Path, marked_ct: Volume, edit: Edit) -> None:
    first = sorted(ct_folder.glob("*.dcm"))[0]
    edit(
        first, ct_folder / "scout.dcm", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], SOPInstanceUID=generate_uid(),
        ImageOrientationPatient=["0", "1", "0", "0", "0", "-1"], SeriesDescription="scout",
    )  # fmt: skip
    edit(first, ct_folder / "pet.dcm", Modality="PT", SeriesInstanceUID=generate_uid(), SeriesDescription="PET")
    study = read_study(ct_folder)
    assert study.ct.is_equal(marked_ct)
    assert {(o.description, o.reason) for o in study.other_series} == {
        ("scout", "its image type is LOCALIZER, not a stack of slices"),
        ("PET", "its modality is PT, not CT"),
    }


def test_a_series_can_be_named(marked_ct: Volume, tmp_path: Path) -> None:
    _add(_with_spacing(marked_ct, 2.0), tmp_path / "both", "long")
    _add(_with_spacing(marked_ct, 1.0), tmp_path / "both", "short")
    uid = read_study(tmp_path / "both" / "short").scan.series_instance_uid
    for name in ("RESEARCH ONLY short", uid):
        study = read_study(tmp_path / "both", series=name)
        assert study.ct.geometry.spacing_mm[2] == pytest.approx(1.0)
        assert study.other_series[0].reason == "another series was asked for by name"


def test_an_unknown_name_lists_what_is_there(ct_folder: Path) -> None:
    with pytest.raises(InputError, match=r"0 series are called 'lung'.*Here are: 1\.2"):
        read_study(ct_folder, series="lung")


def test_series_without_uids_are_taken_apart_by_kernel(marked_ct: Volume, tmp_path: Path, edit: Edit) -> None:
    _add(marked_ct, tmp_path / "both", "soft", "B30f")
    _add(Volume(marked_ct.array + 1, marked_ct.geometry, marked_ct.unit), tmp_path / "both", "lung", "B70f")
    for file in (tmp_path / "both").rglob("*.dcm"):
        edit(file, SeriesInstanceUID="", SeriesDescription="")
    study = read_study(tmp_path / "both")
    assert study.scan.convolution_kernel == "B30f"
    assert [o.files for o in study.other_series] == [12]


def test_the_choice_does_not_hang_on_the_order_of_files(marked_ct: Volume, tmp_path: Path) -> None:
    close, wide = _with_spacing(marked_ct, 1.0), _with_spacing(marked_ct, 1.1)
    for folder, volumes in (("first", (close, wide)), ("second", (wide, close))):
        for number, volume in enumerate(volumes):
            write_dicom(volume, tmp_path / folder / str(number))
    spacings = {float(read_study(tmp_path / folder).ct.geometry.spacing_mm[2]) for folder in ("first", "second")}
    assert spacings == {1.0}


@pytest.mark.parametrize(
    ("kernel", "sharp"),
    [
        ("B30f", False), ("Br38f\\3", False), ("Bv40", False), ("I31f\\2", False), ("B50f", True), ("B70s", True),
        ("Br59d\\3", True), ("Hr68h\\2", True), ("STANDARD", False), ("SOFT", False), ("LUNG", True), ("BONE", True),
        ("BONEPLUS", True), ("EDGE", True), ("B", False), ("C", False), ("D", True), ("YA", True), ("FC08", False),
        ("FC30", True), ("FC51", True), ("", None), (None, None),
    ],
)  # fmt: skip
def test_sharp_kernels_by_name(kernel: str | None, sharp: bool | None) -> None:
    assert is_sharp_kernel(kernel) is sharp
