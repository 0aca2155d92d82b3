"""Which names a row of pieces can bear, and what share each reading has, from the signs at the pieces.

The figures below are settings of this package, chosen wide and by hand: they are no published frequencies, and shares
made from them are no calibrated probabilities. They order readings; what is named is decided in `proposal`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spondyl.spine.names.shapes import shape_belief
from spondyl.spine.names.signs import LevelSigns, Sight
from spondyl.spine.types import Level

Levels = tuple[Level, ...]

_UPPER = tuple(Level(n) for n in range(Level.C1, Level.T12 + 1))
_LUMBAR = tuple(Level(n) for n in range(Level.L1, Level.L5 + 1))
_END = (Level.SACRUM, Level.SACRUM)  # the first sacral piece, and one below a rest of a disc in it
_RIBS = tuple(Level(n) for n in range(Level.T1, Level.T12 + 1))
_RIB = {Sight.SEEN: 0.93, Sight.UNCLEAR: 0.04, Sight.NONE: 0.03}
_NO_RIB = {Sight.SEEN: 0.006, Sight.UNCLEAR: 0.10, Sight.NONE: 0.894}
_SECOND_SIDE = 0.5  # weight of the second side: both fail together, or vary together
_SACRUM = {Sight.SEEN: 0.80, Sight.UNCLEAR: 0.12, Sight.NONE: 0.08}
_NO_SACRUM = {Sight.SEEN: 0.002, Sight.UNCLEAR: 0.05, Sight.NONE: 0.948}
_SECOND_SACRAL = 0.05  # share of spines with a rest of a disc in the sacrum that is taken for one
# Share of lung beside the body, seen / in part / none, where the image shows the place.
_LUNG_FROM = ((Level.T1, 0.60), (Level.T2, 0.94), (Level.T9, 0.85), (Level.T10, 0.75), (Level.T11, 0.50),
              (Level.T12, 0.20), (Level.L1, 0.08), (Level.L2, 0.02), (Level.L3, 0.005))  # fmt: skip
_LUNG_PART = 0.2
_LUNG_WEIGHT = 0.4
# Distance from disc to disc, as a mean of the distances of neighbouring body centres in the two spines of masks
# `healthy-reference-masks` and `fracture-masks-l2` of the test data; L5 as at two lumbar CTs. Only ratios are used.
SPACING_MM = {
    Level.T1: 20.0, Level.T2: 19.8, Level.T3: 20.4, Level.T4: 20.8, Level.T5: 21.9, Level.T6: 22.7, Level.T7: 22.6,
    Level.T8: 23.4, Level.T9: 24.2, Level.T10: 26.2, Level.T11: 28.7, Level.T12: 30.4, Level.T13: 30.6,
    Level.L1: 31.0, Level.L2: 31.9, Level.L3: 33.8, Level.L4: 33.0, Level.L5: 30.0, Level.L6: 28.0,
}  # fmt: skip
_CERVICAL_MM = 17.0
_SPACING_SD = 0.16  # of the logarithm, one level; degenerate discs and crushed bodies included
_SIZE_SD = 0.12  # of the logarithm, one person against another
_SPACING_MOST = 2.5  # in standard deviations: beyond, a disc is wrong rather than a name


@dataclass(frozen=True)
class Variant:
    """A make-up of the spine: its levels from the head, which of them bear ribs, and its share before a look."""

    words: str
    levels: Levels
    ribs: Levels
    before: float


VARIANTS = (
    Variant("twelve pairs of ribs and five lumbar vertebrae", (*_UPPER, *_LUMBAR, *_END), _RIBS, 0.88),
    Variant("six lumbar vertebrae", (*_UPPER, *_LUMBAR, Level.L6, *_END), _RIBS, 0.03),
    Variant("four lumbar vertebrae", (*_UPPER, *_LUMBAR[:-1], *_END), _RIBS, 0.03),
    Variant("eleven pairs of ribs that are seen", (*_UPPER, *_LUMBAR, *_END), _RIBS[:-1], 0.03),
    Variant("a thirteenth pair of ribs and four more lumbar vertebrae",
            (*_UPPER, Level.T13, *_LUMBAR[:-1], *_END), (*_RIBS, Level.T13), 0.015),
    Variant("a thirteenth pair of ribs and five lumbar vertebrae",
            (*_UPPER, Level.T13, *_LUMBAR, *_END), (*_RIBS, Level.T13), 0.015),
)  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """One way to name the pieces."""

    levels: Levels  # of each piece, from the head
    share: float  # of the belief in all readings; not a calibrated probability
    words: str  # the make-up of the spine that it rests on


def weigh_readings(
    signs: Sequence[LevelSigns], fixed: Mapping[int, Level], *, with_shapes: bool = True
) -> tuple[Reading, ...]:
    """All readings of these pieces with their shares, the likeliest first; one for each row of names.

    Parameters
    ----------
    signs
        Of each piece, from head to foot.
    fixed
        Names that a person gave to pieces; readings with other names there are left out, so there may be none.
    with_shapes
        Whether the sizes of the vertebrae count, too.
    """
    shapes = [sign.shape if with_shapes else None for sign in signs]
    weights: dict[Levels, list[tuple[float, str]]] = {}
    for variant, levels in _rows(len(signs)):
        if any(levels[i] is not level for i, level in fixed.items()):
            continue
        weight = float(np.log(variant.before)) + _belief(signs, levels, variant.ribs)
        weight += shape_belief(shapes, levels)
        weights.setdefault(levels, []).append((weight, variant.words))
    return _shared(weights)


def weigh_sizes(signs: Sequence[LevelSigns]) -> tuple[Reading, ...]:
    """All readings with the shares that the sizes of the vertebrae give them without any other sign.

    Parameters
    ----------
    signs
        Of each piece, from head to foot.
    """
    shapes = [sign.shape for sign in signs]
    weights: dict[Levels, list[tuple[float, str]]] = {}
    for variant, levels in _rows(len(signs)):
        weight = float(np.log(variant.before)) + shape_belief(shapes, levels)
        weights.setdefault(levels, []).append((weight, variant.words))
    return _shared(weights)


def _rows(count: int) -> Iterator[tuple[Variant, Levels]]:
    """Every row of names for so many pieces, in every make-up; none begins with the sacrum."""
    for variant in VARIANTS:
        for first in range(len(variant.levels) - count + 1):
            if variant.levels[first] is not Level.SACRUM:
                yield variant, variant.levels[first : first + count]


def _shared(weights: Mapping[Levels, Sequence[tuple[float, str]]]) -> tuple[Reading, ...]:
    """Readings from logarithms of weights, the likeliest first; the words are those of the weightiest make-up."""
    if not weights:
        return ()
    top = max(weight for found in weights.values() for weight, _ in found)
    shares = {levels: sum(float(np.exp(w - top)) for w, _ in found) for levels, found in weights.items()}
    whole = sum(shares.values())
    readings = [Reading(levels, share / whole, max(weights[levels])[1]) for levels, share in shares.items()]
    return tuple(sorted(readings, key=lambda reading: -reading.share))


def _belief(signs: Sequence[LevelSigns], levels: Levels, ribs: Levels) -> float:
    """Logarithm of how well the signs fit these names."""
    total = _spacing_belief(signs, levels)
    for i, (sign, level) in enumerate(zip(signs, levels, strict=True)):
        if level is Level.SACRUM:
            again = i > 0 and levels[i - 1] is Level.SACRUM
            total += float(np.log(_SECOND_SACRAL)) if again else _log(_SACRUM, sign.sacrum)
            continue
        total += _log(_NO_SACRUM, sign.sacrum)
        sides = sorted((_log(_RIB if level in ribs else _NO_RIB, seen) for seen in sign.ribs), key=abs)
        total += sides[1] + _SECOND_SIDE * sides[0]
        lung = _lung_share(level)
        for seen in sign.lungs:
            total += _LUNG_WEIGHT * _log(_lung_table(lung), seen)
    return total


def _log(table: Mapping[Sight, float], seen: Sight) -> float:
    return 0.0 if seen is Sight.NOT_SHOWN else float(np.log(table[seen]))


def _lung_table(share: float) -> dict[Sight, float]:
    rest = 1 - _LUNG_PART
    seen = share * rest
    return {Sight.SEEN: seen, Sight.UNCLEAR: _LUNG_PART, Sight.NONE: rest - seen}


def _lung_share(level: Level) -> float:
    share = 0.02  # beside the neck
    for first, value in _LUNG_FROM:
        if level.order >= first.order:
            share = value
    return share


def _spacing_belief(signs: Sequence[LevelSigns], levels: Levels) -> float:
    """How well the distances of the discs rise along the spine as they should, whatever the person's size."""
    found = [
        np.log(sign.spacing_mm / SPACING_MM.get(level, _CERVICAL_MM))
        for sign, level in zip(signs, levels, strict=True)
        if sign.spacing_mm is not None and level is not Level.SACRUM
    ]
    if not found:
        return 0.0
    size = float(np.median(found))
    off = np.clip((np.array(found) - size) / _SPACING_SD, -_SPACING_MOST, _SPACING_MOST)
    return float(-0.5 * (off**2).sum() / np.sqrt(len(found)) - 0.5 * (size / _SIZE_SD) ** 2)
