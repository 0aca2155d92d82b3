"""`spondyl inject` on files."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import nibabel as nib
import numpy as np
import pytest

from spondyl.documents.schema_files import shipped_schema

Cli = Callable[..., Any]


def write(path: Path, array: np.ndarray) -> Path:
    nib.save(nib.Nifti1Image(array, np.diag([-1.0, -1.0, 1.0, 1.0])), path)  # voxel i, j, k is x, y, z in LPS
    return path


@pytest.fixture
def bone(tmp_path: Path) -> list[object]:
    """Ten by ten by ten mm of bone with an opening above its middle and a vein at its back."""
    inside = np.zeros((12, 12, 12), np.float32)
    inside[1:-1, 1:-1, 1:-1] = 1
    labels = np.zeros(inside.shape, np.uint8)
    labels[6, 6, 11], labels[6, 11, 6] = 1, 2
    permeability = write(tmp_path / "k.nii.gz", inside * np.float32(2e-8))
    porosity = write(tmp_path / "phi.nii.gz", inside * np.float32(0.9))
    outlets = write(tmp_path / "out.nii.gz", labels)
    (tmp_path / "out.csv").write_text("label,name,conductance_mm3,length_mm\n1,disc,open,\n2,vein,0.02,20\n")
    base = [permeability, "--porosity", porosity, "--needle", "6,6,6", "--flow", 4, "--volume", 0.5]
    return [*base, "--start", 4, "--outlets", outlets, "--cement", "generic-low"]


def test_json_keeps_to_its_schema_and_to_the_mass(bone: list[object], tmp_path: Path, cli: Cli) -> None:
    folder = tmp_path / "result"
    document = cli("inject", *bone, "--out", folder, "--marrow", "full", "--json").json()
    jsonschema.validate(document, shipped_schema("spondyl.injection/1"))
    leaked = {leak["outlet"]: leak["volume_ml"] for leak in document["leaks"]}
    assert set(leaked) == {"disc", "vein"} and leaked["disc"] > 0
    assert document["injected_ml"] == pytest.approx(0.5) and abs(document["volume_error"]) < 1e-6
    cement = nib.load(folder / "cement.nii.gz")
    assert cement.get_fdata().sum() * 0.9e-3 + sum(leaked.values()) == pytest.approx(0.5, rel=1e-5)
    np.testing.assert_allclose(cement.affine, np.diag([-1.0, -1.0, 1.0, 1.0]))
    entered = nib.load(folder / "entered_min.nii.gz").get_fdata()
    assert (np.isnan(entered) == (cement.get_fdata() == 0)).all() and np.nanmin(entered) >= 4.0
    rows = list(csv.DictReader((folder / "pressures.csv").read_text().splitlines()))
    assert len(rows) == document["steps"]
    assert float(rows[-1]["tip_kpa"]) == pytest.approx(document["pressures"][-1]["tip_kpa"], rel=1e-5)
    assert (folder / "injection.png").read_bytes().startswith(b"\x89PNG")
    assert not list(tmp_path.glob(".result*"))  # what a killed run would have left


def test_warmth_is_told_at_the_wall_and_at_each_outlet(bone: list[object], tmp_path: Path, cli: Cli) -> None:
    """Cement lies against the disc's opening and far from the vein: warmer there, and warmest in the cement."""
    folder = tmp_path / "result"
    bone[bone.index("6,6,6")] = "6,3,9"
    document = cli("inject", *bone, "--heat", 15, "--out", folder, "--json").json()
    jsonschema.validate(document, shipped_schema("spondyl.injection/1"))
    told = document["heat"]
    at = {one["outlet"]: one["peak_c"] for one in told["outlets"]}
    assert set(at) == {"disc", "vein"} and 37 < at["vein"] < at["disc"] <= told["wall_c"] < told["hottest_c"]
    assert any("no blood carries heat away" in limit for limit in document["limits"])
    peak = nib.load(folder / "peak_c.nii.gz")
    assert peak.get_fdata().max() == pytest.approx(told["hottest_c"], rel=1e-5)
    np.testing.assert_allclose(peak.affine @ [12, 12, 12, 1], [0, 0, 0, 1])  # 12 mm of tissue around
    assert "warmth     at most" in cli("inject", *bone, "--heat", 15).out
    assert cli("inject", *bone, "--json").json()["heat"] is None


