"""Records come back from their files as they went in."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spondyl.documents import records
from spondyl.documents.models import FindingsDocument, StudyDocument
from spondyl.errors import InputError
from spondyl.findings import Findings
from spondyl.space import HeightMap
from spondyl.spine import Spine
from spondyl.studies import Patient, Suitability, Usability, read_label_image

SameSurface = Callable[[HeightMap | None, HeightMap | None], bool]


def test_findings_come_back_exactly(tmp_path: Path, findings: Findings) -> None:
    records.write_findings(tmp_path / "findings.json", findings)
    assert records.read_findings(tmp_path / "findings.json") == findings


def test_findings_json_is_as_designed(findings: Findings) -> None:
    document = json.loads(records.findings_to_json(findings))
    assert document["schema"] == "spondyl.findings/1"
    grade = next(f for f in document["findings"] if f["name"] == "genant_grade" and f["level"] == "L1")
    assert list(grade) == [
        *("name", "level", "level_to", "side", "value", "unit"),
        *("low", "high", "status", "reason", "method", "source"),
    ]
    assert grade["value"] == 3 and isinstance(grade["value"], int)
    assert grade["side"] is None and grade["status"] == "measured"


def test_spine_comes_back_exactly(tmp_path: Path, spine: Spine, same_surface: SameSurface) -> None:
    files = records.write_spine(tmp_path, spine)
    assert {path.name for path in tmp_path.iterdir()} == set(files)
    back = records.read_spine(tmp_path, spine.study)
    assert back.levels == spine.levels and back.label_map == "verse" and back.notes == spine.notes
    assert np.array_equal(back.geometry.affine, spine.geometry.affine)
    assert back.geometry.frame_of_reference_uid == "1.2.3"
    assert back.canal is not None and spine.canal is not None and back.canal.is_equal(spine.canal)
    for one, other in zip(back, spine, strict=True):
        assert one.mask.is_equal(other.mask)
        assert one.body is not None and other.body is not None and one.body.is_equal(other.body)
        assert one.frame is not None and other.frame is not None
        assert np.array_equal(one.frame.axes, other.frame.axes)
        for name in ("superior", "inferior", "anterior", "posterior"):
            assert same_surface(getattr(one, name), getattr(other, name))
        assert one.pedicles[0].width_mm == other.pedicles[0].width_mm
        assert np.array_equal(one.pedicles[0].isthmus, other.pedicles[0].isthmus)
        assert (one.cut, one.remarks) == (other.cut, other.remarks)


def test_a_vertebra_without_body_comes_back(tmp_path: Path, spine: Spine) -> None:
    bare = dataclasses.replace(spine.vertebrae[0], body=None, frame=None, superior=None, cut=("head",))
    records.write_spine(tmp_path, dataclasses.replace(spine, vertebrae=(bare,), canal=None))
    back = records.read_spine(tmp_path)
    assert back.canal is None and back.study is None
    assert not (tmp_path / "parts.nii.gz").exists()
    assert back.vertebrae[0].body is None and back.vertebrae[0].frame is None and back.vertebrae[0].is_cut


def test_label_image_tells_its_names_to_other_tools(tmp_path: Path, spine: Spine) -> None:
    records.write_spine(tmp_path, spine)
    names = read_label_image(tmp_path / "labels.nii.gz").names
    assert names == {19: "vertebrae_T12", 20: "vertebrae_L1", 21: "vertebrae_L2"}
    assert read_label_image(tmp_path / "parts.nii.gz").names == {41: "arch", 49: "body", 61: "canal"}


def test_study_document_comes_back_exactly(tmp_path: Path, spine: Spine) -> None:
    assert spine.study is not None
    (tmp_path / "ct.nii.gz").write_bytes(b"grey")
    source = records.source_of(tmp_path / "ct.nii.gz", tmp_path / "case")
    suitability = (Suitability("density", Usability.LIMITED, ("the kernel is not recorded",)),)
    document = records.study_document(spine.study, spine.study.patient, suitability, source)
    records.write_document(tmp_path / "case" / "study.json", document)
    back = records.from_json(StudyDocument, tmp_path / "case" / "study.json")
    assert back.patient == spine.study.patient and back.scan == spine.study.scan
    assert back.questions == spine.study.questions and back.suitability == suitability
    assert back.source == source and back.source.path == "../ct.nii.gz"
    assert back.geometry is not None
    assert back.geometry.record().is_same_grid(spine.geometry, tolerance_mm=0.0)


def test_without_ct_the_patient_is_kept(tmp_path: Path) -> None:
    document = records.study_document(None, Patient(age_years=80), (), None)
    records.write_document(tmp_path / "study.json", document)
    back = records.from_json(StudyDocument, tmp_path / "study.json")
    assert back.patient == Patient(age_years=80) and back.scan is None and back.source is None


@pytest.mark.parametrize("change", ["changed", "moved", "added"])
def test_a_source_that_is_no_longer_the_same_is_found_out(tmp_path: Path, change: str) -> None:
    ct, case = tmp_path / "ct", tmp_path / "case"
    ct.mkdir()
    (ct / "1.dcm").write_bytes(b"slice")
    source = records.source_of(ct, case)
    assert records.source_path(source, case) == ct.resolve()
    if change == "changed":
        (ct / "1.dcm").write_bytes(b"other")
    elif change == "moved":
        ct.rename(tmp_path / "elsewhere")
    else:
        (ct / "2.dcm").write_bytes(b"slice")
    with pytest.raises(InputError, match=r"changed after|is not there"):
        records.source_path(source, case)


def test_folders_that_move_together_stay_valid(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "ct.nii").write_bytes(b"grey")
    source = records.source_of(tmp_path / "a" / "ct.nii", tmp_path / "a" / "case")
    (tmp_path / "a").rename(tmp_path / "b")
    assert records.source_path(source, tmp_path / "b" / "case") == (tmp_path / "b" / "ct.nii").resolve()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"schema": "spondyl.findings/2", "findings": []}', b'{"schema": "spondyl.study/1"}'],
)
def test_a_damaged_document_is_refused_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "findings.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"not a valid spondyl.findings/1 document"):
        records.from_json(FindingsDocument, path)


def test_a_missing_document_says_which_stage_writes_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run the stage that writes it"):
        records.read_findings(tmp_path / "findings.json")


def test_label_image_of_another_case_is_refused(tmp_path: Path, spine: Spine) -> None:
    records.write_spine(tmp_path / "one", spine)
    smaller = dataclasses.replace(spine.vertebrae[0].mask.geometry)
    part = dataclasses.replace(spine, geometry=smaller, vertebrae=spine.vertebrae[:1], canal=None)
    records.write_spine(tmp_path / "two", part)
    (tmp_path / "two" / "labels.nii.gz").replace(tmp_path / "one" / "labels.nii.gz")
    with pytest.raises(InputError, match="does not belong"):
        records.read_spine(tmp_path / "one")
