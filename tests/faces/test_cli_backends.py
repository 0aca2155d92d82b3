"""Outside segmenters at the command line, played by a small program that answers with the virtual patient's labels."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.spine.outside_programs import ASKED, CRASH, install, lay_down_weights

Cli = Callable[..., Any]

ANSWER = """
labels = read(os.environ["LABELS_OF_THE_TEST"])
numbers = {21: 30, 22: 29}
names = {30: "vertebrae_L2", 29: "vertebrae_L3"}
write(read(option("-i")), renumbered(np.asarray(labels.dataobj), numbers), option("-o"), names)
"""


@pytest.fixture
def backend(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str | Path, ...]:
    """TotalSegmentator as options of a command."""
    monkeypatch.setenv("LABELS_OF_THE_TEST", str(small / "labels.nii.gz"))
    program = install(tmp_path / "environment", "totalsegmentator", ANSWER)
    weights = lay_down_weights(tmp_path / "weights", "totalsegmentator")
    return "--backend", "totalsegmentator", "--backend-program", program, "--backend-weights", weights


def test_segment_writes_the_labels_of_a_backend_in_our_numbers(
    small: Path, backend: tuple[str | Path, ...], cli: Cli, tmp_path: Path
) -> None:
    out = tmp_path / "seg.nii.gz"
    document = cli("segment", small / "ct.nii.gz", "--out", out, *backend, "--json").json()
    assert document["schema"] == "spondyl.backend_labels/1"
    assert document["made_by"] == "TotalSegmentator 2.18.0" and document["levels"] == ["L2", "L3"]
    agreed = cli("agree", small / "labels.nii.gz", out, "--label-map-a", "verse", "--json").json()
    assert {f["value"] for f in agreed["findings"] if f["name"] == "dice"} == {1.0}


def test_plan_takes_a_backend_once_and_says_who_made_the_labels(
    small: Path, backend: tuple[str | Path, ...], cli: Cli, tmp_path: Path
) -> None:
    case = tmp_path / "case"
    first = cli("plan", small / "ct.nii.gz", "--out", case, *backend, "--json").json()
    assert {"stage": "backend", "status": "made"} in first["stages"]
    spine = json.loads((case / "spine.json").read_text())
    assert spine["method"] == "TotalSegmentator 2.18.0" and "TotalSegmentator 2.18.0" in spine["notes"][0]
    assert "not part of this program" in (case / "report.html").read_text()
    asked = tmp_path / "environment" / "bin" / ASKED
    asked.unlink()
    again = cli("plan", small / "ct.nii.gz", "--out", case, *backend, "--json").json()
    assert {"stage": "backend", "status": "kept"} in again["stages"] and not asked.exists()


def test_spine_and_findings_ask_the_same_backends(
    small: Path, backend: tuple[str | Path, ...], cli: Cli, tmp_path: Path
) -> None:
    spine = cli("spine", small / "ct.nii.gz", *backend, "--json").json()
    assert spine["method"] == "TotalSegmentator 2.18.0"
    assert [v["level"] for v in spine["vertebrae"]] == ["L2", "L3"]
    in_case = cli("findings", small / "ct.nii.gz", "--out", tmp_path / "case", *backend, "--json").json()
    assert {f["level"] for f in in_case["findings"] if f["name"] == "middle_height"} == {"L2", "L3"}
    refused = cli("spine", small / "ct.nii.gz", *backend, "--anchor", "L2=label:1")
    assert refused.code == 2 and "not for an outside segmenter" in refused.err


def test_what_fails_is_one_sentence_and_leaves_no_labels(
    small: Path, backend: tuple[str | Path, ...], cli: Cli, tmp_path: Path
) -> None:
    install(tmp_path / "broken", "totalsegmentator", CRASH)
    broken = (*backend[:3], tmp_path / "broken" / "bin" / "TotalSegmentator", *backend[4:])
    for command, out in (("segment", tmp_path / "seg.nii.gz"), ("plan", tmp_path / "case")):
        result = cli(command, small / "ct.nii.gz", "--out", out, *broken)
        assert result.code == 2 and "ended with code 3" in result.err and "Traceback" not in result.err
    assert not (tmp_path / "seg.nii.gz").exists()
    assert not (tmp_path / "case" / "backend_labels.nii.gz").exists()


def test_what_does_not_go_together_is_refused_before_anything_runs(
    small: Path, backend: tuple[str | Path, ...], cli: Cli, tmp_path: Path
) -> None:
    ct, labels = small / "ct.nii.gz", small / "labels.nii.gz"
    out = ("--out", tmp_path / "case")
    for given in (("--labels", labels, *backend), ("--anchor", "L2=label:1", *backend)):
        result = cli("plan", ct, *out, *given)
        assert result.code == 2 and "not for an outside segmenter" in result.err
    result = cli("segment", ct, "--out", tmp_path / "seg.nii.gz", "--backend-minutes", 5)
    assert result.code == 2 and "minutes: given for an outside segmenter" in result.err
    assert not (tmp_path / "environment" / "bin" / ASKED).exists()
