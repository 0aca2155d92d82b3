"""Threads for compiled loops: a loop is compiled once, for a piece of the work, and several threads take a piece each.

The compiler can make threads itself, but then it takes four to five times as long. Threads that wait are asleep.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

T = TypeVar("T")


def side_by_side(work: Callable[[int], None], pieces: int) -> None:
    """Do `work(0)` to `work(pieces - 1)` at the same time; the first one here, so that one piece needs no other thread.

    Pieces must not write to the same place, and must let others run: loops compiled with `nogil`.
    """
    if pieces == 1:  # at once: small grids come here some hundred thousand times
        work(0)
        return
    others = [_pool(pieces - 1).submit(work, piece) for piece in range(1, pieces)]
    work(0)
    for other in others:
        other.result()


def one_behind(works: Iterable[Callable[[], T]], threads: int, before: Callable[[], None] = lambda: None) -> list[T]:
    """What these give, in their order: with two threads, each is done while the next is fetched.

    `before` is done first, and while the first one is fetched.
    """
    if threads == 1:
        before()
        return [work() for work in works]
    with ThreadPoolExecutor(1, thread_name_prefix="spondyl") as other:
        begun = other.submit(before)
        promises = [other.submit(work) for work in works]
        begun.result()
        return [promise.result() for promise in promises]


def cuts(count: int, pieces: int) -> list[tuple[int, int]]:
    """Where each of so many pieces begins and ends."""
    return [(count * piece // pieces, count * (piece + 1) // pieces) for piece in range(pieces)]


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="spondyl")


if hasattr(os, "register_at_fork"):  # a fork has none of the threads: work given to them would never be done
    os.register_at_fork(after_in_child=_pool.cache_clear)
