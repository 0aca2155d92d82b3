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
    from spondyl.app.cli.output import finding_line, print_document, print_lines, progress
    from spondyl.app.job import Inputs, build_from
    from spondyl.documents.models import FindingsDocument
    from spondyl.findings import measure_agreement

    with progress() as tell:
        one = build_from(Inputs(None, first, label_map_a), tell)
        other = build_from(Inputs(None, second, label_map_b), tell)
    found = measure_agreement(one, other)
    if as_json:
        print_document(FindingsDocument.of(found))
    else:
        print_lines(*(finding_line(finding) for finding in found))
