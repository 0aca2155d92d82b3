"""Gaps in walls, on boxes of marrow with a bright shell."""

from __future__ import annotations

import numpy as np
import pytest

from spondyl.findings import Findings, Status, find_wall_defects
from spondyl.findings.walls import look_at_wall
from spondyl.space import Frame, Geometry, HeightMap, Volume
from spondyl.spine import Level, Spine, Vertebra
from spondyl.studies import Patient, Scan, Study

FRAME = Frame.from_directions((30.0, 30.0, 20.0), (0, 0, 1), (0, -1, 0))  # anterior: towards smaller j


def spine_of(
    hole: tuple[str, float, float, float] | None = None,  # wall, left, cranial, radius
    *,
    shell: float = 400.0,
    edge: float = 1.0,
    cut: tuple[str, ...] = (),
    with_ct: bool = True,
) -> Spine:
    """A body of 40 x 30 x 26 mm with walls of one voxel 15 mm before and behind its centre."""
    grid = Geometry(np.diag([1.0, 1.0, edge, 1.0]), (60, 60, 40))
    i, j, k = np.indices(grid.shape)
    hu = np.full(grid.shape, 40.0)
    hu[(np.abs(i - 30) <= 20) & (np.abs(j - 30) <= 15)] = 120.0
    hu[(np.abs(i - 30) <= 20) & (np.abs(j - 30) == 15)] = shell
    if hole is not None:
        place, left, cranial, radius = hole
        row = 15 if place == "anterior" else 45
        hu[(np.hypot(i - 30 - left, k * edge - 20 - cranial) <= radius) & (j == row)] = 60.0
    u, v = np.arange(-13.0, 13.5), np.arange(-10.0, 10.5)
    maps = [HeightMap(FRAME, "anterior", u, v, np.full((27, 21), height), 0.2) for height in (15.5, -15.5)]
    mask = Volume(np.ones((2, 2, 2), bool), Geometry(np.eye(4), (2, 2, 2)), "1")
    vertebra = Vertebra(Level.L1, mask, mask, FRAME, None, None, maps[0], maps[1], (), cut)
    study = Study(Volume(hu.astype(np.int16), grid, "[hnsf'U]"), Scan(), Patient())
    return Spine(study if with_ct else None, grid, (vertebra,), None)


def findings(hole: tuple[str, float, float, float] | None = None, **options: object) -> Findings:
    return find_wall_defects(spine_of(hole, **options))  # type: ignore[arg-type]


def values(found: Findings) -> list[object]:
    """Anterior gap and area, posterior gap and area, foramen."""
    return [f.value for f in found]


def test_a_whole_shell_has_no_gap() -> None:
    assert values(findings()) == ["no", 0.0, "no", 0.0, "no"]


@pytest.mark.parametrize(("wall", "first"), [("anterior", 0), ("posterior", 2)])
def test_a_gap_is_found_in_its_wall_with_its_area(wall: str, first: int) -> None:
    """A hole of radius 4 mm, off the middle; the border of the 3 mm mean moves by up to half a step: 35 %."""
    found = values(findings((wall, 5.0, -5.0, 4.0)))
    assert found[first] == "yes"
    assert found[first + 1] == pytest.approx(np.pi * 16, rel=0.35)
    assert found[2 - first] == "no"


@pytest.mark.parametrize(("wall", "left", "up"), [("anterior", 5.0, -5.0), ("posterior", -6.0, 4.0)])
def test_a_gap_tells_its_places(wall: str, left: float, up: float) -> None:
    """(cranial, left), the left being the patient's: within the hole, and as many as square millimetres."""
    spine = spine_of((wall, left, up, 4.0))
    gaps = look_at_wall(spine["L1"], wall, spine.ct)  # type: ignore[arg-type]
    assert not isinstance(gaps, str) and not gaps.foramen_places_mm
    places = np.array(gaps.places_mm)
    assert len(places) == gaps.area_mm2 > 0
    assert np.hypot(places[:, 0] - up, places[:, 1] - left).max() < 6.0
    assert places.mean(axis=0) == pytest.approx([up, left], abs=0.5)


def test_a_foramen_tells_its_places() -> None:
    spine = spine_of(("posterior", 0.0, 0.0, 3.0))
    gaps = look_at_wall(spine["L1"], "posterior", spine.ct)
    assert not isinstance(gaps, str) and not gaps.places_mm
    assert np.mean(gaps.foramen_places_mm, axis=0) == pytest.approx([0.0, 0.0], abs=0.5)


def test_a_hole_in_the_middle_of_the_posterior_wall_is_the_foramen() -> None:
    assert values(findings(("posterior", 0.0, 0.0, 3.0))) == ["no", 0.0, "no", 0.0, "yes"]


def test_a_hole_too_large_for_a_foramen_is_a_gap_too() -> None:
    found = values(findings(("posterior", 0.0, 0.0, 7.0)))
    assert (found[2], found[4]) == ("yes", "yes")


def test_a_pinhole_is_not_told() -> None:
    assert values(findings(("anterior", 5.0, 0.0, 2.0)))[0] == "no"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"shell": 130.0}, "no shell stands out"),
        ({"edge": 2.0}, "too coarse"),
        ({"cut": ("foot",)}, "cut by the image border"),
        ({"with_ct": False}, "no CT"),
    ],
)
def test_what_cannot_be_seen_is_not_a_no(options: dict[str, object], reason: str) -> None:
    found = findings(**options)  # type: ignore[arg-type]
    assert {f.status for f in found} == {Status.NOT_EVALUABLE}
    assert all(reason in str(f.reason) for f in found)
