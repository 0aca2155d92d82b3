"""The shape of leaks under doubt in simulations.json: shares of simulated runs, by path, and the published rate."""

from __future__ import annotations

from spondyl.documents.base import Document
from spondyl.simulation import LeakShares, Share
from spondyl.simulation.permeability import Scenario

PATHS = {
    "any": "any way out",
    "disc_superior": "disc above",
    "disc_inferior": "disc below",
    "epidural": "canal (epidural)",
    "paravertebral": "beside the spine",
    "venous": "segmental veins",
    "track": "needle track",
}


WORDS = "not calibrated on patients: use it to compare plans, not to decide whether one is safe"


class RateModel(Document):
    """A published rate, of patients."""

    what: str
    percent: float
    entry: str
    source: str


class RunShareModel(Document):
    """Share of simulated runs that leaked more than 0.1 mL, with its interval by the number of runs alone."""

    leaked: int
    runs: int
    value: float
    low: float
    high: float


class LeakShareModel(Document):
    """Runs that leaked by one path, of those in which cement went in; never a chance of a patient."""

    path: str  # "any", or one path
    has_opening: bool
    share: RunShareModel
    empty_runs: int = 0  # further ones, in which nothing went in: they are in no share
    by_scenario: dict[str, RunShareModel | None]  # null: nothing went in in any run of it; before, it was left out
    scenarios_disagree: bool  # by more than a factor 2, or one took no cement: all three are then shown
    by_volume_ml: tuple[tuple[float, float], ...]  # cement injected, share of runs by then
    strongest_input: str | None  # what the leaked volume ranks with most; null: told apart by none
    published: tuple[RateModel, ...]

    @property
    def scenarios_to_show(self) -> tuple[tuple[str, int, int], ...]:
        """Name, leaked and runs by permeability where they disagree, or where not all three are there; else none."""
        if not self.scenarios_disagree and len(self.by_scenario) == len(Scenario):
            return ()
        return tuple(
            (name, 0, 0) if share is None else (name, share.leaked, share.runs)
            for name, share in self.by_scenario.items()
        )


def leak_shares_of(leaks: LeakShares) -> tuple[LeakShareModel, ...]:
    """Runs that leaked by each path, as they are written."""
    told = []
    for one in leaks.paths:
        driver = one.drivers[0] if one.drivers and one.drivers[0].is_told_apart else None
        told.append(
            LeakShareModel(
                path="any" if one.path is None else one.path.value,
                has_opening=one.has_opening,
                share=_share(one.share),
                empty_runs=leaks.empty,
                by_scenario={
                    scenario.value: None if share is None else _share(share) for scenario, share in one.by_scenario
                },
                scenarios_disagree=one.scenarios_disagree,
                by_volume_ml=tuple((volume, share.value) for volume, share in one.by_volume),
                strongest_input=None if driver is None else driver.name,
                published=tuple(
                    RateModel(what=rate.what, percent=rate.percent, entry=rate.entry, source=rate.source)
                    for rate in one.published
                ),
            )
        )
    return tuple(told)


def _share(share: Share) -> RunShareModel:
    low, high = share.interval
    return RunShareModel(leaked=share.leaked, runs=share.runs, value=share.value, low=low, high=high)
