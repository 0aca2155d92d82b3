"""Balloons in a body of one density with flat ends: symmetric, mirrored, under more load, without a fracture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spondyl.errors import InputError, NotConverged
from spondyl.planning import Plan
from spondyl.simulation import balloon_course
from spondyl.simulation.balloon import inflate_balloons
from spondyl.simulation.balloon_course import wanted_front
from spondyl.simulation.balloon_device import find_device
from spondyl.simulation.balloon_records import BalloonLift, BalloonOutcome
from spondyl.simulation.bone import BoneModel
from spondyl.simulation.broken_body import BrokenBody, break_bone, whole_bone
from spondyl.simulation.fracture import HINGE_SHARE, FracturePlane
from spondyl.spine import Level, Side
from tests.unit.simulation.elliptic_bodies import (
    BOTH,
    HALF_DEPTH,
    SETTINGS,
    WIDE,
    balloon_at,
    make_bone,
    plan_of,
)


@pytest.fixture(scope="module")
def bone() -> BoneModel:
    return make_bone()


@pytest.fixture(scope="module")
def broken(bone: BoneModel) -> BrokenBody:
    return break_bone(bone, hinge_share=0.25)  # one that keeps some of the lift under load


@pytest.fixture(scope="module")
def lifted(broken: BrokenBody) -> BalloonLift:
    return inflate_balloons(broken, BOTH, preload_n=110.0, settings=SETTINGS)


def tops(lift: BalloonLift) -> np.ndarray:
    """Displacement along the axis of the middle layer of the upper platen's nodes, by place from left to right."""
    top = lift.body.bone.model.platens.top
    return np.where(top, lift.displacement_inflated[2], np.nan)[:, :, int(np.nonzero(top)[2][0])]


def test_a_lift_is_that_of_the_nodes(lifted: BalloonLift) -> None:
    """The rigid upper cap turns, so heights rise on a line along the depth: at the bands' middles (0.125, 0.5, 0.875).

    At 2 mm a lift once read half of what the nodes had moved. Bands and nodes share the line to a tenth of the lift:
    the cap bends a little.
    """
    top = lift_of_top(lifted)
    places = HALF_DEPTH - np.array([0.125, 0.5, 0.875]) * 2 * HALF_DEPTH
    assert lifted.lift_mm(lifted.inflated) == pytest.approx(
        np.polyval(top, places), abs=0.1 * np.polyval(top, places[0])
    )


def test_balloons_lift_the_front_and_keep_some_of_it(lifted: BalloonLift) -> None:
    """The plane is open at the front, and the hinge at the back bends; empty, the preload takes some of it away."""
    inflated, kept = lifted.lift_mm(lifted.inflated), lifted.lift_mm()
    assert inflated[0] > inflated[1] > 0.2
    assert 0 < kept[0] < inflated[0]
    assert lifted.stopped_by == "volume"
    assert [stage.phase for stage in lifted.stages].count("deflation") == 5


def lift_of_top(lift: BalloonLift) -> np.ndarray:
    """The line through the rise of the midline's top nodes from the preload on, by place to the front."""
    bone = lift.body.bone
    top = tops(lift)
    rows = np.flatnonzero(np.isfinite(top).any(axis=1))
    middle = top.shape[1] // 2
    nodes = np.stack([rows, np.full(len(rows), middle), np.full(len(rows), 0)], axis=1) - 0.5
    front = -bone.model.geometry.points(nodes)[:, 1]
    sunk = lift.before.middle_mm - lift.unloaded.middle_mm
    return np.polyfit(front, top[rows, middle] - sunk, 1)


def test_a_symmetric_plan_lifts_symmetrically(lifted: BalloonLift) -> None:
    """Both sides within 2 % of the lift, ten times the solver's tolerance."""
    top = tops(lifted)
    assert np.nanmax(np.abs(top - top[:, ::-1])) < 0.02 * np.nanmax(np.abs(top))


def test_one_balloon_lifts_its_own_side_and_its_mirror_the_other(broken: BrokenBody) -> None:
    """The grid's second axis runs to the left: the left balloon lifts larger indices more."""
    left, right = (
        inflate_balloons(broken, plan_of(balloon_at(x, side)), preload_n=50.0, settings=SETTINGS)
        for x, side in ((9.0, Side.LEFT), (-9.0, Side.RIGHT))
    )
    one, other = tops(left), tops(right)
    half = one.shape[1] // 2
    assert np.nanmean(one[:, half + 1 :]) > np.nanmean(one[:, :half]) + 0.01
    assert np.nanmax(np.abs(one - other[:, ::-1])) < 0.05 * np.nanmax(np.abs(one))


