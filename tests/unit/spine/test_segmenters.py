"""Canal and discs found in a bare CT: against what is true of virtual patients, and what is refused."""

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.space import Geometry, Volume
from spondyl.spine.segmenters import DiscsFound, find_discs
from spondyl.spine.segmenters.arrays import Upright
from spondyl.spine.segmenters.canal_path import _joined, _longest_run
from spondyl.spine.segmenters.chains import STRICT, best_chain, chain_score, steps_of
from spondyl.spine.segmenters.column import Column
from spondyl.spine.segmenters.curved import CurvedFrame
from spondyl.spine.segmenters.found import BEYOND_MM, Search, search_discs
from spondyl.spine.segmenters.levels import find_levels
from spondyl.spine.segmenters.searches import best_line, best_path
from spondyl.synthetic import ScanSpec, VirtualPatient, VirtualSpineSpec, make_virtual_patient

HALF_BODY_MM = 9.0  # a disc's centre nearer than this to the middle of two bodies is not a neighbour's


@pytest.fixture(scope="module")
def patient() -> VirtualPatient:
    spec = VirtualSpineSpec(levels=("T12", "L1", "L2", "L3", "L4"), scan=ScanSpec(in_plane_mm=2.0, slice_step_mm=2.0))  # type: ignore[arg-type]
    return make_virtual_patient(spec, np.random.default_rng(3))


@pytest.fixture(scope="module")
def found(patient: VirtualPatient) -> DiscsFound:
    return find_discs(patient.ct)


def body_centres(patient: VirtualPatient) -> np.ndarray:
    """From foot to head, from the true masks."""
    body = np.isin(patient.subregions.array, (49, 50))
    levels = sorted(set(np.unique(patient.labels.array).tolist()) - {0, 26}, reverse=True)
    points = [np.argwhere(body & (patient.labels.array == n)).mean(axis=0) for n in levels]
    return patient.ct.geometry.points(np.array(points))


def test_a_disc_is_found_between_each_two_bodies(patient: VirtualPatient, found: DiscsFound) -> None:
    centres = body_centres(patient)
    true = (centres[1:] + centres[:-1]) / 2
    distance = np.linalg.norm(true[:, None] - found.discs, axis=2)
    assert distance.min(axis=1).max() < HALF_BODY_MM
    assert len(set(distance.argmin(axis=1).tolist())) == len(true)  # none is merged with its neighbour


def test_no_body_is_cut_by_a_disc(patient: VirtualPatient, found: DiscsFound) -> None:
    distance = np.linalg.norm(body_centres(patient)[:, None] - found.discs, axis=2)
    assert distance.min() > HALF_BODY_MM


def test_the_canal_lies_in_the_true_canal(patient: VirtualPatient, found: DiscsFound) -> None:
    index = np.rint(patient.ct.geometry.indices(found.canal)).astype(int)
    levels = np.argwhere(patient.labels.array > 0)[:, 2]
    along = (index[:, 2] > levels.min() + 15) & (index[:, 2] < levels.max() - 15)
    inside = patient.canal.array[tuple(index[along].T)]
    assert along.sum() > 60
    assert inside.mean() > 0.95  # within half a canal's width nearly everywhere


def test_axes_may_be_turned_and_flipped(patient: VirtualPatient, found: DiscsFound) -> None:
    """The same CT stored foot to head along its first axis, from back to front along its second."""
    ct, order = patient.ct, (2, 1, 0)
    array = ct.array.transpose(order)[:, ::-1]
    affine = np.eye(4)
    affine[:3, :3] = ct.geometry.affine[:3, :3][:, order] * (1, -1, 1)
    affine[:3, 3] = ct.geometry.points((0, ct.array.shape[1] - 1, 0))
    turned = find_discs(Volume(array, Geometry(affine, array.shape), ct.unit))
    np.testing.assert_allclose(turned.discs, found.discs, atol=1e-6)


def test_the_same_ct_gives_the_same_answer(patient: VirtualPatient, found: DiscsFound) -> None:
    np.testing.assert_array_equal(find_discs(patient.ct).discs, found.discs)


