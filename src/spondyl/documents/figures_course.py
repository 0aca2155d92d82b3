"""The pictures of simulated courses: curves of the states, height over the year, and the neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from spondyl.documents.course_models import CourseModel, FanModel, HeightCourseModel, StateModel
from spondyl.documents.figures import STYLE, Picture, png_of
from spondyl.documents.tables import Table
from spondyl.simulation.composite import gain_note

BEFORE, BROKEN, HEALING = "#595959", "#D55E00", "#009E73"
TREATED = {"vertebroplasty": "#0072B2", "kyphoplasty": "#CC79A7"}


def draw_states(courses: Sequence[CourseModel]) -> Picture | None:
    """Force over shortening before the fracture, as it is, and with cement; None where no force is told."""
    states = _states(courses)
    if not states:
        return None
    level = courses[0].level
    gains = _gains(courses)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.6, 3.0 + 0.45 * len(gains)), layout="constrained")
        axes = figure.add_subplot()
        for name, state, colour, line in states:
            short, force = _curve(state)
            axes.plot(short, force, line, color=colour, label=name)
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("shortening between the caps [mm]")
        axes.set_ylabel("force [kN]")
        axes.legend(fontsize=8, loc="upper left", frameon=False)
        if gains:
            figure.supxlabel("\n".join(fill(text, 105) for text in gains), fontsize=7, x=0.02, ha="left")
    rows = tuple((name, f"{(state.failure_n or 0.0) / 1000:.2f}") for name, state, *_ in states)
    told = ", ".join(f"{name} {kilonewtons} kN" for name, kilonewtons in rows)
    return Picture(
        f"course-states-{level}",
        f"{level}: force over shortening before, with and after, as modelled",
        png_of(figure),
        " ".join((f"Curves of force over shortening of {level} between cement caps. Failure loads: {told}.", *gains)),
        Table(f"Failure loads of {level} as modelled", ("State", "Failure load [kN]"), rows, gains),
    )


def _gains(courses: Sequence[CourseModel]) -> tuple[str, ...]:
    """For each treated course what its gain in strength rests on, as its record says."""
    found = []
    for course in courses:
        if course.after is not None and course.cement is not None and course.broken.failure_n:
            contact = course.cement.contact_superior, course.cement.contact_inferior
            note = gain_note(course.after.failure_n or 0.0, course.broken.failure_n, contact)
            found.append(f"{course.course}: {note}.")
    return tuple(found)


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
        f"{name}: {_gone(fan.front_mm.middle[-1])} after a year, 95 % of the runs {_gone(fan.front_mm.low[-1])} to "
        f"{_gone(fan.front_mm.high[-1])}"
        for name, fan, *_ in fans
    )
    return Picture(
        f"course-heights-{level}",
        f"{level}: height over a year of standing and lying, as modelled; bands: 95 % of the runs",
        png_of(figure),
        f"Lines of the front height that {level} loses over a year in the model, with bands. {last}.",
        table,
    )


def draw_neighbours(course: CourseModel) -> Picture | None:
    """What treatment does to the discs and bones beside the body, as bars about no change; None without neighbours."""
    if not course.neighbours:
        return None
    head: tuple[str, ...] = (
        "Neighbour", "Pressure in the disc", "Bulge of the treated endplate", "Strain of the neighbour",
    )  # fmt: skip
    values = [(one.disc_pressure, one.endplate_bulge, one.strain) for one in course.neighbours]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.6, 2.6), layout="constrained")
        axes = figure.add_subplot()
        for number, (what, colour) in enumerate(
            zip(head[1:], (TREATED["vertebroplasty"], HEALING, BROKEN), strict=True)
        ):
            label: str | None = what
            for row, ratios in enumerate(values):
                ratio, place = ratios[number], row + 0.26 * (number - 1)
                if ratio is None:
                    continue
                axes.barh(place, ratio - 1, height=0.24, left=1, color=colour, label=label)
                side = "left" if ratio >= 1 else "right"
                axes.text(ratio, place, f" {ratio:.2f} ", va="center", ha=side, fontsize=8)
                label = None
        axes.axvline(1, color="0.2", linewidth=0.9)
        axes.margins(x=0.25)
        axes.set_yticks(range(len(values)), [one.level for one in course.neighbours])
        axes.invert_yaxis()
        axes.set_xlabel("treated over untreated at the same force (1: no change)")
        figure.legend(loc="outside lower center", ncols=3, fontsize=8)
    rows = tuple(
        (
            one.level,
            *("hardly any" if ratio is None else f"{ratio:.2f}" for ratio in ratios),
            *("unknown" if ratio is None else f"{ratio:.2f}" for ratio in (one.strain_by_wedge, one.strain_by_both)),
        )
        for one, ratios in zip(course.neighbours, values, strict=True)
    )
    told = "; ".join(f"{level}: pressure in the disc {pressure} times" for level, pressure, *_ in rows)
    head = (
        *head,
        "Strain by the wedge that stays, over none, standing: at most",
        "Strain by wedge and cement, over neither: at most",
    )
    return Picture(
        f"course-neighbours-{course.level}-{course.course}",
        f"{course.level}, {course.course}: the neighbours, treated over untreated, as modelled",
        png_of(figure),
        f"Bars of what treating {course.level} changes beside it. {told} that untreated.",
        Table(
            f"{course.level}, {course.course}: neighbours, treated over untreated at the same force; or over no wedge",
            head,
            rows,
        ),
    )


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
    head = (
        "Course",
        "Day",
        "Front lost since the CT [mm]",
        "Back lost since the CT [mm]",
        "Wedge added [deg]",
        "Runs past the model",
    )
    return Table(f"Height of {courses[0].level} over a year, as modelled", head, tuple(rows))


def _at(fan: FanModel, at: int) -> str:
    """Middle and range on one day; what rounds to nothing is told as less than 0.1."""
    if max(abs(fan.low[at]), abs(fan.high[at])) < 0.05:
        return "less than 0.1"
    return f"{fan.middle[at]:.1f} ({fan.low[at]:.1f} to {fan.high[at]:.1f})".replace("-0.0", "0.0")


def _gone(lost_mm: float) -> str:
    return f"{lost_mm:.1f} mm lost" if lost_mm >= 0 else f"{-lost_mm:.1f} mm gained"


def _fans(courses: Sequence[CourseModel]) -> list[tuple[str, HeightCourseModel, str, str]]:
    found = []
    for course in courses:
        for fan in course.heights:
            if course.course != "untreated":
                found.append((f"{course.course}", fan, TREATED[course.course], "-"))
            elif fan.heals:
                found.append(("untreated, healing", fan, HEALING, "--"))
            else:
                found.append(("untreated, not healing", fan, BROKEN, "-"))
    return found


def _states(courses: Sequence[CourseModel]) -> list[tuple[str, StateModel, str, str]]:
    first = courses[0]
    told = [
        ("before the fracture, estimated", first.before, BEFORE, ":"),
        ("fractured, as assumed", first.broken, BROKEN, "--"),
    ]
    told += [
        (f"after {course.course}", course.after, TREATED[course.course], "-")
        for course in courses
        if course.after is not None
    ]
    return [(name, state, colour, line) for name, state, colour, line in told if state.curve]


def _curve(state: StateModel) -> tuple[np.ndarray, np.ndarray]:
    short = [0.0, *(abs(point.displacement_mm) for point in state.curve)]
    force = [0.0, *(point.reaction_n / 1000 for point in state.curve)]
    return np.array(short), np.array(force)
