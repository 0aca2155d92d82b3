"""Vessels, ribs, lungs and kidneys: kept from the labels where they are there, told as not checked where not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from spondyl.documents.access import access_section
from spondyl.documents.models import PlansDocument
from spondyl.documents.plan_files import table
from spondyl.documents.records import from_json, read_spine, write_document, write_spine
from spondyl.planning import AccessClass, Approach, NeedlePath, Plan, Structure, plan_augmentation
from spondyl.space import Volume
from spondyl.spine import Level, Side, Spine, Surrounding, build_spine
from spondyl.studies import LabelImage, Patient, Scan, Study
from spondyl.synthetic import (
    ScanSpec,
    VirtualPatient,
    VirtualSpineSpec,
    labels_with_surroundings,
    make_virtual_patient,
)

if TYPE_CHECKING:
    from tests.unit.planning.conftest import Known


def with_labels(spine: Spine, kind: Surrounding, where: np.ndarray) -> Spine:
    """The spine with a structure on these voxels of its label image."""
    return replace(spine, surroundings=((kind, Volume(where, spine.geometry, "1")),))


def places(spine: Spine) -> np.ndarray:
    return spine.geometry.points(np.moveaxis(np.indices(spine.geometry.shape), 0, -1).astype(float))


@pytest.fixture(scope="module")
def thoracic() -> VirtualPatient:
    """With ribs and an aorta: T10 and T11 at 1 mm."""
    spec = VirtualSpineSpec(levels=(Level.T10, Level.T11), scan=ScanSpec(in_plane_mm=1.0, slice_step_mm=1.0))
    return make_virtual_patient(spec, np.random.default_rng(5))


@pytest.fixture(scope="module")
def around(thoracic: VirtualPatient) -> Spine:
    return build_spine(Study(thoracic.ct, Scan(), Patient()), labels=labels_with_surroundings(thoracic))


def test_without_such_labels_each_structure_is_named_as_not_checked(known: Known) -> None:
    plan = plan_augmentation(known.spine, "L1")
    assert plan.unchecked[:5] == ("aorta", "inferior vena cava", "iliac vessels", "ribs", "lungs")
    assert set(plan.checked) & {Structure(kind.value) for kind in Surrounding} == set()
    assert {Structure.CANAL, Structure.PEDICLE_WALL, Structure.BODY_WALL, Structure.METAL} <= set(plan.checked)


def test_the_clearance_to_a_flat_vessel_in_front_is_that_of_the_tip(known: Known) -> None:
    """By hand: all in front of a face 6 mm before the tip; the round end's nearest point is the tip's middle."""
    bare = plan_augmentation(known.spine, "L1")
    front = min(path.target[1] for path in bare.needles) - 6.0  # LPS: smaller y is further to the front
    y = places(known.spine)[..., 1]
    face = y[y <= front].max() + 0.5  # voxels of 1 mm end half a millimetre behind their centres
    plan = plan_augmentation(with_labels(known.spine, Surrounding.AORTA, y <= front), "L1")
    assert Structure.AORTA in plan.checked and "aorta" not in plan.unchecked
    for path in plan.needles:
        told = path.clearance(Structure.AORTA)
        assert told.value_mm == pytest.approx(path.target[1] - face - path.outer_diameter_mm / 2, abs=1e-6)
        assert told.depth_mm == pytest.approx(path.bone_depth_mm)


def test_a_vessel_in_the_way_takes_the_class(known: Known) -> None:
    """A block of vessel around the left entry: the left side is refused, naming it; the right keeps its needle."""
    left = next(path for path in plan_augmentation(known.spine, "L1").needles if path.side is Side.LEFT)
    near = np.linalg.norm(places(known.spine) - (left.entry - 8 * left.direction), axis=-1) < 12.0
    plan = plan_augmentation(with_labels(known.spine, Surrounding.VENA_CAVA, near), "L1")
    (refusal,) = plan.refused
    assert refusal.side is Side.LEFT and refusal.limit is Structure.VENA_CAVA
    assert "limited by the inferior vena cava" in refusal.reason
    assert [path.side for path in plan.needles] == [Side.RIGHT]


def test_what_is_labelled_on_one_side_or_at_other_levels_only_is_not_checked(known: Known) -> None:
    x, y, z = np.moveaxis(places(known.spine), -1, 0)
    centre = known.spine["L1"].frame.origin
    level = (np.abs(z - centre[2]) < 5) & (y < centre[1] - 10)
    left = level & (x > centre[0] + 45) & (x < centre[0] + 50)
    one = plan_augmentation(with_labels(known.spine, Surrounding.RIBS, left), "L1")
    assert "ribs on the right (none labelled there at this level)" in one.unchecked
    assert Structure.RIBS not in one.checked
    above = z > known.spine.geometry.points(np.array([0, 0, known.spine.geometry.shape[2] - 3]))[2]
    other = plan_augmentation(with_labels(known.spine, Surrounding.LUNGS, above), "L1")
    assert "lungs (none labelled at this level)" in other.unchecked and Structure.LUNGS not in other.checked
    both = left | (level & (x < centre[0] - 45) & (x > centre[0] - 50))
    far = plan_augmentation(with_labels(known.spine, Surrounding.KIDNEYS, both), "L1", approach="parapedicular")
    assert Structure.KIDNEYS in far.checked and not any("kidneys" in text for text in far.unchecked)
    assert all(path.clearance(Structure.KIDNEYS) is None for path in far.needles)  # further than 12 mm
    section = access_section((far,), None)
    rows = {row[0]: row[1:] for row in section.sheets[0].needles.rows}
    assert all("kidneys" in cell for cell in rows["Further than 12 mm away"])


def test_a_label_image_with_names_gives_ribs_and_aorta(around: Spine, thoracic: VirtualPatient) -> None:
    kept = dict(around.surroundings)
    assert set(kept) >= {Surrounding.AORTA, Surrounding.RIBS}
    ribs = labels_with_surroundings(thoracic).labels.array == 154
    assert kept[Surrounding.RIBS].array.sum() == ribs.sum()  # stumps: all of them are near


@pytest.mark.parametrize("way", [Approach.TRANSPEDICULAR, Approach.PARAPEDICULAR, Approach.EXTRAPEDICULAR])
def test_no_needle_meets_a_rib_and_the_distance_is_that_of_the_voxels(around: Spine, way: Approach) -> None:
    """Independent of the distance code: centres of the ribs' voxels; a face is nearer by half a diagonal at most."""
    mask = dict(around.surroundings)[Surrounding.RIBS]
    ribs = mask.geometry.points(np.argwhere(mask.array))
    half_diagonal = np.linalg.norm(mask.geometry.spacing_mm) / 2
    plan = plan_augmentation(around, "T10", approach=way, gauge=13)
    assert Structure.RIBS in plan.checked
    for path in plan.needles:
        along = np.clip((ribs - path.entry) @ path.direction, -25, path.bone_depth_mm)
        least = np.linalg.norm(ribs - path.entry - along[:, None] * path.direction, axis=1).min()
        told = path.clearance(Structure.RIBS).value_mm + path.outer_diameter_mm / 2
        assert path.access_class is not AccessClass.NONE and least > path.outer_diameter_mm / 2
        assert told <= least <= told + half_diagonal + 0.02  # 0.02: points along the needle are 0.25 mm apart
    assert plan.needles or all(refusal.reason for refusal in plan.refused)


