"""`spondyl doctor`: what this installation can do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spondyl.app.cli.options import AsJson

if TYPE_CHECKING:
    from spondyl.documents.models import CheckModel

_CODECS = (
    ("1.2.840.10008.1.2.4.90", "JPEG 2000 lossless"),
    ("1.2.840.10008.1.2.4.80", "JPEG-LS lossless"),
    ("1.2.840.10008.1.2.5", "RLE"),
    ("1.2.840.10008.1.2.4.70", "JPEG lossless"),
)


def doctor(
    shared: Annotated[
        Path | None,
        typer.Option(help="Folder of the shared evidence and physics files to compare with.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look for what some jobs need: codecs, the PDF's library, the report's viewer, other segmenters, evidence.

    Ends with 0 also where something optional is missing: it is listed, with what it is needed for.
    """
    from spondyl.app.cli.output import print_document, print_lines, say
    from spondyl.documents.models import DoctorDocument

    document = DoctorDocument(checks=(*_codecs(), _pdf(), _viewer(), *_backends(), _evidence(shared)))
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
    from spondyl.documents.pages import pdf_version
    from spondyl.errors import InputError

    try:
        return CheckModel(name="PDF", status="ok", detail=f"WeasyPrint {pdf_version()}", needed_for="report.pdf")
    except InputError as error:
        return CheckModel(name="PDF", status="missing", detail=str(error), needed_for="report.pdf")


def _viewer() -> CheckModel:
    from spondyl.documents.models import CheckModel
    from spondyl.documents.viewer import viewer_script

    script = viewer_script()
    return CheckModel(
        name="viewer",
        status="missing" if script is None else "ok",
        detail="not built: install npm, then install spondyl from source anew (viewer/build.py)"
        if script is None
        else f"built, {len(script.encode()) / 1e6:.1f} MB",
        needed_for="'Look around' in report.html; without it the still pictures remain",
    )


def _backends() -> list[CheckModel]:
    """The outside segmenters: their programs and weights are looked for, nothing is started."""
    from spondyl.documents.models import CheckModel
    from spondyl.errors import InputError
    from spondyl.spine.segmenters.backends import BACKENDS, BackendSettings

    checks = []
    for name, backend in BACKENDS.items():
        needed_for = f"--backend {name}"
        try:
            found = backend.find(BackendSettings())
            detail = f"version {found.version or 'unknown'}, {found.program}, weights in {found.weights}"
            checks.append(CheckModel(name=backend.title, status="ok", detail=detail, needed_for=needed_for))
        except InputError as error:
            checks.append(CheckModel(name=backend.title, status="missing", detail=str(error), needed_for=needed_for))
    return checks


def _evidence(shared: Path | None) -> CheckModel:
    from spondyl.documents.models import CheckModel
    from spondyl.errors import InputError
    from spondyl.evidence import check_copies, copied_names

    if shared is not None and not shared.is_dir():
        raise InputError(f"'{shared}' is no folder; the one that holds evidence/ and physics/ is expected")
    warnings = check_copies(Path("none") if shared is None else shared)
    detail = "; ".join(warnings) or f"{len(copied_names())} files as they were released"
    return CheckModel(
        name="evidence", status="differs" if warnings else "ok", detail=detail, needed_for="figures and sources"
    )
