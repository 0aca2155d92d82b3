"""What a screen reader meets in a tagged PDF, read with pypdf: for tests of every PDF that the program writes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pypdf import PdfReader
from pypdf.generic import ArrayObject, DictionaryObject

HEADINGS = ("/H1", "/H2", "/H3", "/H4", "/H5", "/H6")


@dataclass(frozen=True)
class PdfStructure:
    """Tags in reading order, and what stands in the catalogue."""

    is_tagged: bool
    language: str | None
    title: str | None
    shows_title: bool
    tags: tuple[str, ...]  # in reading order
    figures_without_alternative: int
    fonts_not_embedded: tuple[str, ...]
    pictures_beyond_a_page: tuple[int, ...]  # numbers of the pages that cut one at a side
    pages: tuple[str, ...]  # the text of each, as extracted

    @property
    def text(self) -> str:
        """Page after page."""
        return "\n".join(self.pages)

    @property
    def heading_levels(self) -> tuple[int, ...]:
        """Levels of the headings, in reading order."""
        return tuple(int(tag[2:]) for tag in self.tags if tag in HEADINGS)

    @property
    def skips_a_heading(self) -> bool:
        """Whether a heading lies more than one level below the one before."""
        levels = (0, *self.heading_levels)
        return any(after > before + 1 for before, after in itertools.pairwise(levels))


def read_structure(path: Path) -> PdfStructure:
    """The structure of a PDF; one without tags has none."""
    reader = PdfReader(path)
    root = reader.trailer["/Root"]
    marks, shown = root.get("/MarkInfo", {}), root.get("/ViewerPreferences", {})
    elements = tuple(_elements(root["/StructTreeRoot"])) if "/StructTreeRoot" in root else ()
    return PdfStructure(
        is_tagged=bool(marks.get("/Marked", False)) and bool(elements),
        language=root.get("/Lang"),
        title=None if reader.metadata is None else reader.metadata.title,
        shows_title=bool(shown.get("/DisplayDocTitle", False)),
        tags=tuple(str(element["/S"]) for element in elements),
        figures_without_alternative=sum(e["/S"] == "/Figure" and not e.get("/Alt") for e in elements),
        fonts_not_embedded=tuple(sorted(set(_unembedded(reader)))),
        pictures_beyond_a_page=tuple(_cut_pictures(reader)),
        pages=tuple(page.extract_text() for page in reader.pages),
    )


def _elements(node: Any) -> Iterator[DictionaryObject]:
    """The elements of the tree, a parent before its children."""
    node = node.get_object() if hasattr(node, "get_object") else node
    if isinstance(node, ArrayObject):
        for child in node:
            yield from _elements(child)
    elif isinstance(node, DictionaryObject):
        if "/S" in node:
            yield node
        if "/K" in node:
            yield from _elements(node["/K"])


def _unembedded(reader: PdfReader) -> Iterator[str]:
    for page in reader.pages:
        for font in page["/Resources"].get("/Font", {}).values():
            whole = font.get_object()
            inner = whole["/DescendantFonts"][0].get_object() if "/DescendantFonts" in whole else whole
            if not any(key in inner.get("/FontDescriptor", {}) for key in ("/FontFile", "/FontFile2", "/FontFile3")):
                yield str(whole.get("/BaseFont"))


def _cut_pictures(reader: PdfReader) -> Iterator[int]:
    for number, page in enumerate(reader.pages, 1):
        found: list[tuple[float, float]] = []

        def keep(operator: bytes, _: Any, matrix: Any, __: Any, found: list[tuple[float, float]] = found) -> None:
            if operator == b"Do":
                found.append((matrix[4], matrix[4] + matrix[0]))

        page.extract_text(visitor_operand_before=keep)
        if any(left < float(page.mediabox.left) or right > float(page.mediabox.right) for left, right in found):
            yield number
