"""Decisions: what the published positions say of this patient, each with its reasons. Yes, no or unknown."""

from spondyl.decisions.answer import Answer
from spondyl.decisions.candidacy import assess_candidacy
from spondyl.decisions.conditions import Fact, Facts, Interval, criteria_of, holds
from spondyl.decisions.interview import Prompt, next_prompt, with_answer
from spondyl.decisions.types import (
    Aspect,
    Concern,
    OpenQuestion,
    Position,
    Reason,
    Recommendation,
    ShownDisagreement,
    Stance,
)

__all__ = [
    "Answer",
    "Aspect",
    "Concern",
    "Fact",
    "Facts",
    "Interval",
    "OpenQuestion",
    "Position",
    "Prompt",
    "Reason",
    "Recommendation",
    "ShownDisagreement",
    "Stance",
    "assess_candidacy",
    "criteria_of",
    "holds",
    "next_prompt",
    "with_answer",
]
