"""Findings: what is broken, how badly, and how sure that is."""

from spondyl.findings.types import Finding, Findings, Status, not_evaluable

__all__ = ["Finding", "Findings", "Status", "not_evaluable"]
