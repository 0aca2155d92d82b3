"""What goes wrong ends with one sentence and leaves nothing half-written."""

import fcntl
import json
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spondyl.studies import read_label_image

Cli = Callable[..., Any]
FILE_LIMIT = 20_000  # bytes: run.json and study.json fit, spine.json does not


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.glob(".*.part")]


def is_one_sentence(err: str) -> bool:
    lines = err.strip().splitlines()
    return len(lines) == 1 and lines[0].startswith("spondyl: ") and "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("info", "{none}"), "is not there"),
        (("info", "{text}"), ""),
        (("spine", "--labels", "{labels}", "--label-map", "mine"), "mine"),
        (("spine", "--labels", "{labels}", "--label-map", "totalseg-v1"), "totalseg-v1"),
        (("spine", "{ct}", "--labels", "{ct}", "--label-map", "verse"), ""),
        (("findings",), "neither a CT nor labels"),
        (("findings", "{empty}"), "is empty; the slices of a CT are expected"),
        (("report", "{empty}"), "is no case folder"),
        (("relabel", "{empty}", "--shift", "1"), "is no case folder"),
        (("plan", "{ct}", "--labels", "{none}", "--label-map", "verse", "--out", "{out}"), "is not there"),
        (("plan", "{ct}", "--labels", "{labels}", "--label-map", "verse", "--out", "{text}"), "cannot be written"),
        (("plan", "{ct}", "--labels", "{labels}", "--out", "{out}", "--force", "magic"), "no stage 'magic'"),
        (("plan", "{ct}", "--labels", "{labels}", "--out", "{out}", "--patient", "{text}"), "not valid TOML"),
        (("synth", "--out", "{empty}/x", "--break", "L1:bent:0.6"), "shapes are wedge, biconcave, crush"),
        (("synth", "--out", "{empty}/x", "--break", "L1"), "LEVEL:SHAPE:FRACTION"),
        (("synth", "--out", "{empty}/x", "--levels", "L1"), "T10-L5"),
        (("synth", "--out", "{empty}/x", "--kernel", "b80"), "smooth, standard, sharp"),
        (("synth", "--out", "{empty}/x", "--format", "png"), "nifti or dicom"),
        (("synth", "--out", "{empty}/x", "--slice-step-mm", "90"), "slice_step_mm"),
        (
            ("plan", "{ct}", "--labels", "{labels}", "--label-map", "totlseg", "--out", "{out}"),
            "there is no label map 'totlseg'; maps are verse",
        ),
        (("agree", "{labels}", "{none}", "--label-map-a", "verse"), "is not there"),
    ],
)
def test_bad_input_ends_with_one_sentence_and_code_2(
    small: Path, tmp_path: Path, cli: Cli, arguments: tuple[str, ...], words: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("no image")
    places = {
        "ct": small / "ct.nii.gz",
        "labels": small / "labels.nii.gz",
        "none": tmp_path / "none.nii.gz",
        "text": tmp_path / "notes.txt",
        "empty": tmp_path / "empty",
        "out": tmp_path / "out",
    }
    result = cli(*(argument.format(**places) for argument in arguments))
    assert result.code == 2
    assert is_one_sentence(result.err) and words in result.err, result.err
    assert not list((tmp_path / "empty").iterdir())
    assert not leftovers(tmp_path)


def test_json_of_a_failure_is_one_object(tmp_path: Path, cli: Cli) -> None:
    result = cli("info", tmp_path / "none", "--json")
    assert result.code == 2
    assert result.json()["schema"] == "spondyl.error/1" and "is not there" in result.json()["error"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fe", "--json"), "Missing argument"),
        (("fe", "model.nii.gz", "--displacement", "much", "--json"), "'--displacement'"),
        (("fe", "--nonsense", "--json"), "--nonsense"),
        (("cure", "--json"), "'cure'"),
        (("--json",), "--json"),
    ],
)
def test_json_of_a_wrong_use_is_one_object_too(cli: Cli, arguments: tuple[str, ...], words: str) -> None:
    """Standard output was empty, which a program that reads it cannot tell from a crash."""
    result = cli(*arguments)
    assert result.code == 2
    assert result.json()["schema"] == "spondyl.error/1" and words in result.json()["error"]
    assert words.split()[0] in result.err


def test_a_wrong_use_without_json_leaves_stdout_empty(cli: Cli) -> None:
    result = cli("fe", "--nonsense")
    assert (result.code, result.out) == (2, "") and "--nonsense" in result.err


