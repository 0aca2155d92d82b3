"""Findings of deformity on virtual patients: none missed, none invented, the same findings for every level."""

import numpy as np
import pytest

from spondyl.findings import Status, compare_totalseg_rules, find_deformities, measure_density
from spondyl.findings.deformities import maybe_deformed
from spondyl.spine import Level, Spine, build_spine
from spondyl.studies import LabelImage, Patient, Scan, Study
from spondyl.synthetic import (
    BICONCAVE_35,
    CRUSH_45,
    WEDGE_30,
    ScanSpec,
    VertebraSpec,
    VirtualSpineSpec,
    make_virtual_patient,
)


def spine_with(deformity, *, with_ct=False, slice_mm=1.5) -> Spine:
    spec = VirtualSpineSpec(
        scan=ScanSpec(
            in_plane_mm=1.0, slice_step_mm=slice_mm, margin_side_mm=5, margin_front_mm=15, margin_back_mm=5,
            margin_head_mm=12, margin_foot_mm=12,
        ),
        vertebrae={} if deformity is None else {Level.L1: VertebraSpec(deformity=deformity)},
    )  # fmt: skip
    patient = make_virtual_patient(spec, np.random.default_rng(5))
    study = Study(patient.ct, Scan(), Patient()) if with_ct else None
    return build_spine(study, labels=LabelImage(patient.labels, None), label_map="verse")


def by_name(findings, name):
    return {f.level: f for f in findings if f.name == name}


@pytest.fixture(scope="module")
def intact() -> Spine:
    return spine_with(None)


@pytest.mark.parametrize(
    ("deformity", "shape"), [(WEDGE_30, "wedge"), (BICONCAVE_35, "biconcave"), (CRUSH_45, "crush")]
)
def test_a_broken_level_is_found_with_its_shape_and_no_other(deformity, shape):
    findings = find_deformities(spine_with(deformity))
    grades = by_name(findings, "genant_grade")
    assert grades[Level.L1].value >= 2
    assert by_name(findings, "deformity_shape")[Level.L1].value == shape
    assert all(f.value == 0 for level, f in grades.items() if level is not Level.L1)


def test_an_intact_spine_has_no_grade_and_the_chances_stand_beside(intact):
    findings = find_deformities(intact)
    assert {f.value for f in by_name(findings, "genant_grade").values()} == {0}
    for level in by_name(findings, "genant_grade"):
        chances = [by_name(findings, f"genant_grade_probability_{g}")[level].value for g in range(4)]
        assert sum(chances) == pytest.approx(1.0, abs=2e-4)  # each is rounded to four digits


def test_a_level_cut_by_the_border_has_every_finding_with_the_reason(intact):
    cut = [v.level for v in intact if v.is_cut and v.level is not Level.SACRUM]
    findings = find_deformities(intact)
    for level in cut:
        height = by_name(findings, "anterior_height")[level]
        assert height.status is Status.NOT_EVALUABLE and "border" in height.reason


def test_the_comparison_rules_flag_the_wedge_only():
    rules = compare_totalseg_rules(spine_with(WEDGE_30))
    flags = by_name(rules, "totalseg_conspicuous")
    assert [level for level, f in flags.items() if f.value == "yes"] == [Level.L1]
    (hu_rule,) = (f for f in rules if f.name == "totalseg_osteoporosis")
    assert hu_rule.status is Status.NOT_EVALUABLE


def test_a_crushed_level_gives_no_class_of_density():
    """Its bone is pressed together: the class would reassure."""
    spine = spine_with(CRUSH_45, with_ct=True)
    assert maybe_deformed(spine) == {Level.L1}
    findings = measure_density(spine)
    assert by_name(findings, "trabecular_hu")[Level.L1].value is not None
    (of_class,) = (f for f in findings if f.name == "opportunistic_hu_class")
    assert of_class.level in (Level.T12, Level.L2)
    assert "the cuts are for L1" in of_class.reason
