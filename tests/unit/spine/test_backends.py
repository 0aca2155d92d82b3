"""Outside segmenters, played by small programs: each one's own numbering, every way to fail, and their absence."""

from __future__ import annotations

import json
import os
import pickle
import signal
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.space import Geometry, Volume
from spondyl.spine import Level, build_spine
from spondyl.spine.label_maps import choose_label_map, load_label_map
from spondyl.spine.masks import label_numbers
from spondyl.spine.segmenters.backends import (
    BACKENDS,
    BackendLabels,
    BackendSettings,
    Command,
    run_backend,
    verse_labels,
)
from spondyl.studies import LabelImage
from tests.unit.spine import outside_programs as outside
from tests.unit.spine.conftest import Blocks

NAMES = tuple(outside.PROGRAMS)
WANTED = {Level.T12: 19, Level.L1: 20, Level.L2: 21}


@pytest.fixture(autouse=True)
def nothing_else_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No real backend of this machine, no settings of its user; temporary folders where the test can look."""
    for name in ("TOTALSEG_WEIGHTS_PATH", "TOTALSEG_HOME_DIR", "SPINEPS_SEGMENTOR_MODELS", "nnUNet_results"):
        monkeypatch.delenv(name, raising=False)
    for name in ("SPONDYL_TOTALSEGMENTATOR", "SPONDYL_SPINEPS", "SPONDYL_NNUNET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))


def settings(tmp_path: Path, name: str, script: str | None = None, **more: Any) -> BackendSettings:
    program = outside.install(tmp_path / "environment", name, script)
    weights = outside.lay_down_weights(tmp_path / "weights", name)
    return BackendSettings(**{"program": program, "weights": weights, **more})


def asked(tmp_path: Path) -> dict[str, Any]:
    """How the stand-in was called."""
    return json.loads((tmp_path / "environment" / "bin" / outside.ASKED).read_text())


def masks(answer: BackendLabels) -> dict[Level, np.ndarray]:
    """The mask of each level, read as `build_spine` does."""
    given = None if answer.label_map is None else load_label_map(answer.label_map)
    numbers = label_numbers(answer.labels.labels)
    chosen, _ = choose_label_map(numbers, answer.labels.names, given)
    return {chosen.levels[n]: answer.labels.labels.array == n for n in numbers}


@pytest.mark.parametrize("name", NAMES)
def test_each_numbering_comes_back_as_the_right_levels_in_the_right_place(name: str, tmp_path: Path) -> None:
    ct = outside.numbered_ct()
    answer = run_backend(ct, name, settings(tmp_path, name))
    found = masks(answer)
    assert set(found) == set(WANTED)
    for level, number in WANTED.items():
        np.testing.assert_array_equal(found[level], ct.array == number)
    assert answer.labels.labels.geometry.is_same_grid(ct.geometry)
    assert answer.labels.labels.geometry.frame_of_reference_uid == "1.2.3"
    assert answer.made_by.startswith(BACKENDS[name].title) and "of unknown version" not in answer.made_by


@pytest.mark.parametrize("name", NAMES)
def test_all_become_verse_with_names_and_can_be_read_without_a_map(name: str, tmp_path: Path) -> None:
    ct = outside.numbered_ct()
    labels = verse_labels(run_backend(ct, name, settings(tmp_path, name)))
    np.testing.assert_array_equal(labels.labels.array, np.where(ct.array > 0, ct.array, 0))
    assert labels.names == {19: "vertebrae_T12", 20: "vertebrae_L1", 21: "vertebrae_L2"}
    chosen, _ = choose_label_map(label_numbers(labels.labels), labels.names, None)
    assert dict(chosen.levels) == {number: level for level, number in WANTED.items()}


def test_a_spine_of_a_backend_says_who_made_it(blocks: Blocks) -> None:
    """The same vertebrae as from the label image, and the map comes with the answer."""
    answer = BackendLabels(blocks.image, "verse", None, "SPINEPS 2.1.0")
    spine = build_spine(None, labels=answer)
    assert spine.levels == build_spine(None, labels=blocks.image, label_map="verse").levels
    assert spine.method == "SPINEPS 2.1.0" and "by SPINEPS 2.1.0, which is not part of this program" in spine.notes[0]
    with pytest.raises(InputError, match="come with their map"):
        build_spine(None, labels=answer, label_map="verse")


def test_canal_cord_and_sacrum_keep_their_meaning_and_the_rest_is_left_out() -> None:
    """TotalSegmentator 2: 25 sacrum, 26 S1, 31 L1, 79 cord, 5 liver; in VerSe 26, 26, 20, and 60 here."""
    array = np.array([[[25, 26, 31, 79, 5, 0]]], np.uint8)
    names = {25: "sacrum", 26: "vertebrae_S1", 31: "vertebrae_L1", 79: "spinal_cord", 5: "liver"}
    given = LabelImage(Volume(array, Geometry(np.eye(4), array.shape), "1"), names)
    inside = verse_labels(BackendLabels(given, None, None, "a test"))
    assert inside.labels.array.tolist() == [[[26, 26, 20, 60, 0, 0]]]
    assert inside.names == {20: "vertebrae_L1", 26: "sacrum", 60: "spinal_cord"}


def test_spineps_brings_its_subregions_and_not_the_raw_masks(tmp_path: Path) -> None:
    answer = run_backend(outside.numbered_ct(), "spineps", settings(tmp_path, "spineps"))
    assert answer.subregions is not None
    assert label_numbers(answer.subregions.labels) == (49,)
    assert label_numbers(answer.labels.labels) == (19, 20, 21)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_stays_behind_and_nothing_of_the_patient_is_told(name: str, tmp_path: Path) -> None:
    run_backend(outside.numbered_ct(), name, settings(tmp_path, name))
    call = asked(tmp_path)
    assert call["folder"].startswith(str(tmp_path / "temporary"))
    assert call["environment"]["TMPDIR"] == call["folder"]
    assert list((tmp_path / "temporary").iterdir()) == []
    assert not (tmp_path / "home").exists()  # such as ~/.totalsegmentator


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_without_our_interpreter_and_without_a_way_out(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/ours")
    monkeypatch.setenv("NO_PROXY", "totalsegmentator.com")
    monkeypatch.setenv("https_proxy", "http://proxy.hospital:8080")
    run_backend(outside.numbered_ct(), name, settings(tmp_path, name))
    told = asked(tmp_path)["environment"]
    assert "PYTHONPATH" not in told and "NO_PROXY" not in told
    assert told["https_proxy"] == told["HTTP_PROXY"] == "http://127.0.0.1:9"


def test_a_call_home_fails(tmp_path: Path) -> None:
    run_backend(
        outside.numbered_ct(),
        "totalsegmentator",
        settings(tmp_path, "totalsegmentator", outside.CALLS_HOME + outside.TOTALSEGMENTATOR),
    )
    assert "refused" in (tmp_path / "environment" / "bin" / "network.txt").read_text()


def test_totalsegmentator_reports_no_usage_and_makes_vertebrae_only(tmp_path: Path) -> None:
    script = "told = Path(os.environ['TOTALSEG_HOME_DIR'], 'config.json').read_text()\n"
    script += "(here / 'config.txt').write_text(told)\n"
    given = settings(tmp_path, "totalsegmentator", script + outside.TOTALSEGMENTATOR)
    run_backend(outside.numbered_ct(), "totalsegmentator", given)
    config = json.loads((tmp_path / "environment" / "bin" / "config.txt").read_text())
    assert config["send_usage_stats"] is False
    call = asked(tmp_path)
    assert call["environment"]["TOTALSEG_WEIGHTS_PATH"] == str(tmp_path / "weights")
    wanted = call["arguments"][call["arguments"].index("-rs") + 1 : call["arguments"].index("-d")]
    assert {"vertebrae_L1", "vertebrae_C1", "sacrum"} <= set(wanted) and len(wanted) == 26


def test_spineps_gets_folders_since_names_of_models_would_be_downloaded(tmp_path: Path) -> None:
    run_backend(outside.numbered_ct(), "spineps", settings(tmp_path, "spineps"))
    arguments = asked(tmp_path)["arguments"]
    for option, folder in (("-ms", "CT_semantic_v1"), ("-mv", "CT_instance_v1"), ("-ml", "CT_labeling_v1")):
        assert arguments[arguments.index(option) + 1] == str(tmp_path / "weights" / folder)
    assert "--cpu" in arguments


def test_nnunet_takes_the_folds_that_are_there(tmp_path: Path) -> None:
    answer = run_backend(outside.numbered_ct(), "nnunet", settings(tmp_path, "nnunet"))
    arguments = asked(tmp_path)["arguments"]
    assert arguments[arguments.index("-f") + 1 : arguments.index("-npp")] == ["0", "3"]
    assert answer.made_by == "nnU-Net 2.6.2 (Dataset900_Spine)"


def test_a_graphics_card_is_asked_for_in_each_ones_words(tmp_path: Path) -> None:
    for name, wanted in (("totalsegmentator", "gpu"), ("nnunet", "cuda")):
        run_backend(outside.numbered_ct(), name, settings(tmp_path / name, name, device="gpu"))
        assert wanted in asked(tmp_path / name)["arguments"]
    run_backend(outside.numbered_ct(), "spineps", settings(tmp_path / "spineps", "spineps", device="gpu"))
    assert "--cpu" not in asked(tmp_path / "spineps")["arguments"]


@pytest.mark.parametrize("name", NAMES)
def test_without_the_program_a_sentence_says_what_to_do(name: str) -> None:
    with pytest.raises(InputError, match=r"is not found.*--backend-program"):
        run_backend(outside.numbered_ct(), name)


@pytest.mark.parametrize("name", NAMES)
def test_a_program_that_cannot_be_run_is_named(name: str, tmp_path: Path) -> None:
    plain = tmp_path / "notes.txt"
    plain.write_text("not a program")
    with pytest.raises(InputError, match=r"notes\.txt' is no program that can be run"):
        run_backend(outside.numbered_ct(), name, BackendSettings(program=plain))


@pytest.mark.parametrize("name", NAMES)
def test_without_weights_nothing_is_started(name: str, tmp_path: Path) -> None:
    given = settings(tmp_path, name, weights=tmp_path / "no-weights")
    with pytest.raises(InputError, match="--backend-weights"):
        run_backend(outside.numbered_ct(), name, given)
    assert not (tmp_path / "environment" / "bin" / outside.ASKED).exists()


def test_half_of_the_weights_are_not_enough(tmp_path: Path) -> None:
    given = settings(tmp_path, "totalsegmentator")
    next((tmp_path / "weights").glob("Dataset298_*/*/fold_0/*")).unlink()
    with pytest.raises(InputError, match=r"not complete.*: Dataset298_\* \(finding them roughly first\) not found"):
        run_backend(outside.numbered_ct(), "totalsegmentator", given)


def test_program_and_weights_are_found_through_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {
        "totalsegmentator": "TOTALSEG_WEIGHTS_PATH",
        "spineps": "SPINEPS_SEGMENTOR_MODELS",
        "nnunet": "nnUNet_results",
    }
    for name, variable in variables.items():
        given = settings(tmp_path / name, name)
        monkeypatch.setenv("PATH", str(given.program.parent))
        monkeypatch.setenv(variable, str(given.weights))
        assert set(masks(run_backend(outside.numbered_ct(), name))) == set(WANTED)
        monkeypatch.setenv("PATH", str(tmp_path / "empty"))
        monkeypatch.setenv(f"SPONDYL_{name.upper()}", str(given.program))
        assert set(masks(run_backend(outside.numbered_ct(), name))) == set(WANTED)


@pytest.mark.parametrize(
    ("name", "distribution"),
    [("totalsegmentator", "TotalSegmentator-1.5.7"), ("spineps", "spineps-1.4.0"), ("nnunet", "nnunetv2-3.0.0")],
)
def test_another_major_version_is_refused(name: str, distribution: str, tmp_path: Path) -> None:
    program = outside.install(tmp_path / "old", name, distribution=distribution)
    weights = outside.lay_down_weights(tmp_path / "weights", name)
    with pytest.raises(InputError, match=f"{distribution.partition('-')[2]} is installed; version 2 is expected"):
        run_backend(outside.numbered_ct(), name, BackendSettings(program=program, weights=weights))


def test_a_crash_quotes_its_last_words_without_paths(tmp_path: Path) -> None:
    given = settings(tmp_path, "totalsegmentator", outside.CRASH)
    with pytest.raises(InputError, match=r"ended with code 3.*not enough memory") as caught:
        run_backend(outside.numbered_ct(), "totalsegmentator", given)
    assert "patient-7" not in str(caught.value) and list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize(("script", "words"), [("", "is not there"), (outside.NO_LABEL, "is empty")])
def test_what_writes_nothing_or_no_label_is_refused(script: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=rf"TotalSegmentator 2\.18\.0 ended well, but its labels cannot be used.*{words}"
    ):
        run_backend(outside.numbered_ct(), "totalsegmentator", settings(tmp_path, "totalsegmentator", script))


@pytest.mark.parametrize("name", ["spineps", "nnunet"])
def test_what_writes_nothing_is_refused_by_the_others_too(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be used: .*is not there"):
        run_backend(outside.numbered_ct(), name, settings(tmp_path, name, "\n"))


def test_labels_on_another_grid_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"another grid.*4 x 6 x 12 and 8 x 6 x 12"):
        run_backend(
            outside.numbered_ct(), "totalsegmentator", settings(tmp_path, "totalsegmentator", outside.OTHER_GRID)
        )


def test_numbers_without_names_are_never_guessed(tmp_path: Path) -> None:
    given = settings(tmp_path, "totalsegmentator", outside.NO_NAMES)
    with pytest.raises(InputError, match=r"numbers without names.*--label-map totalseg"):
        run_backend(outside.numbered_ct(), "totalsegmentator", given)
    told = BackendSettings(given.program, given.weights, label_map="totalseg")
    assert set(masks(run_backend(outside.numbered_ct(), "totalsegmentator", told))) == set(WANTED)


def test_the_time_limit_ends_the_program_and_its_children(tmp_path: Path) -> None:
    given = settings(tmp_path, "totalsegmentator", outside.HANG, time_limit_s=8.0)
    with pytest.raises(InputError, match=r"was stopped.*time limit of 8 s"):
        run_backend(outside.numbered_ct(), "totalsegmentator", given)
    assert_ended(tmp_path)


def test_ctrl_c_ends_the_program_and_its_children(tmp_path: Path) -> None:
    given = settings(tmp_path, "totalsegmentator", outside.HANG)
    watcher = threading.Thread(target=interrupt_when_running, args=(children_file(tmp_path),))
    watcher.start()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start background jobs without it
    try:
        with pytest.raises(KeyboardInterrupt):
            run_backend(outside.numbered_ct(), "totalsegmentator", given)
    finally:
        signal.signal(signal.SIGINT, before)
    watcher.join()
    assert_ended(tmp_path)
    assert list((tmp_path / "temporary").iterdir()) == []


def children_file(tmp_path: Path) -> Path:
    return tmp_path / "environment" / "bin" / "children.txt"


def interrupt_when_running(file: Path) -> None:
    """Press Ctrl-C once the stand-in and its child are at work."""
    for _ in range(600):
        if file.is_file() and len(file.read_text().split()) == 2:
            break
        time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGINT)


def assert_ended(tmp_path: Path) -> None:
    """Neither the program nor its child is at work; an ended child of an ended parent may still be listed."""
    for number in children_file(tmp_path).read_text().split():
        for _ in range(100):
            if not at_work(int(number)):
                break
            time.sleep(0.05)
        assert not at_work(int(number))


def at_work(number: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(number, 0)
        status = Path(f"/proc/{number}/stat")
        return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")
    return False


def test_two_ct_models_of_one_phase_are_a_question(tmp_path: Path) -> None:
    given = settings(tmp_path, "spineps")
    second = tmp_path / "weights" / "CT_semantic_v2" / "inference_config.json"
    second.parent.mkdir()
    second.write_text(json.dumps({"modeltype": "nnunet", "modality": ["CT"]}))
    with pytest.raises(InputError, match=r"semantic models for CT one is expected.*CT_semantic_v1, CT_semantic_v2"):
        run_backend(outside.numbered_ct(), "spineps", given)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"channel_names": {"0": "T2w"}}, "one channel named CT is expected"),
        ({"channel_names": {"0": "CT", "1": "PET"}}, "reads 2 channels"),
        ({"file_ending": ".mha"}, "reads '.mha' files"),
        ({"labels": {"background": 0, "liver": 1}}, "name no vertebra.*liver"),
    ],
)
def test_a_network_of_something_else_is_refused_before_it_runs(change: dict, words: str, tmp_path: Path) -> None:
    given = settings(tmp_path, "nnunet")
    file = next((tmp_path / "weights").rglob("dataset.json"))
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(InputError, match=words):
        run_backend(outside.numbered_ct(), "nnunet", given)
    assert not (tmp_path / "environment" / "bin" / outside.ASKED).exists()


def test_an_unknown_backend_a_device_and_a_time_limit_that_make_no_sense_are_refused() -> None:
    with pytest.raises(InputError, match="no backend 'moose'; backends are own, totalsegmentator, spineps, nnunet"):
        run_backend(outside.numbered_ct(), "moose")
    with pytest.raises(InputError, match="no device 'tpu'"):
        BackendSettings(device="tpu")  # type: ignore[arg-type]
    for limit in (0.0, -1.0, float("nan")):
        with pytest.raises(InputError, match="above 0 is expected"):
            BackendSettings(time_limit_s=limit)


def test_a_command_cannot_be_changed_also_after_a_pickle() -> None:
    command = pickle.loads(pickle.dumps(Command(("a",), {"B": "c"})))
    with pytest.raises(TypeError):
        command.environment["B"] = "d"
