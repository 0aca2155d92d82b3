"""What simulated courses say beside the findings of a CT."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from spondyl.decisions.answer import Answer
from spondyl.decisions.types import Aspect
from spondyl.outcomes import MODEL, CourseFacts, beyond_text, lost_text
from spondyl.spine import Level

NOT_SIMULATED = "Height gain, leaks and the course without a procedure were not simulated."


def aspects_of(courses: Sequence[CourseFacts], levels: Sequence[Level]) -> Iterator[Aspect]:
    """What all courses say, one figure each; no yes or no stands behind a model's figure.

    A level that the question is about and that was not simulated is named as unknown.
    """
    for one in courses:
        name = one.level.name
        who = f"{name} with nothing done" if one.course == "untreated" else f"{name} after {one.course}"
        if one.strength_share is not None:
            yield _aspect(f"{who}: {one.strength_share:.2f} of the strength before the fracture")
        if one.front_kept_mm is not None:
            kept = f"{who}: the front keeps {one.front_kept_mm:.1f} mm of the balloons' lift"
            if one.retained_ratio is not None:
                kept += f", {one.retained_ratio:.2f} of what it would keep without load"
            yield _aspect(
                f"{kept}; both hang on the assumed fracture, and what stays under load is not told by this model"
            )
        if one.front_lost_mm is not None and one.days is not None:
            how = ", if it does not heal" if one.course == "untreated" else ""
            when = f"upright after {one.days:.0f} days the front is"
            lost = f"{lost_text(one.front_lost_mm)} than on the CT{beyond_text(one.beyond_share)}"
            yield _aspect(f"{who}{how}: {when} {lost}")
        if one.counted is not None:
            way = "" if one.counted.none_entered else "by any way "
            yield _aspect(f"{name}, {one.course}: {way}{one.counted.words}")
    for level in levels:
        if courses and level not in {one.level for one in courses}:
            yield Aspect("simulation", Answer.UNKNOWN, f"{level.name}: {NOT_SIMULATED}", None)


def _aspect(words: str) -> Aspect:
    return Aspect("simulation", None, words, MODEL)
