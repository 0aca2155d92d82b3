"""Which published differences may be pooled, and the pooled ones as `tools/fit_outcomes.py` fitted them.

The fit needs statsmodels, which the program need not carry for a handful of figures: it is done beforehand, shipped
with the hash of what went in, and done again by a test.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from typing import Any, TypeAlias

from spondyl.errors import InputError
from spondyl.evidence import Comparison
from spondyl.evidence.copies import packaged_bytes
from spondyl.outcomes.published import published_differences
from spondyl.outcomes.types import FEWEST_COMPARISONS, Course, Difference, PooledDifference

FITTED = "own/pooled_differences.json"
Group: TypeAlias = tuple[Difference, ...]


def comparable_groups(differences: Iterable[Difference]) -> tuple[Group, ...]:
    """Differences of one outcome, course, kind and time, where enough independent trials stand behind them.

    Open-label and sham-controlled trials never meet in a group. A subgroup of a trial is no comparison of its own, and
    a difference without interval carries no weight.
    """
    groups = defaultdict(list)
    for one in differences:
        if one.independent and one.low is not None and one.high is not None:
            groups[one.outcome, one.course, one.kind, one.time_days].append(one)
    return tuple(tuple(group) for group in groups.values() if len({d.trial for d in group}) >= FEWEST_COMPARISONS)


def inputs_hash(groups: Iterable[Group]) -> str:
    """SHA-256 of all figures that go into the fit."""
    text = json.dumps([[[d.trial, d.outcome, d.time_days, d.value, d.low, d.high] for d in group] for group in groups])
    return hashlib.sha256(text.encode()).hexdigest()


def pooled_differences(cause: str) -> tuple[PooledDifference, ...]:
    """The pooled differences for fractures of a cause; none where too few trials were read.

    Raises
    ------
    InputError
        Where the trial rows changed after the fit.
    """
    table = _table()
    groups = comparable_groups(published_differences(cause))
    if not groups:
        return ()
    if table["inputs"].get(cause) != inputs_hash(groups):
        raise InputError("the pooled differences do not belong to the trial rows: run `python -m tools.fit_outcomes`")
    return tuple(_pooled(raw) for raw in table["pooled"] if raw["cause"] == cause)


def _pooled(raw: dict[str, Any]) -> PooledDifference:
    given = {name: value for name, value in raw.items() if name not in ("cause", "trials", "course", "kind")}
    kind, course = Comparison(raw["kind"]), Course(raw["course"])
    return PooledDifference(course=course, kind=kind, trials=tuple(raw["trials"]), **given)


@cache
def _table() -> dict[str, Any]:
    return dict(json.loads(packaged_bytes(FITTED)))