def test_shares_of_the_readings_sum_to_one(found: DiscsFound) -> None:
    assert sum(candidate.share for candidate in found.candidates) == pytest.approx(1.0)
    assert len(found.doubts) == len(found.discs) - 1


@pytest.mark.parametrize("hu", [-1000, 40])
def test_what_shows_no_canal_is_refused(hu: int) -> None:
    noise = np.random.default_rng(1).normal(hu, 20, (60, 60, 60)).astype(np.int16)
    with pytest.raises(InputError, match="no spinal canal is found"):
        find_discs(Volume(noise, Geometry(np.diag([2.0, 2.0, 2.0, 1.0]), noise.shape), "[hnsf'U]"))


def test_an_image_too_small_for_a_spine_is_refused() -> None:
    small = Volume(np.zeros((8, 8, 8), np.int16), Geometry(np.eye(4), (8, 8, 8)), "[hnsf'U]")
    with pytest.raises(InputError, match=r"8 x|7 x 7 x 7 mm"):
        find_discs(small)


@pytest.mark.parametrize(
    ("dim", "kept"),
    [(0.70, (0, 90)), (0.60, (50, 90))],  # a dip that still looks like a canal, and one that does not
)
def test_a_dim_stretch_between_two_long_ones_is_canal_too(dim: float, kept: tuple[int, int]) -> None:
    """A narrow field of view left out the canal's back wall: it broke there, and two levels were lost."""
    share = np.concatenate([np.full(30, 1.0), np.full(20, dim), np.full(40, 1.0), np.full(10, 0.7)])
    run = _longest_run(_joined(3.5 * share, 3.5))  # the dim end leads nowhere
    assert (run.start, run.stop) == kept


def test_a_dim_stretch_that_leads_to_a_short_one_is_no_canal() -> None:
    """22 voxels of 2 mm are 44 mm: less than two vertebrae, as a hole in the pelvis may be."""
    share = np.concatenate([np.full(22, 1.0), np.full(20, 0.7), np.full(40, 1.0)])
    assert _longest_run(_joined(3.5 * share, 3.5)) == slice(42, 82)


def test_the_best_path_follows_a_ridge_that_shifts() -> None:
    score = np.zeros((7, 7, 6), np.float32)
    ridge = [(2, 3), (3, 3), (3, 4), (4, 4), (4, 4), (4, 3)]
    for k, (i, j) in enumerate(ridge):
        score[i, j, k] = 1.0
    assert [tuple(p) for p in best_path(score, 0.1).tolist()] == ridge


def test_the_best_line_jumps_only_where_it_pays() -> None:
    cost = np.zeros((4, 5))
    cost[:2, [0, 2, 3, 4]] = 1.0
    cost[2:, :4] = 1.0
    assert best_line(cost, 0.1).tolist() == [1, 1, 4, 4]  # 0.3 for the jump, 2 for staying
    assert best_line(cost, 1.0).tolist() in ([1, 1, 1, 1], [4, 4, 4, 4])  # 2 for staying, 3 for the jump


def column_of(disc: np.ndarray, pedicle: np.ndarray, wide: np.ndarray | None = None) -> Column:
    """A column of bodies 34 mm deep with given evidence of discs and pedicles."""
    n = len(disc)
    planes = np.zeros((n, 3))
    stretched = np.full(n, -1.0) if wide is None else wide
    wide_planes = np.tile((0.0, 0.0, 15.0), (n, 1))
    walls = np.full(n, -8.0), np.full(n, 34.0)
    return Column(*walls, disc, planes, pedicle, np.ones(n, bool), stretched, wide_planes)


def test_a_disc_that_hardly_looks_like_one_is_doubted_on_both_sides() -> None:
    true = [20, 50, 80, 110, 140]
    disc, pedicle = np.zeros(160), np.zeros(160)
    disc[true] = (0.9, 0.9, 0.05, 0.9, 0.9)
    for low in true[:-1]:
        pedicle[low + 15 : low + 27] = 1.0
    found = find_levels(column_of(disc, pedicle), sacrum_below=False)
    assert found.discs == tuple(true)
    assert ["hardly looks like a disc" in " ".join(said) for said in found.doubts] == [False, True, True, False]


