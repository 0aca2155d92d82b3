"""Loops shared among threads, compiled plain for one thread and apart for several, each when it is first needed.

A parallel loop takes twice as long to compile as the plain one and has threads to wake at each call: a small body, and
so the first answer after an install, needs the plain one alone. Import inside functions: numba takes a second to load.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numba as nb


class ThreadedLoop:
    """A function of `prange` loops; a call takes the parallel one where more than one thread is allowed."""

    def __init__(self, function: Any, options: dict[str, Any]) -> None:
        self.plain = nb.njit(**options)(function)
        self.parallel = nb.njit(parallel=True, **options)(_named(function, f"{function.__qualname__}_parallel"))
        self.__doc__ = function.__doc__

    def __call__(self, *arguments: Any) -> Any:
        """What the function gives."""
        return (self.plain if nb.get_num_threads() == 1 else self.parallel)(*arguments)


def in_threads(**options: Any) -> Callable[[Any], ThreadedLoop]:
    """Decorator that makes a `ThreadedLoop`; options as of `numba.njit`."""
    return lambda function: ThreadedLoop(function, options)


@contextmanager
def limited_threads(most: int) -> Iterator[int]:
    """Loops within use at most so many threads; gives how many."""
    before = nb.get_num_threads()
    used = max(1, min(most, before))
    nb.set_num_threads(used)
    try:
        yield used
    finally:
        nb.set_num_threads(before)


def _named(function: Any, name: str) -> types.FunctionType:
    """The same function under another name: compiled ones are kept on disk by name, whatever their options."""
    copy = types.FunctionType(
        function.__code__, function.__globals__, name, function.__defaults__, function.__closure__
    )
    copy.__qualname__, copy.__module__, copy.__doc__ = name, function.__module__, function.__doc__
    return copy
