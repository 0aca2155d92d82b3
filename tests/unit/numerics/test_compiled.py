import os
from pathlib import Path

import numpy as np
import pytest

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


def test_the_sum_over_voxels_is_compiled_once() -> None:
    """It was compiled for two kinds of node numbers, which cost a first run some four seconds."""
    from spondyl.numerics.coarse_kernels import sum_voxels

    shape = (5, 5, 32)  # more than one coarse grid
    held = np.zeros((3, *(n + 1 for n in shape)), bool)
    held[..., [0, -1]] = True
    VCycle(isotropic(np.ones(shape), 0.3), 1.0, held)
    assert len(sum_voxels.plain.signatures) == 1