def test_no_volume_lifts_nothing(broken: BrokenBody) -> None:
    lift = inflate_balloons(broken, BOTH, preload_n=0.0, settings=replace(SETTINGS, volume_ml=0.0))
    assert lift.stopped_by == "nothing"
    assert lift.lift_mm() == pytest.approx((0.0, 0.0, 0.0), abs=1e-6)


def test_more_preload_keeps_less_height(broken: BrokenBody) -> None:
    """1.1 ml a balloon lift the front by some mm, far above the solver's tolerance."""
    larger = replace(SETTINGS, volume_ml=1.1)
    free, heavy = (inflate_balloons(broken, BOTH, preload_n=n, settings=larger) for n in (0.0, 400.0))
    assert free.lift_mm()[0] > heavy.lift_mm()[0]
    assert free.lift_mm(free.inflated)[0] > heavy.lift_mm(heavy.inflated)[0]
    ratio = BalloonOutcome(heavy, free).retained_ratio
    assert ratio is not None
    assert ratio < 1


def test_without_a_fracture_almost_nothing_lifts(bone: BoneModel, broken: BrokenBody) -> None:
    """Whole bone holds the endplates together: less than a fifth of what the broken body gives.

    0.43 ml a balloon, the first 0.014 beyond those that it is seated with: further ones cost whole bone ten times the
    work, for it must be crushed all around.
    """
    first = replace(SETTINGS, volume_ml=0.43)
    whole, apart = (
        inflate_balloons(body, BOTH, preload_n=110.0, settings=first) for body in (whole_bone(bone), broken)
    )
    assert [stage.phase for stage in whole.stages].count("inflation") >= 1
    assert whole.lift_mm(whole.inflated)[0] < 0.2 * apart.lift_mm(apart.inflated)[0]
    assert any("nothing is broken" in text for text in whole.warnings)


def test_mass_and_volume_are_kept(lifted: BalloonLift) -> None:
    """Bone is pushed aside, never lost (rounding alone); the cavity on the grid has the volume of its wall."""
    assert abs(lifted.mass_error) < 1e-10
    assert lifted.packed.array.sum() == pytest.approx(lifted.body.bone.density.array.sum(), rel=1e-10)
    assert lifted.cavity_ml == pytest.approx(sum(lifted.stages[-1].volumes_ml), rel=0.02)
    assert lifted.linear_volume_error != 0
    assert lifted.stage_volume_error < 0.1


def test_the_rated_pressure_ends_inflation(broken: BrokenBody) -> None:
    """A balloon rated for 0.6 MPa, far below what this volume needs: it stops at most 5 % above it, and warns."""
    weak = replace(SETTINGS, volume_ml=3.0, device=replace(WIDE, rated_mpa=0.6))
    lift = inflate_balloons(broken, BOTH, preload_n=110.0, settings=weak)
    assert lift.stopped_by == "pressure"
    highest = max(max(stage.pressures_mpa) for stage in lift.stages)
    assert 0.5 < highest <= 1.05 * 0.6
    assert any("rupture" in text for text in lift.warnings)


def test_the_skin_needs_pressure_of_its_own() -> None:
    """0 up to 3.5 ml, the rated pressure at 5 ml."""
    assert WIDE.skin_pressure(3.0) == 0.0
    assert WIDE.skin_pressure(4.25) == pytest.approx(2.76 / 2)
    assert find_device(20.0).nominal_ml == 6.0
    assert find_device(10.0).nominal_ml == pytest.approx(4.0 * 10 / 15)
    assert any("instructions for use" in text for text in find_device(15.0).assumptions)


def test_a_balloon_near_a_side_wall_warns(broken: BrokenBody) -> None:
    """Seated 2 mm from the side wall, 3.5 ml: the wall gives way before the bone between grows thin."""
    near = replace(SETTINGS, wall_mm=4.0, volume_ml=3.5)
    lift = inflate_balloons(broken, plan_of(balloon_at(10.5, Side.LEFT)), preload_n=0.0, settings=near)
    assert lift.wall_mm < 2.5
    assert lift.bulge_mm > 1
    assert any("may breach the wall" in text for text in lift.warnings)
    assert any("side wall moves outward" in text for text in lift.warnings)


def test_a_wall_that_moves_outward_ends_inflation(broken: BrokenBody) -> None:
    """0.05 mm are let: far less than the rest of the volume would push; without that end it goes on to the volume."""
    held = replace(SETTINGS, shift_mm=0.05)
    lift = inflate_balloons(broken, plan_of(balloon_at(9.5, Side.LEFT)), preload_n=50.0, settings=held)
    assert lift.stopped_by == "shift"
    assert max(lift.bulge_mm, lift.back_mm) == pytest.approx(0.05, rel=0.3)
    assert any("a wall moved outward" in text for text in lift.warnings)


