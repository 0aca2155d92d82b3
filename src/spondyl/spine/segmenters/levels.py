"""Which discs, and how sure: a strict search, then a relaxed one inside intervals too long for one body.

A body that has collapsed to half its height leaves a spacing that a strict search refuses, and then it is merged with
its neighbour. No one setting finds it without inventing discs elsewhere; so the relaxed search is made only where
an interval is too long or holds the pedicles of two levels, or beside a disc that hardly looks like one, and every
change and every doubt comes back as words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from spondyl.errors import InputError
from spondyl.space import Floats
from spondyl.spine.segmenters.chains import (
    REFUSED_MM,
    RELAXED,
    STRICT,
    Chain,
    Steps,
    best_chain,
    chain_score,
    pedicle_peaks,
    steps_of,
    without_ends,
)
from spondyl.spine.segmenters.column import STRETCHED_MM, Column

_LONG = 1.3  # of what its neighbours' spacings and its depth let expect: too long for one body
_SHORT = 0.72  # too short: a flat body, or half of one
_NEIGHBOURS = 3
_PER_PEDICLE = 0.6  # score for each level whose count of pedicles is right
_TEMPERATURE = 0.35  # of scores into shares; a clear disc scores 0.4-0.8. Not a calibrated probability
_LEAST_SHARE = 0.03  # of a chain that is still told
_DOUBTFUL = 0.2  # of the other chains together: a warning
_INNER = 0.12  # of an interval at each end that belongs to discs, when pedicles are counted
_FEW_DISCS = 2
_SAME_MM = 5  # between two searches: the same disc
_BESIDE_MM = 5  # of a clear disc: no other is looked for
FAINT = 0.15  # score of a disc: those seen on the test data within the image have 0.24 and more


@dataclass(frozen=True)
class ChainCandidate:
    """One reading of which discs there are."""

    discs: Chain  # stations from foot to head
    share: float  # of the candidates' belief, summing to 1; not a calibrated probability
    change: str  # against the strict search, in words


@dataclass(frozen=True, eq=False)
class LevelsFound:
    """The discs of the best candidate, all candidates, and what is doubtful of single intervals."""

    column: Column  # as searched: with stretched discs where they were let in
    candidates: tuple[ChainCandidate, ...]  # the best first
    spacing_ratio: tuple[float, ...]  # of each interval, against what is expected of it
    pedicles: tuple[int, ...]  # of each interval
    doubts: tuple[tuple[str, ...], ...]  # of each interval

    @property
    def discs(self) -> Chain:
        """Stations of the discs, from foot to head."""
        return self.candidates[0].discs


def find_levels(
    column: Column,
    *,
    sacrum_below: bool,
    wanted: tuple[float, ...] = (),
    refused: tuple[float, ...] = (),
) -> LevelsFound:
    """The discs of a column.

    Parameters
    ----------
    sacrum_below
        Whether the canal ends well above the lower border of the image.
    wanted, refused
        Stations at which a person says that a disc is, or that none is.

    Raises
    ------
    InputError
        If fewer than two discs are seen.
    """
    found = _search(column, sacrum_below, wanted, ())
    return _without(column, found, sacrum_below, wanted, refused) if refused else found


def _without(
    column: Column, found: LevelsFound, sacrum_below: bool, wanted: tuple[float, ...], refused: tuple[float, ...]
) -> LevelsFound:
    """The discs where a person says that some of those found are none.

    The search is made again without them. A refused disc leaves a gap that the search would fill with whatever it
    finds, so what it brings in must look like a disc, and there are never more of them than before; else the other
    discs stay as they were and the refused ones go.
    """
    kept = tuple(disc for disc in found.discs if min(abs(disc - place) for place in refused) > REFUSED_MM)
    try:
        again = _search(column, sacrum_below, wanted, refused)
    except InputError:
        again = None
    if again is not None and len(again.discs) <= len(found.discs):
        new = [disc for disc in again.discs if min(abs(disc - old) for old in found.discs) > _SAME_MM]
        if all(column.disc[disc] >= FAINT for disc in new):
            return again
    if len(kept) < _FEW_DISCS:
        raise InputError(
            f"{len(kept)} disc is left of the {len(found.discs)} that are found, without those that you refuse with "
            "--no-disc-at; two are needed to tell a body. Refuse fewer, or give labels"
        )
    change = _change(found.discs, kept).replace("the strict search", "found before a person refused them")
    return _read(found.column, (ChainCandidate(kept, 1.0, change),), pedicle_peaks(column))


def _search(column: Column, sacrum_below: bool, wanted: tuple[float, ...], refused: tuple[float, ...]) -> LevelsFound:
    """The discs that grey values and pedicles tell: the strict search, and the relaxed one where it is due."""
    strict = best_chain(steps_of(column, without_ends(STRICT, sacrum_below=sacrum_below), wanted, refused))
    if len(strict) < _FEW_DISCS:
        raise InputError(
            "a spinal canal is seen, but no two discs in front of it: bodies cannot be told apart (fused levels, "
            "slices too thick, or a part of the spine without discs). Give labels"
        )
    column, strict = _with_stretched(column, strict, wanted, refused)
    relaxed = steps_of(column, RELAXED, wanted, refused)
    peaks = pedicle_peaks(column)
    chain, others = strict, []
    for candidate in _readings(column, relaxed, peaks, strict):
        if _belief(relaxed, peaks, candidate) > _belief(relaxed, peaks, chain):
            others.append(chain)
            chain = candidate
        else:
            others.append(candidate)
    others += _single_changes(column, relaxed, peaks, chain)
    candidates = _weighed(relaxed, peaks, strict, [chain, *others])
    return _read(column, candidates, peaks)


def _read(column: Column, candidates: tuple[ChainCandidate, ...], peaks: Floats) -> LevelsFound:
    """Candidates with what is doubtful of the intervals of the best one."""
    best = candidates[0].discs
    ratio, counts = spacing_ratios(column, best), _peak_counts(peaks, best)
    doubts = tuple(
        (*said, *_faint(column, pair), *_stretched(column, pair))
        for said, pair in zip(_doubts(ratio, counts, candidates), pairwise(best), strict=True)
    )
    return LevelsFound(column, candidates, tuple(ratio.tolist()), tuple(counts), doubts)


def spacing_ratios(column: Column, chain: Chain) -> Floats:
    """Each interval over what its depth and its neighbours' shapes let expect; 1 where it is as expected."""
    return against_neighbours(np.diff(chain).astype(float), mean_depths(column, chain))


