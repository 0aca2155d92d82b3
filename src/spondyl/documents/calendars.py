"""A recovery plan as an iCalendar file. No name and no diagnosis beyond the level stands in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from icalendar import Calendar, Event

from spondyl import __version__
from spondyl.errors import InputError
from spondyl.followup import RecoveryItem, RecoveryPlan
from spondyl.followup.recovery import NO_TRIAL
from spondyl.studies import write_whole


def write_calendar(path: Path | str, plan: RecoveryPlan) -> None:
    """Write recovery.ics: one all-day entry for each item, the same file for the same plan."""
    write_whole(Path(path), calendar(plan))


def calendar(plan: RecoveryPlan) -> bytes:
    """The iCalendar file (RFC 5545) of a plan whose day 0 is set."""
    if plan.day_0 is None:
        raise InputError("the recovery plan has no day 0: give the day of the procedure, such as --day 2026-03-31")
    whole = Calendar()
    whole.add("prodid", f"-//spondyl//recovery {__version__}//EN")
    whole.add("version", "2.0")
    for item in plan.items:
        whole.add_component(_event(plan, item))
    return bytes(whole.to_ical())


def _event(plan: RecoveryPlan, item: RecoveryItem) -> Event:
    first, last = plan.dates(item)
    event = Event()
    name = f"spondyl/{plan.level.name if plan.level else '-'}/{plan.day_0}/{item.key}"
    event.add("uid", f"{uuid5(NAMESPACE_URL, name)}@spondyl")
    event.add("dtstamp", datetime(first.year, first.month, first.day, tzinfo=UTC))  # not now: the same file each time
    event.add("dtstart", first)
    event.add("dtend", (last or first) + timedelta(days=1))  # the day after the last
    event.add("summary", item.title)
    event.add("description", _description(item))
    event.add("transp", "TRANSPARENT")  # it keeps nobody from a meeting
    return event


def _description(item: RecoveryItem) -> str:
    told = [f"{words} [{source}]" for _, words, source in item.statements]
    if item.key == "lifting":
        told.append(NO_TRIAL)
    if item.last_day is None:
        told.append("From this day on.")
    return "\n".join(told)
