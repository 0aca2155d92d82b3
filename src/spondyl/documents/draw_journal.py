"""Leak draws of a running series, a line each, so that a killed run goes on where it was."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from spondyl import __version__
from spondyl.simulation import LeakDraw, Scenario

JOURNAL_FILE = ".leak-draws.jsonl"


class DrawJournal:
    """The draws of one case folder. Each carries its task's key, so that those of another plan are never taken."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / JOURNAL_FILE

    def finished(self) -> tuple[LeakDraw, ...]:
        """What an earlier run kept; a line that was cut off when it was killed is left out."""
        if not self._path.is_file():
            return ()
        lines = self._path.read_text("utf-8", errors="replace").splitlines()
        return tuple(draw for draw in map(_draw_of, lines) if draw is not None)

    def keep(self, draw: LeakDraw) -> None:
        """Write one more draw."""
        with self._path.open("a", encoding="utf-8") as stream:
            line = json.dumps(asdict(draw) | {"version": __version__})
            stream.write(f"\n{line}")  # the newline first: it ends a line that was cut off

    def remove(self) -> None:
        """Take it away: the series is whole and stands in its document."""
        self._path.unlink(missing_ok=True)


def _draw_of(line: str) -> LeakDraw | None:
    try:
        read = json.loads(line)
        if read["version"] != __version__:
            return None
        return LeakDraw(
            number=int(read["number"]),
            key=str(read["key"]),
            scenario=Scenario(read["scenario"]),
            inputs=tuple((str(name), float(value)) for name, value in read["inputs"]),
            leaked_ml=tuple(tuple(float(value) for value in row) for row in read["leaked_ml"]),
            injected_ml=float(read["injected_ml"]),
            syringe_kpa=float(read["syringe_kpa"]),
            in_body=bool(read["in_body"]),
            reason=None if read["reason"] is None else str(read["reason"]),
        )
    except (ValueError, KeyError, TypeError):
        return None
