"""`spondyl strength`: of a case whose density has no calibration, ratios alone."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

Cli = Callable[..., Any]


def test_newtons_need_a_calibration_and_ratios_do_not(case: Path, cli: Cli) -> None:
    document = cli("strength", case, "--level", "L2", "--level", "L3", "--voxel-mm", 4, "--json").json()
    assert [one["level"] for one in document["levels"]] == ["L2", "L3"]
    told = document["levels"][0]
    if document["density_grade"] == 5:
        assert told["failure_n"] is None and told["curve"] is None and "only ratios" in document["limits"][-1]
    else:
        assert told["failure_low_n"] < told["failure_n"] < told["failure_high_n"]
    assert all(0.5 < one["failure_to_median"] < 2 for one in document["levels"])


def test_no_pictures_are_loaded(case: Path, command: list[str]) -> None:
    """A first answer took half a second longer for plotting that it has no use for."""
    given = ["spondyl", "strength", str(case), "--level", "L2", "--linear"]
    code = f"import sys; sys.argv = {given}\n"
    code += "from spondyl.app.cli import main\ntry: main()\nfinally: print(*sys.modules, sep='\\n')"
    told = subprocess.run([command[0], "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    assert "spondyl.simulation.strength" in told
    assert {"matplotlib", "weasyprint", "spondyl.simulation.balloon_course"} & set(told) == set()


def test_the_ends_are_told_with_their_limit(case: Path, cli: Cli) -> None:
    document = cli("strength", case, "--level", "L2", "--voxel-mm", 4, "--ends", "disc", "--json").json()
    assert document["ends"] == "disc" and "halves of a disc" in document["limits"][0]
    result = cli("strength", case, "--level", "L2", "--ends", "wood")
    assert result.code == 2 and "cement, disc is expected" in result.err


def test_damage_tells_what_is_left_and_how_far_it_holds(case: Path, cli: Cli) -> None:
    document = cli("strength", case, "--level", "L2", "--voxel-mm", 4, "--damage", "--json").json()
    assert document["damage"] is True and any(limit.startswith("Damage:") for limit in document["limits"])
    told = document["levels"][0]
    assert 0.3 < told["stiffness_left"] < 1 and 0 < told["lasting_mm"] < 0.02 * told["height_mm"]
    for other, words in ((("--linear",), "leaves out"), (("--ends", "disc"), "between cement caps")):
        result = cli("strength", case, "--level", "L2", "--voxel-mm", 4, "--damage", *other)
        assert result.code == 2 and words in result.err


def test_a_level_that_is_not_there_is_named(case: Path, cli: Cli) -> None:
    result = cli("strength", case, "--level", "T5")
    assert result.code == 2 and "T5 is not in this study" in result.err


def test_an_unknown_load_case_is_named_with_the_known_ones(case: Path, cli: Cli) -> None:
    result = cli("strength", case, "--level", "L2", "--load-case", "sideways")
    assert result.code == 2 and "axial, flexion, extension, left, right" in result.err
