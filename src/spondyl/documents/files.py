"""Files that are either whole or not there, and their hashes."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spondyl.errors import InputError

TEMPORARY_PREFIX = ".spondyl-unfinished-"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary file in the folder of `path`, which takes its place when the block ends well.

    A reader sees the old file or the new one, never a half. When the block fails nothing is left behind; after a kill
    the temporary file is swept away by the next run (`sweep`). Its name ends as that of `path` does, since some
    writers choose the format by it. An error of the disk (full, read-only) becomes an `InputError`.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, suffix="-" + path.name, dir=path.parent)
    except OSError as error:
        raise _cannot_write(path, error) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _settle(temporary)
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file as a whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def sweep(folder: Path) -> None:
    """Remove what a killed run left unfinished in this folder."""
    for leftover in folder.glob(TEMPORARY_PREFIX + "*"):
        leftover.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """Hash of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def hashes_of(path: Path) -> dict[str, str]:
    """Hashes of a file, or of all files below a folder by their path in it; a folder's hidden files do not count."""
    if path.is_file():
        return {path.name: sha256(path)}
    if not path.is_dir():
        raise InputError(f"{path} is not there: it was moved or removed; give its new place")
    files = sorted(f for f in path.rglob("*") if f.is_file() and not f.name.startswith("."))
    return {f.relative_to(path).as_posix(): sha256(f) for f in files}


def _settle(path: Path) -> None:
    """Bring the bytes to the disk before the name changes, so that a power cut cannot leave an empty file."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def _cannot_write(path: Path, error: OSError) -> InputError:
    return InputError(
        f"{path} could not be written ({error.strerror or type(error).__name__}); nothing was changed: "
        "make room or choose another folder, then run the same command again"
    )
