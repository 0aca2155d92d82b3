"""`spondyl agree`: how well two label maps of one patient agree."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spondyl.app.cli.options import AsJson


def agree(
    first: Annotated[Path, typer.Argument(help="Label image.", show_default=False)],
    second: Annotated[Path, typer.Argument(help="Another label image of the same scan.", show_default=False)],
    label_map_a: Annotated[str | None, typer.Option(help="Whose numbers the first has.", show_default=False)] = None,
    label_map_b: Annotated[str | None, typer.Option(help="Whose numbers the second has.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Compare two label maps level by level. Two automatic maps may agree and both be wrong."""
    from spondyl.app.cli.output import print_document, print_findings, progress
    from spondyl.documents.models import FindingsDocument
    from spondyl.findings import measure_agreement
    from spondyl.spine import build_spine
    from spondyl.studies import read_label_image

    images = read_label_image(first), read_label_image(second)
    with progress() as tell:
        tell("agreement", "begins")
        spines = [
            build_spine(None, labels=i, label_map=m) for i, m in zip(images, (label_map_a, label_map_b), strict=True)
        ]
        found = measure_agreement(*spines)
        tell("agreement", "made")
    if as_json:
        print_document(FindingsDocument.of(found))
    else:
        print_findings(found)