def test_the_mirror_image_has_the_ribs_of_the_other_side(around: Spine, thoracic: VirtualPatient) -> None:
    """1 mm, as for bone: pedicles of the mirror image are found on another order of the grid."""
    image = labels_with_surroundings(thoracic)
    turned = Volume(image.labels.array, mirrored_geometry(image.labels), "1")
    ct = Volume(thoracic.ct.array, mirrored_geometry(thoracic.ct), thoracic.ct.unit)
    other = build_spine(Study(ct, Scan(), Patient()), labels=LabelImage(turned, image.names))
    one, two = (plan_augmentation(spine, "T10", gauge=13) for spine in (around, other))
    for path in one.needles:
        opposite = next(p for p in two.needles if p.side is not path.side)
        assert rib_mm(opposite) == pytest.approx(rib_mm(path), abs=1.0)
    assert two.checked == one.checked and two.unchecked == one.unchecked


def mirrored_geometry(volume: Volume):  # type: ignore[no-untyped-def]
    geometry = volume.geometry
    return type(geometry)(np.diag([-1.0, 1.0, 1.0, 1.0]) @ geometry.affine, geometry.shape)


def rib_mm(path: NeedlePath) -> float:
    return path.clearance(Structure.RIBS).value_mm


def test_structures_and_plans_come_back_from_their_files(tmp_path: Path, around: Spine) -> None:
    write_spine(tmp_path, around)
    back = read_spine(tmp_path, around.study)
    assert [kind for kind, _ in back.surroundings] == [kind for kind, _ in around.surroundings]
    for (_, one), (_, other) in zip(back.surroundings, around.surroundings, strict=True):
        assert one.is_equal(other)
    plan = plan_augmentation(back, "T10", gauge=13)
    write_document(tmp_path / "plans.json", PlansDocument.of((plan,)))
    (read,) = from_json(PlansDocument, tmp_path / "plans.json").record()
    assert (read.checked, read.unchecked) == (plan.checked, plan.unchecked)
    assert rib_mm(read.needles[0]) == rib_mm(plan.needles[0])
    header, row = table((plan,)).splitlines()[:2]
    cells = dict(zip(header.split(","), row.split(","), strict=True))
    assert float(cells["clearance_ribs_mm"]) == pytest.approx(rib_mm(plan.needles[0]), abs=0.006)
    assert "ribs" in cells["checked"] and "inferior vena cava" in cells["not_checked"]
    assert written_rows(plan)["Clearance to the ribs"] == written_rows(read)["Clearance to the ribs"]


def written_rows(plan: Plan) -> dict[str, tuple[str, ...]]:
    section = access_section((plan,), None)
    assert section is not None
    return {row[0]: row[1:] for row in section.sheets[0].needles.rows}
