"""Decisions: what the published positions say of this patient, each with its reasons. Yes, no or unknown."""

from spondyl.decisions.answer import Answer

__all__ = ["Answer"]
