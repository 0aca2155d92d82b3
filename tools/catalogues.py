"""Bring the booklet's catalogues up to date with its English strings: new ones empty, changed ones fuzzy, old ones out.

PYTHONPATH=src python -m tools.catalogues            # every catalogue
PYTHONPATH=src python -m tools.catalogues fr         # begin a new one
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

from spondyl.documents.languages import ENGLISH, REVIEWER_FIELD, language_codes
from spondyl.followup import SYMPTOMS, question_text

DOCUMENTS = Path(__file__).parents[1] / "src" / "spondyl" / "documents"
KEYWORDS = ("_", "ngettext", "both")
WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)  # fixed: a catalogue changes when its words do


def source_messages() -> Iterator[tuple[str | tuple[str, str], str]]:
    """Every string to be translated, with the file that holds it."""
    for path in sorted((DOCUMENTS / "templates" / "booklet").glob("*.j2")):
        with path.open("rb") as stream:
            for _, function, found, _ in babel_extract(stream, KEYWORDS, (), {"silent": "false"}):
                words = [found] if isinstance(found, str) else [word for word in found or () if isinstance(word, str)]
                if words:
                    yield (words[0], words[1]) if function == "ngettext" else words[0], path.name
    for name in SYMPTOMS:
        yield question_text(name), "followup/questions.py"


def template(code: str) -> Catalog:
    """All messages, without translations."""
    catalogue = Catalog(locale=code, project="spondyl", fuzzy=False, creation_date=WRITTEN, revision_date=WRITTEN)
    for message, place in source_messages():
        catalogue.add(message, locations=[(place, None)])  # type: ignore[list-item]  # a line would change with every edit
    return catalogue


def update(code: str) -> None:
    """Write one catalogue anew, keeping what is translated and the reviewer's name."""
    path = DOCUMENTS / "locales" / f"{code}.po"
    catalogue = read_po(BytesIO(path.read_bytes()), locale=code) if path.is_file() else template(code)
    reviewer = dict(catalogue.mime_headers).get(REVIEWER_FIELD, "")
    catalogue.update(template(code), no_fuzzy_matching=False)
    catalogue.obsolete.clear()
    write(path, catalogue, reviewer)


def write(path: Path, catalogue: Catalog, reviewer: str) -> None:
    """Write a catalogue with the field for its reviewer."""
    stream = BytesIO()
    write_po(stream, catalogue, width=118, include_lineno=False, sort_output=False)
    head, plural, rest = stream.getvalue().decode().partition('"Plural-Forms:')
    path.write_text(f'{head}"{REVIEWER_FIELD}: {reviewer}\\n"\n{plural}{rest}', "utf-8")


if __name__ == "__main__":
    for one in sys.argv[1:] or [code for code in language_codes() if code != ENGLISH]:
        update(one)
