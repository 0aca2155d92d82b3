"""Rows as CSV text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, object]], *, digits: int | None = None) -> str:
    """A head and a line a row; what a row lacks, and None, is empty; real numbers with as many digits, None: all."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value, digits) for name, value in row.items()} for row in rows)
    return out.getvalue()


def _cell(value: object, digits: int | None) -> object:
    return f"{value:.{digits}g}" if isinstance(value, float) and digits is not None else value
