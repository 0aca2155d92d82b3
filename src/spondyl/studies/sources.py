"""Where bytes come from: the files of a folder, or the members of a zip archive, read in memory and never unpacked."""

from __future__ import annotations

import io
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from spondyl.errors import InputError

# Limits of an archive. A thin-slice CT of the whole body has some 3000 files and 2 GB; CT slices deflate two- to
# fivefold, air-filled ones some twentyfold. Each limit leaves a wide margin above that and stops a bomb far below harm.
MAX_MEMBERS = 20_000
MAX_TOTAL_BYTES = 8 * 1024**3
MAX_MEMBER_BYTES = 2 * 1024**3
MAX_RATIO = 100.0

_DO = "unpack it yourself, check what is in it, and give the folder"


@dataclass(frozen=True)
class SourceFile:
    """A named run of bytes that can be opened again and again."""

    name: str  # relative to the folder or archive, with "/"
    open: Callable[[], BinaryIO]

    def read(self) -> bytes:
        """All bytes."""
        with self.open() as stream:
            return stream.read()


def list_sources(path: Path) -> tuple[SourceFile, ...]:
    """The files of a folder tree or of a zip archive, or the one file itself, sorted by name.

    Hidden files and the side folders of other systems are left out. Links to folders are not followed.
    """
    if path.is_dir():
        return tuple(_file_source(file, str(file.relative_to(path).as_posix())) for file in _walk(path))
    if zipfile.is_zipfile(path):
        return _archive_sources(path)
    if path.suffix.lower() == ".zip":
        raise InputError(
            f"'{path.name}' is no whole zip archive; perhaps its end is missing: copy or download it again"
        )
    return (_file_source(path, path.name),)


def _walk(folder: Path) -> list[Path]:
    found: list[Path] = []
    for root, folders, files in os.walk(folder, followlinks=False):
        folders[:] = [name for name in folders if not _is_hidden(name)]
        found += [Path(root, name) for name in files if not _is_hidden(name)]
    return sorted(file for file in found if file.is_file())


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _file_source(file: Path, name: str) -> SourceFile:
    return SourceFile(name, lambda: file.open("rb"))


def _archive_sources(path: Path) -> tuple[SourceFile, ...]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise InputError(f"the zip archive is damaged ({error}); expected a whole archive: copy it again") from error
    _check_archive(members)
    wanted = [m for m in members if not any(_is_hidden(part) for part in m.filename.split("/"))]
    return tuple(_member_source(path, m) for m in sorted(wanted, key=lambda m: m.filename))


def _check_archive(members: list[zipfile.ZipInfo]) -> None:
    total, packed = sum(m.file_size for m in members), sum(m.compress_size for m in members)
    if len(members) > MAX_MEMBERS:
        raise InputError(f"the zip archive holds {len(members)} files; at most {MAX_MEMBERS} are read: {_DO}")
    if total > MAX_TOTAL_BYTES or any(m.file_size > MAX_MEMBER_BYTES for m in members):
        raise InputError(
            f"the zip archive unpacks to {total / 1e9:.1f} GB; at most {MAX_TOTAL_BYTES / 1e9:.1f} GB in all and "
            f"{MAX_MEMBER_BYTES / 1e9:.1f} GB a file are read: {_DO}"
        )
    if total > MAX_RATIO * max(packed, 1):
        raise InputError(
            f"the zip archive unpacks to {total / max(packed, 1):.0f} times its size; CT slices stay below "
            f"{MAX_RATIO:.0f} times, so it may be a zip bomb: {_DO}"
        )
    for member in members:
        _check_member(member)


def _check_member(member: zipfile.ZipInfo) -> None:
    name = member.filename
    if name.startswith("/") or "\\" in name or re.match(r"^[A-Za-z]:", name) or ".." in name.split("/"):
        raise InputError(
            f"the zip archive holds the path '{name}', which leads out of it; plain names are expected: {_DO}"
        )
    if stat.S_ISLNK(member.external_attr >> 16):
        raise InputError(f"the zip archive holds the link '{name}'; only plain files are expected: {_DO}")
    if member.flag_bits & 0x1:
        raise InputError(f"the zip archive is encrypted ('{name}'); an open one is expected: {_DO}")
    if name.lower().endswith((".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")) and not name.lower().endswith(".nii.gz"):
        raise InputError(f"the zip archive holds another archive, '{name}'; DICOM files are expected in it: {_DO}")


def _member_source(path: Path, member: zipfile.ZipInfo) -> SourceFile:
    def open_member() -> BinaryIO:
        try:
            with zipfile.ZipFile(path) as archive:
                data = archive.read(member)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError) as error:
            raise InputError(
                f"'{member.filename}' in the zip archive is damaged ({error}); expected a whole file: copy it again"
            ) from error
        if data[:4] == b"PK\x03\x04":
            raise InputError(
                f"the zip archive holds another archive, '{member.filename}'; DICOM files are expected in it: {_DO}"
            )
        return io.BytesIO(data)

    return SourceFile(member.filename, open_member)
