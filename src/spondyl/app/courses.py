"""All courses of the planned levels, as `spondyl simulate` and the main job both ask for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any

from spondyl.app.beside import Beside, done_now, worth_starting
from spondyl.app.strength import loads_of
from spondyl.app.warm import COURSES, is_warm
from spondyl.documents.course_models import LeftOutModel, SimulationsDocument
from spondyl.documents.draw_journal import DrawJournal
from spondyl.errors import InputError, NotConverged
from spondyl.planning import Plan, balloon_notes, no_treatment, plan_augmentation
from spondyl.simulation import (
    Course,
    CourseStart,
    LeakDraw,
    LeakShares,
    Simulation,
    SpineLoad,
    count_leaks,
    find_cement,
    simulate,
    start_courses,
)
from spondyl.spine import Level, Spine
from spondyl.studies import Patient
from spondyl.studies.workers import Workers


@dataclass(frozen=True)
class CourseWish:
    """How courses are simulated, as it stands in run.json."""

    cement: str = "generic-medium"
    volume_ml: float | None = None  # None: the middle of each plan's bracket
    runs: int = 40  # for leaks under doubt; 0: none
    seed: int = 0
    voxel_mm: float = 2.0  # of the mechanics
    flow_voxel_mm: float = 1.0

    def __post_init__(self) -> None:
        find_cement(self.cement)  # an unknown name is refused before anything is made anew
        if self.runs < 0:
            raise InputError(f"leaks are to be counted over {self.runs} runs; 0 (none) or more is expected")
        if self.volume_ml is not None and not 0 < self.volume_ml <= 20:
            raise InputError(f"{self.volume_ml:g} mL of cement are asked for; more than 0 and at most 20 are expected")

    @property
    def common(self) -> dict[str, Any]:
        """What every course is given."""
        return {"voxel_mm": self.voxel_mm, "seed": self.seed}

    @property
    def parameters(self) -> dict[str, Any]:
        """For run.json."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class SimulatedCourses:
    """Courses of the levels of one CT, and the levels that could not be simulated."""

    wish: CourseWish
    courses: tuple[tuple[Simulation, LeakShares | None], ...]
    left_out: tuple[LeftOutModel, ...] = ()
    loads: tuple[tuple[str, tuple[SpineLoad, ...]], ...] = ()  # of daily life, by level

    def document(self) -> SimulationsDocument:
        """The document of all."""
        return SimulationsDocument.of(
            self.courses, voxel_mm=self.wish.voxel_mm, left_out=self.left_out, loads=dict(self.loads)
        )

    def simulations(self) -> tuple[Simulation, ...]:
        """The courses without their leaks under doubt."""
        return tuple(found for found, _ in self.courses)


def simulate_courses(
    spine: Spine,
    plans: Sequence[Plan],
    wish: CourseWish,
    tell: Callable[[str, str], None],
    journal: DrawJournal | None = None,
    *,
    needle: Mapping[str, Any] = MappingProxyType({}),
    workers: Workers | None = None,
) -> SimulatedCourses:
    """Every course of each plan's level; one that cannot be simulated is named with the reason, and others go on.

    With a journal the draws of leaks that an earlier, killed run kept there are taken over. `needle` are options of
    `plan_augmentation` that hold for needles planned here too, as the lowest class that is proposed. With workers
    courses of a level are simulated side by side, and leaks are counted beside them; all comes out the same.
    """
    with Beside(worth_starting(workers, wish.runs)) as beside:
        return _simulated(spine, plans, wish, tell, _Counter(spine, wish, tell, journal, beside), needle)


def _simulated(
    spine: Spine,
    plans: Sequence[Plan],
    wish: CourseWish,
    tell: Callable[[str, str], None],
    counter: _Counter,
    needle: Mapping[str, Any],
) -> SimulatedCourses:
    found: list[tuple[Level, Course, Future[tuple[Simulation, LeakShares | None]]]] = []
    left_out: list[LeftOutModel] = []
    others = counter.beside.workers if is_warm(COURSES) else None  # else each process would compile the same
    for plan in plans:
        level, name = plan.level, plan.level.name
        tell(f"courses of {name}", "begins")
        try:
            start = start_courses(spine, level, voxel_mm=wish.voxel_mm)
            untreated = simulate(spine, no_treatment(level), start=start, **wish.common)
        except (InputError, NotConverged) as error:
            left_out.append(LeftOutModel(level=name, reason=str(error)))
        else:
            found.append((level, Course.UNTREATED, counter.count(no_treatment(level), partial(_same, untreated))))
            treatments = _treatments(spine, plan, left_out, needle)
            for place, (course, asked) in enumerate(treatments, 1):
                tell(f"courses of {name}: {course}", "goes on")
                if others is not None and place < len(treatments):
                    answer = others.start(_treated, spine, asked, start, wish)
                else:  # the last one by this process, which has nothing else to do
                    answer = done_now(partial(_treated, spine, asked, start, wish, others)).result
                found.append((level, course, counter.count(asked, answer)))
        tell(f"courses of {name}", "made")
    courses: list[tuple[Simulation, LeakShares | None]] = []
    for level, course, both in found:
        try:
            courses.append(both.result())
        except (InputError, NotConverged) as error:
            left_out.append(LeftOutModel(level=level.name, course=course.value, reason=str(error)))
    patient = Patient() if spine.study is None else spine.study.patient
    loads = ((plan.level.name, loads_of(spine, patient, plan.level)) for plan in plans)
    return SimulatedCourses(wish, tuple(courses), tuple(left_out), tuple(loads))


