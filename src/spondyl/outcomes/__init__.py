"""Outcomes: what published evidence lets one expect, with and without a procedure. Never a promise to one patient."""

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
    "ArmPoint",
    "Course",
    "Difference",
    "Frequency",
    "Meaning",
    "PooledDifference",
    "Prediction",
    "predict_outcomes",
]
