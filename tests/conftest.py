"""Fixtures that all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the real test data: SPONDYL_DATA, else ../shared/data beside the project."""
    folder = Path(os.environ.get("SPONDYL_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("the real test data are not here: set SPONDYL_DATA to their folder")
    return folder
