"""Injecting cement: mass, limits, pauses, outlets with a length, and what is refused."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import inf, pi

import numpy as np
import pytest

from spondyl.errors import InputError, NotConverged
from spondyl.simulation.cement import Cement, find_cement, newtonian, power_law
from spondyl.simulation.front_state import FrontState
from spondyl.simulation.injection import inject
from spondyl.simulation.injection_model import InjectionModel, build_injection_model
from spondyl.simulation.injection_records import InjectionSettings, Needle, Portion
from spondyl.simulation.outlets import Outlet, slit, tube
from spondyl.space import Geometry, Volume

SHAPE = (12, 10, 9)
GRID = Geometry(np.eye(4), SHAPE)
BONE = np.zeros(SHAPE, bool)
BONE[1:-1, 1:-1, 1:-1] = True
WEAK = InjectionSettings(pressure_limit_mpa=1e-4)
NEEDLE = Needle((5.0, 5.0, 4.0), length_mm=50.0)


def box(
    outlets: Mapping[int, Outlet] | None = None, *, k: float = 2e-8, spots: Mapping[int, tuple[int, ...]] = {}
) -> InjectionModel:
    """Ten by eight by seven millimetres of bone; outlets at the voxels given."""
    labels = np.zeros(SHAPE, np.int16)
    for label, spot in spots.items():
        labels[spot] = label
    return build_injection_model(
        Volume(np.where(BONE, k, 0.0), GRID, "m2"),
        Volume(np.where(BONE, 0.9, 0.0), GRID, "1"),
        outlet_labels=Volume(labels, GRID, "1") if outlets else None,
        outlets=outlets,
    )


def portion(volume: float = 0.2, *, needle: Needle = NEEDLE, flow: float = 4.0, start: float = 0.0) -> Portion:
    return Portion(needle, volume, flow, start)


def test_mass_is_kept_with_leaks_curing_and_several_needles() -> None:
    crack = slit("crack", aperture_mm=0.5, breadth_mm=2.0, length_mm=2.0)
    ways = {1: Outlet("open", inf), 2: tube("vein", radius_mm=0.8, length_mm=5.0), 3: crack}
    model = box(ways, spots={1: (5, 5, 8), 2: (0, 5, 4), 3: (6, 9, 5)})
    other = Needle((7.0, 6.0, 5.0))
    schedule = [portion(0.15, start=3.0), portion(0.15, needle=other, start=5.0), portion(0.1, start=5.1)]
    found = inject(model, schedule, find_cement("generic-low"), InjectionSettings(marrow="full"))
    assert found.injected_ml == pytest.approx(0.4, rel=1e-9)
    assert abs(found.volume_error) < 1e-6
    assert found.in_bone_ml == pytest.approx(0.9e-3 * found.saturation.sum(), rel=1e-9)
    leaked = sum(leak.volume_ml for leak in found.leaks)
    assert leaked > 0 and found.in_bone_ml + leaked == pytest.approx(0.4, rel=1e-6)
    for leak in found.leaks:
        inside = leak.volume_ml - leak.beyond_ml
        assert -1e-12 <= inside <= leak.outlet.volume_mm3 / 1000 + 1e-12
    assert found.saturation.min() >= 0 and found.saturation.max() <= 1 + 1e-9
    assert not found.saturation[~BONE].any()


def test_cement_ages_in_a_pause_and_pressure_shows_it() -> None:
    cement = replace(find_cement("generic-low"), activation_j_per_mol=0.0)
    early = inject(box(), [portion(0.1, start=2.0), portion(0.1, start=2.0)], cement)
    late = inject(box(), [portion(0.1, start=2.0), portion(0.1, start=7.0)], cement)
    assert "had to wait" in " ".join(early.warnings) and "had to wait" not in " ".join(late.warnings)
    assert late.course.minutes[-1] > 7.0
    rise = cement.consistency(7 * 60.0) / cement.consistency(2 * 60 + 1.5)  # the first portion takes 1.5 s
    second = [np.flatnonzero(course.portion == 1)[0] for course in (early.course, late.course)]
    assert late.course.cannula_kpa[second[1]] / early.course.cannula_kpa[second[0]] == pytest.approx(rise, rel=1e-6)
    # what lies in the bone has aged alike, so the tip's pressure rises alike, but for the marrow's part of it
    assert late.course.tip_kpa[second[1]] / early.course.tip_kpa[second[0]] == pytest.approx(rise, rel=0.02)


def test_the_body_ages_cement_faster_than_the_room() -> None:
    schedule = [portion(0.1, start=2.0), portion(0.02, start=6.0)]
    warm, cool = (
        inject(box(), schedule, find_cement("generic-low"), InjectionSettings(body_c=body)).course
        for body in (37.0, 20.0)
    )
    second = int(np.flatnonzero(warm.portion == 1)[0])
    assert warm.cannula_kpa[second] == pytest.approx(cool.cannula_kpa[np.flatnonzero(cool.portion == 1)[0]])
    assert warm.tip_kpa[second] > 1.5 * cool.tip_kpa[np.flatnonzero(cool.portion == 1)[0]]


def test_first_in_lies_outward() -> None:
    found = inject(box(), [portion(0.2, start=1.0)], newtonian(100.0))
    distance = np.linalg.norm(np.indices(SHAPE).T - np.array([5, 5, 4]), axis=-1).T
    full = found.saturation > 0.99
    order = np.corrcoef(distance[full], found.entered_min[full])[0, 1]
    assert order < -0.9 and np.isnan(found.entered_min[~BONE]).all()
    assert found.entered_min[5, 5, 4] == pytest.approx(found.course.minutes[-1], abs=0.02)


def test_the_limit_holds_and_slows_the_flow() -> None:
    cement = find_cement("generic-medium")
    free = inject(box(), [portion(start=5.0)], cement)
    limit = 0.5 * free.course.syringe_kpa.min() / 1000
    held = inject(box(), [portion(start=5.0)], cement, InjectionSettings(pressure_limit_mpa=limit))
    assert held.course.syringe_kpa.max() <= limit * 1000 * 1.001
    assert held.course.flow_ml_per_min.max() < 2.0 and held.injected_ml == pytest.approx(0.2)
    assert "no pressure limit" in " ".join(free.warnings) and "no pressure limit" not in " ".join(held.warnings)


def test_cement_that_sets_on_the_way_stops_and_says_so() -> None:
    cement = Cement("quick", 0.6, (0.0, 60.0), (50.0, 5e4), 1e9, 0.0, ("own",))
    found = inject(box(), [portion(0.4, flow=0.3)], cement, InjectionSettings(pressure_limit_mpa=0.05))
    assert 0 < found.injected_ml < 0.4 and found.asked_ml == 0.4
    assert "moves no further" in " ".join(found.warnings)


def test_a_vein_fills_before_cement_comes_out_and_resists_more_as_it_fills() -> None:
    """The tip at the mouth of a vein: 1-D front in it, so nothing beyond its end until its volume is in."""
    vein = tube("vein", radius_mm=1.0, length_mm=30.0)
    assert vein.volume_mm3 == pytest.approx(pi * 30.0)
    far = Outlet("far side, where marrow goes", inf)
    spots = {1: (0, 5, 4), 2: (11, 5, 4)}
    model = box({1: vein, 2: far}, spots=spots)
    mouth = Needle((1.0, 5.0, 4.0), length_mm=0.0)
    found = inject(model, [portion(0.12, needle=mouth)], newtonian(100.0)).leaks[0]
    assert 0.01 < found.volume_ml < 0.0943 and found.beyond_ml == 0
    short = Outlet("short", vein.conductance_mm3)  # the same resistance to marrow, without a way to fill
    other = inject(box({1: short, 2: far}, spots=spots), [portion(0.12, needle=mouth)], newtonian(100.0)).leaks[0]
    assert other.volume_ml < 0.5 * found.volume_ml  # cement at the mouth blocks it at once
    assert other.beyond_ml == other.volume_ml


def test_outlets_resist_a_power_law_as_tubes_and_slits_do() -> None:
    """A tube is the law of the cannula; a slit its own closed form, and n = 1 gives the viscosity."""
    from spondyl.simulation.cement import cannula_pressure_drop

    pipe, speed = tube("pipe", radius_mm=1.35, length_mm=120.0), 3.0
    flow = speed * pi * 1.35**2
    apparent = float(pipe.apparent_viscosity(np.array(300e-6), 0.6, np.array(speed)))
    drop = apparent * flow / pipe.conductance_mm3
    assert drop == pytest.approx(cannula_pressure_drop(300e-6, 0.6, 120.0, 2.7, flow), rel=1e-9)
    crack = slit("crack", aperture_mm=0.4, breadth_mm=3.0, length_mm=5.0)
    assert float(crack.apparent_viscosity(np.array(7e-5), 1.0, np.array(speed))) == pytest.approx(7e-5, rel=1e-9)
    y = np.linspace(0, 0.2, 20001)  # velocity across half the slit from K (du/dy)^n = y dp/L
    rate = (y * 0.01 / 5.0 / 300e-6) ** (1 / 0.6)
    mean = np.trapezoid(y * rate, y) / 0.2
    found = float(crack.apparent_viscosity(np.array(300e-6), 0.6, np.array(mean)))
    assert found * mean * 1.2 / crack.conductance_mm3 == pytest.approx(0.01, rel=1e-5)


def test_an_open_path_attracts() -> None:
    """The middle of the cement moves towards a defect that is near the tip, and none leaks without one."""
    model, full = box({1: Outlet("defect", inf)}, spots={1: (5, 5, 8)}), InjectionSettings(marrow="full")
    middle = []
    for one in (inject(bone, [portion(0.04)], newtonian(1.0), full) for bone in (model, box())):
        middle.append((one.saturation * np.indices(SHAPE)[2]).sum() / one.saturation.sum())
    assert middle[0] > middle[1] + 0.02
    leaking, closed = (inject(bone, [portion(0.3)], newtonian(10.0), full) for bone in (model, box()))
    assert leaking.leaks[0].volume_ml > 0 and closed.leaks == ()


def test_thin_cement_is_told_of() -> None:
    told = " ".join(inject(box(), [portion(0.05)], newtonian(0.02)).warnings)
    assert "solve for all marrow" in told and "fingers" not in told and "finger" in told


def test_shorter_steps_change_little() -> None:
    cement = find_cement("generic-low")
    model = box({1: Outlet("open", inf)}, spots={1: (5, 5, 8)})
    coarse, fine = (
        inject(model, [portion(0.35, start=6.0)], cement, InjectionSettings(fill_step=step)) for step in (0.5, 0.125)
    )
    assert fine.steps > 2 * coarse.steps
    assert coarse.leaks[0].volume_ml == pytest.approx(fine.leaks[0].volume_ml, abs=0.01)
    assert coarse.course.tip_kpa[-1] == pytest.approx(fine.course.tip_kpa[-1], rel=0.1)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: inject(box(), [], newtonian(1.0)), "no portion"),
        (lambda: inject(box(), [portion(9.0)], newtonian(1.0)), "more than the 0.504 mL of pores"),
        (lambda: inject(box(), [portion(needle=Needle((0.0, 0.0, 0.0)))], newtonian(1.0)), "lies outside the bone"),
        (lambda: inject(box(), [portion(needle=Needle((-50.0, 5.0, 4.0)))], newtonian(1.0)), "lies outside the image"),
        (lambda: portion(start=-1.0), "starts at -1.0 min"),
        (lambda: portion(0.0), "a portion has 0.0 mL"),
        (lambda: portion(flow=float("nan")), "flows at nan"),
        (lambda: inject(box(), [portion(start=3.0), portion(start=1.0)], newtonian(1.0)), "order of their starts"),
        (
            lambda: inject(box(), [portion(start=9.0)], find_cement("generic-high"), WEAK),
            "never moves this cement at 9.00 min",
        ),
        (lambda: InjectionSettings(pressure_limit_mpa=0.0), "pressure limit is 0.0"),
        (lambda: box({1: Outlet("far", inf)}, spots={2: (5, 5, 8)}), "labels \\[2\\] of the image have no outlet"),
        (lambda: box({1: Outlet("a", 1.0), 2: Outlet("b", 1.0)}, spots={2: (5, 5, 8)}), "\\[1\\] have no voxel"),
        (lambda: box({1: Outlet("corner", inf)}, spots={1: (0, 0, 0)}), "touches no voxel of the bone"),
        (lambda: box(k=0.02), "was it written in mm²"),
        (lambda: box(k=-1.0), "negative"),
        (lambda: Outlet("x", -1.0), "conductance -1.0"),
        (lambda: tube("x", radius_mm=0.0, length_mm=1.0), "numbers above 0"),
    ],
)  # fmt: skip
def test_bad_input_is_refused(make: Callable[[], object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        make()


def test_a_pressure_that_is_not_found_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spondyl.simulation.front_state.ITERATIONS", 1)
    with pytest.raises(NotConverged, match="unbalanced after 1 iterations"):
        inject(box(), [portion()], power_law(300.0, 0.6))


def open_at_the_top() -> FrontState:
    """A box with its source in the middle and a hole in its top, before anything flowed."""
    model = box({1: Outlet("open", inf)}, spots={1: (5, 5, 8)})
    state = FrontState(model, newtonian(50.0), clock=(1.0, 1.0), lumped=False, rtol=1e-12, at=np.array([5, 5, 4]))
    state.place_source(int(state.number[5, 5, 4]))
    state.list_cells()
    return state


def test_the_compiled_balance_is_that_of_elimination() -> None:
    """The state's pressures against the plain solver on the same field of viscosity."""
    from spondyl.numerics.darcy import DarcyProblem, direct

    state = open_at_the_top()
    for _ in range(4):
        state.settle(60.0, 0.0, sweeps=1)
        state.advance(20.0, 0.0)
    viscosity, pressure = state.field(state.viscosity), state.field(state.pressure)
    source, drain = np.zeros(SHAPE), np.zeros(SHAPE)
    source[5, 5, 4] = 60.0
    drain[5, 5, 7] = 1 / (0.5 / 0.02 * viscosity[5, 5, 7])
    problem = DarcyProblem(state.model.permeability * 1e6, viscosity, (1.0, 1.0, 1.0), source, drain, np.zeros(SHAPE))
    np.testing.assert_allclose(pressure[BONE], direct(problem).pressure[BONE], rtol=1e-6)


