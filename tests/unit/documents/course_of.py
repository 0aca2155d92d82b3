"""A written course around one injection: the rest of it is that of a body that nothing was done to."""

from __future__ import annotations

from spondyl.documents.cement_models import CementModel
from spondyl.documents.course_models import CourseModel, StateModel
from spondyl.documents.leak_models import leak_shares_of
from spondyl.simulation import BodyInjection, LeakShares


def course_of(injection: BodyInjection, leaks: LeakShares | None = None) -> CourseModel:
    """Vertebroplasty of its level."""
    state = StateModel(
        failure_n=None, failure_low_n=None, failure_high_n=None, stiffness_n_per_mm=None, stiffness_share=1.0,
        strength_share=1.0, left_share=0.5, curve=(),
    )  # fmt: skip
    return CourseModel(
        level=injection.plan.level.name,
        course="vertebroplasty",
        before=state,
        broken=state,
        after=state,
        cement=CementModel.of(injection),
        leak_shares=() if leaks is None else leak_shares_of(leaks),
        empty_runs=0 if leaks is None else leaks.empty,
        heights=(),
        neighbours=(),
        loads=(),
        unknown=(),
        notes=(),
        assumptions=(),
    )
