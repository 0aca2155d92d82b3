"""`spondyl relabel`: rename the vertebrae of a case and run what rests on the names."""

from __future__ import annotations

from typing import Annotated

import typer

from spondyl.app.cli.options import Anchors, AsJson, CaseArgument


def relabel(
    case: CaseArgument,
    shift: Annotated[
        int | None, typer.Option(help="+1: L1 becomes L2; -1: L1 becomes T12.", show_default=False)
    ] = None,
    anchor: Anchors = None,
    as_json: AsJson = False,
) -> None:
    """Rename the vertebrae by whole levels or by what one of them is, then measure and report again."""
    from spondyl.app.cli.output import print_job, progress
    from spondyl.app.job import Job

    with progress() as tell:
        job = Job(case, None, tell=tell)
        job.relabel(shift, anchor or ())
    print_job(job.document(), as_json)
