"""The whole product in a dozen lines: those whose functions exist are run, the others are named here."""

import inspect
from pathlib import Path

import numpy as np
import pytest

import spondyl as sp
from spondyl.app.measuring import measure
from spondyl.studies import write_dicom, write_label_nifti, write_nifti
from spondyl.synthetic import WEDGE_30, ScanSpec, VertebraSpec, VirtualSpineSpec, make_virtual_patient

WALK = """
study    = sp.read_study("ct.nii.gz", sp.Patient(age_years=74, pain_nrs=8))
spine    = sp.build_spine(study, labels="seg.nii.gz", label_map="verse")
findings = sp.find_deformities(spine) + sp.measure_density(spine)
plans    = sp.no_treatment("L1"), sp.plan_augmentation(spine, "L1")
results  = tuple(sp.simulate(spine, plan) for plan in plans)
outlook  = sp.predict_outcomes(study.patient, *results)
advice   = sp.assess_candidacy(study.patient, findings, results)
sp.write_report(
    "report.html", spine=spine, findings=findings, advice=advice, plans=plans, simulations=results, outlook=outlook
)
later    = sp.build_spine(sp.read_study("ct-6-weeks/"))
urgency  = sp.triage(sp.CheckIn(days_after=42, pain_nrs=3), plans[1])
"""

STILL_TO_COME = {
    "compare": "change  = sp.compare(spine, later)",
}


BESIDE = {
    "write_booklet": "for the patient: `spondyl booklet`",
    "build_voxel_model": "for any voxel model, not of a spine",
    "measure_agreement": "a tool for two label maps of one patient",
}
VERBS = ("read_", "build_", "find_", "measure_", "plan_", "write_")


def test_the_walk_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = ScanSpec(in_plane_mm=1.5, slice_step_mm=2.5)
    levels = ("T12", "L1", "L2", "L3", "L4")
    spec = VirtualSpineSpec(levels=levels, scan=scan, rib_reach=1.7, vertebrae={"L1": VertebraSpec(deformity=WEDGE_30)})
    made = make_virtual_patient(spec, np.random.default_rng(0))
    write_nifti(made.ct, tmp_path / "ct.nii.gz")
    write_label_nifti(made.labels, tmp_path / "seg.nii.gz")
    write_dicom(made.ct, tmp_path / "ct-6-weeks", virtual=True)
    monkeypatch.chdir(tmp_path)
    walked: dict[str, object] = {"sp": sp}
    exec(WALK, walked)
    assert isinstance(walked["later"], sp.Spine)
    assert [level.name for level in walked["later"].levels][-5:] == list(levels)  # found and named without labels
    assert "L1 has a" in (tmp_path / "report.html").read_text("utf-8")


@pytest.mark.parametrize("name", STILL_TO_COME)
def test_what_is_still_to_come_is_not_there_yet(name: str) -> None:
    """When this fails the function has come: move its line into the walk."""
    assert not hasattr(sp, name), f"move into WALK: {STILL_TO_COME[name]}"


@pytest.mark.parametrize("name", [name for name in sp.__all__ if name.startswith(VERBS)])
def test_every_stage_that_is_exported_is_in_the_walk_or_in_the_job(name: str) -> None:
    """A finder that nobody calls would be missed by no other test."""
    assert f"sp.{name}(" in WALK or name in inspect.getsource(measure) or name in BESIDE
