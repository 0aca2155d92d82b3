import multiprocessing
import os
import subprocess
import sys
import threading
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

from spondyl.app import warm

FRESH = """
from unittest.mock import patch

import numpy as np
from spondyl.app import warm
from spondyl.numerics import elastic_kernels
from spondyl.numerics.elasticity import isotropic
from spondyl.numerics.equilibrium import Problem, conjugate_gradients
from spondyl.simulation import build_voxel_model, follow_load_path
from spondyl.simulation.load_cycle import DAMAGING
from spondyl.space import Geometry, Volume


def press():
    grid = Geometry(np.diag([2.0, 2.0, 2.0, 1.0]), (6, 6, 20))
    platens = np.zeros(grid.shape, int)
    platens[..., 0], platens[..., -1] = 1, 2
    ends = {"top": 2, "bottom": 1, "displacement_mm": -0.4, "lateral": "held"}
    model = build_voxel_model(Volume(np.full(grid.shape, 100.0), grid, "MPa"), Volume(platens, grid, "1"), **ends)
    return follow_load_path(model, Volume(np.ones(grid.shape), grid, "MPa"), law=DAMAGING, steps=4)


def press_large():  # so many whole blocks that coarse grids use their regular loops, as in a vertebra at 1 mm
    held, moved = np.zeros((3, 37, 37, 37), bool), np.zeros((3, 37, 37, 37))
    held[..., [0, -1]], moved[2, ..., -1] = True, -0.1
    conjugate_gradients()(Problem(isotropic(np.ones((36, 36, 36)), 0.3), 1.0, held, moved))


if __name__ == "__main__":
    assert not warm.is_warm()
    told = []
    with warm.compiled_beside(lambda stage, state: told.append((stage, state))) as ready:
        ready()
        ready()
    assert warm.is_warm() and told == [(warm.FIRST_RUN, "waits"), (warm.FIRST_RUN, "made")]
    press()
    assert warm.count_compiled() == 0, warm.count_compiled()
    warm.warm_part("large bodies")
    beforehand = warm.count_compiled()
    press_large()
    assert warm.count_compiled() == beforehand, (beforehand, warm.count_compiled())
    singles, doubles = list(elastic_kernels.sweep_isotropic._cache._cache_file._load_index().values())
    assert singles != doubles
    with patch("numba.core.codegen.JITCPUCodegen.magic_tuple", lambda self: ("another",)):
        assert not warm.is_warm()
    with patch.object(elastic_kernels.sweep_isotropic._cache._cache_file, "_source_stamp", (4e9, 1)):
        assert not warm.is_warm()
    with patch.object(elastic_kernels.sweep_isotropic._cache._cache_file, "_version", "0"):
        assert not warm.is_warm()
"""


def test_a_fresh_install_compiles_all_that_a_first_answer_needs(tmp_path: Path) -> None:
    """In a store of its own, so that nothing lies there from other tests.

    Its index holds both precisions; nothing counts as there for another processor, source or version of the compiler.
    """
    script = tmp_path / "first.py"
    script.write_text(FRESH)
    fresh = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "store")}
    found = subprocess.run([sys.executable, str(script)], env=fresh, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr


def test_an_error_ends_the_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "is_warm", lambda parts: False)
    with pytest.raises(ZeroDivisionError), warm.compiled_beside(lambda stage, state: None):
        assert len(multiprocessing.active_children()) == 2
        raise ZeroDivisionError
    assert not multiprocessing.active_children()


def test_no_loop_is_compiled_by_two_lines() -> None:
    """Sweeps, the only loops that several parts use, are all made in one line, or after it; none is made twice."""
    for lines in (warm.LINEAR, warm.FIRST, warm.ALL):
        one, other = lines
        assert one[:2] == ("singles", "doubles") and not {"singles", "doubles"} & set(other)
        assert other[:2] == ("coarse grids", "cycle")  # the cycle waits, and what follows finds all
        assert len({*one, *other}) == len(one) + len(other)


def test_the_cycle_waits_for_the_sweeps_and_not_for_the_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr(warm, "warm_part", lambda name: made.append(name) or name)
    monkeypatch.setattr("signal.signal", lambda *given: made.append("deaf to Ctrl-C"))
    swept, sweeping = multiprocessing.Pipe(duplex=False)
    told, out = multiprocessing.Pipe(duplex=False)
    other = threading.Thread(target=warm._warm_line, args=(("coarse grids", "cycle"), out, swept))
    other.start()
    assert told.recv() == "coarse grids" and not told.poll(0.1)
    sweeping.close()  # as the other line does after the doubles, or its death
    assert told.poll(10) and told.recv() == "cycle"
    other.join()
    assert made == ["deaf to Ctrl-C", "coarse grids", "cycle"]
    swept, sweeping = multiprocessing.Pipe(duplex=False)
    warm._warm_line(("singles", "doubles"), out, sweeping)
    assert sweeping.closed


def test_a_source_from_the_future_is_no_reason_to_compile_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """The index holds the date of the source that it was made from; it need not lie after it."""
    types = ("array(float32, 4d, C)",)
    processor = ("a processor",)
    index = SimpleNamespace(_load_index=lambda: {(types, processor, "code"): "file"})
    codegen = SimpleNamespace(magic_tuple=lambda: processor)
    loop = SimpleNamespace(
        targetctx=SimpleNamespace(codegen=lambda: codegen), _cache=SimpleNamespace(_cache_file=index)
    )
    monkeypatch.setattr("spondyl.numerics.elastic_kernels.sweep_isotropic", loop)
    assert warm._is_there(("elastic_kernels", "sweep_isotropic", "float32"))
    assert not warm._is_there(("elastic_kernels", "sweep_isotropic", "float64"))
    del index._load_index  # another compiler's ways
    assert not warm._is_there(("elastic_kernels", "sweep_isotropic", "float32"))


def test_a_process_that_ends_too_soon_is_not_waited_for(capfd: pytest.CaptureFixture[str]) -> None:
    assert warm._Beside((("no such part",),)).results() == []
    assert "no such part" in capfd.readouterr().err


def test_every_mark_is_a_loop_of_the_store() -> None:
    """One that is compiled apart for threads has no store of its own, and would never be found there."""
    for module, name, _ in warm._MARKS.values():
        assert hasattr(getattr(import_module(f"spondyl.numerics.{module}"), name), "_cache"), name
    assert set(warm.COURSES) <= set(warm._MARKS)
