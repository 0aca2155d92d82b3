"""Truth against closed forms: bodies so simple that a hand can work out their heights."""

from dataclasses import replace
from math import atan, degrees

import numpy as np
import pytest

from spondyl.space import Frame
from spondyl.spine import Level
from spondyl.synthetic import BICONCAVE_35, CRUSH_45, WEDGE_30, Deformity, ScanSpec, VertebraSpec, VirtualSpineSpec
from spondyl.synthetic.body import Body
from spondyl.synthetic.curve import stack_frames
from spondyl.synthetic.truth import VirtualTruth, level_truth, matched_deformity, measure_body
from spondyl.synthetic.vertebra import make_vertebra

UPRIGHT = Frame(np.zeros(3), np.array([0.0, 0, 1]), np.array([0.0, -1, 0]), np.array([1.0, 0, 0]))
BOX = Body(25.0, 25.0, 34.0, 42.0, 0.0, 0.0, waist=0.0)


def truth_of(spec):
    frames = stack_frames(spec)
    levels = tuple(level_truth(make_vertebra(spec, level, frames[level], None), spec) for level in spec.levels)
    return VirtualTruth(levels, 70.0, {}, "virtual")


def test_parallel_flat_endplates_have_one_height():
    assert measure_body(BOX, UPRIGHT).heights_mm == pytest.approx((25.0, 25.0, 25.0), abs=1e-9)


def test_volume_is_area_times_height():
    left = np.linspace(-21, 21, 20001)
    front, back = BOX.border(left)
    area = float(np.trapezoid(front - back, left))
    # the rounded edge of 1 mm takes about 0.2 %; the integration's own step is 0.7 mm
    assert measure_body(BOX, UPRIGHT).volume_mm3 == pytest.approx(25.0 * area, rel=0.004)


def test_linear_wedge_has_the_heights_of_a_trapezium():
    body = replace(BOX, anterior_mm=20.0, posterior_mm=30.0)
    found = measure_body(body, UPRIGHT)
    slope = (20.0 - 30.0) / 34.0
    middle = -found.frame.origin[1]  # anterior place of the frame's origin in the body's own coordinates
    for share, height in zip((0.125, 0.5, 0.875), found.heights_mm, strict=True):
        place = middle + found.anterior_wall_mm - share * found.depth_mm
        # heights are straight lines over a, and a band's mean is the value at its centre
        assert height == pytest.approx(25.0 + slope * place, abs=1e-6)
    assert found.wedge_deg == pytest.approx(2 * degrees(atan(-slope / 2)), abs=1e-6)


def test_depth_is_that_of_the_waist():
    left = np.linspace(-6, 6, 4001)
    front, back = BOX.border(left)
    straight = float(np.mean(front - back))
    assert measure_body(BOX, UPRIGHT).depth_mm == pytest.approx(straight, abs=0.01)
    drawn_in = replace(BOX, waist=0.1)
    place = np.linspace(-1 / 3, 1 / 3, 4001)
    sizes = 1 - 0.1 * (1 - place**2) ** 2  # of the middle third
    # a smaller section is also a little rounder within the slab, which is worth less than 0.1 mm
    assert measure_body(drawn_in, UPRIGHT).depth_mm == pytest.approx(straight * float(sizes.mean()), abs=0.1)


def test_a_cup_lowers_the_middle_by_its_depth():
    cupped = replace(BOX, superior_cup_mm=2.0)
    found = measure_body(cupped, UPRIGHT)
    assert 25.0 - 2.0 < found.middle_mm < 25.0 - 1.6
    assert found.anterior_mm > 24.5


def test_heights_do_not_depend_on_the_place_or_the_turn():
    body = Body(26.0, 27.0, 33.5, 41.5, 1.6, 2.0, 0.08)
    turned = Frame.from_directions((10.0, -20.0, 300.0), (0.3, -0.2, 0.9), (0.1, -1.0, 0.0))
    first, second = measure_body(body, UPRIGHT), measure_body(body, turned)
    assert first.heights_mm == pytest.approx(second.heights_mm, abs=1e-9)


@pytest.mark.parametrize("wanted", [WEDGE_30, BICONCAVE_35, CRUSH_45, Deformity(0.85, 0.8, 0.95)])
def test_prescribed_heights_are_met(wanted):
    body = Body(26.0, 27.0, 33.5, 41.5, 1.6, 2.0, 0.08)
    intact = np.array(measure_body(body, UPRIGHT).heights_mm)
    pressed = replace(body, deformity=matched_deformity(body, UPRIGHT, wanted))
    found = np.array(measure_body(pressed, UPRIGHT).heights_mm)
    goal = intact * (wanted.anterior, wanted.middle, wanted.posterior)
    assert found == pytest.approx(goal, abs=0.005)  # the tolerance of the fit


def test_shapes_have_their_names():
    assert [d.shape for d in (WEDGE_30, BICONCAVE_35, CRUSH_45)] == ["wedge", "biconcave", "crush"]


def test_bulge_moves_the_posterior_wall_alone():
    bulging = replace(BOX, bulge_mm=4.0)
    c, left = np.array(0.27 * 25.0), np.array(0.0)
    assert BOX.wall(c, left)[1] - bulging.wall(c, left)[1] == pytest.approx(4.0)
    assert BOX.wall(c, left)[0] == bulging.wall(c, left)[0]
    assert measure_body(bulging, UPRIGHT).heights_mm[0] == pytest.approx(25.0, abs=1e-6)


@pytest.mark.parametrize("cobb", [-20.0, 0.0, 20.0])
def test_cobb_angle_of_flat_parallel_bodies_is_the_one_asked_for(cobb):
    truth = truth_of(VirtualSpineSpec(cobb_deg=cobb, kyphosis_deg=0, lordosis_deg=0))
    # bodies are wedged in the sagittal plane only; seen in the coronal plane of the patient, the axial turn at the ends
    # is 0, so the endplates show the asked angle but for the product of both small tilts
    assert truth.cobb_deg(Level.T10, Level.L5) == pytest.approx(cobb, abs=0.5)
    assert np.sign(truth.cobb_deg(Level.T10, Level.L5)) == np.sign(cobb) or cobb == 0


def test_more_lordosis_is_a_more_negative_sagittal_angle():
    angles = [truth_of(VirtualSpineSpec(lordosis_deg=d)).sagittal_deg(Level.L1, Level.L5) for d in (20.0, 40.0)]
    assert angles[0] - angles[1] == pytest.approx(20.0, abs=0.01)


def test_tilt_of_the_image_is_not_in_the_truth():
    first, second = (truth_of(VirtualSpineSpec(levels=("L1",), scan=ScanSpec(tilt_deg=t))) for t in (0.0, 25.0))
    assert first.as_json() == second.as_json()


def test_pedicle_of_the_spec_is_in_the_truth():
    options = VertebraSpec(pedicle_width_mm=5.0, pedicle_convergence_deg=20.0, pedicle_caudal_deg=10.0)
    spec = VirtualSpineSpec(levels=("L2",), vertebrae={Level.L2: options}, lordosis_deg=0, kyphosis_deg=0)
    for pedicle in truth_of(spec)["L2"].pedicles:
        assert pedicle.width_mm == 5.0
        side = np.sign(pedicle.isthmus[0])
        level = np.cos(np.radians(10))
        expected = [-side * np.sin(np.radians(20)) * level, -np.cos(np.radians(20)) * level, -np.sin(np.radians(10))]
        assert pedicle.axis == pytest.approx(expected, abs=1e-9)
