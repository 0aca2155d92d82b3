"""The command line as a function, and one virtual patient with its finished case."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import jsonschema
import pytest
from playwright.sync_api import Browser, sync_playwright

from spondyl.app.cli import main
from spondyl.documents.schema_files import shipped_schema

FLAGS = (
    *("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
COMMAND = [sys.executable, "-c", "from spondyl.app.cli import main; main()"]


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    def json(self) -> dict[str, Any]:
        """The one object on stdout, checked against the schema that it names."""
        document: dict[str, Any] = json.loads(self.out)
        jsonschema.validate(document, shipped_schema(document["schema"]))
        return document


def run_cli(*arguments: object) -> Result:
    """Run the command line in this process."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err), patch.object(sys, "argv", ["spondyl", *map(str, arguments)]):
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    return Result(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def cli() -> Callable[..., Result]:
    """The command line."""
    return run_cli


@pytest.fixture(scope="session")
def command() -> list[str]:
    """The command line as a process of its own."""
    return COMMAND


@pytest.fixture(scope="session")
def virtual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a virtual patient, T11 to L4 with a broken L1, on voxels of 1.5 x 1.5 x 2.5 mm."""
    folder = tmp_path_factory.mktemp("virtual") / "patient"
    spacing = ("--in-plane-mm", 1.5, "--slice-step-mm", 2.5)
    made = run_cli("synth", "--out", folder, "--levels", "T11-L4", "--break", "L1:wedge:0.6", *spacing, "--left-marker")
    assert made.code == 0, made.err
    return folder


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a virtual patient that is quick to measure: L2 and L3 on voxels of 2 x 2 x 3 mm."""
    folder = tmp_path_factory.mktemp("virtual") / "small"
    made = run_cli("synth", "--out", folder, "--levels", "L2-L3", "--in-plane-mm", 2, "--slice-step-mm", 3)
    assert made.code == 0, made.err
    return folder


@pytest.fixture(scope="session")
def small_inputs(small: Path) -> tuple[object, ...]:
    """What `plan` takes for the small one."""
    return small / "ct.nii.gz", "--labels", small / "labels.nii.gz", "--label-map", "verse"


@pytest.fixture(scope="session")
def inputs(virtual: Path) -> tuple[object, ...]:
    """What `plan` takes for the virtual patient."""
    return virtual / "ct.nii.gz", "--labels", virtual / "labels.nii.gz", "--label-map", "verse"


@pytest.fixture(scope="session")
def finished(inputs: tuple[object, ...], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A finished case, and what `plan --json` printed."""
    case = tmp_path_factory.mktemp("job") / "case"
    return case, run_cli("plan", *inputs, "--out", case, "--json")


@pytest.fixture
def case(finished: tuple[Path, Result]) -> Iterator[Path]:
    """A copy of the finished case beside it, free to be changed."""
    copy = finished[0].parent / "copy"
    shutil.copytree(finished[0], copy)
    yield copy
    shutil.rmtree(copy)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, drawing in software."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium is installed: the report is not looked at in a browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        browser.close()
