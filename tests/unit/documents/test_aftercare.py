"""The report's section on the weeks after: days with their sources, and every symptom with whom to call."""

from __future__ import annotations

from pathlib import Path

from spondyl.documents.aftercare import aftercare_section
from spondyl.documents.report import write_report
from spondyl.evidence import find_source
from spondyl.followup import SYMPTOMS, plan_recovery, question_text
from spondyl.planning import Plan
from spondyl.spine import Level


def test_every_symptom_stands_there_once_and_the_emergency_comes_first() -> None:
    section = aftercare_section(plan_recovery())
    told = [text for _, symptoms in section.calls for text in symptoms]
    assert sorted(told) == sorted(question_text(name) for name in SYMPTOMS)
    assert section.calls[0][0] == "Emergency number, at once"
    assert "Are you short of breath?" in section.calls[0][1]


def test_each_day_has_its_source_and_open_ends_are_said() -> None:
    plan = plan_recovery()
    rows = aftercare_section(plan).days.rows
    assert len(rows) == len(plan.items)
    for (days, what, source), item in zip(rows, plan.items, strict=True):
        assert days.startswith((str(item.first_day), "from")) and what == item.title
        assert all(find_source(key).cite for key in source.split(", "))
    assert any(days.startswith("from ") and days.endswith(" on") for days, _, _ in rows)


def test_an_empty_plan_has_the_weeks_without_a_procedure(tmp_path: Path) -> None:
    section = aftercare_section(plan_recovery(Plan(Level.L1)))
    assert section.state == "Without a procedure."
    write_report(tmp_path / "report.html", findings=(), recovery=plan_recovery(Plan(Level.L1)))
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "Without a procedure. Day 0" in page and 'id="aftercare"' in page
    assert all(f'id="source-{key}"' in page for key in section.sources)
