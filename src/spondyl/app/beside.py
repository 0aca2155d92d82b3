"""Leaks counted beside the rest of the work: their runs need nothing of the courses that come after them."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Self, TypeVar

from spondyl.simulation import Workers

MOST_WORKERS = 8
FEWEST_RUNS = 20  # from which processes of their own are worth their start of a few seconds
Result = TypeVar("Result")


class Stopped(Exception):
    """The work is not wanted any more."""


class Beside:
    """One piece of work after the other, in the order given, beside what this thread does; a context to leave.

    With one processor, or for few runs, a piece is done at once and by this process.
    """

    def __init__(self, runs: int, processors: int | None = None) -> None:
        count = min(_processors() if processors is None else processors, MOST_WORKERS)
        is_worth_it = count > 1 and runs >= FEWEST_RUNS
        self.workers = Workers(count) if is_worth_it else None
        self._thread = ThreadPoolExecutor(1) if is_worth_it else None
        self._stopped = Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        if self._thread is not None and self.workers is not None:
            self._thread.shutdown(cancel_futures=True)
            self.workers.__exit__()

    def check(self) -> None:
        """Called by the work now and then: raises where nobody waits for it any more."""
        if self._stopped.is_set():
            raise Stopped

    def start(self, work: Callable[[], Result]) -> Future[Result]:
        """Begin it, or put it behind what was begun before; its result can be asked for, and raises what it raised."""
        if self._thread is not None:
            return self._thread.submit(work)
        done: Future[Result] = Future()
        try:
            done.set_result(work())
        except Exception as error:
            done.set_exception(error)
        return done


def _processors() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
