"""What does not fit between record, header and labels."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from spondyl.space import Geometry, Volume
from spondyl.studies import Patient, Scan, Sex, Study, find_conflicts, read_study, write_dicom

CT = Volume(np.zeros((20, 20, 20), np.int16), Geometry(np.eye(4), (20, 20, 20), "1.2.3"), "[hnsf'U]")
SCAN = Scan(patient_age_years=70, patient_sex=Sex.FEMALE, study_date=date(2024, 5, 10), gantry_tilt_deg=0.0)


def _codes(patient: Patient, scan: Scan = SCAN, labels: Geometry | None = None) -> list[str]:
    questions = find_conflicts(Study(CT, scan, patient), labels)
    assert all(q.blocking and q.text and q.action for q in questions)
    return [q.code for q in questions]


@pytest.mark.parametrize(
    ("patient", "codes"),
    [
        (Patient(), []),
        (Patient(age_years=70, sex=Sex.FEMALE, ct_date=date(2024, 5, 10), onset_date=date(2024, 5, 10)), []),
        (Patient(age_years=71), []),  # a birthday between CT and record
        (Patient(age_years=72), ["age_conflict"]),
        (Patient(age_years=68.9), ["age_conflict"]),
        (Patient(sex=Sex.MALE), ["sex_conflict"]),
        (Patient(ct_date=date(2024, 5, 9)), ["ct_date_conflict"]),
        (Patient(onset_date=date(2024, 5, 11)), ["onset_after_ct"]),
        (Patient(onset_date=date(2024, 5, 9)), []),
        (Patient(age_years=40, sex=Sex.MALE), ["age_conflict", "sex_conflict"]),
    ],
)
def test_record_against_header(patient: Patient, codes: list[str]) -> None:
    assert _codes(patient) == codes


def test_what_the_header_does_not_say_is_no_conflict() -> None:
    assert _codes(Patient(age_years=40, sex=Sex.MALE, ct_date=date(2020, 1, 1)), Scan()) == []


def test_without_a_header_date_the_record_dates_the_ct() -> None:
    assert _codes(Patient(ct_date=date(2020, 1, 1), onset_date=date(2020, 1, 2)), Scan()) == ["onset_after_ct"]


def test_tilt_in_the_header_alone() -> None:
    assert _codes(Patient(), Scan(gantry_tilt_deg=12.0)) == ["tilt_conflict"]
    assert _codes(Patient(), Scan(gantry_tilt_deg=0.5)) == []


@pytest.mark.parametrize(
    ("record", "header", "codes"),
    [
        (True, False, ["contrast_conflict"]),
        (False, True, ["contrast_conflict"]),
        (True, True, []),
        (None, True, []),
        (True, None, []),
    ],
)
def test_contrast_in_record_and_header(record: bool | None, header: bool | None, codes: list[str]) -> None:
    assert _codes(Patient(contrast_given=record), Scan(contrast=header)) == codes


def _moved(by: float, uid: str | None = "1.2.3", shape: tuple[int, int, int] = (20, 20, 20)) -> Geometry:
    affine = np.eye(4)
    affine[0, 3] = by
    return Geometry(affine, shape, uid)


@pytest.mark.parametrize(
    ("labels", "codes"),
    [
        (_moved(0.0), []),
        (_moved(5.0, shape=(10, 10, 10)), []),
        (_moved(0.0, uid=None), []),
        (_moved(0.0, uid="1.2.99"), ["frame_conflict"]),
        (_moved(10.0), ["extent_conflict"]),
        (_moved(500.0, uid=None), ["extent_conflict"]),
    ],
)
def test_labels_against_the_ct(labels: Geometry, codes: list[str]) -> None:
    assert _codes(Patient(), labels=labels) == codes


def test_the_share_outside_is_told() -> None:
    (question,) = find_conflicts(Study(CT, SCAN, Patient()), _moved(10.0))
    assert question.text == "48 % of the label image lies outside the CT."  # of 21 planes 0-20, ten lie beyond 20.5


def test_reading_asks_at_once(marked_ct: Volume, tmp_path: Path) -> None:
    write_dicom(marked_ct, tmp_path / "ct", scan=SCAN)
    study = read_study(tmp_path / "ct", Patient(age_years=50, sex=Sex.MALE))
    assert [q.code for q in study.questions] == ["age_conflict", "sex_conflict"]
