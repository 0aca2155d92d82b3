"""`spondyl decide`: where each source stands on augmentation for one patient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spondyl.app.cli.options import AsJson, Force, OptionalCase, PatientOption, SettingsOption

if TYPE_CHECKING:
    from spondyl.decisions import Recommendation


def decide(
    case: OptionalCase = None,
    patient: PatientOption = None,
    force: Force = None,
    settings: SettingsOption = None,
    as_json: AsJson = False,
) -> None:
    """Give each guideline's and trial's position on augmentation, with reasons; never one verdict.

    With a case, its record and findings are used and decisions.json is written. With --patient alone, nothing is
    written, and what only a CT shows is unknown.
    """
    from spondyl.app.cli.case_or_record import run_on_either
    from spondyl.app.cli.output import print_document, print_lines
    from spondyl.decisions import assess_candidacy
    from spondyl.documents.advice_models import DecisionsDocument
    from spondyl.documents.settings import read_settings

    here = read_settings(settings)
    advice = run_on_either("decide", case, patient, force, of_case=lambda job: job.advice, of_record=assess_candidacy)
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