def test_discs_widened_beside_a_flat_body_are_found_where_the_strict_search_finds_none() -> None:
    """The body between 80 and 110 has become flat: its two discs, now wide, stand at 84 and 102."""
    strong = [20, 50, 140, 170]
    disc, pedicle, wide = np.zeros(190), np.zeros(190), np.full(190, -1.0)
    disc[strong] = 0.9
    wide[[84, 102]] = 0.6
    wide[[35, 155]] = 0.6  # middles of whole bodies look like wide discs too
    for top in (50, 84, 102, 140, 170):
        pedicle[top - 12 : top - 4] = 1.0
    found = find_levels(column_of(disc, pedicle, wide), sacrum_below=False)
    assert found.discs == (20, 50, 84, 102, 140, 170)
    assert any("15 mm wide" in said for said in found.doubts[2])
    assert not found.doubts[0]


def test_a_discs_plane_is_that_of_the_best_response_within_3_mm() -> None:
    """A doubt of a disc's width and its end plates must speak of the same disc."""
    disc = np.zeros(30)
    disc[[10, 12, 17]] = (0.5, 0.6, 0.9)
    column = column_of(disc, np.zeros(30))
    column.plane[[10, 12, 17]] = ((1, 0, 15), (2, 0, 7), (3, 0, 5))
    assert column.plane_near(10).tolist() == [2, 0, 7]
    assert column.plane_near(12).tolist() == [2, 0, 7]
    assert column.plane_near(14).tolist() == [3, 0, 5]
    disc[12] = 0.53  # 0.02 for each mm aside
    assert column.plane_near(10).tolist() == [1, 0, 15]


def test_the_chain_takes_evenly_spaced_discs_and_no_weak_one_between() -> None:
    true = [20, 50, 80, 110, 140]
    disc = np.zeros(160)
    disc[true] = 0.9
    disc[95] = 0.4  # would cut a body into two halves of 15 mm
    pedicle = np.zeros(160)
    for low in true[:-1]:
        pedicle[low + 15 : low + 27] = 1.0
    column = column_of(disc, pedicle)
    steps = steps_of(column, STRICT)
    assert best_chain(steps) == tuple(true)
    assert best_chain(steps, (20, 140), 3) == tuple(true)
    assert chain_score(steps, tuple(true)) > chain_score(steps, (20, 50, 80, 95, 110, 140))


@pytest.mark.parametrize(("below_mm", "again_mm", "calmed"), [(55, 40, False), (70, 40, True), (70, 65, False)])
def test_much_canal_below_the_lowest_disc_is_searched_again_on_a_calmed_image(
    monkeypatch: pytest.MonkeyPatch, below_mm: int, again_mm: int, calmed: bool
) -> None:
    """L5 of ts-lumbar-3mm was lost with a lung kernel, and with screws: 63 to 65 mm of canal lay below L4's disc."""
    grey = np.random.default_rng(1).normal(0, 100, (9, 9, 9)).astype(np.int16)
    grey[2:7, 2:7, 2:7] = 3000
    ct = Volume(grey, Geometry(np.eye(4), (9, 9, 9)), "HU")
    rough = float(np.std(ct.array))
    shown: list[float] = []

    def seen(image: Upright, wanted: object, refused: object) -> Search:
        below = below_mm if np.std(image.array) > 0.9 * rough else again_mm
        levels = SimpleNamespace(discs=(int(below + BEYOND_MM), 200))
        frame = CurvedFrame.along(np.array([[4.0, 4.0, k] for k in range(9)]))
        shown.append(float(image.array.max()))
        return Search(image, frame, np.zeros((1, 1, 1), np.float32), cast(Column, None), levels, True)  # type: ignore[arg-type]

    monkeypatch.setattr("spondyl.spine.segmenters.found._seen", seen)
    search = search_discs(ct)
    assert search.calmed is calmed
    assert search.sacral_mm == (again_mm if calmed else below_mm)
    assert shown[0] == 3000.0
    assert all(brightest <= 1000.0 for brightest in shown[1:])  # metal counts as bone
    assert np.std(search.image.array) == rough  # grey values are those of the CT as it is
