"""Deformities in a CT whose labels bear another tool's numbers."""

from __future__ import annotations

import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.space import Geometry, Volume
from spondyl.spine import Level, load_label_map
from spondyl.studies import LabelImage, Patient, Scan, Study
from spondyl.synthetic import ScanSpec, VirtualPatient, VirtualSpineSpec, deform_study, make_virtual_patient

TOTALSEG = {Level.L1: 31, Level.L2: 30, Level.L3: 29}


@pytest.fixture(scope="module")
def patient() -> VirtualPatient:
    scan = ScanSpec(in_plane_mm=1.5, slice_step_mm=2.0, margin_side_mm=10, margin_front_mm=20)
    return make_virtual_patient(VirtualSpineSpec(levels=("L1", "L2", "L3"), scan=scan), np.random.default_rng(4))


def _labels(patient: VirtualPatient) -> LabelImage:
    """Numbers of TotalSegmentator, and one of them (1, the spleen) that is no vertebra."""
    array = np.zeros(patient.labels.array.shape, np.uint8)
    for level, number in TOTALSEG.items():
        array[patient.labels.array == level] = number
    array[0, 0, 0] = 1
    return LabelImage(Volume(array, patient.labels.geometry, "1"), None)


def _study(patient: VirtualPatient) -> Study:
    return Study(patient.ct, Scan(), Patient())


def test_two_levels_are_deformed_one_after_the_other(patient: VirtualPatient) -> None:
    breaks = {Level.L1: ("wedge", 0.6), Level.L3: ("crush", 0.7)}
    first, last = deform_study(_study(patient), _labels(patient), load_label_map("totalseg"), breaks)
    assert (first.level, last.level) == (Level.L1, Level.L3)
    assert set(np.unique(last.labels.array)) == {0, Level.L1, Level.L2, Level.L3}
    assert first.heights_mm[0] / first.intact_heights_mm[0] == pytest.approx(0.6, abs=0.01)
    assert np.array_equal(first.labels.array == Level.L1, last.labels.array == Level.L1)  # the later keeps the earlier
    assert (last.labels.array == Level.L3).sum() < (first.labels.array == Level.L3).sum()


def test_labels_of_another_place_are_refused(patient: VirtualPatient) -> None:
    labels = _labels(patient)
    flipped = LabelImage(Volume(labels.labels.array[:, ::-1], labels.labels.geometry, "1"), None)
    air = Study(Volume(np.full_like(patient.ct.array, -1000), patient.ct.geometry, patient.ct.unit), Scan(), Patient())
    with pytest.raises(InputError, match="do not lie on bone"):
        deform_study(air, flipped, load_label_map("totalseg"), {Level.L2: ("wedge", 0.6)})


def test_labels_on_another_grid_are_refused(patient: VirtualPatient) -> None:
    labels = _labels(patient).labels
    moved = labels.geometry.affine.copy()
    moved[:3, 3] += 5
    other = LabelImage(Volume(labels.array, Geometry(moved, labels.array.shape), "1"), None)
    with pytest.raises(InputError, match="different grids"):
        deform_study(_study(patient), other, load_label_map("totalseg"), {Level.L2: ("wedge", 0.6)})


def test_numbers_without_a_name_are_refused(patient: VirtualPatient) -> None:
    with pytest.raises(InputError, match="without names"):
        deform_study(_study(patient), _labels(patient), None, {Level.L2: ("wedge", 0.6)})
