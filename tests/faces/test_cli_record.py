"""`spondyl record`: a conversation, kept after each answer."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from spondyl.documents.patients import read_patient
from spondyl.documents.schema_files import shipped_schema

Cli = Callable[..., Any]


def test_answers_are_kept_and_a_slip_is_asked_again(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "patient.toml"
    monkeypatch.setattr("sys.stdin", io.StringIO("L1\nmaybe\nosteoporotic\n\nstop\n"))
    result = cli("record", "--out", out)
    assert result.code == 0 and f"written to {out}" in result.out
    patient = read_patient(out)
    assert patient.fracture_levels == ("L1",)
    assert patient.cause is not None
    assert "was not understood" in result.err


def test_the_end_of_input_loses_nothing(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "patient.toml"
    monkeypatch.setattr("sys.stdin", io.StringIO("L2\n"))
    assert cli("record", "--out", out).code == 0
    assert read_patient(out).fracture_levels == ("L2",)


def test_the_list_asks_nothing_and_writes_nothing(tmp_path: Path, cli: Cli) -> None:
    text = cli("record", "--list").out
    assert text.startswith("fracture_levels: Which levels are fractured")
    assert "bleeding.inr: What is the INR? (a number)" in text
    assert not list(tmp_path.iterdir())


def test_questions_as_json_keep_to_their_schema(cli: Cli) -> None:
    document = cli("record", "--json").json()
    jsonschema.validate(document, shipped_schema("spondyl.questions/1"))
    assert document["questions"][0]["fact"] == "fracture_levels"


def test_a_conversation_needs_a_file(cli: Cli) -> None:
    result = cli("record")
    assert result.code == 2 and "--out is missing" in result.err
