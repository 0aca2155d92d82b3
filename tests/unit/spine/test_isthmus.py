"""The isthmus on the CT against elliptic tubes of known size."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from scipy import ndimage, optimize

from spondyl.space import Floats, Geometry, Volume
from spondyl.spine import Pedicle, Side
from spondyl.spine.isthmus import Isthmus, is_oval, measure_isthmus
from spondyl.spine.pedicles import smaller_of

_MM, _N = 0.6, 76
HALF_VOXEL_MM = _MM / 2
GRID = Geometry(
    np.vstack([np.column_stack([_MM * np.eye(3), -_MM * (_N - 1) / 2 * np.ones(3)]), [0, 0, 0, 1]]), (_N,) * 3
)
_SOFT, _CORTEX, _MARROW = 40.0, 900.0, 200.0
_WALL_MM, _BLUR_MM = 1.0, 0.6
CRANIAL = np.array([0.0, 0.0, 1.0])
CENTRE = np.array([0.4, -0.3, 0.2])


def tube(side: float, width: float, height: float) -> tuple[Volume, Floats, Floats]:
    """A CT of a tube that narrows to width x height, tilted inwards and upwards; with its axis and its lateral."""
    axis = np.array([-side * np.sin(np.radians(18)), -np.cos(np.radians(18)), 0.15])
    axis /= np.linalg.norm(axis)
    lateral = np.cross(axis, CRANIAL)
    lateral *= side / lateral[0] * abs(lateral[0]) / np.linalg.norm(lateral)
    hu = _tissue(axis, lateral, width, height)
    return Volume(ndimage.gaussian_filter(hu, _BLUR_MM / _MM), GRID, "[hnsf'U]"), axis, lateral


def _tissue(axis: Floats, lateral: Floats, width: float, height: float) -> Floats:
    """Mean of 3 x 3 x 3 points a voxel."""
    points = GRID.points(np.moveaxis(np.indices(GRID.shape), 0, -1)) - _mirrored(CENTRE, lateral)
    total = np.zeros(GRID.shape)
    for shift in np.stack(np.meshgrid(*[(-_MM / 3, 0.0, _MM / 3)] * 3), axis=-1).reshape(-1, 3):
        at = points + shift
        along, across, up = at @ axis, at @ lateral, at @ np.cross(lateral, axis)
        grown = 1 + (along / 25) ** 2
        outer = (across / (grown * width / 2)) ** 2 + (up / (grown * height / 2)) ** 2 <= 1
        wall = (across / (grown * width / 2 - _WALL_MM)) ** 2 + (up / (grown * height / 2 - _WALL_MM)) ** 2 > 1
        total += np.where(outer, np.where(wall, _CORTEX, _MARROW), _SOFT)
    return total / 27


def _mirrored(point: Floats, lateral: Floats) -> Floats:
    return point * [np.sign(lateral[0]), 1.0, 1.0]


def measured(ct: Volume, axis: Floats, lateral: Floats, width: float, height: float) -> Isthmus | str:
    inner = _mirrored(CENTRE, lateral) + 1.5 * axis - (width / 2 - 0.4) * lateral  # a mask is no more exact
    return measure_isthmus(ct, inner, lateral, axis, CRANIAL, height)


def outward_mm() -> float:
    """How far outside a flat blurred wall its half height lies, in closed form."""
    share = NormalDist(0.0, _BLUR_MM).cdf

    def rise(depth: float) -> float:
        within, beyond = share(depth), share(depth - _WALL_MM)
        return (_CORTEX - _SOFT) * (within - beyond) + (_MARROW - _SOFT) * beyond

    peak = max(rise(x) for x in np.linspace(0, _WALL_MM, 101))
    return -float(optimize.brentq(lambda x: rise(x) - peak / 2, -2.0, _WALL_MM / 2))


@pytest.mark.parametrize(("width", "height"), [(5.0, 11.0), (8.0, 15.0)])
def test_a_tilted_tube_has_its_width_and_height(width: float, height: float) -> None:
    """As a flat wall's half height tells, to within half a voxel (0.3 mm); the centre to within that too."""
    ct, axis, lateral = tube(1.0, width, height)
    found = measured(ct, axis, lateral, width, height)
    assert isinstance(found, Isthmus)
    wider = 2 * outward_mm()
    assert 0.0 < wider < 0.7
    assert found.width_mm == pytest.approx(width + wider, abs=0.3)
    assert -0.3 < found.height_mm - height < wider + 0.3  # blur cuts the curved ends, so less is seen of them
    assert np.linalg.norm(np.cross(found.centre - CENTRE, axis)) < 0.3
    assert abs((found.centre - CENTRE) @ axis) < 2.0  # where it is narrowest: 0.6 % narrower than 2 mm away
    assert found.closed == 1.0


