"""The bodies as shapes in the straightened image: a common wall, cut by the end plates of each disc."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from spondyl.space import Floats
from spondyl.spine.segmenters.column import Column
from spondyl.spine.segmenters.end_plates import DiscPlates
from spondyl.spine.segmenters.walls import TubeWall

_CORE_MM = 9.0  # from the midline: rims and pedicles do not count
_CORE_DEPTH = (0.2, 0.8)  # of the way from the posterior to the anterior wall
_PEDICLE_MM = 1.5  # within the canal's widest reach: pedicles begin there
_NEAR = 30.0  # stations: no end plate reaches further from its disc's middle


@dataclass(frozen=True, eq=False)
class Bodies:
    """Intervals between discs from foot to head: 0 lies below the first disc, n above the last."""

    wall: TubeWall
    canal: TubeWall
    plates: tuple[DiscPlates, ...]
    ends: tuple[float, float]  # stations at which the first and the last interval end

    def interval(self, left: Floats, back: Floats, station: Floats) -> NDArray[np.int16]:
        """Interval in whose body each place lies, shape of `left`; -1: in none."""
        out = np.full(left.shape, -1, np.int16)
        inside = self.wall.encloses(left, back, station)
        inside &= (station >= self.ends[0]) & (station <= self.ends[1])
        if not inside.any():
            return out
        u, v, s = left[inside], back[inside], station[inside]
        number, free = np.zeros(len(s), np.int16), np.ones(len(s), bool)
        for n, (disc, middle) in enumerate(zip(self.plates, self.middles, strict=True)):
            above = s > middle + _NEAR
            near = np.abs(s - middle) <= _NEAR
            if near.any():
                low, high = disc.at(disc.lower, u[near], v[near]), disc.at(disc.upper, u[near], v[near])
                free[near] &= (s[near] <= low) | (s[near] >= high)
                above[near] = s[near] >= 0.5 * (low + high)
            number[above] = n + 1
        out[inside] = np.where(free, number, -1)
        return out

    def is_canal(self, left: Floats, back: Floats, station: Floats) -> NDArray[np.bool_]:
        """Whether each place lies in the canal, between the ends."""
        inside = self.canal.encloses(left, back, station)
        return np.asarray(inside & (station >= self.ends[0]) & (station <= self.ends[1]))

    def is_before_canal(self, left: Floats, back: Floats, station: Floats) -> NDArray[np.bool_]:
        """Whether each place lies in the common wall, or within the canal's width in front of its middle."""
        stations = np.arange(len(self.canal.centre_mm))
        half = np.interp(station, stations, self.canal.half_width()) - _PEDICLE_MM
        between = (np.abs(left) < half) & (back < np.interp(station, stations, self.canal.centre_mm))
        return np.asarray(between | self.wall.encloses(left, back, station))

    def heights(self, column: Column) -> Floats:
        """Median distance of the end plates of each body between two discs, along the canal, near its middle. [mm]"""
        found = []
        for below, above in pairwise(self.plates):
            station = round(0.5 * float(np.median(below.upper) + np.median(above.lower)))
            station = int(np.clip(station, 0, len(column.wall_mm) - 1))
            back = column.wall_mm[station] - np.linspace(*_CORE_DEPTH, 7) * column.depth_mm[station]
            places = np.meshgrid(np.linspace(-_CORE_MM, _CORE_MM, 7), back, indexing="ij")
            found.append(float(np.median(above.at(above.lower, *places) - below.at(below.upper, *places))))
        return np.array(found)

    def depth_ratios(self, column: Column) -> Floats:
        """Of each body between two discs, the wall's depth on the midline over that of the column."""
        across = self.wall.radius_mm[0] + self.wall.radius_mm[len(self.wall.radius_mm) // 2]
        found = []
        for low, high in pairwise(self.middles):
            third = slice(round(low + (high - low) / 3), round(high - (high - low) / 3) + 1)
            found.append(float(across[third].mean() / column.depth_mm[third].mean()))
        return np.array(found)

    @cached_property
    def middles(self) -> Floats:
        """Station of each disc's middle."""
        return np.array([0.5 * (np.median(disc.lower) + np.median(disc.upper)) for disc in self.plates])
