"""The report's words, tables and icon arrays on what to expect over a year."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from spondyl.documents.figures import Picture
from spondyl.documents.figures_forecast import draw_differences
from spondyl.documents.icon_arrays import IconArray, icon_array
from spondyl.documents.tables import Table
from spondyl.outcomes import (
    CAUSE_UNKNOWN,
    FEWEST_COMPARISONS,
    Difference,
    Frequency,
    Meaning,
    PooledDifference,
    Prediction,
)

_DAYS = {1: "1 day", 7: "1 week", 14: "2 weeks", 30: "1 month", 90: "3 months", 180: "6 months", 365: "1 year"}
_MEANING = {Meaning.WANTED: "wanted", Meaning.UNWANTED: "unwanted"}


@dataclass(frozen=True)
class ForecastSection:
    """Everything that the section prints."""

    people: str
    remarks: tuple[str, ...]
    natural: Table
    simulated: str
    pooled: tuple[str, ...]
    none_pooled: str
    picture: Picture | None
    differences: Table
    arms: Table
    balance: Table
    icons: tuple[IconArray, ...]
    unverified: str


def forecast_section(outlook: Prediction) -> ForecastSection:
    """The section of a forecast."""
    return ForecastSection(
        people=outlook.people,
        remarks=outlook.remarks,
        natural=_frequencies("Without cement: what happened to people", outlook.natural),
        simulated=outlook.simulated_course,
        pooled=tuple(f"{pooled_words(one)}." for one in outlook.pooled),
        none_pooled=f"No time and outcome has {FEWEST_COMPARISONS} independent comparisons of one kind: published "
        "points only, and no model.",
        picture=draw_differences(outlook) if any(one.outcome == "pain" for one in outlook.differences) else None,
        differences=_differences(outlook),
        arms=_arms(outlook),
        balance=_frequencies("Benefit and harm of 1000 people over the same year", outlook.frequencies),
        icons=tuple(icon_array(_title(one), one) for one in (*outlook.natural, *outlook.frequencies)),
        unverified=f"{outlook.unverified_rows} rows of the trial table were not read in a text: they are not shown "
        "and fit nothing.",
    )


def forecast_sources(outlook: Prediction) -> tuple[str, ...]:
    """Keys of all sources that the section names."""
    counted = {one.source for one in (*outlook.natural, *outlook.frequencies)}
    of_trials = {one.source for one in outlook.differences} | {one.source for one in outlook.arms}
    return tuple(sorted(counted | of_trials))


def short_words(outlook: Prediction) -> tuple[str, ...]:
    """For the head of the report: of whom the pooled differences speak, so that no group passes for this patient."""
    unknown = f" {CAUSE_UNKNOWN}" if CAUSE_UNKNOWN in outlook.remarks else ""
    return tuple(f"In trials of {outlook.people}: {pooled_words(one)}.{unknown}" for one in outlook.pooled)


def frequency_words(one: Frequency) -> str:
    """One frequency as a sentence: who, how many, until when, by whom."""
    return f"{one.what} in {_of_1000(one)}, {_until(one.horizon_days)} ({one.who}; {_kind(one)}) [{one.source}]"


def difference_words(one: Difference) -> str:
    """One published difference as a sentence."""
    return (
        f"{one.outcome}, {one.course} against {one.against} ({one.kind}), {time_words(one.time_days)}: "
        f"{_signed(one.value, one.low, one.high)} {one.unit} better [{one.trial_name}, {one.source}]"
    )


def pooled_words(one: PooledDifference) -> str:
    """One pooled difference as a sentence that says how many trials stand behind it."""
    return (
        f"{one.outcome} with {one.course} after {time_words(one.time_days)}, mean of {len(one.trials)} trials "
        f"({one.kind}): {_signed(one.value, one.low, one.high)} {one.unit} better; the true difference in a further "
        f"trial such as these may lie from {one.next_low:.1f} to {one.next_high:.1f}"
    )


def time_words(days: int) -> str:
    """A time as trials name it."""
    return _DAYS.get(days, f"{days} days")


def _frequencies(caption: str, shown: Iterable[Frequency]) -> Table:
    rows = tuple(
        (
            one.what,
            _course_words(one),
            f"{_of_1000(one)} ({_MEANING[one.meaning]})",
            _until(one.horizon_days),
            one.who,
            _kind(one),
            one.source,
        )
        for one in shown
    )
    return Table(caption, ("What", "Course", "How many", "When", "Who", "How compared", "Source"), rows)


def _differences(outlook: Prediction) -> Table:
    rows = tuple(
        (
            one.outcome,
            str(one.course),
            time_words(one.time_days),
            f"{_signed(one.value, one.low, one.high)} {one.unit}",
            str(one.kind),
            f"{one.trial_name}: {one.population}",
            one.source,
        )
        for one in sorted(outlook.differences, key=lambda one: (one.kind, one.outcome, one.time_days))
    )
    head = ("Outcome", "Course", "After", "Better by (95 % interval)", "How compared", "Trial", "Source")
    return Table("Published differences: positive is better with the procedure", head, rows)


def _arms(outlook: Prediction) -> Table:
    rows = tuple(
        (
            one.outcome,
            one.trial_name,
            one.arm.replace("_", " "),
            time_words(one.time_days) if one.time_days else "start",
            f"{one.value:.1f}{_interval(one.low, one.high)} {one.unit}",
            str(one.kind),
            one.source,
        )
        for one in outlook.arms
    )
    head = ("Outcome", "Trial", "Group", "After", "Mean (95 % interval)", "How compared", "Source")
    return Table("Published means of both groups", head, rows)


def _title(one: Frequency) -> str:
    """Who, what, until when and from which source: several trials tell of the same thing."""
    return f"{_course_words(one)}: {one.what}, {_until(one.horizon_days)} [{one.source}]"


def _course_words(one: Frequency) -> str:
    """The course; a sham group had a procedure without cement, which is not doing nothing."""
    return "sham procedure" if one.what.endswith("(sham group)") else str(one.course)


def _kind(one: Frequency) -> str:
    return "series or cohort" if one.kind is None else str(one.kind)


def _of_1000(one: Frequency) -> str:
    return f"{one.per_1000:g} of 1000{_interval(one.low, one.high, 0)}"


def _until(days: int | None) -> str:
    return "with the procedure or later" if days is None else f"within {time_words(days)}"


def _signed(value: float, low: float | None, high: float | None) -> str:
    return f"{value:+.1f}{_interval(low, high)}"


def _interval(low: float | None, high: float | None, digits: int = 1) -> str:
    return "" if low is None or high is None else f" ({low:.{digits}f} to {high:.{digits}f})"
