"""What the cell with a point source hides: between a needle's small ball and the pressure of a whole cell.

On a grid the pressure of a source's cell is that of the closed form at some radius [1]. For a Newtonian fluid that
radius is exact here, for boxes and for permeability that differs along the axes; thinning fluids have a smaller one.

References
----------
[1] peaceman1983: Peaceman, "Interpretation of well-block pressures in numerical reservoir simulation with nonsquare
    grid blocks and anisotropic permeability", SPE Journal 23 (1983) 531-543.
[2] carslaw1959: Carslaw, Jaeger, "Conduction of Heat in Solids", 2nd ed., section 8.2: a disc on a half space.
"""

from __future__ import annotations

from functools import lru_cache
from math import exp, pi, sqrt

import numpy as np
from scipy.integrate import quad
from scipy.special import elliprf, ive

# Radius over that of n = 1, for a power-law fluid on cubes whose speed is that of `find_speeds`. Fitted once to the
# closed form around a source in a large ball, by a trial version of this scheme. It has no scale, so it depends on n
# alone; the physics tests hold the tip's pressure that follows to 1 % of the closed form, 1.6 % at n = 0.3.
_INDICES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_RATIOS = (0.5717, 0.6822, 0.7631, 0.8270, 0.8803, 0.9255, 0.9651, 1.0)

# Radius of the mouth in a wall that cells of edge 1 resist as: for one it is 1 / 4 (0.25273 + 0.08606), with the
# resistances that the endless lattice has to a cell and to its mirror image beyond the wall. The exponent for several
# was fitted once to a disc on a half space, with 5 and 13 cells.
_ONE_CELL, _BY_CELLS = 0.738, 0.48


def source_radius(permeability: tuple[float, float, float], edges: tuple[float, float, float], index: float) -> float:
    """Radius at which the closed form has the pressure of the source's cell. [mm]

    Of a medium stretched to be isotropic: lengths along axis a times the root of (geometric mean of k) / k_a.
    Below n = 0.3 the ratio of 0.3 is taken.

    >>> round(source_radius((1.0, 1.0, 1.0), (1.0, 1.0, 1.0), 1.0), 4)
    0.3149
    """
    mean = float(np.prod(permeability)) ** (1 / 3)
    volume = float(np.prod(edges))
    links = tuple(k * volume / edge**2 for k, edge in zip(permeability, edges, strict=True))
    return float(np.interp(index, _INDICES, _RATIOS) / (4 * pi * mean * _lattice_resistance(links)))


def ball_radius(radius: float, permeability: tuple[float, float, float]) -> float:
    """Radius of the ball that resists like a needle's ball in the stretched medium, where it is an ellipsoid. [mm]"""
    mean = float(np.prod(permeability)) ** (1 / 3)
    a, b, c = (radius**2 * mean / k for k in permeability)
    return 1 / float(elliprf(a, b, c))


def mouth_resistance(radius: float, permeability: float, edges: tuple[float, float, float], cells: int) -> float:
    """What a round mouth in a wall resists beyond what the grid gives the cells that it opens into. [1/mm³]

    Of all flow and at a viscosity of 1. A round mouth of radius a in a flat wall resists 1 / 4 k a [2]; a whole face
    of a voxel in its place would resist ever more on ever finer grids. 0 where the mouth is wider than its cells: they
    cannot tell it. Permeability is the geometric mean of the axes; a fluid that thins at the mouth is not known here.
    """
    of_cells: float = float(np.prod(edges)) ** (1 / 3) * _ONE_CELL * float(cells) ** _BY_CELLS
    return max(1 / radius - 1 / of_cells, 0.0) / (4 * permeability)


@lru_cache(maxsize=256)
def _lattice_resistance(links: tuple[float, float, float]) -> float:
    """Of an endless grid from one cell to far away: the integral of exp(-2 c t) I0(2 c t) over the three axes."""
    scale = (links[0] * links[1] * links[2]) ** (1 / 3)
    ratios = [link / scale for link in links]

    def integrand(u: float) -> float:
        t = exp(u)
        return float(np.prod([ive(0, 2 * ratio * t) for ratio in ratios])) * t

    last = 14.0  # beyond it each factor is 1 / sqrt(4 pi c t) to 1e-7
    body, _ = quad(integrand, -30.0, last, limit=200)
    tail = 2 / sqrt(exp(last)) / (4 * pi) ** 1.5
    return float((body + tail) / scale)
