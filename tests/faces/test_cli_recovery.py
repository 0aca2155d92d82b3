"""`spondyl recovery`: words, JSON and a calendar."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema

from spondyl.documents.schema_files import shipped_schema

Cli = Callable[..., Any]


def test_relative_days_and_a_calendar(tmp_path: Path, cli: Cli) -> None:
    assert "day 14-28: See your team" in cli("recovery").out
    out = tmp_path / "recovery.ics"
    text = cli("recovery", "--day", "2026-02-27", "--out", out).out
    assert "2026-03-13 to 2026-03-27: See your team" in text
    assert out.read_bytes().startswith(b"BEGIN:VCALENDAR")


def test_json_keeps_to_its_schema(cli: Cli) -> None:
    document = cli("recovery", "--json").json()
    jsonschema.validate(document, shipped_schema("spondyl.recovery/1"))
    assert document["with_procedure"] is True and len(document["items"]) > 5


def test_the_emergency_number_is_set_or_shown_as_unset(cli: Cli) -> None:
    assert "in an emergency: the local emergency number is not set" in cli("recovery").out
    assert "in an emergency: 112" in cli("recovery", "--emergency-number", "112").out


def test_for_whom_the_days_are_is_said_first(cli: Cli) -> None:
    assert cli("recovery").out.startswith("after a procedure")


def test_bad_days_end_with_one_sentence(tmp_path: Path, cli: Cli) -> None:
    for arguments, said in ((("--day", "soon"), "--day is no day"), (("--out", tmp_path / "a.ics"), "no day 0")):
        result = cli("recovery", *arguments)
        assert result.code == 2 and said in result.err
    assert not list(tmp_path.iterdir())
