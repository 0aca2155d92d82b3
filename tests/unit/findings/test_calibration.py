"""Calibration by tissues: CT numbers made from attenuation give back their energy and density."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.evidence.attenuation import mass_attenuation
from spondyl.findings.calibration import DENSITY_G_CM3, DISPLACED_CM3_G, TissueSample, calibrate


def _hu(attenuation: float, energy_kev: float) -> float:
    return 1000 * (attenuation / float(mass_attenuation("water", energy_kev)) - 1)


def _samples(energy_kev: float, noise_hu: float = 0.0, seed: int = 0) -> dict[str, TissueSample]:
    draw = np.random.default_rng(seed).normal(0, 1, len(DENSITY_G_CM3))
    return {
        name: TissueSample(
            _hu(float(mass_attenuation(name, energy_kev)) * density, energy_kev) + noise_hu * z, 15.0, 400, noise_hu
        )
        for (name, density), z in zip(DENSITY_G_CM3.items(), draw, strict=True)
    }


def _solution_hu(density_mg_cm3: float, energy_kev: float) -> float:
    """CT number of K2HPO4 dissolved in water, which it displaces."""
    salt, water = (float(mass_attenuation(name, energy_kev)) for name in ("k2hpo4", "water"))
    grams = density_mg_cm3 / 1000
    return _hu(grams * salt + (1 - DISPLACED_CM3_G * grams) * water, energy_kev)


@pytest.mark.parametrize("energy_kev", [55.0, 68.0, 80.0])
def test_exact_tissues_give_energy_and_density(energy_kev: float) -> None:
    found = calibrate(_samples(energy_kev))
    # trial energies are 0.1 keV apart; density moves by 0.2 mg/cm3 within half a step
    assert found.energy_kev == pytest.approx(energy_kev, abs=0.051)
    assert found.has_blood
    for density in (0.0, 60.0, 110.0, 180.0):
        assert float(found.density(_solution_hu(density, energy_kev))) == pytest.approx(density, abs=0.5)


@pytest.mark.parametrize("energy_kev", [55.0, 68.0, 80.0])
def test_noise_stays_within_the_propagated_error(energy_kev: float) -> None:
    energy_z, density_z = [], []
    for seed in range(60):
        found = calibrate(_samples(energy_kev, noise_hu=12.0, seed=seed))
        energy_z.append((found.energy_kev - energy_kev) / found.energy_sd_kev)
        hu = _solution_hu(110.0, energy_kev)
        density_z.append((float(found.density(hu)) - 110.0) / found.density_sd(hu))
    for z in (np.array(energy_z), np.array(density_z)):
        # sixty draws know a standard deviation to 9 %, their mean to 0.13; four times that
        assert 0.64 < z.std() < 1.36
        assert abs(z.mean()) < 0.52


def test_the_doubt_of_the_energy_is_taken_on_both_sides() -> None:
    """Only cortex in doubt, by 300 HU: half of what lies between the energies of both ends."""
    samples = {name: replace(sample, doubt_hu=0.0) for name, sample in _samples(70.0).items()}
    cortex = samples["cortical_bone"]
    low, high = (
        calibrate({**samples, "cortical_bone": replace(cortex, mean_hu=cortex.mean_hu + sign * 300.0)}).energy_kev
        for sign in (-1, 1)
    )
    found = calibrate({**samples, "cortical_bone": replace(cortex, doubt_hu=300.0)})
    assert found.energy_sd_kev == pytest.approx((low - high) / 2)
    assert low - 70.0 > 1.2 * (70.0 - high)  # a cortex read too dark costs more than one read too bright


def test_without_blood() -> None:
    samples = _samples(68.0)
    del samples["blood"]
    assert not calibrate(samples).has_blood


@pytest.mark.parametrize("missing", ["air", "adipose", "muscle", "cortical_bone"])
def test_refuses_without_a_mandatory_tissue(missing: str) -> None:
    samples = _samples(68.0)
    del samples[missing]
    with pytest.raises(InputError, match=f"no {missing} was found"):
        calibrate(samples)


def test_refuses_tissues_that_lie_on_no_line() -> None:
    samples = _samples(68.0)
    samples["muscle"] = replace(samples["muscle"], mean_hu=400.0)
    with pytest.raises(InputError, match="do not lie on one line"):
        calibrate(samples)


def test_refuses_blurred_cortex() -> None:
    samples = _samples(68.0)
    samples["cortical_bone"] = replace(samples["cortical_bone"], mean_hu=800.0)
    with pytest.raises(InputError, match="no whole cortex"):
        calibrate(samples)