def test_the_compiled_front_is_that_of_a_plain_loop() -> None:
    """A step of the front on a field of pressure, against the same rule voxel by voxel in plain Python."""
    state = open_at_the_top()
    for _ in range(6):
        state.settle(60.0, 0.0, sweeps=1)
        expected, out = plain_step(
            {tuple(c): v for c, v in zip(np.argwhere(BONE), state.held, strict=True)}, state, 20.0
        )
        before = float(state.taken.sum())
        state.advance(20.0, 0.0)
        np.testing.assert_allclose(state.held, [expected[tuple(c)] for c in np.argwhere(BONE)], atol=1e-9)
        assert state.taken.sum() - before == pytest.approx(out, abs=1e-9)
    assert state.taken.sum() > 0


def plain_step(held: dict, state, volume: float) -> tuple[dict, float]:  # type: ignore[no-untyped-def, type-arg]
    """Fill and hand on, by falling pressure; cubes of 1 mm, porosity 0.9, one open face at (5, 5, 7)."""
    pressure, viscosity = state.field(state.pressure), state.field(state.viscosity)
    coming, out = dict.fromkeys(held, 0.0), 0.0
    coming[5, 5, 4] = volume
    for cell in sorted(held, key=lambda place: -pressure[place]):
        excess = held[cell] + coming[cell] - 0.9
        flows = {}
        for axis in range(3):
            for step in (-1, 1):
                there = tuple(np.add(cell, np.eye(3, dtype=int)[axis] * step))
                if there in held and pressure[there] < pressure[cell]:
                    resistance = 0.5 * (viscosity[cell] + viscosity[there]) / 0.02
                    flows[there] = (pressure[cell] - pressure[there]) / resistance
        if cell == (5, 5, 7):
            flows["out"] = pressure[cell] / (0.5 * viscosity[cell] / 0.02)
        held[cell] += coming[cell]
        if excess > 0 and flows:
            held[cell] = 0.9
            for there, flow in flows.items():
                share = excess * flow / sum(flows.values())
                if there == "out":
                    out += share
                else:
                    coming[there] += share
    return held, out


def test_the_warmth_that_cement_ages_in_is_an_assumption_of_the_result() -> None:
    found = inject(box(), [portion()], power_law(300.0, 0.6), InjectionSettings(room_c=23.0))
    assert "the cement is at 23 C until it enters the bone and at 37 C from then on" in found.assumptions


def test_a_second_needle_meets_its_own_cement_from_the_first_moment() -> None:
    """Symptom: at a new place the first reading took the tip for marrow: a mobility ratio of 1, and no pressure."""
    other = Needle((8.0, 7.0, 6.0), length_mm=50.0)
    found = inject(box(), [portion(0.05), portion(0.05, needle=other, start=1.0)], newtonian(100.0))
    assert found.least_mobility_ratio == pytest.approx(100.0 / 0.07, rel=1e-6)
