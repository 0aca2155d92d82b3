"""A triage in words."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from spondyl.followup.triage import UNVERIFIED, TriageReason, Urgency

URGENCY_WORDS: Mapping[Urgency, str] = MappingProxyType(
    {
        Urgency.EMERGENCY_NOW: "EMERGENCY NOW: call the emergency number: {number}. Do not drive yourself.",
        Urgency.SAME_DAY: "TODAY: call your team or the doctor on duty today. If it gets worse: {number}.",
        Urgency.WITHIN_DAYS: "WITHIN DAYS: call your team in the next days. If something new comes up, ask again.",
        Urgency.SELF_CARE: "SELF-CARE: nothing of concern was reported. Go on with your plan; call if that changes.",
    }
)
_SHORT: Mapping[Urgency, str] = MappingProxyType(
    {
        Urgency.EMERGENCY_NOW: "emergency now",
        Urgency.SAME_DAY: "same day",
        Urgency.WITHIN_DAYS: "within days",
        Urgency.SELF_CARE: "self-care",
    }
)


def reason_words(reason: TriageReason) -> str:
    """One reason: urgency, what was reported or is missing, what the team does, and where that stands."""
    told = f"{reason.action} [{', '.join(reason.sources)}]" if reason.action else UNVERIFIED
    return f"{_SHORT[reason.urgency]}: {reason.words}. For the team: {told}"
