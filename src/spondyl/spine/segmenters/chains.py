"""Chains of discs along the canal, by dynamic programming over place and spacing.

A disc that is missed makes one vertebra of two, a false one two of one, and everything above is then named wrongly. So
discs are never taken one by one: a chain is scored by its discs, by where the pedicles stand between them, and by how
even and how plausible its spacings are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.space import Floats
from spondyl.spine.segmenters.column import Column

Chain = tuple[int, ...]  # stations of the discs, from foot to head

_PEDICLE_AT = (0.52, 0.88)  # of an interval from below: pedicles stand in a body's upper half
_FORAMEN_AT = (0.05, 0.34)
_USUAL = 0.88  # spacing over depth of bodies
_SPREAD = 0.22  # of its logarithm
_FREE_MM = 25.0  # of canal beyond the first and last disc that costs nothing: an end vertebra
_PEAK_SD = 1.0
_PROMINENCE = 0.25
_APART_MM = 9.0  # pedicles of neighbouring levels, even beside a flat body
ASKED_MM = 4.0  # around a place that a person named
REFUSED_MM = 8.0  # and one that a person refused: nearer, it would be the same disc moved aside


@dataclass(frozen=True)
class ChainRules:
    """Weights of the search. Strict ones for the first pass, relaxed ones inside intervals that are too long."""

    shortest_mm: int = 12
    longest_mm: int = 46
    disc_price: float = 0.35  # what a disc must bring
    unevenness: float = 0.55  # of neighbouring spacings, and its limit
    unevenness_limit: float = 0.55
    shape: float = 0.5  # of spacing against depth, and its limit
    shape_limit: float = 0.8
    pedicle: float = 1.0
    pedicle_price: float = 0.20
    uncovered_foot: float = 0.02  # per mm of canal without a disc
    uncovered_head: float = 0.02


STRICT = ChainRules()
RELAXED = ChainRules(
    shortest_mm=6, disc_price=0.25, unevenness_limit=0.3, shape=0.2, shape_limit=0.35, pedicle=0.6, pedicle_price=0.08
)


class Steps(NamedTuple):
    """What a search needs: gain of a disc at each station, gain of each interval, and prices of ends and changes."""

    spacing: NDArray[np.int_]
    disc: Floats  # (n,)
    interval: Floats  # (n, spacings), of the interval below each station
    change: Floats  # (spacings, spacings)
    foot: Floats  # (n,)
    head: Floats


def steps_of(
    column: Column, rules: ChainRules, wanted: tuple[float, ...] = (), refused: tuple[float, ...] = ()
) -> Steps:
    """Gains and prices of all discs and intervals of a column.

    Parameters
    ----------
    wanted, refused
        Stations at which a person says that a disc is, or that none is.
    """
    count = len(column.disc)
    station = np.arange(count)
    spacing = np.arange(rules.shortest_mm, rules.longest_mm + 1)
    disc = np.where(column.shown, column.disc - rules.disc_price, -1.0)
    for place in wanted:
        near = np.abs(station - place)
        disc = disc + 5.0 * (1 - near / ASKED_MM) * (near <= ASKED_MM)
    for place in refused:
        disc = disc - 5.0 * (np.abs(station - place) <= REFUSED_MM)
    low = station[:, None] - spacing
    pedicle = _mean(column.pedicle, low, spacing, _PEDICLE_AT) - _mean(column.pedicle, low, spacing, _FORAMEN_AT)
    depth = ndimage.gaussian_filter1d(column.depth_mm, 10)
    middle = np.clip((station[:, None] + low) // 2, 0, count - 1)
    odd = np.abs(np.log(spacing / (_USUAL * depth[middle])) / _SPREAD)
    shape = np.minimum(rules.shape * 0.5 * np.maximum(odd - 0.6, 0) ** 2, rules.shape_limit)
    interval = rules.pedicle * (np.clip(pedicle, -0.4, 0.6) - rules.pedicle_price) - shape
    interval[low < 0] = -np.inf
    ratio = np.log(spacing[:, None] / spacing) / _SPREAD
    change = np.minimum(rules.unevenness * ratio**2, rules.unevenness_limit)
    shown = np.flatnonzero(column.shown)
    first, last = (int(shown[0]), int(shown[-1])) if len(shown) else (0, count - 1)
    foot = rules.uncovered_foot * np.maximum(station - first - _FREE_MM, 0)
    head = rules.uncovered_head * np.maximum(last - _FREE_MM - station, 0)
    return Steps(spacing, disc, interval, change, foot, head)


def best_chain(steps: Steps, ends: tuple[int, int] | None = None, inner: int | None = None) -> Chain:
    """The chain of greatest score.

    Parameters
    ----------
    ends
        First and last disc where they are given.
    inner
        Number of discs between given ends; None: whatever scores best.

    Returns
    -------
    Stations of its discs; empty where no two discs make sense.
    """
    if inner is not None:
        assert ends is not None
        return _counted(steps, ends, inner)
    first, last = ends if ends is not None else (0, len(steps.disc) - 1)
    total = np.full(steps.interval.shape, -np.inf)
    came = np.full(total.shape, -1)
    begun = np.where(np.arange(len(steps.disc)) == first, 0.0, -np.inf) if ends else steps.disc - steps.foot
    number = np.arange(len(steps.spacing))
    for top in range(first + int(steps.spacing[0]), last + 1):
        before = top - steps.spacing
        valid = before >= first
        ways = total[np.maximum(before, 0)] - steps.change  # (this spacing, the one below)
        below = ways.argmax(axis=1)
        best = ways[number, below]
        start = begun[np.maximum(before, 0)]
        on = best > start
        gain = steps.disc[top] + steps.interval[top] + np.where(on, best, start)
        total[top] = np.where(valid, gain, -np.inf)
        came[top] = np.where(on, below, -1)
    if ends is None:
        total = total - steps.head[:, None]
        station, kind = (int(k) for k in np.unravel_index(int(total.argmax()), total.shape))
    else:
        station, kind = last, int(total[last].argmax())
    if not np.isfinite(total[station, kind]):
        return ()
    return _traced(steps, came, station, kind)


def chain_score(steps: Steps, chain: Chain) -> float:
    """Score of a chain with given discs, without prices of uncovered ends."""
    score = float(steps.disc[list(chain)].sum())
    kinds = [int(b - a - steps.spacing[0]) for a, b in pairwise(chain)]
    if any(not 0 <= kind < len(steps.spacing) for kind in kinds):
        return -np.inf
    score += sum(float(steps.interval[b, kind]) for b, kind in zip(chain[1:], kinds, strict=True))
    return score - sum(float(steps.change[b, a]) for a, b in pairwise(kinds))


def pedicle_peaks(column: Column) -> Floats:
    """Stations of the pedicles of each level: peaks of bone beside the canal."""
    from scipy import signal  # takes half a second to load, and every command comes past here

    smooth = ndimage.gaussian_filter1d(column.pedicle, _PEAK_SD)
    peaks, _ = signal.find_peaks(np.pad(smooth, 1), prominence=_PROMINENCE, distance=_APART_MM)
    return np.asarray(peaks - 1, np.float64)


def without_ends(rules: ChainRules, *, sacrum_below: bool) -> ChainRules:
    """Rules for a canal that ends well above the image's lower border: sacrum, without discs, is below."""
    return replace(rules, uncovered_foot=rules.uncovered_foot / 2) if sacrum_below else rules


