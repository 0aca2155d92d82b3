"""Pedicles against virtual vertebrae, whose axes and widths are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from spondyl.space import Floats, Geometry, Volume
from spondyl.spine import Level, Pedicle, Side, Spine, build_spine, pedicles
from spondyl.spine.grey_border import grey_border
from spondyl.spine.narrow_neck import narrow_axis
from spondyl.spine.pedicles import refuse_too_wide
from spondyl.studies import LabelImage, Patient, Scan, Study
from spondyl.synthetic import ScanSpec, VertebraSpec, VirtualPatient, VirtualSpineSpec, make_virtual_patient


@pytest.fixture(scope="module")
def patient() -> VirtualPatient:
    """T12 to L2 at 1 mm, tilted against the grid, one narrow pedicle pair."""
    spec = VirtualSpineSpec(
        levels=(Level.T12, Level.L1, Level.L2),
        scan=ScanSpec(in_plane_mm=1.0, slice_step_mm=1.0, tilt_deg=10.0),
        vertebrae={Level.L1: VertebraSpec(pedicle_width_mm=5.0)},
    )
    return make_virtual_patient(spec, np.random.default_rng(5))


@pytest.fixture(scope="module")
def spine(patient: VirtualPatient) -> Spine:
    return build_spine(None, labels=LabelImage(patient.labels, None), label_map="verse")


def test_axes_and_widths_of_both_sides(patient: VirtualPatient, spine: Spine) -> None:
    """Width within one voxel; the axis within 1 degree for usual widths, 3 degrees for narrow ones.

    The page docs/validation/access.md has what 1 mm voxels allow by width.
    """
    for truth in patient.truth.levels:
        vertebra = spine[truth.level]
        assert len(vertebra.pedicles) == 2
        for pedicle in vertebra.pedicles:
            true = truth.pedicle(pedicle.side)
            assert pedicle.width_mm == pytest.approx(true.width_mm, abs=1.0)
            assert pedicle.height_mm == pytest.approx(true.height_mm, abs=1.0)
            assert np.linalg.norm(np.cross(pedicle.isthmus - true.isthmus, true.axis)) < 0.5  # off the true axis
            angle = np.degrees(np.arccos(np.clip(pedicle.axis @ true.axis, -1, 1)))
            assert angle < (1.0 if true.width_mm > 7 else 3.0)


def test_with_a_ct_narrow_pedicles_too_are_within_the_degree(patient: VirtualPatient) -> None:
    """Grey values tell where between two voxels a wall lies; the degree is what issue 4 asks for."""
    study = Study(patient.ct, Scan(), Patient())
    spine = build_spine(study, labels=LabelImage(patient.labels, None), label_map="verse")
    for truth in patient.truth.levels:
        for pedicle in spine[truth.level].pedicles:
            true = truth.pedicle(pedicle.side)
            assert np.degrees(np.arccos(np.clip(pedicle.axis @ true.axis, -1, 1))) < 1.0
            assert np.linalg.norm(np.cross(pedicle.isthmus - true.isthmus, true.axis)) < 0.5
            assert pedicle.mask_width_mm is not None  # so width and height are the CT's: blur adds 0.7 mm
            assert -0.3 < pedicle.width_mm - true.width_mm < 1.0
            assert abs(pedicle.height_mm - true.height_mm) < 1.0


def test_a_rib_in_the_mask_does_not_widen_the_pedicle(patient: VirtualPatient) -> None:
    """Four millimetres of soft tissue beside the left pedicle of T12 are in the mask: the CT's width, and a remark."""
    truth = patient.truth[Level.T12]
    true = truth.pedicle(Side.LEFT)
    points = patient.labels.geometry.points(np.moveaxis(np.indices(patient.labels.array.shape), 0, -1)) - true.isthmus
    lateral = np.cross(true.axis, [0.0, 0.0, 1.0])
    lateral *= np.sign(lateral[0]) / np.linalg.norm(lateral)
    aside, along, up = points @ lateral, points @ true.axis, points @ np.cross(lateral, true.axis)
    rib = (aside > 0) & (aside < true.width_mm / 2 + 4) & (np.abs(along) < 7) & (np.abs(up) < true.height_mm / 2)
    array = np.where(patient.labels.array == Level.T12, patient.labels.array, 0)
    array[rib & (patient.labels.array == 0)] = Level.T12
    labels = LabelImage(Volume(array, patient.labels.geometry, "1"), None)
    vertebra = build_spine(Study(patient.ct, Scan(), Patient()), labels=labels, label_map="verse")[Level.T12]
    found = vertebra.pedicle(Side.LEFT)
    assert found is not None and found.mask_width_mm is not None
    assert found.mask_width_mm > true.width_mm + 2.5
    assert -0.3 < found.width_mm - true.width_mm < 1.0
    said = [remark for remark in vertebra.remarks if "left pedicle" in remark]
    assert len(said) == 1 and said[0].endswith("look at it: a rib or a process may be in the mask")


