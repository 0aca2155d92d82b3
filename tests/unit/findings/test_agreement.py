"""Agreement of two label maps, on blocks whose overlap and distances can be worked out by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.findings import Agreement, Finding, Findings, MatchKind, Status, bone_text, measure_agreement
from spondyl.findings.same_bones import BoneMatch
from spondyl.space import Frame, Geometry, HeightMap, Volume
from spondyl.spine import Level, Spine, Vertebra

MASKS = (
    "dice",
    "mean_surface_distance",
    "surface_distance_95",
    "mean_distance_first_to_second",
    "mean_distance_second_to_first",
    "distance_95_first_to_second",
    "distance_95_second_to_first",
    "centre_distance",
)
HEIGHTS = tuple(f"{site}_height_difference" for site in ("anterior", "middle", "posterior"))
SPACING = (1.0, 1.0, 2.0)
NOMENCLATURE = (Path(__file__).parents[3] / "docs" / "nomenclature.md").read_text(encoding="utf-8")

Box = tuple[int, int, int]


def block(level: Level, start: Box, size: int | Box = 10, scale: float = 1.0, cut: bool = False) -> Vertebra:
    """A block of voxels, on a mask of its own that is a little larger."""
    edges = (size,) * 3 if isinstance(size, int) else size
    affine = np.diag([*(scale * np.array(SPACING)), 1.0])
    affine[:3, 3] = (np.array(start) - 2) * np.array(SPACING) * scale
    mask = np.zeros([n + 4 for n in edges], bool)
    mask[2:-2, 2:-2, 2:-2] = True
    geometry = Geometry(affine, mask.shape)
    faces = ("head",) if cut else ()
    return Vertebra(level, Volume(mask, geometry, "1"), None, None, None, None, None, None, (), faces)


def spine(*vertebrae: Vertebra, scale: float = 1.0, uid: str | None = None) -> Spine:
    grid = Geometry(np.diag([*(scale * np.array(SPACING)), 1.0]), (80, 80, 80), uid)
    return Spine(None, grid, vertebrae, None)


def stack(*levels: Level, start: int = 60, step: int = 12) -> Spine:
    """Blocks of 10 voxels' height on top of one another, from the head."""
    return spine(*(block(level, (10, 10, start - step * place)) for place, level in enumerate(levels)))


def bodied(vertebra: Vertebra, height: float = 24.0, start: Box | None = None) -> Vertebra:
    """The same with a body, the whole mask or another block, and flat surfaces that far apart, 30 mm deep. [mm]"""
    frame = Frame.from_directions([0, 0, 0], [0, 0, 1], [0, -1, 0])
    u, v = np.arange(-17.0, 18), np.arange(-20.0, 21)
    plates = [HeightMap(frame, "cranial", u, v, np.full((35, 41), sign * height / 2), 0.2) for sign in (1, -1)]
    c = np.arange(-10.0, 11)
    walls = [HeightMap(frame, "anterior", c, c, np.full((21, 21), place), 0.2) for place in (15.0, -15.0)]
    body = np.zeros_like(vertebra.mask.array)
    body[tuple(slice(n, -2) for n in (start or (2, 2, 2)))] = True
    surfaces = {"superior": plates[0], "inferior": plates[1], "anterior": walls[0], "posterior": walls[1]}
    return replace(vertebra, body=Volume(body, vertebra.mask.geometry, "1"), frame=frame, **surfaces)


def values(found: Agreement, level: Level | None) -> Mapping[str, float | str | None]:
    return {f.name: f.value for f in found.findings if f.level is level}


def finding(found: Agreement, name: str, level: Level | None) -> Finding:
    return next(f for f in found.findings if f.name == name and f.level is level)


def kinds(found: Agreement) -> list[tuple[str, str]]:
    return [(bone.kind.value, bone_text(bone)) for bone in found.bones]


