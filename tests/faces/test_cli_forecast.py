"""`spondyl forecast`: of a case, or of a record alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema

from spondyl.documents.schema_files import shipped_schema

Cli = Callable[..., Any]


def test_a_record_alone_gives_the_forecast_and_writes_nothing(tmp_path: Path, cli: Cli) -> None:
    facts = tmp_path / "patient.toml"
    facts.write_text('cause = "osteoporotic"\n', "utf-8")
    document = cli("forecast", "--patient", facts, "--json").json()
    jsonschema.validate(document, shipped_schema("spondyl.forecast/1"))
    assert [len(one["trials"]) for one in document["pooled"]] == [3]
    assert list(tmp_path.iterdir()) == [facts]


def test_natural_recovery_is_printed_before_any_procedure(tmp_path: Path, cli: Cli) -> None:
    facts = tmp_path / "patient.toml"
    facts.write_text("", "utf-8")
    text = cli("forecast", "--patient", facts).out
    assert "does not say why the bone broke" in text
    assert text.index("without cement: pain of 3 or less") < text.index("pain with vertebroplasty")
    assert "86 rows of the trial table are not verified" in text


def test_a_case_keeps_its_forecast(case: Path, cli: Cli) -> None:
    document = cli("forecast", case, "--json").json()
    assert json.loads((case / "forecast.json").read_text("utf-8")) == document


def test_one_of_both_is_given(case: Path, tmp_path: Path, cli: Cli) -> None:
    facts = tmp_path / "patient.toml"
    facts.write_text("", "utf-8")
    for arguments in ((), (case, "--patient", facts)):
        result = cli("forecast", *arguments)
        assert result.code == 2 and "either a case folder or --patient FILE" in result.err
