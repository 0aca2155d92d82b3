"""Agreement of two label maps, on cubes whose overlap and distances can be worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.findings import Findings, Status, measure_agreement
from spondyl.space import Geometry, Volume
from spondyl.spine import Level, Spine, Vertebra

NAMES = ("dice", "mean_surface_distance", "surface_distance_95", "centre_distance")
SPACING = (1.0, 1.0, 2.0)


def block(level: Level, start: tuple[int, int, int], size: int = 10, scale: float = 1.0, cut: bool = False) -> Vertebra:
    """A block of size³ voxels, on a mask of its own that is a little larger."""
    affine = np.diag([*(scale * np.array(SPACING)), 1.0])
    affine[:3, 3] = (np.array(start) - 2) * np.array(SPACING) * scale
    mask = np.zeros((size + 4,) * 3, bool)
    mask[2:-2, 2:-2, 2:-2] = True
    geometry = Geometry(affine, mask.shape)
    faces = ("head",) if cut else ()
    return Vertebra(level, Volume(mask, geometry, "1"), None, None, None, None, None, None, (), faces)


def spine(*vertebrae: Vertebra, scale: float = 1.0, uid: str | None = None) -> Spine:
    grid = Geometry(np.diag([*(scale * np.array(SPACING)), 1.0]), (60, 60, 60), uid)
    return Spine(None, grid, vertebrae, None)


def values(findings: Findings, level: Level) -> Mapping[str, float | str | None]:
    return {f.name: f.value for f in findings if f.level is level}


def test_a_map_agrees_with_itself() -> None:
    one = spine(block(Level.L1, (10, 10, 10)))
    found = values(measure_agreement(one, one), Level.L1)
    assert [found[name] for name in NAMES] == [1.0, 0.0, 0.0, 0.0]


def test_a_cube_moved_by_two_of_its_ten_voxels() -> None:
    """Shared: 8 of 10 layers, Dice 0.8; centres 2 mm apart."""
    a, b = spine(block(Level.L1, (10, 10, 10))), spine(block(Level.L1, (12, 10, 10)))
    found = values(measure_agreement(a, b), Level.L1)
    assert found["dice"] == pytest.approx(0.8)
    assert found["centre_distance"] == pytest.approx(2.0)
    assert found["surface_distance_95"] == pytest.approx(2.0)


def test_mean_surface_distance_of_two_single_voxels_is_their_distance() -> None:
    """Through-plane voxels are 2 mm: one voxel up, one to the left is sqrt(1 + 4) mm."""
    a, b = spine(block(Level.L1, (10, 10, 10), 1)), spine(block(Level.L1, (11, 10, 11), 1))
    found = values(measure_agreement(a, b), Level.L1)
    assert found["dice"] == 0.0
    assert found["mean_surface_distance"] == pytest.approx(5**0.5)
    assert found["surface_distance_95"] == pytest.approx(5**0.5)


def test_the_mean_runs_over_both_directions() -> None:
    """A 1³ voxel in the middle of a 3³ block: one distance of 1 there, 26 back (6 faces, 12 edges, 8 corners)."""
    a, b = spine(block(Level.L1, (11, 11, 11), 1)), spine(block(Level.L1, (10, 10, 10), 3))
    back = [
        np.linalg.norm((i, j, 2 * k))
        for i in (-1, 0, 1)
        for j in (-1, 0, 1)
        for k in (-1, 0, 1)
        if (i, j, k) != (0, 0, 0)
    ]
    found = values(measure_agreement(a, b), Level.L1)
    assert found["mean_surface_distance"] == pytest.approx((1.0 + sum(back)) / 27)
    assert found["dice"] == pytest.approx(2 * 1 / 28)


def test_maps_on_different_grids_are_compared_where_they_lie_and_marked() -> None:
    """The same 10 x 10 x 20 mm block in voxels of half the edge: equal but for half a fine voxel of its centre."""
    coarse, fine = spine(block(Level.L1, (10, 10, 10))), spine(block(Level.L1, (20, 20, 20), 20, 0.5), scale=0.5)
    findings = measure_agreement(coarse, fine)
    found = values(findings, Level.L1)
    assert found["centre_distance"] == pytest.approx(np.linalg.norm((0.25, 0.25, 0.5)))
    assert found["dice"] > 0.9  # a shift of a quarter voxel along each axis, at most one fine layer a face
    assert {f.status for f in findings if f.level} == {Status.UNCERTAIN}


def test_a_level_in_one_map_alone_is_told_and_not_measured() -> None:
    a = spine(block(Level.T12, (10, 10, 30)), block(Level.L1, (10, 10, 10)))
    b = spine(block(Level.L1, (10, 10, 10)))
    findings = measure_agreement(a, b)
    assert values(findings, Level.T12) == dict.fromkeys(NAMES)
    assert "T12 is not in the second label map" in {f.reason for f in findings}
    whole = {f.name: f.value for f in findings if f.level is None}
    assert whole == {"levels_only_in_first": "T12", "levels_only_in_second": "none"}


def test_a_bone_with_another_name_in_the_second_map_is_told() -> None:
    """Symptom: numbers shifted by one give a Dice of 0 that looks like a bad segmentation."""
    a = spine(block(Level.T12, (10, 10, 30)), block(Level.L1, (10, 10, 10)))
    b = spine(block(Level.L1, (10, 10, 30)), block(Level.L2, (10, 10, 10)))
    reasons = {f.reason for f in measure_agreement(a, b) if f.level is Level.L1}
    assert reasons == {"the second label map calls this bone L2"}


def test_a_cut_level_is_uncertain() -> None:
    a, b = spine(block(Level.L1, (10, 10, 10), cut=True)), spine(block(Level.L1, (10, 10, 10)))
    assert {f.reason for f in measure_agreement(a, b) if f.level} == {"the image border cuts it"}


def test_maps_without_a_shared_level_are_refused() -> None:
    with pytest.raises(InputError, match="the first has L1, the second L2"):
        measure_agreement(spine(block(Level.L1, (10, 10, 10))), spine(block(Level.L2, (10, 10, 10))))


def test_maps_of_different_frames_are_refused() -> None:
    one = block(Level.L1, (10, 10, 10))
    with pytest.raises(InputError, match="frames of reference"):
        measure_agreement(spine(one, uid="1.2"), spine(one, uid="1.3"))
