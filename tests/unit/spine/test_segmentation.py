"""Vertebrae told apart in a bare CT: against the true masks of virtual patients, and what is refused."""

import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.space import Geometry, Volume
from spondyl.spine.segmenters import Segmentation, segment_spine
from spondyl.spine.segmenters.layer_kernels import add_paths, grow
from spondyl.spine.segmenters.smooth_surface import gathered_plainly, least_surface
from spondyl.synthetic import ScanSpec, VirtualPatient, VirtualSpineSpec, make_virtual_patient

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


def test_what_shows_no_spine_is_refused() -> None:
    air = Volume(np.full((60, 60, 60), -1000, np.int16), Geometry(np.diag([2.0, 2.0, 2.0, 1.0]), (60, 60, 60)), "1")
    with pytest.raises(InputError, match="no spinal canal is found"):
        segment_spine(air)


def test_a_single_slice_is_refused(patient: VirtualPatient) -> None:
    with pytest.raises(InputError, match="a spine needs at least 25 mm"):
        segment_spine(patient.ct.cropped((0, 0, 30), (*patient.ct.array.shape[:2], 31)))


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
