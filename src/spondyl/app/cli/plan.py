"""`spondyl plan`: the whole job, from a study and its labels to the report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
    EmergencyNumber,
    Force,
    LabelMapOption,
    Languages,
    Levels,
    NoDiscAt,
    OptionalLabels,
    OptionalStudy,
    PatientOption,
    Resample,
    SettingsOption,
    Subregions,
)


def plan(
    out: Annotated[Path, typer.Option(help="Case folder to write to; made when missing.", show_default=False)],
    study: OptionalStudy = None,
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
    level: Levels = None,
    language: Languages = None,
    emergency_number: EmergencyNumber = None,
    settings: SettingsOption = None,
    runs: Annotated[
        int | None, typer.Option(help="Runs that leaks are counted over. [default: 40]", show_default=False)
    ] = None,
    ends: Annotated[
        str | None,
        typer.Option(
            help="What embeds the endplates where strength is modelled: cement or disc. [default: cement]",
            show_default=False,
        ),
    ] = None,
    damage: Annotated[
        bool | None,
        typer.Option(
            "--damage/--no-damage",
            help="Bone that flows loses stiffness: strength is told with what is left of it. [default: no-damage]",
            show_default=False,
        ),
    ] = None,
    force: Force = None,
    as_json: AsJson = False,
) -> None:
    """Do the whole job and write report.html and booklet.html. What is up to date in the case folder is kept."""
    from spondyl.app.booklet import BookletWish
    from spondyl.app.cli.output import print_job, progress
    from spondyl.app.inputs import Inputs
    from spondyl.app.job import Job
    from spondyl.app.warm import compiled_beside
    from spondyl.documents.settings import read_settings

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
    wish = BookletWish.asked(language, read_settings(settings, emergency_number))
    pressed = {name: said for name, said in (("ends", ends), ("damage", damage)) if said is not None}
    with progress() as tell, compiled_beside(tell) as ready:
        job = Job(
            out,
            inputs,
            booklets=wish,
            courses={} if runs is None else {"runs": runs},
            strength=pressed,
            force=force or (),
            levels=level or (),
            tell=tell,
            solver_ready=ready,
        )
        job.run()
    print_job(job.document(), as_json)
