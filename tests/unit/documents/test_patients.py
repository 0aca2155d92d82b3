"""patient.toml: facts, and none where none are given."""

from datetime import date
from pathlib import Path

import pytest

from spondyl.documents.patients import patient_toml, read_patient
from spondyl.errors import InputError
from spondyl.studies import Bleeding, BloodThinner, Cause, Course, Evolution, Function, Patient, Sex


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
        ('age_years = "old"', "age_years is not what is expected: a number from 0 to 120"),
        ('sex = "woman"', 'sex is not what is expected: "F", "M" or "O"'),
        ('fracture_levels = "L1"', "fracture_levels is not what is expected"),
        ("ct_date = 2026", "ct_date is not what is expected"),
        ("age_years = 200", "between 0 and 120"),
        ("age_years = true", "age_years is not what is expected: a number from 0 to 120"),
        ("[bleeding]\nIRN = 1.1", r"unknown key bleeding\.IRN; known are blood_thinners, inr"),
        ('[bleeding]\ninr = "high"', r"bleeding\.inr is not what is expected: a number from 0\.5 to 20"),
        ("[bleeding]\ninr = false", r"bleeding\.inr is not what is expected: a number from 0\.5 to 20"),
        (
            '[bleeding]\nblood_thinners = ["warfarine"]',
            r"bleeding\.blood_thinners is not .*: a list, each \"warfarin\"",
        ),
        ("bleeding = 3", "bleeding is not what is expected: a table"),
        (
            '[course]\nevolution = "bad"',
            r'course\.evolution is not what is expected: "improving", "stable" or "worsening"',
        ),
        ("[function]\nrmdq_score = 25", "rmdq_score in the record is not between 0 and 24"),
        ("[function]\nrmdq_applies = [25]", "statements from 1 to 24"),
        ("[function]\nrmdq_applies = [1, 2]\nrmdq_score = 5", "does not fit"),
        ("[conditions]\npregnant = 7", r"conditions\.pregnant is not what is expected: true or false"),
    ],
)
def test_a_bad_fact_is_refused_by_name(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_patient(write(tmp_path, text))


def test_tables_of_facts_are_read(tmp_path: Path) -> None:
    text = (
        'cause = "osteoporotic"\n[course]\nevolution = "worsening"\n[bleeding]\nblood_thinners = ["apixaban"]\n'
        "inr = 1.1\n[function]\nrmdq_applies = [1, 4]\nrmdq_not_asked = [24]\n"
    )
    patient = read_patient(write(tmp_path, text))
    assert patient.cause is Cause.OSTEOPOROTIC
    assert patient.course.evolution is Evolution.WORSENING
    assert patient.bleeding == Bleeding((BloodThinner.APIXABAN,), 1.1)
    assert patient.function.rmdq == (2, 3)
    assert patient.examination.tender_at_level is None


def test_json_is_read_and_null_is_not_recorded(tmp_path: Path) -> None:
    path = tmp_path / "patient.json"
    path.write_text('{"age_years": 74, "sex": null, "onset_date": "2026-03-31", "bleeding": {"inr": null}}', "utf-8")
    assert read_patient(path) == Patient(age_years=74, onset_date=date(2026, 3, 31))
    path.write_text("[]", "utf-8")
    with pytest.raises(InputError, match="no object of facts"):
        read_patient(path)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    patient = Patient(
        74.5,
        Sex.FEMALE,
        8,
        date(2026, 3, 31),
        fracture_levels=("L1",),
        contrast_given=False,
        wishes='to walk "again"\nsoon',
        course=Course(tried=("paracetamol", "Schmerzmittel für die Nacht")),
        bleeding=Bleeding((), 1.1),
        function=Function(rmdq_applies=(), rmdq_not_asked=(3,)),
    )
    assert read_patient(write(tmp_path, patient_toml(patient))) == patient
    assert read_patient(write(tmp_path, patient_toml(Patient()))) == Patient()


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"could not be read"):
        read_patient(tmp_path / "none.toml")


def test_messages_do_not_quote_the_fact(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_patient(write(tmp_path, 'sex = "Mrs Smith"'))
    assert "Smith" not in str(caught.value)
