"""`spondyl triage`: a file of answers, the urgency first, the number never guessed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from spondyl.documents.schema_files import shipped_schema

Cli = Callable[..., Any]


def write(folder: Path, text: str, name: str = "today.toml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_an_emergency_is_the_first_word(tmp_path: Path, cli: Cli) -> None:
    answers = write(tmp_path, "days_after = 3\nchest_pain = true\n")
    text = cli("triage", answers).out
    assert text.startswith("EMERGENCY NOW: call the emergency number: the local emergency number is not set")
    assert "I have pain in my chest." in text
    assert "112" in cli("triage", answers, "--emergency-number", "112").out.splitlines()[0]


def test_the_number_comes_from_the_settings_of_the_place(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = write(tmp_path, "chest_pain = true\n")
    settings = write(tmp_path, 'emergency_number = "144"\n', "settings.toml")
    assert "144" in cli("triage", answers, "--settings", settings).out.splitlines()[0]
    monkeypatch.setenv("SPONDYL_SETTINGS", str(settings))
    assert "144" in cli("triage", answers).out.splitlines()[0]
    assert cli("triage", answers, "--emergency-number", "112", "--json").json()["emergency_number"] == "112"


def test_json_keeps_to_its_schema(tmp_path: Path, cli: Cli) -> None:
    document = cli("triage", write(tmp_path, '{"fever": true, "rigors": null}', "a.json"), "--json").json()
    jsonschema.validate(document, shipped_schema("spondyl.triage/1"))
    assert (document["urgency"], document["emergency_number"]) == ("same_day", None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("chestpain = true", "unknown key chestpain"),
        ('fever = "yes"', "fever is not yes or no: answer true or false"),
        ("temperature_c = 101", "temperature_c is not between 30 and 45"),
        ("fever = ", "not valid TOML"),
    ],
)
def test_bad_answers_are_refused_by_name(tmp_path: Path, cli: Cli, text: str, said: str) -> None:
    result = cli("triage", write(tmp_path, text))
    assert result.code == 2 and said in result.err


def test_what_was_done_is_said_on_the_phone(case: Path, tmp_path: Path, cli: Cli) -> None:
    answers = write(tmp_path, "days_after = 3\nfall_since_procedure = true\n")
    kept = (case / "plans.json").read_bytes()
    (case / "plans.json").unlink()
    missing = cli("triage", answers, "--case", case)
    assert missing.code == 2 and "plans.json is not there" in missing.err
    (case / "plans.json").write_bytes(kept)
    assert cli("access", case, "--level", "L2").code == 0
    assert "I had cement put into L2 (vertebroplasty) 3 days ago." in cli("triage", answers, "--case", case).out
    other = cli("triage", answers, "--case", case, "--level", "L5")
    assert other.code == 2 and "has plans for L2" in other.err
