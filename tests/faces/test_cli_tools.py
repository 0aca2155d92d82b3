"""The commands beside the main job."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spondyl
from spondyl.app.cli import COMMANDS
from spondyl.spine import Level
from spondyl.studies import read_label_image, read_study
from tests.unit.spine.outside_programs import install, lay_down_weights

Cli = Callable[..., Any]
HEAVY = ("numpy", "scipy", "pydantic", "pydicom", "nibabel", "matplotlib", "jinja2", "weasyprint", "skimage")


def test_help_lists_every_command_and_imports_nothing_heavy(command: list[str]) -> None:
    code = "import sys; sys.argv = ['spondyl', '--help']\n"
    code += "from spondyl.app.cli import main\ntry: main()\nexcept SystemExit: pass\n"
    code += "print('imported', sorted(sys.modules))"
    text = subprocess.run([command[0], "-c", code], capture_output=True, text=True, check=True).stdout
    shown, imported = text.split("imported", 1)
    assert all(f" {name} " in shown for name in COMMANDS)
    assert not [name for name in HEAVY if f"'{name}'" in imported]


@pytest.mark.parametrize(("given", "kept"), [({}, "1"), ({"OPENBLAS_NUM_THREADS": "3"}, "3")])
def test_linear_algebra_has_one_thread_unless_told_otherwise(
    given: dict[str, str], kept: str, command: list[str]
) -> None:
    """Without it `spondyl spine` took 60 s instead of 13 s on two cores that others used as well."""
    code = "import os, sys; sys.argv = ['spondyl', '--version']\nfrom spondyl.app.cli import main\n"
    code += "try: main()\nexcept SystemExit: pass\nprint(os.environ['OPENBLAS_NUM_THREADS'], 'numpy' in sys.modules)"
    clean = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run([command[0], "-c", code], env=clean | given, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == f"{kept} False"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, cli: Cli) -> None:
    result = cli(command, "--help")
    assert result.code == 0 and "--json" in result.out


def test_version(cli: Cli) -> None:
    assert cli("--version").out == f"{spondyl.__version__}\n"


def test_info_says_what_a_study_is_good_for(virtual: Path, cli: Cli) -> None:
    document = cli("info", virtual / "ct.nii.gz", "--json").json()
    assert document["schema"] == "spondyl.study/1"
    assert [s["purpose"] for s in document["suitability"]] == ["morphometry", "density", "pedicle_access", "mechanics"]
    text = cli("info", virtual / "ct.nii.gz").out
    assert "voxels of 1.5 x 1.5 x 2.5 mm" in text and "morphometry      good" in text


def test_spine_prints_levels(small: Path, cli: Cli) -> None:
    arguments = ("--labels", small / "labels.nii.gz", "--label-map", "verse")
    document = cli("spine", *arguments, "--json").json()
    assert [v["level"] for v in document["vertebrae"]] == ["L2", "L3"]


def test_doctor_names_codecs_and_pdf(cli: Cli) -> None:
    result = cli("doctor", "--json")
    checks = {check["name"]: check["status"] for check in result.json()["checks"]}
    assert result.code == 0 and checks["JPEG 2000 lossless"] == "ok" and "PDF" in checks


def test_doctor_tells_whether_the_viewer_is_built(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for script, status in (("x" * 2_000_000, "ok"), (None, "missing")):
        monkeypatch.setattr("spondyl.documents.viewer.viewer_script", lambda script=script: script)
        checks = {check["name"]: check for check in cli("doctor", "--json").json()["checks"]}
        assert checks["viewer"]["status"] == status
    assert "viewer/build.py" in checks["viewer"]["detail"]


def test_doctor_tells_which_segmenters_are_there(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPONDYL_TOTALSEGMENTATOR", str(install(tmp_path, "totalsegmentator")))
    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", str(lay_down_weights(tmp_path / "weights", "totalsegmentator")))
    monkeypatch.setenv("SPONDYL_SPINEPS", str(tmp_path / "gone"))
    checks = {check["name"]: check for check in cli("doctor", "--json").json()["checks"]}
    assert checks["TotalSegmentator"]["status"] == "ok" and "version 2.18.0" in checks["TotalSegmentator"]["detail"]
    assert checks["SPINEPS"]["status"] == "missing" and "no program that can be run" in checks["SPINEPS"]["detail"]
    assert checks["SPINEPS"]["needed_for"] == "--backend spineps"


def test_synth_keeps_truth_beside_the_images(virtual: Path) -> None:
    truth = json.loads((virtual / "truth.json").read_text())
    assert truth["schema"] == "spondyl.truth/1"
    l1 = next(level for level in truth["truth"]["levels"] if level["level"] == "L1")
    assert l1["deformity"] == "wedge"
    assert l1["body"]["anterior_mm"] / l1["intact_heights_mm"][0] == pytest.approx(0.6, abs=0.02)


def test_synth_gives_the_same_patient_for_the_same_seed(tmp_path: Path, cli: Cli) -> None:
    options = ("--levels", "L2-L3", "--in-plane-mm", 2, "--slice-step-mm", 3)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert cli("synth", "--out", tmp_path / name, *options, "--seed", seed).code == 0
    a, b, c = (read_study(tmp_path / name / "ct.nii.gz").ct.array for name in "abc")
    assert np.array_equal(a, b)
    assert a.shape != c.shape or not np.array_equal(a, c)


def test_the_marked_left_stays_left_in_every_file(tmp_path: Path, cli: Cli) -> None:
    """One bright ball on the patient's left: in NIfTI, in DICOM, and beside the labels that the case holds."""
    options = ("--levels", "L2-L3", "--in-plane-mm", 2, "--slice-step-mm", 2, "--left-marker", "--noise-hu", 0)
    places = []
    for name, ct in (("nifti", "ct.nii.gz"), ("dicom", "ct")):
        assert cli("synth", "--out", tmp_path / name, *options, "--format", name).code == 0
        study = read_study(tmp_path / name / ct).ct
        places.append(study.geometry.points(np.argwhere(study.array > 2000)).mean(axis=0))
    assert places[0] == pytest.approx(places[1], abs=0.02)
    labels = tmp_path / "nifti" / "labels.nii.gz"
    case = tmp_path / "case"
    assert (
        cli("spine", tmp_path / "nifti" / "ct.nii.gz", "--labels", labels, "--label-map", "verse", "--out", case).code
        == 0
    )
    for file in (labels, case / "labels.nii.gz", case / "parts.nii.gz"):
        image = read_label_image(file).labels
        assert places[0][0] > image.geometry.points(np.argwhere(image.array > 0))[:, 0].max()  # LPS: left is larger
    spine = json.loads((case / "spine.json").read_text())
    sides = {p["side"]: p["isthmus"][0] for p in spine["vertebrae"][0]["pedicles"]}
    assert sides["left"] > sides["right"]
    assert Level[spine["vertebrae"][0]["level"]] is Level.L2
