"""What the commands share that answer for a case, or for a record alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from spondyl.app.job import Job
    from spondyl.studies import Patient

R = TypeVar("R")


def run_on_either(
    stage: str,
    case: Path | None,
    patient: Path | None,
    force: Sequence[str] | None,
    *,
    of_case: Callable[[Job], R],
    of_record: Callable[[Patient], R],
) -> R:
    """Run the stage in the case folder and take its result from the job, or answer from the record's file alone.

    Only the first writes anything. Raises InputError unless exactly one of the two is given.
    """
    from spondyl.app.cli.output import progress
    from spondyl.app.job import Job
    from spondyl.documents.patients import read_patient
    from spondyl.errors import InputError

    if case is not None and patient is None:
        with progress() as tell:
            job = Job(case, None, force=force or (), tell=tell)
            job.run(stage)
        return of_case(job)
    if case is None and patient is not None:
        return of_record(read_patient(patient))
    raise InputError("give either a case folder or --patient FILE: a case has its record in study.json already")