def test_a_map_agrees_with_itself() -> None:
    one = spine(bodied(block(Level.L1, (10, 10, 10))))
    found = measure_agreement(one, one)
    told = values(found, Level.L1)
    assert [told[name] for name in MASKS] == [1.0] + [0.0] * 7
    assert told["body_dice"] == 1.0 and [told[name] for name in HEIGHTS] == [0.0] * 3
    assert kinds(found) == [("same", "L1")] and found.name_shift == 0 and not found.is_mirrored


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
    told = measure_agreement(a, b)
    found = values(told, Level.L1)
    assert found["dice"] == 0.0
    assert found["mean_surface_distance"] == pytest.approx(5**0.5)
    assert found["surface_distance_95"] == pytest.approx(5**0.5)
    assert kinds(told) == [("apart", "L1")]
    assert finding(told, "dice", Level.L1).reason == "less than half of either mask of this name lies in the other"


def test_both_directions_are_told_and_their_mean_runs_over_both() -> None:
    """A 2³ block in a corner of a 3³ block, in voxels of 1 x 1 x 2 mm.

    Its 8 voxels are all border, 7 of them border of the other too; the eighth is the other's middle, 1 mm from one.
    Back: 26 border voxels, 7 shared; the other 19 lie 1 to sqrt(6) mm from the nearest.
    """
    a, b = spine(block(Level.L1, (10, 10, 10), 2)), spine(block(Level.L1, (10, 10, 10), 3))
    beyond = [np.linalg.norm([i == 2, j == 2, 2 * (k == 2)]) for i in range(3) for j in range(3) for k in range(3)]
    back = sum(beyond) / 26
    found = values(measure_agreement(a, b), Level.L1)
    assert found["mean_distance_first_to_second"] == pytest.approx(1 / 8)
    assert found["mean_distance_second_to_first"] == pytest.approx(back)
    assert found["mean_surface_distance"] == pytest.approx((1 + 26 * back) / 34)
    assert found["distance_95_second_to_first"] == found["surface_distance_95"] > found["distance_95_first_to_second"]
    assert found["dice"] == pytest.approx(2 * 8 / 35)


def test_the_two_directions_change_places_with_the_maps() -> None:
    a, b = spine(block(Level.L1, (10, 10, 10), 2)), spine(block(Level.L1, (10, 10, 10), 3))
    there, back = values(measure_agreement(a, b), Level.L1), values(measure_agreement(b, a), Level.L1)
    for name in ("mean_distance", "distance_95"):
        assert there[f"{name}_first_to_second"] == back[f"{name}_second_to_first"]
        assert there[f"{name}_second_to_first"] == back[f"{name}_first_to_second"]


def test_bodies_have_a_dice_of_their_own() -> None:
    """Masks are equal; the second's body lacks 5 of 10 layers: 2 x 0.5 / 1.5."""
    one = block(Level.L1, (10, 10, 10))
    found = values(measure_agreement(spine(bodied(one)), spine(bodied(one, start=(7, 2, 2)))), Level.L1)
    assert found["dice"] == 1.0
    assert found["body_dice"] == pytest.approx(2 / 3)


def test_without_a_body_that_is_said_and_of_which_map() -> None:
    one = block(Level.L1, (10, 10, 10))
    found = measure_agreement(spine(bodied(one)), spine(one))
    assert finding(found, "body_dice", Level.L1).reason == "no body is separated in the second label map"
    assert (finding(found, "anterior_height_difference", Level.L1).reason or "").startswith("second: endplates")


def test_heights_are_the_second_minus_the_first_with_both_doubts() -> None:
    """24 mm against 22.5 mm; each height has sqrt(0.2² + 0.2² + 0.15²) mm, the difference sqrt(2) of that."""
    one = block(Level.L1, (10, 10, 10))
    found = measure_agreement(spine(bodied(one, 24.0)), spine(bodied(one, 22.5)))
    half = 1.96 * (2 * (0.2**2 + 0.2**2 + 0.15**2)) ** 0.5
    for name in HEIGHTS:
        told = finding(found, name, Level.L1)
        assert told.value == pytest.approx(-1.5)
        assert (told.low, told.high) == pytest.approx((-1.5 - half, -1.5 + half))
    assert values(found, None)["mean_height_difference"] == pytest.approx(-1.5)
    assert values(found, None)["mean_absolute_height_difference"] == pytest.approx(1.5)


