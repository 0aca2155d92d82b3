"""`spondyl agree`: how well two label maps of one patient agree."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spondyl.app.cli.options import AsJson

if TYPE_CHECKING:
    from spondyl.documents.agreement import MapFile
    from spondyl.spine import Spine
    from spondyl.studies import LabelImage


def agree(
    first: Annotated[
        Path, typer.Argument(help="Label image (NIfTI), or a folder of masks, one a vertebra.", show_default=False)
    ],
    second: Annotated[Path, typer.Argument(help="Another one of the same scan.", show_default=False)],
    label_map_a: Annotated[
        str | None, typer.Option(help="Whose numbers the first has: a name or FILE.tsv.", show_default=False)
    ] = None,
    label_map_b: Annotated[
        str | None, typer.Option(help="Whose numbers the second has: a name or FILE.tsv.", show_default=False)
    ] = None,
    study: Annotated[
        Path | None,
        typer.Option(
            help="The CT (DICOM folder or zip, or NIfTI): shown behind the outlines, and heights are measured at the "
            "endplates it shows.",
            show_default=False,
        ),
    ] = None,
    resample: Annotated[
        bool, typer.Option("--resample", help="Accept label maps on different grids, or on another one than the CT's.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="New folder for agreement.html, one offline page, and agreement.json.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare two label maps bone by bone: overlap, distances, heights; what is missing, merged, split or renamed.

    This is agreement, not accuracy: two maps may agree and both be wrong, most of all two automatic ones.
    """
    from spondyl.app.cli.output import print_document, print_findings, print_lines, progress, say
    from spondyl.app.inputs import read_named
    from spondyl.documents.agreement import AgreementDocument, agreement_sentences, write_agreement
    from spondyl.findings import NOT_ACCURACY, measure_agreement
    from spondyl.spine import build_spine
    from spondyl.studies import Patient, read_label_image

    images = read_label_image(first), read_label_image(second)
    with progress() as tell:
        tell("agreement", "begins")
        ct = None if study is None else read_named(study, Patient())
        one, other = (
            build_spine(ct, labels=image, label_map=label_map, resample=resample)
            for image, label_map in zip(images, (label_map_a, label_map_b), strict=True)
        )
        found = measure_agreement(one, other, resample=resample)
        files = _map_file(first, images[0], one), _map_file(second, images[1], other)
        written = () if out is None else write_agreement(out, found, one, other, files)
        tell("agreement", "made")
    if as_json:
        print_document(AgreementDocument.of(found))
    else:
        print_lines(NOT_ACCURACY, *agreement_sentences(found))
        print_findings(found.findings)
    if out is not None:
        say("written: " + ", ".join(str(out / name) for name in written))


def _map_file(path: Path, image: LabelImage, spine: Spine) -> MapFile:
    from spondyl.documents.agreement import MapFile

    hashes = tuple(image.source_hashes.items())
    return MapFile(path.name, spine.label_map, hashes if len(hashes) <= 3 else ())
