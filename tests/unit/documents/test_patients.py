"""patient.toml: facts, and none where none are given."""

from datetime import date
from pathlib import Path

import pytest

from spondyl.documents.patients import read_patient
from spondyl.errors import InputError
from spondyl.studies import Patient, Sex


def write(folder: Path, text: str) -> Path:
    path = folder / "patient.toml"
    path.write_text(text, "utf-8")
    return path


def test_facts_are_read(tmp_path: Path) -> None:
    text = 'age_years = 74\nsex = "F"\npain_nrs = 8\nct_date = 2026-03-31\nfracture_levels = ["L1"]\n'
    assert read_patient(write(tmp_path, text)) == Patient(74.0, Sex.FEMALE, 8.0, date(2026, 3, 31), None, ("L1",))


def test_an_empty_file_records_nothing(tmp_path: Path) -> None:
    assert read_patient(write(tmp_path, "")) == Patient()


def test_no_fracture_levels_differ_from_levels_not_said(tmp_path: Path) -> None:
    assert read_patient(write(tmp_path, "fracture_levels = []")).fracture_levels == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("age = 74", "unknown key age; known are age_years"),
        ("age_years = ", "not valid TOML"),
        ('age_years = "old"', "age_years is not what is expected: a number of years"),
        ('sex = "woman"', 'sex is not what is expected: "F", "M" or "O"'),
        ('fracture_levels = "L1"', "fracture_levels is not what is expected"),
        ("ct_date = 2026", "ct_date is not what is expected"),
        ("age_years = 200", "between 0 and 120"),
    ],
)
def test_a_bad_fact_is_refused_by_name(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_patient(write(tmp_path, text))


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"could not be read"):
        read_patient(tmp_path / "none.toml")


def test_messages_do_not_quote_the_fact(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_patient(write(tmp_path, 'sex = "Mrs Smith"'))
    assert "Smith" not in str(caught.value)
