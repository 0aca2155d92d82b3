"""The Scan record: what the header says, None where it says nothing."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pydicom
import pytest
from pydicom import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from spondyl.space import Volume
from spondyl.studies import Scan, Sex, read_study, write_dicom
from spondyl.studies.scan import scan_from_header


def _scan(**elements: object) -> Scan:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return scan_from_header(dataset)


def test_an_empty_header_gives_nothing() -> None:
    assert _scan() == Scan()
    empty = _scan(
        KVP="", PatientSex="", PatientAge="", StudyDate="", ConvolutionKernel="", ContrastBolusAgent="",
        SeriesInstanceUID="", SliceThickness="", GantryDetectorTilt="", PatientPosition="", Modality="",
    )  # fmt: skip
    assert empty == Scan()


@pytest.mark.parametrize(
    ("agent", "contrast"),
    [("OMNI", True), ("APPLIED", True), ("Ultravist 370", True), ("NONE", False), ("no", False), ("", None)],
)
def test_contrast(agent: str, contrast: bool | None) -> None:
    assert _scan(ContrastBolusAgent=agent).contrast is contrast


def test_contrast_as_a_code() -> None:
    assert _scan(ContrastBolusAgentSequence=[Dataset()]).contrast is True


@pytest.mark.parametrize(("age", "years"), [("060Y", 60), ("006M", 0.5), ("026W", 0.5), ("365D", 1.0), ("", None)])
def test_age(age: str, years: float | None) -> None:
    assert _scan(PatientAge=age).patient_age_years == (None if years is None else pytest.approx(years, abs=0.01))


def test_age_from_the_birth_date() -> None:
    assert _scan(PatientBirthDate="19500615", StudyDate="20240614").patient_age_years == 73
    assert _scan(PatientBirthDate="19500615", StudyDate="20240615").patient_age_years == 74
    assert _scan(PatientBirthDate="19500615").patient_age_years is None
    assert _scan(PatientBirthDate="20300615", StudyDate="20240615").patient_age_years is None


@pytest.mark.parametrize(("text", "sex"), [("F", Sex.FEMALE), ("M", Sex.MALE), ("O", Sex.OTHER), ("X", None)])
def test_sex(text: str, sex: Sex | None) -> None:
    assert _scan(PatientSex=text).patient_sex is sex


def test_numbers_and_dates() -> None:
    scan = _scan(KVP="120", SliceThickness="0.625", GantryDetectorTilt="-12.5", StudyDate="20240229")
    assert (scan.kvp, scan.slice_thickness_mm, scan.gantry_tilt_deg) == (120, 0.625, -12.5)
    assert scan.study_date == date(2024, 2, 29)
    assert _scan(KVP="0", SliceThickness="0").kvp is None  # 0 is how some write 'not known'


def test_a_stray_word_is_not_recorded(marked_ct: Volume, tmp_path: Path) -> None:
    """A header said 'n/a' where numbers stand, and an age without its unit; reading broke off."""
    for file in write_dicom(marked_ct, tmp_path / "ct"):
        dataset = pydicom.dcmread(file)
        for keyword in ("KVP", "SliceThickness", "PatientAge"):
            dataset.add_new(keyword, "LO", "n/a" if keyword != "PatientAge" else "60")
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian  # which takes the type from the dictionary
        pydicom.dcmwrite(file, dataset, implicit_vr=True, little_endian=True, force_encoding=True)
    scan = read_study(tmp_path / "ct").scan
    assert (scan.kvp, scan.slice_thickness_mm, scan.patient_age_years) == (None, None, None)


def test_several_kernels_are_kept() -> None:
    assert _scan(ConvolutionKernel=["Br38f", "3"]).convolution_kernel == "Br38f\\3"
