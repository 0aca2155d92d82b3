"""From density to stiffness and strength of bone, by named law."""

from __future__ import annotations

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
    """Modulus and compressive yield stress of isotropic bone from its QCT density (handbook 1.3). [MPa, g/cm³]"""

    name: str
    is_line: bool  # of the modulus: a line in density, else a power
    source: str

    def modulus(self, rho: Floats) -> Floats:
        """E = -34.7 + 3230 ρ, or 2980 ρ^1.05."""
        if self.is_line:
            return np.asarray(_number("E_linear_intercept") + _number("E_linear_slope") * rho)
        return np.asarray(_number("E_power_coeff") * rho ** _number("E_power_exp"))

    def yield_stress(self, rho: Floats) -> Floats:
        """σ = 37.4 ρ^1.39."""
        return np.asarray(_number("sy_power_coeff") * rho ** _number("sy_power_exp"))


def find_bone_law(name: str) -> BoneLaw:
    """The law of this name; an `InputError` that names the known ones."""
    if name not in BONE_LAWS:
        raise InputError(f"there is no law of bone '{name}'; the laws are {', '.join(BONE_LAWS)}")
    return BONE_LAWS[name]


def _number(name: str) -> float:
    value = find_parameter(f"kopperdahl2002.{name}").value
    assert isinstance(value, int | float)
    return float(value)


_LAWS = (BoneLaw("kopperdahl-power", False, "kopperdahl2002"), BoneLaw("kopperdahl-linear", True, "kopperdahl2002"))
BONE_LAWS = MappingProxyType({law.name: law for law in _LAWS})
