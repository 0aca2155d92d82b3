"""Level names: what is doubtful about them, and renaming by whole levels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.space import Geometry, Volume
from spondyl.spine import Level, Spine, build_spine, relabelled
from spondyl.spine.naming import naming_questions, unlabelled_ends
from spondyl.studies import Question

from .conftest import Blocks

L = Level


def column(*depths: float) -> np.ndarray:
    """Body centres at these depths below the first. [mm]"""
    return np.array([[0.0, 0.0, -depth] for depth in depths])


def evenly(count: int, step: float = 30.0) -> np.ndarray:
    return column(*(step * np.arange(count)))


def sacrum_at(depth: float) -> Volume:
    affine = np.eye(4)
    affine[:3, 3] = [-20, 0, -depth - 20]
    return Volume(np.ones((40, 20, 20), bool), Geometry(affine, (40, 20, 20)), "1")


def codes(questions: tuple[Question, ...]) -> list[tuple[str, bool]]:
    return [(question.code, question.blocking) for question in questions]


def test_a_plain_spine_raises_no_question() -> None:
    assert naming_questions([L.T11, L.T12, L.L1, L.L2, L.L3], evenly(5)) == ()


def test_a_missing_level_with_room_is_reported() -> None:
    found = naming_questions([L.T11, L.T12, L.L2, L.L3, L.L4], column(0, 30, 90, 120, 150))
    assert codes(found) == [("level_missing", False)]
    assert found[0].text == "L1 between T12 and L2 is not labelled; there is room for it between its neighbours."


def test_a_skipped_name_without_room_blocks() -> None:
    found = naming_questions([L.T11, L.T12, L.L2, L.L3, L.L4], evenly(5))
    assert codes(found) == [("level_skipped", True)]


def test_room_for_a_body_without_a_missing_name_blocks() -> None:
    found = naming_questions([L.T11, L.T12, L.L1, L.L2, L.L3], column(0, 30, 90, 120, 150))
    assert codes(found) == [("level_room", True)]


def test_crushed_and_tall_neighbours_are_no_gap() -> None:
    """Two crushed bodies bring their centres 35 % nearer, a wide disc 30 % further."""
    assert naming_questions([L.T11, L.T12, L.L1, L.L2, L.L3], column(0, 30, 50, 89, 119)) == ()


def test_two_vertebrae_with_a_gap_cannot_tell_whether_there_is_room() -> None:
    found = naming_questions([L.T12, L.L2], evenly(2))
    assert codes(found) == [("level_missing", False)]
    assert "cannot be told" in found[0].text


def test_swapped_names_block() -> None:
    found = naming_questions([L.T11, L.T12, L.L1, L.L2, L.L3], column(0, 60, 30, 90, 120))
    assert codes(found) == [("level_out_of_order", True)]
    assert "T12 and L1" in found[0].text


def test_names_from_foot_to_head_are_refused() -> None:
    with pytest.raises(InputError, match="T12 lies below L2"):
        naming_questions([L.T12, L.L1, L.L2], evenly(3)[::-1])


def test_a_leaning_spine_has_its_own_direction() -> None:
    """A spine that lies 60 degrees from the image's long axis, as in a strong kyphosis."""
    angle = np.radians(60)
    centres = evenly(5)[:, 2:] * np.array([0, np.sin(angle), np.cos(angle)])
    assert naming_questions([L.T10, L.T11, L.T12, L.L1, L.L2], centres) == ()


@pytest.mark.parametrize("level", [L.T13, L.L6])
def test_transitional_vertebrae_are_named(level: Level) -> None:
    levels = [L.T11, L.T12, L.T13, L.L1, L.L2] if level is L.T13 else [L.L2, L.L3, L.L4, L.L5, L.L6]
    assert codes(naming_questions(levels, evenly(5))) == [("level_transitional", False)]


def test_four_lumbar_bodies_on_the_sacrum_block() -> None:
    found = naming_questions([L.T12, L.L1, L.L2, L.L3, L.L4], evenly(5), sacrum_at(120 + 20))
    assert codes(found) == [("level_lumbar_count", True)]


def test_a_missing_l5_above_the_sacrum_is_reported() -> None:
    found = naming_questions([L.T12, L.L1, L.L2, L.L3, L.L4], evenly(5), sacrum_at(120 + 52))
    assert codes(found) == [("level_missing", False)]


def test_room_between_l5_and_the_sacrum_blocks() -> None:
    assert codes(naming_questions([L.L2, L.L3, L.L4, L.L5], evenly(4), sacrum_at(90 + 20))) == []
    assert codes(naming_questions([L.L2, L.L3, L.L4, L.L5], evenly(4), sacrum_at(90 + 52))) == [("level_room", True)]


def test_unlabelled_vertebrae_at_the_ends_are_noted() -> None:
    affine = np.eye(4)
    affine[:3, 3] = [-50, -50, -250]
    image = Geometry(affine, (100, 100, 300))  # from 50 mm above the first centre to 250 mm below
    levels, centres = [L.T12, L.L1, L.L2], evenly(3)
    assert len(unlabelled_ends(levels, centres, image, sacrum=False)) == 2
    assert len(unlabelled_ends(levels, centres, image, sacrum=True)) == 1
    assert unlabelled_ends(levels, centres, image.cropped((0, 0, 160), (100, 100, 270)), sacrum=False) == ()


@pytest.fixture(scope="module")
def spine(blocks: Blocks) -> Spine:
    return build_spine(None, labels=blocks.image, label_map="verse")


def test_one_level_further_down(spine: Spine) -> None:
    moved = relabelled(spine, 1)
    assert moved.levels == (L.L1, L.L2, L.L3, L.L4)
    assert np.array_equal(moved.centres, spine.centres)
    assert moved.notes[-1] == "all vertebrae renamed by +1 level"


def test_one_level_up_passes_from_lumbar_to_thoracic(spine: Spine) -> None:
    assert relabelled(spine, -1).levels == (L.T11, L.T12, L.L1, L.L2)
    assert relabelled(relabelled(spine, 1), -1).levels == spine.levels


def test_no_name_leaves_the_spine(spine: Spine) -> None:
    with pytest.raises(InputError, match=r"L3 cannot be moved by \+4: there is no level beyond L6"):
        relabelled(spine, 4)


def test_a_sixth_lumbar_vertebra_is_asked_about(spine: Spine) -> None:
    moved = relabelled(spine, 3)
    assert moved.levels[-1] is L.L6
    assert "level_transitional" in [question.code for question in moved.questions]


def test_the_sacrum_keeps_its_name(make: Callable[..., Blocks]) -> None:
    given = make((L.L3, L.L4, L.L5), margin_mm=60.0)
    array = given.labels.array.copy()
    array[25:60, 10:50, 5:35] = L.SACRUM
    spine = build_spine(None, labels=given.with_array(array), label_map="verse")
    moved = relabelled(spine, -1)
    assert moved.levels == (L.L2, L.L3, L.L4, L.SACRUM)
    kept = next(question for question in moved.questions if question.code == "level_sacrum_kept")
    assert kept.blocking
