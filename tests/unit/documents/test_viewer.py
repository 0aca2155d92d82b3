"""What the viewer is given: grey values, labels and needles where the patient's are, read back by others."""

from __future__ import annotations

import dataclasses
import io
import json

import nibabel as nib
import numpy as np
import pytest
import trimesh

from spondyl.documents import viewer
from spondyl.documents.pages import render
from spondyl.documents.viewer import _label_table, coarsened, grey_nifti, label_nifti, needle_mesh, viewer_section
from spondyl.findings import Findings
from spondyl.planning import AccessClass, Angles, Approach, NeedlePath, Plan, no_treatment
from spondyl.space import Geometry, Volume
from spondyl.spine import Level, Side, Spine, Surrounding

ANGLES = Angles(**dict.fromkeys((field.name for field in dataclasses.fields(Angles)), 0.0))


def path(*, judged: bool = True) -> NeedlePath:
    """A needle of 3 mm on the left, from the back to the front."""
    kind = AccessClass.A if judged else None
    entry, target = np.array([15.0, 20.0, -35.0]), np.array([10.0, -20.0, -36.0])
    return NeedlePath(Side.LEFT, Approach.TRANSPEDICULAR, 11, 3.0, entry, target, (), kind, ANGLES, None, ())


def plan(spine: Spine) -> Plan:
    return dataclasses.replace(no_treatment("L1"), needles=(path(),))


def opened(data: bytes) -> nib.Nifti1Image:
    return nib.Nifti1Image.from_bytes(__import__("gzip").decompress(data))


def test_grey_values_keep_place_and_height(spine: Spine) -> None:
    assert spine.ct is not None
    image = opened(grey_nifti(spine.ct))
    assert image.get_data_dtype() == np.uint8
    assert np.allclose(np.diag([-1, -1, 1, 1]) @ image.affine, spine.ct.geometry.affine, atol=1e-4)
    assert np.abs(image.get_fdata() - spine.ct.array).max() <= viewer.STEP_HU / 2


def test_grey_values_beyond_the_ends_stay_at_the_ends() -> None:
    ct = Volume(np.array([[[-1024, 5000]]], np.int16), Geometry(np.eye(4), (1, 1, 2)), "[hnsf'U]")
    assert opened(grey_nifti(ct)).get_fdata().ravel().tolist() == [viewer.LOWEST_HU, viewer.HIGHEST_HU]


def test_labels_lie_where_the_vertebrae_are(spine: Spine) -> None:
    image = opened(label_nifti(spine, spine.geometry.points([[0, 0, 0], [59, 79, 89]])))
    for vertebra in spine:
        assert vertebra.frame is not None
        world = vertebra.frame.origin * [-1, -1, 1]
        voxel = np.rint(np.linalg.solve(image.affine, [*world, 1.0])[:3]).astype(int)
        assert image.get_fdata()[tuple(voxel)] == vertebra.level.value


def test_what_is_labelled_beside_the_spine_is_shown_with_its_name(spine: Spine) -> None:
    assert spine.vertebrae[0].frame is not None
    place = spine.vertebrae[0].frame.origin - np.array([0.0, 40.0, 0.0])  # LPS: in front of the body
    voxel = tuple(np.rint(spine.geometry.indices(place)).astype(int))
    there = np.zeros(spine.geometry.shape, bool)
    there[voxel] = True
    labelled = dataclasses.replace(spine, surroundings=((Surrounding.AORTA, Volume(there, spine.geometry, "1")),))
    image = opened(label_nifti(labelled, spine.geometry.points([[0, 0, 0], np.array(spine.geometry.shape) - 1.0])))
    world = spine.geometry.points(np.array(voxel, float)) * [-1, -1, 1]
    seen = np.rint(np.linalg.solve(image.affine, [*world, 1.0])[:3]).astype(int)
    number = int(image.get_fdata()[tuple(seen)])
    rows = {row["value"]: row["name"] for row in _label_table(labelled, ())}
    assert rows[number] == "aorta" and number not in {row["value"] for row in _label_table(spine, ())}


def test_a_needle_lies_in_the_nifti_world_with_its_tip_and_width() -> None:
    needle = path()
    mesh = trimesh.load_mesh(io.BytesIO(needle_mesh(needle)), file_type="stl")
    assert mesh.is_watertight and mesh.volume > 0
    along = (mesh.vertices * [-1, -1, 1] - needle.target) @ needle.direction
    assert along.max() == pytest.approx(0, abs=0.01)  # STL holds single precision
    assert along.min() == pytest.approx(-needle.bone_depth_mm - viewer.BEHIND_MM, abs=0.01)
    across = mesh.vertices * [-1, -1, 1] - needle.target - along[:, None] * needle.direction
    assert np.linalg.norm(across, axis=1).max() == pytest.approx(1.5, abs=0.01)


def test_a_needle_without_a_class_is_dashed() -> None:
    mesh = trimesh.load_mesh(io.BytesIO(needle_mesh(path(judged=False))), file_type="stl")
    assert len(mesh.split()) > 5


def test_blocks_are_averaged_where_they_lie() -> None:
    affine = np.diag([0.5, 0.5, 2.0, 1.0])
    affine[:3, 3] = 10, 20, 30
    array = np.arange(8 * 6 * 5, dtype=np.float32).reshape(8, 6, 5)
    found, factor = coarsened(Volume(array, Geometry(affine, array.shape), "1"), 8 * 6 * 5 // 4)
    assert factor == (2, 2, 1) and found.array.shape == (4, 3, 5)
    assert found.array[0, 0, 0] == array[:2, :2, 0].mean()
    assert np.allclose(found.geometry.points([0, 0, 0]), [10.25, 20.25, 30])


def test_the_greatest_crop_stays_far_below_the_report_s_limit() -> None:
    """Noise of 40 HU hardly packs: the worst that a scan can be."""
    noise = np.random.default_rng(0).normal(50, 40, viewer.MOST_VOXELS).astype(np.float32).reshape(200, 200, -1)
    packed = grey_nifti(Volume(noise, Geometry(np.eye(4), noise.shape), "[hnsf'U]"))
    assert len(packed) * 4 / 3 < 14e6


def test_the_page_s_data_cannot_end_its_script(spine: Spine, findings: Findings) -> None:
    found = viewer_section((plan(spine),), spine, findings)
    assert found is not None and "<" not in found.data
    data = json.loads(found.data)
    assert data["marks"] == [{"entry": [-15.0, -20.0, -35.0], "tip": [-10.0, 20.0, -36.0]}]
    assert {row["name"]: row["rgb"] for row in data["table"]}["L1"] == [0xD5, 0x5E, 0x00]  # deformed
    assert [row["value"] for row in data["table"]] == [Level.T12.value, Level.L1.value, Level.L2.value, 61]


def test_without_a_plan_or_a_ct_there_is_no_viewer(spine: Spine, findings: Findings) -> None:
    assert viewer_section((no_treatment("L1"),), spine, findings) is None
    assert viewer_section((plan(spine),), dataclasses.replace(spine, study=None), findings) is None


def test_where_it_was_not_built_the_page_says_so(
    spine: Spine, findings: Findings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viewer, "viewer_script", lambda: None)
    found = viewer_section((plan(spine),), spine, findings)
    html = render("viewer.html.j2", {"viewer": found}, for_print=False)
    assert "was not built" in html and "<script" not in html and "<canvas" not in html
