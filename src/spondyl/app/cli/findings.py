"""`spondyl findings`: what is broken, how badly, and how sure that is."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spondyl.app.cli.input_options import with_inputs
from spondyl.app.cli.options import AsJson, Force, Out

if TYPE_CHECKING:
    from spondyl.app.inputs import Inputs
    from spondyl.findings import Findings
    from spondyl.spine import Spine


class Comparison(StrEnum):
    """Published rules of other tools that can stand beside ours."""

    TOTALSEG = "totalseg"


@with_inputs(study_help="DICOM folder or zip, NIfTI file, or a case folder; left out: labels alone.")
def findings(
    inputs: Inputs,
    out: Out = None,
    force: Force = None,
    compare: Annotated[
        Comparison | None, typer.Option(help="Add what the published rules of this tool's report say.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure heights, deformities, density and defects.

    A label map without its CT is enough for the heights; in a CT without labels the own segmenter finds the vertebrae.
    """
    from spondyl.app.cli.output import print_document, print_findings
    from spondyl.documents.models import FindingsDocument
    from spondyl.documents.records import SPINE_FILE
    from spondyl.errors import InputError
    from spondyl.findings import compare_totalseg_rules

    study = inputs.study
    if inputs.labels is None and study is not None and (study / SPINE_FILE).is_file():
        if inputs.anchors or inputs.disc_at or inputs.no_disc_at or inputs.backend is not None:
            raise InputError(f"'{study}' is a case: its levels are named anew with `spondyl relabel` or `spondyl plan`")
        spine, found = _of_case(study, force)
    else:
        spine, found = _measured(inputs, out, force)
    if compare is Comparison.TOTALSEG:
        found = (*found, *compare_totalseg_rules(spine, found))
    if as_json:
        print_document(FindingsDocument.of(found))
    else:
        print_findings(found)


def _measured(inputs: Inputs, out: Path | None, force: list[str] | None) -> tuple[Spine, Findings]:
    from spondyl.app.cli.output import progress
    from spondyl.app.inputs import build_from
    from spondyl.app.job import Job
    from spondyl.app.measuring import measure

    with progress() as tell:
        if out is None:
            spine = build_from(inputs, tell)
            return spine, measure(spine)
        job = Job(out, inputs, force=force or (), tell=tell)
        job.run("findings")
        return job.spine, job.findings


def _of_case(case: Path, force: list[str] | None) -> tuple[Spine, Findings]:
    from spondyl.app.cli.output import progress
    from spondyl.app.job import Job

    with progress() as tell:
        job = Job(case, None, force=force or (), tell=tell)
        job.run("findings")
        return job.spine, job.findings
