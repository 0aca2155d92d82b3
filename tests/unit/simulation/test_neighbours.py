"""Three round bodies with discs between them: what is built, and what a stiff body in the middle does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.simulation.fields import VoxelFields
from spondyl.simulation.neighbours import _bulge, answer_of, compare_neighbours
from spondyl.simulation.segment import SegmentModel, build_segment_model
from spondyl.spine import Level, Spine
from tests.unit.simulation.round_bodies import GAP, HEIGHT, RADIUS, stacked_spine


@pytest.fixture(scope="module")
def segment() -> SegmentModel:
    return build_segment_model(stacked_spine(), "L1")


@pytest.fixture(scope="module")
def cored(segment: SegmentModel) -> np.ndarray:
    """The segment's modulus with a soft core in the middle body, so that its endplates sink in."""
    x, y = (np.indices(segment.model.modulus.shape)[axis] for axis in (0, 1))
    body = segment.body_of(Level.L1)
    away = np.hypot(x - x[body].mean(), y - y[body].mean()) * 2.0
    return np.where(body & (away < 0.6 * RADIUS), 0.1, 1.0) * segment.model.modulus


def test_bodies_and_discs_have_their_volumes(segment: SegmentModel) -> None:
    """By hand: cylinders; voxels of 2 mm count by half: 4 % of a body, 6 % of a disc."""
    area = np.pi * RADIUS**2
    assert segment.levels == (Level.T12, Level.L1, Level.L2)
    for level in segment.levels:
        assert segment.body_of(level).sum() * 8 == pytest.approx(area * HEIGHT, rel=0.04)
    for disc in (1, 2):
        assert (segment.discs == disc).sum() * 8 == pytest.approx(area * GAP, rel=0.06)


def test_nothing_changes_where_nothing_is_done(segment: SegmentModel, cored: np.ndarray) -> None:
    above, below = compare_neighbours(segment, cored, cored, force_ratios={Level.L2: 1.2})
    for effect in above, below:
        ratios = effect.disc_pressure, effect.endplate_bulge, effect.strain
        assert ratios == pytest.approx((1.0, 1.0, 1.0))
    assert (above.strain_by_wedge, above.strain_by_both) == (None, None)  # T12's load is not given
    assert (below.strain_by_wedge, below.strain_by_both) == pytest.approx((1.2, 1.2))


def test_a_bulge_of_hardly_anything_gives_no_ratio(segment: SegmentModel) -> None:
    """A body of one modulus keeps its endplates flat: above and below, alike by symmetry, read 0.3 and 0.2 %."""
    same = segment.model.modulus
    assert [effect.endplate_bulge for effect in compare_neighbours(segment, same, same)] == [None, None]


def test_pressure_carries_the_force(segment: SegmentModel) -> None:
    """A disc's middle bears more than force over area, and less than twice that: its rim bulges free."""
    answer = answer_of(segment, segment.model.modulus)
    for pressure in answer.pressures.values():
        assert 1.0 < pressure * np.pi * RADIUS**2 < 2.0


def test_a_rigid_body_raises_the_pressure_alike_above_and_below(segment: SegmentModel, cored: np.ndarray) -> None:
    """Symmetric up and down; its endplates no longer sink in."""
    soft = segment.model.modulus
    stiff = np.where(segment.body_of(Level.L1), 20 * soft, soft)
    above, below = compare_neighbours(segment, cored, stiff)
    assert (above.level, below.level) == (Level.T12, Level.L2)
    assert above.disc_pressure == pytest.approx(below.disc_pressure, rel=2e-2)  # voxels of 2 mm in discs of 6
    assert above.strain == pytest.approx(below.strain, rel=3e-2)  # as above
    assert above.disc_pressure > 1.005
    assert above.endplate_bulge is not None and abs(above.endplate_bulge) < 0.3
    assert 0.9 < above.strain < 1.1
    assert above.strain_by_wedge is None


def test_a_filling_near_one_end_is_felt_there(segment: SegmentModel, cored: np.ndarray) -> None:
    soft = segment.model.modulus
    height = np.indices(soft.shape)[2]
    body = segment.body_of(Level.L1)
    upper = body & (height > height[body].mean())
    above, below = compare_neighbours(segment, cored, np.where(upper, 10 * soft, cored))
    assert above.endplate_bulge is not None and below.endplate_bulge is not None
    assert above.endplate_bulge < 0.5 * below.endplate_bulge
    assert above.disc_pressure > below.disc_pressure


def moved_by(segment: SegmentModel, displacement: np.ndarray) -> VoxelFields:
    """Fields of which the vertical displacement alone is set."""
    still = np.zeros(segment.bodies.shape)
    return VoxelFields(
        np.stack([still, still, np.broadcast_to(displacement[..., :1], still.shape)]),
        np.zeros((6, *still.shape)),
        still,
        still,
    )


