"""The report's words on the weeks after: day by day, where sources differ, and when to call."""

from __future__ import annotations

from dataclasses import dataclass

from spondyl.documents.booklet_content import symptoms_by_urgency
from spondyl.documents.tables import Table
from spondyl.followup import RecoveryItem, RecoveryPlan, Urgency
from spondyl.followup.recovery import NO_TRIAL

_WHEN = {
    Urgency.EMERGENCY_NOW: "Emergency number, at once",
    Urgency.SAME_DAY: "The team or the doctor on duty, the same day",
    Urgency.WITHIN_DAYS: "The team, within days",
}


@dataclass(frozen=True)
class AftercareSection:
    """Everything that the section prints."""

    state: str
    days: Table
    differing: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]  # topic; what it says, source
    remark: str
    calls: tuple[tuple[str, tuple[str, ...]], ...]  # whom to call and how soon; the symptoms
    sources: tuple[str, ...]


def aftercare_section(plan: RecoveryPlan) -> AftercareSection:
    """The section of a recovery plan."""
    items = {source for item in plan.items for _, _, source in item.statements}
    shown = {side.source for one in plan.disagreements for side in one.positions}
    symptoms = symptoms_by_urgency()
    return AftercareSection(
        state="After a procedure, if one is done." if plan.with_procedure else "Without a procedure.",
        days=Table("Day by day", ("Days", "What", "Source"), tuple(_row(item) for item in plan.items)),
        differing=tuple(
            (one.topic, tuple((side.words, side.source) for side in one.positions)) for one in plan.disagreements
        ),
        remark=NO_TRIAL,
        calls=tuple((_WHEN[urgency], symptoms[urgency]) for urgency in _WHEN if urgency in symptoms),
        sources=tuple(sorted(items | shown)),
    )


def _row(item: RecoveryItem) -> tuple[str, str, str]:
    if item.last_day == item.first_day:
        days = str(item.first_day)
    else:
        days = f"{item.first_day} to {item.last_day}" if item.last_day is not None else f"from {item.first_day} on"
    return days, item.title, ", ".join(dict.fromkeys(source for _, _, source in item.statements))
