"""Injections into a round body: mass, symmetry, mirror, closed walls, open endplates, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.planning import no_treatment
from spondyl.simulation.body_injection import BodyInjection, cement_on, simulate_injection
from spondyl.simulation.flow_model import FlowModel, build_flow_model, draw_factor, injection_model, with_tracks
from spondyl.simulation.openings import SHELL_MM, LeakPath
from spondyl.spine import Side

from .round_bodies import BODY_ML, HU, RADIUS, Local, plan, round_spine

BOTH: tuple[tuple[Side, Local], ...] = ((Side.LEFT, (0.0, 3.0, 6.0)), (Side.RIGHT, (0.0, 3.0, -6.0)))
HIGH: tuple[tuple[Side, Local], ...] = ((Side.LEFT, (6.0, 2.0, 5.0)),)
PIT = ("superior", 2.0, 5.0)


@pytest.fixture(scope="module")
def flow() -> FlowModel:
    return build_flow_model(round_spine(), "L1", voxel_mm=1.5)


def run(pit: tuple[str, float, float] | None, tips: object = HIGH, *, mirror: bool = False) -> BodyInjection:
    spine = round_spine(pit=pit, mirror=mirror)
    if mirror:
        other = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT}
        tips = [(other[side], (up, front, -left)) for side, (up, front, left) in tips]  # type: ignore[attr-defined]
    return simulate_injection(spine, plan(spine, tips, 5.0), voxel_mm=1.5)  # type: ignore[arg-type]


def test_mass_is_kept_and_lies_where_the_ct_is(flow: FlowModel) -> None:
    """Volumes to round-off; on the CT's grid to 2 %, what linear sampling of a front changes."""
    spine = round_spine()
    found = simulate_injection(spine, plan(spine, BOTH), flow=flow)
    assert found.stop_reason == "all of the cement is in"
    assert found.result.in_bone_ml + found.leaked_ml == pytest.approx(3.0, rel=1e-9)
    share = found.cement_share
    assert share.array.sum() * 1.5**3 / 1000 == pytest.approx(found.result.in_bone_ml, rel=1e-9)
    on_ct = cement_on(found, spine.geometry)
    assert on_ct.array.sum() / 1000 == pytest.approx(found.result.in_bone_ml, rel=0.02)
    assert found.fill == pytest.approx(found.result.in_bone_ml / BODY_ML, rel=0.02)
    kilopascal = found.result.course
    assert kilopascal.syringe_kpa == pytest.approx(kilopascal.tip_kpa + kilopascal.cannula_kpa)


def test_the_model_has_the_bodys_volume_and_the_porosity_of_its_density(flow: FlowModel) -> None:
    """Hand-worked: porosity is 1 - (0.079 + 0.877 rho) / 0.6 / 2; voxels by half: 2 % of the volume."""
    assert flow.body_ml == pytest.approx(BODY_ML, rel=0.02)
    calibration = flow.calibration.calibration
    assert calibration is not None
    rho = float(calibration.density(HU)) / 1000
    deep = (flow.share == 1) & (np.abs(flow.local_mm[..., 0]) < 9) & (np.hypot(*flow.local_mm[..., 1:].T).T < 12)
    assert flow.porosity[deep] == pytest.approx(1 - (0.079 + 0.877 * rho) / 1.2, rel=1e-6)


def test_a_needle_on_each_side_gives_even_cement() -> None:
    """The second portion meets the first and older cement: within 2 % of even, and one alone lies on its side."""
    found, alone = run(None, BOTH), run(None, (BOTH[0],))
    assert found.left_share == pytest.approx(0.5, abs=0.02)
    assert alone.left_share > 0.8


def test_a_needle_in_the_middle_gives_cement_alike_on_both_sides() -> None:
    found = run(None, ((Side.LEFT, (0.0, 3.0, 0.0)),))
    share = found.cement_share.array
    assert found.left_share == pytest.approx(0.5, abs=1e-3)
    assert np.abs(share - share[:, ::-1]).max() < 0.05


def test_a_mirrored_patient_leaks_in_the_mirror() -> None:
    found, turned = run(PIT), run(PIT, mirror=True)
    assert found.leaked_ml > 0.05
    for one, other in zip(found.leaks, turned.leaks, strict=True):
        assert one.path is other.path and one.volume_ml == pytest.approx(other.volume_ml, rel=1e-6)
    assert turned.left_share == pytest.approx(1 - found.left_share, abs=1e-6)
    names = {name for leak in turned.leaks for name in leak.openings}
    assert "track of the right needle" in names and "track of the left needle" not in names