def test_heights_that_differ_to_both_sides_have_no_bias_but_a_difference() -> None:
    masks = [block(Level.T12, (10, 10, 30)), block(Level.L1, (10, 10, 10))]
    a = spine(*(bodied(mask, 24.0) for mask in masks))
    b = spine(bodied(masks[0], 25.0), bodied(masks[1], 23.0))
    whole = values(measure_agreement(a, b), None)
    assert whole["mean_height_difference"] == pytest.approx(0.0)
    assert whole["mean_absolute_height_difference"] == pytest.approx(1.0)


def test_maps_on_different_grids_need_to_be_asked_for() -> None:
    coarse, fine = spine(block(Level.L1, (10, 10, 10))), spine(block(Level.L1, (20, 20, 20), 20, 0.5), scale=0.5)
    with pytest.raises(InputError, match=r"different grids: the first has .* of 1\.00 x .*--resample"):
        measure_agreement(coarse, fine)


def test_maps_on_different_grids_are_compared_where_they_lie_and_marked() -> None:
    """The same 10 x 10 x 20 mm block in voxels of half the edge: equal but for half a fine voxel of its centre."""
    coarse, fine = spine(block(Level.L1, (10, 10, 10))), spine(block(Level.L1, (20, 20, 20), 20, 0.5), scale=0.5)
    found = measure_agreement(coarse, fine, resample=True)
    told = values(found, Level.L1)
    assert told["centre_distance"] == pytest.approx(np.linalg.norm((0.25, 0.25, 0.5)))
    assert told["dice"] > 0.9  # a shift of a quarter voxel along each axis, at most one fine layer a face
    statuses = {f.status for f in found.findings if f.level and f.name in MASKS}
    assert statuses == {Status.UNCERTAIN}


def test_a_missed_bone_is_told_and_not_measured() -> None:
    found = measure_agreement(stack(Level.T12, Level.L1), spine(block(Level.L1, (10, 10, 48))))
    assert set(values(found, Level.T12).values()) == {None}
    assert finding(found, "dice", Level.T12).reason == "the second label map has no bone there"
    assert kinds(found) == [("only_first", "T12"), ("same", "L1")]
    assert values(found, None)["levels_only_in_first"] == "T12"
    assert values(found, None)["levels_only_in_second"] == "none"
    other = measure_agreement(spine(block(Level.L1, (10, 10, 48))), stack(Level.T12, Level.L1))
    assert kinds(other) == [("only_second", "T12"), ("same", "L1")]


def test_a_shift_of_all_names_is_told_as_one_and_the_bones_are_measured() -> None:
    """Symptom: numbers shifted by one gave a Dice of 0 that looked like a bad segmentation."""
    found = measure_agreement(stack(Level.T11, Level.T12, Level.L1), stack(Level.T12, Level.L1, Level.L2))
    assert found.name_shift == 1
    assert kinds(found) == [("renamed", "T11 as T12"), ("renamed", "T12 as L1"), ("renamed", "L1 as L2")]
    assert {values(found, level)["dice"] for level in (Level.T11, Level.T12, Level.L1)} == {1.0}
    told = finding(found, "dice", Level.L1)
    assert told.status is Status.UNCERTAIN and told.reason == "the second label map calls this bone L2"
    assert values(found, None)["name_shift"] == 1


def test_names_that_share_no_level_are_compared_all_the_same() -> None:
    found = measure_agreement(stack(Level.L1), stack(Level.T12))
    assert found.name_shift == -1 and kinds(found) == [("renamed", "L1 as T12")]


