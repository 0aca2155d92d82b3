"""Hashes of files and folders, and what a killed run left behind."""

from __future__ import annotations

import hashlib
from pathlib import Path

from spondyl.errors import InputError


def sweep(folder: Path) -> None:
    """Remove the unfinished files that a killed run left in this folder (names that `studies.write_whole` gives)."""
    for leftover in folder.glob(".*.part"):
        leftover.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """Hash of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def hashes_in(folder: Path, *names: str) -> dict[str, str]:
    """Hashes of those of these files that stand in a folder."""
    return {name: sha256(folder / name) for name in names if (folder / name).is_file()}


def hashes_of(path: Path) -> dict[str, str]:
    """Hashes of a file, or of all files below a folder by their path in it; hidden files do not count."""
    if path.is_file():
        return {path.name: sha256(path)}
    if not path.is_dir():
        raise InputError(f"'{path}' is not there: it was moved or removed, or the path is wrong; give its place")
    files = sorted(f for f in path.rglob("*") if f.is_file() and not f.name.startswith("."))
    return {f.relative_to(path).as_posix(): sha256(f) for f in files}
