"""The booklet on paper and for a screen reader: tags, headings, language, alternatives, fonts, reading order."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest

from spondyl.decisions import assess_candidacy
from spondyl.documents.booklet import SECTIONS, write_booklet
from spondyl.documents.booklet_content import symptoms_by_urgency
from spondyl.documents.languages import find_language, language_codes
from spondyl.followup import Urgency
from spondyl.studies import Cause, Conditions, Patient
from tests.pdf_structure import PdfStructure, read_structure

OSTEOPOROTIC = Patient(cause=Cause.OSTEOPOROTIC, fracture_levels=("L1",), pain_nrs=8, age_years=78)
CANCER = Patient(cause=Cause.NEOPLASTIC, fracture_levels=("T12", "L2"), conditions=Conditions(known_cancer=True))
INFECTED = replace(OSTEOPOROTIC, conditions=Conditions(local_infection=True))
EMERGENCIES = symptoms_by_urgency()[Urgency.EMERGENCY_NOW]  # in English they stand on every page of this kind


def structure(folder: Path, patient: Patient, language: str) -> PdfStructure:
    pdf = folder / "booklet.pdf"
    advice = assess_candidacy(patient)
    write_booklet(folder / "b.html", patient=patient, findings=(), advice=advice, language=language, pdf=pdf)
    return read_structure(pdf)


@pytest.mark.parametrize("code", language_codes())
def test_a_screen_reader_can_read_every_language(tmp_path: Path, code: str) -> None:
    found = structure(tmp_path, OSTEOPOROTIC, code)
    assert found.is_tagged and found.shows_title and found.language == code
    assert found.title == find_language(code).text("The broken bone in your back")
    assert found.heading_levels.count(1) == 1 and found.heading_levels.count(2) == len(SECTIONS)
    assert not found.skips_a_heading
    assert found.figures_without_alternative == 0
    assert found.pictures_beyond_a_page == ()
    assert found.fonts_not_embedded == ()
    assert {"/Table", "/TH", "/L", "/Figure"} <= set(found.tags)
    pages = [" ".join(page.split()) for page in found.pages]
    assert any(all(question in page for question in EMERGENCIES) for page in pages)  # the box is not cut in two


@pytest.mark.parametrize("code", [code for code in ("ar", "hi") if code in language_codes()])
def test_other_scripts_have_their_letters(tmp_path: Path, code: str) -> None:
    """Letters that no font had would be extracted as boxes or not at all."""
    script = {"ar": "ARABIC", "hi": "DEVANAGARI"}[code]
    letters = [sign for sign in structure(tmp_path, OSTEOPOROTIC, code).text if sign.isalpha()]
    own = sum(script in unicodedata.name(sign, "") for sign in letters)
    assert own > 4000
    assert "\ufffd" not in letters


@pytest.mark.parametrize(("patient", "first"), [(INFECTED, True), (CANCER, False)], ids=("infected", "cancer"))
def test_what_comes_first_is_read_first(tmp_path: Path, patient: Patient, first: bool) -> None:
    found = structure(tmp_path, patient, "en")
    assert found.heading_levels.count(2) == len(SECTIONS) + first
    text = " ".join(found.text.split())
    assert ("something else comes before cement" in text) is first
    if first:
        assert text.index("something else comes before cement") < text.index("Why the bone broke")
    assert text.index("Choosing not to have cement") < text.index("When to call") < text.index("Questions to ask")
