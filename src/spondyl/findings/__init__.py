"""Findings: what is broken, how badly, and how sure that is."""

from spondyl.findings.agreement import measure_agreement
from spondyl.findings.types import Finding, Findings, Status, not_evaluable

__all__ = ["Finding", "Findings", "Status", "measure_agreement", "not_evaluable"]