def _treatments(
    spine: Spine, plan: Plan, left_out: list[LeftOutModel], needle: Mapping[str, Any]
) -> list[tuple[Course, Plan]]:
    """Cement without balloons, through the plan's own needles, and with them: needles of its own where it has none."""
    if not plan.needles or plan.cement is None:
        why = "; ".join(one.reason for one in plan.refused) or "the plan has no needle, or no cement"
        treatments = Course.VERTEBROPLASTY, Course.KYPHOPLASTY
        left_out += [LeftOutModel(level=plan.level.name, course=course.value, reason=why) for course in treatments]
        return []
    vertebroplasty = Course.VERTEBROPLASTY, replace(plan, balloons=())
    balloons = plan if plan.balloons else _with_balloons(spine, plan, needle)
    if isinstance(balloons, str):
        left_out.append(LeftOutModel(level=plan.level.name, course=Course.KYPHOPLASTY.value, reason=balloons))
        return [vertebroplasty]
    return [vertebroplasty, (Course.KYPHOPLASTY, balloons)]


def _with_balloons(spine: Spine, plan: Plan, needle: Mapping[str, Any]) -> Plan | str:
    """A plan of kyphoplasty by the same approach beside one of vertebroplasty, or why there is none."""
    first = plan.needles[0]
    try:
        made = plan_augmentation(
            spine,
            plan.level,
            course="kyphoplasty",
            approach=first.approach,
            gauge=first.gauge,
            needles=len(plan.needles),
            side=first.side if len(plan.needles) == 1 else None,
            **needle,
        )
    except InputError as error:
        return str(error)
    if not made.balloons or made.cement is None:
        known = {*plan.notes, *balloon_notes()}
        return "; ".join(note for note in made.notes if note not in known) or "no balloon fits into the body"
    return made


def _same(made: Simulation) -> Simulation:
    return made


def _treated(
    spine: Spine, plan: Plan, start: CourseStart, wish: CourseWish, workers: Workers | None = None
) -> Simulation:
    return simulate(
        spine,
        plan,
        start=start,
        cement=wish.cement,
        volume_ml=wish.volume_ml,
        flow_voxel_mm=wish.flow_voxel_mm,
        workers=workers,
        **wish.common,
    )


@dataclass(frozen=True)
class _Counter:
    """Counts leaks of courses, kept draw by draw."""

    spine: Spine
    wish: CourseWish
    tell: Callable[[str, str], None]
    journal: DrawJournal | None
    beside: Beside

    def count(self, plan: Plan, course: Callable[[], Simulation]) -> Future[tuple[Simulation, LeakShares | None]]:
        """A course, once it is there, with its leaks, in the making."""

        def both() -> tuple[Simulation, LeakShares | None]:
            made = course()
            return made, self._counted(plan, made)

        return self.beside.start(both)

    def _counted(self, plan: Plan, made: Simulation) -> LeakShares | None:
        if made.injection is None or not self.wish.runs:
            return None
        course = f"courses of {plan.level.name}: {made.course}"

        def keep(draw: LeakDraw) -> None:
            if self.journal is not None:
                self.journal.keep(draw)
            self.beside.check()
            self.tell(f"{course}, leaks, run {draw.number + 1} of {self.wish.runs}", "goes on")

        return count_leaks(
            self.spine,
            plan,
            runs=self.wish.runs,
            seed=self.wish.seed,
            cement=self.wish.cement,
            volume_ml=self.wish.volume_ml,
            workers=self.beside.workers,
            finished=() if self.journal is None else self.journal.finished(),
            on_draw=keep,
            flow=made.injection.flow,  # with the tracks of the same needles
        )
