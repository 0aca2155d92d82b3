"""A phantom with a marked left side and head, and dcm2niix as an independent reader."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import dcm2niix
import nibabel as nib
import numpy as np
import pytest

from spondyl.space import Geometry, Volume

Reader = Callable[[Path], tuple[np.ndarray, np.ndarray]]


@pytest.fixture
def left_marked() -> Volume:
    """Water in air with a block of 700 HU at the patient's left and one of 1200 HU at the head: shape (24, 20, 14)."""
    array = np.full((24, 20, 14), -1000, np.int16)
    array[4:20, 4:16, 1:13] = 40
    array[16:19, 8:12, 5:8] = 700
    array[10:14, 8:12, 11:13] = 1200
    affine = np.diag([0.7, 0.8, 1.25, 1.0])
    affine[:3, 3] = (-12.5, 33.25, -410.75)
    return Volume(array, Geometry(affine, array.shape, "1.2.3.4"), "[hnsf'U]")


@pytest.fixture
def dcm2niix_reader(tmp_path: Path) -> Reader:
    """Values and LPS affine of a DICOM folder as dcm2niix reads it, its index axes turned to those of this project.

    dcm2niix flips the rows of each slice, which the affine says; here they are flipped back.
    """

    def read(folder: Path) -> tuple[np.ndarray, np.ndarray]:
        out = tmp_path / f"dcm2niix-{folder.name}"
        out.mkdir()
        command = [str(dcm2niix.bin), "-z", "n", "-b", "n", "-f", "image", "-o", str(out), str(folder)]
        subprocess.run(command, check=True, capture_output=True)
        (file,) = out.glob("*.nii")
        image = nib.load(file)
        array, affine = np.asarray(image.dataobj), np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine
        affine[:3, 3] += affine[:3, 1] * (array.shape[1] - 1)
        affine[:3, 1] *= -1
        return array[:, ::-1, :], affine

    return read
