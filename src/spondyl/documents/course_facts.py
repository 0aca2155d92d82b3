"""The plain figures of simulated courses from their document."""

from __future__ import annotations

from spondyl.documents.course_models import CourseModel, HeightCourseModel, SimulationsDocument
from spondyl.documents.leak_models import LeakShareModel
from spondyl.outcomes import CountedRuns, CourseFacts, WayOut
from spondyl.simulation.leak_shares import published_rates
from spondyl.simulation.openings import LeakPath
from spondyl.spine import Level


def facts_of_document(document: SimulationsDocument) -> tuple[CourseFacts, ...]:
    """The facts of all courses of a case."""
    return tuple(_facts(course) for course in document.courses)


def _facts(course: CourseModel) -> CourseFacts:
    fans = {fan.heals: fan for fan in course.heights}
    some = next((one for one in course.leak_shares if one.path == "any"), None)
    return CourseFacts(
        level=Level.parse(course.level),
        course=course.course,
        strength_share=None if course.after is None else course.after.strength_share,
        front_lost_mm=_lost(fans.get(False)),
        front_lost_healing_mm=_lost(fans.get(True)),
        days=max((fan.days[-1] for fan in course.heights), default=None),
        beyond_share=fans[False].beyond_share[-1] if False in fans else None,
        counted=_none_entered(course, "any") if some is None else _counted(some),
        ways=_ways(course),
        front_kept_mm=None if course.balloons is None else course.balloons.regained[0].lift_mm,
        retained_ratio=None if course.balloons is None else course.balloons.retained_ratio,
    )


def _lost(fan: HeightCourseModel | None) -> tuple[float, float, float] | None:
    return None if fan is None else (fan.front_mm.middle[-1], fan.front_mm.low[-1], fan.front_mm.high[-1])


def _ways(course: CourseModel) -> tuple[WayOut, ...]:
    """Paths that the model has an opening to; where cement went in in no run and none is known, that alone."""
    counted = {one.path: _counted(one) for one in course.leak_shares}
    leaks = () if course.cement is None else course.cement.leaks
    found = tuple(
        WayOut(leak.path, leak.openings, counted.get(leak.path) or _none_entered(course, leak.path))
        for leak in leaks
        if leak.openings
    )
    nowhere = _none_entered(course, "any")
    return found if found or nowhere is None else (WayOut("any", (), nowhere),)


def _none_entered(course: CourseModel, path: str) -> CountedRuns | None:
    """Where cement went in in none of the runs; None: some took cement, or runs were not counted."""
    if course.leak_shares or not course.empty_runs:
        return None
    rates = published_rates(None if path == "any" else LeakPath(path))
    published = tuple(f"{rate.percent:g} % {rate.what} [{rate.source}]" for rate in rates)
    return CountedRuns(0, 0, (), published, course.empty_runs)


def _counted(told: LeakShareModel) -> CountedRuns:
    """Runs with the scenarios where they disagree, and the published rates."""
    return CountedRuns(
        told.share.leaked,
        told.share.runs,
        told.scenarios_to_show,
        tuple(f"{rate.percent:g} % {rate.what} [{rate.source}]" for rate in told.published),
        told.empty_runs,
    )
