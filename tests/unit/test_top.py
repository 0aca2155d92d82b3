"""The names of the top package: all there, and imported only when used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import spondyl


def test_an_unknown_name_is_told() -> None:
    with pytest.raises(AttributeError, match="spondyl attribute nonsense"):
        _ = spondyl.nonsense


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = "import sys, spondyl; print(sorted({'numpy', 'scipy', 'yaml', 'matplotlib', 'pydicom'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