@pytest.mark.parametrize(("end", "up"), [("superior", 6.0), ("inferior", -6.0)])
def test_an_open_endplate_leaks_into_its_disc_alone(end: str, up: float) -> None:
    tips: tuple[tuple[Side, Local], ...] = ((Side.LEFT, (up, 2.0, 5.0)),)
    found, whole = run((end, 2.0, 5.0), tips), run(None, tips)
    other = {"superior": "inferior", "inferior": "superior"}[end]
    assert found.leak(f"disc_{end}").volume_ml > 0.1 and found.leak(f"disc_{end}").first_min is not None
    assert found.leak(f"disc_{other}").volume_ml == 0
    assert found.leak(f"disc_{other}").openings == ()
    assert whole.leak(f"disc_{end}").volume_ml == 0


def test_a_way_out_draws_cement_to_its_side() -> None:
    """The same body with and without a pit above the tip: more goes upwards, in the bone and out of it together."""

    def upwards(found: BodyInjection) -> float:
        local = found.flow.local_mm[..., 0]
        above = np.clip((local - 6.0) / 1.5 + 0.5, 0.0, 1.0)  # of each voxel, above the tip
        kept = float((found.cement_share.array * above).sum()) * 1.5**3 / 1000
        return (kept + found.leak(LeakPath.DISC_SUPERIOR).volume_ml) / found.result.injected_ml

    opened, whole = run(PIT), run(None)
    assert opened.result.injected_ml == pytest.approx(whole.result.injected_ml)
    assert upwards(opened) > upwards(whole) + 0.02


def test_a_closed_body_never_leaks(flow: FlowModel) -> None:
    spine = round_spine()
    closed = replace(
        flow, openings=(), veins=(), vein_distance=flow.vein_distance[:0], labels=np.zeros_like(flow.labels)
    )
    model = injection_model(closed, reference_m2=2e-8)
    from spondyl.simulation import Needle, Portion, find_cement, inject

    tip = plan(spine, HIGH).needles[0].target
    found = inject(model, [Portion(Needle(tuple(tip)), 0.6 * BODY_ML, 4.0, 5.0)], find_cement("generic-low"))
    assert found.leaks == () and found.in_bone_ml == pytest.approx(0.6 * BODY_ML, rel=1e-9)
    assert not found.saturation[~closed.bone].any()


def test_a_random_field_is_the_same_on_any_grid(flow: FlowModel) -> None:
    """Median 1 and 0.5 in its logarithm; voxels of 3 mm share their middles with some of 1.5 mm."""
    coarse = build_flow_model(round_spine(), "L1", voxel_mm=3.0)
    fine_field, coarse_field = (np.log(draw_factor(one, np.random.default_rng(7))) for one in (flow, coarse))
    assert fine_field[flow.bone].std() == pytest.approx(0.5, abs=1e-9)
    assert fine_field[flow.bone].mean() == pytest.approx(0.0, abs=0.1)
    places = np.argwhere(coarse.share == 1)
    cells = np.rint(flow.geometry.indices(coarse.geometry.points(places))).astype(int)
    shared = flow.bone[tuple(cells.T)]
    assert shared.sum() > 200
    near, far = fine_field[tuple(cells[shared].T)], coarse_field[tuple(places[shared].T)]
    assert np.corrcoef(near, far)[0, 1] == pytest.approx(1.0, abs=1e-9)


def test_permeability_is_the_scenarios_at_its_porosity_and_less_across(flow: FlowModel) -> None:
    spine = round_spine()
    model = injection_model(with_tracks(flow, plan(spine, BOTH).needles), reference_m2=2e-8)
    local = flow.local_mm
    deep = (np.abs(local[..., 0]) > 5) & (np.abs(local[..., 0]) < 9) & (np.hypot(local[..., 1], local[..., 2]) < 9)
    porosity = flow.porosity[deep].mean()
    assert model.permeability[2][deep] == pytest.approx(2e-8 * (porosity / 0.9) ** 9, rel=1e-3)
    assert model.permeability[0][deep] == pytest.approx(0.78 * model.permeability[2][deep])


