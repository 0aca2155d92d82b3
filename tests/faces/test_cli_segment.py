"""From a bare CT at the command line: labels and names, or letters and the one command that goes on."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from spondyl.studies import write_nifti
from spondyl.synthetic import ScanSpec, VirtualSpineSpec, make_virtual_patient
from tests.pdf_structure import read_structure

Cli = Callable[..., Any]


def written(folder: Path, rib_reach: float) -> Path:
    scan = ScanSpec(in_plane_mm=2.0, slice_step_mm=2.0)
    levels: Any = ("T12", "L1", "L2", "L3", "L4")
    spec = VirtualSpineSpec(levels=levels, rib_reach=rib_reach, scale=0.9, scan=scan)
    write_nifti(make_virtual_patient(spec, np.random.default_rng(3)).ct, folder / "ct.nii.gz")
    return folder / "ct.nii.gz"


@pytest.fixture(scope="module")
def lettered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("lettered"), 1.0)


@pytest.fixture(scope="module")
def asked(cli: Cli, lettered: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A case that stopped after segmentation."""
    case = tmp_path_factory.mktemp("asked") / "case"
    return case, cli("plan", lettered, "--out", case, "--json")


def test_segment_writes_numbers_that_mean_levels(cli: Cli, tmp_path: Path) -> None:
    ct = written(tmp_path, 1.7)
    document = cli("segment", ct, "--out", tmp_path / "seg.nii.gz", "--json").json()
    assert [v["name"] for v in document["names"]["vertebrae"]] == ["T12", "L1", "L2", "L3", "L4"]
    assert document["names_file"] is None
    assert set(np.unique(nib.load(tmp_path / "seg.nii.gz").dataobj)) == {0, 19, 20, 21, 22, 23, 61}
    assert set(np.unique(nib.load(tmp_path / "seg_parts.nii.gz").dataobj)) == {0, 41, 49, 61}
    again = cli(
        *("spine", ct, "--labels", tmp_path / "seg.nii.gz", "--subregions", tmp_path / "seg_parts.nii.gz", "--json")
    ).json()
    assert [v["level"] for v in again["vertebrae"]] == ["T12", "L1", "L2", "L3", "L4"]  # names stand in the file


def test_letters_come_with_a_table_that_becomes_a_label_map(cli: Cli, lettered: Path, tmp_path: Path) -> None:
    out = tmp_path / "seg.nii.gz"
    document = cli("segment", lettered, "--out", out, "--json").json()
    assert [v["name"] for v in document["names"]["vertebrae"]] == ["A", "B", "C", "D", "E"]
    assert document["questions"][0]["blocking"]
    table = tmp_path / "seg_names.tsv"
    rows = table.read_text()
    for letter, level in zip("ABCDE", ("T12", "L1", "L2", "L3", "L4"), strict=True):
        rows = rows.replace(f"\t{letter}\n", f"\t{level}\n")
    table.write_text(rows)
    spine = cli("spine", lettered, "--labels", out, "--label-map", table, "--json").json()
    assert [v["level"] for v in spine["vertebrae"]] == ["T12", "L1", "L2", "L3", "L4"]


def test_plan_without_names_stops_with_the_question_and_the_command(asked: tuple[Path, Any]) -> None:
    case, result = asked
    assert result.code == 2
    error = result.json()["error"]
    assert "does not decide which levels" in error
    assert f"--out {case} --anchor C=L1" in error
    names = {path.name for path in case.iterdir() if path.name not in (".lock", "run.json")}
    pictures = {"segmentation.json", "segmentation.nii.gz", "segmentation_parts.nii.gz", "names.json", "levels.png"}
    assert names == {"study.json"} | pictures  # nothing of what rests on names


