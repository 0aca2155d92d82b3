import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.space import Geometry, Volume
from spondyl.synthetic import perturbed_labels

GRID = Geometry(np.diag([1.0, 1.0, 1.0, 1.0]), (48, 48, 48))


def ball(radius, centre=24.0, number=20):
    place = np.linalg.norm(np.moveaxis(np.indices(GRID.shape), 0, -1) - centre, axis=-1)
    return Volume(np.where(place < radius, number, 0).astype(np.uint8), GRID, "1")


def radius_of(labels):
    return ((labels.array == 20).sum() * 3 / (4 * np.pi)) ** (1 / 3)


@pytest.mark.parametrize(
    ("kind", "amount", "change"), [("eroded", 0.5, -0.5), ("dilated", 0.5, 0.5), ("dilated", 1.5, 1.5)]
)
def test_borders_move_by_the_amount(kind, amount, change):
    true = ball(12.0, centre=24.3)
    changed, _ = perturbed_labels(true, kind, amount)
    # a blurred ball's half level lies sigma²/radius = 0.05 mm further in; the rest is the steps of 1 mm voxels
    assert radius_of(changed) - radius_of(true) == pytest.approx(change, abs=0.12)


def test_shift_moves_the_centre_along_each_axis():
    changed, _ = perturbed_labels(ball(12.0), "shifted", 0.5)
    assert np.argwhere(changed.array).mean(axis=0) == pytest.approx([24.5] * 3, abs=0.1)


def test_smoothing_a_ball_keeps_its_number_and_nearly_its_volume():
    changed, _ = perturbed_labels(ball(12.0), "smoothed", 1.5)
    assert set(np.unique(changed.array)) == {0, 20}
    assert changed.array.sum() == pytest.approx(ball(12.0).array.sum(), rel=0.06)


def test_two_dilated_labels_share_the_gap_between_them():
    array = np.zeros(GRID.shape, np.uint8)
    array[10:20, 10:30, 10:30], array[24:34, 10:30, 10:30] = 20, 21
    changed, _ = perturbed_labels(Volume(array, GRID, "1"), "dilated", 4.0)
    line = changed.array[:, 20, 20]
    assert line[20] == line[21] == 20 and line[22] == line[23] == 21


def test_subregions_follow_their_label():
    labels = ball(12.0)
    parts = Volume(
        np.where(labels.array > 0, np.where(np.indices(GRID.shape)[0] < 24, 41, 49), 0).astype(np.uint8), GRID, "1"
    )
    changed, regions = perturbed_labels(labels, "dilated", 1.0, subregions=parts)
    assert ((regions.array > 0) == (changed.array > 0)).all()
    assert set(np.unique(regions.array[:20])) == {0, 41}


def test_bad_amounts_and_kinds_are_refused():
    with pytest.raises(InputError, match="amount_mm"):
        perturbed_labels(ball(5.0), "eroded", -1.0)
    with pytest.raises(InputError, match="eroded, dilated, shifted, smoothed"):
        perturbed_labels(ball(5.0), "melted", 1.0)
