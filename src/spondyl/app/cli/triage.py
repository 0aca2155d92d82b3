"""`spondyl triage`: how urgent what a person reports is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spondyl.app.cli.options import AsJson, EmergencyNumber, SettingsOption

if TYPE_CHECKING:
    from spondyl.followup import Triage


def triage(
    answers: Annotated[
        Path,
        typer.Argument(help="TOML or JSON file of answers; what is left out was not asked.", show_default=False),
    ],
    case: Annotated[
        Path | None, typer.Option(help="Case folder with plans.json: what was done.", show_default=False)
    ] = None,
    level: Annotated[
        str | None, typer.Option(help="Which of its plans; left out: the only one.", show_default=False)
    ] = None,
    emergency_number: EmergencyNumber = None,
    settings: SettingsOption = None,
    as_json: AsJson = False,
) -> None:
    """Say when to call: emergency now, same day, within days, or self-care; why, and what to say on the phone.

    Self-care is given only where every red flag was asked and nothing was reported.
    """
    from spondyl.app.cli.output import print_document, print_lines
    from spondyl.documents.advice_models import TriageDocument
    from spondyl.documents.checkins import read_checkin
    from spondyl.documents.plan_files import find_plan
    from spondyl.documents.settings import read_settings
    from spondyl.followup import triage as how_urgent

    here = read_settings(settings, emergency_number)
    plan = None if case is None else find_plan(case, level)
    found = how_urgent(read_checkin(answers), plan)
    if as_json:
        print_document(TriageDocument.of(found, here.emergency_number))
    else:
        print_lines(*_lines(found, here.number_words))


def _lines(found: Triage, number: str) -> list[str]:
    from spondyl.followup.words import URGENCY_WORDS, reason_words

    lines = [URGENCY_WORDS[found.urgency].format(number=number)]
    lines += [f"why: {reason_words(reason)}" for reason in found.reasons]
    if found.say:
        lines += ["say on the phone:", *(f"  {sentence}" for sentence in found.say)]
    if found.not_asked:
        lines += ["not answered yet:", *(f"  {question}" for question in found.not_asked)]
    return lines
