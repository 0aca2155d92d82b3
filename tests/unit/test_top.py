"""The names of the top package: all there, and imported only when used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import spondyl


def test_every_public_name_is_there() -> None:
    for name in spondyl.__all__:
        assert getattr(spondyl, name) is not None
    assert set(spondyl.__all__) <= set(dir(spondyl))


def test_the_type_checker_sees_the_same_names() -> None:
    tree = ast.parse(Path(spondyl.__file__ or "").read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == set(spondyl.__all__)


def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(AttributeError, match=r"its names are: .*read_study"):
        _ = spondyl.nonsense


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = "import sys, spondyl; print(sorted({'numpy', 'scipy', 'yaml', 'matplotlib', 'pydicom'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
