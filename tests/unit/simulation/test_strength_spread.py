"""What makes a strength uncertain, against paths that were really followed with the changed body."""

from __future__ import annotations

from collections.abc import Callable
from math import log
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from spondyl.numerics.plasticity import CRUSHABLE
from spondyl.simulation import BoneModel, CurvePoint, build_voxel_model, follow_load_path
from spondyl.simulation.bone_laws import find_bone_law
from spondyl.simulation.strength_spread import (
    LAW_SPREAD,
    MODEL_SPREAD,
    YIELD_STRAIN_SPREAD,
    SpreadCause,
    failure_of,
    interval,
    scaled_failure,
    spread_causes,
)
from spondyl.space import Volume

HEIGHT = 8.0
PATH = tuple(CurvePoint(-0.016 * n, 100.0 * min(n, 4)) for n in range(1, 11))  # yields at 0.8 %, 400 N


def curve(field: Callable[..., Volume], ends: Callable[..., Volume], modulus: float, strength: float) -> Any:
    """A block of two strengths, so that it bends over gradually, to 2 % of its height."""
    shape = (4, 4, 8)
    stress = np.full(shape, strength)
    stress[:2] *= 0.6
    model = build_voxel_model(
        field(np.full(shape, modulus)), ends(shape), top=6, bottom=5, displacement_mm=-0.02 * HEIGHT, lateral="free"
    )
    return follow_load_path(model, field(stress), law=CRUSHABLE, steps=20, tolerance=1e-6).curve


@pytest.mark.parametrize(("modulus_factor", "yield_factor"), [(1.3, 1.3), (1.0, 1.2), (0.8, 1.0), (1.1, 1.15)])
def test_a_scaled_path_is_the_path_of_the_scaled_body(
    field: Callable[..., Volume], ends: Callable[..., Volume], modulus_factor: float, yield_factor: float
) -> None:
    """Homogeneity is exact; 1e-4 holds the steps' linear interpolation where the curve is still bent."""
    base, changed = curve(field, ends, 200.0, 2.0), curve(field, ends, 200.0 * modulus_factor, 2.0 * yield_factor)
    told = scaled_failure(base, HEIGHT, modulus_factor=modulus_factor, yield_factor=yield_factor)
    assert told == pytest.approx(failure_of(changed, HEIGHT)[0], rel=1e-4)


def test_failure_is_the_peak_or_the_force_at_the_limit() -> None:
    assert failure_of(PATH, HEIGHT) == (400.0, False)
    falling = (*PATH[:5], CurvePoint(-0.096, 300.0), CurvePoint(-0.16, 200.0))
    assert failure_of(falling, HEIGHT) == (400.0, True)
    rising = (CurvePoint(-0.08, 100.0), CurvePoint(-0.16, 300.0))  # 1 % and 2 %: 280 N at 1.9 %
    assert failure_of(rising, HEIGHT) == (pytest.approx(280.0), False)
    assert failure_of(rising, HEIGHT, 0.021)[0] == pytest.approx(320.0)  # carried on


def bone(spread: float | None, gap: float = 0.0, doubt: float = 0.0) -> BoneModel:
    law = find_bone_law("kopperdahl-power")
    density = SimpleNamespace(array=np.full((2, 2, 2), 0.1))
    graded = SimpleNamespace(density_spread=spread)
    made = SimpleNamespace(
        density=density, law=law, calibration=graded, height_mm=HEIGHT, density_gap=gap, density_doubt=doubt
    )
    return cast(BoneModel, made)


@pytest.mark.parametrize(("gap", "density"), [(0.1, 0.25), (0.4, 0.4)])
def test_the_doubt_of_the_tissues_joins_that_of_the_grade(gap: float, density: float) -> None:
    """0.15 of the grade and 0.2 of the tissues are 0.25 together; a wider gap counts in their place."""
    joined = {cause.name: cause.sd for cause in spread_causes(bone(0.15, gap, 0.2), PATH, None)}
    plain = {cause.name: cause.sd for cause in spread_causes(bone(density), PATH, None)}
    assert joined["density"] == pytest.approx(plain["density"])


def test_a_yielded_body_goes_with_its_yield_stress() -> None:
    """On the flat part ln F follows ln σ: 1.39 times the density's spread, and the others as they are."""
    causes = {cause.name: cause.sd for cause in spread_causes(bone(0.1), PATH, None)}
    assert causes["density"] == pytest.approx(0.139)
    assert causes["law of bone"] == pytest.approx(LAW_SPREAD)
    assert causes["yield strain"] == pytest.approx(YIELD_STRAIN_SPREAD) == pytest.approx(0.0714, abs=1e-4)
    assert causes["model"] == MODEL_SPREAD
    assert "border of the labels" not in causes


@pytest.mark.parametrize(("gap", "spread"), [(0.05, 0.1), (0.3, 0.3), (-0.3, 0.3)])
def test_two_calibrations_that_disagree_count_where_they_lie_further_apart(gap: float, spread: float) -> None:
    causes = spread_causes(bone(0.1, gap), PATH, None)
    assert causes[0].sd == pytest.approx(1.39 * spread, rel=1e-3)


def test_a_body_that_stays_elastic_goes_with_its_modulus() -> None:
    """F = K u at the limit whatever the yield stress: the power of the modulus, and nothing from the yield strain."""
    straight = (CurvePoint(-0.08, 100.0), CurvePoint(-0.16, 200.0))
    causes = {cause.name: cause.sd for cause in spread_causes(bone(0.1), straight, None)}
    assert causes["density"] == pytest.approx(0.105)
    assert causes["yield strain"] == pytest.approx(0.0, abs=1e-12)


def test_the_border_counts_half_of_what_lies_between_inwards_and_outwards() -> None:
    inwards, outwards = (SimpleNamespace(stiffness_n_per_mm=k, effective_strain=0.1) for k in (900.0, 1100.0))
    causes = spread_causes(bone(None), PATH, cast(Any, (inwards, outwards)))
    assert causes[0] == SpreadCause("density", 0.0)  # grade 5: relative, no spread of its own
    assert causes[-1].sd == pytest.approx(log(11 / 9) / 2)


def test_independent_causes_add_up_by_squares() -> None:
    low, high = interval(1000.0, (SpreadCause("one", 0.3), SpreadCause("other", 0.4)))
    assert (low, high) == pytest.approx((1000 * np.exp(-0.98), 1000 * np.exp(0.98)))
