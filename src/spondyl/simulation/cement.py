"""Cement as it flows: a power law whose consistency rises with the cement's own age, and its way through a cannula."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, isfinite, log, pi, sqrt
from types import MappingProxyType

import numpy as np

from spondyl.errors import InputError
from spondyl.evidence import find_parameter
from spondyl.space import Floats

GAS_CONSTANT = 8.314462618  # [J/(mol K)]
ZERO_CELSIUS = 273.15  # [K]
BODY_C = 37.0
ROOM_C = 20.0  # of a theatre; a choice, the files give none
REFERENCE_C = 25.0  # at which the cure times of nicholas2007 were measured


@dataclass(frozen=True)
class Cement:
    """A cement whose stress is K(age) times the shear rate to the power n (handbook 3.3).

    K goes from knot to knot along straight lines in its logarithm, on from the last along the last line, and ends at
    the plateau of cured cement. Ages count from mixing at `REFERENCE_C`; at another temperature the clock runs by
    Arrhenius' law. One n holds at all ages.
    """

    name: str
    index: float  # n, 1: Newtonian
    ages_s: tuple[float, ...]  # rising, from mixing
    consistencies_pa_s_n: tuple[float, ...]  # K at those ages
    plateau_pa_s_n: float  # K does not rise above it
    activation_j_per_mol: float
    sources: tuple[str, ...]
    assumptions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0.1 <= self.index <= 1:
            raise InputError(f"cement {self.name}: its index n is {self.index}; from 0.1 to 1 is expected")
        ages, values = np.array(self.ages_s), np.array(self.consistencies_pa_s_n)
        if not len(ages) == len(values) >= 1:
            raise InputError(f"cement {self.name}: {len(ages)} ages and {len(values)} consistencies; as many of each")
        if not (np.isfinite(ages).all() and (ages >= 0).all() and (np.diff(ages) > 0).all()):
            raise InputError(f"cement {self.name}: its ages {self.ages_s} s do not rise from 0 or later: sort them")
        if not (np.isfinite(values).all() and (values > 0).all()):
            raise InputError(f"cement {self.name}: a consistency is not above 0 Pa s^n: {self.consistencies_pa_s_n}")
        if not self.plateau_pa_s_n >= values.max():
            raise InputError(f"cement {self.name}: the plateau {self.plateau_pa_s_n} Pa s^n lies below its values")
        if not (isfinite(self.activation_j_per_mol) and self.activation_j_per_mol >= 0):
            raise InputError(f"cement {self.name}: activation energy {self.activation_j_per_mol} J/mol; 0 or more")

    def consistency(self, age_s: Floats | float) -> Floats:
        """K at ages on the clock of the reference temperature. [Pa s^n]"""
        ages, logs = np.array(self.ages_s), np.log(self.consistencies_pa_s_n)
        beyond = np.maximum(np.asarray(age_s, float) - ages[-1], 0.0)
        found = np.interp(age_s, ages, logs) + self._last_slope * beyond
        return np.asarray(np.exp(np.minimum(found, log(self.plateau_pa_s_n))))

    def clock_rate(self, temperature_c: float) -> float:
        """How much faster the cement ages than at the reference temperature."""
        kelvin, reference = temperature_c + ZERO_CELSIUS, REFERENCE_C + ZERO_CELSIUS
        return exp(self.activation_j_per_mol / GAS_CONSTANT * (1 / reference - 1 / kelvin))

    @property
    def fastest_rise(self) -> float:
        """Largest relative rise of K in a second of the reference clock. [1/s]"""
        if len(self.ages_s) == 1:
            return 0.0
        return float(np.max(np.diff(np.log(self.consistencies_pa_s_n)) / np.diff(self.ages_s)).clip(0.0))

    @property
    def _last_slope(self) -> float:
        if len(self.ages_s) == 1:
            return 0.0
        (a, b), (low, high) = self.ages_s[-2:], self.consistencies_pa_s_n[-2:]
        return max(log(high / low) / (b - a), 0.0)


def newtonian(viscosity_pa_s: float) -> Cement:
    """A fluid of one viscosity that never cures: for closed forms and silicone oil."""
    return power_law(viscosity_pa_s, 1.0)


def power_law(consistency_pa_s_n: float, index: float) -> Cement:
    """A power-law fluid that never cures."""
    return Cement("a fluid that does not cure", index, (0.0,), (consistency_pa_s_n,), inf, 0.0, ("textbook",))


def find_cement(name: str) -> Cement:
    """The generic cement of this name; brands come from the user's own table.

    No consistency of a cement for vertebrae was read in a source, so these span the handbook's bracket of 50 to 2000:
    its ends and their geometric mean, at mixing. Each reaches the plateau of cured cement when a published cement
    hardened in the warm, 11 min at 37 C.
    """
    if name not in CEMENT_NAMES:
        raise InputError(
            f"there is no cement '{name}'; the generic ones are {', '.join(CEMENT_NAMES)}, "
            "and a brand's curve is read from a table (.csv)"
        )
    window, index = find_parameter("cement.viscosity_injection_window"), find_parameter("cement.power_index_n")
    assert window.low and window.high and index.low and index.high
    start = {"low": window.low, "medium": sqrt(window.low * window.high), "high": window.high}[CEMENT_NAMES[name]]
    plateau = _number("cement.final_viscosity")
    hardens = _number("cement.hardening_after_37C") * 60 / _number("cement.cure_time_ratio_37C_over_25C")
    return Cement(
        name=name,
        index=(index.low + index.high) / 2,
        ages_s=(0.0, hardens),
        consistencies_pa_s_n=(start, plateau),
        plateau_pa_s_n=plateau,
        activation_j_per_mol=activation_energy(),
        sources=("lewis2011", "nicholas2007", "mediumvisc2011"),
        assumptions=(
            *(note for parameter in (window, index) if (note := parameter.assumption)),
            "the cement is a generic bracket, no brand's curve: use a table of the maker or of a rheometer",
            "consistency rises by an even factor a second from mixing to the plateau of joint cements, 75 000 Pa s",
        ),
    )


def activation_energy() -> float:
    """From the published halving of the cure time between 25 and 37 C, as Arrhenius' law has it. [J/mol]"""
    warm, cool = BODY_C + ZERO_CELSIUS, REFERENCE_C + ZERO_CELSIUS
    return -GAS_CONSTANT * log(_number("cement.cure_time_ratio_37C_over_25C")) / (1 / cool - 1 / warm)