def _mean(values: Floats, low: NDArray[np.int_], spacing: NDArray[np.int_], part: tuple[float, float]) -> Floats:
    """Mean of values over a part of each interval, shape of `low`."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    first = np.clip(low + (part[0] * spacing).astype(int), 0, len(values) - 1)
    last = np.clip(low + (part[1] * spacing).astype(int), first + 1, len(values))
    return np.asarray((total[last] - total[first]) / (last - first))


def _traced(steps: Steps, came: Floats, station: int, kind: int) -> Chain:
    chain = [station]
    while kind >= 0:
        before = int(came[station, kind])
        station -= int(steps.spacing[kind])
        chain.append(station)
        kind = before
    return tuple(chain[::-1])


def _counted(steps: Steps, ends: tuple[int, int], inner: int) -> Chain:
    """Best chain with so many discs between given ends: one layer of the search for each disc."""
    first, last = ends
    number = np.arange(len(steps.spacing))
    layers: list[tuple[Floats, Floats]] = []
    for layer in range(inner + 1):
        total, came = np.full(steps.interval.shape, -np.inf), np.full(steps.interval.shape, -1)
        for station in range(first + int(steps.spacing[0]), last + 1):
            before = station - steps.spacing
            if layer == 0:
                total[station] = np.where(before == first, steps.disc[station] + steps.interval[station], -np.inf)
                continue
            ways = layers[-1][0][np.maximum(before, 0)] - steps.change
            came[station] = ways.argmax(axis=1)
            gain = steps.disc[station] + steps.interval[station] + ways[number, came[station]]
            total[station] = np.where(before > first, gain, -np.inf)
        layers.append((total, came))
    kind = int(layers[-1][0][last].argmax())
    if not np.isfinite(layers[-1][0][last, kind]):
        return ()
    chain, station = [last], last
    for _, came in layers[::-1]:
        below = int(came[station, kind])
        station -= int(steps.spacing[kind])
        chain.append(station)
        kind = below
    return tuple(chain[::-1])
