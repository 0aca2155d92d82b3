"""Cement of all planned levels together, and what the evidence says of such volumes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from spondyl.evidence import find_entry
from spondyl.planning.types import Plan
from spondyl.spine import Level

EMBOLISM, SESSION = "cx-pce-volume", "pp-levels"  # evidence entries
BOUND_ML = 7.0  # above it lies the highest class of volumes in EMBOLISM: its figure "gt_7"
UNREAD = "check with your team: no verified source in this version"


@dataclass(frozen=True)
class CementTotal:
    """The brackets of several levels added, as if all were filled in one session."""

    levels: tuple[Level, ...]
    low_ml: float
    high_ml: float
    flags: tuple[str, ...]  # what to think of before so much is injected
    sources: tuple[str, ...]  # keys of the sources that the flags name


def cement_total(plans: Iterable[Plan]) -> CementTotal | None:
    """The cement of all plans; None where none has any.

    Volumes are no target: a flag says what was published of so large ones, or so many levels. A warning whose figures
    were not read in their source is given without them.
    """
    planned = [(plan.level, plan.cement) for plan in plans if plan.cement is not None]
    if not planned:
        return None
    low, high = (sum(getattr(cement, end) for _, cement in planned) for end in ("low_ml", "high_ml"))
    flags = [flag for flag in (_volume_flag(low, high), _session_flag(len(planned))) if flag is not None]
    entries = [find_entry(name) for name in (EMBOLISM, SESSION) if any(name in key for key, _ in flags)]
    return CementTotal(
        tuple(level for level, _ in planned),
        low,
        high,
        tuple(text for _, text in flags),
        tuple(entry.source for entry in entries if entry.verified),
    )


def _volume_flag(low: float, high: float) -> tuple[str, str] | None:
    """Where the bracket reaches the highest class of volumes."""
    if high <= BOUND_ML:
        return None
    entry = find_entry(EMBOLISM)
    if not entry.verified:
        return EMBOLISM, f"a large volume of cement in one session: {UNREAD}"
    part = "all of the bracket lies" if low > BOUND_ML else "the upper part of the bracket lies"
    return EMBOLISM, f"{part} above {BOUND_ML:g} ml. {entry.statement} [{entry.source}]"


def _session_flag(count: int) -> tuple[str, str] | None:
    """Where more levels are planned than trials treated in one session."""
    entry = find_entry(SESSION)
    if not entry.verified:
        return (SESSION, f"{count} levels in one session: {UNREAD}") if count > 1 else None
    most = int(float(str(entry.figure("levels_max_rct").value)))
    if count <= most:
        return None
    return SESSION, f"{count} levels are more than trials treated in one session. {entry.statement} [{entry.source}]"
