"""The packaged evidence is what was copied, and a difference from the shared copy is a warning."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from spondyl.evidence import check_copies, copied_names
from spondyl.evidence import copies as copies_module
from spondyl.evidence.copies import packaged_bytes


def test_all_files_are_packaged_with_their_hashes() -> None:
    hashes = json.loads(packaged_bytes("hashes.json"))
    assert set(hashes) == set(copied_names())
    assert len(hashes) == 8
    for name, expected in hashes.items():
        assert hashlib.sha256(packaged_bytes(name)).hexdigest() == expected


def test_the_shared_files_equal_the_packaged_copies(data_dir: Path) -> None:
    shared = data_dir.parent
    for name in copied_names():
        assert (shared / name).read_bytes() == packaged_bytes(name)
    assert check_copies(shared) == ()


def test_a_changed_shared_file_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "rules.yaml").write_bytes(packaged_bytes("evidence/rules.yaml") + b"# newer\n")
    (tmp_path / "evidence" / "sources.yaml").write_bytes(packaged_bytes("evidence/sources.yaml"))
    (warning,) = check_copies(tmp_path)
    assert warning.startswith("evidence/rules.yaml in ")


def test_an_altered_packaged_file_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = copies_module.packaged_bytes
    monkeypatch.setattr(
        copies_module,
        "packaged_bytes",
        lambda name: right(name) + (b"x" if name == "physics/parameters.yaml" else b""),
    )
    (warning,) = check_copies(tmp_path)
    assert warning.startswith("the packaged physics/parameters.yaml is not the one")
