"""The hinge behind a fracture plane in bodies whose sections are known by hand, wherever the grid of voxels lies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spondyl.simulation.bone import BoneModel, build_bone_model
from spondyl.simulation.fracture import depth_range, hinge_area, middle_plane, parted_shares
from spondyl.space import Geometry, Volume
from spondyl.spine import Spine
from tests.unit.simulation.elliptic_bodies import HALF_WIDTH, HEIGHT, make_spine

PLACES = [(0.0, 0.0, 0.0), (0.5, 0.0, 0.0), (0.0, 0.5, 0.0), (0.0, 0.0, 0.5), (0.25, 0.25, 0.25), (0.8, 0.3, 0.6)]
DEPTH = 30.0  # of both bodies


def fine_spine(of_box: bool) -> Spine:
    """The elliptic body, or a box around it, with a mask in voxels of 0.5 mm."""
    geometry = Geometry(
        np.array([[0.5, 0, 0, -22.75], [0, 0.5, 0, -17.75], [0, 0, 0.5, -13.75], [0, 0, 0, 1]]), (92, 72, 56)
    )
    x, y, z = np.moveaxis(geometry.points(np.moveaxis(np.indices(geometry.shape), 0, -1)), -1, 0)
    flat = (np.abs(x) < HALF_WIDTH) & (np.abs(y) < DEPTH / 2)
    inside = flat if of_box else (x / HALF_WIDTH) ** 2 + (y / DEPTH * 2) ** 2 < 1
    mask = Volume(inside & (np.abs(z) < HEIGHT / 2), geometry, "1")
    spine = make_spine()
    return replace(spine, vertebrae=(replace(spine.vertebrae[0], mask=mask, body=mask),))


def section(bone: BoneModel, hinge_share: float) -> tuple[float, float]:
    """Area of the whole part of the plane's section, and its area times the distance from the line that halves it."""
    part = parted_shares(bone, middle_plane(bone, hinge_share))
    there = (bone.density.array > 0) & (part.any(axis=(0, 1)))
    whole = np.where(there.any(axis=(1, 2)), 1 - part.max(axis=(1, 2)), 0.0)
    areas = there.any(axis=2).sum(axis=1) * whole * bone.voxel_mm**2
    assert part.any(axis=(0, 1)).sum() == 1
    starts = np.arange(len(whole)) * bone.voxel_mm
    fine = np.repeat(areas / 200, 200)
    places = (starts[:, None] + whole[:, None] * bone.voxel_mm * (np.arange(200) + 0.5) / 200).ravel()
    middle = places[np.searchsorted(np.cumsum(fine), areas.sum() / 2)]
    return float(areas.sum()), float(fine @ np.abs(places - middle))


def exact_section(of_box: bool, hinge_share: float) -> tuple[float, float]:
    """The same of a rectangle or of the segment of an ellipse, by strips."""
    depth = (np.arange(200_000) + 0.5) / 200_000 * hinge_share * DEPTH
    width = 2 * HALF_WIDTH * (np.ones_like(depth) if of_box else np.sqrt(1 - (1 - depth / DEPTH * 2) ** 2))
    strips = width * hinge_share * DEPTH / 200_000
    middle = depth[np.searchsorted(np.cumsum(strips), strips.sum() / 2)]
    return float(strips.sum()), float(strips @ np.abs(depth - middle))


def test_the_exact_section_of_a_rectangle_is_that_of_the_textbook() -> None:
    """Width times depth, and width times depth squared over 4."""
    assert exact_section(True, 0.3) == pytest.approx((40 * 9, 40 * 9**2 / 4), rel=1e-4)


@pytest.mark.parametrize("of_box", [True, False])
def test_the_area_of_a_hinge_is_that_of_the_mask(of_box: bool) -> None:
    """Within the steps of a mask in voxels of 0.5 mm."""
    bone = build_bone_model(fine_spine(of_box), "L1", voxel_mm=2.0)
    assert hinge_area(bone, middle_plane(bone, 0.3)) == pytest.approx(exact_section(of_box, 0.3)[0], rel=0.02)


@pytest.mark.parametrize("shift", PLACES)
@pytest.mark.parametrize("voxel_mm", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("of_box", [True, False])
def test_a_hinge_has_one_section_wherever_the_grid_lies(
    of_box: bool, voxel_mm: float, shift: tuple[float, float, float]
) -> None:
    """Half a voxel of 2 mm once took a fifth of a hinge's area, and with it all of the lift under load.

    Area: but for a part of a column that counts as none or as all. Area times distance: stairs of the outline move it.
    """
    bone = build_bone_model(fine_spine(of_box), "L1", voxel_mm=voxel_mm, shift=shift)
    area, moment = section(bone, 0.3)
    wanted = hinge_area(bone, middle_plane(bone, 0.3))
    widest = float((bone.density.array > 0).sum(axis=1).max()) * voxel_mm
    assert area == pytest.approx(wanted, abs=0.05 * voxel_mm * widest)
    assert moment == pytest.approx(exact_section(of_box, 0.3)[1], rel=0.10)


@pytest.mark.parametrize("shift", PLACES)
def test_plane_and_depth_do_not_move_with_the_grid(shift: tuple[float, float, float]) -> None:
    spine = fine_spine(of_box=True)
    still, moved = (build_bone_model(spine, "L1", voxel_mm=2.0, shift=place) for place in (PLACES[0], shift))
    assert middle_plane(moved).point == pytest.approx(middle_plane(still).point, abs=1e-9)
    assert np.subtract(*depth_range(moved)) == pytest.approx(-DEPTH, abs=1e-9)
    edges = [bone.model.geometry.points(np.full(3, -0.5)) for bone in (still, moved)]
    between = float((edges[1] - edges[0]) @ still.model.geometry.axes[:, 0])
    assert depth_range(moved)[0] + between == pytest.approx(depth_range(still)[0], abs=1e-9)
