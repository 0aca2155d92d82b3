"""What simulated courses say beside the findings of a CT."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from spondyl.decisions.types import Aspect
from spondyl.outcomes import MODEL, CourseFacts, lost_text
from spondyl.spine import Level

NOT_SIMULATED = "Height gain, leaks and the course without a procedure were not simulated."


def aspects_of(courses: Sequence[CourseFacts], levels: Sequence[Level]) -> Iterator[Aspect]:
    """What they say at these levels, one figure each; no yes or no stands behind a model's figure."""
    for one in courses:
        if one.level not in levels:
            continue
        name = one.level.name
        who = f"{name} with nothing done" if one.course == "untreated" else f"{name} after {one.course}"
        if one.strength_share is not None:
            yield _aspect(f"{who}: {one.strength_share:.2f} of the strength before the fracture")
        if one.front_kept_mm is not None:
            kept = f"{who}: the front keeps {one.front_kept_mm:.1f} mm of the balloons' lift"
            if one.retained_ratio is not None:
                kept += f", {one.retained_ratio:.2f} of what it would keep without load"
            yield _aspect(f"{kept}; millimetres hang on the assumed fracture")
        if one.front_lost_mm is not None and one.days is not None:
            how = ", if it does not heal" if one.course == "untreated" else ""
            yield _aspect(f"{who}{how}: the front loses {lost_text(one.front_lost_mm)} in {one.days:.0f} days")
        if one.leaked_runs is not None:
            runs = f"{one.leaked_runs} of {one.runs} simulated runs"
            yield _aspect(f"{name}, {one.course}: {runs} leaked more than 0.1 mL by any way")


def _aspect(words: str) -> Aspect:
    return Aspect("simulation", None, words, MODEL)
