"""The main job: from files to a report, kept where nothing changed."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from spondyl.documents.schema_files import shipped_schema

Cli = Callable[..., Any]
ALL_STAGES = (
    *("study", "spine", "findings", "access", "strength", "simulate", "decide", "forecast", "booklet", "report"),
)


def stages(document: dict[str, Any]) -> dict[str, str]:
    return {stage["stage"]: stage["status"] for stage in document["stages"]}


def test_plan_writes_every_record_and_the_report(finished: Any) -> None:
    case, result = finished
    assert result.code == 0, result.err
    document = result.json()
    assert document["schema"] == "spondyl.job/1"
    names = {path.name for path in case.iterdir() if path.name != ".lock"}
    assert names == {
        *("study.json", "spine.json", "findings.json", "decisions.json", "bone_health.json", "forecast.json"),
        *("plans.json", "needles.mrk.json", "needles.csv", "run.json"),
        *("axis-L1-left.stl", "axis-L1-right.stl", "vertebra-L1.stl"),  # coarse slices: orientation only
        *("strength.json", "strength_L1_strain.nii.gz", "strength_L1_lasting.nii.gz"),
        "simulations.json",  # no cement: the density of this CT has no calibration
        *("labels.nii.gz", "parts.nii.gz"),
        *("report.html", "report.pdf", "booklet.html", "booklet.pdf"),
    }
    for name in ("study", "spine", "findings", "decisions", "bone_health", "plans", "strength", "simulations", "run"):
        jsonschema.validate(json.loads((case / f"{name}.json").read_text()), shipped_schema(f"spondyl.{name}/1"))
    assert stages(document) == dict.fromkeys(ALL_STAGES, "made")


def test_the_broken_level_is_found(finished: Any) -> None:
    case, result = finished
    found = json.loads((case / "findings.json").read_text())["findings"]
    grades = {f["level"]: f["value"] for f in found if f["name"] == "genant_grade"}
    assert grades["L1"] >= 2 and all(grade in (0, 1, None) for level, grade in grades.items() if level != "L1")
    assert any(sentence.startswith("L1 has a") for sentence in result.json()["summary"])


def test_a_virtual_patient_is_called_one(finished: Any) -> None:
    assert "<h1>Spine report: virtual</h1>" in (finished[0] / "report.html").read_text("utf-8")
    assert json.loads((finished[0] / "study.json").read_text())["scan"]["series_description"].startswith("VIRTUAL")


def test_run_json_names_inputs_versions_and_times(finished: Any) -> None:
    run = json.loads((finished[0] / "run.json").read_text())
    assert {"spondyl", "python", "numpy"} <= set(run["versions"])
    study, spine = run["stages"][:2]
    assert "study: ct.nii.gz" in study["inputs"] and "labels: labels.nii.gz" in spine["inputs"]
    assert spine["parameters"] == {"label_map": "verse", "resample": False}
    assert all(len(digest) == 64 for stage in run["stages"] for digest in (stage["inputs"] | stage["outputs"]).values())


def test_a_second_run_keeps_everything(case: Path, inputs: Any, cli: Cli) -> None:
    before = {path.name: path.read_bytes() for path in case.iterdir()}
    document = cli("plan", *inputs, "--out", case, "--json").json()
    assert stages(document) == dict.fromkeys(ALL_STAGES, "kept")
    assert {path.name: path.read_bytes() for path in case.iterdir()} == before


def test_force_and_a_lost_file_make_a_stage_again(case: Path, inputs: Any, cli: Cli) -> None:
    assert stages(cli("plan", *inputs, "--out", case, "--json", "--force", "report").json())["report"] == "made"
    asked = stages(cli("plan", *inputs, "--out", case, "--json", "--level", "L2").json())
    early = {"study": "kept", "spine": "kept"}
    modelled = ("access", "strength", "simulate", "decide", "forecast", "booklet", "report")
    assert asked == early | {"findings": "kept"} | dict.fromkeys(modelled, "made")
    (case / "findings.json").unlink()
    made = stages(cli("plan", *inputs, "--out", case, "--json").json())
    assert made == early | dict.fromkeys(
        ("findings", "access", "strength", "simulate", "decide", "forecast", "booklet", "report"), "made"
    )


def test_how_strength_is_modelled_is_asked_once_and_kept(case: Path, inputs: Any, cli: Cli, tmp_path: Path) -> None:
    """`plan` could not be told; only `spondyl strength` could, whose answer no report shows."""
    patient = tmp_path / "patient.toml"
    patient.write_text('age_years = 74\nfracture_levels = ["L1"]\n')

    def run(*more: object) -> tuple[str, str]:
        status = stages(cli("plan", *inputs, "--out", case, "--json", *more).json())["strength"]
        return status, json.loads((case / "strength.json").read_text())["ends"]

    assert run("--ends", "disc") == ("made", "disc")
    assert run() == ("kept", "disc")
    assert run("--patient", patient) == ("made", "disc")  # a new fact makes all anew, from the study on
    refused = cli("plan", *inputs, "--out", case, "--ends", "bone")
    assert refused.code == 2 and "one of cement, disc is expected" in refused.err


def test_an_option_named_later_leaves_those_named_before(small_inputs: Any, cli: Cli, tmp_path: Path) -> None:
    case = tmp_path / "case"
    simulate = ("--cement", "generic-low", "--seed", 5, "--runs", 0)
    assert cli("plan", *small_inputs, "--out", case, "--ends", "disc").code == 0  # intact: no level, a second or two
    assert cli("simulate", case, *simulate).code == 0
    assert cli("plan", *small_inputs, "--out", case, "--no-damage", "--runs", 3).code == 0
    asked = {s["stage"]: s["parameters"] for s in json.loads((case / "run.json").read_text())["stages"]}
    assert (asked["strength"]["ends"], asked["strength"]["damage"]) == ("disc", False)
    assert [asked["simulate"][name] for name in ("cement", "seed", "runs")] == ["generic-low", 5, 3]


def test_a_changed_fact_runs_the_job_again(case: Path, inputs: Any, cli: Cli, tmp_path: Path) -> None:
    patient = tmp_path / "patient.toml"
    patient.write_text('age_years = 74\nfracture_levels = ["L1"]\n')
    result = cli("plan", *inputs, "--out", case, "--patient", patient)
    assert result.code == 0
    assert "The record calls L1 fractured." in result.out
    assert "74 years" in (case / "report.html").read_text("utf-8")


def test_the_last_line_says_where_the_report_lies(case: Path, inputs: Any, cli: Cli) -> None:
    result = cli("plan", *inputs, "--out", case)
    assert result.out.splitlines()[-1] == f"report: {case / 'report.html'}"


def test_the_rules_of_another_tool_stand_beside_ours(case: Path, cli: Cli) -> None:
    ours = cli("findings", case, "--json").json()["findings"]
    both = cli("findings", case, "--compare", "totalseg", "--json").json()["findings"]
    assert both[: len(ours)] == ours
    assert {f["name"] for f in both[len(ours) :]} == {
        "totalseg_height_ratio", "totalseg_conspicuous", "totalseg_osteoporosis"
    }  # fmt: skip
    assert cli("findings", case, "--compare", "nobody").code == 2


def test_report_and_findings_run_on_a_case_alone(case: Path, cli: Cli) -> None:
    assert cli("report", case, "--force", "report", "--json").json()["report"].endswith("report.html")
    printed = cli("findings", case, "--json").json()
    assert printed == json.loads((case / "findings.json").read_text())


def test_relabel_renames_measures_again_and_stays_renamed(case: Path, inputs: Any, cli: Cli) -> None:
    document = cli("relabel", case, "--shift", "+1", "--json").json()
    assert stages(document) == dict.fromkeys(
        ("relabel", "findings", "access", "strength", "simulate", "decide", "forecast", "booklet", "report"), "made"
    )
    found = json.loads((case / "findings.json").read_text())["findings"]
    assert {f["level"]: f["value"] for f in found if f["name"] == "genant_grade"}["L2"] >= 2
    assert "renamed by +1 level" in (case / "report.html").read_text("utf-8")
    assert stages(cli("plan", *inputs, "--out", case, "--json").json())["spine"] == "kept"
    levels = [v["level"] for v in json.loads((case / "spine.json").read_text())["vertebrae"]]
    assert levels[:2] == ["T12", "L1"]
    again = cli("plan", *inputs, "--out", case, "--force", "study", "--force", "spine", "--json").json()
    assert stages(again)["spine"] == "made"  # a person's correction was lost without a word here
    assert any("moved by +1" in remark for remark in again["remarks"])
    levels = [v["level"] for v in json.loads((case / "spine.json").read_text())["vertebrae"]]
    assert levels[:2] == ["T12", "L1"]
    cli("relabel", case, "--shift", "-1")
    run = json.loads((case / "run.json").read_text())
    assert next(s for s in run["stages"] if s["stage"] == "relabel")["parameters"] == {"shift": 0}


def test_labels_alone_are_enough_for_heights(small: Path, cli: Cli) -> None:
    result = cli("findings", "--labels", small / "labels.nii.gz", "--label-map", "verse", "--json")
    document = result.json()
    heights = [f for f in document["findings"] if f["name"] == "anterior_height" and f["value"] is not None]
    assert {f["level"] for f in heights} == {"L2", "L3"}


def test_without_a_ct_the_job_ends_with_a_report(small: Path, cli: Cli, tmp_path: Path) -> None:
    result = cli("plan", "--labels", small / "labels.nii.gz", "--label-map", "verse", "--out", tmp_path / "case")
    assert result.code == 0, result.err
    assert "none given: what needs grey values" in (tmp_path / "case" / "report.html").read_text("utf-8")


def test_strength_of_a_job_without_a_ct_or_a_level_says_why(small: Path, cli: Cli, tmp_path: Path) -> None:
    labels = "--labels", small / "labels.nii.gz", "--label-map", "verse", "--out"
    cli("plan", *labels, tmp_path / "named", "--level", "L2")
    named = json.loads((tmp_path / "named" / "strength.json").read_text())
    assert named["levels"] == [] and named["left_out"][0]["level"] == "L2"
    assert "L2 was not pressed: strength needs the CT" in (tmp_path / "named" / "report.html").read_text("utf-8")
    cli("plan", *labels, tmp_path / "none")
    none = json.loads((tmp_path / "none" / "strength.json").read_text())
    assert none["levels"] == none["left_out"] == []
    assert "Strength, as modelled" not in (tmp_path / "none" / "report.html").read_text("utf-8")


def test_the_broken_level_was_pressed_and_stands_in_the_report(finished: Any) -> None:
    case, _ = finished
    document = json.loads((case / "strength.json").read_text())
    assert [one["level"] for one in document["levels"]] == ["L1"]
    page = (case / "report.html").read_text("utf-8")
    assert "L1 pressed by 2 % of its height, as modelled" in page
    assert "Classes of strength are not shown" in page


def test_without_pango_only_the_pdf_is_left_out(case: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "weasyprint", None)
    result = cli("report", case, "--force", "report")
    assert result.code == 0
    assert re.search(r"^report.pdf was left out: .*spondyl\[pdf\]", result.out, re.MULTILINE)
    assert (case / "report.html").is_file() and not (case / "report.pdf").exists()


def test_a_ct_that_changed_since_is_found_out(case: Path, cli: Cli, virtual: Path) -> None:
    ct = virtual / "ct.nii.gz"
    before = ct.read_bytes()
    try:
        ct.write_bytes(before[:-1])
        result = cli("report", case, "--force", "report")
    finally:
        ct.write_bytes(before)
    assert result.code == 2 and "changed after" in result.err
    assert not (case / ".part").exists()
