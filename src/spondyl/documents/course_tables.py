"""Simulated courses as CSV: heights over time, pressures of the run that is shown, leaks under doubt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from spondyl.documents.course_models import CourseModel, FanModel
from spondyl.documents.csv_tables import csv_text

Row = dict[str, object]
HEIGHTS_FILE, PRESSURES_FILE, LEAKS_FILE = (f"simulations_{what}.csv" for what in ("heights", "pressures", "leaks"))
_FANS = ("front_mm", "middle_mm", "back_mm", "wedge_deg")
_HEIGHTS = (
    "level", "course", "heals", "day", *(f"{name}_{part}" for name in _FANS for part in ("middle", "low", "high")),
    "beyond_share", "runs",
)  # fmt: skip
_PRESSURES = (
    "level", "course", "minutes", "volume_ml", "flow_ml_per_min", "syringe_mpa", "cannula_mpa", "bone_mpa",
)  # fmt: skip
_LEAKS = (
    "level", "course", "path", "has_opening", "permeability", "runs", "leaked", "share_of_simulated_runs", "low",
    "high", "empty_runs", "published",
)  # fmt: skip


def course_tables(courses: Sequence[CourseModel]) -> dict[str, str]:
    """The tables by the name of their file; one without a row is not made."""
    made = {
        HEIGHTS_FILE: (_HEIGHTS, [row for course in courses for row in _heights(course)]),
        PRESSURES_FILE: (_PRESSURES, [row for course in courses for row in _pressures(course)]),
        LEAKS_FILE: (_LEAKS, [row for course in courses for row in _leaks(course)]),
    }
    return {name: csv_text(columns, rows, digits=6) for name, (columns, rows) in made.items() if rows}


def _heights(course: CourseModel) -> Iterator[Row]:
    """What is lost since the CT; middle and 95 % range over the runs."""
    for fans in course.heights:
        for at, day in enumerate(fans.days):
            row: Row = {"level": course.level, "course": course.course, "heals": fans.heals, "day": day}
            for name in _FANS:
                fan: FanModel = getattr(fans, name)
                row |= {f"{name}_{part}": getattr(fan, part)[at] for part in ("middle", "low", "high")}
            yield row | {"beyond_share": fans.beyond_share[at], "runs": fans.runs}


def _pressures(course: CourseModel) -> Iterator[Row]:
    if course.cement is None:
        return
    told = course.cement.pressures
    for at in range(len(told.minutes)):
        row: Row = {"level": course.level, "course": course.course}
        yield row | {name: getattr(told, name)[at] for name in _PRESSURES[2:]}


def _leaks(course: CourseModel) -> Iterable[Row]:
    """All runs of a path in which cement went in, then those of each permeability."""
    for one in course.leak_shares:
        published = "; ".join(f"{rate.percent:g} % {rate.what} [{rate.source}]" for rate in one.published)
        for permeability, share in (("all", one.share), *one.by_scenario.items()):
            yield {
                "level": course.level,
                "course": course.course,
                "path": one.path,
                "has_opening": one.has_opening,
                "permeability": permeability,
                "runs": 0 if share is None else share.runs,
                "leaked": 0 if share is None else share.leaked,
                "share_of_simulated_runs": None if share is None else share.value,
                "low": None if share is None else share.low,
                "high": None if share is None else share.high,
                "empty_runs": one.empty_runs if permeability == "all" else None,
                "published": published if permeability == "all" else None,
            }
