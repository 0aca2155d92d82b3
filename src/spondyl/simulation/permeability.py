"""How easily fluids pass through cancellous bone, from its mineral density (handbook 1.2 and 4.2)."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.errors import InputError
from spondyl.evidence import find_parameter
from spondyl.space import Floats

Array = NDArray[Any]

REFERENCE_POROSITY = 0.90  # at which the permeability of a scenario holds: that of elderly lumbar bone (handbook 4.2)
EXPONENT = 9.0  # of porosity over the reference; a bracket, handbook 4.2: no exponent was read in a source
POROSITY_RANGE = (0.2, 0.97)  # dense shell, and bone that reads without mineral; choices
LN_SIGMA = 0.5  # of the lognormal factor, handbook 4.2 and 9
CORRELATION_MM = 3.0  # knots of that factor; a choice
LOW_M2, MIDDLE_M2 = 5e-9, 2e-8  # handbook 4.2: sources disagree by an order of magnitude

ASSUMPTIONS = (
    "permeability follows porosity to the power 9 from its value at 0.90: a bracket, no exponent was read in a source",
    "porosity follows from CT density by conversions that were not all verified; CT density is a weak predictor of "
    "permeability (baroud2004)",
)


class Scenario(StrEnum):
    """Published permeabilities of vertebrae differ by an order of magnitude; each result names its own."""

    LOW = "low"
    MIDDLE = "middle"
    HIGH = "high"

    @property
    def reference_m2(self) -> float:
        """Cranio-caudal permeability at the reference porosity. [m²]"""
        return {Scenario.LOW: LOW_M2, Scenario.MIDDLE: MIDDLE_M2, Scenario.HIGH: _figure("perm.baroud_SI")}[self]


def find_scenario(name: str) -> Scenario:
    """The scenario of this name; an `InputError` that names the known ones."""
    try:
        return Scenario(name)
    except ValueError:
        raise InputError(f"there is no scenario '{name}'; the scenarios are {', '.join(Scenario)}") from None


def porosity_of(rho: Floats) -> Floats:
    """Share of bone that marrow fills, from QCT density. [g/cm³]

    Ash density from QCT density, apparent density from ash, bone volume over total volume from that and the density of
    bone tissue: the file's conversions, of which the ratio of ash to apparent density is not verified.

    >>> round(float(porosity_of(np.array(0.1))), 3)
    0.861
    """
    ash = _figure("density.ash_from_qct_intercept") + _figure("density.ash_from_qct_slope") * np.maximum(rho, 0.0)
    bone = ash / _figure("density.ash_over_apparent") / _figure("density.bone_tissue")
    return np.asarray(np.clip(1 - bone, *POROSITY_RANGE))


def permeability_of(porosity: Floats, reference_m2: float) -> Floats:
    """Cranio-caudal permeability of bone of this porosity. [m²]"""
    return np.asarray(reference_m2 * (porosity / REFERENCE_POROSITY) ** EXPONENT)


def transverse_ratio() -> float:
    """Permeability across the cranio-caudal axis over that along it (E10, baroud2004)."""
    return _figure("perm.baroud_AP_over_SI")


def lognormal_factor(local_mm: Floats, inside: NDArray[np.bool_], generator: Generator) -> Floats:
    """A random factor of permeability, of median 1 and the same places on any grid of one vertebra.

    Parameters
    ----------
    local_mm
        Places of the voxels in the vertebra's own axes, shape (nx, ny, nz, 3). [mm]
    inside
        Voxels whose spread is made `LN_SIGMA`.
    generator
        Of its state alone, and of the vertebra's size to within the knots, the field hangs.
    """
    knots = 40  # 120 mm in each direction: more than a vertebra, so that the field does not hang on the grid
    noise = generator.standard_normal((knots, knots, knots))
    places = np.moveaxis(local_mm[inside] / CORRELATION_MM + knots / 2, -1, 0)
    values = ndimage.map_coordinates(noise, places, order=3, mode="nearest")
    factor = np.ones(inside.shape)
    factor[inside] = np.exp(LN_SIGMA * values / values.std())
    return factor


def _figure(name: str) -> float:
    value = find_parameter(name).value
    assert isinstance(value, int | float)
    return float(value)
