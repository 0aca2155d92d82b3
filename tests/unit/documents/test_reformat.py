"""The plane of the pictures follows the spine and keeps lengths."""

import dataclasses

import numpy as np
import pytest

from spondyl.documents.reformat import curved_plane, sample_labels
from spondyl.errors import InputError
from spondyl.spine import Level, Spine


@pytest.mark.parametrize("view", ["sagittal", "coronal"])
def test_picture_coordinates_and_points_are_inverse(spine: Spine, view: str) -> None:
    plane = curved_plane(spine, view)
    generator = np.random.default_rng(1)
    given = np.stack([generator.uniform(0, plane.down[-1], 100), generator.uniform(-40, 60, 100)], axis=1)
    assert plane.picture(plane.points(given[:, 0], given[:, 1])) == pytest.approx(given, abs=1e-9)


def test_sagittal_plane_runs_through_every_body_centre(spine: Spine) -> None:
    plane = curved_plane(spine, "sagittal")
    places = plane.picture(spine.centres)
    assert plane.points(places[:, 0], places[:, 1]) == pytest.approx(spine.centres, abs=0.05)


def test_lengths_along_a_leaning_spine_are_kept(spine: Spine) -> None:
    """Each body stands 35 mm lower and 4 mm further to the left: sqrt(35² + 4²) = 35.228 mm along the spine."""
    down = curved_plane(spine, "sagittal").picture(spine.centres)[:, 0]
    assert np.diff(down) == pytest.approx([35.228, 35.228], abs=0.02)


def test_front_and_left_grow_across(spine: Spine) -> None:
    front = curved_plane(spine, "sagittal")
    left = curved_plane(spine, "coronal")
    centre = spine.centres[1]
    assert front.picture(np.add(centre, [0, -10, 0]))[1] - front.picture(centre)[1] == pytest.approx(10)
    assert left.picture(np.add(centre, [10, 0, 0]))[1] - left.picture(centre)[1] == pytest.approx(10)
    assert left.picture(np.add(centre, [0, 0, 10]))[0] < left.picture(centre)[0]  # the head is up


def test_labels_are_found_at_points(spine: Spine) -> None:
    levels, bodies = sample_labels(spine, np.array([*spine.centres, [4.0, 30.0, -35.0], [200.0, 0.0, 0.0]]))
    assert levels.tolist() == [Level.T12, Level.L1, Level.L2, Level.L1, 0]
    assert bodies.tolist() == [True, True, True, False, False]


def test_a_single_vertebra_has_a_plane(spine: Spine) -> None:
    alone = dataclasses.replace(spine, vertebrae=spine.vertebrae[1:2])
    plane = curved_plane(alone, "sagittal")
    assert plane.points(*plane.picture(alone.centres).T) == pytest.approx(alone.centres, abs=1e-6)


def test_without_any_frame_there_is_no_plane(spine: Spine) -> None:
    bare = dataclasses.replace(spine, vertebrae=(dataclasses.replace(spine.vertebrae[0], frame=None),))
    with pytest.raises(InputError, match="no curve"):
        curved_plane(bare, "sagittal")
