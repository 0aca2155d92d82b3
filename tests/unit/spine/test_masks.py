"""Cavities of masks are filled as the plain, slower way of scipy fills them."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from spondyl.spine.masks import filled


def test_cavities_are_filled_and_tunnels_stay_open() -> None:
    mask = np.ones((7, 8, 9), bool)
    mask[3, 3, 3] = False  # a cavity
    mask[5, 5, :] = False  # a tunnel to both ends
    found = filled(mask)
    assert found[3, 3, 3]
    assert not found[5, 5].any()


def test_random_masks_are_filled_as_by_scipy() -> None:
    mask = np.random.default_rng(1).random((20, 21, 22)) < 0.75
    found = filled(mask)
    assert found.sum() > mask.sum()
    np.testing.assert_array_equal(found, ndimage.binary_fill_holes(mask))


def test_the_given_mask_is_left_as_it_was_and_an_empty_one_stays_empty() -> None:
    ring = np.ones((3, 3, 3), bool)
    ring[1, 1, 1] = False
    filled(ring)
    assert not ring[1, 1, 1]
    assert not filled(np.zeros((3, 4, 5), bool)).any()
