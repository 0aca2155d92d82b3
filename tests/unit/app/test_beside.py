"""Work beside this thread: the same results, in its own thread or at once, and none that goes on unwanted."""

from __future__ import annotations

import threading
import time

import pytest

from spondyl.app.beside import FEWEST_RUNS, Beside, Stopped, shared_workers, worth_starting
from spondyl.errors import InputError
from spondyl.studies.workers import Workers


def fail() -> int:
    raise InputError("no bone")


@pytest.mark.parametrize("processors", [2, 1])
def test_results_and_errors_are_kept_until_asked_for(processors: int) -> None:
    with shared_workers(processors) as workers, Beside(workers) as beside:
        assert (workers is None) == (processors == 1)
        first, second = beside.start(lambda: 3), beside.start(fail)
        assert first.result() == 3
        with pytest.raises(InputError, match="no bone"):
            second.result()


def test_processes_are_started_for_many_runs_or_used_where_they_are_up() -> None:
    with Workers(1) as workers:
        assert worth_starting(workers, FEWEST_RUNS) is workers
        assert worth_starting(workers, FEWEST_RUNS - 1) is None and worth_starting(None, FEWEST_RUNS) is None
        workers.start(abs, -1)()
        assert worth_starting(workers, FEWEST_RUNS - 1) is workers


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

    with pytest.raises(KeyboardInterrupt), Workers(1) as workers, Beside(workers) as beside:
        beside.start(go_on)
        begun.wait(10)
        raise KeyboardInterrupt
    assert told == ["ended"]


def test_an_interruption_waits_for_no_process() -> None:
    """Neither for what one is at, nor for the thread that waits for its answer."""
    with pytest.raises(KeyboardInterrupt), Workers(1) as workers, Beside(workers) as beside:
        workers.start(abs, -1)()
        beside.start(workers.start(time.sleep, 600))
        raise KeyboardInterrupt  # the test would last ten minutes