def test_text_tells_pressures_assumptions_and_limits(bone: list[object], cli: Cli) -> None:
    result = cli("inject", *bone)
    assert "injected   0.500 of 0.500 mL" in result.out and "through disc" in result.out
    assert "generic bracket" in result.out and "not calibrated on patients" in result.out
    assert "no pressure limit" in result.err


def test_a_table_of_a_cement_is_read_on_its_clock(bone: list[object], tmp_path: Path, cli: Cli) -> None:
    table = tmp_path / "own.csv"
    head = "brand,temperature_c,age_s,consistency_pa_s_n,index,source\n"
    table.write_text(head + "own,25,0,60,0.6,rheometer\nown,25,600,900,0.6,rheometer\n")
    at = bone.index("--cement") + 1
    document = cli("inject", *bone[:at], table, "--json").json()
    assert document["cement"] == "own" and document["cement_sources"] == ["rheometer"]
    table.write_text(head + "own,25,0,60,0.6,rheometer\nown,25,600,900,0.5,rheometer\n")
    result = cli("inject", *bone[:at], table)
    assert result.code == 2 and "one of each is expected" in result.err


def test_two_portions_through_two_needles(bone: list[object], cli: Cli) -> None:
    document = cli("inject", *bone, "--needle", "4,5,5,2.0,100", "--volume", 0.3, "--json").json()
    assert document["asked_ml"] == 0.8 and {point["portion"] for point in document["pressures"]} == {1, 2}


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--needle", "6,6", "3 to 5 numbers"),
        ("--needle", "60,6,6", "outside the image"),
        ("--volume", 5, "more than the 0.9 mL of pores"),
        ("--start", -1, "starts at -1.0 min"),
        ("--cement", "brand", "there is no cement 'brand'"),
        ("--pressure-limit", 1e-6, "never moves this cement"),
        ("--marrow", "none", "marrow is 'none'"),
        ("--anisotropy", "1,2", "3 numbers"),
        ("--heat", 0, "0 min of curing"),
        ("--needle", "0,6,6", "lies outside the bone"),
    ],
)
def test_bad_input_ends_with_2_and_writes_nothing(
    option: str, value: object, says: str, bone: list[object], tmp_path: Path, cli: Cli
) -> None:
    given = list(bone)
    if option in given:
        given[given.index(option) + 1] = value
    else:
        given += [option, value]
    result = cli("inject", *given, "--out", tmp_path / "result", "--json")
    assert result.code == 2 and says in result.err and result.json()["schema"] == "spondyl.error/1"
    assert not (tmp_path / "result").exists()


@pytest.mark.parametrize("minutes", [0, 15])
def test_warmth_that_cannot_be_followed_is_refused_before_the_injection(
    minutes: int, bone: list[object], cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Symptom: it was refused after the whole of it, with nothing written. 0 min; and voxels that are no cubes."""
    if minutes:
        for path in (bone[0], bone[2], bone[bone.index("--outlets") + 1]):
            image = nib.load(path)
            stretched = image.affine @ np.diag([1.0, 1.0, 1.5, 1.0])
            nib.save(nib.Nifti1Image(np.asarray(image.dataobj), stretched), path)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("cement was injected")

    monkeypatch.setattr("spondyl.simulation.injection.inject", never)
    result = cli("inject", *bone, "--heat", minutes)
    assert result.code == 2 and ("resample the fields to cubes" if minutes else "0 min of curing") in result.err


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (None, "is not beside"),
        ("label,name\n1,disc\n", "conductance_mm3"),
        ("label,name,conductance_mm3\n1,disc,wide\n2,vein,1\n", "is 'wide'; a number is expected"),
        ("label,name,conductance_mm3\n1,disc,1\n1,vein,1\n", "stands there twice"),
        ("label,name,conductance_mm3\n1,disc,1\n", "labels [2] of the image have no outlet"),
    ],
)
def test_tables_of_outlets_that_cannot_be_used(
    table: str | None, says: str, bone: list[object], tmp_path: Path, cli: Cli
) -> None:
    (tmp_path / "out.csv").unlink()
    if table is not None:
        (tmp_path / "out.csv").write_text(table)
    result = cli("inject", *bone)
    assert result.code == 2 and says in result.err
