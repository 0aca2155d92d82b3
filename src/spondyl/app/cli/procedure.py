"""`spondyl procedure`: the sheet for before, on and after the day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spondyl.app.cli.options import AsJson, CaseArgument, SettingsOption

if TYPE_CHECKING:
    from spondyl.decisions import ProcedureSheet


def procedure(case: CaseArgument, settings: SettingsOption = None, as_json: AsJson = False) -> None:
    """Write the procedure sheet: drugs to hold by source, checklists, needles and cement, the hours after.

    Writes procedure.json, procedure.html and procedure.pdf into the case, from its record and from the plans of
    `spondyl access`. What the record does not hold is asked.
    """
    from spondyl.app.cli.output import print_document, print_lines, progress
    from spondyl.app.procedure import write_procedure_sheet
    from spondyl.documents.advice_models import ProcedureDocument
    from spondyl.documents.settings import read_settings
    from spondyl.documents.sheet import PAGE_FILE

    here = read_settings(settings)
    with progress() as tell:
        sheet, remarks = write_procedure_sheet(case, here, tell=tell)
    if as_json:
        print_document(ProcedureDocument.of(sheet))
        return
    print_lines(*_lines(sheet), here.team_words, *remarks, f"written to {case / PAGE_FILE}")


def _lines(sheet: ProcedureSheet) -> list[str]:
    from spondyl.decisions import Answer
    from spondyl.documents.advice import NOT_SHOWN
    from spondyl.documents.care import sheet_section

    section = sheet_section(sheet)
    lines = [*(f"first: {words}" for words in section.first), section.state, *section.refused]
    lines += [f"not as it should be: {one.words}" for one in sheet.checklist if one.recorded is Answer.NO]
    lines += [f"ask: {question}" for question in section.questions]
    met = (one for one in sheet.statements if one.topic == "anticoagulants" and one.applies is not Answer.NO)
    return [*lines, *(f"{one.who}: {one.words or NOT_SHOWN}" for one in met), *section.cement]
