"""The law at a point, against closed forms of one-dimensional plasticity and against differences of itself."""

import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.numerics.plasticity import (
    CRUSHABLE,
    VON_MISES,
    Update,
    YieldLaw,
    recover_damage,
    tangent_matrix,
    update_stress,
)

MODULUS, POISSON, YIELD = 300.0, 0.3, 1.5
BULK, SHEAR = MODULUS / (3 * (1 - 2 * POISSON)), MODULUS / (2 * (1 + POISSON))
DAMAGING = YieldLaw(2.0, 0.8, damage_limit=0.6, damage_strain=0.02, residual_strength=0.8, hardening=4.0)
LAWS = pytest.mark.parametrize("law", [VON_MISES, CRUSHABLE, DAMAGING], ids=["von Mises", "crushable", "damaging"])


def step(strain: np.ndarray, law: YieldLaw, before: Update | None = None) -> Update:
    points = len(strain)
    filled = np.full(points, 1.0)
    return update_stress(
        strain,
        np.zeros((points, 6)) if before is None else before.plastic_strain,
        np.zeros(points) if before is None else before.accumulated,
        bulk=BULK * filled,
        shear=SHEAR * filled,
        yield_stress=YIELD * filled,
        law=law,
    )


def uniaxial(axial: float, law: YieldLaw, before: Update | None = None) -> tuple[Update, float]:
    """Stress with free sides, found by bisection of the lateral strain; the axial stress beside it."""
    low, high = -2 * abs(axial) - 0.01, 2 * abs(axial) + 0.01
    for _ in range(80):
        lateral = (low + high) / 2
        update = step(np.array([[lateral, lateral, axial, 0, 0, 0]]), law, before)
        low, high = (lateral, high) if update.stress[0, 0] < 0 else (low, lateral)
    return update, float(update.stress[0, 2])


@LAWS
def test_below_the_yield_stress_it_is_hookes_law(law: YieldLaw) -> None:
    for axial in (-0.9 * YIELD / MODULUS, 0.75 * YIELD / MODULUS):
        update, stress = uniaxial(axial, law)
        assert stress == pytest.approx(MODULUS * axial, rel=1e-12)
        assert update.accumulated[0] == 0
        assert not update.flow.any()


def test_von_mises_yields_alike_in_compression_and_tension() -> None:
    assert uniaxial(-0.01, VON_MISES)[1] == pytest.approx(-YIELD, rel=1e-9)
    assert uniaxial(0.01, VON_MISES)[1] == pytest.approx(YIELD, rel=1e-9)


def test_a_crushable_solid_yields_at_less_in_tension() -> None:
    assert uniaxial(-0.01, CRUSHABLE)[1] == pytest.approx(-YIELD, rel=1e-9)
    assert uniaxial(0.01, CRUSHABLE)[1] == pytest.approx(0.8 * YIELD, rel=1e-9)


def test_a_crushable_solid_yields_when_squeezed_from_all_sides_and_von_mises_never() -> None:
    """Q on the hydrostatic axis: α (p - p0) = B; by hand p = p0 - B / α = -0.66 yield stresses."""
    squeezed = np.array([[-0.02, -0.02, -0.02, 0, 0, 0]])
    p0 = -1.5 * 0.2 * (1 / 4 + 1 / 9)
    expected = (p0 - np.hypot(1.0, 2 * (1 / 3 + p0)) / 2) * YIELD
    assert expected / YIELD == pytest.approx(-0.66, abs=0.005)
    assert step(squeezed, CRUSHABLE).stress[0, :3] == pytest.approx([expected] * 3, rel=1e-9)
    assert step(squeezed, VON_MISES).stress[0, 0] == pytest.approx(3 * BULK * -0.02, rel=1e-12)


def test_hardening_follows_the_closed_form() -> None:
    """Uniaxial: σ = Y (1 + H κ) and κ = ε - σ / E give σ = Y (1 + H ε) / (1 + H Y / E); one step ends on it exactly."""
    law, strain = YieldLaw(hardening=4.0), 0.02
    update, stress = uniaxial(-strain, law)
    expected = YIELD * (1 + 4 * strain) / (1 + 4 * YIELD / MODULUS)
    assert stress == pytest.approx(-expected, rel=1e-9)
    assert update.accumulated[0] == pytest.approx(strain - expected / MODULUS, rel=1e-9)


