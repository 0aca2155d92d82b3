"""From density to stiffness and strength of bone, by named law."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from spondyl.errors import InputError
from spondyl.evidence import find_parameter
from spondyl.space import Floats

RHO_LOWEST = 0.011  # below it the linear law would give a negative modulus: bone is never taken as less dense [g/cm³]
RHO_TESTED = 0.2  # spongy bone of vertebrae; what is denser (shell, sclerosis) is extrapolated [g/cm³]
POISSON = "poisson.bone"


@dataclass(frozen=True)
class BoneLaw:
    """Modulus and compressive yield stress of isotropic bone from its QCT density (K2HPO4). [MPa, g/cm³]"""

    name: str
    modulus: Callable[[Floats], Floats]
    yield_stress: Callable[[Floats], Floats]
    source: str


def find_bone_law(name: str) -> BoneLaw:
    """The law of this name; an `InputError` that names the known ones."""
    if name not in BONE_LAWS:
        raise InputError(f"there is no law of bone '{name}'; the laws are {', '.join(BONE_LAWS)}")
    return BONE_LAWS[name]


def _number(name: str) -> float:
    value = find_parameter(name).value
    assert isinstance(value, int | float)
    return float(value)


def _power(coefficient: str, exponent: str) -> Callable[[Floats], Floats]:
    return lambda rho: np.asarray(_number(coefficient) * rho ** _number(exponent))


def _line(rho: Floats) -> Floats:
    """E = -34.7 + 3230 ρ, handbook 1.3."""
    intercept, slope = _number("kopperdahl2002.E_linear_intercept"), _number("kopperdahl2002.E_linear_slope")
    return np.asarray(intercept + slope * rho)


_YIELD = _power("kopperdahl2002.sy_power_coeff", "kopperdahl2002.sy_power_exp")
BONE_LAWS = MappingProxyType(
    {
        law.name: law
        for law in (
            BoneLaw(
                "kopperdahl-power",
                _power("kopperdahl2002.E_power_coeff", "kopperdahl2002.E_power_exp"),
                _YIELD,
                "kopperdahl2002",
            ),
            BoneLaw("kopperdahl-linear", _line, _YIELD, "kopperdahl2002"),
        )
    }
)