def test_the_other_side_is_the_mirror_image() -> None:
    left, right = (measured(*tube(side, 6.0, 12.0), 6.0, 12.0) for side in (1.0, -1.0))
    assert isinstance(left, Isthmus) and isinstance(right, Isthmus)
    assert right.width_mm == pytest.approx(left.width_mm, abs=1e-3)
    assert right.height_mm == pytest.approx(left.height_mm, abs=1e-3)
    np.testing.assert_allclose(right.centre, left.centre * [-1, 1, 1], atol=1e-3)


def test_a_rib_beside_a_joint_is_left_out_and_one_without_gives_a_reason() -> None:
    """Bone 1.8 mm beside the outer wall; then bone that touches along half the outline, and no number."""
    ct, axis, lateral = tube(1.0, 7.0, 13.0)
    points = GRID.points(np.moveaxis(np.indices(GRID.shape), 0, -1)) - CENTRE
    for gap, beside in ((1.8, 3.5), (-2.0, 0.0)):
        rib = ndimage.gaussian_filter(np.where(points @ lateral > beside + gap, 1.0, 0.0), _BLUR_MM / _MM)
        both = Volume(np.maximum(ct.array, _SOFT + (_CORTEX - _SOFT) * rib), GRID, ct.unit)
        found = measured(both, axis, lateral, 7.0, 13.0)
        if gap > 0:
            assert isinstance(found, Isthmus)
            assert found.width_mm == pytest.approx(7.0, abs=0.9)  # blur 0.5, half a voxel
        else:
            assert isinstance(found, str)
            assert "of 48 rays, 36 are needed" in found


def test_what_shows_no_pedicle_gives_a_reason() -> None:
    ct, axis, lateral = tube(1.0, 7.0, 13.0)

    def told(array: Floats) -> Isthmus | str:
        return measured(Volume(array, GRID, ct.unit), axis, lateral, 7.0, 13.0)

    assert told(np.full(GRID.shape, 60.0)) == "its border closes on 0 of 48 rays, 36 are needed"
    bright = ct.array.copy()
    bright[_N // 2, _N // 2, _N // 2] = 8000.0
    assert told(bright) == "metal or dense cement lies there"
    part = ct.cropped((0, 0, 0), (_N // 2, _N, _N))
    assert measured(part, axis, lateral, 7.0, 13.0) == "the CT ends there"
    assert measured(ct, axis, lateral, 7.0, 25.0) == "no outline of a pedicle's height begins at the canal"


def test_the_smaller_width_counts_where_ct_and_mask_are_apart() -> None:
    """Within 2 mm the CT's; a mask with a rib is not believed, and neither is a CT wider than the mask."""
    neck = Pedicle(Side.LEFT, np.zeros(3), np.array([0.0, -1.0, 0.0]), 8.0, 13.0, 0.5)
    place = np.array([1.0, 2.0, 3.0])
    for on_ct, counts, in_mask, words in (
        (6.1, 6.1, 8.0, None),
        (9.9, 9.9, 8.0, None),
        (5.9, 5.9, 8.0, "a rib or a process may be in the mask"),
        (10.1, 8.0, None, "10.1 mm wide on the CT but 8.0 mm in the mask"),
    ):
        found, remark = smaller_of(neck, Isthmus(place, on_ct, 12.0, 1.0))
        assert (found.width_mm, found.mask_width_mm) == (counts, in_mask)
        np.testing.assert_array_equal(found.isthmus, neck.isthmus if in_mask is None else place)
        assert (remark is None) if words is None else (remark is not None and words in remark)


def test_ovals_have_no_dents() -> None:
    """An ellipse fills its hull; two discs of radius 1 with middles 1.6 apart fill 0.939 of theirs."""
    turn = 2 * np.pi * np.arange(96) / 96
    assert is_oval(np.stack([7 * np.sin(turn), 3 * np.cos(turn)], axis=-1))
    beside = 0.8 * np.abs(np.cos(turn))
    reach = beside + np.sqrt(1 - 0.8**2 + beside**2)  # around both discs, from the middle between them
    two = np.stack([reach * np.sin(turn), reach * np.cos(turn)], axis=-1)
    overlap = 2 * np.arccos(0.8) - 1.6 * np.sqrt(1 - 0.8**2)
    assert (2 * np.pi - overlap) / (np.pi + 3.2) == pytest.approx(0.939, abs=0.001)
    assert not is_oval(two)
