"""Processes beside this one: they answer all that is asked, also where one of them dies, and end with this one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import warnings
from multiprocessing import parent_process
from pathlib import Path

import pytest

from spondyl.errors import InputError
from spondyl.studies.workers import Workers, begin

KILLED_MEANWHILE = """
import os, sys, time
from spondyl.studies.workers import Workers
if __name__ == "__main__":
    with Workers(1) as workers:
        print(next(workers.each(os.getpid, [()])), flush=True)
        time.sleep(60)
"""


def half_of_even(number: int) -> float:
    if number % 2:
        raise InputError(f"{number} is odd")
    return number / 2


def die_unless_first(number: int) -> int:
    if parent_process() is not None:
        os._exit(3)
    return number


def test_a_process_that_dies_leaves_its_work_to_this_one() -> None:
    with Workers(1) as workers:
        assert sorted(workers.each(die_unless_first, [(1,), (2,)])) == [1, 2]
        assert sorted(workers.each(die_unless_first, [(3,), (4,)])) == [3, 4]  # the next series too


def test_answers_and_errors_come_back() -> None:
    with Workers(2) as workers:
        assert sorted(workers.each(half_of_even, [(2,), (4,), (6,)])) == [1.0, 2.0, 3.0]
        with pytest.raises(InputError, match="3 is odd"):
            list(workers.each(half_of_even, [(3,)]))


def test_one_piece_is_begun_and_asked_for_later() -> None:
    with Workers(1) as workers:
        three, odd = workers.start(half_of_even, 6), workers.start(half_of_even, 3)
        assert three() == 3.0
        with pytest.raises(InputError, match="3 is odd"):
            odd()
        assert workers.start(die_unless_first, 5)() == 5
        assert workers.start(half_of_even, 8)() == 4.0  # once the processes are gone


def test_a_small_piece_starts_no_process() -> None:
    with Workers(1) as workers:
        assert begin(None, os.getpid)() == begin(workers, os.getpid)() == os.getpid()
        workers.start(half_of_even, 2)
        assert begin(workers, os.getpid)() != os.getpid()


def warn_of(number: int) -> int:
    class Local(RuntimeWarning):
        """One that no other process knows."""

    warnings.warn(f"{number} is doubtful", Local if number == 2 else RuntimeWarning, stacklevel=1)
    return number


def test_what_another_process_warns_of_is_told_here() -> None:
    """Symptom: warnings of leak draws went to that process's stream, and run.json named none."""
    with Workers(1) as workers, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert sorted(workers.each(warn_of, [(1,), (1,), (2,)])) == [1, 1, 2]
    told = sorted((str(one.message), one.category, Path(one.filename).name) for one in caught)
    here = Path(__file__).name
    once = ("1 is doubtful", RuntimeWarning, here)
    assert told == [once, once, ("2 is doubtful", UserWarning, here)]


def test_no_workers_are_refused() -> None:
    with pytest.raises(InputError, match="0 workers"):
        Workers(0)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="looks into /proc")
def test_a_killed_process_leaves_none_behind() -> None:
    """Symptom: processes whose first one was killed waited for work for ever."""
    with subprocess.Popen([sys.executable, "-c", KILLED_MEANWHILE], stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        beside = Path("/proc", first.stdout.readline().strip())
        assert beside.is_dir()
        first.kill()
    until = time.monotonic() + 20
    while beside.is_dir() and time.monotonic() < until:
        time.sleep(0.05)
    assert not beside.is_dir()
