"""`spondyl access` on a case folder, and the files it writes."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Cli = Callable[..., Any]


def test_coarse_ct_gives_orientation_only(case: Path, cli: Cli) -> None:
    """The virtual patient has slices 2.5 mm apart."""
    document = cli("access", case, "--level", "L2", "--json").json()
    assert document["schema"] == "spondyl.plans/1"
    (plan,) = document["plans"]
    assert plan["level"] == "L2" and plan["needles"]
    assert {needle["access_class"] for needle in plan["needles"]} == {None}
    text = cli("access", case, "--level", "L2").out
    assert "pedicle clearance cannot be judged on this CT" in text
    assert (
        "orientation only" in text
        and "not labelled, not checked: aorta, inferior vena cava, iliac vessels, ribs" in text
    )


def test_every_file_is_read_back_with_left_on_the_left(case: Path, cli: Cli) -> None:
    printed = cli("access", case, "--level", "L3", "--level", "L2", "--json").json()
    kept = json.loads((case / "plans.json").read_text("utf-8"))
    assert kept == printed and [plan["level"] for plan in kept["plans"]] == ["L2", "L3"]
    needles = [needle for plan in kept["plans"] for needle in plan["needles"]]
    lines = json.loads((case / "needles.mrk.json").read_text("utf-8"))["markups"]
    with (case / "needles.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(lines) == len(rows) == len(needles) > 0
    for needle, line, row in zip(needles, lines, rows, strict=True):
        assert (line["coordinateSystem"], line["coordinateUnits"]) == ("LPS", "mm")
        entry = line["controlPoints"][0]["position"]
        assert [round(x, 3) for x in needle["entry"]] == entry
        assert abs(float(row["entry_x_left_mm"]) - entry[0]) <= 0.006
        assert (row["side"] == "left") == (needle["side"] == "left") == (entry[0] > 0)


def test_balloons_on_a_coarse_ct_are_refused_with_a_sentence(case: Path, cli: Cli) -> None:
    (plan,) = cli("access", case, "--level", "L3", "--course", "kyphoplasty", "--json").json()["plans"]
    assert plan["needles"] and plan["balloons"] == []
    said = "size of a balloon is not given: its needle cannot be judged on this CT"
    assert any(said in note for note in plan["notes"]) and said in (case / "report.html").read_text("utf-8")
    assert "check the instructions for use" in " ".join(plan["notes"])


def test_the_cement_of_two_levels_is_added(case: Path, cli: Cli) -> None:
    document = cli("access", case, "--level", "L3", "--level", "L2", "--json").json()
    total = document["cement_total"]
    assert total["levels"] == ["L2", "L3"]
    assert abs(total["high_ml"] - sum(plan["cement"]["high_ml"] for plan in document["plans"])) < 1e-9
    assert "L2, L3 together" in cli("access", case, "--level", "L3", "--level", "L2").out


def test_what_cannot_be_planned_ends_with_one_sentence(case: Path, cli: Cli) -> None:
    before = {path.name: path.read_bytes() for path in case.iterdir() if path.name != ".lock"}
    for arguments, said in (
        (("--level", "T5"), "T5 is not in this study"),
        (("--level", "L2", "--gauge", 7), "gauge 7 is not known"),
        (("--level", "L2", "--approach", "blind"), "approach 'blind' is not known"),
        (("--level", "L2", "--course", "lifting"), "course 'lifting' is not known"),
    ):
        result = cli("access", case, *arguments)
        assert result.code == 2 and said in result.err
    after = {path.name: path.read_bytes() for path in case.iterdir() if path.name != ".lock"}
    assert after == before


def test_plans_do_not_outlive_the_names_of_their_levels(case: Path, cli: Cli) -> None:
    assert cli("access", case, "--level", "L3").code == 0
    assert cli("relabel", case, "--shift", 1).code == 0
    plans = json.loads((case / "plans.json").read_text("utf-8"))["plans"]
    assert [plan["level"] for plan in plans] == ["L2"]  # the deformed one, which was called L1


def test_plan_holds_the_deformed_level_and_says_why(finished: tuple[Path, Any]) -> None:
    case = finished[0]
    plans = json.loads((case / "plans.json").read_text("utf-8"))["plans"]
    assert [plan["level"] for plan in plans] == ["L1"]
    html = (case / "report.html").read_text("utf-8")
    assert "Planned because they are deformed" in html and "L1: plan sheet (virtual)" in html
    assert "pedicle clearance cannot be judged on this CT" in html and "orientation only" in html


def test_what_access_asked_for_stands_until_other_levels_are_asked_for(
    case: Path, inputs: tuple[object, ...], cli: Cli
) -> None:
    cli("access", case, "--level", "L2", "--gauge", 13)
    assert "L2: plan sheet" in (case / "report.html").read_text("utf-8")

    def planned(*options: object) -> tuple[str, list[tuple[str, int]]]:
        stages = {
            s["stage"]: s["status"] for s in cli("plan", *inputs, "--out", case, "--json", *options).json()["stages"]
        }
        plans = json.loads((case / "plans.json").read_text("utf-8"))["plans"]
        return stages["access"], [(plan["level"], plan["needles"][0]["gauge"]) for plan in plans]

    assert planned() == ("kept", [("L2", 13)])
    assert planned("--level", "L3") == ("made", [("L3", 11)])
    assert planned() == ("made", [("L1", 11)])


def test_access_keeps_the_booklets_that_were_asked_for(case: Path, cli: Cli) -> None:
    """Booklets come after the courses: a new plan makes them again, in the language they had."""
    cli("booklet", case, "--language", "de")
    before = sorted(path.name for path in case.glob("booklet*.html"))
    cli("access", case, "--level", "L2")
    assert sorted(path.name for path in case.glob("booklet*.html")) == before
    strength = json.loads((case / "strength.json").read_text("utf-8"))
    cli("simulate", case, "--runs", 0)
    assert json.loads((case / "strength.json").read_text("utf-8")) == strength
    document = json.loads((case / "simulations.json").read_text("utf-8"))
    assert {course["level"] for course in document["courses"]} == {"L2"}


def test_the_lowest_class_of_the_settings_stands_in_plan_and_report(case: Path, cli: Cli, tmp_path: Path) -> None:
    said = "proposed down to class B (from 1 mm to the canal), set here: spine board 2026"
    settings = tmp_path / "settings.toml"
    settings.write_text('lowest_class = "B"\nlowest_class_source = "spine board 2026"\n', "utf-8")
    (plan,) = cli("access", case, "--level", "L2", "--settings", settings, "--json").json()["plans"]
    assert said in plan["notes"] and said in (case / "report.html").read_text("utf-8")


def test_the_lowest_class_stands_in_the_plans_of_the_whole_job(
    inputs: tuple[object, ...], case: Path, cli: Cli, tmp_path: Path
) -> None:
    """`plan --settings`: another lowest class plans anew, and stands in later runs until another is set."""
    settings = tmp_path / "settings.toml"
    settings.write_text('lowest_class = "A"\nlowest_class_source = "spine board 2026"\n', "utf-8")

    def planned(*options: object) -> tuple[str, list[str]]:
        stages = cli("plan", *inputs, "--out", case, "--json", *options).json()["stages"]
        status = {stage["stage"]: stage["status"] for stage in stages}["access"]
        (plan,) = json.loads((case / "plans.json").read_text("utf-8"))["plans"]
        return status, [note for note in plan["notes"] if note.startswith("proposed down to class")]

    said = "proposed down to class A (from 2 mm to the canal), set here: spine board 2026"
    assert planned("--settings", settings) == ("made", [said])
    assert said in (case / "report.html").read_text("utf-8")
    assert planned() == ("kept", [said])
    settings.write_text('lowest_class = "A"\n', "utf-8")
    result = cli("plan", *inputs, "--out", case, "--settings", settings)
    assert result.code == 2 and "lowest_class and lowest_class_source go together" in result.err
