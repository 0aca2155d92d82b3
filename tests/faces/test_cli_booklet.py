"""`spondyl booklet`: files, languages, what stands in run.json, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Cli = Callable[..., Any]


def test_the_whole_job_writes_an_english_booklet(finished: tuple[Path, Any]) -> None:
    case, printed = finished
    assert printed.json()["booklets"] == [str(case / "booklet.html"), str(case / "booklet.pdf")]
    assert '<html lang="en"' in (case / "booklet.html").read_text("utf-8")


def test_languages_and_number_stand_until_others_are_asked_for(case: Path, cli: Cli) -> None:
    document = cli("booklet", case, "--language", "de", "--emergency-number", "112", "--json").json()
    assert [Path(name).name for name in document["booklets"]] == ["booklet.de.html", "booklet.de.pdf"]
    assert not (case / "booklet.html").exists() and (case / "report.html").is_file()
    assert "112" in (case / "booklet.de.html").read_text("utf-8")
    again = {stage["stage"]: stage["status"] for stage in cli("report", case, "--json").json()["stages"]}
    assert again["booklet"] == "kept" and again["report"] == "kept"
    cli("booklet", case, "--emergency-number", "999")  # a number alone keeps the language
    assert "999" in (case / "booklet.de.html").read_text("utf-8") and not (case / "booklet.html").exists()
    anew = cli("booklet", case, "--force", "findings")  # what it rests on is made again: the wish stands
    assert anew.code == 0 and "booklet.de.pdf" in anew.out and "not set" not in anew.out
    assert (case / "booklet.de.html").is_file() and not (case / "booklet.html").exists()


def test_an_unset_number_is_said(case: Path, cli: Cli) -> None:
    result = cli("booklet", case)
    assert (
        result.code == 0
        and "the local emergency number is not set (give --emergency-number or --settings)" in result.out
    )
    stages = {stage["stage"]: stage for stage in json.loads((case / "run.json").read_text("utf-8"))["stages"]}
    assert stages["booklet"]["parameters"] == {
        "languages": ["en"],
        "here": {"emergency_number": None, "team": None},
    }


def test_a_case_of_an_older_version_keeps_its_number(case: Path, cli: Cli) -> None:
    """There run.json held the number alone, without what else is set for the place."""
    cli("booklet", case, "--emergency-number", "112")
    run = json.loads((case / "run.json").read_text("utf-8"))
    (stage,) = [one for one in run["stages"] if one["stage"] == "booklet"]
    stage["parameters"] = {"languages": ["en"], "emergency_number": "112"}
    (case / "run.json").write_text(json.dumps(run), "utf-8")
    assert cli("booklet", case, "--language", "de").code == 0
    assert "112" in (case / "booklet.de.html").read_text("utf-8")


def test_the_number_of_the_settings_is_used(case: Path, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "here.toml").write_text('emergency_number = "999"\n', "utf-8")
    assert cli("booklet", case, "--settings", tmp_path / "here.toml").code == 0
    assert "Emergency number: 999" in (case / "booklet.html").read_text("utf-8")


def test_what_cannot_be_is_refused_and_nothing_is_lost(case: Path, cli: Cli) -> None:
    before = {path.name: path.read_bytes() for path in case.iterdir() if path.is_file()}
    for wrong in (("--language", "xx"), ("--emergency-number", "call me")):
        result = cli("booklet", case, *wrong)
        assert result.code == 2 and result.err.startswith("spondyl: ")
    assert {path.name: path.read_bytes() for path in case.iterdir() if path.is_file()} == before
