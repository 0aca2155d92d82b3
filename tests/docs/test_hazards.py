"""Every hazard has its control, and the control's test exists."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
HAZARDS = yaml.safe_load((ROOT / "docs" / "safety" / "hazards.yaml").read_text(encoding="utf-8"))
FIELDS = {"id", "hazard", "cause", "harm", "severity", "probability", "control", "test", "residual"}


def test_there_are_at_least_twenty() -> None:
    assert len(HAZARDS) >= 20
    assert len({hazard["id"] for hazard in HAZARDS}) == len(HAZARDS)


@pytest.mark.parametrize("hazard", HAZARDS, ids=lambda hazard: hazard["id"])
def test_every_hazard_is_complete(hazard: dict[str, str]) -> None:
    assert set(hazard) == FIELDS
    assert all(isinstance(words, str) and words for words in hazard.values())
    assert hazard["severity"] in {"negligible", "minor", "serious", "critical"}
    assert hazard["probability"] in {"rare", "occasional", "frequent"}


@pytest.mark.parametrize("hazard", HAZARDS, ids=lambda hazard: hazard["id"])
def test_the_test_of_the_control_exists(hazard: dict[str, str]) -> None:
    file, *names = hazard["test"].split("[")[0].split("::")
    assert _has(ast.parse((ROOT / file).read_text(encoding="utf-8")), names), f"{hazard['test']} does not exist"


def test_a_test_that_does_not_exist_is_noticed() -> None:
    tree = ast.parse("def test_a(): ...\nclass TestB:\n    def test_c(self): ...\n")
    assert _has(tree, ["test_a"])
    assert _has(tree, ["TestB", "test_c"])
    assert not _has(tree, ["test_c"])
    assert not _has(tree, [])


def _has(tree: ast.AST, names: list[str]) -> bool:
    """Whether classes and at last a test function of these names lie in one another."""
    if not names:
        return False
    kind = ast.FunctionDef if len(names) == 1 else ast.ClassDef
    return any(
        isinstance(node, kind) and node.name == names[0] and (len(names) == 1 or _has(node, names[1:]))
        for node in ast.iter_child_nodes(tree)
    )
