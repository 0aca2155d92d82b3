"""Which levels are planned, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from spondyl.app.wishes import AccessWish, asked_wish, found_wish
from spondyl.findings import Finding, Status
from spondyl.spine import Level, Spine
from spondyl.studies import Patient


@dataclass(frozen=True)
class Levels:
    """All of a spine that the choice looks at."""

    levels: tuple[Level, ...]


SPINE = cast(Spine, Levels((Level.T4, Level.T12, Level.L1, Level.L2)))


def graded(level: Level, grade: int) -> Finding:
    return Finding(
        name="genant_grade", level=level, level_to=None, side=None, value=float(grade),
        unit="1", low=None, high=None, status=Status.MEASURED,
        reason=None, method="test", source="genant1993",
    )  # fmt: skip


def test_the_levels_the_record_names_come_before_deformed_ones() -> None:
    wish = found_wish(SPINE, (graded(Level.L2, 2),), Patient(fracture_levels=("L1",)))
    assert wish.levels == ("L1",) and "the record calls them fractured" in wish.why[0]


def test_deformed_levels_are_planned_where_the_record_names_none() -> None:
    findings = (graded(Level.L2, 1), graded(Level.T12, 3), graded(Level.L1, 0))
    wish = found_wish(SPINE, findings, Patient())
    assert wish.levels == ("T12", "L2") and "whether the fracture is fresh is not said" in wish.why[0]


def test_levels_that_cannot_be_planned_are_named() -> None:
    wish = found_wish(SPINE, (), Patient(fracture_levels=("T4", "L5")))
    assert wish.levels == () and wish.why == ("Not planned: T4 and L5 (outside T5 to L5, or not in the label image).",)


def test_an_intact_spine_has_no_plan_and_the_reason_is_said() -> None:
    wish = found_wish(SPINE, (graded(Level.L1, 0),), Patient())
    assert wish.levels == () and wish.why[0].startswith("No level was planned")


def test_a_wish_survives_run_json() -> None:
    wish = asked_wish([Level.L2, Level.L1, Level.L2], by="access", gauge=13, needles=1)
    assert wish.levels == ("L1", "L2") and AccessWish.of(wish.parameters) == wish
