"""Outcomes: what published evidence lets one expect, with and without a procedure. Never a promise to one patient."""

from spondyl.outcomes.course_facts import (
    MODEL,
    CountedRuns,
    CourseFacts,
    WayOut,
    beyond_text,
    course_facts,
    lost_text,
    scenario_text,
)
from spondyl.outcomes.forecast import CAUSE_UNKNOWN, predict_outcomes
from spondyl.outcomes.types import (
    FEWEST_COMPARISONS,
    HORIZON_DAYS,
    ArmPoint,
    Course,
    Difference,
    Frequency,
    Meaning,
    PooledDifference,
    Prediction,
)

__all__ = [
    "CAUSE_UNKNOWN",
    "FEWEST_COMPARISONS",
    "HORIZON_DAYS",
    "MODEL",
    "ArmPoint",
    "CountedRuns",
    "Course",
    "CourseFacts",
    "Difference",
    "Frequency",
    "Meaning",
    "PooledDifference",
    "Prediction",
    "WayOut",
    "beyond_text",
    "course_facts",
    "lost_text",
    "predict_outcomes",
    "scenario_text",
]
