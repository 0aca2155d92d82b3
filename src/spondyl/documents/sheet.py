"""The procedure sheet as a page to print: procedure.html and procedure.pdf."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spondyl import __version__
from spondyl.decisions import ProcedureSheet
from spondyl.documents.care import sheet_section
from spondyl.documents.finding_lists import cited_sources
from spondyl.documents.pages import render, write_pdf_page
from spondyl.documents.records import PROCEDURE_FILE
from spondyl.documents.settings import Settings
from spondyl.studies import write_whole

PAGE_FILE, PDF_FILE = "procedure.html", "procedure.pdf"
_TEMPLATE = "procedure.html.j2"


def write_sheet(
    path: Path | str,
    sheet: ProcedureSheet,
    here: Settings,
    *,
    virtual: bool = False,
    pdf: Path | str | None = None,
) -> None:
    """Write procedure.html, and with `pdf` the same words as a PDF.

    Parameters
    ----------
    here
        The local emergency number and team; what is not set is shown so.
    virtual
        Whether the CT behind the plan was made by code: then the sheet says so.

    Raises
    ------
    InputError
        Where a PDF is wanted and WeasyPrint or Pango is missing; the HTML file is then written all the same.
    """
    content = _content(sheet, here, virtual)
    write_whole(Path(path), render(_TEMPLATE, content, for_print=False).encode())
    if pdf is not None:
        write_pdf_page(Path(pdf), render(_TEMPLATE, content, for_print=True), identifier="spondyl procedure sheet")


def _content(sheet: ProcedureSheet, here: Settings, virtual: bool) -> dict[str, Any]:
    section = sheet_section(sheet)
    return {
        "version": __version__,
        "here": here,
        "virtual": virtual,
        "sheet": section,
        "sources": cited_sources((), section.sources),
    }


def remove_sheet(folder: Path) -> None:
    """Take away the sheet of a case whose record or plans changed: it would tell of needles of old."""
    for name in (PROCEDURE_FILE, PAGE_FILE, PDF_FILE):
        (folder / name).unlink(missing_ok=True)
