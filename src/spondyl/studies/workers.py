"""Processes beside this one, for pieces of work that do not need each other."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from threading import Thread
from typing import Any, Generic, Self, TypeVar

from spondyl.errors import InputError

Result = TypeVar("Result")
_Raised = tuple[str, type[Warning], str, int]  # text, kind, file and line


class Workers:
    """Some processes, started fresh when the first series is asked for, and ended on leaving the context.

    They are started by `spawn` on every system: a copy of a process that has threads, as the solvers have, may hang.
    An error that leaves the context ends them at once, with what they are at.
    """

    def __init__(self, count: int) -> None:
        if count < 1:
            raise InputError(f"{count} workers; 1 or more are expected")
        fresh = get_context("spawn")
        end, self._line = fresh.Pipe(duplex=False)  # nothing is sent: it closes when they are to end
        self._pool = ProcessPoolExecutor(count, mp_context=fresh, initializer=_prepare, initargs=(end,))
        self._is_over = False
        self.are_awake = False  # whether a process was asked for: then another small piece costs no start

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None = None, *_: object) -> None:
        if error is not None:
            self.stop()
        self._pool.shutdown(cancel_futures=True)
        self._line.close()

    def stop(self) -> None:
        """End the processes at once, with what they are at; an answer that is still waited for raises."""
        self._is_over = True
        self._line.close()

    def each(self, function: Callable[..., Result], arguments: Iterable[tuple[Any, ...]]) -> Iterator[Result]:
        """The function's answers for each of these arguments, in the order in which they come.

        What a process that died owes is worked out in this one, as is all that is asked after its death. The function
        and all it takes must be picklable. What an answer warns of in another process is raised again here.
        """
        begun = {one.future or Future(): one for one in (self._begun(function, each) for each in arguments)}
        waiting = [future for future, one in begun.items() if one.future is not None]
        try:
            for future in as_completed(waiting):
                yield self._answer(begun[future])
            for one in begun.values():
                if one.future is None:
                    yield self._answer(one)
        finally:
            for future in begun:
                future.cancel()

    def start(self, function: Callable[..., Result], *arguments: Any) -> Callable[[], Result]:
        """Begin one piece; call what this gives for its answer. As of `each`."""
        one = self._begun(function, arguments)
        return lambda: self._answer(one)

    def _begun(self, function: Callable[..., Result], arguments: tuple[Any, ...]) -> _Piece[Result]:
        self.are_awake = True
        try:
            return _Piece(function, arguments, self._pool.submit(_watched, function, *arguments))
        except BrokenProcessPool:
            return _Piece(function, arguments, None)

    def _answer(self, one: _Piece[Result]) -> Result:
        if one.future is None:
            return one.function(*one.arguments)
        try:
            found, raised = one.future.result()
        except BrokenProcessPool:
            if self._is_over:  # nobody waits for it
                raise
            return one.function(*one.arguments)
        for text, category, filename, line in raised:
            warnings.warn_explicit(text, category, filename, line)
        return found


@dataclass(frozen=True, eq=False)
class _Piece(Generic[Result]):
    """What a process was asked for; None: it could not be asked."""

    function: Callable[..., Result]
    arguments: tuple[Any, ...]
    future: Future[tuple[Result, tuple[_Raised, ...]]] | None


def begin(workers: Workers | None, function: Callable[..., Result], *arguments: Any) -> Callable[[], Result]:
    """`Workers.start` where processes are up; else the work is done here, when its answer is asked for."""
    if workers is None or not workers.are_awake:
        return partial(function, *arguments)
    return workers.start(function, *arguments)


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


def _prepare(end: Connection) -> None:
    """Leave an interruption to the first process, and end with it however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, args=(end,), daemon=True).start()


def _end_with_parent(end: Connection) -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel, end])
        os._exit(1)
