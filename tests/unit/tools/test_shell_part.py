"""Which part of a voxel lies in the shell of a section, beside squares worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tools.strength_cases import shell_part


@pytest.mark.parametrize(("shell_mm", "outer", "next_one"), [(1.0, 2 / 3, 0.0), (2.0, 1.0, 1 / 3)])
def test_a_square(shell_mm: float, outer: float, next_one: float) -> None:
    """20 x 20 voxels of 1.5 mm with a hole in the middle, which is no outline: 1 - ((30 - 2 t) / 30)^2 of the area."""
    section = np.zeros((22, 22), bool)
    section[1:-1, 1:-1] = True
    section[10:12, 10:12] = False
    part = shell_part(section, 1.5, shell_mm)
    # 24 points along a voxel put 1 mm and 2 mm right between two of them
    assert part[1, 10] == pytest.approx(outer) and part[2, 10] == pytest.approx(next_one)
    assert part[3:19, 3:19].max() == part[0].max() == 0.0
    assert part.sum() / 400 == pytest.approx(1 - ((30 - 2 * shell_mm) / 30) ** 2, rel=1e-9)
