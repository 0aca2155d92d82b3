"""Decisions: what the published positions say of this patient, each with its reasons. Yes, no or unknown."""

from spondyl.decisions.answer import Answer
from spondyl.decisions.bone_health import BoneHealthPlan, plan_bone_health
from spondyl.decisions.candidacy import assess_candidacy
from spondyl.decisions.checklist import ChecklistItem, Phase
from spondyl.decisions.conditions import Fact, Facts, Interval, criteria_of, holds
from spondyl.decisions.interview import Prompt, next_prompt, with_answer
from spondyl.decisions.procedure import CementPace, ProcedureSheet, SheetCement, SheetNeedle, SheetWatch, plan_procedure
from spondyl.decisions.statements import Statement
from spondyl.decisions.types import (
    Aspect,
    Concern,
    OpenQuestion,
    Position,
    Reason,
    Recommendation,
    ShownDisagreement,
    Stance,
    Standpoint,
)

__all__ = [
    "Answer",
    "Aspect",
    "BoneHealthPlan",
    "CementPace",
    "ChecklistItem",
    "Concern",
    "Fact",
    "Facts",
    "Interval",
    "OpenQuestion",
    "Phase",
    "Position",
    "ProcedureSheet",
    "Prompt",
    "Reason",
    "Recommendation",
    "SheetCement",
    "SheetNeedle",
    "SheetWatch",
    "ShownDisagreement",
    "Stance",
    "Standpoint",
    "Statement",
    "assess_candidacy",
    "criteria_of",
    "holds",
    "next_prompt",
    "plan_bone_health",
    "plan_procedure",
    "with_answer",
]
