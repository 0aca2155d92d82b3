"""Work beside this thread: the same results, in its own thread or at once, and none that goes on unwanted."""

from __future__ import annotations

import threading

import pytest

from spondyl.app.beside import FEWEST_RUNS, Beside, Stopped
from spondyl.errors import InputError


def fail() -> int:
    raise InputError("no bone")


@pytest.mark.parametrize(("runs", "processors"), [(FEWEST_RUNS, 2), (FEWEST_RUNS, 1), (FEWEST_RUNS - 1, 2)])
def test_results_and_errors_are_kept_until_asked_for(runs: int, processors: int) -> None:
    with Beside(runs, processors) as beside:
        assert (beside.workers is not None) == (runs >= FEWEST_RUNS and processors > 1)
        first, second = beside.start(lambda: 3), beside.start(fail)
        assert first.result() == 3
        with pytest.raises(InputError, match="no bone"):
            second.result()


def test_work_that_nobody_waits_for_ends() -> None:
    begun = threading.Event()
    told: list[str] = []

    def go_on() -> None:
        begun.set()
        try:
            while True:
                beside.check()
        except Stopped:
            told.append("ended")
            raise

    with pytest.raises(KeyboardInterrupt), Beside(FEWEST_RUNS, 2) as beside:
        beside.start(go_on)
        begun.wait(10)
        raise KeyboardInterrupt
    assert told == ["ended"]
