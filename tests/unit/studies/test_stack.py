"""Order, spacing and tilt of slices, on a phantom whose true place of every point is known."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from scipy import ndimage

from spondyl.space import Geometry, Volume
from spondyl.studies import read_study, write_dicom

Edit = Callable[..., None]


def _ball(points: np.ndarray) -> np.ndarray:
    """HU of a smooth ball of bone of 8 mm in water, centred at (3, -2, 5) mm."""
    away = np.linalg.norm(points - np.array([3.0, -2.0, 5.0]), axis=-1)
    return np.rint(700 / (1 + np.exp((away - 8) / 1.5)) - 1000 / (1 + np.exp((22 - away) / 1.0)))


def _centre(volume: Volume, above: float) -> np.ndarray:
    weights = np.clip(volume.array.astype(float) - above, 0, None)
    return volume.geometry.points(np.array(ndimage.center_of_mass(weights)))


def _tilted_series(folder: Path, tilt_deg: float) -> Path:
    """A series as a tilted gantry makes it: planes tilted about the left-right axis, the table moves along z."""
    angle = np.radians(tilt_deg)
    column = np.array([0.0, np.cos(angle), np.sin(angle)])
    spacing, shape, step = 0.8, (64, 64, 40), 1.25
    flat = Volume(
        np.zeros(shape, np.int16), Geometry(np.diag([spacing, spacing, step, 1.0]), shape, "1.2.3"), "[hnsf'U]"
    )
    files = write_dicom(flat, folder)
    first = (
        np.array([3.0, -2.0, 5.0]) - spacing * 31.5 * (np.array([1.0, 0, 0]) + column) - np.array([0, 0, step * 19.5])
    )
    for k, file in enumerate(files):
        origin = first + np.array([0, 0, k * step])
        i, j = np.meshgrid(np.arange(64), np.arange(64))
        points = origin + spacing * (i[..., None] * np.array([1.0, 0, 0]) + j[..., None] * column)
        dataset = pydicom.dcmread(file)
        dataset.ImageOrientationPatient = [f"{x:.9f}" for x in (1, 0, 0, *column)]
        dataset.ImagePositionPatient = [f"{x:.6f}" for x in origin]
        dataset.GantryDetectorTilt = f"{tilt_deg:g}"
        dataset.PixelData = (_ball(points) + 1024).astype("<i2").tobytes()
        dataset.save_as(file)
    return folder


@pytest.mark.parametrize("tilt_deg", [-25.0, 12.0, 25.0])
def test_tilted_stack_is_put_on_a_square_grid(tilt_deg: float, tmp_path: Path) -> None:
    study = read_study(_tilted_series(tmp_path / "ct", tilt_deg))
    axes = study.ct.geometry.axes
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-6)
    assert study.ct.geometry.spacing_mm[2] == pytest.approx(1.25 * np.cos(np.radians(tilt_deg)), abs=1e-6)
    assert any("gantry tilt" in note and f"{abs(tilt_deg):.2f} degrees" in note for note in study.notes)
    assert not study.questions
    # Every voxel holds what lies at its own point. The tolerance: linear values between 0.8 mm pixels of a border that
    # bends by at most 700 / (4 * 1.5**2) * 0.4 HU/mm^2, so h^2/8 times that is below 3 HU; the skin is steeper.
    inside = np.stack(np.meshgrid(*[np.arange(-9.0, 9.1, 1.0)] * 3, indexing="ij"), axis=-1) + np.array(
        [3.0, -2.0, 5.0]
    )
    indices = np.rint(study.ct.geometry.indices(inside)).astype(int).reshape(-1, 3)
    points = study.ct.geometry.points(indices)
    values = study.ct.array[tuple(indices.T)]
    assert np.abs(values - _ball(points)).max() < 12
    np.testing.assert_allclose(_centre(study.ct, 100.0), (3.0, -2.0, 5.0), atol=0.05)


def test_tilted_stack_loses_no_pixel(tmp_path: Path) -> None:
    study = read_study(_tilted_series(tmp_path / "ct", 20.0))
    columns, rows, slices = study.ct.array.shape
    assert (columns, slices) == (64, 40)
    assert rows == 64 + np.ceil(39 * 1.25 * np.sin(np.radians(20.0)) / 0.8)


def test_order_follows_positions_not_names(ct_folder: Path, marked_ct: Volume) -> None:
    files = sorted(ct_folder.glob("*.dcm"))
    numbers = list(range(len(files)))
    random.Random(3).shuffle(numbers)
    for number, file in zip(numbers, files, strict=True):
        file.rename(ct_folder / f"shuffled-{number:02d}.dcm")
    assert read_study(ct_folder).ct.is_equal(marked_ct)


def test_spacing_comes_from_positions(ct_folder: Path, edit: Edit) -> None:
    for file in ct_folder.glob("*.dcm"):
        edit(file, SliceThickness="5", SpacingBetweenSlices="5")
    study = read_study(ct_folder)
    assert study.ct.geometry.spacing_mm[2] == pytest.approx(1.25)
    assert study.scan.slice_thickness_mm == 5


def test_positions_rounded_to_one_decimal_are_regular(ct_folder: Path, edit: Edit) -> None:
    """0.625 mm slices whose positions were written as -410.8, -410.1, -409.5 ... mm."""
    for k, file in enumerate(sorted(ct_folder.glob("*.dcm"))):
        edit(file, ImagePositionPatient=["-12.5", "33.25", f"{-410.75 + 0.625 * k:.1f}"])
    assert read_study(ct_folder).ct.geometry.spacing_mm[2] == pytest.approx(0.625, abs=0.1 / 11)


@pytest.mark.parametrize(
    "orientation",
    [(1, 0, 0, 0, 1, 0), (-1, 0, 0, 0, -1, 0), (0, 1, 0, 0, 0, -1), (1, 0, 0, 0, 0, -1), (0.8, 0.6, 0, -0.6, 0.8, 0)],
)
def test_any_orientation_keeps_points(orientation: tuple[float, ...], ct_folder: Path, edit: Edit) -> None:
    """Position and value of one marked pixel of the seventh slice, from the DICOM formula by hand."""
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    normal = np.cross(row, column)
    for k, file in enumerate(sorted(ct_folder.glob("*.dcm"))):
        edit(
            file,
            ImageOrientationPatient=[f"{x:g}" for x in orientation],
            ImagePositionPatient=[f"{x:.4f}" for x in 1.25 * k * normal + (5, 6, 7)],
        )
    study = read_study(ct_folder)
    # first marked pixel of slice 6: column 13, row 6; PixelSpacing is (0.8 between rows, 0.7 between columns)
    point = np.array([5, 6, 7]) + 1.25 * 6 * normal + 0.7 * 13 * row + 0.8 * 6 * column
    index = study.ct.geometry.indices(point)
    np.testing.assert_allclose(index, np.rint(index), atol=1e-6)
    assert study.ct.array[tuple(np.rint(index).astype(int))] == 700
    before = study.ct.geometry.indices(point - 0.7 * row)
    assert study.ct.array[tuple(np.rint(before).astype(int))] == 40
