"""A round body of one density, tilted against the CT: what its voxel model must weigh, bear and refuse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spondyl.documents.strength import NO_NEWTONS, StrengthDocument
from spondyl.errors import InputError
from spondyl.evidence.attenuation import mass_attenuation
from spondyl.findings import GradedCalibration, nominal_calibration
from spondyl.findings.calibration import Calibration
from spondyl.simulation import (
    LinearEstimates,
    Strength,
    build_bone_model,
    estimate_borders,
    estimate_linear,
    estimate_strength,
    estimate_strength_linear,
)
from spondyl.simulation import bone as bone_module
from spondyl.simulation.bone import CAP_MM, TOP, _inside, averaged_in_mask, capped
from spondyl.simulation.bone_laws import find_bone_law
from spondyl.space import Geometry, Volume
from spondyl.spine import Spine
from spondyl.studies import Scan
from tests.unit.simulation.cylinder import HEIGHT, HU, RADIUS, cylinder_spine

AREA = np.pi * RADIUS**2


@pytest.fixture(scope="module")
def spine() -> Spine:
    return cylinder_spine()


def test_the_model_weighs_what_the_body_does(spine: Spine) -> None:
    """Volume within 2 %: a voxel is bone where half of it is; density is exactly that of the even CT number."""
    bone = build_bone_model(spine, "L1", voxel_mm=2.0)
    rho = bone.density.array
    assert (rho > 0).sum() * 2.0**3 == pytest.approx(AREA * HEIGHT, rel=0.02)
    expected = float(nominal_calibration(120.0).density(HU)) / 1000
    assert rho[rho > 0] == pytest.approx(expected, rel=1e-6)
    assert bone.height_mm == pytest.approx(HEIGHT + 2 * CAP_MM, abs=2.0)
    assert bone.model.displacement_mm == pytest.approx(-0.02 * bone.height_mm)


def test_caps_do_not_run_down_the_sides() -> None:
    """A wedge over a waist, with a lip in front, bore a force twice too high on pillars of cement beside it.

    By hand: body 9 x 9 x 12; its upper end falls by a third of a voxel each column; a lip of two columns over three
    planes at its upper rim. Cement lies on both ends, none at half height, and none under the lip but by a voxel.
    """
    body = np.zeros((13, 11, 20), bool)
    for i in range(1, 10):
        body[i, 1:10, 4 : 16 - i // 3] = True
    body[10:12, 1:10, 10:13] = True
    caps, platens, _ = capped(body, body, 2.0)
    assert not caps[:, :, 6:10].any()
    assert not caps[10:12, :, 5:9].any()
    covered = caps[..., 16] & (platens[..., 16] == TOP)
    assert covered[1:12, 1:10].all()
    for i, j in np.argwhere(body[:10].any(axis=2)):  # no gap between the body and its caps
        assert (body | caps)[i, j, 3:17].all()


@pytest.mark.parametrize("border", [0.9, -0.7, 0.2])
def test_a_border_is_moved_alike_along_long_and_short_voxels(border: float) -> None:
    """A block of 8 mm in voxels of 1 x 1 x 2 mm: its faces lie where they should, to 0.15 mm along each axis."""
    array = np.zeros((16, 16, 10), bool)
    array[4:12, 4:12, 3:7] = True
    geometry = Geometry(np.diag([1.0, 1.0, 2.0, 1.0]), array.shape)
    inside = _inside(Volume(array, geometry, "1"), border)
    for axis, face in enumerate((11.5, 11.5, 13.0)):
        for beyond, expected in ((border - 0.15, True), (border + 0.15, False)):
            point = np.array([7.5, 7.5, 9.0])
            point[axis] = face + beyond
            assert inside(point[None])[0] == expected


@pytest.mark.parametrize("border", [0.75, -0.75])
def test_a_moved_border_makes_the_body_larger_by_so_much(spine: Spine, border: float) -> None:
    """Volume of the cylinder that is so much wider, and longer at both ends, within 3 %: half a voxel is moved."""
    rho = build_bone_model(spine, "L1", voxel_mm=2.0, border_mm=border).density.array
    expected = np.pi * (RADIUS + border) ** 2 * (HEIGHT + 2 * border)
    assert (rho > 0).sum() * 2.0**3 == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("shift", [(0.5, 0.0, 0.0), (0.0, 0.25, 0.0), (0.0, 0.0, 0.75)])
def test_a_moved_grid_holds_the_same_body(spine: Spine, shift: tuple[float, float, float]) -> None:
    """The grid lies where it is told, in voxels of 2 mm, one more of them on that axis; bone fills what it filled."""
    still, moved = (build_bone_model(spine, "L1", voxel_mm=2.0, shift=one) for one in ((0.0, 0.0, 0.0), shift))
    offset = still.model.geometry.indices(moved.model.geometry.points(np.zeros(3)))
    assert offset == pytest.approx([part - 1 if part else 0.0 for part in shift])
    assert np.subtract(moved.density.array.shape, still.density.array.shape).tolist() == [part > 0 for part in shift]
    volumes = [(one.density.array > 0).sum() for one in (still, moved)]
    assert volumes[1] == pytest.approx(volumes[0], rel=0.1)  # a layer of voxels at either end may come or go
    assert moved.density.array[:, :, -1].max() == moved.density.array[0].max() == moved.density.array[:, -1].max() == 0


def test_a_grid_moved_by_a_voxel_and_more_is_refused(spine: Spine) -> None:
    with pytest.raises(InputError, match="0 to below 1"):
        build_bone_model(spine, "L1", shift=(0.0, 1.0, 0.0))


@pytest.mark.parametrize("border", [0.0, 3.0])
def test_a_mask_is_read_whole_wherever_it_lies_in_a_wide_grid(border: float) -> None:
    """A cube of edge 10; moved outwards by 3 mm, all within r = 3.5 of the middles of its voxels, a cube of edge a = 9.

    Then a³ + 6a²r + 3πar² + 4πr³/3 (Steiner); 2 %: samples lie 0.5 mm apart.
    """
    array = np.zeros((40, 40, 40), bool)
    array[5:15, 20:30, 25:35] = True
    mask = Volume(array, Geometry(np.eye(4), array.shape), "1")
    ct = Volume(np.full(array.shape, 100.0, np.float32), mask.geometry, "HU")
    wide = Geometry(
        np.diag([2.0, 2.0, 2.0, 1.0]) - [[0, 0, 0, 9.3], [0, 0, 0, 9.3], [0, 0, 0, 9.3], [0] * 4], (30,) * 3
    )
    share, hu, _ = averaged_in_mask(ct, mask, mask, wide, border_mm=border)
    a, r = 9.0, border + 0.5
    expected = 1000 if border == 0 else a**3 + 6 * a**2 * r + 3 * np.pi * a * r**2 + 4 / 3 * np.pi * r**3
    assert share.sum() * 8 == pytest.approx(expected, rel=0.02)
    assert hu[share == 1] == pytest.approx(100.0)


def test_the_border_of_the_labels_widens_the_interval(spine: Spine) -> None:
    """Area and stiffness go with the square of the radius: half a voxel of 1.5 mm makes about 2 x 0.75 / 14."""
    bone = build_bone_model(spine, "L1", voxel_mm=2.0)
    borders = estimate_borders(spine, bone)
    assert borders is not None
    plain, wider = (estimate_strength_linear(bone, borders=one) for one in (None, borders))
    added = {cause.name: cause.sd for cause in wider.causes}["border of the labels"]
    assert added == pytest.approx(2 * 0.75 / RADIUS, abs=0.06)
    assert wider.failure_low_n < plain.failure_low_n and wider.failure_high_n > plain.failure_high_n


@pytest.mark.parametrize("energy", [68.0, 87.0])
def test_a_calibration_that_reads_too_much_is_told(
    spine: Spine, energy: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nominal line of 120 kV has 68 keV; at 87 keV the same CT number is more mineral, by a third at 140 HU."""
    line = _line(energy)
    monkeypatch.setattr(bone_module, "find_calibration", lambda _: GradedCalibration(2, "blood was found", line))
    bone = build_bone_model(spine, "L1", voxel_mm=3.0)
    told = float(line.density(HU)) / float(nominal_calibration(120.0).density(HU))
    assert np.exp(bone.density_gap) == pytest.approx(told, rel=1e-3)
    assert any("nominal line" in note for note in bone.notes) is (energy > 80)