def test_a_side_whose_mask_has_no_neck_is_measured_on_the_ct(
    patient: VirtualPatient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The right neck of T12 is not seen in the mask: measured on the CT, and not where the CT has no pedicle either."""
    find = pedicles._find

    def of_the_left(*given: Any) -> Pedicle | None:
        return None if given[-1] is Side.RIGHT else find(*given)

    monkeypatch.setattr(pedicles, "_find", of_the_left)
    true = patient.truth[Level.T12].pedicle(Side.RIGHT)
    labels = np.where(patient.labels.array == Level.T12, patient.labels.array, 0)
    image = LabelImage(Volume(labels, patient.labels.geometry, "1"), None)
    points = patient.ct.geometry.points(np.moveaxis(np.indices(patient.ct.array.shape), 0, -1)) - true.isthmus
    blank = np.where(np.linalg.norm(points, axis=-1) < 11, 40, patient.ct.array)
    for hu in (patient.ct.array, blank):
        study = Study(Volume(hu, patient.ct.geometry, patient.ct.unit), Scan(), Patient())
        vertebra = build_spine(study, labels=image, label_map="verse")[Level.T12]
        said = [remark for remark in vertebra.remarks if remark.startswith("right pedicle")]
        found = vertebra.pedicle(Side.RIGHT)
        if hu is blank:
            assert found is None
            assert said == ["right pedicle not found: no neck between body and arch in the mask"]
            continue
        assert found is not None and found.mask_width_mm is not None
        assert found.mask_width_mm == pytest.approx(true.width_mm, abs=1.0)
        assert -0.3 < found.width_mm - true.width_mm < 1.0
        assert np.linalg.norm(np.cross(found.isthmus - true.isthmus, true.axis)) < 0.7  # half a voxel, and blur
        assert np.degrees(np.arccos(np.clip(found.axis @ true.axis, -1, 1))) < 3.0  # the other side's, mirrored
        assert len(said) == 1 and said[0].startswith("right pedicle has no neck in the mask")


def test_grey_values_that_tell_nothing_of_a_border_are_not_followed(patient: VirtualPatient, spine: Spine) -> None:
    """A flat CT, one with metal at the bone, and one that ends before the bone: the mask alone is used."""
    mask, ct = spine["L1"].mask, patient.ct
    assert grey_border(mask, ct) is not None
    assert grey_border(mask, Volume(np.full(ct.array.shape, 40.0), ct.geometry, ct.unit)) is None
    place = np.rint(ct.geometry.indices(spine["L1"].pedicles[0].isthmus)).astype(int)
    bright = ct.array.copy()
    bright[tuple(place)] = 3000
    assert grey_border(mask, Volume(bright, ct.geometry, ct.unit)) is None
    assert grey_border(mask, ct.cropped([0, 0, 0], [place[0], *ct.array.shape[1:]])) is None


def test_a_grey_border_is_that_of_all_splines(patient: VirtualPatient, spine: Spine) -> None:
    """Splines are taken only between the two shares of the mask; everywhere, they give the same."""
    border = grey_border(spine["L1"].mask, patient.ct)
    assert border is not None
    points = spine["L1"].pedicles[0].isthmus + np.random.default_rng(1).normal(0, 6, (400, 5, 3))
    share, grey = border.mask_share(points), np.clip(0.5 + (border.height(points) - 0.5) / 1.2, 0.0, 1.0)
    assert min((share > 0.9).mean(), (share < 0.1).mean(), ((share >= 0.1) & (share <= 0.9)).mean()) > 0.05
    whole = np.where(share > 0.9, 1.0, np.where(share < 0.1, 0.0, grey))
    assert np.array_equal(border.sample(points), whole)


def test_bodies_agree_with_the_true_ones(patient: VirtualPatient, spine: Spine) -> None:
    for vertebra in spine:
        if vertebra.level is Level.SACRUM:
            continue
        assert vertebra.body is not None
        start = np.rint(patient.labels.geometry.indices(vertebra.mask.geometry.affine[:3, 3])).astype(int)
        regions = patient.subregions.cropped(start, start + vertebra.mask.geometry.shape).array
        true = (regions == 49) & vertebra.mask.array
        found = vertebra.body.array
        assert 2 * (found & true).sum() / (found.sum() + true.sum()) > 0.96


def test_the_canal_covers_the_true_one_without_bone(patient: VirtualPatient, spine: Spine) -> None:
    assert spine.canal is not None
    start = np.rint(patient.canal.geometry.indices(spine.canal.geometry.affine[:3, 3])).astype(int)
    true = patient.canal.cropped(start, start + spine.canal.geometry.shape).array
    z = patient.canal.geometry.points(start + np.argwhere(spine.canal.array))[:, 2]
    between = patient.canal.geometry.points(start + np.argwhere(true))[:, 2]
    within = (between > z.min() + 5) & (between < z.max() - 5)
    covered = spine.canal.array[tuple(np.argwhere(true)[within].T)].mean()
    assert covered > 0.9


def test_a_missing_pedicle_is_absent_with_a_remark(patient: VirtualPatient) -> None:
    """The left pedicle of L1 is taken out of the mask: nothing may be measured in its place."""
    truth = patient.truth[Level.L1].pedicles[0]
    points = patient.labels.geometry.points(np.moveaxis(np.indices(patient.labels.array.shape), 0, -1))
    array = patient.labels.array.copy()
    array[(array == Level.L1) & (np.linalg.norm(points - truth.isthmus, axis=-1) < 11)] = 0
    labels = LabelImage(type(patient.labels)(array, patient.labels.geometry, "1"), None)
    vertebra = build_spine(None, labels=labels, label_map="verse")[Level.L1]
    assert vertebra.pedicle(truth.side) is None
    assert f"{truth.side} pedicle not found: no neck between body and arch in the mask" in vertebra.remarks


def test_pedicles_wider_than_any_are_refused_and_said(spine: Spine) -> None:
    """A rib's head in the mask made a pedicle of T8 21.5 mm wide, and a needle was given its class by it."""
    left, right = spine["L1"].pedicles
    wide, widest = (
        replace(left, width_mm=20.6),
        replace(right, width_mm=8.0, mask_width_mm=20.8),
    )  # 16.1 + 2 x 2.3 = 20.7
    kept, remarks = refuse_too_wide(Level.T8, (wide, widest))
    assert kept == (wide,)
    assert len(remarks) == 1
    assert remarks[0].startswith("right pedicle 21 mm wide")
    assert remarks[0].endswith("not used")
    for lowest in (Level.L5, Level.L6):
        kept, remarks = refuse_too_wide(lowest, (wide, widest))
        assert kept == (wide, widest)
        assert remarks[0].endswith("look at it")


@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize("place", [(0.0, 0.0, 0.0), (0.5, 0.3, 0.2)])
def test_a_bar_three_voxels_wide_keeps_its_axis_anywhere_on_the_grid(side: float, place: Sequence[float]) -> None:
    """An elliptic bar of 3 x 14 mm, 800 HU in 40, blurred by 0.5 mm at 1 mm voxels, from a start 3 degrees askew.

    Half a degree: half of what issue 4 asks for, since nothing joins this bar.
    """
    axis = np.array([side * np.sin(np.radians(12)), -np.cos(np.radians(12)), 0.06])
    axis /= np.linalg.norm(axis)
    start = np.array([*(rotated := _about_z(3.0) @ axis)[:2], rotated[2] + 0.05])
    bar, head = _bar(axis, np.asarray(place)), np.array([0.0, 0.0, 1.0])
    occupancy = Volume(ndimage.gaussian_filter((bar > 0.5).astype(np.float32), 0.5), _GRID, "1")
    ct = Volume(40 + 760 * ndimage.gaussian_filter(bar, [0.5, 0.5, 0.0]), _GRID, "[hnsf'U]")
    border = grey_border(Volume(bar > 0.5, _GRID, "1"), ct)
    assert border is not None
    found = narrow_axis(border, occupancy, np.asarray(place), start / np.linalg.norm(start), head)
    assert np.degrees(np.arccos(np.clip(found @ axis, -1, 1))) < 0.5


_GRID = Geometry(np.vstack([np.column_stack([np.eye(3), [-20.0, -20.0, -20.0]]), [0, 0, 0, 1]]), (41, 41, 41))


def _about_z(degrees: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])


def _bar(axis: Floats, place: Floats) -> Floats:
    """Share of each voxel that lies in the bar, by 5 x 5 x 5 points."""
    sub = (np.arange(5) - 2) / 5
    within = np.stack(np.meshgrid(sub, sub, sub, indexing="ij"), axis=-1).reshape(-1, 1, 1, 1, 3)
    points = _GRID.points(np.moveaxis(np.indices(_GRID.shape), 0, -1)) + within - place
    across = np.cross(axis, [0.0, 0.0, 1.0])
    across /= np.linalg.norm(across)
    inside = (points @ across / 1.5) ** 2 + (points @ np.cross(across, axis) / 7.0) ** 2 <= 1
    return np.asarray(inside.mean(axis=0))
