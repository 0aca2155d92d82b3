"""The patient's booklet: one offline HTML file in plain words, and a tagged PDF of the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spondyl import __version__
from spondyl.decisions import Recommendation
from spondyl.documents.booklet_content import (
    TEMPLATE_FUNCTIONS,
    Citations,
    broken_levels,
    first_things,
    lost_heights,
    symptoms_by_urgency,
)
from spondyl.documents.figures import draw_plain
from spondyl.documents.icon_arrays import PEOPLE, people_svg
from spondyl.documents.languages import find_language
from spondyl.documents.pages import render, write_pdf_page
from spondyl.documents.settings import dialled
from spondyl.findings import Findings
from spondyl.followup import Urgency
from spondyl.spine import Spine
from spondyl.studies import Patient, write_whole

SECTIONS = (
    *("why", "treatments", "helped", "day", "recovery", "benefits", "risks", "who", "nothing", "after", "call"),
    *("questions", "sources"),
)


def write_booklet(
    path: Path | str,
    *,
    patient: Patient,
    findings: Findings,
    spine: Spine | None = None,
    advice: Recommendation | None = None,
    language: str = "en",
    emergency_number: str | None = None,
    pdf: Path | str | None = None,
) -> None:
    """Write the booklet of one patient.

    Parameters
    ----------
    patient, findings
        This patient's facts and numbers; what is not known is a question for the team.
    spine
        For the picture; without it the booklet says that there is none.
    advice
        Where the sources stand (`decisions.assess_candidacy`), for what comes before any cement.
    language
        One of `language_codes()`. Until a named reviewer signed its catalogue the pages say so, and emergency and
        consent texts stand there in English too.
    emergency_number
        The local one; shown as not set until it is given.
    pdf
        Where the same pages are written as a tagged PDF (PDF/UA-1) too.

    Raises
    ------
    InputError
        For a language or a number that cannot be, and where a PDF is wanted and WeasyPrint or Pango is missing.
    """
    html = booklet_html(
        patient=patient,
        findings=findings,
        spine=spine,
        advice=advice,
        language=language,
        emergency_number=emergency_number,
    )
    write_whole(Path(path), html.encode())
    if pdf is not None:
        write_pdf_page(Path(pdf), html, identifier="spondyl booklet")


def booklet_html(
    *,
    patient: Patient,
    findings: Findings,
    spine: Spine | None = None,
    advice: Recommendation | None = None,
    language: str = "en",
    emergency_number: str | None = None,
) -> str:
    """The booklet's page as text; see `write_booklet`."""
    spoken, citations = find_language(language), Citations()
    content: dict[str, Any] = {
        "language": spoken,
        "sections": SECTIONS,
        "version": __version__,
        "patient": patient,
        "number": dialled(emergency_number),
        "levels": broken_levels(patient),
        "losses": lost_heights(findings),
        "first": first_things(advice),
        "none_found": None if advice is None else advice.no_contraindication_found.value,
        "picture": None if spine is None else draw_plain(spine, findings),
        "symptoms": symptoms_by_urgency(),
        "urgency": Urgency,
        "total": PEOPLE,
        "citations": citations,
        "cite": citations.cite,
        "icons": lambda count: people_svg(count).encode(),
        "_": spoken.text,
        "ngettext": spoken.plural,
        "both": spoken.both,
        **TEMPLATE_FUNCTIONS,
    }
    return render("booklet/booklet.html.j2", content, for_print=False)
