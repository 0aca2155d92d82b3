"""What the tutorial says to type runs as it stands there; what README and start page call exists."""

from __future__ import annotations

import ast
import io
import re
import shlex
from contextlib import redirect_stdout
from pathlib import Path
from unittest.mock import patch

import pytest

import spondyl as sp
from spondyl.app.cli import main

ROOT = Path(__file__).parents[2]
COARSE = shlex.split("--levels T12-L4 --in-plane-mm 1.5 --slice-step-mm 2.5")  # a patient that is quick to make
_BLOCK = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)


def _blocks(page: str) -> list[tuple[str, str]]:
    return _BLOCK.findall((ROOT / page).read_text("utf-8"))


def _commands(page: str) -> list[list[str]]:
    """The lines of a page that begin with the command; a backslash joins two lines."""
    text = "\n".join(code for language, code in _blocks(page) if not language).replace("\\\n", " ")
    return [shlex.split(line) for line in text.splitlines() if line.startswith("spondyl ")]


def _run(words: list[str]) -> str:
    out = io.StringIO()
    with redirect_stdout(out), patch("sys.argv", words):
        try:
            main()
        except SystemExit as end:
            assert not end.code, f"{' '.join(words)} ended with {end.code}"
    return out.getvalue()


def test_the_tutorial_runs_from_its_first_line_to_its_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    commands = _commands("docs/tutorial.md")
    assert [words[1] for words in commands] == ["synth", "plan", "findings"]
    printed = [_run([*words, *(COARSE if words[1] == "synth" else [])]) for words in commands]
    assert "L1 has a" in printed[1] and '"schema":"spondyl.findings/1"' in printed[2].replace(" ", "")
    (code,) = (code for language, code in _blocks("docs/tutorial.md") if language == "python")
    out = io.StringIO()
    with redirect_stdout(out):
        exec(code, {})
    assert re.search(r"^L1 [23]", out.getvalue(), re.MULTILINE)
    assert "L1 has a" in Path("report.html").read_text("utf-8")


@pytest.mark.parametrize("page", ["README.md", "docs/index.md", "docs/tutorial.md"])
def test_every_name_of_the_package_in_an_example_exists(page: str) -> None:
    codes = [code for language, code in _blocks(page) if language == "python"]
    names = {
        node.attr
        for code in codes
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "sp"
    }
    assert {"read_study", "build_spine", "find_deformities"} <= names <= set(sp.__all__)


@pytest.mark.parametrize("page", ["docs/explanation/virtual-patients.md"])
def test_options_in_an_explanation_are_options_of_the_command(page: str) -> None:
    reference = (ROOT / "docs" / "reference" / "cli.md").read_text("utf-8")
    for words in _commands(page):
        section = reference.split(f"## spondyl {words[1]}\n")[1].split("\n## ")[0]
        assert all(f" {word} " in section for word in words if word.startswith("--")), words
