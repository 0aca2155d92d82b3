"""What each tissue of a virtual patient attenuates, from physics.

Small and apart from the calibration in `findings` on purpose: truth must not share code with what it tests.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spondyl.errors import InputError
from spondyl.space import Floats

_ENERGY_KEV = (40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0, 110.0, 120.0, 140.0)

# Total mass attenuation [cm²/g] at those energies: elements after Elam, Ravel and Sieber (2002), mixed by the mass
# fractions of ICRU report 44; dipotassium phosphate by its formula.
_MASS_ATTENUATION = {
    "water": (0.26828, 0.22694, 0.20587, 0.19285, 0.18366, 0.17655, 0.17073, 0.16574, 0.16135, 0.15383),
    "adipose": (0.23956, 0.21231, 0.19738, 0.18747, 0.18004, 0.17399, 0.16884, 0.16431, 0.16025, 0.15313),
    "muscle": (0.26854, 0.22626, 0.20478, 0.19157, 0.18229, 0.17515, 0.1693, 0.16432, 0.15995, 0.15246),
    "blood": (0.27149, 0.22779, 0.20568, 0.19215, 0.18268, 0.17543, 0.16951, 0.16448, 0.16007, 0.15254),
    "cortical_bone": (0.6655, 0.42422, 0.31483, 0.25705, 0.22289, 0.20083, 0.18554, 0.1743, 0.16563, 0.15293),
    "red_marrow": (0.25526, 0.21968, 0.20111, 0.18937, 0.1809, 0.17425, 0.16872, 0.16395, 0.15972, 0.15241),
    "yellow_marrow": (0.2373, 0.21123, 0.1968, 0.18716, 0.17986, 0.1739, 0.1688, 0.16431, 0.16027, 0.15319),
    "skin": (0.26175, 0.22262, 0.20253, 0.19003, 0.18115, 0.17425, 0.16856, 0.16369, 0.15939, 0.152),
    "k2hpo4": (0.93263, 0.55737, 0.38904, 0.30151, 0.25077, 0.21875, 0.19714, 0.18173, 0.17019, 0.15399),
    "air": (0.24846, 0.20796, 0.18747, 0.17497, 0.16625, 0.15956, 0.15411, 0.1495, 0.14546, 0.13858),
}

_DENSITY_G_CM3 = {
    "water": 1.0,
    "adipose": 0.95,
    "muscle": 1.05,
    "blood": 1.06,
    "cortical_bone": 1.92,
    "red_marrow": 1.03,
    "yellow_marrow": 0.98,
    "skin": 1.09,
    "k2hpo4": 2.44,
    "air": 0.0012,
}

# Effective energy of a body CT at each tube voltage: round figures for usual filters and an adult trunk.
_TUBE_VOLTAGE_KV = (80.0, 100.0, 120.0, 140.0)
_EFFECTIVE_KEV = (53.0, 61.0, 68.0, 75.0)


def effective_energy(tube_voltage_kv: float) -> float:
    """Effective energy of a body CT at a tube voltage, linear between round figures for 80-140 kV. [keV]"""
    if not _TUBE_VOLTAGE_KV[0] <= tube_voltage_kv <= _TUBE_VOLTAGE_KV[-1]:
        raise InputError(f"tube_voltage_kv is {tube_voltage_kv}; it is between 80 and 140")
    return float(np.interp(tube_voltage_kv, _TUBE_VOLTAGE_KV, _EFFECTIVE_KEV))


def linear_attenuation(tissue: str, energy_kev: float) -> float:
    """Linear attenuation of a tissue, log-log between table energies. [1/cm]"""
    if not _ENERGY_KEV[0] <= energy_kev <= _ENERGY_KEV[-1]:
        raise InputError(f"energy_kev is {energy_kev}; the attenuation table covers 40 to 140 keV")
    mass = np.exp(np.interp(np.log(energy_kev), np.log(_ENERGY_KEV), np.log(_MASS_ATTENUATION[tissue])))
    return float(mass * _DENSITY_G_CM3[tissue])


def tissue_hu(energy_kev: float) -> dict[str, float]:
    """CT numbers of the tissues of a virtual patient at an effective energy. [HU]

    Lung is muscle at a density of 0.15 g/cm³, a disc muscle at 1.10 g/cm³, the canal's content water with 2 % more
    density.
    """
    water = linear_attenuation("water", energy_kev)
    relative = {name: linear_attenuation(name, energy_kev) / water for name in _MASS_ATTENUATION}
    relative["lung"] = relative["muscle"] * 0.15 / _DENSITY_G_CM3["muscle"]
    relative["disc"] = relative["muscle"] * 1.10 / _DENSITY_G_CM3["muscle"]
    relative["canal"] = 1.02
    return {name: 1000.0 * (value - 1.0) for name, value in relative.items()}


def trabecular_hu(density_mg_cm3: ArrayLike, energy_kev: float, marrow_fat_share: float) -> NDArray[np.float32]:
    """CT number of trabecular bone: mineral (as K2HPO4) in marrow, which it displaces by its own volume. [HU]

    Marrow is yellow and red marrow, mixed by volume; `marrow_fat_share` is the yellow share.
    """
    hu = tissue_hu(energy_kev)
    marrow = marrow_fat_share * hu["yellow_marrow"] + (1 - marrow_fat_share) * hu["red_marrow"]
    share = np.asarray(density_mg_cm3, np.float32) / (1000 * _DENSITY_G_CM3["k2hpo4"])
    return np.asarray(marrow + share * (hu["k2hpo4"] - marrow), np.float32)


def trabecular_density(hu: ArrayLike, energy_kev: float, marrow_fat_share: float) -> Floats:
    """The inverse of `trabecular_hu`. [mg/cm³ K2HPO4]"""
    tissue = tissue_hu(energy_kev)
    marrow = marrow_fat_share * tissue["yellow_marrow"] + (1 - marrow_fat_share) * tissue["red_marrow"]
    share = (np.asarray(hu, np.float64) - marrow) / (tissue["k2hpo4"] - marrow)
    return np.asarray(share * 1000 * _DENSITY_G_CM3["k2hpo4"])
