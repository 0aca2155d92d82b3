"""Anterior, middle and posterior height of a vertebral body, by a named definition.

Published heights of one body differ by 2 mm between definitions, so a definition has a name that goes with its numbers.
All share this: heights run along the body's cranial axis between its endplate surfaces; the depth runs between the
walls over the middle third of the height, so that osteophytes at the rims neither lengthen nor shift the bands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from spondyl.errors import InputError
from spondyl.space import Floats, HeightMap
from spondyl.spine import Vertebra

Site = Literal["anterior", "middle", "posterior"]
SITES: tuple[Site, ...] = ("anterior", "middle", "posterior")

_DEFINITION_SD_MM = 0.15  # from axes and walls: half a degree and half a millimetre on cupped endplates
_COVER = 0.8  # share of a band that must have both endplates


@dataclass(frozen=True)
class HeightDefinition:
    """Where in the body a height is taken; fractions of the depth, counted from the anterior wall."""

    name: str
    half_slab_mm: float  # either side of the midsagittal plane
    anterior: tuple[float, float]
    middle: tuple[float, float]
    posterior: tuple[float, float]
    statistic: Literal["mean", "median"] = "mean"

    def band(self, site: Site) -> tuple[float, float]:
        """First and last fraction of the depth of one site."""
        bands: dict[Site, tuple[float, float]] = {
            "anterior": self.anterior, "middle": self.middle, "posterior": self.posterior,
        }  # fmt: skip
        return bands[site]


DEFAULT_DEFINITION = HeightDefinition("slab_12mm_mean", 6.0, (0.05, 0.20), (0.40, 0.60), (0.80, 0.95))

DEFINITIONS: Mapping[str, HeightDefinition] = {
    d.name: d
    for d in (
        DEFAULT_DEFINITION,
        HeightDefinition("slab_12mm_median", 6.0, (0.05, 0.20), (0.40, 0.60), (0.80, 0.95), "median"),
        HeightDefinition("slab_12mm_wide_bands", 6.0, (0.05, 0.25), (0.38, 0.62), (0.75, 0.95)),
        HeightDefinition("midline_15_50_85", 1.0, (0.14, 0.16), (0.49, 0.51), (0.84, 0.86)),
        HeightDefinition("midline_walls", 1.0, (0.00, 0.04), (0.48, 0.52), (0.96, 1.00)),
    )
}


@dataclass(frozen=True)
class Heights:
    """Heights of one body with their standard deviations. [mm]"""

    anterior_mm: float
    middle_mm: float
    posterior_mm: float
    anterior_sd_mm: float
    middle_sd_mm: float
    posterior_sd_mm: float
    depth_mm: float
    definition: str

    def at(self, site: Site) -> tuple[float, float]:
        """Height and standard deviation at one site. [mm]"""
        return float(getattr(self, f"{site}_mm")), float(getattr(self, f"{site}_sd_mm"))


def find_definition(name: str) -> HeightDefinition:
    """The height definition of a name."""
    if name not in DEFINITIONS:
        raise InputError(f"'{name}' is not a height definition; there are {', '.join(DEFINITIONS)}")
    return DEFINITIONS[name]


def measure_heights(vertebra: Vertebra, definition: HeightDefinition = DEFAULT_DEFINITION) -> Heights | str:
    """Heights of a body, or the reason why it has none.

    The standard deviation joins both endplates' doubt (`HeightMap.sd_mm`) with that of axes and bands.
    """
    if vertebra.is_cut:
        return f"{vertebra.cut_words}: not measured as a whole"
    superior, inferior = vertebra.superior, vertebra.inferior
    if superior is None or inferior is None:
        return "endplates not found: " + ("; ".join(vertebra.remarks) or "no body mask")
    walls = find_walls(vertebra, definition.half_slab_mm)
    if walls is None:
        return "anterior or posterior wall not found, so that bands of the depth cannot be placed"
    front, back = walls
    values: list[float] = []
    for site in SITES:
        height = _band_height(superior, inferior, front, front - back, definition, site)
        if height is None:
            return f"the endplates do not reach over the {site} band"
        values.append(height)
    sd = float(np.sqrt(superior.sd_mm**2 + inferior.sd_mm**2 + _DEFINITION_SD_MM**2))
    return Heights(values[0], values[1], values[2], sd, sd, sd, front - back, definition.name)


def find_walls(vertebra: Vertebra, half_slab_mm: float = 6.0) -> tuple[float, float] | None:
    """Anterior and posterior wall on the anterior axis: mean over the middle third of the height in the slab. [mm]"""
    superior, inferior = vertebra.superior, vertebra.inferior
    if superior is None or inferior is None or vertebra.anterior is None or vertebra.posterior is None:
        return None
    top, bottom = (float(np.nanmedian(plate.height_mm)) for plate in (superior, inferior))
    third = (top - bottom) / 3
    means = [
        _wall_mean(wall, bottom + third, top - third, half_slab_mm) for wall in (vertebra.anterior, vertebra.posterior)
    ]
    if not np.isfinite(means).all() or means[0] - means[1] < 5:
        return None
    return means[0], means[1]


def band_grid(front: float, depth: float, definition: HeightDefinition, site: Site) -> tuple[Floats, Floats]:
    """Anterior and left coordinates of a band's sampling points, both shape (9, 13). [mm]"""
    first, last = definition.band(site)
    anterior = front - np.linspace(first, last, 9) * depth
    left = np.linspace(-definition.half_slab_mm, definition.half_slab_mm, 13)
    a, across = np.meshgrid(anterior, left, indexing="ij")
    return a, across


def _wall_mean(wall: HeightMap, low: float, high: float, half_slab: float) -> float:
    rows = (wall.u_mm >= low) & (wall.u_mm <= high)
    rows = rows if rows.any() else np.abs(wall.u_mm - (low + high) / 2) <= 1.0
    columns = np.abs(wall.v_mm) <= max(half_slab, 2.0)
    values = wall.height_mm[np.ix_(rows, columns)]
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def _band_height(
    superior: HeightMap, inferior: HeightMap, front: float, depth: float, definition: HeightDefinition, site: Site
) -> float | None:
    a, left = band_grid(front, depth, definition, site)
    gap = superior.at(a, left) - inferior.at(a, left)
    if np.isfinite(gap).mean() < _COVER:
        return None
    return float(np.nanmean(gap) if definition.statistic == "mean" else np.nanmedian(gap))
