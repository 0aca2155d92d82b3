"""Labels of others that fit no vertebra: not evaluable with the reason, never a figure from a bad mask."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.errors import InputError
from spondyl.findings import Status, find_deformities, measure_agreement
from spondyl.planning import plan_augmentation
from spondyl.spine import Level, Spine, build_spine

from .conftest import STEP_MM, Blocks, make_blocks

Numbers = NDArray[np.uint8]
Spoil = Callable[[Blocks, Numbers], Numbers]
L1, L2 = int(Level.L1), int(Level.L2)


@pytest.fixture(scope="module")
def five() -> Blocks:
    """T11 to L3: each level has two or more beside it."""
    return make_blocks((Level.T11, Level.T12, Level.L1, Level.L2, Level.L3))


def places(given: Blocks) -> NDArray[np.float64]:
    """Left, behind and above the centre of the first body of each voxel, shape (3, ...). [mm]"""
    indices = np.moveaxis(np.indices(given.labels.array.shape), 0, -1)
    return np.moveaxis(given.labels.geometry.points(indices), -1, 0)


def without_front(given: Blocks, array: Numbers) -> Numbers:
    return np.where((array == L1) & (places(given)[1] < 2.0), 0, array)


def two_levels_in_one(given: Blocks, array: Numbers) -> Numbers:
    x, y, z = places(given)
    disc = (x**2 / 400 + y**2 / 225 <= 1) & (z < -2 * STEP_MM) & (z > -3 * STEP_MM)
    return np.where((array == L2) | (disc & (array == 0)), L1, array)


def moved_left(given: Blocks, array: Numbers) -> Numbers:
    beside = np.roll(array == L1, 16, axis=0)  # 16 mm, no voxel passes the border
    return np.where(beside, L1, np.where(array == L1, 0, array))


SPOILED: list[tuple[Spoil, str]] = [
    (without_front, "a part of a body"),
    (two_levels_in_one, "as two levels in one"),
    (moved_left, "beside the line between its neighbours"),
]


def reasons(spine: Spine, level: Level) -> set[str]:
    found = [f for f in find_deformities(spine) if f.level is level]
    assert found and all(f.status is Status.NOT_EVALUABLE for f in found)
    return {f.reason or "" for f in found}


@pytest.mark.parametrize(("spoil", "said"), SPOILED)
def test_a_label_that_fits_no_vertebra_is_not_evaluable(five: Blocks, spoil: Spoil, said: str) -> None:
    """Without a CT: the label image alone is enough for these."""
    spine = build_spine(None, labels=five.with_array(spoil(five, five.labels.array)), label_map="verse")
    assert all(said in reason for reason in reasons(spine, Level.L1))
    asked = [q.text for q in spine.questions if q.code == "label_misfit"]
    assert len(asked) == 1
    assert asked[0].startswith("The label of L1 fits no vertebra")
    with pytest.raises(InputError, match=f"L1 has no body to plan into .*{said}"):
        plan_augmentation(spine, "L1")
    if spoil is not two_levels_in_one:  # there L2 is missing
        others = [f for f in find_deformities(spine) if f.name == "middle_height" and f.level is not Level.L1]
        assert [f.value for f in others] == pytest.approx([25.0] * 4, abs=0.7)  # 25 planes of 1 mm


def test_agreement_says_why_such_a_level_has_no_heights(five: Blocks) -> None:
    good = build_spine(None, labels=five.image, label_map="verse")
    bad = build_spine(None, labels=five.with_array(without_front(five, five.labels.array)), label_map="verse")
    found = [f for f in measure_agreement(good, bad).findings if f.level is Level.L1 and "height" in f.name]
    assert found
    assert all(f.status is Status.NOT_EVALUABLE and "second: " in str(f.reason) for f in found)
    assert all("a part of a body" in str(f.reason) for f in found)


def test_masks_that_end_inside_the_bone_are_not_measured(five: Blocks) -> None:
    """Masks 3 mm too small on all sides; every height from them would be 6 mm short."""
    small = np.where(ndimage.binary_erosion(five.labels.array > 0, iterations=3), five.labels.array, 0)
    spine = build_spine(five.study(), labels=five.with_array(small), label_map="verse")
    for level in spine.levels:
        assert all("ends inside bone" in reason for reason in reasons(spine, level))


def test_a_body_on_soft_tissue_is_not_measured(five: Blocks) -> None:
    """L2 was made of soft tissue in the CT: its neighbours stay."""
    study = five.study()
    hu = np.where(five.labels.array == L2, 20, study.ct.array).astype(np.int16)
    soft = type(study)(type(study.ct)(hu, study.ct.geometry, study.ct.unit), study.scan, study.patient)
    spine = build_spine(soft, labels=five.image, label_map="verse")
    assert all("lies on no bone" in reason for reason in reasons(spine, Level.L2))
    assert "bodies_not_on_bone" in [q.code for q in spine.questions]
    assert [v.level for v in spine if v.frame is None] == [Level.L2]


def test_collapsed_and_good_bodies_are_no_misfits(five: Blocks) -> None:
    """L1 with a third of its height left, and the others as they are."""
    x, y, z = places(five)
    low = (np.abs(z + 2 * STEP_MM) > 4.0) & (x**2 / 400 + y**2 / 225 <= 1) & (five.labels.array == L1)
    flat = np.where(low, 0, five.labels.array)
    spine = build_spine(None, labels=five.with_array(flat), label_map="verse")
    assert "label_misfit" not in [q.code for q in spine.questions]
    heights = [f.value for f in find_deformities(spine) if f.name == "middle_height" and f.level is Level.L1]
    assert heights == pytest.approx([9.0], abs=1.0)  # nine planes, one voxel


def test_a_sound_body_below_two_crushed_ones_is_no_misfit(five: Blocks) -> None:
    """L3 is compared with L1 and L2 alone; with half of their height left it is twice as high as both."""
    x, y, z = places(five)
    numbers = five.labels.array
    for number, centre in ((L1, 2 * STEP_MM), (L2, 3 * STEP_MM)):
        low = (np.abs(z + centre) > 6.0) & (x**2 / 400 + y**2 / 225 <= 1) & (numbers == number)
        numbers = np.where(low, 0, numbers)
    spine = build_spine(None, labels=five.with_array(numbers), label_map="verse")
    assert "label_misfit" not in [q.code for q in spine.questions]
    assert spine[Level.L3].frame is not None


def test_another_maps_names_in_the_right_order_are_asked_about() -> None:
    """Five lumbar bodies under numbers that another version of the tool gives T4 to T8."""
    lumbar = make_blocks((Level.T4, Level.T5, Level.T6, Level.T7, Level.T8))
    asked = build_spine(None, labels=lumbar.image, label_map="verse").questions
    assert ("level_size", True) in [(q.code, q.blocking) for q in asked]
    assert any("stand 32 mm apart, where 22 mm are usual" in q.text for q in asked)
