"""The Scan record from a DICOM header. Patient name and ID are never read."""

from __future__ import annotations

import re
from datetime import date

from pydicom import Dataset

from spondyl.studies.dicom_headers import header_date, header_number, header_text
from spondyl.studies.patient import Sex
from spondyl.studies.types import Scan

_NO_CONTRAST = {"NO", "NONE", "N", "WITHOUT", "NO CONTRAST", "NON", "KEINE", "0", "FALSE"}
_AGE_UNITS_PER_YEAR = {"Y": 1.0, "M": 12.0, "W": 52.1775, "D": 365.2425}


def scan_from_header(dataset: Dataset) -> Scan:
    """What the header of one slice says of the scan and of the patient's age and sex; None where it says nothing."""
    study_date = header_date(dataset, "StudyDate") or header_date(dataset, "AcquisitionDate")
    return Scan(
        modality=header_text(dataset, "Modality"),
        manufacturer=header_text(dataset, "Manufacturer"),
        model=header_text(dataset, "ManufacturerModelName"),
        kvp=_positive(dataset, "KVP"),
        convolution_kernel=header_text(dataset, "ConvolutionKernel"),
        slice_thickness_mm=_positive(dataset, "SliceThickness"),
        contrast=_contrast(dataset),
        patient_position=header_text(dataset, "PatientPosition"),
        gantry_tilt_deg=header_number(dataset, "GantryDetectorTilt"),
        patient_sex=_sex(dataset),
        patient_age_years=_age_years(dataset, study_date),
        study_date=study_date,
        study_instance_uid=header_text(dataset, "StudyInstanceUID"),
        series_instance_uid=header_text(dataset, "SeriesInstanceUID"),
        series_description=header_text(dataset, "SeriesDescription"),
    )


def _positive(dataset: Dataset, keyword: str) -> float | None:
    number = header_number(dataset, keyword)
    return number if number is not None and number > 0 else None


def _contrast(dataset: Dataset) -> bool | None:
    """Whether an agent is named. An empty element says that nobody filled it in, not that none was given."""
    if dataset.get("ContrastBolusAgentSequence"):
        return True
    agent = header_text(dataset, "ContrastBolusAgent")
    return None if agent is None else agent.upper() not in _NO_CONTRAST


def _sex(dataset: Dataset) -> Sex | None:
    text = (header_text(dataset, "PatientSex") or "").upper()
    return Sex(text) if text in {sex.value for sex in Sex} else None


def _age_years(dataset: Dataset, study_date: date | None) -> float | None:
    """PatientAge ("060Y"), else the years between birth and study."""
    match = re.fullmatch(r"(\d{1,3})([YMWD])", (header_text(dataset, "PatientAge") or "").upper())
    if match:
        return round(int(match[1]) / _AGE_UNITS_PER_YEAR[match[2]], 2)
    birth = header_date(dataset, "PatientBirthDate")
    if birth is None or study_date is None or study_date < birth:
        return None
    return float(study_date.year - birth.year - ((study_date.month, study_date.day) < (birth.month, birth.day)))