def _line(energy: float) -> Calibration:
    water = float(mass_attenuation("water", energy))
    return Calibration(energy, 0.0, water / 1000, water, 1.0, {})


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
        ({"ends": "bone"}, "the ends are .bone."),
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
        document = StrengthDocument.of(found, part="body", voxel_mm=3.0)
        assert [level.failure_to_median for level in document.levels] == pytest.approx([2 / 3, 1.0, 5 / 3])
        assert [level.failure_n for level in document.levels] == ([2000.0, 3000.0, 5000.0] if is_told else [None] * 3)
        assert (document.levels[0].stiffness_n_per_mm is None) is not is_told
        assert (NO_NEWTONS in document.limits) is not is_told
        assert document.density_grade == (4 if is_told else 5)


def test_between_discs_the_bone_alone_is_measured(spine: Spine) -> None:
    """Its height is the cylinder's, and an even strain of 1 % shortens its ends by 1 % of that, exactly."""
    bone = build_bone_model(spine, "L1", voxel_mm=2.0, ends="disc")
    assert bone.height_mm == pytest.approx(HEIGHT, abs=0.1)  # its ends are stairs of the CT, which lies askew
    nodes = np.zeros((3, *(n + 1 for n in bone.density.array.shape)))
    nodes[2] = -0.01 * 2.0 * np.arange(nodes.shape[3])
    assert bone.shortening_mm(nodes) == pytest.approx(0.01 * bone.height_mm)
    disc = (bone.model.modulus > 0) & (bone.density.array == 0)
    assert set(bone.model.modulus[disc]) == {8.0} and set(bone.yield_stress.array[disc]) == {0.0}
    assert set(bone.model.poisson[disc]) == {0.45}
    over = np.flatnonzero(disc.any(axis=(0, 1)))[-1] - np.flatnonzero((bone.density.array > 0).any(axis=(0, 1)))[-1]
    assert over == 2  # half of 6 mm is told to the nearest voxel


