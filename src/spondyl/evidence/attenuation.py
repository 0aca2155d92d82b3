"""Mass attenuation of tissues by photon energy."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spondyl.errors import InputError

MATERIALS = ("air", "adipose", "blood", "muscle", "cortical_bone", "water", "triglyceride", "k2hpo4")


def mass_attenuation(material: str, energy_kev: ArrayLike) -> NDArray[np.float64]:
    """Total mass attenuation of a material, log-log between the table's steps of 1 keV. [cm²/g]

    Elements of Elam, Ravel and Sieber (2002) mixed by the mass fractions of ICRU report 44; water, triglyceride
    (triolein) and K2HPO4 by formula. The table is made by tools/make_attenuation.py.

    Parameters
    ----------
    material
        One of `MATERIALS`.
    energy_kev
        Photon energies from 30 to 150, any shape. [keV]
    """
    if material not in MATERIALS:
        raise InputError(f"there is no attenuation of '{material}'; the materials are {', '.join(MATERIALS)}")
    table, energies = _table(), np.asarray(energy_kev, np.float64)
    known = table["energy_kev"]
    if not ((energies >= known[0]) & (energies <= known[-1])).all():
        asked = f"{energies.min():g} to {energies.max():g}"
        raise InputError(f"attenuation is tabulated from {known[0]:g} to {known[-1]:g} keV, found {asked}")
    return np.asarray(np.exp(np.interp(np.log(energies), np.log(known), np.log(table[material]))))


@cache
def _table() -> Mapping[str, NDArray[np.float64]]:
    text = (files("spondyl.evidence") / "data" / "attenuation.csv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    return {name: np.array([float(row[name]) for row in rows]) for name in ("energy_kev", *MATERIALS)}
