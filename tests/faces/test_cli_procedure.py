"""`spondyl procedure`: the sheet of a case, on paper and on a screen."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from spondyl.documents.pages import pdf_version
from spondyl.documents.schema_files import shipped_schema
from spondyl.errors import InputError
from tests.pdf_structure import read_structure

Cli = Callable[..., Any]
IN_ORDER = (
    "What is planned, and what must be known first",
    "Ask first",
    "Limits",
    "Drugs against clotting: each source by itself",
    "Before the day",
    "On the day, before the needle",
    "Sign-out, before leaving the room",
    "Before going home",
    "Cement: working time and amount",
)


def test_a_case_without_plans_asks_and_says_so(case: Path, cli: Cli) -> None:
    (case / "plans.json").unlink()
    document = cli("procedure", case, "--json").json()
    jsonschema.validate(document, shipped_schema("spondyl.procedure/1"))
    assert document["planned"] == "unknown" and document["needles"] == []
    assert json.loads((case / "procedure.json").read_text("utf-8")) == document
    assert "There is no plan yet" in (case / "procedure.html").read_text("utf-8")


def test_the_text_says_what_to_ask_and_what_is_not_shown(case: Path, cli: Cli) -> None:
    text = cli("procedure", case).out
    assert "ask: Which drugs against clotting are taken?" in text
    assert "ASRA 2018, days to hold: not shown: no verified source in this version" in text
    assert "ACC/AHA 2023, atrial fibrillation: hold apixaban 2 days before" in text


def test_the_sheet_names_what_holds_here(case: Path, tmp_path: Path, cli: Cli) -> None:
    cli("procedure", case)
    page = (case / "procedure.html").read_text("utf-8")
    assert "Who sits at the table here is not set" in page and "the local emergency number is not set" in page
    settings = tmp_path / "settings.toml"
    settings.write_text('emergency_number = "112"\nteam = ["anaesthesia, ext. 7"]\n', "utf-8")
    cli("procedure", case, "--settings", settings)
    page = (case / "procedure.html").read_text("utf-8")
    assert "At the table here: anaesthesia, ext. 7." in page and "Emergency: 112." in page


def test_the_pdf_can_be_read_aloud(case: Path, cli: Cli) -> None:
    try:
        pdf_version()
    except InputError:
        pytest.skip("WeasyPrint or Pango is missing: the PDF is not read")
    cli("procedure", case)
    found = read_structure(case / "procedure.pdf")
    assert found.is_tagged and found.language == "en" and found.shows_title
    assert found.title is not None and found.title.startswith("Procedure sheet")
    assert found.heading_levels[0] == 1 and found.heading_levels.count(1) == 1 and not found.skips_a_heading
    assert {"/Table", "/TH", "/L", "/LI"} <= set(found.tags)
    assert found.figures_without_alternative == 0 and found.fonts_not_embedded == ()
    assert found.pictures_beyond_a_page == ()
    places = [found.text.index(heading) for heading in IN_ORDER]
    assert places == sorted(places)


def test_new_plans_leave_no_old_sheet_behind(case: Path, cli: Cli) -> None:
    """Needles were planned anew, and the sheet beside them told of the old ones; a plan that fails leaves both."""
    cli("procedure", case)
    sheet = (case / "procedure.html").read_bytes()
    assert cli("access", case, "--level", "L9").code == 2
    assert (case / "procedure.html").read_bytes() == sheet
    assert cli("access", case, "--level", "L2").code == 0
    assert [path.name for path in case.glob("procedure.*")] == []


def test_no_case_no_sheet(tmp_path: Path, cli: Cli) -> None:
    result = cli("procedure", tmp_path / "nothing")
    assert result.code == 2 and "is no case folder" in result.err
    assert not (tmp_path / "nothing").exists()
