"""The network front end: what it finds in virtual patients, and what is said where it cannot run."""

import sys

import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.space import Geometry, Volume
from spondyl.spine.segmenters import NetworkClasses, SpineClass, find_classes, network, network_is_available
from spondyl.synthetic import ScanSpec, Structure, VirtualPatient, VirtualSpineSpec, make_virtual_patient

LEVELS = ("T12", "L1", "L2", "L3", "L4")


@pytest.fixture(scope="module")
def patient() -> VirtualPatient:
    spec = VirtualSpineSpec(levels=LEVELS, scan=ScanSpec(in_plane_mm=2.0, slice_step_mm=2.0))  # type: ignore[arg-type]
    return make_virtual_patient(spec, np.random.default_rng(3))


@pytest.fixture(scope="module")
def found(patient: VirtualPatient) -> NetworkClasses:
    return find_classes(patient.ct)


def dice(first: np.ndarray, second: np.ndarray) -> float:
    return float(2 * (first & second).sum() / (first.sum() + second.sum()))


def labels_at_voxels(found: NetworkClasses, geometry: Geometry) -> np.ndarray:
    return found.labels.resampled(geometry, order=0).array


def test_bodies_and_canal_of_a_virtual_patient_are_found(patient: VirtualPatient, found: NetworkClasses) -> None:
    """Limits: what was measured with the first weights (0.92, 0.80, 0.78) less 0.07: other weights or processors."""
    labels = labels_at_voxels(found, patient.ct.geometry)
    body = patient.subregions.array == 49
    assert dice(labels == SpineClass.BODY, body) > 0.85
    assert dice(labels == SpineClass.CANAL, patient.canal.array) > 0.73
    vertebra = patient.structures.array == Structure.VERTEBRA
    assert dice(labels == SpineClass.ARCH, vertebra & ~body) > 0.71


def test_the_aorta_is_left_out(patient: VirtualPatient, found: NetworkClasses) -> None:
    labels = labels_at_voxels(found, patient.ct.geometry)
    aorta = patient.structures.array == Structure.AORTA
    assert aorta.sum() > 1000
    assert (labels[aorta] == SpineClass.BACKGROUND).mean() > 0.98


def test_the_shares_of_a_voxel_make_a_whole(found: NetworkClasses) -> None:
    together = found.share(*SpineClass).array
    assert np.abs(together - 1).max() < len(SpineClass) * 0.5 / 255 + 1e-6  # each rounded to a 255th


def test_the_grid_lies_in_the_frame_of_the_ct(patient: VirtualPatient, found: NetworkClasses) -> None:
    assert np.allclose(found.geometry.spacing_mm, 2.0)
    inside = patient.ct.geometry.contains(
        found.geometry.points(np.array([[0, 0, 0], found.geometry.shape]) - [[0], [1]])
    )
    assert inside.all()


def test_axes_may_be_turned_and_flipped(patient: VirtualPatient, found: NetworkClasses) -> None:
    """The same CT stored feet first along its first axis; left stays left."""
    ct = patient.ct
    array = ct.array.transpose(2, 1, 0)[::-1]
    affine = ct.geometry.affine[:, [2, 1, 0, 3]].copy()
    affine[:3, 3] += affine[:3, 0] * (array.shape[0] - 1)
    affine[:3, 0] *= -1
    turned = find_classes(Volume(array, Geometry(affine, array.shape), ct.unit))
    assert turned.geometry.is_same_grid(found.geometry)
    assert np.array_equal(turned.shares, found.shares)


def test_left_and_right_are_kept(patient: VirtualPatient, found: NetworkClasses) -> None:
    """Bone on the patient's left alone is found on the patient's left."""
    array = patient.ct.array.copy()
    body = np.argwhere(patient.subregions.array == 49).mean(axis=0)
    array[: round(body[0])] = 40  # index axes run left, back, head: low indices lie right
    labels = find_classes(Volume(array, patient.ct.geometry, patient.ct.unit)).labels
    where = np.argwhere(labels.array == SpineClass.BODY)
    assert labels.geometry.points(where.mean(axis=0))[0] > patient.ct.geometry.points(body)[0] + 4


def test_the_same_ct_gives_the_same_classes(patient: VirtualPatient) -> None:
    part = patient.ct.cropped((20, 20, 10), (60, 60, 50))  # smaller than a patch
    first, second = find_classes(part), find_classes(part)
    assert np.array_equal(first.shares, second.shares)
    assert (first.labels.array == SpineClass.BODY).any()


def test_without_bone_all_is_background() -> None:
    heard: list[float] = []
    water = Volume(np.zeros((40, 40, 40), np.int16), Geometry(np.diag([2.0, 2, 2, 1]), (40, 40, 40)), "[hnsf'U]")
    found = find_classes(water, progress=lambda share, what: heard.append(share))
    assert (found.labels.array == SpineClass.BACKGROUND).all()
    assert heard == [1.0]


def test_without_onnxruntime_it_says_which_extra_is_needed(patient: VirtualPatient, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    network._packaged.cache_clear()
    assert not network_is_available()
    with pytest.raises(InputError, match=r"network front end.*spondyl\[network\].*classical stage works alone"):
        find_classes(patient.ct)


def test_without_the_weights_it_says_so(patient: VirtualPatient, monkeypatch) -> None:
    monkeypatch.setattr(network, "_WEIGHTS", "not-there.onnx")
    network._packaged.cache_clear()
    assert not network_is_available()
    with pytest.raises(InputError, match=r"not-there\.onnx.*install spondyl anew"):
        find_classes(patient.ct)
    monkeypatch.undo()
    network._packaged.cache_clear()
    assert network_is_available()


def test_shares_of_another_grid_are_refused() -> None:
    with pytest.raises(InputError, match=r"7 classes on a grid of shape \(2, 2, 2\)"):
        NetworkClasses(np.zeros((5, 2, 2, 2), np.uint8), Geometry(np.eye(4), (2, 2, 2)))
