"""`spondyl synth`: what is asked for is what is made, and everything made says that it is virtual."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import typer

from spondyl.app.cli import app
from spondyl.spine import Level
from spondyl.studies import Usability, assess_suitability, read_label_image, read_study, write_label_nifti
from spondyl.synthetic import ScanSpec, VirtualSpineSpec

Cli = Callable[..., Any]
COARSE = ("--in-plane-mm", 2, "--slice-step-mm", 3)
SMALL = ("--levels", "L2-L3", *COARSE)
GIVEN_OTHERWISE = {"levels", "scan", "vertebrae", "energy_kev"}  # energy: also by the tube voltage, so without default


def _made(folder: Path) -> dict[str, Any]:
    truth: dict[str, Any] = json.loads((folder / "truth.json").read_text("utf-8"))
    return truth


def test_every_field_of_spine_and_scan_is_an_option_with_the_same_default() -> None:
    command: Any = typer.main.get_command(app)
    options = {p.name: p for p in command.commands["synth"].params}
    for spec in (VirtualSpineSpec(), ScanSpec()):
        for field in fields(spec):
            if field.name not in GIVEN_OTHERWISE:
                assert options[field.name].default == getattr(spec, field.name), field.name
    assert "energy_kev" in options


def test_what_is_asked_for_stands_in_the_truth(tmp_path: Path, cli: Cli) -> None:
    asked = {
        "cobb_deg": 12.0, "kyphosis_deg": 40.0, "lordosis_deg": 45.0, "density_mg_cm3": 80.0, "fat_mm": 25.0,
        "scale": 0.9, "shell_mm": 0.4, "marrow_fat_share": 0.5, "rib_reach": 1.4, "rib_pairs": 13, "lumbar_count": 6,
    }  # fmt: skip
    scan = {
        "in_plane_mm": 2.0, "slice_step_mm": 3.0, "slice_thickness_mm": 4.0, "slice_profile": "gaussian",
        "tilt_deg": 10.0, "coronal_tilt_deg": -5.0, "margin_side_mm": 20.0, "kernel": "sharp", "noise_hu": 5.0,
        "contrast_hu": 120.0, "energy_kev": 80.0, "blur_mm": 0.4,
    }  # fmt: skip
    options = [word for name, value in (asked | scan).items() for word in (f"--{name.replace('_', '-')}", value)]
    made = cli("synth", "--out", tmp_path / "p", "--levels", "L2-L3", *options)
    assert made.code == 0, made.err
    specification = _made(tmp_path / "p")["specification"]
    assert {name: specification[name] for name in asked} == asked
    assert {name: specification["scan"][name] for name in scan} == scan


def test_options_of_single_levels(tmp_path: Path, cli: Cli) -> None:
    options = (
        *("--break", "L1:crush:0.7", "--level-density", "L2:55", "--pedicle-width", "L2:6", "--gas-cleft", "L1"),
        *("--endplate-defect", "L2:inferior:5", "--wall-defect", "L1:left:6", "--osteophyte", "L2:4"),
        *("--lesion", "L2:0:8", "--lesion", "L2:500", "--posterior-bulge", "L1:3"),
    )
    made = cli("synth", "--out", tmp_path / "p", "--levels", "L1-L2", *COARSE, *options)
    assert made.code == 0, made.err
    document = _made(tmp_path / "p")
    levels = {level["level"]: level for level in document["truth"]["levels"]}
    assert levels["L1"]["deformity"] == "crush" and levels["L2"]["density_mg_cm3"] == 55
    assert set(levels["L1"]["defects"]) == {"gas_cleft", "cortical_defect", "posterior_bulge"}
    assert levels["L2"]["defects"] == ["schmorl_node", "lytic_focus", "sclerotic_focus", "osteophytes"]
    assert [p["width_mm"] for p in levels["L2"]["pedicles"]] == [6.0, 6.0]
    assert document["specification"]["vertebrae"]["L2"]["schmorl_node"]["endplate"] == "inferior"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--break", "L2"), "--break is LEVEL:SHAPE:FRACTION such as L1:wedge:0.6, found 'L2'"),
        (("--break", "L2:wedge"), "found 'L2:wedge'"),
        (("--break", "L2:bent:0.6"), "'bent' is not a shape of deformity; shapes are wedge, biconcave, crush"),
        (("--break", "L2:wedge:0.6:9"), "found 'L2:wedge:0.6:9'"),
        (("--break", "L2:wedge:0.6", "--break", "L2:crush:0.7"), "given twice for L2"),
        (("--break", "T7:wedge:0.6"), "options are given for T7, but the levels of the spine are L2 to L3"),
        (("--break", "L2:wedge:nan"), "nan"),
        (("--endplate-defect", "L2:upper"), "'upper' is no endplate; one of superior, inferior is expected"),
        (("--wall-defect", "L2:top"), "'top' is no wall"),
        (("--gas-cleft", "L2:large"), "--gas-cleft is LEVEL or LEVEL:HEIGHT_MM such as L1:4, found 'L2:large'"),
        (("--gas-cleft", "L2:-4"), "height_mm is -4; it lies between 0.5 and 20 mm"),
        (("--lesion", "L2"), "--lesion is"),
        (("--level-density", "X2:60"), "'X2' is not a vertebral level"),
        (("--kernel", "boney"), "'boney' is no kernel; one of smooth, standard, sharp is expected"),
        (("--slice-profile", "round"), "'round' is no sliceprofile"),
        (("--tilt-deg", 40), "tilt_deg is 40; it lies between -25 and 25 degrees"),
        (("--tube-voltage-kv", 120, "--energy-kev", 70), "give one of them"),
        (("--tube-voltage-kv", 60), "tube_voltage_kv is 60.0; it is between 80 and 140"),
        (("--gantry-tilt-deg", 12), "add --format dicom"),
        (("--format", "nrrd"), "--format is nifti or dicom, found 'nrrd'"),
        (("--levels", "L3-L1"), "--levels runs from head to foot, found 'L3-L1': give L1-L3"),
        (("--in-plane-mm", 0.2, "--slice-step-mm", 0.3), "million voxels; at most 300 million are made"),
        (("--label-map", "verse"), "--label-map belongs to --from"),
        (("--from", "nothing.nii.gz"), "--from needs the labels of that CT"),
        (("--from", "nothing.nii.gz", "--labels", "none.nii.gz"), "nothing.nii.gz"),
    ],
)
def test_what_cannot_be_made_ends_in_a_sentence(options: Any, sentence: str, tmp_path: Path, cli: Cli) -> None:
    result = cli("synth", "--out", tmp_path / "p", *(() if "--from" in options else SMALL), *options)
    assert result.code == 2
    assert sentence in result.err and len(result.err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_full_folder_is_refused_before_the_work(small: Path, cli: Cli) -> None:
    result = cli("synth", "--out", small, *SMALL)
    assert result.code == 2 and "already there and not empty" in result.err


def test_the_dicom_header_says_how_the_scan_was_made(tmp_path: Path, cli: Cli) -> None:
    """With tube voltage, kernel and contrast in the header nothing has to be asked, and density can be used."""
    options = ("--format", "dicom", "--tube-voltage-kv", 100, "--slice-thickness-mm", 3.5, "--kernel", "smooth")
    assert cli("synth", "--out", tmp_path / "p", *SMALL, *options).code == 0
    study = read_study(tmp_path / "p" / "ct")
    scan = study.scan
    assert (scan.kvp, scan.convolution_kernel, scan.slice_thickness_mm) == (100, "SMOOTH", 3.5)
    assert scan.contrast is False and (scan.series_description or "").startswith("VIRTUAL")
    assert _made(tmp_path / "p")["specification"]["scan"]["energy_kev"] == 61  # of 100 kV
    assert {s.purpose: s.usability for s in assess_suitability(study)}["density"] is Usability.GOOD


def test_a_sharp_kernel_and_contrast_are_in_the_header(tmp_path: Path, cli: Cli) -> None:
    options = ("--format", "dicom", "--kernel", "sharp", "--contrast-hu", 150)
    assert cli("synth", "--out", tmp_path / "p", *SMALL, *options).code == 0
    study = read_study(tmp_path / "p" / "ct")
    assert study.scan.contrast is True and study.scan.convolution_kernel == "SHARP"
    density = next(s for s in assess_suitability(study) if s.purpose == "density")
    assert density.usability is Usability.UNSUITABLE and "'SHARP' enhances edges" in " ".join(density.reasons)


def test_the_record_of_a_virtual_patient_gives_its_density_a_grade(virtual: Path, tmp_path: Path, cli: Cli) -> None:
    """A NIfTI file names neither kernel nor contrast; the record beside it says that none was given."""
    assert (virtual / "patient.toml").read_text() == "contrast_given = false\n"
    inputs = (virtual / "ct.nii.gz", "--labels", virtual / "labels.nii.gz", "--label-map", "verse")
    found = cli("findings", *inputs, "--patient", virtual / "patient.toml", "--json").json()["findings"]
    assert next(f["value"] for f in found if f["name"] == "density_grade") in (2, 3)


def test_a_tilted_gantry_is_put_right_by_the_reader(tmp_path: Path, cli: Cli) -> None:
    """Heights, labels and the marked left side lie where they lie without the tilt."""
    options = ("--levels", "L2-L3", "--in-plane-mm", 1, "--slice-step-mm", 2, "--left-marker", "--noise-hu", 0)
    heights, markers = {}, {}
    for name, tilt in (("straight", 0), ("tilted", 18)):
        out = tmp_path / name
        made = cli("synth", "--out", out, *options, "--gantry-tilt-deg", tilt, "--format", "dicom")
        assert made.code == 0, made.err
        study, labels = read_study(out / "ct"), read_label_image(out / "labels.nii.gz").labels
        assert labels.geometry.is_same_grid(study.ct.geometry)
        markers[name] = study.ct.geometry.points(np.argwhere(study.ct.array > 2000)).mean(axis=0)
        found = cli("findings", out / "ct", "--labels", out / "labels.nii.gz", "--json").json()["findings"]
        heights[name] = [f["value"] for f in found if f["name"].endswith("r_height") and f["level"] == "L3"]
    assert any("gantry tilt" in note and "18.00 degrees" in note for note in study.notes)
    assert not [q for q in study.questions if q.code == "tilt_conflict"]
    assert study.scan.gantry_tilt_deg == pytest.approx(18, abs=0.01)
    # 0.8 mm: the aim for slices of 3 mm; these are of 2 mm, once cut along the endplates and once across
    assert len(heights["tilted"]) == 2 and heights["tilted"] == pytest.approx(heights["straight"], abs=0.8)
    assert abs(markers["tilted"][0] - markers["straight"][0]) < 1.5  # the grid's place within a voxel is drawn anew


@pytest.fixture(scope="module")
def foreign(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The labels of the small patient with the numbers of TotalSegmentator, without names."""
    image = read_label_image(small / "labels.nii.gz").labels
    numbers = np.select([image.array == Level.L2, image.array == Level.L3], [30, 29], 0)
    path = tmp_path_factory.mktemp("foreign") / "seg.nii.gz"
    write_label_nifti(type(image)(numbers.astype(np.uint8), image.geometry, "1"), path)
    return path


