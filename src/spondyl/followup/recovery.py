"""Recovery day by day, from what was published: activity, visits, exercise. Where sheets differ, so does this."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from spondyl.decisions.disagreements import show_disagreements
from spondyl.decisions.types import ShownDisagreement
from spondyl.evidence import find_entry, find_rule
from spondyl.planning import Plan
from spondyl.spine import Level

_DAYS_A_WEEK, _DAYS_A_MONTH = 7, 30  # months as the evidence counts them
_DISAGREEMENTS = ("dis-lifting", "dis-followup-imaging")
NO_TRIAL = "No trial stands behind a number: follow what the team that treats you says."


@dataclass(frozen=True)
class RecoveryItem:
    """One thing to do, or to leave, over some days."""

    key: str
    first_day: int  # 0 is the day of the procedure, or of the diagnosis without one
    last_day: int | None  # None: from then on
    title: str  # plain words, for a calendar
    statements: tuple[tuple[str, str, str], ...]  # entry, its words, source


@dataclass(frozen=True)
class RecoveryPlan:
    """A calendar relative to day 0, and what the sources do not agree on."""

    level: Level | None
    with_procedure: bool
    day_0: date | None  # None: not set, so days are relative
    items: tuple[RecoveryItem, ...]
    disagreements: tuple[ShownDisagreement, ...]
    left_out: tuple[str, ...]  # entries that nobody verified

    def dates(self, item: RecoveryItem) -> tuple[date, date | None]:
        """First and last day of an item; day 0 must be set."""
        assert self.day_0 is not None
        last = None if item.last_day is None else self.day_0 + timedelta(days=item.last_day)
        return self.day_0 + timedelta(days=item.first_day), last


def plan_recovery(plan: Plan | None = None, day_0: date | None = None) -> RecoveryPlan:
    """The recovery after a plan, or without a procedure where the plan is empty.

    Every day number is a figure of a verified entry or rule; an entry that is not verified gives no item and is named.
    Nothing here is fitted to the person: ask the team where advice differs.
    """
    with_procedure = plan is None or bool(plan.needles)
    items, left_out = [], []
    for item, entries in _after_procedure() if with_procedure else _without_procedure():
        good = tuple(key for key in entries if find_entry(key).verified)
        left_out += [key for key in entries if key not in good]
        if good:
            items.append(RecoveryItem(*item, statements=tuple(_statements(good))))
    return RecoveryPlan(
        level=None if plan is None else plan.level,
        with_procedure=with_procedure,
        day_0=day_0,
        items=tuple(sorted(items, key=lambda one: (one.first_day, one.last_day or 10**6))),
        disagreements=show_disagreements(_DISAGREEMENTS),
        left_out=tuple(left_out),
    )


_Draft = tuple[tuple[str, int, int | None, str], tuple[str, ...]]


def _after_procedure() -> Iterator[_Draft]:
    no_driving = int(_value("rec-baycare-act", "driving"))
    yield ("walk", 0, 0, "Get up and walk a little, as the team allows"), ("rec-ambulate",)
    yield ("driving", 0, no_driving, "Do not drive; never drive on opioids"), ("rec-baycare-act",)
    lifting = int(_value("rec-baycare-act", "lift_restriction") * _DAYS_A_MONTH)
    yield (
        ("lifting", 0, lifting, "Lift only what your team allows: the sheets differ"),
        ("rec-baycare-act", "rec-krames", "rec-rothman"),
    )
    yield from _for_everyone()


def _without_procedure() -> Iterator[_Draft]:
    yield ("brace", 0, None, "A brace is not needed; ask if one would help you"), ("rec-brace-rct", "rec-brace-nogg")
    yield from _for_everyone()


def _for_everyone() -> Iterator[_Draft]:
    first, last = _visit_days()
    yield ("pain", 0, None, "Take pain medicine at the lowest dose that works"), ("rec-analgesia",)
    yield ("visit", first, last, "See your team: pain, nerves, wound, bone health"), ("rec-followup-imaging",)
    yield (
        ("imaging", first, None, "New pictures only for new pain, lost height, nerve signs"),
        ("rec-followup-imaging",),
    )
    yield (
        ("exercise", last, None, "Train your back and your balance, with a physiotherapist first"),
        ("rec-nogg-exercise", "rec-ros", "rec-exercise-rct"),
    )
    yield ("return", first, None, "Daily life gets easier over months, not days"), ("rec-return",)
    yield ("new-pain", last, 365, "New back pain in the first year: be examined again"), ("rf-newfx-time",)


def _visit_days() -> tuple[int, int]:
    weeks = find_rule("fu-visit").says("visit_weeks")
    assert isinstance(weeks, tuple)  # a list in the copied rules: a test looks
    return int(weeks[0]) * _DAYS_A_WEEK, int(weeks[-1]) * _DAYS_A_WEEK


def _value(entry: str, name: str) -> float:
    value = find_entry(entry).figure(name).value
    assert isinstance(value, int | float)  # a number in the copied evidence: a test looks
    return float(value)


def _statements(entries: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    for key in entries:
        entry = find_entry(key)
        assert entry.statement is not None  # it is verified
        yield key, entry.statement, entry.source
