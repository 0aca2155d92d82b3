"""Vertebrae told apart in a bare CT: against the true masks of virtual patients, and what is refused."""

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from scipy import ndimage

from spondyl.errors import InputError
from spondyl.space import Geometry, Volume
from spondyl.spine import Level
from spondyl.spine.segmenters import Segmentation, find_discs, segment_spine
from spondyl.spine.segmenters.arches import _seeds, _Site, rib_slopes
from spondyl.spine.segmenters.bodies import Bodies
from spondyl.spine.segmenters.column import Column
from spondyl.spine.segmenters.end_plates import DiscPlates
from spondyl.spine.segmenters.found import Search
from spondyl.spine.segmenters.layer_kernels import add_paths, grow
from spondyl.spine.segmenters.levels import against_neighbours
from spondyl.spine.segmenters.segmentation import _ends_faintly, odd_foot, odd_height, odd_size, odd_wall
from spondyl.spine.segmenters.smooth_surface import gathered_plainly, least_surface
from spondyl.spine.segmenters.walls import TubeWall
from spondyl.synthetic import CRUSH_45, ScanSpec, VertebraSpec, VirtualPatient, VirtualSpineSpec, make_virtual_patient

BODY_DICE = 0.90  # at 2 mm voxels: a border that is half a voxel off all round costs 0.08


@pytest.fixture(scope="module")
def patient() -> VirtualPatient:
    spec = VirtualSpineSpec(levels=("T12", "L1", "L2", "L3", "L4"), scan=ScanSpec(in_plane_mm=2.0, slice_step_mm=2.0))  # type: ignore[arg-type]
    return make_virtual_patient(spec, np.random.default_rng(3))


@pytest.fixture(scope="module")
def found(patient: VirtualPatient) -> Segmentation:
    return segment_spine(patient.ct)


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def partner(found: Segmentation, true: np.ndarray) -> int:
    """The number that most of a true mask bears."""
    return int(np.bincount(found.vertebrae.array[true], minlength=2)[1:].argmax()) + 1


def test_each_vertebra_between_two_discs_has_one_mask(patient: VirtualPatient, found: Segmentation) -> None:
    true_body = np.isin(patient.subregions.array, (49, 50))
    seen = found.parts.array == 49
    partners = []
    for level in (20, 21, 22):
        true = true_body & (patient.labels.array == level)
        number = partner(found, true)
        partners.append(number)
        assert dice(seen & (found.vertebrae.array == number), true) > BODY_DICE
        assert not found.cut[number - 1]
    assert partners == [partners[0], partners[0] + 1, partners[0] + 2]  # counted from the head


def test_parts_and_vertebrae_fit_together(found: Segmentation) -> None:
    assert set(np.unique(found.parts.array).tolist()) == {0, 41, 49, 61}
    bone = np.isin(found.parts.array, (41, 49))
    np.testing.assert_array_equal(bone, found.vertebrae.array > 0)
    assert found.vertebrae.array.max() == len(found.cut) == len(found.confidence)
    assert all(0 <= c <= 1 for c in found.confidence)