def test_one_anchor_goes_on_without_segmenting_again(
    cli: Cli, lettered: Path, asked: tuple[Path, Any], tmp_path: Path
) -> None:
    case = tmp_path / "case"
    shutil.copytree(asked[0], case)
    before = (case / "segmentation.nii.gz").stat().st_mtime_ns
    result = cli("plan", lettered, "--out", case, "--anchor", "C=L2", "--json").json()
    stages = {stage["stage"]: stage["status"] for stage in result["stages"]}
    assert stages["segment"] == "kept"
    assert stages["names"] == stages["spine"] == "made"
    assert (case / "segmentation.nii.gz").stat().st_mtime_ns == before
    assert _levels(case) == ["T12", "L1", "L2", "L3", "L4"]
    assert json.loads((case / "spine.json").read_text())["method"] == "own segmenter"
    assert read_structure(case / "report.pdf").pictures_beyond_a_page == ()  # the levels as found fill a page's width

    kept = cli("plan", lettered, "--out", case, "--json").json()  # what was said stands
    assert {stage["status"] for stage in kept["stages"]} == {"kept"}

    renamed = cli("relabel", case, "--anchor", "C=L1", "--json").json()
    assert {s["stage"] for s in renamed["stages"]} >= {"names", "spine", "findings", "report"}
    assert "segment" not in {s["stage"] for s in renamed["stages"]}
    assert _levels(case) == ["T11", "T12", "L1", "L2", "L3"]

    wrong = cli("relabel", case, "--anchor", "Z=L1")
    assert wrong.code == 2
    assert "vertebrae 1 to 5 were found" in wrong.err
    assert _levels(case) == ["T11", "T12", "L1", "L2", "L3"]  # as it was

    edited = tmp_path / "edited.nii.gz"  # a person corrects the labels and gives them back
    image = nib.load(case / "labels.nii.gz")
    array = np.asarray(image.dataobj).copy()
    array[array == 18] = 0
    nib.save(nib.Nifti1Image(array, image.affine), edited)
    corrected = cli("plan", lettered, "--labels", edited, "--label-map", "verse", "--out", case, "--json").json()
    assert "segment" not in {stage["stage"] for stage in corrected["stages"]}
    assert _levels(case) == ["T12", "L1", "L2", "L3"]


def test_spine_and_findings_take_a_bare_ct_in_the_same_words(cli: Cli, lettered: Path, tmp_path: Path) -> None:
    asked = cli("findings", lettered, "--out", tmp_path / "case")
    assert asked.code == 2
    assert "does not decide which levels" in asked.err
    assert f"spondyl findings {lettered} --out {tmp_path / 'case'} --anchor C=L1" in asked.err
    found = cli("findings", lettered, "--out", tmp_path / "case", "--anchor", "C=L2", "--json").json()
    heights = {f["level"]: f["value"] for f in found["findings"] if f["name"] == "middle_height"}
    assert set(heights) == {"T12", "L1", "L2", "L3", "L4"}
    assert heights["L2"] == pytest.approx(22.0, abs=2.0)  # 24 mm of a usual one at a scale of 0.9, voxels of 2 mm
    of_case = cli("findings", tmp_path / "case", "--json").json()
    assert of_case["findings"] == found["findings"]
    refused = cli("findings", tmp_path / "case", "--anchor", "C=L1")
    assert refused.code == 2
    assert "spondyl relabel" in refused.err


def test_spine_of_a_bare_ct_without_a_case_names_what_it_rests_on(cli: Cli, lettered: Path, tmp_path: Path) -> None:
    asked = cli("spine", lettered)
    assert asked.code == 2
    assert "does not decide which levels" in asked.err
    assert "--anchor" in asked.err
    spine = cli("spine", lettered, "--anchor", "C=L2", "--json").json()
    assert [v["level"] for v in spine["vertebrae"]] == ["T12", "L1", "L2", "L3", "L4"]
    assert spine["method"] == "own segmenter"
    for options, said in (
        (("--label-map", "verse"), "belong to labels"),
        (("--backend", "spineps", "--anchor", "C=L1"), "not for an outside segmenter"),
        (("--backend", "unheard"), "unheard"),
        (("--disc-at", "1,2"), "is no point"),
    ):
        wrong = cli("spine", lettered, *options)
        assert wrong.code == 2
        assert said in wrong.err


