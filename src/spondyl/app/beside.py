"""What is done beside the rest of a job: processes that all its stages share, and leaks counted by them meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Self, TypeVar

from spondyl.studies.workers import Workers

MOST_WORKERS = 8
FEWEST_RUNS = 20  # from which processes are worth their start of a few seconds
Result = TypeVar("Result")


class Stopped(Exception):
    """The work is not wanted any more."""


@contextmanager
def shared_workers(processors: int | None = None) -> Iterator[Workers | None]:
    """Processes for all stages of one job, started when the first one asks; None on one processor."""
    count = min(_processors() if processors is None else processors, MOST_WORKERS)
    if count == 1:
        yield None
        return
    with Workers(count) as workers:
        yield workers


class Beside:
    """One piece of work after the other, in the order given, beside what this thread does; a context to leave.

    Without processes a piece is done at once and by this thread.
    """

    def __init__(self, workers: Workers | None) -> None:
        self.workers = workers
        self._thread = None if workers is None else ThreadPoolExecutor(1)
        self._stopped = Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        self._stopped.set()
        if self._thread is not None and self.workers is not None:
            if error is not None:
                self.workers.stop()  # else the thread would wait for what they are at
            self._thread.shutdown(cancel_futures=True)

    def check(self) -> None:
        """Called by the work now and then: raises where nobody waits for it any more."""
        if self._stopped.is_set():
            raise Stopped

    def start(self, work: Callable[[], Result]) -> Future[Result]:
        """Begin it, or put it behind what was begun before; its result can be asked for, and raises what it raised."""
        if self._thread is not None:
            return self._thread.submit(work)
        return done_now(work)


def done_now(work: Callable[[], Result]) -> Future[Result]:
    """Do it here and at once; its result can be asked for, and raises what it raised."""
    done: Future[Result] = Future()
    try:
        done.set_result(work())
    except Exception as error:
        done.set_exception(error)
    return done


def worth_starting(workers: Workers | None, runs: int) -> Workers | None:
    """These processes, where they are up already or there are enough runs of leaks to start them for."""
    return workers if workers is not None and (workers.are_awake or runs >= FEWEST_RUNS) else None


def _processors() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