def test_no_balloon_of_a_symmetric_plan_is_drawn_in(lifted: BalloonLift) -> None:
    """Two that do the same press alike; the warning of one that sucks stays away."""
    assert min(min(stage.pressures_mpa) for stage in lifted.stages if stage.phase == "inflation") > 0
    assert not any("drawn into" in text for text in lifted.warnings)


def test_walls_that_swing_with_their_half_have_not_moved_beside_it(lifted: BalloonLift) -> None:
    """The upper half turns by degrees and takes its back wall along; beside that it moves by less than a quarter."""
    turned = lifted.lift_mm(lifted.inflated)[0]
    assert turned > 1.5
    assert lifted.back_mm < 0.25 * turned


def test_inflation_ends_at_the_intact_height(broken: BrokenBody) -> None:
    """Intact: 0.5 mm more than the 20 mm it has; the front gains that within the 5 % of a limit."""
    wanted = replace(SETTINGS, stop_when_restored=True, intact_mm=(20.5, 20.5, 20.0), volume_ml=2.0)
    lift = inflate_balloons(broken, BOTH, preload_n=50.0, settings=wanted)
    assert lift.stopped_by == "restored"
    assert lift.inflated.anterior_mm == pytest.approx(20.5, abs=0.1)
    front = lift.restored()[0]
    assert front.of_intact == pytest.approx(lift.lift_mm()[0] / 20.5)
    assert front.of_lost == pytest.approx(lift.lift_mm()[0] / (20.5 - lift.before.anterior_mm))
    assert front.of_not_recovered == pytest.approx(lift.lift_mm()[0] / (20.5 - lift.unloaded.anterior_mm))


def test_a_crush_without_neighbours_has_no_height_to_stop_at(broken: BrokenBody) -> None:
    """Front as high as the back and no intact height: inflation once ended at once as 'restored'."""
    wanted = replace(SETTINGS, stop_when_restored=True, volume_ml=0.5)
    lift = inflate_balloons(broken, BOTH, preload_n=50.0, settings=wanted)
    assert lift.stopped_by == "volume"
    assert max(sum(stage.volumes_ml) for stage in lift.stages) == pytest.approx(1.0, rel=1e-3)
    assert any("no height to restore is known" in text for text in lift.warnings)
    assert not any("as high as the back" in text for text in lift.assumptions)


def test_without_a_height_to_restore_the_front_stays_below_that_of_whole_bodies(broken: BrokenBody) -> None:
    """No ligaments stop it: it ends where the back is below 0.85 of the front, within the 5 % of a limit."""
    lift = inflate_balloons(broken, BOTH, preload_n=50.0, settings=replace(SETTINGS, stop_when_restored=True))
    assert lift.stopped_by == "beyond"
    highest = lift.before.posterior_mm / 0.85
    assert highest <= lift.inflated.anterior_mm <= highest + 0.05 * (highest - lift.before.anterior_mm) + 1e-6
    assert any("no ligaments that would stop it" in text for text in lift.warnings)


def test_the_height_to_restore(lifted: BalloonLift) -> None:
    """The neighbours' where known; else the back's where the front is below 0.85 of it; else unknown."""
    back = lifted.before.posterior_mm
    wedge, crush = (replace(lifted.before, anterior_mm=share * back) for share in (0.84, 0.86))
    assert wanted_front(crush, (25.0, 24.0, 26.0)) == 25.0
    assert wanted_front(wedge, None) == back
    assert wanted_front(crush, None) is None


@pytest.mark.parametrize(("x", "side"), [(12.5, Side.LEFT), (-12.5, Side.RIGHT)])
def test_a_balloon_that_reaches_a_wall_is_seated_thinner(broken: BrokenBody, x: float, side: Side) -> None:
    """Both sides alike: 6 mm reach the wall here, and what fits a plan once was refused."""
    lift = inflate_balloons(
        broken, plan_of(balloon_at(x, side)), preload_n=0.0, settings=replace(SETTINGS, volume_ml=0.0)
    )
    assert any("is seated 4 mm wide, since 6 mm" in text for text in lift.assumptions)
    places = np.argwhere(lift.seated)[:, 1]
    assert (places.mean() > lift.seated.shape[1] / 2 - 0.5) == (side is Side.LEFT)


