"""Pool the verified trial differences with statsmodels and write what the program ships.

Run as `python -m tools.fit_outcomes` after a row of the trials was verified. A test fits again and compares.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

import numpy as np
from scipy.stats import norm, t

from spondyl.outcomes.pooling import FITTED, Group, comparable_groups, inputs_hash
from spondyl.outcomes.published import published_differences
from spondyl.outcomes.types import Difference

CAUSES = ("osteoporotic", "neoplastic")
DATA = Path(__file__).parents[1] / "src" / "spondyl" / "evidence" / "data"


@dataclass(frozen=True)
class Fit:
    """A random-effects mean."""

    mean: float
    error: float  # standard error of the mean
    between: float  # sd between trials
    q: float  # Cochran's
    trials: int


@dataclass(frozen=True)
class LeftOut:
    """A trial, and what the others say of it."""

    left_out: Difference
    predicted: float
    low: float
    high: float

    @property
    def error(self) -> float:
        return self.left_out.value - self.predicted


def fit(group: Group) -> Fit:
    """Random effects: between-trial variance of Paule and Mandel, the larger of the plain and the Hartung-Knapp error.

    With three trials the Hartung-Knapp factor may fall below one by chance alone.
    """
    from statsmodels.stats.meta_analysis import combine_effects

    effects = np.array([one.value for one in group])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = combine_effects(effects, np.array([variance(one) for one in group]), method_re="iterated", use_t=True)
    error = max(float(found.sd_eff_w_re), float(found.sd_eff_w_re_hksj))
    return Fit(float(found.mean_effect_re), error, sqrt(max(0.0, float(found.tau2))), float(found.q), len(group))


def variance(one: Difference) -> float:
    """Of a difference, from its 95 % interval, which is taken for normal."""
    assert one.low is not None and one.high is not None
    return float(((one.high - one.low) / (2 * norm.ppf(0.975))) ** 2)


def left_out(group: Group) -> list[LeftOut]:
    """Each trial predicted from the others, with the interval in which its published difference should lie."""
    return [_left_out(one, tuple(other for other in group if other is not one)) for one in group]


def _left_out(one: Difference, others: Group) -> LeftOut:
    rest = fit(others)
    reach = t.ppf(0.975, rest.trials - 1) * sqrt(rest.error**2 + rest.between**2 + variance(one))
    return LeftOut(one, rest.mean, rest.mean - reach, rest.mean + reach)


def pooled(group: Group, cause: str) -> dict[str, object]:
    """A group as the table keeps it."""
    found, first = fit(group), group[0]
    reach = t.ppf(0.975, found.trials - 1) * found.error
    further = t.ppf(0.975, found.trials - 2) * sqrt(found.error**2 + found.between**2)
    figures = {
        "value": found.mean, "low": found.mean - reach, "high": found.mean + reach,
        "next_low": found.mean - further, "next_high": found.mean + further, "between_trials_sd": found.between,
    }  # fmt: skip
    return {
        "cause": cause,
        "outcome": first.outcome,
        "unit": first.unit,
        "course": str(first.course),
        "kind": str(first.kind),
        "time_days": first.time_days,
        **{name: round(value, 4) for name, value in figures.items()},
        "trials": [one.trial for one in group],
    }


def table() -> dict[str, object]:
    """All that is shipped."""
    groups = {cause: comparable_groups(published_differences(cause)) for cause in CAUSES}
    return {
        "inputs": {cause: inputs_hash(found) for cause, found in groups.items() if found},
        "pooled": [pooled(group, cause) for cause, found in groups.items() for group in found],
    }


def main() -> None:
    """Write the table."""
    (DATA / FITTED).write_text(json.dumps(table(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
