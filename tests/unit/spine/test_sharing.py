"""Bone shared out anew: borders at joints, ribs by their place, marrow filled in; by hand on small bodies of bone."""

import numpy as np
import pytest

from spondyl.spine.segmenters.sharing import filled, moved_to_joints

NO_RIBS = -1.0


def dumbbell() -> tuple[np.ndarray, np.ndarray]:
    """Cost of two blocks of 8 x 8 x 10 voxels joined by a dim neck of 2 x 2 x 4, and which voxels are bone."""
    bone = np.zeros((10, 10, 26), bool)
    bone[1:9, 1:9, 1:11] = bone[1:9, 1:9, 15:25] = True
    bone[4:6, 4:6, 11:15] = True
    cost = np.where(bone, 1.0, -1.0).astype(np.float32)
    cost[4:6, 4:6, 11:15] = 4.0
    return cost, bone


@pytest.mark.parametrize("cut", [8, 18])
def test_a_border_within_a_block_moves_to_the_neck(cut: int) -> None:
    cost, bone = dumbbell()
    first = np.where(bone, np.where(np.arange(26) < cut, 1, 2), 0).astype(np.int16)
    moved = moved_to_joints(first, cost, np.full(cost.shape, NO_RIBS, np.float32), 9)
    assert (moved[:, :, :11][bone[:, :, :11]] == 1).all()
    assert (moved[:, :, 15:][bone[:, :, 15:]] == 2).all()
    assert (moved[~bone] == 0).all()


def test_a_border_in_even_bone_stays() -> None:
    cost = np.ones((6, 6, 30), np.float32)
    first = np.broadcast_to(np.where(np.arange(30) < 15, 4, 5), cost.shape).astype(np.int16)
    moved = moved_to_joints(first, cost, np.full(cost.shape, NO_RIBS, np.float32), 9)
    np.testing.assert_array_equal(moved, first)


def test_where_ribs_are_expected_even_bone_turns_to_rib() -> None:
    """A first border in the middle of even bone, of which the place says that two thirds are rib."""
    cost = np.ones((30, 6, 6), np.float32)
    rib = np.full(cost.shape, 0.05, np.float32)
    rib[10:] = 0.95
    first = np.full(cost.shape, 9, np.int16)
    first[:15] = 2
    moved = moved_to_joints(first, cost, rib, 9)
    assert (moved[:9] == 2).all()
    assert (moved[11:] == 9).all()


def test_nothing_shared_out_stays_nothing() -> None:
    none = np.zeros((4, 4, 4), np.int16)
    cost = np.ones(none.shape, np.float32)
    np.testing.assert_array_equal(moved_to_joints(none, cost, np.zeros(none.shape, np.float32), 3), none)


def test_marrow_within_a_shell_is_filled_and_a_groove_is_not() -> None:
    """A square tube 9 voxels wide and a gutter that is open to one side, both with walls of one voxel."""
    labels = np.zeros((30, 11, 20), np.int16)
    labels[1:10, 1:10] = 3
    labels[2:9, 2:9] = 0
    labels[15:24, 1:6] = 3
    labels[16:23, 2:6] = 0
    found = filled(labels, np.zeros(labels.shape, np.int16), np.ones(labels.shape, bool))
    assert (found[2:9, 2:9, 8:12] == 3).all()
    assert (found[18:21, 4:10, 8:12] == 0).all()


def test_what_lies_between_two_levels_or_is_not_free_stays_empty() -> None:
    labels = np.zeros((11, 11, 20), np.int16)
    labels[1:10, 1:10] = 3
    labels[5:10, 1:10] = 4
    labels[2:9, 2:9] = 0
    free = np.ones(labels.shape, bool)
    found = filled(labels, np.zeros(labels.shape, np.int16), free)
    assert (found[5, 5, 8:12] == 0).all()
    whole = np.where(labels > 0, 3, 0).astype(np.int16)
    assert (filled(whole, np.zeros(labels.shape, np.int16), ~free) == whole).all()


def test_a_body_encloses_and_is_no_part_of_the_arch() -> None:
    """A trough of arch closed by the back of its body."""
    labels = np.zeros((11, 11, 20), np.int16)
    labels[1:10, 1:10] = 3
    labels[2:9, 2:9] = 0
    body = np.zeros(labels.shape, np.int16)
    body[:, :2] = 3
    labels[body > 0] = 0
    found = filled(labels, body, np.ones(labels.shape, bool))
    assert (found[2:9, 3:9, 8:12] == 3).all()
    assert (found[body > 0] == 0).all()