def test_bad_input_is_told(bone: BoneModel, broken: BrokenBody) -> None:
    with pytest.raises(InputError, match="no balloon"):
        inflate_balloons(broken, Plan(Level.L1), preload_n=0.0)
    with pytest.raises(InputError, match="L2, the bone model for L1"):
        inflate_balloons(broken, replace(BOTH, level=Level.L2), preload_n=0.0)
    with pytest.raises(InputError, match="0 to 600 N"):
        inflate_balloons(broken, BOTH, preload_n=-1.0)
    with pytest.raises(InputError, match="does not lie within the bone"):
        inflate_balloons(broken, plan_of(balloon_at(19.0, Side.LEFT)), preload_n=0.0)
    with pytest.raises(
        InputError, match=r"left balloon touches a side wall of L1 when it is seated \(4 mm wide\): move"
    ):
        inflate_balloons(broken, plan_of(balloon_at(14.0, Side.LEFT)), preload_n=0.0)
    with pytest.raises(InputError, match="meet"):
        inflate_balloons(broken, plan_of(balloon_at(2.0, Side.LEFT), balloon_at(-2.0, Side.RIGHT)), preload_n=0.0)
    with pytest.raises(InputError, match="misses"):
        break_bone(bone, plane=FracturePlane(np.array([0.0, 0, 80]), np.array([0.0, 0, 1]), HINGE_SHARE))
    with pytest.raises(InputError, match="steeper"):
        break_bone(bone, plane=FracturePlane(np.zeros(3), np.array([0.0, 1, 0]), HINGE_SHARE))
    with pytest.raises(InputError, match="hinge"):
        FracturePlane(np.zeros(3), np.array([0.0, 0, 1]), hinge_share=0.0)


def test_a_preload_that_crushes_the_hinge_is_not_converged() -> None:
    """Bone of 0.011 g/cm³ bears some 0.07 MPa: 600 N over its 940 mm² are nine times that."""
    soft = make_bone(hu=-400.0)
    with pytest.raises(NotConverged, match="does not bear"):
        inflate_balloons(break_bone(soft), BOTH, preload_n=600.0, settings=SETTINGS)


def test_the_column_where_the_hinge_ends_bears_with_its_whole_part(bone: BoneModel) -> None:
    """Modulus and yield stress of that column are the whole part of them; nothing else is changed."""
    broken = break_bone(bone, hinge_share=0.26)
    share = np.asarray(broken.parted_share)
    ending = (share > 0) & (share < 1)
    left = broken.opened_bone.model.modulus / np.where(bone.model.modulus > 0, bone.model.modulus, 1.0)
    strength = broken.opened_bone.yield_stress.array / np.where(bone.yield_stress.array > 0, bone.yield_stress.array, 1)
    assert ending.any()
    for ratio in (left, strength):
        assert ratio[ending] == pytest.approx(1 - share[ending])
        assert np.all(np.isclose(ratio[~ending & (bone.density.array > 0)], 1.0))


def test_a_balloon_pushes_the_whole_part_of_that_column_alone(bone: BoneModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a fifth of its strength, and all of the pressure on its corners, its voxels were squeezed out."""
    asked = []

    def stop(*_: object, **given: object) -> None:
        asked.append(given["bridged"])
        raise NotConverged("this is all that was asked for")

    monkeypatch.setattr(balloon_course, "GrowingBody", stop)
    broken = break_bone(bone, hinge_share=0.26)
    with pytest.raises(NotConverged, match="all that was asked"):
        inflate_balloons(broken, BOTH, preload_n=0.0, settings=SETTINGS)
    assert np.array_equal(asked[0], broken.parted_share[bone.model.box])


def test_a_tilted_plane_parts_the_halves(bone: BoneModel) -> None:
    """No voxel above a plane of 20 degrees shares a node with one below it, in front of the hinge."""
    normal = np.array([0.0, -np.sin(np.radians(20)), np.cos(np.radians(20))])
    tilted = break_bone(bone, plane=FracturePlane(np.array([0.0, -2.0, 1.0]), normal, HINGE_SHARE))
    geometry = bone.model.geometry
    places = geometry.points(np.stack(np.meshgrid(*map(np.arange, geometry.shape), indexing="ij"), axis=-1))
    above = (places - tilted.plane.point) @ normal > 0
    ahead = np.arange(geometry.shape[0])[:, None, None] > np.argwhere(tilted.parted)[:, 0].min()
    solid = (bone.density.array > 0) & ~tilted.parted & ahead
    nodes = []
    for side in (above, ~above):
        here = np.zeros([n + 1 for n in solid.shape], bool)
        for i in (0, 1):
            for j in (0, 1):
                for k in (0, 1):
                    a, b, c = solid.shape
                    here[i : i + a, j : j + b, k : k + c] |= solid & side
        nodes.append(here)
    assert not (nodes[0] & nodes[1]).any()
