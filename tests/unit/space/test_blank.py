"""Places at which a CT shows nothing."""

from __future__ import annotations

import numpy as np
import pytest

from spondyl.space import is_blank


@pytest.mark.parametrize(("padding", "blank"), [(-1024, True), (-3024, True), (0, True), (40, False), (300, False)])
def test_padding_is_blank_from_its_first_voxel_on(padding: int, blank: bool) -> None:
    """Noise of 20 HU with padding from slice 6 on; what has one tissue's value throughout is a phantom's."""
    ct = np.random.default_rng(3).normal(30, 20, (9, 9, 12)).round().astype(np.int16)
    ct[:, :, 6:] = padding
    places = [(4, 4, 5.4), (4, 4, 5.6), (0, 0, 11), (8, 8, 9)]
    assert is_blank(ct, places).tolist() == [False, blank, blank, blank]


def test_thin_sheets_of_one_value_are_no_padding() -> None:
    """Two slices of zeros, or two by two columns of them, hold no cube of 27."""
    ct = np.random.default_rng(4).normal(30, 20, (9, 9, 9))
    ct[:, :, 3:5] = 0
    ct[3:5, 3:5] = 0
    assert not is_blank(ct, [(4, 4, 4), (4, 4, 3), (4, 4, 8), (1, 1, 3)]).any()


def test_beyond_the_grid_nothing_is_shown() -> None:
    """Half a voxel beyond the outermost centres a picture ends; shapes are kept."""
    ct = np.random.default_rng(5).normal(30, 20, (4, 5, 6))
    places = np.array([[(-0.4, 0, 0), (-0.6, 0, 0)], [(3.4, 4.4, 5.4), (0, 0, 5.6)]])
    assert is_blank(ct, places).tolist() == [[False, True], [False, True]]
