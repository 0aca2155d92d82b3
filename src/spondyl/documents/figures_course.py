"""The pictures of simulated courses: curves of the states, the cement in its body, and height over the year."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from spondyl.documents.course_models import CourseModel, FanModel, HeightCourseModel, StateModel
from spondyl.documents.figures import STYLE, Picture, png_of
from spondyl.documents.figures_strength import paint_field
from spondyl.documents.tables import Table
from spondyl.space import Volume
from spondyl.spine import Spine

BEFORE, BROKEN, TREATED, HEALING = "#595959", "#D55E00", "#0072B2", "#009E73"
LEAST_SHARE = 0.02  # of a voxel that is cement: less is not painted


def draw_states(course: CourseModel) -> Picture | None:
    """Force over shortening before the fracture, as it is, and with cement; None where no force is told."""
    states = _states(course)
    if not states:
        return None
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.6, 3.0), layout="constrained")
        axes = figure.add_subplot()
        for name, state, colour, line in states:
            short, force = _curve(state)
            axes.plot(short, force, line, color=colour, label=name)
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("shortening between the caps [mm]")
        axes.set_ylabel("force [kN]")
        axes.legend(fontsize=8, loc="upper left", frameon=False)
    rows = tuple((name, f"{(state.failure_n or 0.0) / 1000:.2f}") for name, state, *_ in states)
    told = ", ".join(f"{name} {kilonewtons} kN" for name, kilonewtons in rows)
    return Picture(
        f"course-states-{course.level}",
        f"{course.level}: force over shortening before, with and after, as modelled",
        png_of(figure),
        f"Curves of force over shortening of {course.level} between cement caps. Failure loads: {told}.",
        Table(f"Failure loads of {course.level} as modelled", ("State", "Failure load [kN]"), rows),
    )


def draw_heights(courses: Sequence[CourseModel]) -> Picture | None:
    """Front height lost over the year by course, as fans; None where no course has any."""
    fans = _fans(courses)
    if not fans:
        return None
    level = courses[0].level
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.6, 3.2), layout="constrained")
        axes = figure.add_subplot()
        for name, fan, colour, line in fans:
            days = np.array(fan.days)
            axes.fill_between(days, fan.front_mm.low, fan.front_mm.high, color=colour, alpha=0.15, linewidth=0)
            axes.plot(days, fan.front_mm.middle, line, color=colour, label=name)
        axes.set_xscale("symlog", linthresh=1.0)
        ticks = [0, 1, 7, 30, 90, 365]
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.minorticks_off()
        axes.set_xlim(0, max(fan.days[-1] for _, fan, *_ in fans))
        axes.invert_yaxis()
        axes.set_xlabel("days after the CT")
        axes.set_ylabel("front height, change [mm]")
        axes.yaxis.set_major_formatter(lambda value, _: f"{-value:g}" if value else "0")
        axes.legend(fontsize=8, loc="lower left", frameon=False)
    table = height_table(courses)
    last = "; ".join(
        f"{name}: {fan.front_mm.middle[-1]:.1f} mm lost after a year, 95 % of the runs {fan.front_mm.low[-1]:.1f} to "
        f"{fan.front_mm.high[-1]:.1f}"
        for name, fan, *_ in fans
    )
    return Picture(
        f"course-heights-{level}",
        f"{level}: height over a year of standing and lying, as modelled; bands: 95 % of the runs",
        png_of(figure),
        f"Lines of the front height that {level} loses over a year in the model, with bands. {last}.",
        table,
    )


def draw_cement(course: CourseModel, cement: Volume, spine: Spine) -> Picture:
    """All cement of the shown run, looked through from the side and from the front, over the CT through the middle.

    A plane alone would show one of two fillings that lie at different depths, as if the other were not there.
    """
    level = next(level for level in spine.levels if level.name == course.level)
    told = course.cement
    assert told is not None  # there is a field of it
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.1, 3.1), layout="constrained")
        grid = figure.subplots(1, 2, squeeze=False)[0]
        painted: Any = None
        titles = ("from the side: all cement", "from the front: all cement")
        for axes, plane, title in zip(grid, ("sagittal", "coronal"), titles, strict=True):
            shown = np.ma.masked_less(100 * looked_through(cement.array, plane), 100 * LEAST_SHARE)
            painted = paint_field(axes, spine, level, (shown, cement.geometry), plane, "cividis", 100.0)
            axes.set_title(title, fontsize=9)
        figure.colorbar(painted, ax=list(grid), shrink=0.85).set_label("most cement in line of sight [%]")
    rows = [(leak.path.replace("_", " "), f"{leak.volume_ml:.2f}") for leak in told.leaks]
    return Picture(
        f"course-cement-{course.level}",
        f"{course.level}: where {told.injected_ml:.1f} mL of cement go in one run of the model",
        png_of(figure),
        f"All cement in {course.level}, looked through over the CT through its middle. Left: from the side, front on "
        "the left. Right: from the front, the patient's right on the left side. "
        f"{100 * told.fill:.0f} % of the body is cement, {100 * told.left_share:.0f} % of it on the patient's left; it "
        f"lies under {100 * told.contact_superior:.0f} % of the upper and {100 * told.contact_inferior:.0f} % of the "
        "lower endplate.",
        Table(f"Cement that left {course.level} in this run", ("Way out", "Volume [mL]"), tuple(rows)),
    )


def looked_through(field: np.ndarray, plane: str) -> np.ndarray:
    """The most of a field along the line of sight, at every depth; axes to the front, to the left and to the head."""
    axis = 1 if plane == "sagittal" else 0
    return np.broadcast_to(field.max(axis=axis, keepdims=True), field.shape)


def height_table(courses: Sequence[CourseModel]) -> Table:
    """Front height lost and wedge added by day and course."""
    fans = _fans(courses)
    rows = []
    for name, fan, *_ in fans:
        for day in (1, 30, 90, 365):
            if day not in fan.days:
                continue
            at = fan.days.index(day)
            rows.append(
                (
                    name,
                    f"{day}",
                    _at(fan.front_mm, at),
                    _at(fan.back_mm, at),
                    _at(fan.wedge_deg, at),
                    f"{100 * fan.beyond_share[at]:.0f} %",
                )
            )
    head = ("Course", "Day", "Front lost [mm]", "Back lost [mm]", "Wedge added [deg]", "Runs past the model")
    return Table(f"Height of {courses[0].level} over a year, as modelled", head, tuple(rows))


def _at(fan: FanModel, at: int) -> str:
    """Middle and range on one day; what rounds to nothing is told as less than 0.1."""
    if max(abs(fan.low[at]), abs(fan.high[at])) < 0.05:
        return "less than 0.1"
    return f"{fan.middle[at]:.1f} ({fan.low[at]:.1f} to {fan.high[at]:.1f})".replace("-0.0", "0.0")


def _fans(courses: Sequence[CourseModel]) -> list[tuple[str, HeightCourseModel, str, str]]:
    found = []
    for course in courses:
        for fan in course.heights:
            if course.course != "untreated":
                found.append((f"{course.course}", fan, TREATED, "-"))
            elif fan.heals:
                found.append(("untreated, healing", fan, HEALING, "--"))
            else:
                found.append(("untreated, not healing", fan, BROKEN, "-"))
    return found


def _states(course: CourseModel) -> list[tuple[str, StateModel, str, str]]:
    told = [
        ("before the fracture, estimated", course.before, BEFORE, ":"),
        ("fractured, as assumed", course.broken, BROKEN, "--"),
    ]
    if course.after is not None:
        told.append((f"after {course.course}", course.after, TREATED, "-"))
    return [(name, state, colour, line) for name, state, colour, line in told if state.curve]


def _curve(state: StateModel) -> tuple[np.ndarray, np.ndarray]:
    short = [0.0, *(abs(point.displacement_mm) for point in state.curve)]
    force = [0.0, *(point.reaction_n / 1000 for point in state.curve)]
    return np.array(short), np.array(force)
