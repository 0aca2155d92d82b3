"""`spondyl fe` on files."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from spondyl.app.warm import PARTS, is_warm
from spondyl.errors import NotConverged

Cli = Callable[..., Any]
EDGE = 2.0


def write(path: Path, array: np.ndarray) -> Path:
    pose = np.diag([-EDGE, EDGE, EDGE, 1.0])  # a radiologist's grid: the first axis runs to the left
    nib.save(nib.Nifti1Image(array, pose), path)
    return path


@pytest.fixture
def block(tmp_path: Path) -> list[object]:
    """Case A01: 20 x 20 x 30 mm of 300 MPa."""
    labels = np.zeros((10, 10, 15), np.uint8)
    labels[:, :, -1], labels[:, :, 0] = 6, 5
    modulus = write(tmp_path / "modulus.nii.gz", np.full(labels.shape, 300.0, np.float32))
    platens = write(tmp_path / "labels.nii.gz", labels)
    return [modulus, "--platens", platens, "--top", 6, "--bottom", 5, "--displacement", -0.3]


def test_json_and_text_of_a_block(block: list[object], cli: Cli) -> None:
    document = cli("fe", *block, "--lateral", "free", "--json").json()
    assert document["schema"] == "spondyl.fe/1"
    assert document["reaction_n"] == pytest.approx(1200.0, rel=1e-7)
    assert document["stiffness_n_per_mm"] == pytest.approx(4000.0, rel=1e-7)
    assert document["curve"] is None and document["voxels"] == 1500
    assert document["residual"] <= 1e-8 and document["iterations"] > 0
    text = cli("fe", *block, "--lateral", "free").out
    assert "reaction   1200 N at -0.3 mm" in text and "stiffness  4000 N/mm" in text


def test_nothing_is_loaded_that_a_voxel_model_does_without(block: list[object], command: list[str]) -> None:
    """`fe` took as long to load the anatomy of the spine and the planning of needles as to solve."""
    code = f"import sys; sys.argv = {['spondyl', 'fe', *map(str, block), '--lateral', 'free', '--json']}\n"
    code += "from spondyl.app.cli import main\ntry: main()\nfinally: print(*sys.modules, sep='\\n')"
    told = subprocess.run([command[0], "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    assert "spondyl.simulation.between_platens" in told and "numpy" in told
    needless = {"matplotlib", "skimage", "scipy.interpolate", "spondyl.spine", "spondyl.planning"}
    assert needless & set(told) == set()


def test_a_field_of_poissons_ratio_and_held_sides(block: list[object], tmp_path: Path, cli: Cli) -> None:
    field = write(tmp_path / "poisson.nii.gz", np.full((10, 10, 15), 0.2))
    one = cli("fe", *block, "--lateral", "held", "--poisson", 0.2, "--json").json()
    other = cli("fe", *block, "--lateral", "held", "--poisson", field, "--json").json()
    assert one["reaction_n"] == pytest.approx(other["reaction_n"], rel=1e-9)
    assert one["reaction_n"] > 1200.0


@pytest.mark.parametrize(("value", "says"), [(np.nan, "1 voxels that are no numbers"), (-1.0, "negative")])
def test_bad_moduli_end_with_2(value: float, says: str, block: list[object], tmp_path: Path, cli: Cli) -> None:
    array = np.full((10, 10, 15), 300.0)
    array[3, 3, 3] = value
    write(tmp_path / "modulus.nii.gz", array)
    result = cli("fe", *block, "--lateral", "free", "--json")
    assert result.code == 2 and says in result.err
    assert result.json()["schema"] == "spondyl.error/1"


@pytest.mark.parametrize(("option", "value"), [("--axis", "z"), ("--lateral", "loose"), ("--poisson", "bone.txt")])
def test_bad_options_end_with_2(option: str, value: str, block: list[object], cli: Cli) -> None:
    result = cli("fe", *block, "--lateral", "free", option, value)
    assert result.code == 2 and value in result.err


@pytest.mark.parametrize(("number", "letter"), [("2", "k"), ("0", "i")])
def test_the_axis_may_be_its_number(number: str, letter: str, block: list[object], cli: Cli) -> None:
    by_number = cli("fe", *block, "--lateral", "held", "--axis", number, "--json").json()
    assert by_number == cli("fe", *block, "--lateral", "held", "--axis", letter, "--json").json()
    assert by_number["axis"] == letter


def test_voxels_without_a_label_are_no_platen(block: list[object], cli: Cli) -> None:
    result = cli("fe", *block[:3], "--top", 0, *block[5:], "--lateral", "free", "--json")
    assert result.code == 2 and "label 0" in result.err


def test_a_yield_stress_gives_a_curve(block: list[object], tmp_path: Path, cli: Cli) -> None:
    strength = write(tmp_path / "yield.nii.gz", np.full((10, 10, 15), 1.5))
    given = [*block, "--lateral", "free", "--yield", strength, "--steps", 2]
    document = cli("fe", *given, "--json").json()
    assert [point["reaction_n"] for point in document["curve"]] == pytest.approx([600.0, 600.0], rel=1e-4)
    assert document["stiffness_n_per_mm"] == pytest.approx(4000.0, rel=1e-7)
    assert "curve      -0.15 mm  " in cli("fe", *given, "--law", "crushable").out
    for wrong, says in ((("--law", "glass"), "glass"), (("--fields", tmp_path / "f"), "leave --yield out")):
        result = cli("fe", *given, *wrong)
        assert result.code == 2 and says in result.err


def test_a_mechanism_bears_nothing_and_says_so(block: list[object], tmp_path: Path, cli: Cli) -> None:
    """A block that hangs between two others on one edge each turns without resistance."""
    modulus = np.zeros((10, 10, 15), np.float32)
    modulus[:3, :, :5] = modulus[3:6, :, 5:9] = modulus[6:, :, 9:] = 300.0
    write(tmp_path / "modulus.nii.gz", modulus)
    result = cli("fe", *block, "--lateral", "free", "--json")
    assert result.json()["reaction_n"] < 1e-6
    assert "turns or slides without resistance" in result.json()["warnings"][0] and "warning:" in result.err


@pytest.mark.parametrize(("displacement", "told"), [(1e9, True), (-1.6, True), (-1.4, False), (1.4, False)])
def test_a_displacement_beyond_small_strain_is_told(
    block: list[object], cli: Cli, displacement: float, told: bool
) -> None:
    """A number came without a word. The block is 30 mm high: 5 % are 1.5 mm."""
    result = cli("fe", *block[:-1], displacement, "--lateral", "free", "--json")
    warnings = result.json()["warnings"]
    assert [("strains are taken as small" in text) for text in warnings] == ([True] if told else [])
    assert ("warning: the top moves by" in result.err) is told


def test_a_curve_and_a_tilted_top_beyond_small_strain_are_told(block: list[object], tmp_path: Path, cli: Cli) -> None:
    strength = write(tmp_path / "yield.nii.gz", np.full((10, 10, 15), 1.5))
    curve = cli("fe", *block[:-1], -1.6, "--lateral", "free", "--yield", strength, "--steps", 2, "--json").json()
    assert sum("5.33 %" in text for text in curve["warnings"]) == 1
    # 2 mm off the middle: the rim moves by 1 + 2 * 10 / (20^2 / 12) = 1.6 times as much (a beam's e r / i^2)
    tilted = cli("fe", *block[:-1], -1.2, "--lateral", "free", "--offset", 2, 0, "--json").json()
    assert sum("strains are taken as small" in text for text in tilted["warnings"]) == 1


def test_what_does_not_converge_gives_no_number(block: list[object], monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    def fails(*_: object, **__: object) -> None:
        raise NotConverged("the residual is 1 of the load", (1.0,))

    monkeypatch.setattr("spondyl.simulation.solve_voxel_model", fails)
    result = cli("fe", *block, "--lateral", "free", "--json")
    assert result.code == 3 and "did not converge: the residual" in result.err
    assert result.json()["schema"] == "spondyl.error/1"


def test_a_first_run_says_that_it_compiles(block: list[object], monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    assert "compiled" not in cli("fe", *block, "--lateral", "free").err  # compiled by the tests above
    monkeypatch.setattr("spondyl.app.warm.is_warm", lambda parts: False)
    monkeypatch.setattr("spondyl.app.cli.output.SLOW_SECONDS", 1e9)  # said before, not when it has taken long
    assert "the solver is compiled, once" in cli("fe", *block, "--lateral", "free").err


def test_warmup_leaves_nothing_to_compile(cli: Cli) -> None:
    cli("warmup")
    document = cli("warmup", "--json").json()
    assert document["schema"] == "spondyl.warmup/1"
    assert {part["compiled"] for part in document["parts"]} == {0} and len(document["parts"]) == len(PARTS)
    assert is_warm()


def test_let_go_a_block_keeps_what_flowed(block: list[object], tmp_path: Path, cli: Cli) -> None:
    """1 % pressed, half of it elastic: 0.15 mm stay; without damage all stiffness does, with it less."""
    stress = write(tmp_path / "yield.nii.gz", np.full((10, 10, 15), 1.5))
    pressed = [*block, "--lateral", "free", "--yield", stress, "--steps", 4, "--let-go", "--json"]
    plain = cli("fe", *pressed).json()
    assert plain["stiffness_left"] == pytest.approx(1.0, rel=1e-2)
    assert plain["lasting_mm"] == pytest.approx(-0.15, rel=2e-2)  # 1 % of the force may be left
    damaged = cli("fe", *pressed, "--law", "damaging").json()
    assert 0.5 < damaged["stiffness_left"] < 0.95 and damaged["lasting_mm"] > plain["lasting_mm"]
    refused = cli("fe", *block, "--lateral", "free", "--let-go")
    assert refused.code == 2 and "--yield" in refused.err
