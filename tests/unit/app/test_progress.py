import pytest

from spondyl.app.cli import output


def test_a_stage_within_another_leaves_its_clock(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is waited for is said before; 1 + 20 + 3 seconds are the outer stage's own, and what lies within."""
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    timed = output._Timed()
    told = []
    for seconds, stage, state in ((5, "model", "begins"), (1, "first run", "waits"), (20, "first run", "made")):
        now[0] += seconds
        timed.tell(stage, state)
        told.append(capsys.readouterr().err)
    now[0] += 3
    timed.tell("model", "made")
    assert told == ["", "first run ...\n", "first run: 20.0 s\n"]
    assert capsys.readouterr().err == "model: 24.0 s\n"
