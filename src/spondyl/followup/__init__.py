"""Afterwards: what a person reports, how urgent it is, and what changed."""

from spondyl.followup.checkin import SYMPTOMS, CheckIn
from spondyl.followup.questions import question_text
from spondyl.followup.recovery import RecoveryItem, RecoveryPlan, plan_recovery
from spondyl.followup.triage import Triage, TriageReason, Urgency, red_flags, reported, triage

__all__ = [
    "SYMPTOMS",
    "CheckIn",
    "RecoveryItem",
    "RecoveryPlan",
    "Triage",
    "TriageReason",
    "Urgency",
    "plan_recovery",
    "question_text",
    "red_flags",
    "reported",
    "triage",
]
