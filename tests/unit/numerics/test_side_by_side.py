import os
import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from spondyl.numerics.side_by_side import cuts, one_behind, side_by_side


def test_pieces_run_at_the_same_time_each_once() -> None:
    """Every piece waits for the others: one after another they would never end."""
    meet, done = threading.Barrier(3, timeout=30), []

    def work(piece: int) -> None:
        meet.wait()
        done.append(piece)

    side_by_side(work, 3)
    assert sorted(done) == [0, 1, 2]


def test_an_error_of_any_piece_is_raised() -> None:
    def work(piece: int) -> None:
        if piece == 1:
            raise ValueError("here")

    with pytest.raises(ValueError, match="here"):
        side_by_side(work, 2)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_makes_threads_of_its_own() -> None:
    """It has none of those that the process had, and would wait for ever."""
    side_by_side(lambda piece: None, 2)
    child = os.fork()
    if child == 0:
        threading.Timer(10, os._exit, (1,)).start()
        side_by_side(lambda piece: None, 2)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("threads", [1, 2])
def test_answers_come_in_order_and_errors_are_raised(threads: int) -> None:
    assert one_behind((lambda n=n: n**2 for n in range(5)), threads) == [0, 1, 4, 9, 16]
    with pytest.raises(ZeroDivisionError):
        one_behind((lambda n=n: 1 // n for n in (1, 0)), threads)


def test_the_next_work_is_fetched_while_one_is_done() -> None:
    """The first waits until the second has been asked for: one after another it would wait in vain."""
    asked = threading.Event()

    def works() -> Iterator[Callable[[], bool]]:
        yield lambda: asked.wait(30)
        asked.set()
        yield lambda: True

    assert one_behind(works(), 2) == [True, True]


def test_cuts_cover_everything_once() -> None:
    assert cuts(7, 3) == [(0, 2), (2, 4), (4, 7)]
    assert cuts(1, 2) == [(0, 0), (0, 1)]


@pytest.mark.parametrize("threads", [1, 2])
def test_what_comes_before_is_done_first(threads: int) -> None:
    """With two threads also while the first work is fetched, which waits for it here."""
    seen: list[int] = []
    begun = threading.Event()

    def before() -> None:
        seen.append(-1)
        begun.set()

    def note(k: int) -> int:
        seen.append(k)
        return k

    def works() -> Iterator[Callable[[], int]]:
        for k in range(3):
            assert begun.wait(30)
            yield partial(note, k)

    assert one_behind(works(), threads, before) == [0, 1, 2]
    assert seen == [-1, 0, 1, 2]


def test_an_error_of_what_comes_before_is_raised() -> None:
    def before() -> None:
        raise ValueError("here")

    with pytest.raises(ValueError, match="here"):
        one_behind([lambda: 1], 2, before)