def porous_coefficient(consistency: Floats | float, index: float, permeability: Floats, porosity: Floats) -> Floats:
    """The coefficient m of a power-law fluid in a porous medium: q^n = k/m |grad p| (Christopher and Middleman).

    Parameters
    ----------
    consistency
        K. [MPa s^n]
    permeability, porosity
        Of the medium. [mm²], [1]

    Returns
    -------
    m, for n = 1 the viscosity itself. [MPa s^n mm^(1-n)]

    References
    ----------
    christopher1965, as in handbook 4.1.
    """
    n = index
    return np.asarray(consistency / 12 * (9 + 3 / n) ** n * (150 * permeability * porosity) ** ((1 - n) / 2))


def cannula_pressure_drop(consistency: float, index: float, length: float, bore: float, flow: float) -> float:
    """Pressure to drive a power-law fluid through a cannula at a steady rate.

    Laminar flow in a round tube without slip at the wall; slip, known of cements, would lower it. For n = 1 it is the
    law of Hagen and Poiseuille (handbook 4.3).

    Parameters
    ----------
    consistency, index
        K and n. [MPa s^n], [1]
    length, bore
        Length and inner diameter. [mm]
    flow
        [mm³/s]

    Returns
    -------
    Pressure difference. [MPa]

    >>> round(cannula_pressure_drop(100e-6, 1.0, length=120.0, bore=2.7, flow=66.667), 4)
    0.6133
    """
    radius, n = bore / 2, index
    return float(2 * consistency * length / radius * ((3 * n + 1) * flow / (n * pi * radius**3)) ** n)


def radial_pressure_drop(
    coefficient: float, index: float, permeability: float, flow: float, r0: float, r: float
) -> float:
    """Pressure between two spheres around a point source of a power-law fluid (handbook 8); negative for r < r0.

    Parameters
    ----------
    coefficient
        m of `porous_coefficient`. [MPa s^n mm^(1-n)]
    permeability
        [mm²]
    flow
        [mm³/s]
    r0, r
        Radii. [mm]
    """
    n = index
    scale = float(coefficient / permeability * (flow / (4 * pi)) ** n)
    if abs(2 * n - 1) < 1e-9:
        return scale * log(r / r0)
    return float(scale * (r0 ** (1 - 2 * n) - r ** (1 - 2 * n)) / (2 * n - 1))


def _number(name: str) -> float:
    value = find_parameter(name).value
    assert isinstance(value, int | float)
    return float(value)


CEMENT_NAMES = MappingProxyType({f"generic-{grade}": grade for grade in ("low", "medium", "high")})
