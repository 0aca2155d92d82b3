"""What a height would be, were the vertebra not deformed: a line through its undeformed neighbours.

Heights grow nearly in a straight line from mid-thorax to the lumbar spine, so each site's height is fitted as a line
over level among the nearest undeformed neighbours. With few neighbours the slope would be guesswork; it is held near
the growth of an intact spine. No published norms per level and sex could be read in full (evidence entry
im-heights-fractured holds diseased levels only), so none are mixed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from spondyl.findings.heights import SITES, Heights, Site
from spondyl.spine import Level

_NEIGHBOURS = 3  # fewest undeformed neighbours a reference needs
_WITHIN_LEVELS = 5.0  # neighbours further away say little of this level
# Growth of height per level, anterior / middle / posterior: least-squares slopes over T8-L4 of one intact spine of our
# test data. One spine is no norm, so the spread is wide enough to let the patient's own neighbours decide.
_SLOPE_MM = {"anterior": 0.9, "middle": 0.7, "posterior": 0.9}
_SLOPE_SD_MM = 0.5
_BETWEEN_LEVELS_SD_MM = 0.7  # of an undeformed height about its line; updated by the residuals found
_UNDEFORMED_WEDGE = 0.8  # anterior/posterior and middle/posterior of a neighbour that may serve
_OUTLIER_SD = 3.0


@dataclass(frozen=True)
class Reference:
    """Expected heights of one level with their standard deviations, and the levels they come from. [mm]"""

    heights_mm: Mapping[Site, float]
    sd_mm: Mapping[Site, float]
    neighbours: tuple[Level, ...]


def find_references(heights: Mapping[Level, Heights]) -> dict[Level, Reference | str]:
    """Reference of every level, or the reason why it has none.

    A neighbour serves when its own ratios are unremarkable and it does not fall short of the line through the others;
    the level itself never takes part in its own reference.
    """
    plain = [level for level, h in heights.items() if _is_plain(h)]
    serving = [level for level in plain if not _falls_short(level, plain, heights)]
    return {level: _reference(level, [n for n in serving if n is not level], heights) for level in heights}


def _is_plain(h: Heights) -> bool:
    return min(h.anterior_mm, h.middle_mm) >= _UNDEFORMED_WEDGE * max(h.posterior_mm, h.anterior_mm)


def _falls_short(level: Level, plain: list[Level], heights: Mapping[Level, Heights]) -> bool:
    """Whether a level is lower than the others let expect, as a body crushed evenly is."""
    reference = _reference(level, [n for n in plain if n is not level], heights)
    if isinstance(reference, str):
        return False
    short = [reference.heights_mm[s] - heights[level].at(s)[0] for s in SITES]
    return any(
        d > _OUTLIER_SD * reference.sd_mm[s] or d > 0.2 * reference.heights_mm[s]
        for d, s in zip(short, SITES, strict=True)
    )


def _reference(level: Level, neighbours: list[Level], heights: Mapping[Level, Heights]) -> Reference | str:
    near = sorted(neighbours, key=lambda n: abs(n.order - level.order))
    used = [n for n in near if abs(n.order - level.order) <= _WITHIN_LEVELS][:6]
    if len(used) < _NEIGHBOURS:
        return f"only {len(used)} undeformed neighbours within {_WITHIN_LEVELS:.0f} levels, {_NEIGHBOURS} are needed"
    steps = np.array([n.order - level.order for n in used])
    values: dict[Site, float] = {}
    spreads: dict[Site, float] = {}
    for site in SITES:
        measured = np.array([heights[n].at(site)[0] for n in used])
        errors = np.array([heights[n].at(site)[1] for n in used])
        values[site], spreads[site] = _line_at_zero(steps, measured, errors, _SLOPE_MM[site])
    return Reference(values, spreads, tuple(sorted(used, key=lambda n: n.order)))


def _line_at_zero(steps: np.ndarray, values: np.ndarray, errors: np.ndarray, slope: float) -> tuple[float, float]:
    """Value and predictive sd at step 0 of a line with a prior on its slope, outliers counted less."""
    sd = np.hypot(errors, _BETWEEN_LEVELS_SD_MM)
    weights = np.ones_like(values)
    design = np.stack([np.ones_like(steps), steps], axis=1)
    prior = np.diag([0.0, _SLOPE_SD_MM**-2])
    for _ in range(5):
        precision = (design.T * (weights / sd**2)) @ design + prior
        fit = np.linalg.solve(precision, (design.T * (weights / sd**2)) @ values + prior @ [0.0, slope])
        residual = values - design @ fit
        weights = 1 / (1 + (residual / (2 * sd)) ** 2)
    scatter = max(1.0, float(np.sqrt((weights * (residual / sd) ** 2).sum() / max(weights.sum() - 1, 1))))
    variance = np.linalg.inv(precision)[0, 0] + _BETWEEN_LEVELS_SD_MM**2
    return float(fit[0]), float(scatter * np.sqrt(variance))