def test_a_deformity_in_a_ct_that_is_there(small: Path, foreign: Path, tmp_path: Path, cli: Cli) -> None:
    arguments = ("--from", small / "ct.nii.gz", "--labels", foreign, "--label-map", "totalseg")
    result = cli("synth", "--out", tmp_path / "d", *arguments, "--break", "L3:biconcave:0.6", "--json")
    assert result.code == 0, result.err
    files, truth = result.json(), _made(tmp_path / "d")
    assert files["description"].startswith("virtual biconcave deformity of L3") and files["seed"] is None
    assert truth["provenance"] == "virtual" and truth["specification"]["label_map"] == "totalseg"
    assert set(truth["specification"]["made_from"]) == {"study", "labels"}
    (level,) = truth["truth"]["levels"]
    assert level["level"] == "L3" and level["deformity"] == "biconcave"
    assert level["shares_left"][1] == pytest.approx(0.6, abs=0.01)
    assert level["heights_mm"][1] == pytest.approx(level["shares_left"][1] * level["intact_heights_mm"][1])
    before, after = (np.asarray(nib.load(p / "ct.nii.gz").dataobj) for p in (small, tmp_path / "d"))
    assert not np.array_equal(before, after)
    assert read_label_image(tmp_path / "d" / "labels.nii.gz").names == {21: "vertebrae_L2", 22: "vertebrae_L3"}


