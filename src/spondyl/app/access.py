"""Plan the levels of a case folder and keep the plans there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spondyl.app.inputs import Tell
from spondyl.app.job import Job
from spondyl.documents.settings import NOTHING_SET, Settings
from spondyl.planning import Plan


def plan_levels(
    folder: Path,
    levels: Sequence[str],
    *,
    course: str,
    approach: str,
    gauge: int,
    needles: int,
    tell: Tell,
    here: Settings = NOTHING_SET,
) -> tuple[Plan, ...]:
    """Plans of these levels, from head to foot, written into the case; they take the place of those before."""
    job = Job(folder, None, levels=tuple(levels), tell=tell)
    job.plan_access(course=course, approach=approach, gauge=gauge, needles=needles, **here.needle)
    return job.plans
