import numba as nb
import numpy as np
import pytest

from spondyl.numerics.threaded import ThreadedLoop, in_threads, limited_threads


@in_threads(cache=False)
def count_up(out):  # type: ignore[no-untyped-def]
    """A loop whose turns are apart."""
    for i in nb.prange(out.shape[0]):
        out[i] += i


def test_plain_and_parallel_give_the_same() -> None:
    assert isinstance(count_up, ThreadedLoop) and count_up.__doc__ == "A loop whose turns are apart."
    one, other = np.zeros(100), np.zeros(100)
    count_up.plain(one)
    count_up.parallel(other)
    assert np.array_equal(one, np.arange(100.0)) and np.array_equal(other, one)


def test_one_thread_takes_the_plain_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a small body waits for the parallel one, which takes twice as long to compile."""
    called: list[str] = []
    loop = ThreadedLoop(count_up.plain.py_func, {})
    monkeypatch.setattr(loop, "plain", lambda out: called.append("plain"))
    monkeypatch.setattr(loop, "parallel", lambda out: called.append("parallel"))
    with limited_threads(1):
        loop(np.zeros(3))
    monkeypatch.setattr("numba.get_num_threads", lambda: 2)
    loop(np.zeros(3))
    assert called == ["plain", "parallel"]


def test_the_two_are_kept_on_disk_under_names_of_their_own() -> None:
    """They were one to the compiler's store, which would hand out whichever came first."""
    loop = ThreadedLoop(count_up.plain.py_func, {})
    assert loop.plain.py_func.__qualname__ == "count_up" and loop.parallel.py_func.__qualname__ == "count_up_parallel"


def test_threads_are_given_back() -> None:
    before = nb.get_num_threads()
    with pytest.raises(ZeroDivisionError), limited_threads(1) as used:
        assert used == nb.get_num_threads() == 1
        raise ZeroDivisionError
    assert nb.get_num_threads() == before
    with limited_threads(10_000) as used:
        assert used == before
