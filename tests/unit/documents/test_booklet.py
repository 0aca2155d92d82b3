"""The booklet: what is known is shown, what is not is a question, and what comes first stands first."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest

from spondyl.decisions import assess_candidacy
from spondyl.documents.booklet import SECTIONS, booklet_html, write_booklet
from spondyl.documents.booklet_content import Citations, people, symptoms_by_urgency, value
from spondyl.documents.languages import language_codes
from spondyl.errors import InputError
from spondyl.evidence import entry_ids, find_entry
from spondyl.findings import Findings
from spondyl.followup import SYMPTOMS, Urgency, question_text
from spondyl.spine import Spine
from spondyl.studies import Cause, Conditions, Patient

OSTEOPOROTIC = Patient(cause=Cause.OSTEOPOROTIC, fracture_levels=("L1",), pain_nrs=8)
CANCER = Patient(cause=Cause.NEOPLASTIC, fracture_levels=("T12", "L2"), conditions=Conditions(known_cancer=True))
INFECTED = replace(OSTEOPOROTIC, conditions=Conditions(local_infection=True))
PATIENTS = (Patient(), OSTEOPOROTIC, CANCER, INFECTED)


def page(patient: Patient, findings: Findings = (), **more: object) -> str:
    return booklet_html(patient=patient, findings=findings, advice=assess_candidacy(patient, findings), **more)


@pytest.mark.parametrize("code", language_codes())
def test_every_section_is_there_in_every_language(code: str) -> None:
    html = page(OSTEOPOROTIC, language=code)
    assert re.findall(r'<h2 id="(\w+)"', html) == list(SECTIONS)
    assert f'<html lang="{code}" dir="{"rtl" if code == "ar" else "ltr"}">' in html


def test_unknown_facts_are_questions_for_the_team() -> None:
    html = page(Patient())
    for asked in ("which bone is broken", "why the bone broke", "how bad your pain is"):
        assert f"Your record does not say {asked}" in html
    assert "This booklet holds no picture of your spine." in html


def test_known_facts_are_this_patients_own(spine: Spine, findings: Findings) -> None:
    html = page(OSTEOPOROTIC, findings, spine=spine)
    assert "Your record names this broken bone: L1." in html
    assert "your worst pain is 8 of 10" in html and "Doctors call it osteoporosis." in html
    assert "the shape of L1 is changed" in html and 'src="data:image/png;base64,' in html
    assert "these broken bones: T12, L2." in page(CANCER)


def test_an_infection_stands_before_everything_else() -> None:
    html = page(INFECTED)
    assert html.index('id="first"') < html.index('id="why"')
    assert "It must be found and treated first." in html
    assert 'id="first"' not in page(OSTEOPOROTIC)


def test_not_asked_is_never_nothing_found() -> None:
    assert "Not all that could speak against cement has been asked." in page(OSTEOPOROTIC)
    assert "Your record names something that speaks against cement." in page(INFECTED)
    assert "Nobody has checked here yet" in booklet_html(patient=OSTEOPOROTIC, findings=())


def test_the_emergency_number_is_unset_until_it_is_given() -> None:
    assert "The emergency number is not set in this booklet." in page(Patient())
    assert "Emergency number: 112" in page(Patient(), emergency_number=" 112 ")


@pytest.mark.parametrize("number", ["", "abc", "112; DROP", "1" * 21])
def test_a_number_that_cannot_be_dialled_is_refused(number: str) -> None:
    with pytest.raises(InputError, match="emergency number"):
        page(Patient(), emergency_number=number)


@pytest.mark.parametrize("code", [code for code in language_codes() if code != "en"])
def test_emergency_and_consent_stand_in_english_too_until_somebody_signed(code: str) -> None:
    html = page(INFECTED, language=code)
    twins = re.findall(r'<span class="english" lang="en" dir="ltr">(.*?)</span>', html)
    for said in ("Call the emergency number at once", "Sign only when you have understood", "treated first"):
        assert any(said in twin for twin in twins)
    assert {question_text(name).replace("'", "&#39;") for name in SYMPTOMS} <= set(twins)
    assert "No named reviewer has checked this translation yet." in html


def test_a_page_that_runs_to_the_left_marks_all_that_does_not(findings: Findings) -> None:
    html = page(INFECTED, findings, language="ar", emergency_number="+49 30 / 123-456")
    assert html.count('رقم الطوارئ: <bdi dir="ltr">+49 30 / 123-456</bdi>') == 1
    assert '<ol lang="en" dir="ltr">' in html
    own = re.sub(r'(?s)<head>.*?</head>|<(\w+)[^>]* lang="en" dir="ltr">.*?</\1>', "", html)
    words = set(re.findall(r"[A-Za-z]\w*", re.sub(r"<[^>]+>|data:\S+", "", own)))
    assert "L1" in words and words <= {"L1", "L", "T"}  # names of bones; no English stands there without its mark


def test_the_page_mirrors_itself() -> None:
    """Sides stand as start and end, so that a page from right to left needs no style of its own; pictures stay."""
    style = files("spondyl.documents").joinpath("templates", "booklet", "booklet.css").read_text("utf-8")
    assert not re.search(r"-(left|right)\s*:|text-align:\s*(left|right)|float:|[^-\w](left|right)\s*:", style)
    assert re.findall(r"[^\n}]*scaleX\(-1\)", style) == ['[dir="rtl"] .array img { transform: scaleX(-1)']


def test_every_symptom_is_told_and_none_is_left_to_self_care() -> None:
    told = symptoms_by_urgency()
    assert Urgency.SELF_CARE not in told
    assert sorted(text for texts in told.values() for text in texts) == sorted(question_text(n) for n in SYMPTOMS)
    assert "Are you short of breath?" in told[Urgency.EMERGENCY_NOW]


def test_a_figure_that_nobody_verified_is_refused() -> None:
    unverified = next(key for key in entry_ids() if not find_entry(key).verified)
    with pytest.raises(InputError, match="not verified"):
        Citations().cite(unverified)
    with pytest.raises(InputError, match="not verified"):
        value(unverified, "anything")


def test_people_are_counted_on_one_scale() -> None:
    assert people("cx-infection", "incidence") == 3  # 0.32 % of 1000
    assert people("out-vapour-primary", "responder_14d_pvp") == 440
    totals = set(re.findall(r"<strong>[\d,]+ of ([\d,]+)</strong>", page(OSTEOPOROTIC)))
    assert totals == {"1,000"}


@pytest.mark.parametrize("patient", PATIENTS, ids=("unknown", "osteoporotic", "cancer", "infected"))
def test_every_number_in_brackets_leads_to_its_source(patient: Patient) -> None:
    html = page(patient)
    named = set(re.findall(r'href="#source-(\d+)"', html))
    listed = re.findall(r'<li id="source-(\d+)"', html)
    assert len(named) > 15 and named == set(listed) and len(listed) == len(set(listed))


def test_every_picture_has_words(spine: Spine, findings: Findings) -> None:
    pictures = re.findall(r"<img [^>]*>", page(OSTEOPOROTIC, findings, spine=spine))
    assert len(pictures) == 10
    assert all(re.search(r'alt="[^"]{10,}"', picture) for picture in pictures)


@pytest.mark.parametrize(
    ("code", "box"),
    [
        ("en", "A name in a box"),
        ("de", "Ein Name im Kasten"),
        ("es", "Un nombre en un cuadro"),
        ("ar", "الاسم داخل الإطار"),
        ("hi", "चौखटे में नाम"),
    ],
)
def test_a_box_is_told_of_only_where_one_is_drawn(code: str, box: str, spine: Spine, findings: Findings) -> None:
    """No bone was marked, and the words under the picture spoke of a name in a box."""
    healthy = tuple(replace(one, value=0) if one.name == "genant_grade" else one for one in findings)
    assert box in page(OSTEOPOROTIC, findings, spine=spine, language=code)
    unmarked = page(OSTEOPOROTIC, healthy, spine=spine, language=code)
    assert 'src="data:image/png;base64,' in unmarked and box not in unmarked


def test_an_error_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        write_booklet(tmp_path / "booklet.html", patient=Patient(), findings=(), language="xx")
    assert not list(tmp_path.iterdir())
