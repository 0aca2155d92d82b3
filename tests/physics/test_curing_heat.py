"""Heat of curing: A15, a slab that warms by conduction alone, and a body that warms most where its cement lies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import erf

from spondyl.errors import InputError
from spondyl.simulation import find_cement, simulate_injection
from spondyl.simulation.curing_heat import (
    CONDUCTIVITY,
    FAR_CANAL,
    NO_CANAL,
    TISSUE_HEAT,
    Reaction,
    adiabatic_rise,
    find_reaction,
    heat_up,
    simulate_heat,
)
from spondyl.space import Volume
from spondyl.spine import Side
from tests.unit.simulation.round_bodies import plan, round_spine


def test_a15_cement_that_keeps_its_heat_warms_by_127_kelvin() -> None:
    """Of full conversion, to 0.5 %; the march itself ends there too, for the conversion that it is given."""
    assert adiabatic_rise(1.0) == pytest.approx(126.9, rel=0.005)
    reaction = find_reaction(find_cement("generic-medium"))
    whole = Reaction(1.0, reaction.half_s, reaction.sharpness_s, reaction.heat_j_per_g, reaction.activation_j_per_mol)
    peak, _ = heat_up(np.ones((3, 3, 3)), np.full((3, 3, 3), 300.0), whole, edge_mm=1.0, seconds=1200, insulated=True)
    assert peak - 37.0 == pytest.approx(126.9, rel=0.005)


def test_a_slab_loses_its_heat_as_conduction_has_it() -> None:
    """Cement that reacts at once, and conducts alike: the middle of a slab of half width a is erf(a / 2 sqrt(D t)).

    Peak 6 mm beside it, by the closed form over time; 3 % for steps of 0.5 mm and a reaction of some seconds.
    """
    edge, half, seconds = 0.5, 4.0, 400.0
    x = (np.arange(161) - 80) * edge
    share = np.where(np.abs(x) < half, 0.02, 0.0)  # so little that the slab conducts and holds heat as tissue does
    share[np.abs(x) == half] = 0.01
    at_once = Reaction(1.0, 0.0, 0.5, 5000.0, 0.0)
    field = np.broadcast_to(share[:, None, None], (161, 3, 3))
    peak, _ = heat_up(np.array(field), np.zeros_like(field), at_once, edge_mm=edge, seconds=seconds, insulated=True)
    rise = 0.5 * 0.02 * 1.2e-3 * 5000.0 / (0.02 * 1.2e-3 * 1.5 + 0.98 * TISSUE_HEAT)  # half is done at the start
    times = np.linspace(1, seconds, 4000)
    spread = 2 * np.sqrt(CONDUCTIVITY / TISSUE_HEAT * times)
    beside = rise / 2 * (erf((10.0 + half) / spread) - erf((10.0 - half) / spread))
    assert peak[100, 1, 1] - 37.0 == pytest.approx(beside.max(), rel=0.03)


@pytest.mark.parametrize("insulated", [False, True])
def test_the_compiled_march_is_that_of_whole_arrays(insulated: bool) -> None:
    """To rounding, over some hundred steps of cement in a corner and in the middle, at ages between fresh and set."""
    generator = np.random.default_rng(3)
    share = np.where(generator.random((7, 6, 8)) < 0.3, generator.random((7, 6, 8)), 0.0)
    age = generator.uniform(300.0, 900.0, share.shape)
    reaction = replace(find_reaction(find_cement("generic-medium")), heat_j_per_g=2000.0)
    runs = [
        heat_up(share, age, reaction, edge_mm=1.0, seconds=900.0, insulated=insulated, plain=plain)
        for plain in (False, True)
    ]
    for compiled, plain in zip(*runs, strict=True):
        np.testing.assert_allclose(compiled, plain, rtol=1e-9)
    assert runs[0][0].max() > 60 and runs[0][1].max() > 0


def test_a_body_warms_most_in_its_cement_and_alike_on_both_sides() -> None:
    spine = round_spine()
    injection = simulate_injection(spine, plan(spine, ((Side.LEFT, (0.0, 3.0, 0.0)),), 4.0), voxel_mm=2.0)
    heat = simulate_heat(spine, injection)
    assert 45 < heat.peak.array.max() < 37 + adiabatic_rise(0.8)
    assert heat.peak.array.min() == pytest.approx(37.0, abs=0.1)
    cement = np.pad(injection.cement_share.array, 6) > 0.5
    assert cement[np.unravel_index(heat.peak.array.argmax(), cement.shape)]
    for place in (heat.posterior_wall_c, heat.disc_superior_c, heat.disc_inferior_c):
        assert 37.0 <= place < heat.peak.array.max()
    assert heat.canal_c is None and heat.canal_reason == NO_CANAL
    assert heat.dwell_min.array.max() > 0
    assert np.abs(heat.peak.array - heat.peak.array[:, ::-1]).max() < 0.1
    grid = heat.peak.geometry
    for index, reason in (((2, 2, 2), None), ((-90, 2, 2), FAR_CANAL)):  # one voxel of canal, in the grid and far below
        there = Volume(np.ones((1, 1, 1), bool), grid.cropped(index, np.add(index, 1)), "1")
        told = simulate_heat(replace(spine, canal=there), injection)
        assert told.canal_reason == reason
        assert told.canal_c == (None if reason else pytest.approx(heat.peak.array[index]))
    empty = Volume(np.zeros(grid.shape, bool), grid, "1")
    assert simulate_heat(replace(spine, canal=empty), injection).canal_reason == NO_CANAL
    with pytest.raises(InputError, match="at most 60"):
        simulate_heat(spine, injection, minutes=0.0)