def test_an_end_that_tilts_does_not_bulge_and_a_hollow_one_does(segment: SegmentModel) -> None:
    """By hand: a plane tilts, 0. A cap of r² / R² sinks by 1/8 (mean to r = R/2) less 0.82 (mean from 0.8 R to R).

    Voxels of 2 mm in a radius of 16: 6 %. A lip of the lower end beyond the upper one changes nothing,
    and a plane is a plane where a quarter of the rim is missing.
    """
    x, y = (np.indices(segment.bodies.shape)[axis].astype(float) for axis in (0, 1))
    body = segment.body_of(Level.L1)
    x, y = x - x[body].mean(), y - y[body].mean()
    tilted = 0.3 + 0.02 * x - 0.01 * y
    cap = tilted + 0.1 * (x**2 + y**2) * 4.0 / RADIUS**2
    foot = np.argmax(body.any(axis=(0, 1)))
    lip = segment.bodies.copy()
    lip[:3, :, foot][segment.bodies[:3, :, foot] == 0] = segment.levels.index(Level.L1) + 1
    part = np.where((x > 0) & (y > 0) & (np.hypot(x, y) * 2.0 > 0.7 * RADIUS), 0, segment.discs)
    assert _bulge(replace(segment, discs=part), moved_by(segment, tilted), upper=True) == pytest.approx(0.0, abs=1e-9)
    for model in segment, replace(segment, bodies=lip):
        assert _bulge(model, moved_by(model, tilted), upper=True) == pytest.approx(0.0, abs=1e-9)
        assert _bulge(model, moved_by(model, cap), upper=True) == pytest.approx(0.1 * (0.82 - 0.125), rel=0.06)
    assert _bulge(segment, moved_by(segment, cap), upper=False) == pytest.approx(-0.1 * (0.82 - 0.125), rel=0.06)


def with_pillar(segment: SegmentModel) -> np.ndarray:
    """The modulus with the middle of L1 twenty times as stiff. [MPa]"""
    x, y = (np.indices(segment.bodies.shape)[axis] for axis in (0, 1))
    body = segment.body_of(Level.L1)
    away = np.hypot(x - x[body].mean(), y - y[body].mean()) * 2.0
    return np.asarray(np.where(body & (away < 0.6 * RADIUS), 20.0, 1.0) * segment.model.modulus)


def test_an_untreated_endplate_that_stands_out_gives_no_ratio(segment: SegmentModel, cored: np.ndarray) -> None:
    """Over a bulge below 0 a sound endplate would read as if cement held its middle up."""
    pillar = with_pillar(segment)
    assert all(bulge < 0 for bulge in answer_of(segment, pillar).bulges.values())
    assert [effect.endplate_bulge for effect in compare_neighbours(segment, pillar, cored)] == [None, None]


def test_cement_in_the_middle_alone_turns_the_bulge(segment: SegmentModel, cored: np.ndarray) -> None:
    """By hand, columns side by side under one pressure sink by p h / E: the softer ring sinks more than a pillar."""
    for effect in compare_neighbours(segment, cored, with_pillar(segment)):
        assert effect.endplate_bulge is not None and effect.endplate_bulge < -0.02  # far from the residual's 1e-6


def alone(spine: Spine) -> Spine:
    return replace(spine, vertebrae=tuple(v for v in spine if v.level is Level.L1))


def fused(spine: Spine) -> Spine:
    """L2 labelled up to the lower end of L1."""
    upper, lower = spine["L1"].mask, spine["L2"].mask
    grown = lower.array.copy()
    below = np.argmax(upper.array.any(axis=(0, 1)))
    grown[:, :, :below] |= lower.array.any(axis=2)[..., None] & (np.arange(below) >= below - 7)
    wider = replace(lower, array=grown)
    kept = [replace(v, mask=wider, body=wider) if v.level is Level.L2 else v for v in spine]
    return replace(spine, vertebrae=tuple(kept))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda spine: replace(spine, study=None), "need the CT"),
        (alone, "no neighbour"),
        (fused, "no disc between"),
        (lambda spine: replace(spine, vertebrae=(spine["T12"], replace(spine["L1"], cut=("foot",)))), "is cut"),
    ],
)
def test_what_cannot_be_built(change: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        build_segment_model(change(stacked_spine()), "L1")  # type: ignore[operator]


def test_another_grid_is_refused(segment: SegmentModel) -> None:
    with pytest.raises(InputError, match="different grids"):
        compare_neighbours(segment, np.ones((2, 2, 2)), segment.model.modulus)
