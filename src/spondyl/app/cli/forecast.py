"""`spondyl forecast`: what to expect over a year without a procedure, with vertebroplasty, with kyphoplasty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spondyl.app.cli.options import AsJson, Force, OptionalCase, PatientOption

if TYPE_CHECKING:
    from spondyl.outcomes import Prediction


def forecast(
    case: OptionalCase = None,
    patient: PatientOption = None,
    force: Force = None,
    as_json: AsJson = False,
) -> None:
    """Give what published trials let one expect over a year, natural recovery first, benefit and harm of 1000 people.

    With a case, its record is used and forecast.json is written. With --patient alone, nothing is written. No figure
    is computed from the patient: the record decides whose trials are shown.
    """
    from spondyl.app.cli.case_or_record import run_on_either
    from spondyl.app.cli.output import print_document, print_lines
    from spondyl.documents.advice_models import ForecastDocument
    from spondyl.outcomes import predict_outcomes

    outlook = run_on_either(
        "forecast", case, patient, force, of_case=lambda job: job.outlook, of_record=predict_outcomes
    )
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
