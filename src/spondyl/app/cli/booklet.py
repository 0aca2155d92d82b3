"""`spondyl booklet`: the patient's booklet, in plain words."""

from __future__ import annotations

from spondyl.app.cli.options import AsJson, CaseArgument, EmergencyNumber, Force, Languages, SettingsOption


def booklet(
    case: CaseArgument,
    language: Languages = None,
    emergency_number: EmergencyNumber = None,
    settings: SettingsOption = None,
    force: Force = None,
    as_json: AsJson = False,
) -> None:
    """Write the patient's booklet of a case, as a page and a PDF: booklet.html, booklet.de.html, and so on.

    It holds this patient's own picture and facts; what the record does not hold is a question for the team. Languages
    and number stand until others are asked for.
    """
    from spondyl.app.booklet import BookletWish
    from spondyl.app.cli.output import print_document, print_lines, progress
    from spondyl.app.job import Job
    from spondyl.documents.settings import NUMBER_UNSET, read_settings

    wish = BookletWish.asked(language, read_settings(settings, emergency_number))
    with progress() as tell:
        job = Job(case, None, booklets=wish, force=force or (), tell=tell)
        job.run("booklet")
    document = job.document()
    if as_json:
        print_document(document)
    else:
        unset = job.booklet_wish.here.emergency_number is None
        print_lines(*document.remarks, *(f"booklet: {name}" for name in document.booklets))
        print_lines(*((NUMBER_UNSET,) if unset else ()))
