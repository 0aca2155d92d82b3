"""Leak draws on disk: a killed series goes on, and draws of another task are not taken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from spondyl.app.courses import CourseWish, simulate_courses
from spondyl.documents import draw_journal
from spondyl.documents.draw_journal import JOURNAL_FILE, DrawJournal
from spondyl.simulation import LeakDraw, Scenario, build_flow_model, count_leaks
from spondyl.spine import Side, Spine
from tests.unit.simulation.round_bodies import plan, round_spine

TIPS = ((Side.LEFT, (0.0, 3.0, 6.0)),)
DRAW = LeakDraw(3, "k", Scenario.HIGH, (("a", 0.1),), ((0.0, 1 / 3),), 4.0, 800.0, False, "no pressure was found")


@pytest.fixture(scope="module")
def spine() -> Spine:
    return round_spine(pit=("superior", 2.0, 5.0))


def test_a_draw_comes_back_as_it_was(tmp_path: Path) -> None:
    journal = DrawJournal(tmp_path)
    assert journal.finished() == ()
    for draw in (DRAW, replace(DRAW, number=4, reason=None, in_body=True)):
        journal.keep(draw)
    assert DrawJournal(tmp_path).finished() == (DRAW, replace(DRAW, number=4, reason=None, in_body=True))
    journal.remove()
    assert journal.finished() == () and not list(tmp_path.iterdir())


def test_draws_of_another_version_are_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draw_journal, "__version__", "0.0.0-old")
    DrawJournal(tmp_path).keep(DRAW)
    monkeypatch.undo()
    assert DrawJournal(tmp_path).finished() == ()


@pytest.mark.parametrize("cut", [b'{"number": 1, "ke', b"\xff\xfe", b"[]", b"{}", b"null"])
def test_a_line_that_was_cut_off_is_left_out_and_the_next_is_whole(tmp_path: Path, cut: bytes) -> None:
    journal = DrawJournal(tmp_path)
    journal.keep(DRAW)
    with (tmp_path / JOURNAL_FILE).open("ab") as stream:
        stream.write(b"\n" + cut)
    journal.keep(replace(DRAW, number=9))
    assert [draw.number for draw in journal.finished()] == [3, 9]


def test_a_killed_series_goes_on_and_ends_as_if_it_had_not_been(spine: Spine, tmp_path: Path) -> None:
    asked, flow = plan(spine, TIPS), build_flow_model(spine, "L1", voxel_mm=3.0)
    journal = DrawJournal(tmp_path)

    def killed(draw: LeakDraw) -> None:
        journal.keep(draw)
        if draw.number == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        count_leaks(spine, asked, runs=5, flow=flow, on_draw=killed)
    again: list[int] = []
    found = count_leaks(
        spine, asked, runs=5, flow=flow, finished=journal.finished(), on_draw=lambda draw: again.append(draw.number)
    )
    assert again == [3, 4]
    assert found.draws == count_leaks(spine, asked, runs=5, flow=flow).draws


def test_courses_keep_their_draws_and_say_how_far_they_are(spine: Spine, tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    wish = CourseWish(runs=3, voxel_mm=4.0, flow_voxel_mm=3.0)
    journal = DrawJournal(tmp_path)
    for _ in range(2):
        simulate_courses(spine, [plan(spine, TIPS)], wish, lambda stage, state: told.append((stage, state)), journal)
    assert len(journal.finished()) == 3  # no balloon fits into this body
    told_of_runs = [stage for stage, state in told if state == "goes on" and "leaks" in stage]
    runs = [f"courses of L1: vertebroplasty, leaks, run {n} of 3" for n in (1, 2, 3)]
    assert told_of_runs == runs  # once: the second time none ran
