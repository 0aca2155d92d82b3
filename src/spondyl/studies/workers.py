"""Processes beside this one, for series of runs that do not need each other."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from threading import Thread
from typing import Any, Self, TypeVar

from spondyl.errors import InputError

Result = TypeVar("Result")
_Raised = tuple[str, type[Warning], str, int]  # text, kind, file and line


class Workers:
    """Some processes, started fresh when the first series is asked for, and ended on leaving the context.

    They are started by `spawn` on every system: a copy of a process that has threads, as the solvers have, may hang.
    """

    def __init__(self, count: int) -> None:
        if count < 1:
            raise InputError(f"{count} workers; 1 or more are expected")
        self._pool = ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_prepare)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def each(self, function: Callable[..., Result], arguments: Iterable[tuple[Any, ...]]) -> Iterator[Result]:
        """The function's answers for each of these arguments, in the order in which they come.

        What a process that died owes is worked out in this one, as is all that is asked after its death. The function
        and all it takes must be picklable. What an answer warns of in another process is raised again here.
        """
        asked: dict[Future[tuple[Result, tuple[_Raised, ...]]], tuple[Any, ...]] = {}
        refused = []  # by a pool that is broken already
        for each in arguments:
            try:
                asked[self._pool.submit(_watched, function, *each)] = each
            except BrokenProcessPool:
                refused.append(each)
        try:
            for future in as_completed(asked):
                try:
                    found, raised = future.result()
                except BrokenProcessPool:
                    found, raised = function(*asked[future]), ()
                for text, category, filename, line in raised:
                    warnings.warn_explicit(text, category, filename, line)
                yield found
            for each in refused:
                yield function(*each)
        finally:
            for future in asked:
                future.cancel()


def _watched(function: Callable[..., Result], *arguments: Any) -> tuple[Result, tuple[_Raised, ...]]:
    """The function's answer, and every warning that was raised on the way."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = function(*arguments)
    return found, tuple((str(one.message), _known(one.category), one.filename, one.lineno) for one in caught)


def _known(category: type[Warning]) -> type[Warning]:
    """The kind of a warning as another process can name it."""
    module = sys.modules.get(category.__module__)
    return category if getattr(module, category.__qualname__, None) is category else UserWarning


def _prepare() -> None:
    """Leave an interruption to the first process, and end with it however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
