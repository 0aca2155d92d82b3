"""The report's section on courses: what doing nothing and what cement do to each level, by models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from spondyl.documents.balloon_models import BalloonModel
from spondyl.documents.course_files import KeptCement, KeptSimulations
from spondyl.documents.course_models import CourseModel, StateModel
from spondyl.documents.figures import Picture
from spondyl.documents.figures_balloon import draw_inflation
from spondyl.documents.figures_cement import (
    Film,
    draw_cavity,
    draw_cement_growing,
    draw_leak_map,
    draw_pressures,
    film_cement,
)
from spondyl.documents.figures_course import draw_heights, draw_neighbours, draw_states, height_table
from spondyl.documents.figures_leaks import draw_leak_shares, leak_table
from spondyl.documents.leak_models import PATHS
from spondyl.documents.strength_section import force_text, ratio_text
from spondyl.documents.tables import Table
from spondyl.spine import Spine
from spondyl.studies.workers import Workers, begin

SOURCES = ("wegrzyn2011", "kinzl2012", "affirm", "pollintine2009", "baroud2004")
LEAST_ML = 0.005  # of a leak that is told: what rounds to 0.01


@dataclass(frozen=True)
class CourseSheet:
    """What is printed of one level."""

    level: str
    tables: tuple[Table, ...]
    pictures: tuple[Picture, ...]
    films: tuple[Film, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class CourseSection:
    """All levels, and what limits the answers."""

    grade: str | None
    words: str
    sheets: tuple[CourseSheet, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    assumptions: tuple[str, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Drawn:
    """The pictures of one course."""

    pictures: tuple[Picture, ...]
    film: Film | None


def begin_drawing(
    kept: KeptSimulations, spine: Spine | None, workers: Workers | None = None
) -> tuple[Callable[[], Drawn], ...]:
    """The pictures of each course, by processes that are up, or once `course_section` asks for them."""
    pairs = zip(kept.document.courses, kept.cements, strict=True)
    return tuple(begin(workers, _drawn, course, cement, None if cement is None else spine) for course, cement in pairs)


def course_section(
    kept: KeptSimulations, spine: Spine | None, drawing: Sequence[Callable[[], Drawn]] | None = None
) -> CourseSection | None:
    """What the report prints of simulated courses; None where none was asked for.

    `drawing`: from `begin_drawing` of the same, where it was begun before.
    """
    document = kept.document
    if not document.courses and not document.left_out:
        return None
    drawn = [one() for one in (begin_drawing(kept, spine) if drawing is None else drawing)]
    pairs = list(zip(document.courses, drawn, strict=True))
    sheets = tuple(_sheet(list(group)) for _, group in groupby(pairs, key=lambda pair: pair[0].level))
    published = {rate.source for course, _ in pairs for leak in course.leak_shares for rate in leak.published}
    return CourseSection(
        None
        if document.density_grade is None
        else f"Density grade {document.density_grade}: {document.density_reason}",
        document.words,
        sheets,
        tuple(f"{one.what} was not simulated: {one.reason}" for one in document.left_out),
        tuple(dict.fromkeys(note for course in document.courses for note in course.notes)),
        tuple(dict.fromkeys(text for course in document.courses for text in course.assumptions)),
        (*(SOURCES if document.courses else ()), *sorted(published)),
    )


def _drawn(course: CourseModel, cement: KeptCement | None, spine: Spine | None) -> Drawn:
    pictures: list[Picture | None] = []
    film = None
    if course.balloons is not None:
        pictures.append(draw_inflation(course))
    if cement is not None and spine is not None and course.level in {level.name for level in spine.levels}:
        pictures += [draw_leak_map(course, cement, spine), draw_cement_growing(course, cement, spine)]
        pictures.append(draw_cavity(course, cement, spine))
        film = film_cement(course, cement, spine)
    if course.cement is not None:
        pictures.append(draw_pressures(course))
    if course.leak_shares:
        pictures.append(draw_leak_shares(course))
    pictures.append(draw_neighbours(course))
    return Drawn(tuple(picture for picture in pictures if picture is not None), film)


def _sheet(pairs: Sequence[tuple[CourseModel, Drawn]]) -> CourseSheet:
    courses = [course for course, _ in pairs]
    pictures = [draw_states(courses), *(picture for _, drawn in pairs for picture in drawn.pictures)]
    films = [drawn.film for _, drawn in pairs if drawn.film is not None]
    pictures.append(draw_heights(courses))
    tables = [_states(courses)]
    if any(course.heights for course in courses):
        tables.append(height_table(courses))
    tables += [_of_balloons(course) for course in courses if course.balloons is not None]
    if borne := [course for course in courses if course.loads]:
        tables.append(_loads(borne))
    tables += [_of_cement(course) for course in courses if course.cement is not None]
    tables += [_of_heat(course) for course in courses if course.heat is not None]
    tables += [leak_table(course) for course in courses if course.leak_shares]
    return CourseSheet(
        courses[0].level,
        tuple(tables),
        tuple(picture for picture in pictures if picture is not None),
        tuple(films),
        tuple(dict.fromkeys(f"{one.what} is unknown: {one.reason}" for course in courses for one in course.unknown)),
    )


def _states(courses: Sequence[CourseModel]) -> Table:
    first = courses[0]
    rows = [
        ("before the fracture (estimated)", first.before),
        ("fractured, untreated (loss of stiffness assumed)", first.broken),
    ]
    rows += [(f"after {course.course}", course.after) for course in courses if course.after is not None]
    head = ("State", "Stiffness over before", "Strength over before", "Failure load", "Weaker over stronger side")
    return Table(f"{first.level}: stiffness and strength", head, tuple(_state_row(*row) for row in rows))


def _state_row(name: str, state: StateModel) -> tuple[str, ...]:
    weak, strong = sorted((state.left_share, 1 - state.left_share))
    side = "left" if state.left_share < 0.5 else "right"
    sides = f"{weak / strong:.2f}" if weak / strong > 0.95 else f"{weak / strong:.2f} ({side} weaker)"
    return name, f"{state.stiffness_share:.2f}", f"{state.strength_share:.2f}", _force(state), sides


def _force(state: StateModel) -> str:
    if state.failure_n is None or state.failure_low_n is None or state.failure_high_n is None:
        return "no newtons"
    return f"{state.failure_n / 1000:.1f} kN ({state.failure_low_n / 1000:.1f} to {state.failure_high_n / 1000:.1f})"


STOPS = {
    "nothing": "nothing was inflated",
    "volume": "the balloons held their nominal volume",
    "restored": "the front was as high as wanted",
    "beyond": "the back was clearly lower than the front",
    "pressure": "the rated pressure was reached",
    "wall": "a side wall was near",
    "shift": "a wall moved outward",
}


def _of_balloons(course: CourseModel) -> Table:
    """What the balloons do: the ratio first, since the absolute lift hangs on the assumed fracture."""
    told = course.balloons
    assert told is not None
    last = [stage for stage in told.stages if stage.phase == "inflation"]
    volumes = " and ".join(f"{volume:.1f}" for volume in last[-1].volumes_ml) if last else "0"
    gauge = max((pressure for stage in told.stages for pressure in stage.pressures_mpa), default=0.0)
    ratio = "not told: nothing is lifted without load" if told.retained_ratio is None else f"{told.retained_ratio:.2f}"
    rows = [
        (f"Front height kept under {told.preload_n:.0f} N over that kept without load", ratio),
        ("Front: inflated, kept once empty", f"{told.lift_inflated_mm[0]:.1f} mm, {told.regained[0].lift_mm:.1f} mm"),
        ("Middle: inflated, kept once empty", f"{told.lift_inflated_mm[1]:.1f} mm, {told.regained[1].lift_mm:.1f} mm"),
        ("Kept at the front, of the height before the fracture", _share(told.regained[0].of_intact, told)),
        ("Kept at the front, of the height lost under load", _share(told.regained[0].of_lost, told)),
        ("Kept at the front, of what lying down does not give back", _share(told.regained[0].of_not_recovered, told)),
        ("Balloons at the end", f"{volumes} mL, at most {gauge:.2f} MPa at the gauge: {STOPS[told.stopped_by]}"),
        ("Cavity once empty", f"{told.cavity_ml:.1f} mL"),
        ("Side wall, back wall moved outward", f"{told.side_wall_shift_mm:.1f} mm, {told.back_wall_shift_mm:.1f} mm"),
        ("Error of a volume by small movements", f"{100 * told.linear_volume_error:+.0f} %"),
    ]
    caption = (
        f"{course.level}, {course.course}: what the balloons do in one run; all of it hangs on the assumed fracture, "
        "and what stays under load is not told by this model"
    )
    return Table(caption, ("What", "Value"), tuple(rows), told.warnings)


def _share(value: float | None, told: BalloonModel) -> str:
    if value is not None:
        return f"{100 * value:.0f} %"
    missing = "too few undeformed neighbours" if told.intact_mm is None else "nothing is lacking there"
    return f"not told: {missing}"


def _loads(courses: Sequence[CourseModel]) -> Table:
    """Loads of daily life over the strength that each of these courses leaves."""
    rows, doubts = [], dict[str, None]()
    for told in zip(*(course.loads for course in courses), strict=True):
        if any(load.reason for load in told):
            doubts |= dict.fromkeys(load.reason for load in told if load.reason)
        first = told[0]
        if first.force_n is not None:
            rows.append((first.activity, force_text(first), *(ratio_text(load) for load in told)))
    head = ("Activity", "Load", *(f"Over the strength, {course.course}" for course in courses))
    return Table(f"What {courses[0].level} has to bear over what it bears", head, tuple(rows), tuple(doubts))


def _of_cement(course: CourseModel) -> Table:
    """Where the cement goes in the run that is shown."""
    told = course.cement
    assert told is not None
    rows = [
        ("Cement", f"{told.cement}, {told.injected_ml:.1f} mL: {told.stop_reason}"),
        ("Of the body's volume", f"{100 * told.fill:.0f} %"),
        ("On the patient's left", f"{100 * told.left_share:.0f} % of the cement"),
        ("Under the upper endplate", f"{100 * told.contact_superior:.0f} % of its area"),
        ("Under the lower endplate", f"{100 * told.contact_inferior:.0f} % of its area"),
    ]
    rows += [
        (f"Left by: {PATHS[leak.path]}", f"{leak.volume_ml:.2f} mL") for leak in told.leaks if leak.volume_ml > LEAST_ML
    ]
    return Table(f"{course.level}, {course.course}: where the cement goes in one run", ("What", "Value"), tuple(rows))


def _of_heat(course: CourseModel) -> Table:
    """How warm the cement's surroundings become; too warm rather than too cool, since no blood cools them."""
    told = course.heat
    assert told is not None
    places = (
        ("Canal", told.canal_c),
        ("Back wall of the body", told.posterior_wall_c),
        ("Front wall of the body", told.anterior_wall_c),
        ("Disc above, at the endplate", told.disc_superior_c),
        ("Disc below, at the endplate", told.disc_inferior_c),
        ("Hottest place", told.hottest_c),
    )
    lacking = told.canal_reason or "no canal in the labels, or none near the body"  # of older cases
    rows = [(name, lacking if value is None else f"{value:.0f} °C") for name, value in places]
    rows.append(("Longest above 50 °C anywhere", f"{told.hottest_min:.1f} min"))
    caption = (
        f"{course.level}, {course.course}: highest temperature while the cement cures, in one run; no blood carries "
        "heat away in this model, and cement that left the body is not in it"
    )
    return Table(caption, ("Where", "Temperature"), tuple(rows))
