"""Heights, references, grades and angles on bodies whose numbers follow by hand."""

from dataclasses import replace

import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.findings import Heights, find_definition, measure_heights
from spondyl.findings.angles import angle_between, coronal_angle, vertebral_angle
from spondyl.findings.grading import find_shape, grade_deformity, grade_limits
from spondyl.findings.reference import Reference, find_references
from spondyl.space import Frame, Geometry, HeightMap, Volume
from spondyl.spine import Level, Vertebra

UPRIGHT = Frame.from_directions([0, 0, 0], [0, 0, 1], [0, -1, 0])


def vertebra(level: Level = Level.L1, *, height=24.0, slope=0.0, coronal_slope=0.0, cup=0.0, frame=UPRIGHT) -> Vertebra:
    """A body 30 mm deep; the superior endplate falls forward by `slope` and to the left by `coronal_slope` (mm/mm)."""
    u, v = np.arange(-17.0, 18), np.arange(-20.0, 21)
    a, left = np.meshgrid(u, v, indexing="ij")
    top = height / 2 - slope * a - coronal_slope * left - cup * (np.abs(a) <= 5)
    c = np.arange(-10.0, 11)
    across = np.arange(-10.0, 11)
    flat = np.ones((len(c), len(across)))
    mask = Volume(np.ones((2, 2, 2), bool), Geometry(np.eye(4), (2, 2, 2)), "1")
    superior, inferior = (HeightMap(frame, "cranial", u, v, h, 0.2) for h in (top, np.full_like(top, -height / 2)))
    front, back = (HeightMap(frame, "anterior", c, across, place * flat, 0.2) for place in (15, -15))
    return Vertebra(level, mask, mask, frame, superior, inferior, front, back, (), ())


def plain(anterior=24.0, middle=22.0, posterior=25.0, sd=0.3) -> Heights:
    return Heights(anterior, middle, posterior, sd, sd, sd, 30.0, "slab_12mm_mean")


def test_parallel_endplates_have_their_distance_everywhere():
    h = measure_heights(vertebra(height=24.0))
    assert isinstance(h, Heights)
    assert (h.anterior_mm, h.middle_mm, h.posterior_mm) == pytest.approx((24.0, 24.0, 24.0))
    assert h.depth_mm == pytest.approx(30.0)


def test_a_wedge_has_the_heights_at_the_middles_of_the_bands():
    # bands 5-20, 40-60, 80-95 % of 30 mm from the wall at +15: middles at +11.25, 0, -11.25 mm; slope 0.2 mm/mm
    h = measure_heights(vertebra(height=24.0, slope=0.2))
    assert isinstance(h, Heights)
    assert (h.anterior_mm, h.middle_mm, h.posterior_mm) == pytest.approx((21.75, 24.0, 26.25))


def test_left_right_tilt_of_an_endplate_changes_no_height():
    h = measure_heights(vertebra(coronal_slope=0.2))
    assert isinstance(h, Heights)
    assert h.middle_mm == pytest.approx(24.0)


def test_a_cup_lowers_the_middle_alone():
    h = measure_heights(vertebra(cup=4.0))
    assert isinstance(h, Heights)
    assert (h.anterior_mm, h.middle_mm, h.posterior_mm) == pytest.approx((24.0, 20.0, 24.0))


def test_definitions_differ_and_say_so():
    default, other = (
        measure_heights(vertebra(slope=0.2), find_definition(n)) for n in ("slab_12mm_mean", "midline_walls")
    )
    assert isinstance(default, Heights) and isinstance(other, Heights)
    assert other.anterior_mm == pytest.approx(24 - 0.2 * 14.4)  # 0-4 % of the depth: middle at +14.4 mm
    assert other.definition == "midline_walls"
    with pytest.raises(InputError, match="slab_12mm_mean"):
        find_definition("my own")


def test_a_cut_vertebra_is_never_measured_as_a_whole():
    assert "not surely seen (head)" in str(measure_heights(replace(vertebra(), cut=("head",))))


def test_without_walls_or_endplates_the_reason_is_given():
    assert "wall not found" in str(measure_heights(replace(vertebra(), anterior=None)))
    assert "endplates not found" in str(measure_heights(replace(vertebra(), superior=None)))


