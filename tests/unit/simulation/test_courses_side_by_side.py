"""Courses in several processes: bit for bit what one process gives, and what was found before goes along."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import numpy as np
import pytest

from spondyl.app import courses as courses_module
from spondyl.app.courses import CourseWish, simulate_courses
from spondyl.documents.course_files import kept_of
from spondyl.documents.course_section import begin_drawing
from spondyl.simulation import Course, break_bone, compare_preload, inflate_balloons, start_courses
from spondyl.simulation.body_injection import BodyInjection
from spondyl.spine import Side
from spondyl.studies import Patient
from spondyl.studies.workers import Workers
from tests.unit.simulation.elliptic_bodies import BOTH, SETTINGS, make_bone
from tests.unit.simulation.round_bodies import plan, stacked_spine

TIPS = ((Side.LEFT, (0.0, 3.0, 6.0)), (Side.RIGHT, (0.0, 3.0, -6.0)))
WISH = CourseWish(runs=3, voxel_mm=4.0, flow_voxel_mm=3.0)


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers(2) as found:
        found.start(abs, -1)()
        yield found


def test_courses_of_several_processes_are_those_of_one(monkeypatch: pytest.MonkeyPatch, workers: Workers) -> None:
    """One of those in other processes fails: it is left out, as where it fails here."""
    spine = stacked_spine(patient=Patient(weight_kg=60.0, height_cm=160.0))
    made = [plan(spine, TIPS, ml) for ml in (5.0, 19.0, 3.0)]  # there is no room for the second
    asked = list(zip((Course.VERTEBROPLASTY, Course.VERTEBROPLASTY, Course.KYPHOPLASTY), made, strict=True))
    monkeypatch.setattr(courses_module, "_treatments", lambda *_: asked)
    alone, beside = (
        simulate_courses(spine, made[:1], WISH, lambda stage, state: None, workers=used) for used in (None, workers)
    )
    assert [one.course for one in alone.left_out] == ["vertebroplasty"] and len(alone.courses) == 3
    assert beside.document() == alone.document()
    for one, other in zip(alone.simulations()[1:], beside.simulations()[1:], strict=True):
        assert isinstance(one.injection, BodyInjection) and isinstance(other.injection, BodyInjection)
        assert np.array_equal(one.injection.result.saturation, other.injection.result.saturation)


def test_pictures_of_several_processes_are_those_of_one(workers: Workers) -> None:
    spine = stacked_spine()
    made = simulate_courses(spine, [plan(spine, TIPS, 3.0)], WISH, lambda stage, state: None)
    kept = kept_of(made.simulations())
    alone, beside = ([one() for one in begin_drawing(kept, spine, used)] for used in (None, workers))
    assert alone == beside and [one.film is None for one in alone] == [True, False]


def test_balloons_without_load_are_the_same_in_another_process(workers: Workers) -> None:
    broken = break_bone(make_bone(), hinge_share=0.25)
    both = compare_preload(broken, BOTH, preload_n=110.0, settings=SETTINGS, workers=workers)
    free = inflate_balloons(broken, BOTH, preload_n=0.0, settings=SETTINGS)
    assert both.loaded.preload_n == 110.0 and both.free.preload_n == 0.0
    assert np.array_equal(both.free.displacement, free.displacement)
    assert both.free.stages == free.stages


def test_what_was_found_of_a_body_goes_along_to_another_process() -> None:
    start = start_courses(stacked_spine(), "L1", voxel_mm=4.0)
    whole = start.creep_whole
    there = pickle.loads(pickle.dumps(start))
    assert "creep_broken" not in there.__dict__
    assert np.array_equal(there.__dict__["creep_whole"].matrices, whole.matrices)
