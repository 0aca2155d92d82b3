import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.simulation.platens import find_load_path, find_platens, without_drift

SHAPE = (4, 3, 5)


def labels() -> np.ndarray:
    array = np.zeros(SHAPE, np.uint8)
    array[1:3, :, 3:] = 6  # two voxels deep: only the outer faces count
    array[:, :, :2] = 5
    return array


def test_the_outer_faces_of_the_extreme_planes() -> None:
    found = find_platens(labels(), np.ones(SHAPE, bool), top=6, bottom=5, axis=2)
    expected = np.zeros((5, 4, 6), bool)
    expected[1:4, :, 5] = True
    np.testing.assert_array_equal(found.top, expected)
    assert found.bottom[:, :, 0].all() and found.bottom.sum() == 20
    moved = found.moved(-0.2)
    assert (moved[2][expected] == -0.2).all() and np.count_nonzero(moved) == expected.sum()
    assert not found.held(False)[:2].any() and found.held(True)[0].sum() == 12 + 20


def test_void_voxels_are_no_part_of_a_platen() -> None:
    solid = np.ones(SHAPE, bool)
    solid[1, :, 4] = False
    found = find_platens(labels(), solid, top=6, bottom=5, axis=2)
    assert found.top[2:4, :, 5].all() and found.top.sum() == 8
    solid[2, :, 4] = False
    with pytest.raises(InputError, match=r"top platen \(label 6\) lies on plane 4 of axis k, where all its voxels"):
        find_platens(labels(), solid, top=6, bottom=5, axis=2)


@pytest.mark.parametrize(
    ("top", "bottom", "axis", "says"),
    [
        (5, 6, 2, "exchange --top and --bottom"),
        (5, 5, 2, "two different labels"),
        (7, 5, 2, "no voxel is of the top platen"),
        (6, 9, 2, "no voxel is of the bottom platen"),
    ],
)
def test_platens_that_cannot_be(top: int, bottom: int, axis: int, says: str) -> None:
    with pytest.raises(InputError, match=says):
        find_platens(labels(), np.ones(SHAPE, bool), top=top, bottom=bottom, axis=axis)


def test_along_another_axis() -> None:
    turned = np.moveaxis(labels(), 2, 0)
    found = find_platens(turned, np.ones(turned.shape, bool), top=6, bottom=5, axis=0)
    assert found.top[5, 1:4].all() and found.top.sum() == 12
    assert found.moved(-0.2)[0].min() == -0.2


def test_what_joins_the_platens_and_what_does_not() -> None:
    solid = np.zeros((7, 1, 5), bool)
    solid[0] = True  # joins both
    solid[2, 0, :2] = True  # stands at the bottom
    solid[4, 0, 2] = True  # floats
    solid[6, 0, 3:] = True  # hangs from the top
    array = np.zeros(solid.shape, np.uint8)
    array[:, :, 4], array[:, :, 0] = 6, 5
    found = find_load_path(solid, find_platens(array, solid, top=6, bottom=5, axis=2))
    assert (found.floating_voxels, found.hanging_voxels) == (1, 4)
    np.testing.assert_array_equal(found.parts > 0, np.arange(7)[:, None, None] * np.ones((7, 1, 5)) == 0)
    solid[0, 0, 2] = False
    with pytest.raises(InputError, match="no part of the material joins both platens"):
        find_load_path(solid, find_platens(array, solid, top=6, bottom=5, axis=2))


def test_shift_and_turn_in_the_plane_are_taken_out_of_each_part() -> None:
    parts = np.zeros((6, 3, 3), int)
    parts[:2], parts[4:] = 1, 2
    rng = np.random.default_rng(0)
    points = np.stack(
        np.meshgrid(*(np.arange(n + 1) * h for n, h in zip(parts.shape, (1, 2, 3), strict=True)), indexing="ij")
    )
    pure = np.zeros((3, 7, 4, 4))
    pure[2] = points[2] * rng.normal()  # no shift, no turn in the plane
    moved = pure.copy()
    moved[0, :3] += 0.3 - 0.01 * points[1, :3]
    moved[1, :3] += -0.2 + 0.01 * points[0, :3]
    moved[0, 4:] += 0.9
    nodes = np.zeros((7, 4, 4), bool)
    nodes[:3] = nodes[4:] = True
    found = without_drift(moved * nodes, parts, (1, 2, 3), axis=2)
    assert found == pytest.approx(pure * nodes, abs=1e-12)
