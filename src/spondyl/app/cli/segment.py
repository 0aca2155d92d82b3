"""`spondyl segment`: the vertebrae of a bare CT, told apart and named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spondyl.app.cli.options import Anchors, AsJson, DiscAt, NoDiscAt, StudyArgument

if TYPE_CHECKING:
    from spondyl.documents.levels import SegmentDocument


def segment(
    study: StudyArgument,
    out: Annotated[
        Path, typer.Option(help="Label image to write (.nii.gz); ..._parts.nii.gz comes beside it.", show_default=False)
    ],
    anchor: Anchors = None,
    disc_at: DiscAt = None,
    no_disc_at: NoDiscAt = None,
    as_json: AsJson = False,
) -> None:
    """Find the vertebrae of a CT without labels: VerSe numbers and 61 the canal; body, arch and canal beside it.

    Where what is seen does not decide which levels they are, they are numbered 1, 2, 3 ... from the head, a table names
    them A, B, C ..., and the question says how to go on.
    """
    from spondyl.app.cli.output import print_document, print_lines, progress
    from spondyl.app.job import read_named
    from spondyl.documents.levels import check_label_name, write_segment
    from spondyl.spine import parse_anchor, parse_point, segment_levels
    from spondyl.studies import Patient

    check_label_name(out)
    anchors = [parse_anchor(text) for text in anchor or ()]
    wanted, refused = ([parse_point(text) for text in texts or ()] for texts in (disc_at, no_disc_at))
    with progress() as tell:
        tell("segment", "begins")
        ct = read_named(study, Patient()).ct
        found = segment_levels(ct, anchors=anchors, disc_at=wanted, no_disc_at=refused)
        document = write_segment(out, found)
        tell("segment", "made")
    if as_json:
        print_document(document)
    else:
        print_lines(*_lines(document))


def _lines(document: SegmentDocument) -> list[str]:
    asked = [f"{'ANSWER FIRST' if q.blocking else 'question'}: {q.text} {q.action}" for q in document.questions]
    told = []
    for vertebra, named in zip(document.vertebrae, document.names.vertebrae, strict=True):
        said = "; ".join([f"confidence {vertebra.confidence:.2f}", *["cut"] * vertebra.cut, *vertebra.doubts])
        told.append(f"{named.name:<8} {said}")
    seen = [f"seen      {line}" for line in document.names.evidence]
    files = [name for name in (document.labels, document.parts, document.names_file) if name is not None]
    return [*asked, *told, *seen, f"written: {', '.join(files)}"]
