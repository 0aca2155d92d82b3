import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import spondyl
from spondyl.numerics.compiled import choose_cache, prepare_cache
from spondyl.numerics.elasticity import isotropic
from spondyl.numerics.multigrid import VCycle


def closed(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    """These folders cannot be written; permissions do not tell where tests run as root."""
    monkeypatch.setattr("os.access", lambda place, mode: place not in folders)


def test_a_place_is_needed_only_where_package_and_home_are_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, home = tmp_path / "package", tmp_path / "home"
    package.mkdir()
    home.mkdir()
    closed(monkeypatch, package)
    assert choose_cache(package, home / "cache" / "numba") is None
    closed(monkeypatch, home)
    assert choose_cache(package, home / "cache" / "numba") is None
    closed(monkeypatch, package, home)
    chosen = choose_cache(package, home / "cache" / "numba")
    assert chosen is not None and chosen.name.startswith("spondyl-compiled-")


def test_what_the_user_has_set_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda place, mode: False)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    prepare_cache()
    assert os.environ["NUMBA_CACHE_DIR"] == str(tmp_path)
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    prepare_cache()
    assert os.environ["NUMBA_CACHE_DIR"] != str(tmp_path)


COMPILE = """
import numpy as np
import spondyl.numerics
from spondyl.numerics.multigrid_kernels import lack
plane = np.ones(3, np.float32)
lack(plane, plane, plane, plane.copy())
print(lack.stats.cache_path)
print(sum(lack.stats.cache_misses.values()))
"""


@pytest.mark.parametrize("home_is_open", [True, False])
def test_a_read_only_install_keeps_what_it_compiles(tmp_path: Path, home_is_open: bool) -> None:
    """A copy of the package without the right to write, run twice: the second run finds what the first one made."""
    package, home, rest = tmp_path / "src", tmp_path / "home", tmp_path / "rest"
    home.mkdir()
    rest.mkdir()
    source = Path(spondyl.__file__).parent
    shutil.copytree(source, package / "spondyl", ignore=shutil.ignore_patterns("__pycache__", "assets", "data"))
    shut = [path for path in (package, *package.rglob("*")) if path.is_dir()] + ([] if home_is_open else [home])
    may_all = os.geteuid() == 0  # then the right to write anywhere is given up
    run = (["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if may_all else []) + [sys.executable, "-c", COMPILE]
    kept = {name: value for name, value in os.environ.items() if name not in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME")}
    there = {**kept, "PYTHONPATH": str(package), "HOME": str(home), "TMPDIR": str(rest), "PYTHONDONTWRITEBYTECODE": "1"}
    for path in shut:
        path.chmod(0o555)
    try:
        said = [subprocess.run(run, env=there, capture_output=True, text=True, check=True).stdout for _ in range(2)]
    finally:
        for path in shut:
            path.chmod(0o755)
    places, missed = zip(*(text.split() for text in said), strict=True)
    assert missed == ("1", "0") and places[0] == places[1]
    assert Path(places[0]).is_relative_to(home if home_is_open else rest)


def test_loops_of_coarse_grids_are_compiled_once() -> None:
    """They were compiled for two kinds of node numbers or of order in memory, which cost a first run some seconds."""
    from spondyl.numerics.coarse_kernels import mean_material, sum_voxels

    shape = (5, 5, 32)  # more than one coarse grid
    held = np.zeros((3, *(n + 1 for n in shape)), bool)
    held[..., [0, -1]] = True
    VCycle(isotropic(np.ones(shape), 0.3), 1.0, held)
    assert len(sum_voxels.signatures) == len(mean_material.signatures) == 1
