"""How hard each section of the booklet is to read, in each language: docs/validation/readability.md.

PYTHONPATH=src python -m tools.measure_booklet
"""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

from spondyl.documents.booklet import SECTIONS, booklet_html
from spondyl.documents.languages import language_codes
from spondyl.documents.readability import Readability, measure_readability
from spondyl.studies import Cause, Patient

PAGE = Path(__file__).parents[1] / "docs" / "validation" / "readability.md"
MEASURED = tuple(name for name in SECTIONS if name != "sources")  # sources are titles of papers
PATIENT = Patient(cause=Cause.OSTEOPOROTIC, fracture_levels=("L1",), pain_nrs=8)
_BLOCKS = {"p", "li", "td", "th", "figcaption", "h2", "h3", "caption"}
_VOID = {"img", "meta", "link", "br", "hr", "input", "col"}
HEAD = """# How hard the booklet is to read

Made by `python -m tools.measure_booklet`; the limits stand in `tests/unit/documents/test_booklet_readability.py`.

The aim is a reading age of about 12: grade 6 to 7 in the United States (grade + 5), grade 6 in Germany (grade + 6), an
index of 65 and more in Spanish ("quite easy"). For Hindi and Arabic no formula is known here to hold for health texts:
the length of sentences and words is given instead. Headings, captions and the titles of sources are left out. A formula
counts syllables and words; it does not know whether a text is understood. Readers have not been asked yet.

| language | section | words | words per sentence | letters per word | formula | score |
|---|---|---|---|---|---|---|
"""


class _Sections(HTMLParser):
    """The running text of each section, one line a paragraph; links to sources and English twins left out."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[str, list[str]] = {}
        self._section: str | None = None
        self._open: list[tuple[str, bool]] = []  # tag, whether its text is left out

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "section":
            self._section = told.get("aria-labelledby")
            self.texts[str(self._section)] = []
        if tag in _BLOCKS and self._section:
            self.texts[self._section].append("")
        if tag not in _VOID:
            left_out = tag in ("h2", "h3", "th", "caption") or told.get("class") in ("cite", "english")
            self._open.append((tag, left_out))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        inside = any(tag in _BLOCKS for tag, _ in self._open)
        if self._section and inside and not any(out for _, out in self._open):
            self.texts[self._section][-1] += data


def section_texts(language: str) -> dict[str, str]:
    """The text of each measured section."""
    parser = _Sections()
    parser.feed(booklet_html(patient=PATIENT, findings=(), language=language))
    return {name: "\n".join(_ended(one) for one in parser.texts[name] if one.strip()) for name in MEASURED}


def measured(language: str) -> dict[str, Readability]:
    """The readability of each section."""
    return {name: measure_readability(text, language) for name, text in section_texts(language).items()}


def rows(language: str) -> list[str]:
    """Rows of the table."""
    return [
        f"| {language} | {name} | {found.words} | {found.words_per_sentence:.1f} | {found.letters_per_word:.1f} | "
        f"{found.formula or '-'} | {'-' if found.score is None else f'{found.score:.1f}'} |"
        for name, found in measured(language).items()
    ]


def page() -> str:
    """The whole page."""
    return HEAD + "\n".join(row for language in language_codes() for row in rows(language)) + "\n"


def _ended(paragraph: str) -> str:
    text = " ".join(paragraph.split())
    return text if text.endswith((".", "!", "?", ":", "؟", "।")) else f"{text}."


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
