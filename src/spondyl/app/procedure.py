"""The procedure sheet of a case, from its record and its plans."""

from __future__ import annotations

from pathlib import Path

from spondyl.app.inputs import Tell
from spondyl.app.job import Job
from spondyl.decisions import ProcedureSheet, plan_procedure
from spondyl.documents.models import StudyDocument
from spondyl.documents.pages import pdf_version
from spondyl.documents.records import PROCEDURE_FILE, STUDY_FILE, from_json, write_procedure
from spondyl.documents.settings import Settings
from spondyl.documents.sheet import PAGE_FILE, PDF_FILE, write_sheet
from spondyl.errors import InputError


def write_procedure_sheet(folder: Path, here: Settings, *, tell: Tell) -> tuple[ProcedureSheet, tuple[str, ...]]:
    """Write procedure.json, procedure.html and procedure.pdf; gives the sheet and what was left out."""
    job = Job(folder, None, tell=tell)
    tell("procedure", "begins")
    sheet = plan_procedure(job.patient, job.plans, job.course_facts)
    remark = _no_pdf()
    pdf = folder / PDF_FILE
    if remark:
        pdf.unlink(missing_ok=True)
    write_procedure(folder / PROCEDURE_FILE, sheet)
    write_sheet(folder / PAGE_FILE, sheet, here, virtual=_is_virtual(folder), pdf=None if remark else pdf)
    tell("procedure", "made")
    return sheet, remark


def _no_pdf() -> tuple[str, ...]:
    try:
        pdf_version()
    except InputError as error:
        return (f"{PDF_FILE} was left out: {error}",)
    return ()


def _is_virtual(folder: Path) -> bool:
    scan = from_json(StudyDocument, folder / STUDY_FILE).scan
    return scan is not None and "virtual" in (scan.series_description or "").lower()