def test_a_crack_runs_through_the_dense_layer(flow: FlowModel) -> None:
    """Dense bone at 3 mm under the upper end: around the mouth of a pit as open as at a porosity of 0.90, else not."""
    pit = build_flow_model(round_spine(pit=PIT), "L1", voxel_mm=1.5)
    dense = replace(pit, porosity=np.where(pit.local_mm[..., 0] > 8.5, 0.4 * (pit.share > 0), pit.porosity))
    k = injection_model(dense, reference_m2=2e-8).permeability[2] / np.where(dense.share > 0, dense.share, 1.0)
    local = dense.local_mm
    layer = (np.abs(local[..., 0] - 10.5) < 0.1) & (dense.share == 1)
    near = layer & (np.hypot(local[..., 1] - 2.0, local[..., 2] - 5.0) < 2.0)
    away = layer & (np.hypot(local[..., 1] - 2.0, local[..., 2] - 5.0) > 9.0)
    assert k[near] == pytest.approx(2e-8) and k[away].max() < 2e-8 * (0.4 / 0.9) ** 8


def test_a_track_is_as_long_as_the_needle_in_bone_outside_the_body(flow: FlowModel) -> None:
    """Entry 30 mm behind the centre, tip 6 mm off the midline: the wall lies sqrt(16² - 6²) behind, by a voxel."""
    spine = round_spine()
    track = next(way for way in with_tracks(flow, plan(spine, BOTH).needles).openings if way.path is LeakPath.TRACK)
    assert track.length_mm == pytest.approx(30 - np.sqrt(RADIUS**2 - 36), abs=1.5)
    assert track.length_mm > SHELL_MM and track.breadth_mm == pytest.approx(np.pi * 3.048)


def test_cement_that_sets_under_the_hands_limit_stops_and_says_so(flow: FlowModel) -> None:
    spine = round_spine()
    found = simulate_injection(spine, plan(spine, HIGH), flow=flow, cement="generic-high", start_min=22.0)
    assert "the cement had set" in found.stop_reason
    assert 0 < found.result.injected_ml < 3.0 and found.result.course.syringe_kpa.max() < 3001
    with pytest.raises(InputError, match=r"has set at 60\.00 min"):
        simulate_injection(spine, plan(spine, HIGH), flow=flow, start_min=60.0)


def test_what_was_not_looked_at_stands_with_the_result(flow: FlowModel) -> None:
    """This body has no map of its walls."""
    spine = round_spine()
    found = simulate_injection(spine, plan(spine, HIGH), flow=flow, volume_ml=1.0)
    told = " ".join((*found.notes, *found.assumptions))
    for words in (
        "posterior wall: gaps cannot be told",
        "cracks too thin for CT",
        "not calibrated on patients",
        "grade",
    ):
        assert words in told


def test_what_cannot_be_injected_is_refused(flow: FlowModel) -> None:
    spine = round_spine()
    good = plan(spine, HIGH)
    with pytest.raises(InputError, match="no needle or no cement"):
        simulate_injection(spine, no_treatment("L1"), flow=flow)
    with pytest.raises(InputError, match="tip of the left needle lies outside"):
        simulate_injection(spine, plan(spine, ((Side.LEFT, (0.0, 19.0, 0.0)),)), flow=flow)
    with pytest.raises(InputError, match="more than the"):
        simulate_injection(spine, good, flow=flow, volume_ml=25.0)
    with pytest.raises(InputError, match="no scenario 'medium'"):
        simulate_injection(spine, good, flow=flow, scenario="medium")
    with pytest.raises(InputError, match="grade 5"):
        build_flow_model(round_spine(kvp=None), "L1")
    cut = replace(spine, vertebrae=tuple(replace(one, cut=("head",)) for one in spine.vertebrae))
    with pytest.raises(InputError, match=r"is cut by the image border, .* \(head\): choose a whole level"):
        build_flow_model(cut, "L1")
    with pytest.raises(InputError, match="only a label map"):
        build_flow_model(replace(spine, study=None), "L1")
    with pytest.raises(InputError, match=r"expected 0\.3 to 3 mm"):
        build_flow_model(spine, "L1", voxel_mm=4.0)
    with pytest.raises(InputError, match="the plan of L2"):
        simulate_injection(spine, replace(good, level=good.level.L2), flow=flow)
