"""`spondyl findings`: what is broken, how badly, and how sure that is."""

from __future__ import annotations

from enum import StrEnum
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
    Force,
    LabelMapOption,
    NoDiscAt,
    OptionalLabels,
    Out,
    PatientOption,
    Resample,
    Subregions,
)

if TYPE_CHECKING:
    from spondyl.app.inputs import Inputs
    from spondyl.findings import Findings
    from spondyl.spine import Spine


class Comparison(StrEnum):
    """Published rules of other tools that can stand beside ours."""

    TOTALSEG = "totalseg"


def findings(
    study: Annotated[
        Path | None,
        typer.Argument(
            help="DICOM folder or zip, NIfTI file, or a case folder; left out: labels alone.", show_default=False
        ),
    ] = None,
    labels: OptionalLabels = None,
    label_map: LabelMapOption = None,
    subregions: Subregions = None,
    patient: PatientOption = None,
    resample: Resample = False,
    anchor: Anchors = None,
    disc_at: DiscAt = None,
    no_disc_at: NoDiscAt = None,
    backend: Backend = "own",
    backend_program: BackendProgram = None,
    backend_weights: BackendWeights = None,
    backend_minutes: BackendMinutes = None,
    backend_gpu: BackendGpu = False,
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
    from spondyl.app.inputs import Inputs
    from spondyl.documents.models import FindingsDocument
    from spondyl.documents.records import SPINE_FILE
    from spondyl.errors import InputError
    from spondyl.findings import compare_totalseg_rules

    if labels is None and study is not None and (study / SPINE_FILE).is_file():
        if anchor or disc_at or no_disc_at or backend != "own":
            raise InputError(f"'{study}' is a case: its levels are named anew with `spondyl relabel` or `spondyl plan`")
        spine, found = _of_case(study, force)
    else:
        inputs = Inputs.asked(
            study,
            labels,
            label_map=label_map,
            subregions=subregions,
            patient=patient,
            resample=resample,
            anchor=anchor,
            disc_at=disc_at,
            no_disc_at=no_disc_at,
            backend=backend,
            backend_program=backend_program,
            backend_weights=backend_weights,
            backend_minutes=backend_minutes,
            backend_gpu=backend_gpu,
        )
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
