"""Leaks under doubt in a round body: the same series however it was made, and shares that mean what they say."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest

from spondyl.documents.course_facts import facts_of_document
from spondyl.documents.course_models import SimulationsDocument
from spondyl.documents.course_tables import course_tables
from spondyl.documents.figures_leaks import draw_leak_shares, empty_text, leak_table
from spondyl.documents.leak_models import leak_shares_of
from spondyl.errors import InputError
from spondyl.simulation import leak_shares, simulate_injection
from spondyl.simulation.flow_model import FlowModel, build_flow_model
from spondyl.simulation.leak_draws import LeakDraw
from spondyl.simulation.leak_shares import LeakShares, PathShare, Share, count_leaks, published_rates
from spondyl.simulation.openings import LeakPath
from spondyl.simulation.permeability import Scenario
from spondyl.spine import Side, Spine
from spondyl.studies.workers import Workers
from tests.unit.documents.course_of import course_of

from .round_bodies import Local, plan, round_spine

TIPS: tuple[tuple[Side, Local], ...] = ((Side.LEFT, (6.0, 2.0, 5.0)),)


@pytest.fixture(scope="module")
def spine() -> Spine:
    """With a pit of the upper endplate above the tip."""
    return round_spine(pit=("superior", 2.0, 5.0))


@pytest.fixture(scope="module")
def flow(spine: Spine) -> FlowModel:
    return build_flow_model(spine, "L1", voxel_mm=3.0)


def count(spine: Spine, flow: FlowModel, runs: int = 6, **options: object) -> LeakShares:
    return count_leaks(spine, plan(spine, TIPS, 4.0), flow=flow, runs=runs, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def many(spine: Spine, flow: FlowModel) -> LeakShares:
    return count(spine, flow, 30)


def test_wilsons_interval_by_hand() -> None:
    """7 of 40: (0.175 + 0.04802 -/+ 1.96 sqrt(0.003609 + 0.0006002)) / 1.09604; 0 of 40: up to 3.8415 / 43.8415."""
    assert Share(40, 7).interval == pytest.approx((0.0875, 0.3195), abs=5e-4)
    assert Share(40, 0).interval == pytest.approx((0.0, 3.8415 / 43.8415), abs=1e-5)
    assert Share(40, 40).interval == pytest.approx((1 - 3.8415 / 43.8415, 1.0), abs=1e-5)


def test_a_killed_series_goes_on_and_gives_the_same(spine: Spine, flow: FlowModel) -> None:
    whole = count(spine, flow)
    kept: list[LeakDraw] = []

    def keep(draw: LeakDraw) -> None:
        kept.append(draw)
        if len(kept) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        count(spine, flow, on_draw=keep)
    assert len(kept) == 4
    made: list[LeakDraw] = []
    resumed = count(spine, flow, finished=kept, on_draw=made.append)
    assert [draw.number for draw in made] == [4, 5]
    assert resumed.draws == whole.draws and resumed.paths == whole.paths


def test_two_workers_give_what_one_does(spine: Spine, flow: FlowModel) -> None:
    with Workers(2) as workers:
        assert count(spine, flow, 3, workers=workers).draws == count(spine, flow, 3).draws


def test_draws_of_another_series_are_not_taken_over(spine: Spine, flow: FlowModel) -> None:
    other = count(spine, flow, 2, seed=1)
    made: list[LeakDraw] = []
    found = count(spine, flow, 2, finished=other.draws, on_draw=made.append)
    assert len(made) == 2 and found.draws != other.draws
    more = count(spine, flow, 2, volume_ml=3.0)
    assert more.draws[0].key != found.draws[0].key


def test_an_open_endplate_leaks_into_its_disc_and_what_has_no_way_says_so(many: LeakShares) -> None:
    disc, below = many.path("disc_superior"), many.path("disc_inferior")
    assert disc.has_opening and disc.share.leaked > 5
    assert not below.has_opening and below.share.value == 0 and below.mean_ml == 0
    assert many.path(None).share.leaked >= disc.share.leaked
    assert sum(share.runs for _, share in disc.by_scenario) == 30 == disc.share.runs
    counted = sum(draw.final_ml[LeakPath.DISC_SUPERIOR] > 0.1 for draw in many.draws)
    assert counted == disc.share.leaked


def test_the_width_of_the_defect_drives_its_leak(many: LeakShares) -> None:
    """A crack lets through the cube of its width, drawn over a factor of 20; nothing else is drawn over as much."""
    first = many.path("disc_superior").drivers[0]
    assert first.name == "width_mm: superior endplate defect"
    assert first.rank_correlation > 0.5 and first.is_told_apart


def test_more_cement_never_leaks_less(many: LeakShares) -> None:
    for path in many.paths:
        shares = [share.value for _, share in path.by_volume]
        assert shares == sorted(shares) and shares[-1] == path.share.value
    assert [volume for volume, _ in many.path(None).by_volume] == pytest.approx([1.0, 2.0, 3.0, 4.0])


def test_scenarios_that_differ_by_more_than_two_are_told() -> None:
    def of(*leaked: int) -> PathShare:
        shares = tuple(zip(Scenario, (Share(10, count) for count in leaked), strict=True))
        return PathShare(None, True, Share(30, sum(leaked)), shares, (), 0.1, 0.2, (), ())

    assert not of(4, 3, 2).scenarios_disagree
    assert of(5, 3, 2).scenarios_disagree
    assert of(1, 0, 0).scenarios_disagree and not of(0, 0, 0).scenarios_disagree


def test_words_never_call_a_share_a_chance(many: LeakShares) -> None:
    told = " ".join((many.words, *many.notes, *many.assumptions)).lower()
    assert "share of simulated runs" in told and "not calibrated on patients" in told
    assert not any(word in told for word in ("risk", "chance", "probab", "likel"))


def test_published_rates_stand_beside_and_need_a_read_source(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [rate.percent for rate in published_rates(None)] == [33.0, 54.7, 81.6]
    assert published_rates(LeakPath.TRACK) == ()
    entry = leak_shares.find_entry("cx-leak-alali")
    unread = replace(entry, statement=None, values=(), note=None, verified=False)
    monkeypatch.setattr(leak_shares, "find_entry", lambda _: unread)
    assert published_rates(None) == ()


def test_where_nothing_goes_in_there_is_no_share(spine: Spine, flow: FlowModel) -> None:
    found = count(spine, flow, 2, start_min=60.0)
    assert found.empty == 2 and found.paths == ()
    assert any("has set" in note for note in found.notes)
    assert any("in 2 of 2 simulated runs no cement went in" in note for note in found.notes)
    with pytest.raises(InputError, match="none of 2 runs"):
        found.path(None)
    assert leak_shares_of(found) == ()


def test_runs_in_which_nothing_went_in_are_no_runs_without_a_leak(spine: Spine, flow: FlowModel) -> None:
    """By hand: of six runs two (low, middle) stay empty and two of the other four leak: 2 of 4, not 2 of 6.

    Low has one run left, which leaks; middle one, which does not; high two, of which one leaks.
    """
    base = count(spine, flow, 1).draws[0]
    dry, wet = ((0.0,) * len(LeakPath),) * 4, ((0.5,) + (0.0,) * (len(LeakPath) - 1),) * 4

    def made(number: int) -> LeakDraw:
        leaked = wet if number in (2, 3) else dry
        scenario = tuple(Scenario)[number % 3]
        return replace(base, number=number, scenario=scenario, leaked_ml=leaked, in_body=number > 1, reason=None)

    found = count(spine, flow, 6, finished=[made(number) for number in range(6)])
    some = found.path(None)
    assert (some.share.leaked, some.share.runs, found.empty) == (2, 4, 2)
    assert [(share.leaked, share.runs) for _, share in some.by_scenario] == [(1, 1), (0, 1), (1, 2)]
    assert some.mean_ml == pytest.approx(0.25)
    told = leak_shares_of(found)[0]
    assert told.empty_runs == 2 and empty_text(told) == " (and 2 in which nothing went in)"


def test_a_permeability_at_which_nothing_goes_in_keeps_its_name(spine: Spine, flow: FlowModel) -> None:
    """By hand: of six runs both of low stay empty; both of middle leak and one of high: no two numbers without names.

    With middle and high leaking alike they disagree nonetheless: low took no cement.
    """
    base = count(spine, flow, 1).draws[0]
    dry, wet = ((0.0,) * len(LeakPath),) * 4, ((0.5,) + (0.0,) * (len(LeakPath) - 1),) * 4

    def made(number: int, leaking: tuple[int, ...]) -> LeakDraw:
        scenario, leaked = tuple(Scenario)[number % 3], wet if number in leaking else dry
        return replace(base, number=number, scenario=scenario, leaked_ml=leaked, in_body=number % 3 > 0, reason=None)

    for leaking, high in (((1, 4, 2), 1), ((1, 4, 2, 5), 2)):
        found = count(spine, flow, 6, finished=[made(number, leaking) for number in range(6)])
        some = found.path(None)
        assert some.by_scenario == (
            (Scenario.LOW, None),
            (Scenario.MIDDLE, Share(2, 2)),
            (Scenario.HIGH, Share(2, high)),
        )
        assert some.scenarios_disagree
        injection = simulate_injection(spine, plan(spine, TIPS, 4.0), flow=flow)
        course = course_of(injection, found)
        assert type(course).model_validate_json(course.model_dump_json()) == course
        cell = f"low: nothing went in; middle 2 of 2; high {high} of 2"
        assert leak_table(course).rows[0][2] == cell
        rows = list(csv.DictReader(course_tables([course])["simulations_leaks.csv"].splitlines()))
        assert [(row["permeability"], row["runs"], row["share_of_simulated_runs"]) for row in rows[:3]] == [
            ("all", "4", f"{(2 + high) / 4:g}"), ("low", "0", ""), ("middle", "2", "1"),
        ]  # fmt: skip
        told = SimulationsDocument(
            density_grade=None, density_reason=None, voxel_mm=3.0, courses=(course,), left_out=()
        )
        (facts,) = facts_of_document(told)
        (way,) = (one for one in facts.ways if one.path == "disc_superior")
        assert way.counted is not None and cell.replace(";", ",") in way.counted.words
        assert "At low permeability nothing went in." in draw_leak_shares(course).alt
        before = course.leak_shares[0].model_copy(
            update={"by_scenario": {"middle": course.leak_shares[0].by_scenario["middle"]}, "scenarios_disagree": False}
        )  # as it was written before: what took no cement is not there
        old = course.model_copy(update={"leak_shares": (before,)})
        assert leak_table(old).rows[0][2] == "middle 2 of 2"


def test_no_runs_are_refused(spine: Spine, flow: FlowModel) -> None:
    with pytest.raises(InputError, match="0 runs"):
        count(spine, flow, 0)
