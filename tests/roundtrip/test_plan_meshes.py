"""STL of plans, read back by trimesh; plans of a mirrored patient are mirrored for every approach."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh

from spondyl.documents.plan_files import remove_plans, write_plans
from spondyl.planning import Approach, Plan, plan_augmentation
from spondyl.spine import Side, Spine
from spondyl.synthetic import VirtualPatient
from tests.unit.planning.conftest import make_known, mirrored, spine_of


@pytest.fixture(scope="module")
def patient() -> VirtualPatient:
    return make_known().patient


@pytest.fixture(scope="module")
def spine(patient: VirtualPatient) -> Spine:
    return spine_of(patient.ct, patient.labels)


@pytest.fixture(scope="module")
def plan(spine: Spine) -> Plan:
    return plan_augmentation(spine, "L1", course="kyphoplasty")


def test_needles_balloons_and_vertebra_are_read_back_where_they_lie(tmp_path: Path, spine: Spine, plan: Plan) -> None:
    """Cylinders of 32 sides hold 0.6 % less than round ones; the mask's surface cuts off its corners (3 %)."""
    names = write_plans(tmp_path, (plan,), spine)
    assert {name for name in names if name.endswith(".stl")} == {
        "needle-L1-left.stl", "needle-L1-right.stl", "balloon-L1-left.stl", "balloon-L1-right.stl", "vertebra-L1.stl",
    }  # fmt: skip
    for path in plan.needles:
        mesh = trimesh.load_mesh(tmp_path / f"needle-L1-{path.side.value}.stl")
        length = path.skin_depth_mm or path.bone_depth_mm
        assert mesh.is_watertight
        assert mesh.volume == pytest.approx(np.pi * path.outer_diameter_mm**2 / 4 * length, rel=0.01)
        np.testing.assert_allclose(mesh.center_mass, path.target - length / 2 * path.direction, atol=0.01)
        assert (mesh.center_mass[0] > 0) == (path.side is Side.LEFT)  # LPS: the patient's left is +x
    for balloon in plan.balloons:
        mesh = trimesh.load_mesh(tmp_path / f"balloon-L1-{balloon.side.value}.stl")
        np.testing.assert_allclose(mesh.center_mass, balloon.centre, atol=0.01)
        along = (mesh.vertices - balloon.centre) @ balloon.axis
        assert np.ptp(along) == pytest.approx(balloon.length_mm, abs=0.1)
        off = np.linalg.norm(mesh.vertices - balloon.centre - along[:, None] * balloon.axis, axis=1)
        assert 2 * off.max() == pytest.approx(balloon.diameter_mm, abs=0.1)
    mesh, mask = trimesh.load_mesh(tmp_path / "vertebra-L1.stl"), spine["L1"].mask
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(mask.array.sum() * mask.geometry.voxel_volume_mm3, rel=0.03)
    centre = mask.geometry.points(np.argwhere(mask.array)).mean(axis=0)
    np.testing.assert_allclose(mesh.center_mass, centre, atol=0.2)


def test_the_header_names_the_space_and_old_meshes_go(tmp_path: Path, spine: Spine, plan: Plan) -> None:
    write_plans(tmp_path, (plan,), spine)
    assert (tmp_path / "vertebra-L1.stl").read_bytes().startswith(b"SPACE=LPS")
    write_plans(tmp_path, (replace(plan, balloons=(), needles=plan.needles[:1]),))
    assert [path.name for path in tmp_path.glob("*.stl")] == ["needle-L1-left.stl"]
    remove_plans(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_path_that_cannot_be_judged_is_a_thin_axis(tmp_path: Path, plan: Plan) -> None:
    bare = replace(plan.needles[0], access_class=None, clearances=(), skin_depth_mm=None)
    write_plans(tmp_path, (replace(plan, needles=(bare,), balloons=()),))
    mesh = trimesh.load_mesh(tmp_path / "axis-L1-left.stl")
    assert mesh.volume == pytest.approx(np.pi * 0.25**2 * bare.bone_depth_mm, rel=0.01)


@pytest.mark.parametrize("way", list(Approach))
def test_the_mirrored_patient_has_mirrored_meshes(patient: VirtualPatient, spine: Spine, way: Approach) -> None:
    """To within a voxel of 1 mm: the grid's order differs, so equally good lines may change places."""
    from spondyl.documents.plan_meshes import needle_mesh

    mirror = spine_of(mirrored(patient.ct), mirrored(patient.labels))
    there = {path.side: path for path in plan_augmentation(mirror, "L1", approach=way).needles}
    here = plan_augmentation(spine, "L1", approach=way).needles
    assert [path.side for path in here] == list(Side)
    for path in here:
        other = there[Side.RIGHT if path.side is Side.LEFT else Side.LEFT]
        centre, opposite = (needle_mesh(replace(one, skin_depth_mm=None)).center_mass for one in (path, other))
        np.testing.assert_allclose(opposite * [-1, 1, 1], centre, atol=1.0)
        assert other.access_class is path.access_class and other.approach is way
