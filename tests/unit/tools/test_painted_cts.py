"""The generator of the network's training: shapes of virtual patients and label maps, and the CTs painted from them."""

import dataclasses

import numpy as np
import pytest

from spondyl.spine import Level, build_spine
from spondyl.spine.segmenters import SpineClass
from spondyl.studies import LabelImage
from spondyl.synthetic import ScanSpec, VirtualPatient, VirtualSpineSpec, make_virtual_patient
from tools.network.paint import IGNORED, painted
from tools.network.shapes import UNSURE, Shape, shape_of_patient, shape_of_spine
from tools.network.sources import random_spec
from tools.network.warp import PATCH, smooth


@pytest.fixture(scope="module")
def patient() -> VirtualPatient:
    scan = ScanSpec(in_plane_mm=1.5, slice_step_mm=1.5, margin_side_mm=5, margin_front_mm=5, margin_back_mm=5)
    spec = VirtualSpineSpec(levels=("T12", "L1"), scan=scan)  # type: ignore[arg-type]
    return make_virtual_patient(spec, np.random.default_rng(1))


@pytest.fixture(scope="module")
def shape(patient: VirtualPatient) -> Shape:
    return shape_of_patient("virtual", patient)


@pytest.fixture(scope="module")
def pelvic() -> Shape:
    scan = ScanSpec(in_plane_mm=1.5, slice_step_mm=1.5, margin_side_mm=5, margin_front_mm=5, margin_back_mm=5)
    spec = VirtualSpineSpec(levels=("L5",), scan=scan)  # type: ignore[arg-type]
    return shape_of_patient("pelvic", make_virtual_patient(spec, np.random.default_rng(2)))


def test_a_shape_has_the_volumes_of_the_patient(patient: VirtualPatient, shape: Shape) -> None:
    """On a coarser grid the volume of the bodies stays; 3 % of a body is a fifth of a voxel at its border."""
    true = (patient.subregions.array == 49).sum() * patient.labels.geometry.voxel_volume_mm3
    made = (shape.classes == SpineClass.BODY).sum() * 8.0
    assert made == pytest.approx(true, rel=0.03)


def test_places_along_the_spine_are_those_of_the_vertebrae(patient: VirtualPatient, shape: Shape) -> None:
    """At a body's centre: its own number, the middle, and half the depth of a body ahead of its posterior wall."""
    for level in (Level.T12, Level.L1):
        body = (patient.subregions.array == 49) & (patient.labels.array == level)
        centre = patient.labels.geometry.points(np.argwhere(body).mean(axis=0))
        i, j, k = np.rint((centre - shape.origin_mm) / 2.0).astype(int)
        assert shape.level[k] == pytest.approx(level, abs=0.1)
        assert abs(shape.aside_mm[i, j, k]) < 2.5
        assert 10 < shape.ahead_mm[i, j, k] < 20
        assert shape.depth_mm[i, j, k] > 8
        assert shape.ahead_mm[i, j - 5, k] > shape.ahead_mm[i, j, k]  # ahead is against the second index: it runs back


def test_a_patch_has_ct_numbers_and_known_classes(shape: Shape) -> None:
    hu, taught = painted(shape, np.random.default_rng(0))
    assert hu.shape == taught.shape == (PATCH, PATCH, PATCH)
    assert hu.dtype == np.float32 and np.isfinite(hu).all()
    assert set(np.unique(taught).tolist()) <= {*map(int, SpineClass), IGNORED}
    assert hu.min() > -3000 and hu.max() < 6000


def test_the_patches_of_a_spine_hold_every_class(shape: Shape, pelvic: Shape) -> None:
    generator = np.random.default_rng(4)
    seen = np.zeros(256, int)
    for given in (shape, pelvic) * 4:
        seen += np.bincount(painted(given, generator)[1].ravel(), minlength=256)
    assert (seen[list(SpineClass)] > 100).all()


def test_ribs_and_sacrum_that_are_painted_are_taught(shape: Shape, pelvic: Shape) -> None:
    """Shapes without ribs or a sacrum of their own get painted ones."""
    for given, kind in ((shape, SpineClass.RIB), (pelvic, SpineClass.SACRUM)):
        classes = np.where(given.classes == kind, SpineClass.BACKGROUND, given.classes).astype(np.uint8)
        bare = dataclasses.replace(given, classes=classes, has_ribs=False, has_sacrum=False)
        taught = [painted(bare, np.random.default_rng(seed))[1] for seed in range(8)]
        assert sum(int((patch == kind).sum()) for patch in taught) > 500, kind


def test_bone_is_brighter_than_what_surrounds_it(shape: Shape) -> None:
    """Over some patches the middle of what is taught as vertebra is brighter than the middle of the rest."""
    generator = np.random.default_rng(5)
    contrast = []
    for _ in range(6):
        hu, taught = painted(shape, generator)
        bone = np.isin(taught, (SpineClass.BODY, SpineClass.ARCH))
        if bone.sum() > 500:
            contrast.append(np.median(hu[bone]) - np.median(hu[~bone]))
    assert len(contrast) >= 3 and np.median(contrast) > 60


def test_the_same_seed_paints_the_same(shape: Shape) -> None:
    first, second = (painted(shape, np.random.default_rng(7)) for _ in range(2))
    other = painted(shape, np.random.default_rng(8))
    assert np.array_equal(first[0], second[0]) and np.array_equal(first[1], second[1])
    assert not np.array_equal(first[0], other[0])


def test_the_state_of_the_generator_goes_on_where_it_stopped(shape: Shape) -> None:
    """What a resumed training rests on."""
    generator = np.random.default_rng(9)
    painted(shape, generator)
    state = generator.bit_generator.state
    expected = painted(shape, generator)[0]
    resumed = np.random.default_rng(0)
    resumed.bit_generator.state = state
    assert np.array_equal(painted(shape, resumed)[0], expected)


def test_a_vertebra_that_is_left_out_teaches_nothing(patient: VirtualPatient) -> None:
    spine = build_spine(None, labels=LabelImage(patient.labels, None), label_map="verse")
    shape = shape_of_spine("labels", spine, skipped=(Level.T12,))
    assert (shape.classes == UNSURE).any()
    taught = [painted(shape, np.random.default_rng(seed))[1] for seed in range(4)]
    assert any((patch == IGNORED).any() for patch in taught)
    assert all((patch != UNSURE).all() for patch in taught)


def test_a_shape_survives_its_file(shape: Shape, tmp_path) -> None:
    shape.save(tmp_path / "shape.npz")
    again = Shape.load(tmp_path / "shape.npz")
    assert np.array_equal(again.classes, shape.classes)
    assert (again.name, again.spacing_mm, again.lowest, again.has_ribs) == ("virtual", shape.spacing_mm, 20.0, True)


def test_random_patients_differ_and_some_are_broken() -> None:
    specs = [random_spec(np.random.default_rng(seed)) for seed in range(3)]
    assert len({spec.scale for spec in specs}) == 3
    assert any(options.deformity for spec in specs for options in spec.vertebrae.values())


def test_smooth_fields_pass_through_their_knots() -> None:
    """A field with as many knots as voxels is the random numbers themselves."""
    field = smooth(np.random.default_rng(3), 8, 2.0, size=8)
    assert np.allclose(field, np.random.default_rng(3).standard_normal((8, 8, 8)) * 2.0, atol=1e-5)
