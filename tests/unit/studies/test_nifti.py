"""The pose of NIfTI files: turned once, never guessed."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.space import Geometry, Volume
from spondyl.studies import read_study, write_nifti

CT = np.full((6, 7, 8), -1000, np.int16)
CT[1:5, 1:6, 1:7] = 40
RAS = np.array(
    [[-0.8, 0, 0, 10.0], [0, -0.9, 0, 20.0], [0, 0, 1.5, 30.0], [0, 0, 0, 1]]
)  # i to the left, j to the back


def _save(path: Path, array: np.ndarray = CT, sform: int = 1, qform: int = 1, unit: str = "mm") -> nib.Nifti1Image:
    image = nib.Nifti1Image(array, RAS)
    image.set_sform(RAS, code=sform)
    image.set_qform(RAS, code=qform)
    image.header.set_xyzt_units(unit)
    nib.save(image, path)
    return image


def test_the_pose_is_turned_to_lps(tmp_path: Path) -> None:
    _save(tmp_path / "ct.nii.gz")
    geometry = read_study(tmp_path / "ct.nii.gz").ct.geometry
    np.testing.assert_allclose(geometry.points((0, 0, 0)), (-10.0, -20.0, 30.0), atol=1e-6)
    np.testing.assert_allclose(geometry.points((1, 2, 3)), (-10.0 + 0.8, -20.0 + 1.8, 34.5), atol=1e-6)


@pytest.mark.parametrize(("sform", "qform"), [(1, 0), (0, 1), (2, 1)])
def test_one_coded_pose_is_enough(sform: int, qform: int, tmp_path: Path) -> None:
    _save(tmp_path / "ct.nii", sform=sform, qform=qform)
    np.testing.assert_allclose(read_study(tmp_path / "ct.nii").ct.geometry.points((0, 0, 0)), (-10, -20, 30), atol=1e-5)


def test_without_a_pose_it_is_refused(tmp_path: Path) -> None:
    _save(tmp_path / "ct.nii.gz", sform=0, qform=0)
    with pytest.raises(InputError, match=r"no pose .* is expected: convert it again"):
        read_study(tmp_path / "ct.nii.gz")


def test_two_poses_that_disagree_are_refused(tmp_path: Path) -> None:
    image = _save(tmp_path / "ct.nii.gz")
    mirrored = RAS * np.array([[-1.0], [1], [1], [1]])  # left and right swapped
    image.set_qform(mirrored, code=1)
    nib.save(image, tmp_path / "ct.nii.gz")
    with pytest.raises(InputError, match=r"two poses that differ by up to 25\.0 voxels"):
        read_study(tmp_path / "ct.nii.gz")


def test_two_poses_less_than_half_a_voxel_apart_give_the_sform(tmp_path: Path) -> None:
    image = _save(tmp_path / "ct.nii.gz")
    moved = RAS.copy()
    moved[0, 3] += 0.3
    image.set_qform(moved, code=1)
    nib.save(image, tmp_path / "ct.nii.gz")
    np.testing.assert_allclose(read_study(tmp_path / "ct.nii.gz").ct.geometry.affine[0, 3], -10.0, atol=1e-5)


@pytest.mark.parametrize(("unit", "scale"), [("mm", 1.0), ("unknown", 1.0), ("meter", 1000.0), ("micron", 0.001)])
def test_length_units(unit: str, scale: float, tmp_path: Path) -> None:
    _save(tmp_path / "ct.nii.gz", unit=unit)
    study = read_study(tmp_path / "ct.nii.gz")
    np.testing.assert_allclose(study.ct.geometry.spacing_mm, np.array([0.8, 0.9, 1.5]) * scale, rtol=1e-6)
    assert bool(study.notes) is (unit != "mm")


def test_one_time_point_is_squeezed_and_two_are_refused(tmp_path: Path) -> None:
    _save(tmp_path / "one.nii.gz", CT[..., None])
    assert read_study(tmp_path / "one.nii.gz").ct.array.shape == (6, 7, 8)
    _save(tmp_path / "two.nii.gz", np.stack([CT, CT], axis=-1))
    with pytest.raises(InputError, match=r"shape \(6, 7, 8, 2\); one volume .* is expected: give one time point"):
        read_study(tmp_path / "two.nii.gz")


def test_scaling_is_applied(tmp_path: Path) -> None:
    image = nib.Nifti1Image((CT + 1024).astype(np.int16), RAS)
    image.header.set_slope_inter(1.0, -1024.0)
    nib.save(image, tmp_path / "ct.nii.gz")
    with_scaling = read_study(tmp_path / "ct.nii.gz")
    assert with_scaling.ct.array.dtype == np.int16
    np.testing.assert_array_equal(with_scaling.ct.array, CT)


def test_padding_becomes_air(tmp_path: Path) -> None:
    array = CT.copy()
    array[0] = -3024
    _save(tmp_path / "ct.nii.gz", array)
    study = read_study(tmp_path / "ct.nii.gz")
    assert study.ct.array.min() == -1024
    assert "56 voxels below -1024 HU (padding outside the scan) were set to -1024 HU" in study.notes


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    array = CT.astype(np.float32)
    array[2, 2, 2] = np.nan
    _save(tmp_path / "ct.nii.gz", array)
    with pytest.raises(InputError, match="not finite; Hounsfield units are expected"):
        read_study(tmp_path / "ct.nii.gz")


def test_an_mr_is_not_a_ct(data_dir: Path) -> None:
    with pytest.raises(InputError, match="from 0 to 387, so this is not a CT in Hounsfield units"):
        read_study(data_dir / "tptbox-l3-ct-mr" / "c6_t2w_mr.nii.gz")


def test_an_image_without_air_is_a_blocking_question(tmp_path: Path) -> None:
    _save(tmp_path / "crop.nii.gz", np.where(CT < 0, -80, CT).astype(np.int16))
    (question,) = read_study(tmp_path / "crop.nii.gz").questions
    assert (question.code, question.blocking) == ("no_air", True)


@pytest.mark.parametrize("keep", [3, 200, 340, 400, 800])
@pytest.mark.parametrize("packed", [False, True])
def test_a_truncated_file_is_refused(keep: int, packed: bool, tmp_path: Path) -> None:
    _save(tmp_path / "whole.nii")
    data = (tmp_path / "whole.nii").read_bytes()
    broken = tmp_path / ("ct.nii.gz" if packed else "ct.nii")
    broken.write_bytes(gzip.compress(data)[: min(keep, 60)] if packed else data[:keep])
    with pytest.raises(InputError, match=r"expected: copy or export it again"):
        read_study(broken)


def test_text_with_a_nifti_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ct.nii.gz").write_text("this is no image " * 50)
    with pytest.raises(InputError, match="cannot be read as NIfTI"):
        read_study(tmp_path / "ct.nii.gz")


def test_a_compression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _save(tmp_path / "ct.nii.gz")
    monkeypatch.setattr("spondyl.studies.nifti.MAX_BYTES", 500)
    with pytest.raises(InputError, match="may be a compression bomb"):
        read_study(tmp_path / "ct.nii.gz")


def test_sheared_axes_are_refused(tmp_path: Path) -> None:
    sheared = RAS.copy()
    sheared[1, 2] = 0.4  # slices drift backwards: a tilt that the converter left in
    nib.save(nib.Nifti1Image(CT, sheared), tmp_path / "ct.nii.gz")
    with pytest.raises(InputError, match=r"14\.9 degrees away from square"):  # arctan(0.4 / 1.5)
        read_study(tmp_path / "ct.nii.gz")


def test_written_file_has_the_pose_in_both_forms_and_int16(tmp_path: Path) -> None:
    affine = np.array([[0.0, 0, 2.0, 5], [-1.1, 0, 0, 6], [0, 1.3, 0, 7], [0, 0, 0, 1]])
    write_nifti(Volume(CT.astype(np.float32) + 0.4, Geometry(affine, CT.shape), "[hnsf'U]"), tmp_path / "ct.nii.gz")
    image = nib.load(tmp_path / "ct.nii.gz")
    assert image.get_data_dtype() == np.int16
    assert (int(image.header["sform_code"]), int(image.header["qform_code"])) == (1, 1)
    np.testing.assert_allclose(image.get_qform(), image.get_sform(), atol=1e-5)
    np.testing.assert_allclose(image.affine, np.diag([-1, -1, 1, 1]) @ affine, atol=1e-5)
    np.testing.assert_array_equal(np.asarray(image.dataobj), CT)


def test_equal_volumes_give_equal_files(tmp_path: Path) -> None:
    volume = Volume(CT, Geometry(np.eye(4), CT.shape), "[hnsf'U]")
    write_nifti(volume, tmp_path / "a.nii.gz")
    write_nifti(volume, tmp_path / "b.nii.gz")
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()
