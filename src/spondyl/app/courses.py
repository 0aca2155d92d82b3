"""All courses of the planned levels, as `spondyl simulate` and the main job both ask for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from spondyl.documents.course_models import SimulationsDocument
from spondyl.documents.draw_journal import DrawJournal
from spondyl.errors import InputError, NotConverged
from spondyl.planning import Plan, no_treatment
from spondyl.simulation import (
    LeakDraw,
    LeakShares,
    NotSimulated,
    Simulation,
    build_flow_model,
    count_leaks,
    find_cement,
    simulate,
    start_courses,
)
from spondyl.spine import Spine

BALLOONS = NotSimulated(
    "what the balloons of this plan do",
    "they are left out here, and the cement goes through the same needles without them",
)


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
    def parameters(self) -> dict[str, Any]:
        """For run.json."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class SimulatedCourses:
    """Courses of the levels of one CT, and the levels that could not be simulated."""

    wish: CourseWish
    courses: tuple[tuple[Simulation, LeakShares | None], ...]
    left_out: tuple[tuple[str, str], ...] = ()  # level, and why

    def document(self) -> SimulationsDocument:
        """The document of all."""
        return SimulationsDocument.of(self.courses, voxel_mm=self.wish.voxel_mm, left_out=dict(self.left_out))

    def simulations(self) -> tuple[Simulation, ...]:
        """The courses without their leaks under doubt."""
        return tuple(found for found, _ in self.courses)


def simulate_courses(
    spine: Spine,
    plans: Sequence[Plan],
    wish: CourseWish,
    tell: Callable[[str, str], None],
    journal: DrawJournal | None = None,
) -> SimulatedCourses:
    """Every course of each plan's level; one that cannot be simulated is named with the reason, and others go on.

    With a journal the draws of leaks that an earlier, killed run kept there are taken over.
    """
    found: list[tuple[Simulation, LeakShares | None]] = []
    left_out = []
    for plan in plans:
        name = plan.level.name
        tell(f"courses of {name}", "begins")
        try:
            found += _of_level(spine, plan, wish, tell, journal)
        except (InputError, NotConverged) as error:
            left_out.append((name, str(error)))
        tell(f"courses of {name}", "made")
    return SimulatedCourses(wish, tuple(found), tuple(left_out))


def _of_level(
    spine: Spine, plan: Plan, wish: CourseWish, tell: Callable[[str, str], None], journal: DrawJournal | None
) -> list[tuple[Simulation, LeakShares | None]]:
    start = start_courses(spine, plan.level, voxel_mm=wish.voxel_mm)
    common: dict[str, Any] = {"start": start, "voxel_mm": wish.voxel_mm, "seed": wish.seed}
    found: list[tuple[Simulation, LeakShares | None]] = [(simulate(spine, no_treatment(plan.level), **common), None)]
    if not plan.needles or plan.cement is None:
        return found
    alone = replace(plan, balloons=())
    treated = simulate(
        spine,
        alone,
        cement=wish.cement,
        volume_ml=wish.volume_ml,
        flow_voxel_mm=wish.flow_voxel_mm,
        **common,
    )
    if plan.balloons:
        treated = replace(treated, unknown=(*treated.unknown, BALLOONS))
    return [*found, (treated, _leaks(spine, alone, treated, wish, tell, journal))]


def _leaks(
    spine: Spine,
    plan: Plan,
    treated: Simulation,
    wish: CourseWish,
    tell: Callable[[str, str], None],
    journal: DrawJournal | None,
) -> LeakShares | None:
    if treated.injection is None or not wish.runs:
        return None

    def keep(draw: LeakDraw) -> None:
        if journal is not None:
            journal.keep(draw)
        tell(f"courses of {plan.level.name}: leaks, run {draw.number + 1} of {wish.runs}", "goes on")

    return count_leaks(
        spine,
        plan,
        runs=wish.runs,
        seed=wish.seed,
        cement=wish.cement,
        volume_ml=wish.volume_ml,
        finished=() if journal is None else journal.finished(),
        on_draw=keep,
        flow=build_flow_model(spine, plan.level, voxel_mm=wish.flow_voxel_mm),
    )