def mean_depths(column: Column, chain: Chain) -> Floats:
    """Depth of the body in each interval. [mm]"""
    return np.array([column.depth_mm[a:b].mean() for a, b in pairwise(chain)])


def against_neighbours(length: Floats, depth: Floats) -> Floats:
    """Each length over its depth, against the median of its neighbours; 1 where fewer than two stand beside it."""
    shape, out = length / depth, np.ones(len(length))
    for i in range(len(shape)):
        near = np.delete(shape[max(0, i - _NEIGHBOURS) : i + _NEIGHBOURS + 1], min(i, _NEIGHBOURS))
        if len(near) >= 2:
            out[i] = shape[i] / np.median(near)
    return out


def _peak_counts(peaks: Floats, chain: Chain) -> list[int]:
    """Pedicles of each interval."""
    inner = [(a + _INNER * (b - a), b - _INNER / 2 * (b - a)) for a, b in pairwise(chain)]
    return [int(((peaks >= low) & (peaks <= high)).sum()) for low, high in inner]


def _with_stretched(
    column: Column, strict: Chain, wanted: tuple[float, ...], refused: tuple[float, ...]
) -> tuple[Column, Chain]:
    """The column and its chain with stretched discs let in around discs that hardly look like any.

    A body that collapses while its pedicles keep their height leaves wide gaps to both sides. The middles of whole
    bodies look like such gaps too, so they are looked for between clear discs alone, and only where a disc is missing.
    """
    clear = [n for n, disc in enumerate(strict) if column.disc[disc] >= FAINT]
    gaps = [(a, b) for a, b in pairwise(clear) if b > a + 1]
    where = np.zeros(len(column.disc), bool)
    for a, b in gaps:
        where[strict[a] + _BESIDE_MM : strict[b] - _BESIDE_MM + 1] = True
    widened = column.widened(where)
    steps, peaks = steps_of(widened, RELAXED, wanted, refused), pedicle_peaks(column)
    chain = strict
    for a, b in gaps[::-1]:  # from the head, so that what stands before a gap keeps its place
        for inner in range(b - a - 1, b - a + 1):
            part = best_chain(steps, (strict[a], strict[b]), inner)
            other = chain[:a] + part + chain[chain.index(strict[b]) + 1 :]
            if part and _belief(steps, peaks, other) > _belief(steps, peaks, chain):
                chain = other
    return widened, chain


def _readings(column: Column, relaxed: Steps, peaks: Floats, strict: Chain) -> list[Chain]:
    """Chains with one more disc around an interval that is too long or has two pairs of pedicles.

    Its neighbours' discs are looked for again too: a merged body has often moved them.
    """
    ratio, counts = spacing_ratios(column, strict), _peak_counts(peaks, strict)
    found: list[Chain] = []
    for i in np.flatnonzero((ratio > _LONG) | (np.array(counts) >= 2)).tolist():
        for wide in (0, 1):
            first, last = max(0, i - wide), min(len(strict) - 1, i + 1 + wide)
            inner = last - first
            part = best_chain(relaxed, (strict[first], strict[last]), inner)
            if part:
                found.append(strict[:first] + part + strict[last + 1 :])
    return found


