"""What blur and slices leave of a cortex, worked by hand."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from spondyl.findings.cortex import LEAST_SHARE, cortex_share
from spondyl.space import Geometry, Volume
from spondyl.spine import Spine
from spondyl.studies import Patient, Scan, Study


class _Scanned:
    """What `cortex_share` reads of a spine: its CT and its study."""

    def __init__(self, spacing_mm: tuple[float, float, float], thickness_mm: float | None) -> None:
        affine = np.diag([*spacing_mm, 1.0])
        self.ct = Volume(np.zeros((4, 4, 4), np.int16), Geometry(affine, (4, 4, 4)), "[hnsf'U]")
        self.study = Study(self.ct, Scan(slice_thickness_mm=thickness_mm), Patient())


def _share(*spacing_mm: float, thickness_mm: float | None = None) -> float:
    x, y, z = spacing_mm
    found = cortex_share(cast(Spine, _Scanned((x, y, z), thickness_mm)))
    assert found is not None
    return found.share


def test_a_sheet_in_thick_slices() -> None:
    """Slices far above 1.3 mm see a sheet of 1.35 mm. Pixels of 1 mm blur by 1/sqrt(12) = 0.2887 mm.

    Kernels of 0.5 and 0.75 mm: s = 0.5774 and 0.8036 mm, T/(sqrt(8) s) = 0.8267 and 0.5939, erf 0.7577 and 0.5991.
    """
    assert _share(1.0, 1.0, 6.0) == pytest.approx((0.7577 + 0.5991) / 2, abs=2e-4)


def test_thin_slices_see_where_sheets_meet() -> None:
    """1.3 mm: T = 1.35 + 1.5/e = 1.9018; T/(sqrt(8) s) = 1.1646 and 0.8367, erf 0.9004 and 0.7633."""
    assert _share(1.0, 1.0, 1.3) == pytest.approx((0.9004 + 0.7633) / 2, abs=2e-4)


def test_the_coarsest_axis_is_that_of_the_slices_whichever_it_is() -> None:
    assert _share(5.0, 0.7, 0.7) == _share(0.7, 5.0, 0.7) == _share(0.7, 0.7, 5.0)


def test_slices_are_as_thick_as_the_header_says_but_not_thinner_than_their_step() -> None:
    assert _share(0.7, 0.7, 0.8, thickness_mm=1.25) == _share(0.7, 0.7, 1.25)
    assert _share(0.7, 0.7, 3.0, thickness_mm=1.0) == _share(0.7, 0.7, 3.0)


def test_no_cortex_is_left_in_voxels_of_3_mm() -> None:
    assert _share(3.0, 3.0, 3.0) < LEAST_SHARE < _share(1.5, 1.5, 1.5)


def test_without_a_ct() -> None:
    bare = _Scanned((1.0, 1.0, 1.0), None)
    bare.ct = None  # type: ignore[assignment]
    assert cortex_share(cast(Spine, bare)) is None
