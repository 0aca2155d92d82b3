"""The packaged copies of the evidence and physics files, and whether they are still what was copied."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

_DATA = files("spondyl.evidence") / "data"
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C loader is ten times as fast, where it was built


def copied_names() -> tuple[str, ...]:
    """Names of the packaged files, as "folder/file"."""
    return tuple(_hashes())


def check_copies(folder: Path) -> tuple[str, ...]:
    """Warnings about packaged files that were altered, or that differ from the shared ones.

    Parameters
    ----------
    folder
        The shared folder, which holds `evidence/` and `physics/`. A file that is missing there is not compared.
    """
    altered = (
        f"the packaged {name} is not the one that was released: install spondyl again"
        for name, expected in _hashes().items()
        if _hash(packaged_bytes(name)) != expected
    )
    newer = (
        f"{name} in {folder.name} differs from the packaged copy: this version of spondyl uses its own copy"
        for name, expected in _hashes().items()
        if (folder / name).is_file() and _hash((folder / name).read_bytes()) != expected
    )
    return (*altered, *newer)


def packaged_bytes(name: str) -> bytes:
    """Content of one packaged file, by its name "folder/file"."""
    return _DATA.joinpath(name).read_bytes()


def packaged_yaml(name: str) -> Any:
    """Content of one packaged YAML file, parsed."""
    text = packaged_bytes(name).decode("utf-8")
    if name == "physics/validation.yaml":
        text = _with_quoted_note(text)
    return yaml.load(text, Loader=_LOADER)


def _with_quoted_note(text: str) -> str:
    """The text with its note in quotes: the shared file writes a colon into a plain value, which YAML forbids."""
    lines = text.split("\n")
    return "\n".join(f"note: {json.dumps(line[6:])}" if line.startswith("note: ") else line for line in lines)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@cache
def _hashes() -> dict[str, str]:
    """SHA-256 of each file when it was copied, written by tools/copy_evidence.py."""
    return dict(json.loads(packaged_bytes("hashes.json")))