def _single_changes(column: Column, relaxed: Steps, peaks: Floats, chain: Chain) -> list[Chain]:
    """Chains without one of the discs beside a short interval, and with one more in the longest ones."""
    ratio, counts = spacing_ratios(column, chain), _peak_counts(peaks, chain)
    short = {k for i in np.flatnonzero(ratio < _SHORT).tolist() for k in (i, i + 1)}
    found = [chain[:k] + chain[k + 1 :] for k in sorted(short) if 0 < k < len(chain) - 1]
    for i in range(len(ratio)):
        if ratio[i] > 1.15 or counts[i] >= 2:
            part = best_chain(relaxed, (chain[i], chain[i + 1]), 1)
            if part:
                found.append(chain[:i] + part + chain[i + 2 :])
    return found


def _belief(relaxed: Steps, peaks: Floats, chain: Chain) -> float:
    """Score of a chain by the relaxed rules, with the count of pedicles in each interval."""
    right = sum(1 for count in _peak_counts(peaks, chain) if count == 1)
    wrong = sum(1 for count in _peak_counts(peaks, chain) if count > 1)
    return chain_score(relaxed, chain) + _PER_PEDICLE * (right - wrong)


def _weighed(relaxed: Steps, peaks: Floats, strict: Chain, chains: Sequence[Chain]) -> tuple[ChainCandidate, ...]:
    """Candidates with their shares, the best first."""
    unique = list(dict.fromkeys(chains))
    score = np.array([_belief(relaxed, peaks, chain) for chain in unique])
    share = np.exp((score - score.max()) / _TEMPERATURE)
    share /= share.sum()
    order = np.argsort(-share, kind="stable")
    kept = [int(k) for n, k in enumerate(order) if n == 0 or share[k] >= _LEAST_SHARE]
    whole = float(share[kept].sum())
    return tuple(ChainCandidate(unique[k], float(share[k]) / whole, _change(strict, unique[k])) for k in kept)


def _change(strict: Chain, chain: Chain) -> str:
    more = len(chain) - len(strict)
    if more == 0:
        return "as the strict search" if chain == strict else "other places of discs"
    count = abs(more)
    return f"{count} {'more' if more > 0 else 'fewer'} disc{'s' if count > 1 else ''} than the strict search"


def _doubts(ratio: Floats, counts: list[int], candidates: tuple[ChainCandidate, ...]) -> tuple[tuple[str, ...], ...]:
    best = candidates[0].discs
    out = []
    for i, (r, count) in enumerate(zip(ratio, counts, strict=True)):
        low, high = best[i], best[i + 1]
        said = []
        if r > _LONG:
            said.append(
                f"discs {high - low} mm apart, {r:.1f} times what is expected: a collapsed level may be hidden here"
            )
        elif r < _SHORT:
            said.append(f"discs {high - low} mm apart, {r:.1f} times what is expected: a flat body, or half of one")
        if count >= 2:
            said.append("the pedicles of two levels stand here: a level may be missing")
        if count == 0:
            said.append("no pedicles are seen here")
        split = sum(c.share for c in candidates[1:] if any(low < d < high for d in c.discs))
        merged = sum(c.share for c in candidates[1:] if low not in _near(c, low) or high not in _near(c, high))
        if split >= _DOUBTFUL:
            said.append(f"another reading sees a disc within this body (share {split:.2f})")
        if merged >= _DOUBTFUL and split < _DOUBTFUL:
            said.append(f"another reading joins it with a neighbour (share {merged:.2f})")
        out.append(tuple(said))
    return tuple(out)


def _stretched(column: Column, pair: tuple[int, ...]) -> tuple[str, ...]:
    """What discs wider than discs are make doubtful of the body between them."""
    width = max(float(column.plane_near(disc)[2]) for disc in pair)
    if width < STRETCHED_MM:
        return ()
    return (f"a disc {width:.0f} mm wide lies beside it: one of its two bodies has collapsed, or this is no disc",)


def _faint(column: Column, pair: tuple[int, ...]) -> tuple[str, ...]:
    """What discs that hardly look like discs make doubtful of the body between them."""
    count = sum(bool(column.disc[disc] < FAINT) for disc in pair)
    if not count:
        return ()
    return (f"{'one of its discs hardly looks' if count == 1 else 'both its discs hardly look'} like a disc: its end "
            "plates may be misplaced",)  # fmt: skip


def _near(candidate: ChainCandidate, disc: int) -> list[int]:
    """The disc itself where a candidate has one within 5 mm of it."""
    return [disc] if any(abs(d - disc) <= 5 for d in candidate.discs) else []
