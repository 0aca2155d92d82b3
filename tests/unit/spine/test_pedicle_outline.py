"""The outline of a pedicle along its neck against elliptic tubes of known size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spondyl.spine import Pedicle, Side
from spondyl.spine.pedicle_outline import PedicleOutline, find_outline
from tests.unit.spine.test_isthmus import CENTRE, CRANIAL, HALF_VOXEL_MM, outward_mm, tube

WIDTH_MM, HEIGHT_MM = 7.0, 13.0


def pedicle_in(side: Side, axis: np.ndarray, width_mm: float = WIDTH_MM) -> Pedicle:
    """As it would be told: on the CT, in a mask that is 4 mm wider."""
    place = CENTRE * [1.0 if side is Side.LEFT else -1.0, 1.0, 1.0]
    return Pedicle(side, place, axis, width_mm, HEIGHT_MM, HALF_VOXEL_MM, mask_width_mm=width_mm + 4.0)


def outline_of(side: Side) -> tuple[PedicleOutline, Pedicle, np.ndarray]:
    ct, axis, lateral = tube(1.0 if side is Side.LEFT else -1.0, WIDTH_MM, HEIGHT_MM)
    found = find_outline(ct, pedicle_in(side, axis), CRANIAL)
    assert found is not None
    return found, pedicle_in(side, axis), lateral


@pytest.mark.parametrize("side", list(Side))
def test_distances_are_those_to_the_ellipse(side: Side) -> None:
    """Along the axis half the width; aside and up by d as much less; beyond it none. Tolerance: half a voxel."""
    outline, pedicle, lateral = outline_of(side)
    assert outline.along_mm[0] <= -3.0 and outline.along_mm[-1] >= 3.0  # the tube is a pedicle all along
    assert np.isfinite(outline.reach_mm).all()
    up = np.cross(lateral, pedicle.axis)
    up *= np.sign(up[2])
    wider = outward_mm()
    for d in (0.0, 1.0, 2.0):
        for way in (lateral, -lateral):
            told = outline.distance((pedicle.isthmus + d * way)[None])[0]
            assert told == pytest.approx(WIDTH_MM / 2 - d + wider, abs=HALF_VOXEL_MM)
    near_top = outline.distance((pedicle.isthmus + (HEIGHT_MM / 2 - 1.5) * up)[None])[0]
    assert 0.5 < near_top < 1.5 + wider + HALF_VOXEL_MM
    beyond = pedicle.isthmus + np.array([[WIDTH_MM / 2 + 1.0], [-WIDTH_MM / 2 - 1.0]]) * lateral
    np.testing.assert_array_equal(outline.distance(beyond), 0.0)
    assert outline.distance((pedicle.isthmus + 6.0 * pedicle.axis)[None])[0] == np.inf


def test_a_border_that_was_not_seen_is_no_wall() -> None:
    outline, pedicle, lateral = outline_of(Side.LEFT)
    reach = outline.reach_mm.copy()
    reach[:, np.r_[:7, 42:48]] = np.nan  # around the direction aside
    part = replace(outline, reach_mm=reach)
    points = pedicle.isthmus + np.array([[WIDTH_MM / 2 + 1.0], [-WIDTH_MM / 2 - 1.0], [0.0]]) * lateral
    told = part.distance(points)
    assert told[0] > 1.0 and told[1] == 0.0
    assert told[2] == pytest.approx(outline.distance(points)[2], abs=0.3)  # the canal's side is as near


def test_only_a_pedicle_measured_on_the_ct_has_an_outline() -> None:
    ct, axis, _ = tube(1.0, WIDTH_MM, HEIGHT_MM)
    pedicle = pedicle_in(Side.LEFT, axis)
    assert find_outline(ct, replace(pedicle, mask_width_mm=None), CRANIAL) is None
    assert find_outline(replace(ct, array=np.full(ct.array.shape, 60.0)), pedicle, CRANIAL) is None
    bright = ct.array.copy()
    bright[tuple(np.rint(ct.geometry.indices(pedicle.isthmus)).astype(int))] = 8000.0
    assert find_outline(replace(ct, array=bright), pedicle, CRANIAL) is None