def test_run_json_is_written_when_a_stage_fails(small: Path, tmp_path: Path, cli: Cli) -> None:
    case = tmp_path / "case"
    result = cli("plan", small / "ct.nii.gz", "--labels", small / "ct.nii.gz", "--label-map", "verse", "--out", case)
    assert result.code == 2
    stages = {s["stage"]: s for s in json.loads((case / "run.json").read_text())["stages"]}
    assert stages["study"]["status"] == "done"
    assert stages["spine"]["status"] == "failed" and stages["spine"]["error"] in result.err
    assert not (case / "report.html").exists()


def test_a_failed_new_run_leaves_no_old_report(case: Path, virtual: Path, cli: Cli) -> None:
    """An old report beside new input would be taken for its answer."""
    result = cli(
        "plan", virtual / "ct.nii.gz", "--labels", virtual / "ct.nii.gz", "--label-map", "verse", "--out", case
    )
    assert result.code == 2
    assert not (case / "report.html").exists() and not (case / "findings.json").exists()


def test_a_case_of_mixed_files_is_refused(case: Path, cli: Cli) -> None:
    (case / "labels.nii.gz").write_bytes((case / "parts.nii.gz").read_bytes())
    result = cli("report", case)
    assert result.code == 2 and "do not belong together" in result.err


def test_two_runs_do_not_share_a_case(case: Path, inputs: Any, cli: Cli) -> None:
    with (case / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = cli("plan", *inputs, "--out", case)
    assert result.code == 2 and "another run works on" in result.err


def test_a_full_disk_leaves_nothing_half_written(small_inputs: Any, tmp_path: Path, command: list[str]) -> None:
    """The limit on the size of a file makes the writing of spine.json fail as a full disk does."""
    case = tmp_path / "case"
    line = [*command, "plan", *map(str, small_inputs), "--out", str(case)]
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_LIMIT, FILE_LIMIT))  # noqa: E731
    result = subprocess.run(line, preexec_fn=limit, capture_output=True, text=True, check=False)
    assert result.returncode == 2, result.stderr
    assert "could not be written" in result.stderr and "Traceback" not in result.stderr
    assert not leftovers(case)
    assert not (case / "spine.json").exists()
    for image in case.glob("*.nii.gz"):
        read_label_image(image)  # whole, where it was small enough
    assert json.loads((case / "run.json").read_text())["stages"][-1]["status"] == "failed"


def test_a_pdf_that_cannot_be_written_is_an_error_and_no_remark(case: Path, cli: Cli) -> None:
    """A full disk was told as 'report.pdf was left out', as where no PDF can be laid out, and the run ended well."""
    pdf = case / "report.pdf"
    pdf.unlink(missing_ok=True)
    pdf.mkdir()  # nothing can be written under this name
    result = cli("report", case, "--force", "report")
    assert result.code == 2 and "report.pdf" in result.err
    assert json.loads((case / "run.json").read_text())["stages"][-1]["status"] == "failed"


@pytest.mark.parametrize("after", ["study", "spine"])
def test_a_killed_run_goes_on_from_the_last_finished_stage(
    small_inputs: Any, tmp_path: Path, cli: Cli, command: list[str], after: str
) -> None:
    case = tmp_path / "case"
    line = [*command, "plan", *map(str, small_inputs), "--out", str(case)]
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while after not in finished_stages(case):
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    (case / ".spine.json.half.part").write_bytes(b"{")
    whole = finished_stages(case)
    result = cli("plan", *small_inputs, "--out", case, "--json")
    assert result.code == 0, result.err
    kept = {stage["stage"] for stage in result.json()["stages"] if stage["status"] == "kept"}
    assert after in kept and kept == whole
    assert not leftovers(case)


def finished_stages(case: Path) -> set[str]:
    path = case / "run.json"
    if not path.exists():
        return set()
    return {s["stage"] for s in json.loads(path.read_text())["stages"] if s["status"] == "done"}


def test_patient_facts_stay_out_of_what_is_logged(small_inputs: Any, tmp_path: Path, cli: Cli) -> None:
    patient = tmp_path / "patient.toml"
    patient.write_text("age_years = 77\nonset_date = 1999-12-31\n")
    case = tmp_path / "case"
    result = cli("spine", *small_inputs, "--patient", patient, "--out", case)
    assert result.code == 0
    assert "77" not in result.err and "1999" not in result.err
    assert "1999" not in (case / "run.json").read_text()


def test_a_wrong_fact_is_named_and_not_quoted(small_inputs: Any, tmp_path: Path, cli: Cli) -> None:
    """An age out of range was written into run.json with the message."""
    patient = tmp_path / "patient.toml"
    patient.write_text("age_years = 777\n")
    result = cli("spine", *small_inputs, "--patient", patient, "--out", tmp_path / "case")
    assert result.code == 2 and "age_years in the record is not between 0 and 120" in result.err
    assert "777" not in result.err and "777" not in (tmp_path / "case" / "run.json").read_text()
