"""`spondyl simulate`: the same courses as in the job, with another wish; what is in the way is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Cli = Callable[..., Any]


def test_the_job_simulates_and_the_command_does_so_anew(case: Path, cli: Cli) -> None:
    before = json.loads((case / "simulations.json").read_text())
    assert {course["course"] for course in before["courses"]} >= {"untreated"}
    result = cli("simulate", case, "--runs", 0, "--voxel-mm", 4, "--flow-voxel-mm", 3, "--json")
    assert result.code == 0, result.err
    document = result.json()
    assert document["schema"] == "spondyl.simulations/1"
    assert document["voxel_mm"] == 4
    assert document == json.loads((case / "simulations.json").read_text())
    assert "Doing nothing, cement, and cement after balloons, as modelled" in (case / "report.html").read_text("utf-8")
    stage = next(s for s in json.loads((case / "run.json").read_text())["stages"] if s["stage"] == "simulate")
    assert stage["parameters"]["runs"] == 0


def test_a_bad_wish_changes_nothing(case: Path, cli: Cli) -> None:
    before = (case / "simulations.json").read_bytes()
    result = cli("simulate", case, "--volume-ml", 25)
    assert result.code == 2 and "25 mL" in result.err
    result = cli("simulate", case, "--cement", "honey")
    assert result.code == 2 and "honey" in result.err
    assert (case / "simulations.json").read_bytes() == before


def test_a_case_without_a_plan_says_so(case: Path, cli: Cli) -> None:
    (case / "plans.json").unlink()
    result = cli("simulate", case)
    assert result.code == 2 and "holds no plan" in result.err
