"""`spondyl segment`: the vertebrae of a bare CT, told apart and named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spondyl.app.cli.options import (
    Anchors,
    AsJson,
    Backend,
    BackendGpu,
    BackendMinutes,
    BackendProgram,
    BackendWeights,
    DiscAt,
    LabelMapOption,
    NoDiscAt,
    StudyArgument,
)

if TYPE_CHECKING:
    from spondyl.app.backends import BackendWish
    from spondyl.documents.levels import SegmentDocument


def segment(
    study: StudyArgument,
    out: Annotated[
        Path, typer.Option(help="Label image to write (.nii.gz); ..._parts.nii.gz comes beside it.", show_default=False)
    ],
    anchor: Anchors = None,
    disc_at: DiscAt = None,
    no_disc_at: NoDiscAt = None,
    backend: Backend = "own",
    backend_program: BackendProgram = None,
    backend_weights: BackendWeights = None,
    backend_minutes: BackendMinutes = None,
    backend_gpu: BackendGpu = False,
    label_map: LabelMapOption = None,
    as_json: AsJson = False,
) -> None:
    """Find the vertebrae of a CT without labels: VerSe numbers and 61 the canal; body, arch and canal beside it.

    Where what is seen does not decide which levels they are, they are numbered 1, 2, 3 ... from the head, a table names
    them A, B, C ..., and the question says how to go on. An outside segmenter (--backend) names them by itself.
    """
    from spondyl.app.backends import BackendWish
    from spondyl.app.cli.output import print_document, print_lines, progress
    from spondyl.app.inputs import read_named
    from spondyl.documents.label_files import check_label_name
    from spondyl.documents.levels import write_segment
    from spondyl.errors import InputError
    from spondyl.spine import parse_anchor, parse_point, segment_levels
    from spondyl.studies import Patient

    check_label_name(out)
    asked = BackendWish.asked(
        backend,
        program=backend_program,
        weights=backend_weights,
        label_map=label_map,
        minutes=backend_minutes,
        gpu=backend_gpu,
    )
    if asked is not None:
        if anchor or disc_at or no_disc_at:
            raise InputError("anchors and discs are for the own segmenter: leave out --backend, or leave them out")
        _by_backend(study, out, asked, as_json)
        return
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


def _by_backend(study: Path, out: Path, wish: BackendWish, as_json: bool) -> None:
    """The labels of an outside segmenter, in the same numbers."""
    from spondyl.app.cli.output import print_document, print_lines, progress
    from spondyl.app.inputs import read_named
    from spondyl.documents.backend_labels import write_backend_labels
    from spondyl.spine.segmenters.backends import find_backend, run_backend
    from spondyl.studies import Patient

    find_backend(wish.name).find(wish.settings)  # miss a program before the CT is read
    with progress() as tell:
        tell("segment", "begins")
        answer = run_backend(read_named(study, Patient()).ct, wish.name, wish.settings)
        document = write_backend_labels(out, answer)
        tell("segment", "made")
    if as_json:
        print_document(document)
        return
    files = [name for name in (document.labels, document.parts) if name is not None]
    levels = ", ".join(level.name for level in document.levels)
    print_lines(f"{document.made_by}: {levels}", f"written: {', '.join(files)}")


def _lines(document: SegmentDocument) -> list[str]:
    asked = [f"{'ANSWER FIRST' if q.blocking else 'question'}: {q.text} {q.action}" for q in document.questions]
    told = []
    for vertebra, named in zip(document.vertebrae, document.names.vertebrae, strict=True):
        said = "; ".join([f"confidence {vertebra.confidence:.2f}", *["cut"] * vertebra.cut, *vertebra.doubts])
        told.append(f"{named.name:<8} {said}")
    seen = [f"seen      {line}" for line in document.names.evidence]
    files = [name for name in (document.labels, document.parts, document.names_file) if name is not None]
    return [*asked, *told, *seen, f"written: {', '.join(files)}"]
