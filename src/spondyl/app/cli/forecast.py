"""`spondyl forecast`: what to expect over a year without a procedure, with vertebroplasty, with kyphoplasty."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spondyl.app.cli.options import AsJson, Force, PatientOption

if TYPE_CHECKING:
    from spondyl.outcomes import Prediction


def forecast(
    case: Annotated[
        Path | None,
        typer.Argument(help="Case folder that `spondyl plan` wrote; left out: the record alone.", show_default=False),
    ] = None,
    patient: PatientOption = None,
    force: Force = None,
    as_json: AsJson = False,
) -> None:
    """Give what published trials let one expect over a year, natural recovery first, benefit and harm of 1000 people.

    With a case, its record is used and forecast.json is written. With --patient alone, nothing is written. No figure
    is computed from the patient: the record decides whose trials are shown.
    """
    from spondyl.app.cli.output import print_document, print_lines, progress
    from spondyl.app.job import Job
    from spondyl.documents.advice_models import ForecastDocument
    from spondyl.documents.patients import read_patient
    from spondyl.errors import InputError
    from spondyl.outcomes import predict_outcomes

    if (case is None) == (patient is None):
        raise InputError("give either a case folder or --patient FILE: a case has its record in study.json already")
    if case is not None:
        with progress() as tell:
            job = Job(case, None, force=force or (), tell=tell)
            job.run("forecast")
        outlook = job.outlook
    else:
        assert patient is not None
        outlook = predict_outcomes(read_patient(patient))
    if as_json:
        print_document(ForecastDocument.of(outlook))
    else:
        print_lines(*_lines(outlook))


def _lines(outlook: Prediction) -> list[str]:
    from spondyl.documents.forecast import difference_words, frequency_words, pooled_words

    lines = [f"about {outlook.people}, over a year", *outlook.remarks]
    lines += [f"without cement: {frequency_words(one)}" for one in outlook.natural]
    lines += [f"if nothing is done, by simulation: {outlook.simulated_course}"]
    lines += [pooled_words(one) for one in outlook.pooled]
    lines += [difference_words(one) for one in outlook.differences]
    lines += [f"{one.course}: {frequency_words(one)}" for one in outlook.frequencies]
    return [*lines, f"{outlook.unverified_rows} rows of the trial table are not verified: not shown, and in no fit."]
