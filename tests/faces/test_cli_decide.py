"""`spondyl decide`: of a case, or of a record alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema

from spondyl.documents.schema_files import shipped_schema

Cli = Callable[..., Any]


def test_a_record_alone_gives_every_position_and_writes_nothing(tmp_path: Path, cli: Cli) -> None:
    facts = tmp_path / "patient.toml"
    facts.write_text('pain_nrs = 8\ncause = "osteoporotic"\n[conditions]\nlocal_infection = true\n', "utf-8")
    document = cli("decide", "--patient", facts, "--json").json()
    jsonschema.validate(document, shipped_schema("spondyl.decisions/1"))
    assert document["no_contraindication_found"] == "no"
    assert {"cand-nice", "cand-aaos", "trial-vertos4"} <= {one["key"] for one in document["positions"]}
    assert list(tmp_path.iterdir()) == [facts]


def test_what_comes_first_is_printed_first(tmp_path: Path, cli: Cli) -> None:
    facts = tmp_path / "patient.toml"
    facts.write_text("[examination]\nneurological_deficit = true\n", "utf-8")
    text = cli("decide", "--patient", facts).out
    assert text.startswith("first: a neurological deficit: a spine surgeon is asked now")
    assert "It cannot be said" not in text and "At least one contraindication" in text
    assert "Cochrane 2018 [cand-cochrane]: not known; says: not shown: no verified source in this version" in text


def test_who_is_at_the_table_is_set_or_shown_as_unset(tmp_path: Path, cli: Cli) -> None:
    facts, settings = tmp_path / "patient.toml", tmp_path / "settings.toml"
    facts.write_text("", "utf-8")
    settings.write_text('team = ["spine surgery, ext. 12", "radiation oncology"]\n', "utf-8")
    assert "who sits at the table here is not set" in cli("decide", "--patient", facts).out
    told = cli("decide", "--patient", facts, "--settings", settings).out
    assert "at the table here: spine surgery, ext. 12; radiation oncology" in told
    assert "[cand-mdt-malignant]: not known" in told


def test_a_case_keeps_its_decisions(case: Path, cli: Cli) -> None:
    document = cli("decide", case, "--json").json()
    assert json.loads((case / "decisions.json").read_text("utf-8")) == document


def test_one_of_both_is_given(case: Path, tmp_path: Path, cli: Cli) -> None:
    facts = tmp_path / "patient.toml"
    facts.write_text("", "utf-8")
    for arguments in ((), (case, "--patient", facts)):
        result = cli("decide", *arguments)
        assert result.code == 2 and "either a case folder or --patient FILE" in result.err
