"""`spondyl access` on labels that do not allow a plan: one sentence each, exit code 2, nothing written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spondyl.space import Volume
from spondyl.studies import write_label_nifti
from spondyl.synthetic import ScanSpec, VirtualPatient, VirtualSpineSpec, make_virtual_patient

Cli = Callable[..., Any]
BODY = 49  # of the sub-regions


@pytest.fixture(scope="module")
def patient() -> VirtualPatient:
    """L1 and L2 at 1.2 mm."""
    scan = ScanSpec(in_plane_mm=1.2, slice_step_mm=1.2, margin_side_mm=15, margin_front_mm=15)
    return make_virtual_patient(VirtualSpineSpec(levels=("L1", "L2"), scan=scan), np.random.default_rng(8))


@pytest.fixture
def case_of(tmp_path: Path, cli: Cli) -> Callable[..., Path]:
    """A case folder of these labels, which lie on the grid of a volume."""

    def make(labels: np.ndarray, grid: Volume) -> Path:
        write_label_nifti(Volume(labels, grid.geometry, "1"), tmp_path / "labels.nii.gz")
        case = tmp_path / "case"
        made = cli("spine", "--labels", tmp_path / "labels.nii.gz", "--label-map", "verse", "--out", case)
        assert made.code == 0, made.err
        return case

    return make


def refusal(cli: Cli, case: Path) -> str:
    """What `spondyl access` says of L1, once it is seen that it refuses and that the case is as it was."""
    before = {path.name: path.read_bytes() for path in case.iterdir() if path.name != ".lock"}
    result = cli("access", case, "--level", "L1")
    assert result.code == 2 and "Traceback" not in result.err
    assert {path.name: path.read_bytes() for path in case.iterdir() if path.name != ".lock"} == before
    return str(result.err)


def test_a_level_that_the_image_cuts(patient: VirtualPatient, case_of: Callable[..., Path], cli: Cli) -> None:
    """The image ends halfway down L1, the upper vertebra of two."""
    heights = np.flatnonzero((patient.labels.array == 20).any(axis=(0, 1)))
    kept = patient.labels.cropped((0, 0, 0), (*patient.labels.array.shape[:2], int(np.median(heights))))
    said = refusal(cli, case_of(kept.array, kept))
    assert "L1 is cut by the image border, or its end is not surely seen (head): no path is planned into it" in said


def test_a_level_without_an_arch(patient: VirtualPatient, case_of: Callable[..., Path], cli: Cli) -> None:
    """L1 is its body alone, as some tools label it; L2 is whole."""
    labels = patient.labels.array.copy()
    labels[(labels == 20) & (patient.subregions.array != BODY)] = 0
    said = refusal(cli, case_of(labels, patient.labels))
    assert "no pedicle of L1 was found, so no way in: label its arch" in said


def test_no_arch_at_all_leaves_no_canal(patient: VirtualPatient, case_of: Callable[..., Path], cli: Cli) -> None:
    labels = np.where(patient.subregions.array == BODY, patient.labels.array, 0).astype(np.uint8)
    said = refusal(cli, case_of(labels, patient.labels))
    assert "there is no canal around L1, so no distance to it: label the arches" in said
