"""`spondyl plan`: the whole job, from a study and its labels to the report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spondyl.app.cli.input_options import with_inputs
from spondyl.app.cli.options import (
    AsJson,
    EmergencyNumber,
    Force,
    Languages,
    Levels,
    SettingsOption,
)

if TYPE_CHECKING:
    from spondyl.app.inputs import Inputs


@with_inputs()
def plan(
    inputs: Inputs,
    out: Annotated[Path, typer.Option(help="Case folder to write to; made when missing.", show_default=False)],
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
    from spondyl.app.job import Job
    from spondyl.app.warm import compiled_beside
    from spondyl.documents.settings import read_settings

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
