"""Softening in a band one voxel thick: scaled by the voxels' size it takes the same force, along the grid and askew.

Reference: the crack band model (Bažant, Oh, Mater Struct 16 (1983) 155-177): the energy of a band is that of its
softening strain times its thickness, so the strain must rise as voxels shrink.
"""

from __future__ import annotations

import numpy as np
import pytest

from tools.strength_bands import LAW, REFERENCE_MM, WEAKER, YIELD, pressed_bar


def test_along_the_grid_the_scaled_law_gives_one_answer_and_the_fixed_one_does_not() -> None:
    """One layer fails in each: the same crack, so the same stress to 0.5 % (the solver was asked for 1e-4), where a law
    of one constant falls by more than 15 and 13 % as voxels are halved."""
    sizes = 5.0, 2.5, 1.25
    scaled = [pressed_bar(size, 0.0, LAW.for_voxel_size(size, REFERENCE_MM))[1] for size in sizes]
    assert scaled == pytest.approx([scaled[0]] * 3, rel=5e-3)
    fixed = [pressed_bar(size, 0.0, LAW)[1] for size in sizes]
    assert fixed[0] > 1.15 * fixed[1] > 1.3 * fixed[2]


@pytest.mark.parametrize("turn", [26.565, 45.0])
def test_askew_the_scaled_law_gives_one_answer_somewhat_above(turn: float) -> None:
    """Stairs make an oblique band 1.25 to 1.44 voxels thick, so that it softens later, by up to a fifth; halved voxels
    change it by less than 5 %, and the law that is not scaled by a fifth."""
    straight = pressed_bar(2.5, 0.0, LAW)[1]
    coarse, fine = (pressed_bar(size, turn, LAW.for_voxel_size(size, REFERENCE_MM))[1] for size in (2.5, 1.25))
    assert fine == pytest.approx(coarse, rel=0.05)
    assert 1.0 < fine / straight < 1.2
    assert pressed_bar(1.25, turn, LAW)[1] < 0.85 * coarse


def test_a_bar_that_does_not_soften_bears_its_weakest_band() -> None:
    """Gripped ends hold the bar sideways and stairs its band: 1 to 1.1 times 0.9 of the yield stress, nearly alike."""
    law = LAW.__class__(2.0, 0.8)
    ends = [pressed_bar(1.25, turn, law)[1] for turn in (0.0, 45.0)]
    assert np.allclose(ends, WEAKER * YIELD, rtol=0.12)
