"""A round body of one density, tilted against the CT: what its voxel model must weigh, bear and refuse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from spondyl.documents.strength import NO_NEWTONS, StrengthDocument
from spondyl.errors import InputError
from spondyl.findings import nominal_calibration
from spondyl.simulation import LinearEstimates, Strength, build_bone_model, estimate_strength
from spondyl.simulation.bone import CAP_MM
from spondyl.simulation.bone_laws import find_bone_law
from spondyl.space import Frame, Geometry, Volume
from spondyl.spine import Level, Spine, Vertebra
from spondyl.studies import Patient, Scan, Study

RADIUS, HEIGHT, HU = 14.0, 24.0, 140.0
AREA = np.pi * RADIUS**2


@pytest.fixture(scope="module")
def spine() -> Spine:
    """A cylinder of 140 HU in 0 HU, its axis 15 degrees off the CT's; 120 kV, no contrast told: the nominal line."""
    geometry = Geometry(np.diag([1.5, 1.5, 1.5, 1.0]), (44, 44, 40))
    axes = Rotation.from_euler("xyz", (15, 8, 5), degrees=True).apply(np.array([[0, 0, 1], [0, -1, 0]]))
    centre = geometry.points(np.array([21.5, 21.5, 19.5]))
    frame = Frame.from_directions(centre, axes[0], axes[1])
    points = geometry.points(np.stack(np.meshgrid(*map(np.arange, geometry.shape), indexing="ij"), axis=-1))
    local = frame.to_local(points)
    inside = (np.hypot(local[..., 1], local[..., 2]) < RADIUS) & (np.abs(local[..., 0]) < HEIGHT / 2)
    mask = Volume(inside, geometry, "1")
    ct = Volume(np.full(geometry.shape, HU, np.float32), geometry, "[hnsf'U]")
    body = Vertebra(Level.L1, mask, mask, frame, None, None, None, None, (), ())
    return Spine(Study(ct, Scan(kvp=120.0, contrast=False), Patient()), geometry, (body,), None)


def test_the_model_weighs_what_the_body_does(spine: Spine) -> None:
    """Volume within 2 %: a voxel is bone where half of it is; density is exactly that of the even CT number."""
    bone = build_bone_model(spine, "L1", voxel_mm=2.0)
    rho = bone.density.array
    assert (rho > 0).sum() * 2.0**3 == pytest.approx(AREA * HEIGHT, rel=0.02)
    expected = float(nominal_calibration(120.0).density(HU)) / 1000
    assert rho[rho > 0] == pytest.approx(expected, rel=1e-6)
    assert bone.height_mm == pytest.approx(HEIGHT + 2 * CAP_MM, abs=2.0)
    assert bone.model.displacement_mm == pytest.approx(-0.02 * bone.height_mm)


def test_stiffness_lies_between_free_and_fully_held_sides(spine: Spine) -> None:
    """Caps a hundred times stiffer count as rigid; sides that may bulge give E A / H, sides that may not 1.35 of it."""
    bone = build_bone_model(spine, "L1", voxel_mm=2.0)
    modulus = float(find_bone_law("kopperdahl-power").modulus(np.array(bone.density.array.max())))
    strength = estimate_strength(bone, steps=4)
    held = 0.7 / (1.3 * 0.4)  # (1 - ν) / ((1 + ν) (1 - 2 ν)) at 0.3
    free = modulus * AREA / HEIGHT
    assert 0.95 * free < strength.stiffness_n_per_mm < 1.05 * held * free
    assert strength.linear.reaction_small_n == pytest.approx(0.2 * strength.stiffness_n_per_mm)
    assert strength.linear.crawford_n == pytest.approx(0.0068 * strength.stiffness_n_per_mm * bone.height_mm)


def test_a_body_of_one_strength_fails_a_little_above_its_yield_load(spine: Spine) -> None:
    """A crushable body bulges little, so held ends add less than the D / (3 √3 H) of upsetting."""
    bone = build_bone_model(spine, "L1", voxel_mm=2.0)
    strength = estimate_strength(bone, steps=8)
    yields = float(find_bone_law("kopperdahl-power").yield_stress(np.array(bone.density.array.max()))) * AREA
    friction = 1 + 2 * RADIUS / (3 * np.sqrt(3) * HEIGHT)
    assert 0.97 * yields < strength.failure_n < friction * yields
    assert strength.failure_low_n < strength.failure_n < strength.failure_high_n
    assert not strength.has_peak  # nothing softens


def test_an_arch_bears_nothing_unless_it_is_asked_for(spine: Spine) -> None:
    vertebra = spine["L1"]
    assert vertebra.body is not None
    smaller = vertebra.body.array & (np.arange(44) > 17)[:, None, None]
    cut = replace(spine, vertebrae=(replace(vertebra, body=Volume(smaller, vertebra.body.geometry, "1")),))
    alone, whole = (build_bone_model(cut, "L1", voxel_mm=3.0, part=part) for part in ("body", "whole"))
    assert (whole.density.array > 0).sum() > 1.1 * (alone.density.array > 0).sum()


def test_notes_name_what_the_voxels_and_the_law_cannot(spine: Spine) -> None:
    assert any("upsampled" in note for note in build_bone_model(spine, "L1", voxel_mm=1.0).notes)
    assert not any("upsampled" in note for note in build_bone_model(spine, "L1", voxel_mm=2.0).notes)


def test_bad_input_is_refused(spine: Spine) -> None:
    for wrong, words in (
        ({"voxel_mm": 0.0}, "voxel"),
        ({"part": "arch"}, "'body' or 'whole'"),
        ({"law": "keyak"}, "no law of bone 'keyak'"),
    ):
        with pytest.raises(InputError, match=words):
            build_bone_model(spine, "L1", **wrong)
    vertebra = spine["L1"]
    with pytest.raises(InputError, match="cut by the image border"):
        build_bone_model(replace(spine, vertebrae=(replace(vertebra, cut=("head",)),)), "L1")
    with pytest.raises(InputError, match="no body"):
        build_bone_model(replace(spine, vertebrae=(replace(vertebra, body=None),)), "L1")
    with pytest.raises(InputError, match="needs the CT"):
        build_bone_model(replace(spine, study=None), "L1")


def test_newtons_are_told_only_with_a_calibration(spine: Spine) -> None:
    """Failures of 2, 3 and 5 kN have a median of 3; the ratios stand there in either case."""
    assert spine.study is not None
    blank = replace(spine, study=replace(spine.study, scan=Scan()))  # no tube voltage: grade 5
    for body, is_told in ((spine, True), (blank, False)):
        bone = build_bone_model(body, "L1", voxel_mm=3.0)
        assert bone.is_absolute is is_told
        linear = LinearEstimates(1e4, 2100.0, 2000.0, 0.1, None)
        one = Strength(2000.0, 1000.0, 4000.0, "load_path", False, (), linear, None, 28.0, 100)
        found = [(bone, replace(one, failure_n=force)) for force in (2000.0, 3000.0, 5000.0)]
        document = StrengthDocument.of(found, part="body")
        assert [level.failure_to_median for level in document.levels] == pytest.approx([2 / 3, 1.0, 5 / 3])
        assert [level.failure_n for level in document.levels] == ([2000.0, 3000.0, 5000.0] if is_told else [None] * 3)
        assert (document.levels[0].stiffness_n_per_mm is None) is not is_told
        assert (NO_NEWTONS in document.limits) is not is_told
        assert document.density_grade == (4 if is_told else 5)