def test_the_sacrum_keeps_its_name_when_all_others_are_shifted() -> None:
    found = measure_agreement(stack(Level.L4, Level.L5, Level.SACRUM), stack(Level.L3, Level.L4, Level.SACRUM))
    assert found.name_shift == -1


def test_names_that_differ_below_a_place_have_no_single_shift() -> None:
    found = measure_agreement(stack(Level.T11, Level.T12, Level.L1), stack(Level.T11, Level.T12, Level.L2))
    assert found.name_shift is None
    assert finding(found, "name_shift", None).status is Status.NOT_EVALUABLE
    assert values(found, None)["levels_renamed"] == "L1 as L2"


def test_a_thirteenth_thoracic_vertebra_is_one_level_of_a_shift() -> None:
    found = measure_agreement(stack(Level.T12, Level.T13, Level.L1), stack(Level.T13, Level.L1, Level.L2))
    assert found.name_shift == 1


def test_a_merged_pair_is_never_one_bone() -> None:
    """T12 and L1, 24 + 24 mm, are one label of 48 mm in the second map, named T12."""
    a = spine(block(Level.T12, (10, 10, 42), (10, 10, 12)), block(Level.L1, (10, 10, 30), (10, 10, 12)))
    b = spine(block(Level.T12, (10, 10, 30), (10, 10, 24)))
    found = measure_agreement(a, b)
    assert kinds(found) == [("merged", "T12 and L1 as T12")]
    assert values(found, Level.T12)["dice"] is None and values(found, Level.L1)["dice"] is None
    assert finding(found, "dice", Level.L1).reason == "T12 and L1 are one bone in the second label map, T12"
    assert values(found, None)["levels_merged"] == "T12 and L1 as T12"


def test_a_flat_body_that_is_swallowed_by_its_neighbour_is_merged() -> None:
    """A collapsed L1 of a quarter of its neighbour's height: the Dice of T12 alone would still be 0.89."""
    a = spine(block(Level.T12, (10, 10, 34), (10, 10, 12)), block(Level.L1, (10, 10, 31), (10, 10, 3)))
    b = spine(block(Level.T12, (10, 10, 31), (10, 10, 15)))
    assert kinds(measure_agreement(a, b)) == [("merged", "T12 and L1 as T12")]


def test_a_split_bone_is_never_one_bone() -> None:
    a = spine(block(Level.L1, (10, 10, 30), (10, 10, 24)))
    b = spine(block(Level.L1, (10, 10, 42), (10, 10, 12)), block(Level.L2, (10, 10, 30), (10, 10, 12)))
    found = measure_agreement(a, b)
    assert kinds(found) == [("split", "L1 as L1 and L2")]
    assert finding(found, "dice", Level.L1).reason == "the second label map makes several bones of it: L1 and L2"


def test_a_speck_of_a_neighbours_number_splits_no_bone() -> None:
    a = stack(Level.T12, Level.L1)
    b = spine(block(Level.T12, (10, 10, 60)), block(Level.L1, (10, 10, 48)), block(Level.L2, (18, 18, 50), 2))
    assert ("same", "L1") in kinds(measure_agreement(a, b))
    assert ("same", "L1") in kinds(measure_agreement(b, a))


def test_borders_drawn_elsewhere_are_told_as_that() -> None:
    """Two bones of 12 layers each against 19 and 5: T12 lies in the first of them, and so do 7 layers of L1."""
    a = spine(block(Level.T12, (10, 10, 42), (10, 10, 12)), block(Level.L1, (10, 10, 30), (10, 10, 12)))
    b = spine(block(Level.T12, (10, 10, 35), (10, 10, 19)), block(Level.L1, (10, 10, 30), (10, 10, 5)))
    found = measure_agreement(a, b)
    assert kinds(found) == [("mixed", "T12 and L1")]
    assert values(found, Level.L1)["dice"] is None


