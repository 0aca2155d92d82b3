"""`spondyl recovery`: the weeks after, as a calendar."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spondyl.app.cli.options import AsJson, EmergencyNumber, SettingsOption

if TYPE_CHECKING:
    from spondyl.followup import RecoveryPlan

WITH_PROCEDURE = "after a procedure; without one, give a case whose plan has no needle"
WITHOUT_PROCEDURE = "without a procedure: the plan has no needle"


def recovery(
    case: Annotated[
        Path | None, typer.Option(help="Case folder with plans.json: what is done.", show_default=False)
    ] = None,
    level: Annotated[
        str | None, typer.Option(help="Which of its plans; left out: the only one.", show_default=False)
    ] = None,
    day: Annotated[
        str | None, typer.Option(help="Day of the procedure, such as 2026-03-31; left out: days are relative.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="iCalendar file to write; needs --day.", show_default=False)] = None,
    emergency_number: EmergencyNumber = None,
    settings: SettingsOption = None,
    as_json: AsJson = False,
) -> None:
    """Print the recovery day by day, with sources, and write it as a calendar for a phone."""
    from spondyl.app.cli.output import print_document, print_lines
    from spondyl.documents.advice_models import RecoveryDocument
    from spondyl.documents.plan_files import find_plan
    from spondyl.documents.settings import read_settings
    from spondyl.followup import plan_recovery

    here = read_settings(settings, emergency_number)
    plan = plan_recovery(None if case is None else find_plan(case, level), _day(day))
    if out is not None:
        from spondyl.documents.calendars import write_calendar

        write_calendar(out, plan)
    if as_json:
        print_document(RecoveryDocument.of(plan, here.emergency_number))
    else:
        print_lines(
            *_lines(plan), f"in an emergency: {here.number_words}", *([] if out is None else [f"written to {out}"])
        )


def _day(words: str | None) -> date | None:
    from spondyl.errors import InputError

    try:
        return None if words is None else date.fromisoformat(words)
    except ValueError:
        raise InputError("--day is no day: write it as 2026-03-31") from None


def _lines(plan: RecoveryPlan) -> list[str]:
    lines = [WITH_PROCEDURE if plan.with_procedure else WITHOUT_PROCEDURE]
    for item in plan.items:
        when = f"day {item.first_day}" + ("" if item.last_day == item.first_day else f"-{item.last_day or ''}")
        if plan.day_0 is not None:
            first, last = plan.dates(item)
            when = f"{first}" + ("" if last == first else f" to {last}" if last else " on")
        lines.append(f"{when}: {item.title} [{', '.join(dict.fromkeys(source for _, _, source in item.statements))}]")
    for one in plan.disagreements:
        lines += [f"sources differ: {one.topic}", *(f"  {side.words} [{side.source}]" for side in one.positions)]
    return lines
