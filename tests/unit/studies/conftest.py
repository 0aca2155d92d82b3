"""A small CT whose left side is marked, as a volume and as a DICOM folder, and a way to break the files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from spondyl.space import Geometry, Volume
from spondyl.studies import Scan, write_dicom

Edit = Callable[..., None]


@pytest.fixture
def marked_ct() -> Volume:
    """Water in air; a bright block at the patient's left, a denser one at the head: shape (20, 16, 12)."""
    array = np.full((20, 16, 12), -1000, np.int16)
    array[3:17, 3:13, 1:11] = 40
    array[13:16, 6:9, 4:7] = 700  # i grows to the left
    array[8:11, 6:9, 9:11] = 1200  # k grows to the head
    affine = np.diag([0.7, 0.8, 1.25, 1.0])
    affine[:3, 3] = (-12.5, 33.25, -410.75)
    return Volume(array, Geometry(affine, array.shape, "1.2.3.4"), "[hnsf'U]")


@pytest.fixture
def ct_folder(marked_ct: Volume, tmp_path: Path) -> Path:
    """The marked CT as twelve DICOM files."""
    write_dicom(marked_ct, tmp_path / "ct", scan=Scan(kvp=120, convolution_kernel="B30f"), virtual=True)
    return tmp_path / "ct"


@pytest.fixture
def edit() -> Edit:
    """Change header elements of a file; None deletes one; `to` saves under another name."""

    def change(file: Path, to: Path | None = None, **elements: Any) -> None:
        dataset = pydicom.dcmread(file)
        for keyword, value in elements.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)
        dataset.save_as(to or file)

    return change
