"""What may not lie in the repository: data of patients, places of one machine, changelog lines nobody can read."""

import hashlib
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
IMAGES = (".nii", ".nii.gz", ".dcm", ".mha", ".nrrd")
HOSTS = ("pypi" + ".org", "files." + "pythonhosted", "registry." + "npmjs", "deb." + "debian")
FOLDERS = re.compile(r"(?<![\w.~-])/" + r"(work|root|home)/[\w.]")
KINDS = ("added", "changed", "fixed", "removed", "clinical")


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def names_a_place(text: str) -> bool:
    return bool(FOLDERS.search(text)) or any(host in text for host in HOSTS)


def test_no_image_of_a_patient_is_tracked() -> None:
    assert [path for path in tracked_files() if path.name.lower().endswith(IMAGES)] == []


def test_no_file_of_the_test_data_is_tracked(data_dir: Path) -> None:
    ours = {path.stat().st_size: path for path in tracked_files() if path.stat().st_size}
    sizes = set(ours)
    same_size = [path for path in data_dir.rglob("*") if path.is_file() and path.stat().st_size in sizes]
    theirs = {digest(path) for path in same_size}
    assert [path for path in tracked_files() if path.stat().st_size and digest(path) in theirs] == []


def test_no_place_of_one_machine_is_named() -> None:
    texts = {path: path.read_bytes().decode("utf-8", errors="ignore") for path in tracked_files()}
    assert [path for path, text in texts.items() if names_a_place(text)] == []


@pytest.mark.parametrize(
    "text", ["see /" + "work/main", "'/" + "home/ann/ct'", "file:///" + "root/x", "https://" + HOSTS[0]]
)
def test_a_place_of_one_machine_is_noticed(text: str) -> None:
    assert names_a_place(text)


@pytest.mark.parametrize("text", ["docs/" + "work/plan.md", "at home/at work", "~/" + "work/x"])
def test_other_paths_are_no_place_of_one_machine(text: str) -> None:
    assert not names_a_place(text)


def test_changelog_fragments_are_well_formed() -> None:
    fragments = sorted((ROOT / "changelog.d").iterdir())
    assert fragments
    for fragment in fragments:
        issue, kind, suffix = fragment.name.split(".")
        assert issue.isdigit() and kind in KINDS and suffix == "md", fragment.name
        lines = fragment.read_text(encoding="utf-8").splitlines()
        assert lines and all(re.fullmatch(r"- [A-Z`].*[.)]|  \S.*", line) for line in lines), fragment.name


def test_the_lock_holds_exact_versions_and_nothing_else() -> None:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    assert len(lines) > 40
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9.-]+==[\w.+!]+( ; .+)?", line)] == []