def test_unloading_after_damage_has_the_modulus_that_damage_leaves() -> None:
    """The strain that comes back has the slope (1 - D) E; D of the law's own formula at the κ that was reached."""
    law = YieldLaw(damage_limit=0.6, damage_strain=0.02, hardening=1.0)
    loaded, stress = uniaxial(-0.02, law)
    strain = np.array([[0.0, 0, -0.02, 0, 0, 0]])
    strain[0, :2] = loaded.plastic_strain[0, 0] - POISSON * stress / MODULUS
    converted = recover_damage(strain, loaded.plastic_strain, np.zeros(1), loaded.accumulated, law)
    state = Update(loaded.stress, converted, loaded.accumulated, loaded.shear, loaded.bulk, loaded.flow)
    assert uniaxial(-0.02, law, state)[1] == pytest.approx(stress, rel=1e-9)  # no jump
    left = 1 - 0.6 * (1 - np.exp(-loaded.accumulated[0] / 0.02))
    slope = (uniaxial(-0.02, law, state)[1] - uniaxial(-0.019, law, state)[1]) / -0.001
    assert slope == pytest.approx(left * MODULUS, rel=1e-9)


@LAWS
def test_the_tangent_is_the_derivative_of_the_stress(law: YieldLaw) -> None:
    """Central differences at 1e-7: the return's 1e-10 of the yield stress over that step is 1e-3 MPa, 3e-6 of the
    modulus. Where the law leaves no stiffness along the flow, 0.3 % are kept on purpose."""
    rng = np.random.default_rng(7)
    strain = rng.normal(0, 0.01, (40, 6))
    update = step(strain, law)
    yielded = update.accumulated > 0
    assert yielded.sum() > 30
    numeric = np.empty((40, 6, 6))
    for column in range(6):
        moved = np.zeros(6)
        moved[column] = 1e-7
        numeric[:, :, column] = (step(strain + moved, law).stress - step(strain - moved, law).stress) / 2e-7
    found = tangent_matrix(update)
    tolerance = (5e-6 if law.hardening else 0.004) * MODULUS
    assert np.abs(found - numeric).max() < tolerance
    symmetric = found / np.array([1.0, 1.0, 1.0, 2.0, 2.0, 2.0])
    assert np.allclose(symmetric, symmetric.transpose(0, 2, 1), atol=1e-9)


@LAWS
def test_every_point_ends_on_the_surface_however_far_it_was_strained(law: YieldLaw) -> None:
    strain = np.random.default_rng(3).normal(0, 0.3, (500, 6))
    update = step(strain, law)
    pressure = update.stress[:, :3].mean(axis=1)
    deviator = update.stress - pressure[:, None] * np.array([1, 1, 1, 0, 0, 0])
    equivalent2 = 1.5 * (deviator**2 @ np.array([1, 1, 1, 2, 2, 2]))
    distance = law.pressure_sensitivity * (pressure - law.centre * YIELD)
    radius = law.size * YIELD * (1 + law.hardening * update.accumulated)
    assert np.sqrt(equivalent2 + distance**2) == pytest.approx(radius, rel=1e-8)


def test_a_band_of_smaller_voxels_opens_by_as_many_mm() -> None:
    """Half a mm that is strained twice as much: strength and damage as in 1 mm."""
    law = YieldLaw(2.0, 0.8, damage_limit=0.6, residual_strength=0.4, hardening=1.5)
    strain = np.array([0.0, 0.01, 0.1])
    fine = law.for_voxel_size(0.5)
    assert fine.damage(2 * strain) == pytest.approx(law.damage(strain))
    assert fine.strength_factor(2 * strain, 2 * strain) == pytest.approx(law.strength_factor(strain, strain))


@pytest.mark.parametrize(
    "wrong",
    [
        {"pressure_sensitivity": -1.0},
        {"tension_ratio": 0.8},
        {"tension_ratio": 0.0, "pressure_sensitivity": 2.0},
        {"damage_limit": 1.0},
        {"residual_strength": 0.0},
        {"hardening": -1.0},
        {"damage_strain": 0.0},
    ],
)
def test_a_law_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError):
        YieldLaw(**wrong)
