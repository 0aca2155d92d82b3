"""Leaks under doubt: in what share of simulated runs cement left a body, by which path, and what that hangs on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from math import sqrt
from typing import Any

import numpy as np

from spondyl.errors import InputError
from spondyl.evidence import find_entry
from spondyl.planning import Plan
from spondyl.simulation.body_injection import ASSUMPTIONS as DELIVERY
from spondyl.simulation.body_injection import (
    FLOW_ML_PER_MIN,
    LIMITS,
    PRESSURE_LIMIT_MPA,
    START_MIN,
    planned_volume,
    portions,
)
from spondyl.simulation.cement import Cement, find_cement
from spondyl.simulation.flow_model import FlowModel, build_flow_model, with_tracks
from spondyl.simulation.injection_records import InjectionSettings
from spondyl.simulation.leak_draws import ASSUMPTIONS, RTOL, VOLUME_STEPS, LeakDraw, LeakTask, run_draws
from spondyl.simulation.openings import LeakPath
from spondyl.simulation.permeability import Scenario
from spondyl.spine import Spine
from spondyl.studies.workers import Workers

LEAK_ML = 0.1  # more than this counts as a leak: handbook 4.4
DISAGREE = 2.0  # between permeabilities, from which all three are to be shown
Z95 = 1.959964
FEWEST_RANKED = 10  # runs from which ranks are told
WORDS = (
    "share of simulated runs that leaked more than 0.1 mL; not calibrated on patients: use it to compare plans, not to "
    "decide whether it is safe"
)


@dataclass(frozen=True)
class Share:
    """A share of runs with its 95 % interval by Wilson, for the number of runs alone, not for what the model lacks."""

    runs: int
    leaked: int

    @property
    def value(self) -> float:
        """Leaked over all."""
        return self.leaked / self.runs

    @property
    def interval(self) -> tuple[float, float]:
        """Low and high."""
        n, p, z2 = self.runs, self.value, Z95**2
        middle, half = p + z2 / (2 * n), Z95 * sqrt(p * (1 - p) / n + z2 / (4 * n**2))
        return max((middle - half) / (1 + z2 / n), 0.0), min((middle + half) / (1 + z2 / n), 1.0)


@dataclass(frozen=True)
class Driver:
    """How the leaked volume ranks with one input over the runs (Spearman), and whether more than chance would give."""

    name: str
    rank_correlation: float
    is_told_apart: bool  # beyond 1.96 / sqrt(runs - 1)


@dataclass(frozen=True)
class PublishedRate:
    """A published rate of leaks, of patients and not of runs, from a verified entry of the evidence."""

    what: str
    percent: float
    entry: str
    source: str


@dataclass(frozen=True)
class PathShare:
    """Leaks by one path, or by any."""

    path: LeakPath | None  # None: any
    has_opening: bool  # False: the model has no way there, and the share is 0 for that reason
    share: Share
    by_scenario: tuple[tuple[Scenario, Share | None], ...]  # of those drawn; None: nothing went in in any run of it
    by_volume: tuple[tuple[float, Share], ...]  # cement injected [ml], share by then
    mean_ml: float
    highest_ml: float
    drivers: tuple[Driver, ...]  # strongest first; empty: too few runs, or nothing leaked
    published: tuple[PublishedRate, ...]

    @property
    def scenarios_disagree(self) -> bool:
        """Whether low, middle and high permeability differ by more than a factor 2: all three must then be shown.

        One in which nothing went in differs from one that took cement.
        """
        shares = [share.value for _, share in self.by_scenario if share is not None]
        return len(shares) < len(self.by_scenario) or max(shares) > DISAGREE * min(shares)


@dataclass(frozen=True, eq=False)
class LeakShares:
    """Leaks of one plan under doubt. Shares are of simulated runs, never chances of a patient."""

    plan: Plan
    asked_ml: float
    cement: str
    seed: int
    voxel_mm: float
    paths: tuple[PathShare, ...]  # any first, then each path; none where cement went in in no run
    draws: tuple[LeakDraw, ...]
    empty: int  # of them, those in which nothing went in, or no pressure was found: they are in no share
    words: str
    notes: tuple[str, ...]
    assumptions: tuple[str, ...]

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, item.name) for item in fields(self))

    def path(self, path: LeakPath | str | None) -> PathShare:
        """The share of one path; None: of any."""
        if not self.paths:
            raise InputError(f"cement went in in none of {len(self.draws)} runs: no share of runs is known")
        wanted = None if path is None else LeakPath(path)
        return next(share for share in self.paths if share.path is wanted)


def count_leaks(
    spine: Spine,
    plan: Plan,
    *,
    runs: int = 40,
    seed: int = 0,
    cement: Cement | str = "generic-medium",
    volume_ml: float | None = None,
    flow_ml_per_min: float = FLOW_ML_PER_MIN,
    start_min: float = START_MIN,
    pressure_limit_mpa: float | None = PRESSURE_LIMIT_MPA,
    voxel_mm: float = 1.0,
    workers: Workers | None = None,
    finished: Sequence[LeakDraw] = (),
    on_draw: Callable[[LeakDraw], None] | None = None,
    flow: FlowModel | None = None,
) -> LeakShares:
    """Inject a plan's cement many times, each with other bone, cement, start, tips and ways out, and count leaks.

    Shares are of the runs in which cement went in; those in which none did are counted by themselves. Runs take turns
    between low, middle and high permeability. A broken series goes on: keep what `on_draw` is given and
    hand it in as `finished`. Cement, volume, flow, start and limit are those of `simulate_injection`.
    """
    chosen = find_cement(cement) if isinstance(cement, str) else cement
    asked = planned_volume(plan) if volume_ml is None else volume_ml
    body = build_flow_model(spine, plan.level, voxel_mm=voxel_mm) if flow is None else flow
    tracked = with_tracks(body, plan.needles)
    schedule = portions(plan, asked, flow_ml_per_min, start_min, tips=body.tips)
    settings = InjectionSettings(pressure_limit_mpa=pressure_limit_mpa, rtol=RTOL)
    task = LeakTask(tracked, schedule, chosen, settings, seed)
    draws = run_draws(task, runs, workers=workers, finished=finished, on_draw=on_draw)
    open_paths = {opening.path for opening in tracked.openings}
    entered = [draw for draw in draws if draw.in_body]
    paths = (None, *LeakPath) if entered else ()
    return LeakShares(
        plan,
        asked,
        chosen.name,
        seed,
        float(body.geometry.spacing_mm[0]),
        tuple(_of_path(path, draws, asked, open_paths) for path in paths),
        draws,
        len(draws) - len(entered),
        WORDS,
        (*body.notes, *LIMITS, *_empty_runs(draws)),
        (*chosen.assumptions, *body.assumptions, *ASSUMPTIONS, *DELIVERY),
    )


def _empty_runs(draws: Sequence[LeakDraw]) -> tuple[str, ...]:
    """How many runs brought no cement into the body, and why."""
    reasons = [draw.reason or "no cement went in" for draw in draws if not draw.in_body]
    if not reasons:
        return ()
    told = (
        f"in {len(reasons)} of {len(draws)} simulated runs no cement went in, or no pressure was found: shares of runs "
        f"that leaked are of the other {len(draws) - len(reasons)}"
    )
    return told, *sorted(set(reasons))


def published_rates(path: LeakPath | None) -> tuple[PublishedRate, ...]:
    """What was published of vertebroplasty by this path, where it was read in its source."""
    found = []
    for entry_id, name, what in _PUBLISHED.get(path, ()):
        entry = find_entry(entry_id)
        if entry.verified:
            value = entry.figure(name).value
            assert isinstance(value, int | float)
            found.append(PublishedRate(what, float(value), entry_id, entry.source))
    return tuple(found)


def _of_path(path: LeakPath | None, drawn: Sequence[LeakDraw], asked: float, open_paths: set[LeakPath]) -> PathShare:
    draws = [draw for draw in drawn if draw.in_body]
    columns = list(range(len(LeakPath))) if path is None else [list(LeakPath).index(path)]
    by_step = np.array([draw.leaked_ml for draw in draws])[:, :, columns].sum(axis=2)
    final = by_step[:, -1]
    scenarios = np.array([draw.scenario.value for draw in draws])
    asked_for = {draw.scenario for draw in drawn}
    return PathShare(
        path,
        bool(open_paths) if path is None else path in open_paths,
        _share(final),
        tuple((each, _share_or_none(final[scenarios == each.value])) for each in Scenario if each in asked_for),
        tuple((step * asked, _share(by_step[:, at])) for at, step in enumerate(VOLUME_STEPS)),
        float(final.mean()),
        float(final.max()),
        _drivers(draws, final),
        published_rates(path),
    )


def _share(leaked_ml: np.ndarray) -> Share:
    return Share(len(leaked_ml), int((leaked_ml > LEAK_ML).sum()))


def _share_or_none(leaked_ml: np.ndarray) -> Share | None:
    return _share(leaked_ml) if len(leaked_ml) else None


def _drivers(draws: Sequence[LeakDraw], leaked_ml: np.ndarray) -> tuple[Driver, ...]:
    """Rank correlations, strongest first."""
    if len(draws) < FEWEST_RANKED or np.ptp(leaked_ml) == 0:
        return ()
    from scipy import stats  # takes half a second to load, and who presses bone needs none of it

    beyond = 1.96 / sqrt(len(draws) - 1)
    found = []
    for at, (name, _) in enumerate(draws[0].inputs):
        values = np.array([draw.inputs[at][1] for draw in draws])
        if np.ptp(values) > 0:
            rho = float(stats.spearmanr(values, leaked_ml).statistic)
            found.append(Driver(name, rho, abs(rho) > beyond))
    return tuple(sorted(found, key=lambda driver: -abs(driver.rank_correlation)))


_DISC = (("cx-leak-large", "intradiscal", "into a disc, of vertebroplasty patients"),)
_PUBLISHED: dict[LeakPath | None, tuple[tuple[str, str, str], ...]] = {
    None: (
        ("cx-leak-alali", "leak", "any, of vertebroplasty levels"),
        ("cx-leak-meta", "leak_pvp", "any, of vertebroplasty levels, meta-analysis"),
        ("cx-leak-ct-rct", "pvp", "any, of vertebroplasty levels, looked for on CT"),
    ),
    LeakPath.DISC_SUPERIOR: _DISC,
    LeakPath.DISC_INFERIOR: _DISC,
    LeakPath.EPIDURAL: (
        ("cx-leak-types", "type_b", "along the basivertebral vein, of vertebroplasty levels"),
        ("cx-leak-large", "canal", "into the canal, of vertebroplasty patients"),
    ),
    LeakPath.PARAVERTEBRAL: (("cx-leak-large", "paraspinal", "beside the spine, of vertebroplasty patients"),),
    LeakPath.VENOUS: (("cx-leak-types", "type_s", "along segmental veins, of vertebroplasty levels"),),
}
