"""A force off the middle of a platen against the beam of the textbook (case A03) and against no tilt at all."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.simulation import (
    build_voxel_model,
    follow_load_path,
    load_between_platens,
    measure_fields,
    pushed_off_middle,
)
from spondyl.space import Volume

Make = Callable[..., Volume]
WIDE, DEEP, LONG, MODULUS = 40.0, 30.0, 40.0, 300.0  # of A03; the bending runs along DEEP
EDGE = 2.0


def block(field: Make, ends: Make) -> tuple[Volume, Volume]:
    shape = (round(DEEP / EDGE), round(WIDE / EDGE), round(LONG / EDGE))
    return field(np.full(shape, MODULUS), (EDGE,) * 3), ends(shape, (EDGE,) * 3)


def test_a_block_bends_as_the_textbook_says(field: Make, ends: Make) -> None:
    """A03: e = h/6 leaves one face without stress and doubles it on the other; the top turns by F e L / (E I).

    Sides slide and Poisson's ratio is 0.3: the exact answer is linear in x, which trilinear voxels follow in the mean;
    15 voxels across give the stress of their middles within the rounding of the solver.
    """
    modulus, platens = block(field, ends)
    load = {"top": 6, "bottom": 5, "displacement_mm": -0.1, "lateral": "free"}
    found = load_between_platens(modulus, platens, **load, offset_mm=(5.0, 0.0))
    area, inertia = WIDE * DEEP, WIDE * DEEP**3 / 12
    assert found.offset_mm == pytest.approx((5.0, 0.0), abs=1e-4)
    assert found.reaction_n == pytest.approx(MODULUS * area * 0.1 / LONG, rel=2e-3)
    turned = np.gradient(found.displacement[2, :, 0, -1], EDGE).mean()
    assert turned == pytest.approx(-found.reaction_n * 5.0 * LONG / (MODULUS * inertia), rel=0.02)
    model = build_voxel_model(modulus, platens, **load)
    strain = measure_fields(model, found.displacement).strain[2].mean(axis=(1, 2))
    middles = (np.arange(15) + 0.5) * EDGE - DEEP / 2
    expected = -found.reaction_n / area * (1 + 6 * 5.0 / DEEP * middles / (DEEP / 2))
    assert MODULUS * strain == pytest.approx(expected, abs=0.02 * found.reaction_n / area)


def test_no_offset_of_an_even_block_is_no_tilt(field: Make, ends: Make) -> None:
    modulus, platens = block(field, ends)
    load = {"top": 6, "bottom": 5, "displacement_mm": -0.1, "lateral": "held"}
    straight = load_between_platens(modulus, platens, **load)
    turned = load_between_platens(modulus, platens, **load, offset_mm=(0.0, 0.0))
    assert straight.offset_mm == pytest.approx((0.0, 0.0), abs=1e-5)
    assert turned.reaction_n == pytest.approx(straight.reaction_n, rel=1e-6)


def test_reciprocity_of_force_and_turn(field: Make, ends: Make) -> None:
    """By Betti, the stiffness under a force at e equals K / (1 + e² K / k) of a block, k that of turning."""
    modulus, platens = block(field, ends)
    load = {"top": 6, "bottom": 5, "displacement_mm": -0.1, "lateral": "free"}
    at_zero, at_four, at_eight = (
        load_between_platens(modulus, platens, **load, offset_mm=(e, 0.0)) for e in (0.0, 4.0, 8.0)
    )
    stiffness, turns = at_zero.stiffness_n_per_mm, []
    for found, e in ((at_four, 4.0), (at_eight, 8.0)):
        turn = np.ptp(found.displacement[2, :, 0, -1]) / DEEP
        turns.append(found.reaction_n * e / turn)
        assert found.stiffness_n_per_mm == pytest.approx(stiffness, rel=1e-6)  # of the middle, which no turn moves
    assert turns[0] == pytest.approx(turns[1], rel=1e-6)


def test_a_yielding_block_bears_less_off_the_middle_and_says_where(field: Make, ends: Make) -> None:
    """A perfectly plastic block of strength s under a force at h/6 bears no more than (1 - 2e/h) s A = 2/3 of it."""
    modulus, platens = block(field, ends)
    model = build_voxel_model(modulus, platens, top=6, bottom=5, displacement_mm=-1.0, lateral="free")
    limit = field(np.full(modulus.array.shape, 1.5), (EDGE,) * 3)
    straight = follow_load_path(model, limit, steps=4)
    bent = follow_load_path(pushed_off_middle(model, (5.0, 0.0)), limit, steps=4)
    assert straight.reaction_n == pytest.approx(1.5 * WIDE * DEEP, rel=1e-3)
    assert straight.plastic_strain is not None and straight.plastic_strain.min() > 0
    bound = (1 - 2 * bent.offset_mm[0] / DEEP) * 1.5 * WIDE * DEEP
    assert 0 < bent.offset_mm[0] < 5.0  # the tilt keeps its ratio, so the line of force moves back as the block yields
    assert bent.reaction_n == pytest.approx(bound, rel=0.03)


@pytest.mark.parametrize("offset", [(15.0, 0.0), (0.0, -25.0), (float("nan"), 0.0)])
def test_a_force_beside_the_platen_is_refused(field: Make, ends: Make, offset: tuple[float, float]) -> None:
    modulus, platens = block(field, ends)
    with pytest.raises(InputError, match="off its middle"):
        load_between_platens(
            modulus, platens, top=6, bottom=5, displacement_mm=-0.1, lateral="free", offset_mm=offset
        )  # fmt: skip
