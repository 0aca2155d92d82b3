"""Entries against landmarks that are known: the processes that the virtual patient's sub-regions name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from spondyl.documents.plan_files import landmark_words
from spondyl.planning import EntryLandmark, NeedlePath, plan_augmentation
from spondyl.planning.landmarks import FACET, PEDICLE, TRANSVERSE, entry_landmarks
from spondyl.space import Volume
from spondyl.spine import Side, Spine

if TYPE_CHECKING:
    from tests.unit.planning.conftest import Known

TRANSVERSE_LABEL, FACET_LABEL = {"left": 43, "right": 44}, {"left": 45, "right": 46}


def named(path: NeedlePath) -> dict[str, EntryLandmark]:
    return {landmark.landmark: landmark for landmark in path.landmarks}


def labelled(known: Known, level: str, number: int) -> np.ndarray:
    """Points of a sub-region of one level, patient mm."""
    subregions = known.patient.subregions
    points = subregions.geometry.points(np.argwhere(subregions.array == number))
    return points[known.spine[level].mask.sample(points, order=0) > 0.5]


@pytest.mark.parametrize("level", ["T12", "L1", "L2"])
def test_entries_lie_as_the_named_processes_say(known: Known, level: str) -> None:
    """Within a voxel of 1 mm: sub-regions and mask share their grid, their borders to one another are drawn."""
    frame = known.spine[level].frame
    for path in plan_augmentation(known.spine, level).needles:
        sign = 1 if path.side is Side.LEFT else -1
        entry, told = frame.to_local(path.entry), named(path)
        process = frame.to_local(labelled(known, level, TRANSVERSE_LABEL[path.side.value]))
        facet = frame.to_local(labelled(known, level, FACET_LABEL[path.side.value]))
        assert told[TRANSVERSE].upward_mm == pytest.approx(entry[0] - np.median(process[:, 0]), abs=1.0)
        border = np.quantile(sign * facet[:, 2], 0.98)
        assert told[FACET].outward_mm == pytest.approx(sign * entry[2] - border, abs=1.0)


def test_the_pedicle_is_that_of_the_truth(known: Known) -> None:
    """Within a voxel of the true axis and width."""
    frame = known.spine["L1"].frame
    for path in plan_augmentation(known.spine, "L1").needles:
        truth = known.patient.truth["L1"].pedicle(path.side)
        sign = 1 if path.side is Side.LEFT else -1
        off = frame.to_local(path.entry) - frame.to_local(truth.isthmus)
        told = named(path)[PEDICLE]
        assert told.outward_mm == pytest.approx(sign * off[2] - truth.width_mm / 2, abs=1.0)
        assert told.upward_mm == pytest.approx(off[0], abs=1.0)
        assert [landmark.doubt_mm for landmark in path.landmarks] == [pytest.approx(0.5), 2.5, 2.5]


def test_a_process_that_the_mask_does_not_hold_is_not_found(known: Known) -> None:
    vertebra = known.spine["L1"]
    (path, _) = plan_augmentation(known.spine, "L1").needles
    points = np.argwhere(vertebra.mask.array)
    place = vertebra.mask.geometry.points(points)
    shorn = vertebra.mask.array.copy()
    for number in (TRANSVERSE_LABEL["left"], FACET_LABEL["left"]):
        gone = known.patient.subregions.sample(place, order=0) == number
        shorn[tuple(points[gone].T)] = False
    bare = replace(vertebra, mask=Volume(shorn, vertebra.mask.geometry, "1"))
    found = {landmark.landmark: landmark for landmark in entry_landmarks(bare, path)}
    assert found[PEDICLE].is_found
    assert not found[TRANSVERSE].is_found and not found[FACET].is_found
    assert landmark_words(found[TRANSVERSE]) == "landmark not found"
    assert not any(one.is_found for one in entry_landmarks(replace(vertebra, pedicles=()), path))


def test_the_mirror_image_has_the_same_words(known: Known, mirror_spine: Spine) -> None:
    for path in plan_augmentation(known.spine, "L1").needles:
        other = next(p for p in plan_augmentation(mirror_spine, "L1").needles if p.side is not path.side)
        for here, there in zip(path.landmarks, other.landmarks, strict=True):
            for name in ("outward_mm", "upward_mm"):
                mine, theirs = getattr(here, name), getattr(there, name)
                assert (mine is None) == (theirs is None)
                assert mine is None or mine == pytest.approx(theirs, abs=1.0)  # a voxel


def test_the_words_name_both_directions() -> None:
    assert landmark_words(EntryLandmark(PEDICLE, 2.2, -3.4, 0.5)) == "2 mm outside, 3 mm below (each within 0.5 mm)"
    assert landmark_words(EntryLandmark(FACET, -1.6, None, 0.5)) == "2 mm inside (within 0.5 mm)"
    assert landmark_words(EntryLandmark(TRANSVERSE, None, 4.0, 1.5)) == "4 mm above (within 1.5 mm)"
