"""The section on who is helped: the emergency first, hidden positions hidden, every source within reach."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from spondyl.decisions import Answer, Stance, assess_candidacy
from spondyl.documents.advice import NOT_BEFORE, advice_section, cited_keys, short_words
from spondyl.documents.records import read_decisions, write_decisions
from spondyl.documents.report import write_report
from spondyl.documents.settings import Settings
from spondyl.evidence import find_source
from spondyl.findings import Finding, Status
from spondyl.outcomes import predict_outcomes
from spondyl.spine import Level
from spondyl.studies import Bleeding, Cause, Conditions, Course, Examination, Imaging, Patient

INFECTED = Patient(
    pain_nrs=8,
    cause=Cause.OSTEOPOROTIC,
    fracture_levels=("L1",),
    conditions=Conditions(local_infection=True),
    examination=Examination(neurological_deficit=False),
)


def html_of(patient: Patient, folder: Path) -> str:
    path = folder / "report.html"
    write_report(path, findings=(), patient=patient, advice=assess_candidacy(patient))
    return path.read_text("utf-8")


def test_the_emergency_stands_before_everything_else(tmp_path: Path) -> None:
    html = html_of(INFECTED, tmp_path)
    first = html.index("First: not a matter of cement")
    assert first < html.index('id="summary"') < html.index('id="advice"')
    assert "Infection at the spine or the needle&#39;s way: the infection is found and treated first." in html[first:]


def test_no_effect_and_no_way_in_stands_at_the_head_beside_what_comes_first(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    for patient, shown in ((INFECTED, False), (Patient(cause=Cause.OSTEOPOROTIC), True)):
        advice, outlook = assess_candidacy(patient), predict_outcomes(patient)
        write_report(path, findings=(), patient=patient, advice=advice, outlook=outlook)
        head = path.read_text("utf-8").partition("What follows")[2].partition("</section>")[0]
        assert ("points of 10 better" in head) is shown


def test_without_an_emergency_there_is_no_such_box(tmp_path: Path) -> None:
    assert "not a matter of cement" not in html_of(Patient(), tmp_path)


def test_hidden_positions_are_named_and_not_told(tmp_path: Path) -> None:
    html = html_of(Patient(cause=Cause.OSTEOPOROTIC), tmp_path)
    assert "Not shown, since not verified in this version: cochrane2018." in html
    assert "not supported for routine use" not in html
    assert "no difference at 3 months" not in html


def test_a_disagreement_is_spread_out_only_where_it_bites(tmp_path: Path) -> None:
    html = html_of(INFECTED, tmp_path)
    assert "what does not bear on this record" in html and "something else comes first" in html
    assert "strong recommendation against vertebroplasty</li>" not in html
    biting = html_of(Patient(cause=Cause.OSTEOPOROTIC, pain_nrs=8), tmp_path)
    assert "For this record: a fact that would decide it is not known." in biting
    assert re.search(r"option for severe ongoing pain.*its conditions: not known", biting)


def test_the_local_team_stands_at_the_table(tmp_path: Path) -> None:
    advice = assess_candidacy(Patient())
    for here, words in ((Settings(team=("spine surgery: Dr A",)), "spine surgery: Dr A"), (Settings(), "is not set")):
        write_report(tmp_path / "report.html", findings=(), patient=Patient(), advice=advice, here=here)
        table = (tmp_path / "report.html").read_text("utf-8").partition("Who should be at the table")[2]
        assert words in table.partition("<h3>")[0]


def test_every_source_that_is_named_is_listed(tmp_path: Path) -> None:
    html = html_of(INFECTED, tmp_path)
    named, listed = set(re.findall(r'href="#source-(\w+)"', html)), set(re.findall(r'<dt id="source-(\w+)"', html))
    assert len(named) > 20
    assert named <= listed
    assert all(find_source(key) for key in cited_keys(assess_candidacy(INFECTED)))


def test_conditions_are_grouped_by_their_answer() -> None:
    rows = {row.key: row for row in advice_section(assess_candidacy(INFECTED)).guidelines}
    acr = dict(rows["cand-acr"].reasons)
    assert acr == {"met": "cause osteoporotic; the fracture is painful; no neurological deficit"}
    assert set(dict(rows["cand-nice"].reasons)) == {"met", "not known"}


def test_what_the_ct_gave_says_so() -> None:
    loss = Finding("height_loss", Level.L1, None, None, 30.0, "%", 25.0, 35.0, Status.MEASURED, None, "test", "spondyl")
    section = advice_section(assess_candidacy(INFECTED, (loss,)))
    told = {row.key: dict(row.reasons) for row in section.choices}
    assert "height loss at least 20 (percent) (CT, L1)" in told["pc-deformity-bkp"]["met"]


def test_decisions_are_read_back(tmp_path: Path, findings) -> None:
    for advice in (assess_candidacy(Patient()), assess_candidacy(INFECTED, findings, levels=[Level.L1])):
        write_decisions(tmp_path / "decisions.json", advice)
        assert read_decisions(tmp_path / "decisions.json") == advice


FIT = Patient(
    age_years=78,
    pain_nrs=8,
    cause=Cause.OSTEOPOROTIC,
    fracture_levels=("L1",),
    course=Course(fracture_age_weeks=3, optimal_treatment_failed=True),
    examination=Examination(tender_at_level=True, neurological_deficit=False),
    imaging=Imaging(mri_oedema=True),
)


def test_an_infection_leaves_the_conditions_of_some_sources_met() -> None:
    """Why the head must be silent: their own lists do not name it."""
    advice = assess_candidacy(replace(FIT, conditions=Conditions(local_infection=True)))
    assert any(one.stance is Stance.FOR and one.applies is Answer.YES for one in advice.positions)


def test_the_head_names_who_speaks_for_and_against() -> None:
    told = " ".join(short_words(assess_candidacy(FIT)))
    assert "Augmentation is an option here by the conditions of" in told and "NICE TA279" in told
    assert "It is not, or something else comes first, by those of" in told and "AAOS 2010" in told


@pytest.mark.parametrize(
    "barred",
    [
        replace(FIT, conditions=Conditions(local_infection=True)),
        replace(FIT, examination=Examination(neurological_deficit=True)),
        replace(FIT, bleeding=Bleeding(inr=3.0)),
    ],
    ids=("infection", "nerves", "bleeding"),
)
def test_nothing_at_the_head_speaks_for_augmentation_where_something_bars_it(barred: Patient) -> None:
    told = " ".join(short_words(assess_candidacy(barred)))
    assert "is an option" not in told and NOT_BEFORE in told
