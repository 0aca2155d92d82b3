"""`spondyl doctor`: what this installation can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spondyl.app.cli.options import AsJson

if TYPE_CHECKING:
    from spondyl.documents.models import CheckModel

_CODECS = (
    ("1.2.840.10008.1.2.4.90", "JPEG 2000 lossless"),
    ("1.2.840.10008.1.2.4.80", "JPEG-LS lossless"),
    ("1.2.840.10008.1.2.5", "RLE"),
    ("1.2.840.10008.1.2.4.70", "JPEG lossless"),
)


def doctor(as_json: AsJson = False) -> None:
    """Look for what some jobs need: codecs of compressed DICOM, and the library that lays out the PDF.

    Ends with 0 also where something optional is missing: it is listed, with what it is needed for.
    """
    from spondyl.app.cli.output import print_document, print_lines, say
    from spondyl.documents.models import DoctorDocument

    document = DoctorDocument(checks=(*_codecs(), _pdf()))
    if as_json:
        print_document(document)
    else:
        print_lines(*(f"{c.status:<8} {c.name}: {c.detail} (for {c.needed_for})" for c in document.checks))
    if any(check.status != "ok" for check in document.checks):
        say("something is missing: see above")


def _codecs() -> list[CheckModel]:
    from pydicom.pixels.decoders.base import get_decoder

    from spondyl.documents.models import CheckModel

    checks = []
    for uid, name in _CODECS:
        decoder = get_decoder(uid)
        found = ", ".join(decoder.available_plugins) if decoder.is_available else "no decoder: pip install spondyl anew"
        checks.append(
            CheckModel(
                name=name,
                status="ok" if decoder.is_available else "missing",
                detail=found,
                needed_for="compressed DICOM",
            )
        )
    return checks


def _pdf() -> CheckModel:
    from spondyl.documents.models import CheckModel
    from spondyl.documents.report import pdf_version
    from spondyl.errors import InputError

    try:
        return CheckModel(name="PDF", status="ok", detail=f"WeasyPrint {pdf_version()}", needed_for="report.pdf")
    except InputError as error:
        return CheckModel(name="PDF", status="missing", detail=str(error), needed_for="report.pdf")
