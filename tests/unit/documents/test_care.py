"""The sheet and the section on bone health: what stands out, what is hidden, and that every source is within reach."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from spondyl.decisions import assess_candidacy, plan_bone_health, plan_procedure
from spondyl.documents.advice_models import ProcedureDocument
from spondyl.documents.care import bone_section, sheet_section
from spondyl.documents.report import write_report
from spondyl.documents.settings import Settings
from spondyl.documents.sheet import write_sheet
from spondyl.errors import InputError
from spondyl.outcomes import CountedRuns, CourseFacts, WayOut
from spondyl.planning import Angles, Plan
from spondyl.spine import Level, Side
from spondyl.studies import Bleeding, BloodThinner, Cause, Conditions, Patient
from tests.unit.decisions.test_procedure import REFUSED, needle, plan_of

PATIENT = Patient(
    age_years=74,
    sex="F",
    cause=Cause.OSTEOPOROTIC,
    fracture_levels=("L1",),
    conditions=Conditions(known_cancer=False),
    bleeding=Bleeding((BloodThinner.APIXABAN,), 2.1),
)


def sheet_html(patient: Patient, plans: tuple[Plan, ...], folder: Path) -> str:
    write_sheet(folder / "procedure.html", plan_procedure(patient, plans), Settings())
    return (folder / "procedure.html").read_text("utf-8")


def test_an_inr_outside_the_limit_stands_out(tmp_path: Path) -> None:
    section = sheet_section(plan_procedure(PATIENT, (plan_of(Level.L1),)))
    assert section.limits is not None and section.limits.marked == ("INR at most 1.8",)
    html = sheet_html(PATIENT, (plan_of(Level.L1),), tmp_path)
    assert "OUTSIDE IT: correct or think again first" in html
    assert "<strong>record: NOT so, deal with it first</strong>" in html


def test_left_stays_left_and_a_turn_outward_is_named() -> None:
    left = replace(needle(Side.LEFT), angles=Angles(0.0, 0.0, -4.0, -7.0, 0.0, 0.0))
    table = sheet_section(plan_procedure(PATIENT, (Plan(Level.L1, (left,)),))).needles
    assert table is not None
    assert table.rows == (
        ("L1", "left", "11 G, transpedicular", "orientation only", "62 mm", "43 mm", "4° outward, 7° foot"),
    )


def test_the_pace_sends_to_the_instructions_for_use() -> None:
    words = sheet_section(plan_procedure(PATIENT, (plan_of(Level.L1),))).cement
    assert words[0] == "L1: 3.4-6.8 ml by published fill [molloy2003]: a bracket, no target."
    assert "1.0-2.0 ml a minute" in words[1] and "instructions for use" in words[1]


def test_no_procedure_lists_nothing_to_prepare(tmp_path: Path) -> None:
    html = sheet_html(PATIENT, (REFUSED,), tmp_path)
    assert "No procedure is planned" in html and "no pedicle is labelled" in html
    assert 'class="ticks"' not in html and "hold apixaban" not in html


def test_hidden_intervals_are_named_and_not_told(tmp_path: Path) -> None:
    html = sheet_html(PATIENT, (plan_of(Level.L1),), tmp_path)
    for who in ("SIR 2019, days to hold", "ASRA 2018, days to hold"):
        row = html[html.index(who) :]
        assert "not shown: no verified source in this version" in row[: row.index("</tr>")]


@pytest.mark.parametrize("print_it", [False, True])
def test_every_source_that_is_named_is_listed(tmp_path: Path, print_it: bool) -> None:
    path = tmp_path / "report.html"
    sheet, bones = plan_procedure(PATIENT, (plan_of(Level.L1),)), plan_bone_health(PATIENT)
    write_report(
        path,
        findings=(),
        patient=PATIENT,
        advice=assess_candidacy(PATIENT) if print_it else None,
        procedure=sheet,
        bones=bones,
    )
    for html in (path.read_text("utf-8"), sheet_html(PATIENT, (plan_of(Level.L1),), tmp_path)):
        named, listed = set(re.findall(r'href="#source-(\w+)"', html)), set(re.findall(r'<dt id="source-(\w+)"', html))
        assert len(named) > 15 and named <= listed


def test_the_cause_first_stands_above_the_guidelines(tmp_path: Path) -> None:
    patient = replace(PATIENT, cause=Cause.NEOPLASTIC)
    first = bone_section(plan_bone_health(patient)).first
    assert first is not None and "the record names a tumour as the cause" in first
    path = tmp_path / "report.html"
    write_report(path, findings=(), patient=patient, bones=plan_bone_health(patient))
    html = path.read_text("utf-8")
    assert html.index('id="bones"') < html.index("Find the cause first") < html.index("Drug class")
    assert bone_section(plan_bone_health(PATIENT)).first is None


def test_guidelines_carry_their_region() -> None:
    groups = {group.title: group.rows for group in bone_section(plan_bone_health(PATIENT)).groups}
    assert {row.who for row in groups["Calcium and vitamin D"]} == {
        "BHOF 2022 (United States)",
        "NOGG 2021 (United Kingdom)",
    }


def test_what_comes_before_any_procedure_stands_first_on_the_sheet(tmp_path: Path) -> None:
    infected = replace(PATIENT, conditions=Conditions(local_infection=True))
    html = sheet_html(infected, (plan_of(Level.L1),), tmp_path)
    first = html.index("First, before any procedure:")
    assert "infection is found and treated first" in html[first : html.index("Needles of the plan")]
    assert "First, before any procedure" not in sheet_html(PATIENT, (plan_of(Level.L1),), tmp_path)


def test_ways_out_stand_on_the_sheet_with_the_words_of_a_model(tmp_path: Path) -> None:
    counted = CountedRuns(4, 40, (("low", 0, 14), ("high", 4, 13)), ("0.8 % of levels [kaviar2014]",), 3)
    way = WayOut("epidural", ("basivertebral vein",), counted)
    facts = CourseFacts(
        Level.L1, "vertebroplasty", None, None, None, None, None, counted, (way, replace(way, counted=None))
    )
    sheet = plan_procedure(Patient(), (plan_of(Level.L1),), (facts,))
    write_sheet(tmp_path / "procedure.html", sheet, Settings())
    page = (tmp_path / "procedure.html").read_text("utf-8")
    runs = (
        "4 of 40 simulated runs leaked more than 0.1 mL (permeability low 0 of 14, high 4 of 13), and in 3 more "
        "nothing went in; published: 0.8 %"
    )
    assert f"L1, vertebroplasty: canal (epidural) by basivertebral vein: {runs}" in page
    assert "runs were not counted" in page
    assert "not calibrated on patients" in page and "no chance of this patient" in page
    assert ProcedureDocument.of(sheet).record() == sheet
    assert "Watch while cement goes in" not in plain_page(tmp_path)


def test_a_plan_that_no_simulated_run_could_inject_is_told_on_the_sheet(tmp_path: Path) -> None:
    none = CountedRuns(0, 0, empty=40)
    ways = (WayOut("epidural", ("basivertebral vein",), none), WayOut("any", (), none))
    facts = CourseFacts(Level.L1, "vertebroplasty", None, None, None, None, None, none, ways)
    sheet = plan_procedure(Patient(), (plan_of(Level.L1),), (facts,))
    write_sheet(tmp_path / "procedure.html", sheet, Settings())
    page = (tmp_path / "procedure.html").read_text("utf-8")
    runs = "in none of 40 simulated runs did cement go in: whether it would leak is not known"
    assert f"L1, vertebroplasty: canal (epidural) by basivertebral vein: {runs}" in page
    assert f"L1, vertebroplasty: any way out: {runs}" in page
    assert "runs were not counted" not in page
    assert ProcedureDocument.of(sheet).record() == sheet
    with pytest.raises(InputError, match="3 of 2 simulated runs"):
        CountedRuns(3, 2)


def plain_page(folder: Path) -> str:
    write_sheet(folder / "plain.html", plan_procedure(Patient(), (plan_of(Level.L1),)), Settings())
    return (folder / "plain.html").read_text("utf-8")