def test_a_disc_that_a_person_names_or_refuses_changes_the_levels(cli: Cli, lettered: Path, tmp_path: Path) -> None:
    """The middle of the third body from the head, said to be a disc, and then to be none after all."""
    case = tmp_path / "case"
    cli("spine", lettered, "--out", case, "--anchor", "C=L2", "--json").json()
    assert _levels(case) == ["T12", "L1", "L2", "L3", "L4"]
    image = nib.load(case / "segmentation.nii.gz")
    parts = np.asarray(nib.load(case / "segmentation_parts.nii.gz").dataobj)
    numbers = np.asarray(image.dataobj)
    centres = {n: np.argwhere((numbers == n) & (parts == 49)).mean(axis=0) for n in (3, 5)}
    places = {n: nib.affines.apply_affine(image.affine, index) * (-1, -1, 1) for n, index in centres.items()}
    middle, lowest = (",".join(f"{mm:.1f}" for mm in places[n]) for n in (3, 5))  # NIfTI's points are RAS, these LPS

    lost = cli("spine", lettered, "--out", case, "--disc-at", middle)  # the third from the head is another one now
    assert lost.code == 2
    assert "does not decide which levels" in lost.err
    assert "6 vertebrae" in lost.err
    cli("spine", lettered, "--out", case, "--anchor", f"L4=mm:{lowest}", "--json").json()
    split = json.loads((case / "spine.json").read_text())
    assert _levels(case) == ["T11", "T12", "L1", "L2", "L3", "L4"]
    told = [q["text"] for q in split["questions"] if q["code"] == "vertebra_doubtful"]
    assert any(text.startswith(("L1 ", "L2 ")) for text in told), told  # half bodies: never without a word

    cli("spine", lettered, "--out", case, "--no-disc-at", middle, "--force", "segment", "--json").json()
    assert _levels(case) == ["T12", "L1", "L2", "L3", "L4"]  # the point that L4 was named by stands
    far = cli("spine", lettered, "--out", case, "--disc-at", "500,500,500", "--force", "segment")
    assert far.code == 2
    assert "mm" in far.err


def test_what_was_said_outlives_new_facts_and_a_run_that_fails(cli: Cli, lettered: Path, tmp_path: Path) -> None:
    case, patient, other = tmp_path / "case", tmp_path / "patient.toml", tmp_path / "other.nii.gz"
    levels = ["T12", "L1", "L2", "L3", "L4"]
    cli("spine", lettered, "--out", case, "--anchor", "C=L2", "--json").json()
    patient.write_text("age_years = 74\n")
    facts = ("--patient", patient)
    cli("spine", lettered, "--out", case, *facts, "--json").json()  # the study is made anew, and all that rests on it
    assert _levels(case) == levels

    failed = cli("spine", lettered, "--out", case, *facts, "--disc-at", "500,500,500")
    assert failed.code == 2
    cli("spine", lettered, "--out", case, *facts, "--json").json()  # the bad point is gone, the anchor is not
    assert _levels(case) == levels
    run = json.loads((case / "run.json").read_text())
    assert {s["stage"]: s["parameters"] for s in run["stages"]}["segment"] == {"disc_at": [], "no_disc_at": []}
    assert "names" not in {s["stage"] for s in run["earlier"]}  # done since

    image = nib.load(lettered)
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj) + 1, image.affine), other)
    asked = cli("spine", other, "--out", case, *facts)  # of another CT nobody said anything
    assert asked.code == 2
    assert "does not decide which levels" in asked.err
    warned = {s["stage"]: s["warnings"] for s in json.loads((case / "run.json").read_text())["stages"]}["names"]
    assert "anchors said before were forgotten (C=L2)" in warned[0]


def _levels(case: Path) -> list[str]:
    return [v["level"] for v in json.loads((case / "spine.json").read_text())["vertebrae"]]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--anchor", "L1=412"), "is not understood as an anchor"),
        (("--disc-at", "1,2"), "is no point"),
        (("--label-map", "verse"), "belong to labels"),
        (("--labels", "seg.nii.gz", "--anchor", "C=L1"), "for a CT without labels"),
    ],
)
def test_what_is_not_understood_is_said_before_anything_is_written(
    cli: Cli, lettered: Path, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    result = cli("plan", lettered, "--out", tmp_path / "case", *options)
    assert result.code == 2
    assert said in result.err
    assert not (tmp_path / "case").exists()


def test_a_name_of_no_label_image_is_refused_before_the_long_part(cli: Cli, lettered: Path, tmp_path: Path) -> None:
    result = cli("segment", lettered, "--out", tmp_path / "seg.txt")
    assert result.code == 2
    assert "ends in .nii.gz" in result.err