def test_the_canal_lies_on_the_true_canal(patient: VirtualPatient, found: Segmentation) -> None:
    true, seen = patient.canal.array, found.parts.array == 61
    along = np.flatnonzero(true.any(axis=(0, 1)))
    middle = slice(along[len(along) // 4], along[3 * len(along) // 4])
    assert dice(seen[:, :, middle], true[:, :, middle]) > 0.75  # a 2 mm border in a canal of 20 mm costs 0.2


def test_turned_and_flipped_axes_give_the_same_labels(patient: VirtualPatient, found: Segmentation) -> None:
    """The same CT stored foot to head along its first axis, from back to front along its second."""
    ct, order = patient.ct, (2, 1, 0)
    array = ct.array.transpose(order)[:, ::-1]
    affine = np.eye(4)
    affine[:3, :3] = ct.geometry.affine[:3, :3][:, order] * (1, -1, 1)
    affine[:3, 3] = ct.geometry.points((0, ct.array.shape[1] - 1, 0))
    turned = segment_spine(Volume(array, Geometry(affine, array.shape), ct.unit))
    for got, expected in ((turned.vertebrae, found.vertebrae), (turned.parts, found.parts)):
        np.testing.assert_array_equal(got.array[:, ::-1].transpose(order), expected.array)


def test_the_same_ct_gives_the_same_masks(patient: VirtualPatient, found: Segmentation) -> None:
    again = segment_spine(patient.ct)
    np.testing.assert_array_equal(again.vertebrae.array, found.vertebrae.array)
    np.testing.assert_array_equal(again.parts.array, found.parts.array)


def test_what_the_image_border_cuts_is_marked(patient: VirtualPatient, found: Segmentation) -> None:
    middle = patient.labels.array == 20  # L1, cut through its middle
    height = int(np.argwhere(middle & np.isin(patient.subregions.array, (49, 50))).mean(axis=0)[2])
    cropped = segment_spine(patient.ct.cropped((0, 0, 0), (*patient.ct.array.shape[:2], height)))
    assert cropped.cut[0]
    assert "cut" in cropped.doubts[0][0]
    assert not cropped.cut[1]
    assert not any(found.cut[1:-1])


def test_bodies_that_the_image_cuts_aside_are_marked_and_say_so(patient: VirtualPatient) -> None:
    """At 0.8 mm a mask ended a voxel short of such a border, and half a body passed for a whole one."""
    body = np.argwhere(np.isin(patient.subregions.array, (49, 50)))
    beside = int(np.median(body[:, 0])) - 4  # 8 mm to the right of the middles
    cropped = segment_spine(patient.ct.cropped((beside, 0, 0), patient.ct.array.shape))
    assert all(cropped.cut)
    assert any("the image ends at its body" in words for said in cropped.doubts for words in said)


@pytest.mark.parametrize("padding", [-1024, 0])
def test_padding_cuts_as_the_end_of_the_image_does(patient: VirtualPatient, padding: int) -> None:
    """From the middle of L3 down, and from the middle of the bodies aside: no grid's end, no picture either."""
    ct, true = patient.ct, np.isin(patient.subregions.array, (49, 50))
    low = np.flatnonzero((true & (patient.labels.array == 22)).any(axis=(0, 1)))
    array = ct.array.copy()
    array[:, :, : int(low.mean())] = padding
    padded = segment_spine(Volume(array, ct.geometry, ct.unit))
    assert not padded.found.sacrum_below
    number = partner(padded, true & (patient.labels.array == 21))
    assert number == len(padded.cut) or padded.cut[number:] == (True,) * (len(padded.cut) - number)
    array = ct.array.copy()
    array[: int(np.argwhere(true)[:, 0].mean()) - 8] = padding
    beside = segment_spine(Volume(array, ct.geometry, ct.unit))
    assert all(beside.cut) and any("the image ends at its body" in words for said in beside.doubts for words in said)


def test_a_collapsed_body_keeps_a_mask_of_its_own_and_is_doubted() -> None:
    scan = ScanSpec(in_plane_mm=2.0, slice_step_mm=1.5)
    spec = VirtualSpineSpec(
        levels=("T12", "L1", "L2", "L3", "L4"),  # type: ignore[arg-type]
        scan=scan,
        vertebrae={Level.L2: VertebraSpec(deformity=CRUSH_45)},
    )
    patient = make_virtual_patient(spec, np.random.default_rng(4))
    found = segment_spine(patient.ct)
    body = np.isin(patient.subregions.array, (49, 50))
    numbers = [partner(found, body & (patient.labels.array == level)) for level in (20, 21, 22)]
    assert len(set(numbers)) == 3
    true = body & (patient.labels.array == 21)
    assert dice(true, (found.vertebrae.array == numbers[1]) & (found.parts.array == 49)) > 0.75
    assert found.doubts[numbers[1] - 1]


def test_a_body_twice_or_half_as_large_as_those_beside_it_is_doubted() -> None:
    sizes = np.array([5.0, 30, 31, 61, 30, 29, 12, 30, 8])  # the first and last lie beyond the discs
    said = [odd_size(sizes, n) for n in range(1, 8)]
    assert [bool(words) for words in said] == [False, False, True, False, False, True, False]
    assert "2.0 times" in said[2][0]
    assert "two may be joined" in said[2][0]
    assert "40%" in said[5][0]


def test_a_body_flatter_or_taller_than_its_depth_and_neighbours_allow_is_doubted() -> None:
    """Five bodies 40 mm deep and 30 mm high; one among them 20 mm high: 0.67 of what the four others let expect."""
    ratios = against_neighbours(np.array([30.0, 30, 20, 30, 45]), np.full(5, 40.0))
    np.testing.assert_allclose(ratios, [1.0, 1.0, 20 / 30, 1.0, 1.5])
    said = [odd_height(ratio) for ratio in ratios]
    assert [bool(words) for words in said] == [False, False, True, False, True]
    assert "67% of the height" in said[2][0]
    assert "1.5 times as high" in said[4][0]


def test_heights_of_bodies_are_those_between_their_plates() -> None:
    """Two flat discs at stations 20 and 50, their plates 4 mm apart: 26 mm of body between them."""
    grid = np.arange(-30.0, 30.1, 1.5)
    level = [np.full((len(grid), len(grid)), station) for station in (18.0, 22.0, 48.0, 52.0)]
    plates = (DiscPlates(grid, grid, level[0], level[1]), DiscPlates(grid, grid, level[2], level[3]))
    wall = TubeWall(np.zeros(70), np.full((64, 70), 15.0))
    none = np.zeros(70)
    column = Column(none, np.full(70, 30.0), none, none, none, np.ones(70, bool), none, none)
    np.testing.assert_allclose(Bodies(wall, wall, plates, (0, 69)).heights(column), [26.0])
    np.testing.assert_allclose(Bodies(wall, wall, plates, (0, 69)).depth_ratios(column), [1.0])  # 15 + 15 over 30 mm


def test_bodies_whose_marrow_is_darker_than_water_keep_their_walls() -> None:
    """At 40 mg/cm3 yellow marrow leaves bodies near 0 HU, their discs at 90: walls and depth shrank to a third."""
    scan = ScanSpec(in_plane_mm=2.0, slice_step_mm=2.0)
    spec = VirtualSpineSpec(levels=("T12", "L1", "L2", "L3"), density_mg_cm3=40.0, scan=scan)  # type: ignore[arg-type]
    old = make_virtual_patient(spec, np.random.default_rng(6))
    found = segment_spine(old.ct)
    true = np.isin(old.subregions.array, (49, 50)) & (old.labels.array == Level.L1)
    assert float(np.median(old.ct.array[ndimage.binary_erosion(true, iterations=3)])) < 20
    own = (found.vertebrae.array == partner(found, true)) & (found.parts.array == 49)
    assert dice(true, own) > 0.85  # of the same at usual density: 0.90


def test_a_wall_that_is_not_where_the_midline_shows_it_is_doubted() -> None:
    assert [bool(odd_wall(ratio)) for ratio in (0.7, 0.86, 1.0, 2.1)] == [True, False, False, True]
    assert "2.1 times as deep" in odd_wall(2.1)[0]


def test_much_canal_below_the_disc_on_the_sacrum_is_doubted() -> None:
    """L5 and its disc take 35 mm and more: where they are lost, as much more canal is left below."""
    assert not odd_foot(55.0)
    assert "65 mm of canal" in odd_foot(65.0)[0]
    assert "may be missing" in odd_foot(129.0)[0]


def test_no_disc_is_found_where_a_person_refuses_one(patient: VirtualPatient, found: Segmentation) -> None:
    """A refused disc came back 5 mm beside its place."""
    disc = found.found.discs[1]
    again = find_discs(patient.ct, refused=[disc])
    assert np.linalg.norm(again.discs - disc, axis=1).min() > 7.0  # 8 mm along the canal, less where it bends


def test_a_refused_disc_leaves_one_disc_less(patient: VirtualPatient, found: Segmentation) -> None:
    """Where a true disc was refused, the middles of both bodies beside it came back as discs: a vertebra too many."""
    discs = found.found.discs
    for k in range(1, len(discs) - 1):
        again = find_discs(patient.ct, refused=[discs[k]])
        np.testing.assert_allclose(again.discs, np.delete(discs, k, axis=0), atol=2.0)  # two stations of 1 mm
        assert "the pedicles of two levels stand here" in " ".join(again.doubts[k - 1])
    with pytest.raises(InputError, match="--no-disc-at; two are needed"):
        find_discs(patient.ct, refused=discs)


def test_too_few_slices_of_a_spine_are_told_by_their_length(patient: VirtualPatient) -> None:
    """40 slices of 0.8 mm were refused with 'nothing is enclosed by bone', beside a score twice as high as needed."""
    shape = patient.ct.array.shape
    few = patient.ct.cropped((0, 0, shape[2] // 2 - 9), (*shape[:2], shape[2] // 2 + 9))
    with pytest.raises(InputError, match=r"long enough: .* image of 34 mm along the body, and 45 mm are needed"):
        find_discs(few)


def test_a_named_disc_far_from_the_spine_is_refused(patient: VirtualPatient, found: Segmentation) -> None:
    with pytest.raises(InputError, match=r"lies .* mm from the column of bodies"):
        segment_spine(patient.ct, wanted=[found.found.discs[0] + np.array([80.0, 0.0, 0.0])])


def test_thick_slices_give_bodies_and_say_that_pedicles_are_not_measured(patient: VirtualPatient) -> None:
    ct, factor = patient.ct, 2
    array = ct.array[:, :, : ct.array.shape[2] // factor * factor]
    array = array.reshape(*array.shape[:2], -1, factor).mean(axis=3).astype(np.int16)
    affine = ct.geometry.affine.copy()
    affine[:3, 2] *= factor
    found = segment_spine(Volume(array, Geometry(affine, array.shape), ct.unit))
    assert sum(not cut for cut in found.cut) >= 3
    assert all("slices of 4.0 mm are too thick for pedicles" in said[-1] for said in found.doubts)


def test_what_shows_no_spine_is_refused() -> None:
    air = Volume(np.full((60, 60, 60), -1000, np.int16), Geometry(np.diag([2.0, 2.0, 2.0, 1.0]), (60, 60, 60)), "1")
    with pytest.raises(InputError, match="no spinal canal is found"):
        segment_spine(air)


def test_a_single_slice_is_refused(patient: VirtualPatient) -> None:
    with pytest.raises(InputError, match="a spine needs at least 25 mm"):
        segment_spine(patient.ct.cropped((0, 0, 30), (*patient.ct.array.shape[:2], 31)))


@pytest.mark.parametrize(
    ("sacrum_below", "named", "ends"),
    [
        (False, (), [True, False, True]),
        (True, (), [False, False, True]),
        (False, (33.0,), [True, False, False]),
        (False, (1.0, 26.0), [False, False, True]),
    ],
)
def test_a_body_beside_a_faint_outermost_disc_is_cut_but_for_a_named_one_and_one_on_a_sacrum(
    sacrum_below: bool, named: tuple[float, ...], ends: list[bool]
) -> None:
    column = SimpleNamespace(disc=np.full(40, 0.05))
    column.disc[10] = 0.6
    levels = SimpleNamespace(discs=(0, 10, 20, 31))
    search = SimpleNamespace(levels=levels, column=column, sacrum_below=sacrum_below, named=named)
    assert [_ends_faintly(cast(Search, search), n) for n in (1, 2, 3)] == ends


@pytest.mark.parametrize(("ribs", "seeded"), [(False, True), (True, False)])
def test_a_pedicle_begins_at_the_side_of_a_body_without_ribs_and_a_rib_does_not(ribs: bool, seeded: bool) -> None:
    """Bone 2 mm beside the half width and 4 mm before the posterior wall: a pedicle of L5, or the head of a rib."""
    shape = (50, 40, 30)
    left, back = np.arange(50) - 25.0, np.arange(40) - 30.0
    aside = np.broadcast_to(np.abs(left)[:, None, None], shape)
    behind = np.broadcast_to(back[None, :, None], shape)
    interval = np.where((aside < 15) & (behind < 0), 0, -1).astype(np.int16)
    station = np.broadcast_to(np.arange(30.0), shape)
    nothing, everywhere = np.zeros(shape, bool), np.ones(shape, bool)
    half = np.full(shape, 14.0)
    site = _Site(aside, aside, behind, behind, half, station, everywhere & ribs, half, interval, nothing, nothing)
    bone = (aside >= 15) & (aside < 17) & (behind > -6) & (behind < -2)
    plate = DiscPlates(left, back, np.full((50, 40), 28.0), np.full((50, 40), 29.0))
    wall = TubeWall(np.zeros(30), np.full((64, 30), 15.0))
    found = _seeds(bone, site, Bodies(wall, wall, (plate,), (0.0, 29.0)))
    assert bool((found == 1).any()) is seeded


def test_bone_in_a_disc_and_before_the_canal_belongs_to_no_arch() -> None:
    """A spur at the back of a disc, and the rim of an end plate in the canal, were given to an arch."""
    body, canal = TubeWall(np.full(30, -20.0), np.full((64, 30), 15.0)), TubeWall(np.zeros(30), np.full((64, 30), 8.0))
    bodies = Bodies(body, canal, (), (0.0, 29.0))
    left = np.array([12.0, 5.0, 5.0, -9.0, 9.0])
    back = np.array([-20.0, -4.0, 4.0, -4.0, -4.0])  # in the wall; before the canal; a lamina; both pedicles
    found = bodies.is_before_canal(left, back, np.full(5, 15.0))
    assert found.tolist() == [True, True, False, False, False]


def test_transverse_processes_stand_aside_only_where_the_tops_of_lungs_are_seen() -> None:
    """T1 and T2 had lost tips of their transverse processes to ribs."""
    lung = np.where(np.arange(200) < 150, 0.6, 0.0)
    slopes = rib_slopes(lung)
    top = 149  # mm from foot to head
    np.testing.assert_allclose(slopes[[199, top, top - 15, top - 45, top - 75, 0]], [0.3, 0.3, 0.3, 0.8, 1.3, 1.3])
    assert set(rib_slopes(lung[:150])) == {1.3}, "the image ends within the chest"
    assert set(rib_slopes(np.roll(lung, -100)[:120])) == {1.3}, "only the base of a lung is seen"


def test_costs_are_gathered_as_in_plain_numpy() -> None:
    cost = np.random.default_rng(1).random((6, 5, 9)).astype(np.float32)
    total = np.zeros_like(cost)
    add_paths(cost, np.float32(0.3), total)
    np.testing.assert_allclose(total, gathered_plainly(cost, 0.3), atol=1e-5)  # rounding of float32 sums


def test_the_least_surface_steps_over_a_column_without_an_edge() -> None:
    cost = np.zeros((5, 5, 8), np.float32)
    cost[:, :, 3] = -1.0
    cost[2, 2] = 0.0
    cost[2, 2, 6] = -0.2  # a weak edge elsewhere, three steps off
    np.testing.assert_allclose(least_surface(cost, 0.2), 3.0, atol=0.5)


def test_each_label_grows_over_what_is_nearer_to_it_and_not_through_walls() -> None:
    cost = np.ones((9, 3, 1), np.float32)
    cost[6] = -1.0  # closed
    labels = np.zeros(cost.shape, np.int16)
    labels[0, 1], labels[4, 1] = 1, 2
    none = np.zeros(3, np.float32)
    best = grow(cost, labels, none, np.zeros_like(cost), np.ones_like(cost), np.float32(50))
    assert labels[:, 1, 0].tolist() == [1, 1, 1, 2, 2, 2, 0, 0, 0]
    assert best[1, 1, 0] == 1.0
    assert best[1, 2, 0] == pytest.approx(2**0.5)
