"""From CT numbers to mineral density by the attenuation of the patient's own tissues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from spondyl.errors import InputError
from spondyl.evidence.attenuation import mass_attenuation
from spondyl.space import Floats

# Densities of ICRU report 44, of the compositions in the attenuation table. [g/cm³]
DENSITY_G_CM3 = {"air": 0.001205, "adipose": 0.95, "blood": 1.06, "muscle": 1.05, "cortical_bone": 1.92}
MANDATORY = ("air", "adipose", "muscle", "cortical_bone")
LOWEST_R2 = 0.99  # physics handbook 1.1
# Effective energies of body CT at 80 to 140 kV lie between some 50 and 80 keV; a fit that ends outside this wider
# window has measured something else than cortical bone.
ENERGY_WINDOW_KEV = (45.0, 95.0)
# Water that a gram of dissolved K2HPO4 displaces, as phantoms made of such solutions count it (guide of a K2HPO4
# phantom, quoted at ogo.readthedocs.io, mindways_calibration). [cm³/g]
DISPLACED_CM3_G = 0.2174
_ENERGIES_KEV = np.linspace(35.0, 150.0, 1151)


@dataclass(frozen=True)
class TissueSample:
    """CT numbers of one tissue."""

    mean_hu: float
    sd_hu: float  # of the voxels as they are
    voxels: int
    doubt_hu: float  # one standard deviation of the mean: its noise, and how far it may be another tissue
    seen_hu: float | None = None  # mean of the voxels where `mean_hu` was raised by what blur took; None: it was not


@dataclass(frozen=True)
class Calibration:
    """The line from CT numbers to linear attenuation, and the energy at which it was read."""

    energy_kev: float
    energy_sd_kev: float
    slope_per_cm_hu: float  # [1/cm/HU]
    intercept_per_cm: float  # [1/cm]
    r2: float
    tissues: Mapping[str, TissueSample]

    @property
    def has_blood(self) -> bool:
        """Whether blood took part: grade 2; without it, grade 3."""
        return "blood" in self.tissues

    def density(self, hu: ArrayLike) -> Floats:
        """K2HPO4 in water that has the same CT number, as calibration phantoms count it, same shape. [mg/cm³]

        Fat in the marrow lowers it below the mineral that is there, as in all single-energy QCT.
        """
        attenuation = self.intercept_per_cm + self.slope_per_cm_hu * np.asarray(hu, np.float64)
        water, salt = (float(mass_attenuation(name, self.energy_kev)) for name in ("water", "k2hpo4"))
        return np.asarray(1000 * (attenuation - water) / (salt - DISPLACED_CM3_G * water))

    def density_sd(self, hu: float) -> float:
        """One standard deviation of `density` at a CT number from the samples' doubts, to first order. [mg/cm³]"""
        return _spread([[float(c.density(hu)) for c in pair] for pair in _disturbed(self.tissues)])


def calibrate(tissues: Mapping[str, TissueSample]) -> Calibration:
    """Effective energy and line of a scan from the CT numbers of known tissues.

    CT numbers are linear in the linear attenuation coefficient at the effective energy. Trial energies take each
    tissue's coefficient (mass attenuation times density) and the one of highest R² is kept. The published route [1]
    fits mass attenuation and density each by a line of its own; on tissues simulated at 68 keV that finds 91 keV and
    half to three quarters of the mineral, since neither is linear in HU. Their product is, so the energy here is the
    true one.

    Air, adipose tissue, muscle and cortical bone are mandatory: grade 3. With blood the grade is 2. Cortical bone
    alone tells one energy from another; blood and muscle, which attenuate nearly alike, check each other. Blur takes a
    tenth of the contrast of the brightest cortex at 1 mm and a third in slices of 5 mm. What is given here for cortical
    bone is to be raised by that before (`find_tissues`); taken as it is seen, it reads energies 3 to 50 keV and
    densities up to half too high.

    Raises
    ------
    InputError
        If a mandatory tissue is missing, R² is below 0.99, or the energy is none of a body CT.

    References
    ----------
    [1] michalski2020: Michalski et al., CT-based internal density calibration. Med Eng Phys 2020;78:55-63.
    """
    missing = [name for name in MANDATORY if name not in tissues]
    if missing:
        coarse = "; blurred or coarse voxels hold no whole cortex" if "cortical_bone" in missing else ""
        raise InputError(
            f"no {' and no '.join(missing)} was found in the image, which calibration by tissues needs{coarse}"
        )
    found = _fit(tissues)
    if found.r2 < LOWEST_R2:
        raise InputError(f"the tissues do not lie on one line: R² is {found.r2:.4f}, at least {LOWEST_R2} is expected")
    low, high = ENERGY_WINDOW_KEV
    if not low <= found.energy_kev <= high:
        raise InputError(
            f"the tissues fit an energy of {found.energy_kev:.0f} keV, which no body CT has ({low:g} to {high:g}): "
            "the brightest bone here is probably no whole cortex but blurred with its surroundings"
        )
    return replace(found, energy_sd_kev=_spread([[c.energy_kev for c in pair] for pair in _disturbed(tissues)]))


def _disturbed(tissues: Mapping[str, TissueSample]) -> list[list[Calibration]]:
    """Fits with the mean of one tissue at a time moved down and up by its doubt."""
    return [
        [_fit({**tissues, name: replace(sample, mean_hu=sample.mean_hu + sign * sample.doubt_hu)}) for sign in (-1, 1)]
        for name, sample in tissues.items()
    ]


def _spread(pairs: list[list[float]]) -> float:
    """One standard deviation from what is found with each tissue moved down and up."""
    return float(np.sqrt(np.sum([((high - low) / 2) ** 2 for low, high in pairs])))


def _fit(tissues: Mapping[str, TissueSample]) -> Calibration:
    """The energy of highest R² and its least-squares line."""
    hu = np.array([sample.mean_hu for sample in tissues.values()])
    table = np.array([mass_attenuation(name, _ENERGIES_KEV) * DENSITY_G_CM3[name] for name in tissues])
    from_mean, apart = hu - hu.mean(), table - table.mean(axis=0)
    slopes = from_mean @ apart / (from_mean @ from_mean)
    r2 = slopes**2 * (from_mean @ from_mean) / (apart**2).sum(axis=0)
    best = int(np.argmax(r2))
    intercept = float(table[:, best].mean() - slopes[best] * hu.mean())
    return Calibration(float(_ENERGIES_KEV[best]), 0.0, float(slopes[best]), intercept, float(r2[best]), dict(tissues))