def test_soft_discs_leave_the_bone_free_to_bulge(spine: Spine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between discs a hundred times softer than bone that do not bulge, it is as stiff and strong as with free sides.

    E A / H and σ A within 8 %: half of an end's voxels stand out by one, so that the disc is 4 mm thick on one half
    and 6 mm on the other and presses unevenly. Discs that keep their volume press most in the middle of the endplates,
    so that these dent, and the mean shortening is more for the same force.
    """
    dented = estimate_linear(build_bone_model(spine, "L1", voxel_mm=2.0, ends="disc")).stiffness_n_per_mm
    monkeypatch.setattr(bone_module, "DISC_POISSON", 0.0)
    bone = build_bone_model(spine, "L1", voxel_mm=2.0, ends="disc")
    strength = estimate_strength(bone)
    rho = np.array(bone.density.array.max())
    modulus, stress = (float(law(rho)) for law in (bone.law.modulus, bone.law.yield_stress))
    assert strength.stiffness_n_per_mm == pytest.approx(modulus * AREA / HEIGHT, rel=0.08)
    assert 0.7 < dented / strength.stiffness_n_per_mm < 0.95
    assert strength.failure_n == pytest.approx(stress * AREA, rel=0.08)
    assert strength.curve is not None
    last = strength.curve[-1]
    assert last.shortening_mm == pytest.approx(0.02 * HEIGHT, rel=0.2)
    assert abs(last.displacement_mm) > 1.5 * last.shortening_mm  # the discs gave way too
    assert strength.mapped_n is None and strength.linear.pistoia_n is None
    with pytest.raises(InputError, match="between discs"):
        estimate_strength_linear(bone)
