"""`spondyl decide`: where each source stands on augmentation for one patient."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spondyl.app.cli.options import AsJson, Force, PatientOption, SettingsOption

if TYPE_CHECKING:
    from spondyl.decisions import Recommendation


def decide(
    case: Annotated[
        Path | None,
        typer.Argument(help="Case folder that `spondyl plan` wrote; left out: the record alone.", show_default=False),
    ] = None,
    patient: PatientOption = None,
    force: Force = None,
    settings: SettingsOption = None,
    as_json: AsJson = False,
) -> None:
    """Give each guideline's and trial's position on augmentation, with reasons; never one verdict.

    With a case, its record and findings are used and decisions.json is written. With --patient alone, nothing is
    written, and what only a CT shows is unknown.
    """
    from spondyl.app.cli.output import print_document, print_lines, progress
    from spondyl.app.job import Job
    from spondyl.decisions import assess_candidacy
    from spondyl.documents.advice_models import DecisionsDocument
    from spondyl.documents.patients import read_patient
    from spondyl.documents.settings import read_settings
    from spondyl.errors import InputError

    if (case is None) == (patient is None):
        raise InputError("give either a case folder or --patient FILE: a case has its record in study.json already")
    here = read_settings(settings)
    if case is not None:
        with progress() as tell:
            job = Job(case, None, force=force or (), tell=tell)
            job.run("decide")
        advice = job.advice
    else:
        assert patient is not None
        advice = assess_candidacy(read_patient(patient))
    if as_json:
        print_document(DecisionsDocument.of(advice))
    else:
        print_lines(*_lines(advice, here.team_words))


def _lines(advice: Recommendation, team: str) -> list[str]:
    from spondyl.decisions import Answer
    from spondyl.documents.advice import MET_WORDS, NOT_SHOWN, advice_section

    section = advice_section(advice)
    lines = [f"first: {words}" for words, _ in section.urgent]
    lines += [f"contraindications: {section.none_found}"]
    lines += [f"  {one.words}" for one in advice.contraindications if one.answer is not Answer.NO]
    for one in (*advice.positions, *advice.choices, *advice.team):
        lines.append(f"{one.who} [{one.key}]: {MET_WORDS[one.applies]}; says: {one.words or NOT_SHOWN}")
    lines += [team]
    lines += [f"ask: {question}" for question in section.questions]
    return [*lines, "Each source is its own position; a clinician decides with the patient."]
