"""Ways out of a bone for marrow and cement: veins, cracks, open defects."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite, pi

import numpy as np

from spondyl.errors import InputError
from spondyl.space import Floats


@dataclass(frozen=True)
class Outlet:
    """One way out, from the bone to a place of given pressure.

    With a length it is full of marrow at first and carries a front of its own; all its length is of one width. With an
    area it is a slit between walls, without one a round tube. Without a length what resists is the conductance alone,
    at the viscosity of what is at its mouth.
    """

    name: str
    conductance_mm3: float  # flow x viscosity / pressure difference, of shape alone; inf: wide open
    length_mm: float = 0.0
    area_mm2: float | None = None  # across the flow; None: that of a round tube of this conductance and length
    pressure_kpa: float = 0.0  # at its far end, above that of the marrow at rest
    takes_cement: bool = True

    def __post_init__(self) -> None:
        if not self.conductance_mm3 > 0:
            raise InputError(
                f"outlet {self.name}: conductance {self.conductance_mm3} mm³; a number above 0 is expected"
            )
        if not (isfinite(self.length_mm) and self.length_mm >= 0 and isfinite(self.pressure_kpa)):
            raise InputError(
                f"outlet {self.name}: length {self.length_mm} mm, pressure {self.pressure_kpa} kPa; see both"
            )
        if self.length_mm > 0 and not isfinite(self.conductance_mm3):
            raise InputError(f"outlet {self.name}: with a length of {self.length_mm} mm it needs a conductance")
        if self.area_mm2 is not None and not (isfinite(self.area_mm2) and self.area_mm2 > 0):
            raise InputError(f"outlet {self.name}: area {self.area_mm2} mm²; a number above 0 is expected, or none")

    @property
    def volume_mm3(self) -> float:
        """Of the way itself, 0 without a length."""
        if self.length_mm == 0:
            return 0.0
        return self.length_mm * (self.area_mm2 or pi * self._radius**2)

    @property
    def radius_mm(self) -> float | None:
        """Of a round tube; None for a slit and where nothing but a conductance is given."""
        return self._radius if self.length_mm > 0 and self.area_mm2 is None else None

    def apparent_viscosity(self, consistency: Floats, index: float, speed: Floats) -> Floats:
        """The viscosity at which a Newtonian fluid would resist as the power-law fluid does at a mean speed.

        Laminar between parallel walls or in a tube, without slip. [MPa s from MPa s^n and mm/s]
        """
        n = index
        if self.area_mm2 is None:
            width, rate, share = self._radius, (3 * n + 1) / n, 4.0
        else:
            width, rate, share = self._aperture, 2 * (2 * n + 1) / n, 6.0
        return np.asarray(consistency * width / share * (rate * speed / width) ** n / speed)

    @property
    def _radius(self) -> float:
        return float((8 * self.conductance_mm3 * self.length_mm / pi) ** 0.25)

    @property
    def _aperture(self) -> float:
        assert self.area_mm2 is not None
        return float((12 * self.conductance_mm3 * self.length_mm / self.area_mm2) ** 0.5)


def tube(name: str, *, radius_mm: float, length_mm: float, pressure_kpa: float = 0.0) -> Outlet:
    """A round vein: conductance pi r⁴ / 8 L (handbook 4.4)."""
    _check_sizes(name, radius_mm, length_mm)
    return Outlet(name, pi * radius_mm**4 / (8 * length_mm), length_mm, None, pressure_kpa)


def slit(name: str, *, aperture_mm: float, breadth_mm: float, length_mm: float, pressure_kpa: float = 0.0) -> Outlet:
    """A crack between parallel walls: conductance b w³ / 12 L (handbook 4.4)."""
    _check_sizes(name, aperture_mm, breadth_mm, length_mm)
    conductance = breadth_mm * aperture_mm**3 / (12 * length_mm)
    return Outlet(name, conductance, length_mm, aperture_mm * breadth_mm, pressure_kpa)


# Where nobody names an outlet, marrow still has to go somewhere.
OPEN_WALL = Outlet("wall, for marrow alone", inf, takes_cement=False)


def _check_sizes(name: str, *sizes: float) -> None:
    if not all(isfinite(size) and size > 0 for size in sizes):
        raise InputError(f"outlet {name}: sizes {sizes} mm; numbers above 0 are expected")