def test_a_mirrored_map_is_noticed() -> None:
    """An L of blocks, its foot to the patient's left in the first map and to the right in the second.

    Shared are the upright blocks alone: 10 of 20 columns of L1, so its Dice is 0.5.
    """
    first = spine(block(Level.T12, (30, 10, 60)), block(Level.L1, (30, 10, 40), (20, 10, 10)))
    second = spine(block(Level.T12, (30, 10, 60)), block(Level.L1, (20, 10, 40), (20, 10, 10)))
    found = measure_agreement(first, second)
    assert found.is_mirrored and values(found, None)["looks_mirrored"] == "yes"
    assert values(found, Level.L1)["dice"] == pytest.approx(0.5)
    assert not measure_agreement(first, first).is_mirrored


def test_a_map_that_was_only_moved_sideways_is_not_called_mirrored() -> None:
    """A symmetrical spine, moved by 4 of its 10 mm: mirrored at its own middle it would fit wholly."""
    first, second = (spine(block(Level.T12, (x, 10, 60)), block(Level.L1, (x, 10, 40))) for x in (30, 34))
    assert not measure_agreement(first, second).is_mirrored


def test_a_cut_bone_is_uncertain_and_not_in_the_means() -> None:
    """L1 is cut and moved by half (Dice 0.5): the mean is T12's 1."""
    a = spine(block(Level.T12, (10, 10, 30)), block(Level.L1, (10, 10, 10), cut=True))
    b = spine(block(Level.T12, (10, 10, 30)), block(Level.L1, (14, 10, 10)))
    found = measure_agreement(a, b)
    assert {f.reason for f in found.findings if f.level is Level.L1 and f.name in MASKS} == {"the image border cuts it"}
    assert [bone.is_cut for bone in found.bones] == [False, True]
    assert values(found, None)["mean_dice"] == values(found, None)["lowest_dice"] == 1.0


def test_the_sacrum_is_measured_and_not_in_the_means() -> None:
    a, b = stack(Level.L5, Level.SACRUM), stack(Level.L5, Level.SACRUM)
    moved = spine(b.vertebrae[0], block(Level.SACRUM, (14, 10, 48)))
    found = measure_agreement(a, moved)
    assert values(found, Level.SACRUM)["dice"] == pytest.approx(0.6)
    assert values(found, None)["lowest_dice"] == 1.0


def test_maps_that_share_no_place_are_refused_with_a_hint() -> None:
    """The second lies on the other side of the image: only mirrored would the L fit."""
    first = spine(block(Level.T12, (10, 10, 60)), block(Level.L1, (10, 10, 40), (20, 10, 10)))
    with pytest.raises(
        InputError, match=r"no bone of the first label map \(T12, L1\) overlaps one of the second \(L3\)"
    ):
        measure_agreement(first, spine(block(Level.L3, (50, 50, 10))))
    mirrored = spine(block(Level.T10, (60, 10, 60)), block(Level.T11, (50, 10, 40), (20, 10, 10)))
    with pytest.raises(InputError, match="they would fit with left and right exchanged"):
        measure_agreement(first, mirrored)


def test_maps_of_different_frames_are_refused() -> None:
    one = block(Level.L1, (10, 10, 10))
    with pytest.raises(InputError, match="frames of reference"):
        measure_agreement(spine(one, uid="1.2"), spine(one, uid="1.3"))


def test_a_match_that_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="'same' cannot be 2 and 1"):
        BoneMatch(MatchKind.SAME, (Level.T12, Level.L1), (Level.L1,))
    with pytest.raises(InputError, match="'merged' cannot be 1 and 1"):
        BoneMatch(MatchKind.MERGED, (Level.T12,), (Level.L1,))


def test_every_name_stands_in_the_nomenclature_with_its_unit() -> None:
    told = dict(re.findall(r"^\| `([a-z0-9_]+)` \| (\S+) \|", NOMENCLATURE, re.MULTILINE))
    one = spine(bodied(block(Level.L1, (10, 10, 10))))
    emitted: Findings = measure_agreement(one, one).findings
    assert [f.name for f in emitted if told.get(f.name) != f.unit] == []
