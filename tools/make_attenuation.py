"""Write the table of mass attenuation from which densities are calibrated.

Usage: python tools/make_attenuation.py [FILE.csv]

Elements: total attenuation of Elam, Ravel and Sieber, Radiat Phys Chem 2002;63:121-128 (public domain), from the
package xraydb. Tissues: mass fractions of ICRU report 44 (1989), as NIST tabulates them with its X-ray mass
attenuation coefficients (https://physics.nist.gov/PhysRefData/XrayMassCoef/tab2.html). Water, triglyceride (triolein)
and dipotassium phosphate: by their formulas.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import xraydb

TABLE = Path(__file__).parents[1] / "src" / "spondyl" / "evidence" / "data" / "attenuation.csv"
ENERGIES_KEV = range(30, 151)

TISSUES = {
    "air": {"C": 0.000124, "N": 0.755268, "O": 0.231781, "Ar": 0.012827},
    "adipose": {"H": 0.114, "C": 0.598, "N": 0.007, "O": 0.278, "Na": 0.001, "S": 0.001, "Cl": 0.001},
    "blood": {
        **{"H": 0.102, "C": 0.110, "N": 0.033, "O": 0.745, "Na": 0.001},
        **{"P": 0.001, "S": 0.002, "Cl": 0.003, "K": 0.002, "Fe": 0.001},
    },
    "muscle": {
        **{"H": 0.102, "C": 0.143, "N": 0.034, "O": 0.710, "Na": 0.001},
        **{"P": 0.002, "S": 0.003, "Cl": 0.001, "K": 0.004},
    },
    "cortical_bone": {
        **{"H": 0.034, "C": 0.155, "N": 0.042, "O": 0.435, "Na": 0.001},
        **{"Mg": 0.002, "P": 0.103, "S": 0.003, "Ca": 0.225},
    },
}
FORMULAS = {
    "water": {"H": 2, "O": 1},
    "triglyceride": {"C": 57, "H": 104, "O": 6},
    "k2hpo4": {"K": 2, "H": 1, "P": 1, "O": 4},
}


def compositions() -> dict[str, dict[str, float]]:
    """Mass fractions of the elements in every material, each adding up to one."""
    masses = {
        name: {element: count * float(xraydb.atomic_mass(element)) for element, count in formula.items()}
        for name, formula in FORMULAS.items()
    }
    shares = {**TISSUES, **masses}
    return {name: {e: w / sum(parts.values()) for e, w in parts.items()} for name, parts in shares.items()}


def rows(energies_kev: range = ENERGIES_KEV) -> list[dict[str, str]]:
    """One row an energy: keV, then cm²/g of each material with five significant digits."""
    electron_volts = 1000.0 * np.array(energies_kev)
    columns = {
        name: sum(weight * xraydb.mu_elam(element, electron_volts) for element, weight in parts.items())
        for name, parts in compositions().items()
    }
    return [
        {"energy_kev": str(energy), **{name: f"{values[i]:.5g}" for name, values in columns.items()}}
        for i, energy in enumerate(energies_kev)
    ]


def main(path: Path) -> None:
    table = rows()
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else TABLE)
