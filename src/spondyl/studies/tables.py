"""Small text tables that a user writes, such as a label map."""

from __future__ import annotations

from pathlib import Path

from spondyl.errors import InputError

_LARGEST_BYTES = 1_000_000


def read_table_text(path: str | Path) -> str:
    """The text of a user's table file (UTF-8), with a clear error where there is none."""
    place = Path(path)
    if not place.is_file():
        raise InputError(f"'{path}' is not there; a text table is expected: check the path")
    if place.stat().st_size > _LARGEST_BYTES:
        raise InputError(f"'{place.name}' is larger than 1 MB; a small text table is expected: check the path")
    try:
        return place.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(
            f"'{place.name}' is not UTF-8 text; a table with columns number and name is expected"
        ) from None
