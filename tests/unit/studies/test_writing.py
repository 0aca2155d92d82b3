"""What is written is whole or not there."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.space import Geometry, Volume
from spondyl.studies import read_study, whole_folder, write_dicom, write_label_nifti, write_nifti, write_whole


def _full(*_args: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_leaves_nothing(marked_ct: Volume, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ct.nii.gz").write_bytes(b"the one before")
    monkeypatch.setattr("os.fsync", _full)
    with pytest.raises(
        InputError, match=r"could not be written \(No space left on device\).*expected: free some space"
    ):
        write_nifti(marked_ct, tmp_path / "ct.nii.gz")
    assert [f.name for f in tmp_path.iterdir()] == ["ct.nii.gz"]
    assert (tmp_path / "ct.nii.gz").read_bytes() == b"the one before"


def test_a_folder_appears_only_when_it_is_whole(marked_ct: Volume, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), whole_folder(tmp_path / "ct") as folder:
        (folder / "half").write_text("half")
        raise RuntimeError("broken off")
    assert list(tmp_path.iterdir()) == []


def test_a_full_folder_is_not_overwritten(marked_ct: Volume, ct_folder: Path) -> None:
    with pytest.raises(InputError, match="already there and not empty"):
        write_dicom(marked_ct, ct_folder)
    assert read_study(ct_folder).ct.is_equal(marked_ct)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="could not be written"):
        write_whole(tmp_path / "file" / "below", b"x")


def test_files_get_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "usual").write_bytes(b"x")
    write_whole(tmp_path / "ours", b"x")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_only_what_fits_is_written(marked_ct: Volume, tmp_path: Path) -> None:
    grid = marked_ct.geometry
    with pytest.raises(InputError, match="is not a NIfTI name"):
        write_nifti(marked_ct, tmp_path / "ct.mha")
    with pytest.raises(InputError, match="Hounsfield units from -32768"):
        write_nifti(Volume(np.full(grid.shape, np.nan), grid, "[hnsf'U]"), tmp_path / "ct.nii.gz")
    with pytest.raises(InputError, match="labels are whole numbers"):
        write_label_nifti(Volume(np.full(grid.shape, 0.5), grid, "1"), tmp_path / "labels.nii.gz")
    with pytest.raises(InputError, match="found the unit '1'"):
        write_dicom(Volume(np.zeros(grid.shape, np.int16), grid, "1"), tmp_path / "ct")
    sheared = grid.affine.copy()
    sheared[0, 2] = 0.3
    with pytest.raises(InputError, match="not square"):
        write_dicom(Volume(marked_ct.array, Geometry(sheared, grid.shape), "[hnsf'U]"), tmp_path / "ct")
    assert list(tmp_path.iterdir()) == []


def test_progress_rises_to_one(ct_folder: Path) -> None:
    told: list[tuple[float, str]] = []
    read_study(ct_folder, progress=lambda share, what: told.append((share, what)))
    shares = [share for share, _ in told]
    assert shares == sorted(shares) and shares[-1] == 1.0 and shares[0] < 0.1
    assert {what for _, what in told} == {"reading headers", "reading pixels", "done"}


def test_equal_images_give_equal_uids(marked_ct: Volume, tmp_path: Path) -> None:
    one, two = write_dicom(marked_ct, tmp_path / "one"), write_dicom(marked_ct, tmp_path / "two")
    assert [f.read_bytes() for f in one] == [f.read_bytes() for f in two]
