"""What commands say beside their results."""

import io

import pytest

from spondyl.app.cli import output
from spondyl.findings import Finding, Status
from spondyl.spine import Level, Side


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_only_long_stages_are_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with output.progress() as tell:
        tell("spine", "begins")
        tell("spine", "made")
        monkeypatch.setattr(output, "SLOW_SECONDS", -1.0)
        tell("report", "begins")
        tell("report", "made")
        tell("study", "kept")
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("report: ") and len(err.splitlines()) == 1


def test_a_terminal_sees_each_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with output.progress() as tell:
        tell("spine", "begins")
        tell("spine", "made")
        tell("report", "kept")
    assert "spine: made" in terminal.getvalue() and "report: kept" in terminal.getvalue()


def test_findings_are_printed_from_head_to_foot(capsys: pytest.CaptureFixture[str]) -> None:
    def finding(level: Level | None, side: Side | None = None) -> Finding:
        return Finding(
            "canal_area", level, None, side, 210.5, "mm2", 200.0, 221.0, Status.UNCERTAIN, "coarse", "slab", "spondyl"
        )

    output.print_findings((finding(None), finding(Level.L1), finding(Level.T12, Side.LEFT)))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["T12, left", "L1", "whole study"]
    assert lines[1].endswith("210.5 mm² (200.0 to 221.0) - coarse")


def test_a_failure_is_one_line_and_a_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert output.fail("26 is not in this map") == 2
    assert capsys.readouterr().err == "spondyl: 26 is not in this map\n"
