"""All courses of one round body by one call, and what stays unknown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spondyl.errors import InputError
from spondyl.planning import AccessClass, no_treatment
from spondyl.simulation import Course, CourseStart, Simulation, simulate, start_courses
from spondyl.spine import Side, Spine
from spondyl.studies import Patient
from tests.unit.simulation.elliptic_bodies import BOTH
from tests.unit.simulation.round_bodies import plan, stacked_spine

PERSON = Patient(weight_kg=60.0, height_cm=160.0)
TIPS = ((Side.LEFT, (0.0, 3.0, 6.0)), (Side.RIGHT, (0.0, 3.0, -6.0)))


@pytest.fixture(scope="module")
def spine() -> Spine:
    return stacked_spine(patient=PERSON)


@pytest.fixture(scope="module")
def body(spine: Spine) -> CourseStart:
    return start_courses(spine, "L1", voxel_mm=3.0)


@pytest.fixture(scope="module")
def untreated(spine: Spine, body: CourseStart) -> Simulation:
    return simulate(spine, no_treatment("L1"), start=body)


@pytest.fixture(scope="module")
def treated(spine: Spine, body: CourseStart) -> Simulation:
    return simulate(spine, plan(spine, TIPS, 5.0), start=body, flow_voxel_mm=2.0)


def test_the_untreated_body_is_as_it_is(untreated: Simulation) -> None:
    assert untreated.course is Course.UNTREATED
    assert untreated.after is None
    assert untreated.present is untreated.broken
    assert untreated.stiffness_share == pytest.approx(0.47, rel=0.01)  # what the damage is set to
    assert [course.heals for course in untreated.heights] == [False, True]
    assert untreated.unknown == ()


def test_cement_stiffens_strengthens_and_holds_the_height(untreated: Simulation, treated: Simulation) -> None:
    assert treated.course is Course.VERTEBROPLASTY
    assert treated.injection is not None
    assert treated.stiffness_share is not None
    assert treated.strength_share is not None
    assert treated.stiffness_share > 0.47
    assert treated.strength_share > 1.0
    assert treated.heights[0].front_mm.middle[-1] < untreated.heights[0].front_mm.middle[-1]
    assert {effect.level.name for effect in treated.neighbours} == {"T12", "L2"}
    for effect in treated.neighbours:  # no endplates were found on these bodies, so the wedge that stays is unknown
        assert effect.strain_by_wedge is None and effect.strain_by_both is None
    assert treated.after is not None
    assert treated.after.left_share == pytest.approx(0.5, abs=0.06)  # two needles alike, in voxels of 3 mm


def test_one_needle_loads_its_side(spine: Spine, body: CourseStart) -> None:
    for side, (up, front, left) in TIPS:
        found = simulate(spine, plan(spine, ((side, (up, front, left)),), 4.0), start=body, flow_voxel_mm=2.0)
        assert found.after is not None
        assert (found.after.left_share > 0.52) == (side is Side.LEFT)
        assert (found.after.left_share < 0.48) == (side is Side.RIGHT)


def test_needles_for_orientation_alone_are_told(spine: Spine, body: CourseStart, treated: Simulation) -> None:
    """A clearance that cannot be judged leaves the place of the tip in doubt too."""
    assert any("orientation only" in note for note in treated.notes)
    judged = plan(spine, TIPS, 5.0)
    judged = replace(judged, needles=tuple(replace(one, access_class=AccessClass.A) for one in judged.needles))
    found = simulate(spine, judged, start=body, flow_voxel_mm=2.0)
    assert not any("orientation only" in note for note in found.notes)


@pytest.mark.parametrize(
    ("person", "words"), [(Patient(height_cm=160.0), "weight"), (Patient(weight_kg=60.0), "height")]
)
def test_a_missing_fact_leaves_the_year_unknown(body: CourseStart, person: Patient, words: str) -> None:
    found = simulate(stacked_spine(patient=person), no_treatment("L1"), start=body)
    assert found.heights == ()
    assert words in found.unknown[0].reason


def test_without_a_calibration_only_ratios_are_told() -> None:
    spine = stacked_spine(patient=PERSON, kvp=None)
    found = simulate(spine, plan(spine, TIPS), voxel_mm=4.0)
    assert not found.is_absolute
    assert found.present is None
    assert found.strength_share is None
    assert {one.what for one in found.unknown} == {"where the cement goes", "height over the year"}


def test_without_a_calibration_no_balloon_is_pressed_against_newtons() -> None:
    """Density of grade 5: the third course stays unknown, with its reason."""
    spine = stacked_spine(patient=PERSON, kvp=None)
    found = simulate(spine, replace(plan(spine, TIPS), balloons=BOTH.balloons), voxel_mm=4.0)
    assert found.course is Course.KYPHOPLASTY
    assert found.balloons is None and found.present is None
    assert found.unknown[0].what == "what the balloons do"


def test_a_tip_outside_bone_and_a_cut_body_are_refused(spine: Spine, body: CourseStart) -> None:
    with pytest.raises(InputError):
        simulate(spine, plan(spine, ((Side.LEFT, (0.0, 25.0, 0.0)),)), start=body, flow_voxel_mm=2.0)
    cut = replace(spine, vertebrae=(replace(spine["L1"], cut=("head",)),))
    with pytest.raises(InputError, match="cut"):
        simulate(cut, no_treatment("L1"))
