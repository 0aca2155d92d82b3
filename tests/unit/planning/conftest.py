"""A virtual patient at 1 mm whose pedicles are known, and its mirror image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from spondyl.space import Geometry, Volume
from spondyl.spine import Level, Spine, build_spine
from spondyl.studies import LabelImage, Patient, Scan, Study
from spondyl.synthetic import ScanSpec, VirtualPatient, VirtualSpineSpec, make_virtual_patient


@dataclass(frozen=True, eq=False)
class Known:
    """A virtual patient, and the spine found in it."""

    patient: VirtualPatient
    spine: Spine


def make_known(in_plane_mm: float = 1.0, slice_step_mm: float = 1.0) -> Known:
    scan = ScanSpec(in_plane_mm=in_plane_mm, slice_step_mm=slice_step_mm)
    spec = VirtualSpineSpec(levels=(Level.T12, Level.L1, Level.L2), scan=scan)
    patient = make_virtual_patient(spec, np.random.default_rng(4))
    return Known(patient, spine_of(patient.ct, patient.labels))


def spine_of(ct: Volume, labels: Volume) -> Spine:
    return build_spine(Study(ct, Scan(), Patient()), labels=LabelImage(labels, None), label_map="verse")


def mirrored(volume: Volume) -> Volume:
    """The patient seen in a mirror: left becomes right, on the same kind of grid."""
    turned = np.diag([-1.0, 1.0, 1.0, 1.0]) @ volume.geometry.affine
    return Volume(volume.array, Geometry(turned, volume.geometry.shape), volume.unit)


@pytest.fixture(scope="session")
def known() -> Known:
    return make_known()


@pytest.fixture(scope="session")
def coarse() -> Known:
    return make_known(slice_step_mm=2.5)


@pytest.fixture(scope="session")
def mirror_spine(known: Known) -> Spine:
    return spine_of(mirrored(known.patient.ct), mirrored(known.patient.labels))


@pytest.fixture(scope="session")
def make() -> Callable[..., Known]:
    return make_known
