"""The interpreter that PETSc is run in sees nothing of this one's packages, and says why where it gives no answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.elasticity import squeezed
from benchmarks.elasticity_peers import petsc, petsc_surroundings

CUBE = squeezed(np.full((2, 2, 2), 1000.0), 1.0)


def test_packages_of_this_interpreter_stay_out(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LD_PRELOAD"):
        monkeypatch.setenv(name, "/another/numpy")
    assert "/another/numpy" not in petsc_surroundings().values()


def test_what_is_said_of_petsc_and_its_mpi_goes_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETSC_DIR", "/own/petsc")
    monkeypatch.setenv("OMPI_MCA_btl", "self")
    own = petsc_surroundings()
    assert (own["PETSC_DIR"], own["OMPI_MCA_btl"], own["OMP_NUM_THREADS"]) == ("/own/petsc", "self", "1")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("ModuleNotFoundError: No module named 'petsc4py'", None),
        ("ImportError: no libpetsc.so", ("failed: ImportError: no libpetsc.so", None)),
    ],
)
def test_absent_and_broken_are_told_apart(
    words: str, told: tuple[str, None] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interpreter that fails with these words: the first is not installed, the second is installed and broken."""
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\necho "{words}" >&2\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setenv("PETSC_PYTHON", str(program))
    assert petsc(CUBE, 1) == told
