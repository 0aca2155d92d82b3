"""Pits in endplates, on surfaces given by formulas."""

from __future__ import annotations

import numpy as np
import pytest

from spondyl.findings import Status, find_endplate_defects
from spondyl.findings.endplates import End, find_pit
from spondyl.space import Floats, Frame, Geometry, HeightMap, Volume
from spondyl.spine import Level, Side, Spine, Vertebra

FRAME = Frame.from_directions(np.zeros(3), (0, 0, 1), (0, -1, 0))
U, V = np.arange(-16.0, 16.5), np.arange(-22.0, 22.5)
A, LEFT = np.meshgrid(U, V, indexing="ij")
CUP = 13.0 + 0.01 * A**2 + 0.006 * LEFT**2 + 0.05 * A


def plate(heights: Floats, sign: float = 1.0) -> HeightMap:
    outside = (A / 16) ** 2 + (LEFT / 22) ** 2 > 1
    return HeightMap(FRAME, "cranial", U, V, sign * np.where(outside, np.nan, heights), 0.2)


def pit(depth: float, left: float = 0.0, radius: float = 4.0) -> Floats:
    return np.asarray(depth * np.exp(-(A**2 + (LEFT - left) ** 2) / radius**2))


def spine(superior: HeightMap, inferior: HeightMap, edge: float = 1.0, cut: tuple[str, ...] = ()) -> Spine:
    grid = Geometry(np.diag([1.0, 1.0, edge, 1.0]), (2, 2, 2))
    mask = Volume(np.ones((2, 2, 2), bool), grid, "1")
    return Spine(None, grid, (Vertebra(Level.L1, mask, mask, FRAME, superior, inferior, None, None, (), cut),), None)


@pytest.mark.parametrize(("end", "sign"), [("superior", 1.0), ("inferior", -1.0)])
def test_a_pit_is_found_with_its_depth_and_area(end: End, sign: float) -> None:
    """Deeper than 1 mm within r = 4 sqrt(ln 4) mm: 69.7 mm²; the surface itself takes a little of it."""
    found = find_pit(plate(CUP - pit(4.0), sign), end)
    assert found is not None
    assert found.depth_mm == pytest.approx(4.0, abs=0.4)
    assert found.area_mm2 == pytest.approx(np.pi * 16 * np.log(4), rel=0.2)


def test_a_pit_tells_its_places() -> None:
    """(anterior, left): around its centre 6 mm to the patient's left, one a square millimetre."""
    found = find_pit(plate(CUP - pit(4.0, left=6.0)), "superior")
    assert found is not None and len(found.places_mm) == found.area_mm2
    assert np.mean(found.places_mm, axis=0) == pytest.approx([0.0, 6.0], abs=0.5)


@pytest.mark.parametrize("end", ["superior", "inferior"])
def test_a_cupped_endplate_has_no_pit(end: End) -> None:
    sign = 1.0 if end == "superior" else -1.0
    found = find_pit(plate(CUP, sign), end)
    assert found is not None
    assert found.area_mm2 == 0


def test_a_bump_is_no_pit() -> None:
    """Symptom: with the sign of the inferior endplate turned over, every bump was a Schmorl node."""
    for end, sign in (("superior", 1.0), ("inferior", -1.0)):
        found = find_pit(plate(CUP + pit(4.0), sign), end)  # type: ignore[arg-type]
        assert found is not None
        assert found.area_mm2 == 0


def test_a_shallow_pit_is_not_told() -> None:
    found = find_pit(plate(CUP - pit(1.5)), "superior")
    assert found is not None
    assert found.area_mm2 == 0


def test_a_dip_at_the_rim_is_not_told() -> None:
    found = find_pit(plate(CUP - pit(4.0, left=18.0)), "superior")
    assert found is not None
    assert found.area_mm2 == 0


@pytest.mark.parametrize(("left", "side"), [(8.0, Side.LEFT), (-8.0, Side.RIGHT), (0.0, None)])
def test_the_side_of_a_pit(left: float, side: Side | None) -> None:
    found = find_endplate_defects(spine(plate(CUP - pit(4.0, left)), plate(CUP, -1.0)))
    assert [f.value for f in found if f.unit == "1"] == ["yes", "no"]
    assert found[0].side is side


def test_what_cannot_be_seen_is_not_a_no() -> None:
    sound = plate(CUP), plate(CUP, -1.0)
    assert {f.status for f in find_endplate_defects(spine(*sound, cut=("head",)))} == {Status.NOT_EVALUABLE}
    assert {f.reason for f in find_endplate_defects(spine(*sound))} == {
        "from the mask alone, which may smooth a pit over"
    }
    coarse = find_endplate_defects(spine(*sound, edge=3.0))
    assert {f.reason for f in coarse} == {"voxels are 3.0 mm along the axis of the body"}
    assert {f.status for f in coarse} == {Status.NOT_EVALUABLE}
    between = find_endplate_defects(spine(*sound, edge=2.0))
    assert {f.status for f in between} == {Status.UNCERTAIN}
    assert {f.value for f in between if f.unit == "1"} == {"no"}


def test_a_pit_that_is_seen_on_coarse_slices_is_told() -> None:
    found = find_endplate_defects(spine(plate(CUP - pit(4.0)), plate(CUP, -1.0), edge=3.0))
    assert [f.value for f in found if f.unit == "1"] == ["yes", None]
    assert found[0].status is Status.UNCERTAIN
