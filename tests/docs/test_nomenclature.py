"""Each name that a finding bears stands in the nomenclature, with its unit."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pytest

from spondyl import evidence, findings
from spondyl.findings import Findings
from spondyl.spine import Level, Spine, build_spine
from spondyl.studies import LabelImage, Patient, Scan, Study
from spondyl.synthetic import WEDGE_30, ScanSpec, VertebraSpec, VirtualSpineSpec, make_virtual_patient

NOMENCLATURE = (Path(__file__).parents[2] / "docs" / "nomenclature.md").read_text(encoding="utf-8")
_ROW = re.compile(r"^\| `([a-z0-9_]+)` \| (\S+) \|", re.MULTILINE)


@pytest.fixture(scope="module")
def found() -> Findings:
    """All that the findings package says of a virtual patient with a broken L1."""
    scan = ScanSpec(
        in_plane_mm=1.5, slice_step_mm=2.0, margin_side_mm=5, margin_front_mm=15, margin_back_mm=5,
        margin_head_mm=12, margin_foot_mm=12,
    )  # fmt: skip
    spec = VirtualSpineSpec(scan=scan, vertebrae={Level.L1: VertebraSpec(deformity=WEDGE_30)})
    patient = make_virtual_patient(spec, np.random.default_rng(1))
    study = Study(patient.ct, Scan(), Patient())
    spine = build_spine(study, labels=LabelImage(patient.labels, None), label_map="verse")
    first = tuple(finding for stage in _stages(of_findings=False) for finding in stage(spine, ()))
    return (*first, *(finding for stage in _stages(of_findings=True) for finding in stage(spine, first)))


def test_every_finding_is_in_the_nomenclature_with_its_unit(found: Findings) -> None:
    told = dict(_ROW.findall(NOMENCLATURE))
    emitted = {(finding.name, finding.unit) for finding in found}
    assert emitted, "no stage said anything"
    missing = sorted((name, unit) for name, unit in emitted if told.get(name) != unit)
    assert not missing


def test_every_source_of_a_finding_is_known(found: Findings) -> None:
    for key in {finding.source for finding in found}:
        assert evidence.find_source(key).cite


def test_every_name_is_told_once() -> None:
    names = [name for name, _ in _ROW.findall(NOMENCLATURE)]
    assert len(names) > 20
    assert len(set(names)) == len(names)


def _stages(*, of_findings: bool) -> list[Callable[[Spine, Findings], Findings]]:
    """The public functions that make findings of a spine, or of findings that are there, whatever their number."""
    functions = [f for name in findings.__all__ if inspect.isfunction(f := getattr(findings, name))]
    making = [f for f in functions if get_type_hints(f)["return"] == Findings]
    return [_with_what_it_takes(f) for f in making if ("findings" in get_type_hints(f)) is of_findings]


def _with_what_it_takes(function: Callable[..., Findings]) -> Callable[[Spine, Findings], Findings]:
    hints = get_type_hints(function)

    def stage(spine: Spine, before: Findings) -> Findings:
        given = {name: spine for name, kind in hints.items() if kind is Spine}
        return function(**given, **({"findings": before} if "findings" in hints else {}))

    return stage
