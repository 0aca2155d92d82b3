"""The weeks after: days from verified figures, sheets that differ side by side, a calendar that others read."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from icalendar import Calendar

from spondyl.documents.calendars import calendar, write_calendar
from spondyl.errors import InputError
from spondyl.evidence import find_entry
from spondyl.followup import plan_recovery
from spondyl.planning import no_treatment
from spondyl.spine import Level

DAY = date(2026, 2, 27)


def test_days_are_those_of_the_sources() -> None:
    """By hand: no driving for 2 days, the visit after 2 to 4 weeks, lifting limits for 3 months of 30 days."""
    days = {item.key: (item.first_day, item.last_day) for item in plan_recovery().items}
    assert days["driving"] == (0, 2)
    assert days["visit"] == (14, 28)
    assert days["lifting"] == (0, 90)
    assert days["walk"] == (0, 0)
    assert days["exercise"] == (28, None)


def test_without_a_procedure_nothing_is_said_of_one() -> None:
    plan = plan_recovery(no_treatment(Level.L1))
    assert not plan.with_procedure
    keys = {item.key for item in plan.items}
    assert "brace" in keys
    assert not keys & {"driving", "lifting", "walk"}


def test_every_statement_is_verified_and_its_source_named() -> None:
    for plan in (plan_recovery(), plan_recovery(no_treatment(Level.L1))):
        assert plan.left_out == ()
        for item in plan.items:
            assert item.statements
            for key, words, source in item.statements:
                assert find_entry(key).verified
                assert (find_entry(key).statement, find_entry(key).source) == (words, source)


def test_sheets_that_differ_stand_side_by_side_and_the_article_does_not_count() -> None:
    (lifting,) = [one for one in plan_recovery().disagreements if one.key == "dis-lifting"]
    assert [side.source for side in lifting.positions] == ["baycare", "krames2017", "backtable2018"]
    assert lifting.hidden == ("seed",)


def test_the_calendar_is_read_back_by_a_reader_of_its_own() -> None:
    """Over the end of February, by a plain reading of the lines and by the library's parser."""
    text = calendar(plan_recovery(day_0=DAY))
    events = {str(one["summary"]): one for one in Calendar.from_ical(text).walk("VEVENT")}
    driving = events["Do not drive; never drive on opioids"]
    assert (driving["dtstart"].dt, driving["dtend"].dt) == (DAY, date(2026, 3, 2))
    visit = events["See your team: pain, nerves, wound, bone health"]
    assert visit["dtstart"].dt == DAY + timedelta(days=14)
    lines = text.decode().split("\r\n")
    assert lines[0] == "BEGIN:VCALENDAR" and lines[-2] == "END:VCALENDAR"
    assert lines.count("BEGIN:VEVENT") == len(plan_recovery().items)
    assert all(len(line.encode()) <= 75 for line in lines)
    assert "DTSTART;VALUE=DATE:20260227" in lines


def uids(text: bytes) -> list[str]:
    return [str(one["uid"]) for one in Calendar.from_ical(text).walk("VEVENT")]


def test_the_same_plan_gives_the_same_file_and_each_entry_its_own_name() -> None:
    once, again = calendar(plan_recovery(day_0=DAY)), calendar(plan_recovery(day_0=DAY))
    assert once == again
    names = uids(once)
    assert len(set(names)) == len(names)
    assert not set(names) & set(uids(calendar(plan_recovery(day_0=date(2026, 3, 1)))))


def test_without_a_day_there_is_no_calendar(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no day 0"):
        write_calendar(tmp_path / "recovery.ics", plan_recovery())
    assert not list(tmp_path.iterdir())
