"""The rules that tests/conftest.py sets: no other machine is reached, and CI skips nothing."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[2] / "conftest.py"
SKIPPING = """
import pytest
def test_good(): pass
def test_skipped(): pytest.skip("no data")
@pytest.mark.xfail(reason="known", strict=True)
def test_expected(): assert False
"""


@pytest.fixture
def run_skipping(tmp_path):
    """Run a file with one passing, one skipped and one expectedly failing test in an environment of its own."""
    (tmp_path / "conftest.py").write_text(CONFTEST.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "test_it.py").write_text(SKIPPING, encoding="utf-8")

    def run(**environment: str) -> subprocess.CompletedProcess[str]:
        clean = {key: value for key, value in os.environ.items() if key not in ("CI", "SPONDYL_NO_SKIP")}
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
        return subprocess.run(command, env=clean | environment, cwd=tmp_path, capture_output=True, text=True)

    return run


def test_a_skip_is_a_skip_at_home(run_skipping):
    done = run_skipping()
    assert done.returncode == 0
    assert "1 passed, 1 skipped, 1 xfailed" in done.stdout


@pytest.mark.parametrize("name, value", [("CI", "true"), ("SPONDYL_NO_SKIP", "1")])
def test_a_skip_fails_where_nothing_may_be_skipped(run_skipping, name, value):
    done = run_skipping(**{name: value})
    assert done.returncode == 1
    assert "1 failed, 1 passed, 1 xfailed" in done.stdout
    assert "test_skipped was skipped" in done.stdout


def test_other_machines_are_out_of_reach():
    with socket.socket() as sock, pytest.raises(PermissionError, match="only this machine"):
        sock.connect(("192.0.2.1", 80))


def test_this_machine_is_within_reach():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as sock:
        sock.connect(server.getsockname())