def test_a_report_on_it_says_virtual(small: Path, foreign: Path, tmp_path: Path, cli: Cli) -> None:
    arguments = ("--from", small / "ct.nii.gz", "--labels", foreign, "--label-map", "totalseg")
    for name in ("nifti", "dicom"):
        options = ("--break", "L3:wedge:0.6", "--format", name)
        assert cli("synth", "--out", tmp_path / name, *arguments, *options).code == 0
        ct = tmp_path / name / ("ct.nii.gz" if name == "nifti" else "ct")
        case = tmp_path / f"case-{name}"
        made = cli("spine", ct, "--labels", tmp_path / name / "labels.nii.gz", "--out", case)
        assert made.code == 0, made.err
        assert json.loads((case / "study.json").read_text())["scan"]["series_description"].startswith("VIRTUAL")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((), "no level to deform is given"),
        (("--break", "L5:wedge:0.6"), "L5 is not in these labels; their levels are L2, L3"),
        (("--break", "L2:wedge:0.1"), "anterior is 0.1; it lies between 0.2 and 1.3 of the intact height"),
        (("--break", "L2:wedge:0.6", "--label-map", "totalseg"), "totalseg"),
        (("--break", "L2:wedge:0.6", "--noise-hu", "5"), "--noise-hu shapes a virtual patient and has no effect"),
    ],
)
def test_a_deformity_that_cannot_be_made(options: Any, sentence: str, small: Path, tmp_path: Path, cli: Cli) -> None:
    arguments = ("--from", small / "ct.nii.gz", "--labels", small / "labels.nii.gz")
    result = cli("synth", "--out", tmp_path / "d", *arguments, *options)
    assert result.code == 2 and sentence in result.err
    assert not list(tmp_path.iterdir())


def test_a_deformity_in_a_real_ct(data_dir: Path, tmp_path: Path, cli: Cli) -> None:
    folder = data_dir / "ts-lumbar-3mm"
    arguments = ("--from", folder / "ct.nii.gz", "--labels", folder / "vertebrae_auto.nii.gz", "--label-map", "verse")
    result = cli("synth", "--out", tmp_path / "d", *arguments, "--break", "L2:biconcave:0.6")
    assert result.code == 0, result.err
    (level,) = _made(tmp_path / "d")["truth"]["levels"]
    assert level["level"] == "L2" and level["heights_mm"][1] < 0.62 * level["intact_heights_mm"][1]
