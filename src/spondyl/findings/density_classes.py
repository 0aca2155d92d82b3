"""Published classes of trabecular CT numbers and densities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spondyl.evidence import EvidenceEntry, find_entry
from spondyl.findings.types import Finding, Findings, Status, not_evaluable
from spondyl.spine import Level

_HU_METHOD = "class of the trabecular CT number at L1, or at the nearest undeformed level within two"
_QCT_METHOD = "class of the mean trabecular density of two undeformed lumbar vertebrae"
_LUMBAR = (Level.L1, Level.L2, Level.L3, Level.L4, Level.L5)
_FARTHEST = 2.0  # levels from L1


def hu_class(measured: Sequence[Finding]) -> Finding:
    """Class of the trabecular CT number at L1 by two published cuts; nearest level within two, with a remark."""
    entry, name = find_entry("im-hu-pickhardt"), "opportunistic_hu_class"
    known = [f for f in measured if f.level is not None and isinstance(f.value, float)]
    nearest = min(known, key=lambda f: (_from_l1(f), f.status is not Status.MEASURED), default=None)
    if nearest is None or _from_l1(nearest) > _FARTHEST or not isinstance(nearest.value, float):
        reason = "no trabecular CT number of an undeformed level within two of L1"
        return not_evaluable(name, None, "1", reason, _HU_METHOD, source=entry.source)
    specific, sensitive = _number(entry, "specific_cut"), _number(entry, "sensitive_cut")
    label = f"above {sensitive:g} HU"
    if nearest.value <= sensitive:
        label = f"{specific:g} to {sensitive:g} HU" if nearest.value > specific else f"at most {specific:g} HU"
    remarks = [nearest.reason] if nearest.reason else []
    remarks += _astride(nearest, (specific, sensitive), "HU")
    if nearest.level is not Level.L1 and nearest.level is not None:
        remarks.append(f"the cuts are for L1, this is {nearest.level.name}")
    return _classed(name, (nearest,), label, remarks, _HU_METHOD, entry.source)


def qct_class(measured: Sequence[Finding], grade: int) -> Finding:
    """Class of the mean density of two lumbar vertebrae by published cuts; on grades 1 and 2 only."""
    entry, name = find_entry("im-qct"), "qct_class"
    lumbar = [f for f in measured if f.level in _LUMBAR and isinstance(f.value, float)]
    two = sorted(lumbar, key=lambda f: (f.status is not Status.MEASURED, f.level))[:2]
    if grade > 2:
        reason = f"the density has grade {grade}; classes need a calibration of grade 1 or 2"
        return not_evaluable(name, None, "1", reason, _QCT_METHOD, source=entry.source)
    if len(two) < 2:
        reason = f"two undeformed lumbar vertebrae are needed, {len(two)} could be measured"
        return not_evaluable(name, None, "1", reason, _QCT_METHOD, source=entry.source)
    two.sort(key=lambda f: f.level or 0)
    low, high = (float(np.mean([getattr(f, end) for f in two])) for end in ("low", "high"))
    value = float(np.mean([f.value for f in two if isinstance(f.value, float)]))
    cuts = _number(entry, "osteoporosis_max"), _number(entry, "normal_min")
    label = "osteoporosis" if value < cuts[0] else "low bone density" if value <= cuts[1] else "normal"
    remarks = [f.reason for f in two if f.reason]
    remarks += [
        f"the interval of {low:.0f} to {high:.0f} mg/cm3 holds the cut of {c:g}" for c in cuts if low < c < high
    ]
    return _classed(name, tuple(two), label, remarks, _QCT_METHOD, entry.source)


def _classed(name: str, of: Findings, label: str, remarks: list[str], method: str, source: str) -> Finding:
    status = Status.UNCERTAIN if remarks else Status.MEASURED
    second = of[1].level if len(of) > 1 else None
    reason = "; ".join(dict.fromkeys(remarks)) or None
    return Finding(name, of[0].level, second, None, label, "1", None, None, status, reason, method, source)


def _astride(finding: Finding, cuts: tuple[float, ...], unit: str) -> list[str]:
    low, high = finding.low, finding.high
    if low is None or high is None:
        return []
    return [f"the interval of {low:.0f} to {high:.0f} {unit} holds the cut of {c:g}" for c in cuts if low < c < high]


def _from_l1(finding: Finding) -> float:
    level = finding.level or Level.C1
    return abs(level.order - Level.L1.order)


def _number(entry: EvidenceEntry, name: str) -> float:
    value = entry.figure(name).value
    assert isinstance(value, int | float)
    return float(value)
