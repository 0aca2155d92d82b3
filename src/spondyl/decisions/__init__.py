"""Decisions: what the published positions say of this patient, each with its reasons. Yes, no or unknown."""

from spondyl.decisions.answer import Answer
from spondyl.decisions.conditions import Fact, Facts, Interval, criteria_of, holds

__all__ = ["Answer", "Fact", "Facts", "Interval", "criteria_of", "holds"]
