"""run.json: a stage is done only when it ended well, from the same inputs, and its files are still there."""

import json
import warnings
from pathlib import Path

import jsonschema
import pytest

from spondyl.documents.files import hashes_of, sweep
from spondyl.documents.runs import drop_stage, find_stage, is_done, last_done, read_run, recorded, set_aside
from spondyl.documents.schema_files import shipped_schema
from spondyl.errors import InputError
from spondyl.studies import write_whole

INPUTS, PARAMETERS = {"ct.nii.gz": "ab" * 32}, {"label_map": "verse"}


def run_once(folder: Path) -> None:
    with recorded(folder, "spine", INPUTS, PARAMETERS, seed=7) as stage:
        write_whole(folder / "spine.json", b"{}")
        stage.outputs.append("spine.json")


def test_a_stage_that_ended_well_is_done(tmp_path: Path) -> None:
    assert not is_done(tmp_path, "spine", INPUTS, PARAMETERS)
    run_once(tmp_path)
    assert is_done(tmp_path, "spine", INPUTS, PARAMETERS)
    record = find_stage(tmp_path, "spine")
    assert record is not None and record.seed == 7 and record.seconds >= 0
    jsonschema.validate(json.loads((tmp_path / "run.json").read_text()), shipped_schema("spondyl.run/1"))


def test_other_inputs_parameters_or_files_make_it_undone(tmp_path: Path) -> None:
    run_once(tmp_path)
    assert not is_done(tmp_path, "spine", {"ct.nii.gz": "cd" * 32}, PARAMETERS)
    assert not is_done(tmp_path, "spine", INPUTS, {"label_map": "totalseg"})
    (tmp_path / "spine.json").write_bytes(b"{ }")
    assert not is_done(tmp_path, "spine", INPUTS, PARAMETERS)
    (tmp_path / "spine.json").unlink()
    assert not is_done(tmp_path, "spine", INPUTS, PARAMETERS)


def test_a_failed_stage_is_recorded_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(InputError), recorded(tmp_path, "spine", INPUTS, PARAMETERS):
        raise InputError("26 is not in this map")
    record = find_stage(tmp_path, "spine")
    assert record is not None and record.status == "failed" and record.error == "26 is not in this map"
    assert not is_done(tmp_path, "spine", INPUTS, PARAMETERS)


def test_what_was_asked_for_stands_until_the_stage_is_done_again_or_dropped(tmp_path: Path) -> None:
    run_once(tmp_path)
    set_aside(tmp_path, "spine")
    assert find_stage(tmp_path, "spine") is None and not is_done(tmp_path, "spine", INPUTS, PARAMETERS)
    for _ in range(2):  # a failure says nothing of what can be done, however often
        with pytest.raises(InputError), recorded(tmp_path, "spine", INPUTS, {"label_map": "wrong"}):
            raise InputError("there is no such map")
    before = last_done(tmp_path, "spine")
    assert before is not None and before.parameters == PARAMETERS
    run_once(tmp_path)
    assert read_run(tmp_path).earlier == () and last_done(tmp_path, "spine") == find_stage(tmp_path, "spine")
    set_aside(tmp_path, "spine")
    drop_stage(tmp_path, "spine")
    assert last_done(tmp_path, "spine") is None


def test_of_a_defect_only_its_kind_is_recorded(tmp_path: Path) -> None:
    """The message of an unforeseen error may quote a header."""
    with pytest.raises(ValueError), recorded(tmp_path, "spine", INPUTS, PARAMETERS):
        raise ValueError("Smith^Mary")
    assert "Smith" not in (tmp_path / "run.json").read_text()
    assert read_run(tmp_path).stages[0].error == "ValueError"


def test_of_foreign_warnings_only_kind_and_place_are_recorded(tmp_path: Path) -> None:
    with recorded(tmp_path, "study", INPUTS, PARAMETERS):
        warnings.warn("Invalid value 'Smith^Mary' for PN", UserWarning, stacklevel=1)
    assert read_run(tmp_path).stages[0].warnings == ("UserWarning in documents/test_runs.py",)


def test_a_second_run_replaces_the_first(tmp_path: Path) -> None:
    run_once(tmp_path)
    run_once(tmp_path)
    assert [stage.stage for stage in read_run(tmp_path).stages] == ["spine"]


def test_leftovers_of_a_killed_run_are_swept(tmp_path: Path) -> None:
    (tmp_path / ".spine.json.abc.part").write_bytes(b"half")
    (tmp_path / "spine.json").write_bytes(b"{}")
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["spine.json"]


def test_hashes_of_a_folder_go_by_the_path_in_it(tmp_path: Path) -> None:
    (tmp_path / "ct" / "series").mkdir(parents=True)
    (tmp_path / "ct" / "series" / "1.dcm").write_bytes(b"abc")
    (tmp_path / "ct" / ".DS_Store").write_bytes(b"noise")
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # of "abc", FIPS 180-2
    assert hashes_of(tmp_path / "ct") == {"series/1.dcm": digest}


def test_a_warning_that_comes_again_is_counted(tmp_path: Path) -> None:
    with recorded(tmp_path, "study", {}, {}):
        for number in (1, 2, 1, 1):
            warnings.warn_explicit(f"odd {number}", UserWarning, "/x/spondyl/odd.py", 3)
    assert read_run(tmp_path).stages[0].warnings == ("odd 1 (3 times)", "odd 2")