def test_references_follow_a_line_through_the_neighbours_and_leave_the_level_itself_out():
    levels = [Level.T11, Level.T12, Level.L1, Level.L2, Level.L3]
    heights = {level: plain(20 + 0.9 * k, 19 + 0.7 * k, 21 + 0.9 * k) for k, level in enumerate(levels)}
    heights[Level.L1] = plain(13.0, 16.0, 22.8)
    reference = find_references(heights)[Level.L1]
    assert isinstance(reference, Reference)
    assert reference.neighbours == (Level.T11, Level.T12, Level.L2, Level.L3)
    assert reference.heights_mm["anterior"] == pytest.approx(21.8, abs=0.01)
    assert reference.heights_mm["middle"] == pytest.approx(20.4, abs=0.01)


def test_an_evenly_crushed_neighbour_does_not_serve():
    levels = [Level.T11, Level.T12, Level.L1, Level.L2, Level.L3, Level.L4]
    heights = {level: plain(24, 22, 25) for level in levels}
    heights[Level.L2] = plain(15, 14, 15.5)
    reference = find_references(heights)[Level.L1]
    assert isinstance(reference, Reference)
    assert Level.L2 not in reference.neighbours


def test_two_neighbours_are_no_reference():
    heights = {level: plain() for level in (Level.T12, Level.L1, Level.L2)}
    assert "only 2 undeformed neighbours" in str(find_references(heights)[Level.L1])


def reference(sd=0.1) -> Reference:
    heights = {"anterior": 20.0, "middle": 20.0, "posterior": 20.0}
    return Reference(heights, dict.fromkeys(heights, sd), (Level.T12, Level.L2, Level.L3))


@pytest.mark.parametrize(
    ("loss", "grade"), [(0, 0), (19.9, 0), (20.1, 1), (24.9, 1), (25.1, 2), (39.9, 2), (40.1, 3), (60, 3)]
)
def test_grades_begin_at_the_published_limits(loss, grade):
    assert grade_limits() == (20, 25, 40)
    lost = 20 * (1 - loss / 100)
    assert grade_deformity(plain(lost, 20, 20, sd=0.01), reference()).grade == grade


def test_the_chances_of_the_grades_add_up_and_widen_with_the_doubt():
    sure = grade_deformity(plain(14, 20, 20, sd=0.01), reference(0.01))
    unsure = grade_deformity(plain(14, 20, 20, sd=1.5), reference(1.0))
    assert sure.chances[2] == pytest.approx(1.0, abs=1e-6)
    assert sum(unsure.chances) == pytest.approx(1.0)
    assert unsure.chances[1] > 0.05 and unsure.chances[3] > 0.05
    # exactly at a limit, with the other sites far from it, the chance is split in half
    half = grade_deformity(plain(15, 25, 25, sd=0.3), reference())
    assert half.chances[0] + half.chances[1] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("losses", "shape"),
    [((30, 15, 5), "wedge"), ((10, 30, 5), "biconcave"), ((30, 30, 28), "crush"), ((26, 28, 5), "wedge")],
)
def test_shape_by_where_height_is_lost(losses, shape):
    assert find_shape(*losses, lowest=20.0) == shape


def test_the_angle_of_a_wedge_is_kyphotic_when_the_front_is_lower():
    angle = vertebral_angle(vertebra(slope=np.tan(np.radians(10))))
    assert angle is not None and angle.degrees == pytest.approx(10.0)
    lordotic = vertebral_angle(vertebra(slope=-np.tan(np.radians(10))))
    assert lordotic is not None and lordotic.degrees == pytest.approx(-10.0)


def test_angles_between_two_levels_add_up():
    tilted = Frame.from_directions([0, 0, 30], [0, -np.sin(np.radians(15)), np.cos(np.radians(15))], [0, -1, 0])
    upper = vertebra(Level.T12, frame=tilted)
    angle = angle_between(upper, vertebra(Level.L1))
    assert angle is not None and angle.degrees == pytest.approx(15.0)
    side = Frame.from_directions([0, 0, 30], [np.sin(np.radians(12)), 0, np.cos(np.radians(12))], [0, -1, 0])
    coronal = coronal_angle(vertebra(Level.T12, frame=side), vertebra(Level.L1))
    assert coronal is not None and coronal.degrees == pytest.approx(12.0)
