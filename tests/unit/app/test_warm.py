import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

from spondyl.app import warm

FRESH = """
import numpy as np
from spondyl.app import warm
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


if __name__ == "__main__":
    assert not warm.is_warm()
    told = []
    with warm.compiled_beside(lambda stage, state: told.append((stage, state))) as ready:
        ready()
        ready()
    assert warm.is_warm() and told == [(warm.FIRST_RUN, "begins"), (warm.FIRST_RUN, "made")]
    press()
    assert warm.count_compiled() == 0, warm.count_compiled()
"""


def test_a_fresh_install_compiles_all_that_a_first_answer_needs(tmp_path: Path) -> None:
    """In a store of its own, so that nothing lies there from other tests."""
    script = tmp_path / "first.py"
    script.write_text(FRESH)
    fresh = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "store")}
    found = subprocess.run([sys.executable, str(script)], env=fresh, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr


def test_an_error_ends_the_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "is_warm", lambda: False)
    with pytest.raises(ZeroDivisionError), warm.compiled_beside(lambda stage, state: None):
        assert len(multiprocessing.active_children()) == 2
        raise ZeroDivisionError
    assert not multiprocessing.active_children()


def test_a_process_that_ends_too_soon_is_not_waited_for(capfd: pytest.CaptureFixture[str]) -> None:
    assert warm._Beside((("no such part",),)).results() == []
    assert "no such part" in capfd.readouterr().err
