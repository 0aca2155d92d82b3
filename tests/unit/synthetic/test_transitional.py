"""Virtual spines with another count of ribs or lumbar vertebrae: what is made, and what is asked of its true labels."""

from __future__ import annotations

import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.space import Geometry
from spondyl.spine import Level, build_spine
from spondyl.studies import LabelImage
from spondyl.synthetic import ScanSpec, Structure, VirtualSpineSpec, levels_between, make_virtual_patient
from spondyl.synthetic.patient import make_virtual_labels

L = Level
COARSE = ScanSpec(in_plane_mm=2.5, slice_step_mm=2.5)


def spec_of(first: Level, last: Level, rib_pairs: int = 12, lumbar_count: int = 5) -> VirtualSpineSpec:
    levels = levels_between(first, last, rib_pairs, lumbar_count)
    return VirtualSpineSpec(levels=levels, rib_pairs=rib_pairs, lumbar_count=lumbar_count, scan=COARSE)


def middles(labels: np.ndarray, geometry: Geometry) -> dict[int, float]:
    """Mean height of each label. [mm]"""
    found = np.unique(labels)[1:].tolist()
    return {number: float(geometry.points(np.argwhere(labels == number))[:, 2].mean()) for number in found}


@pytest.mark.parametrize(
    ("first", "last", "rib_pairs", "lumbar_count", "names"),
    [
        (L.T12, L.L1, 13, 5, "T12 T13 L1"),
        (L.L4, L.L6, 12, 6, "L4 L5 L6 SACRUM"),
        (L.L3, L.L4, 12, 4, "L3 L4 SACRUM"),
        (L.L4, L.L5, 12, 6, "L4 L5"),
        (L.C7, L.T2, 12, 5, "C7 T1 T2"),
    ],
)
def test_levels_stand_in_their_order_with_the_sacrum_below_the_last(
    first: Level, last: Level, rib_pairs: int, lumbar_count: int, names: str
) -> None:
    made = make_virtual_labels(spec_of(first, last, rib_pairs, lumbar_count), np.random.default_rng(1))
    heights = middles(np.asarray(made.array), made.geometry)
    found = [Level(number) for number, _ in sorted(heights.items(), key=lambda item: -item[1])]
    assert [level.name for level in found] == names.split()


@pytest.mark.parametrize(("rib_pairs", "bearing"), [(11, {L.T11}), (12, {L.T11, L.T12}), (13, {L.T11, L.T12, L.T13})])
def test_ribs_leave_as_many_levels_as_are_asked_for(rib_pairs: int, bearing: set[Level]) -> None:
    made = make_virtual_patient(spec_of(L.T11, L.L1, rib_pairs), np.random.default_rng(2))
    geometry = made.structures.geometry
    ribs = geometry.points(np.argwhere(made.structures.array == Structure.RIB))
    for truth in made.truth.levels:
        local = np.abs(truth.body.frame.to_local(ribs))
        near = bool(((local[:, 0] < 8) & (local[:, 2] > 20)).any())  # a rib leaves at mid-height, beside the body
        assert near == (truth.level in bearing), truth.level.name


@pytest.mark.parametrize(
    ("levels", "rib_pairs", "lumbar_count", "message"),
    [
        (("T12", "L1"), 13, 5, "without a gap"),
        (("T13", "L1"), 12, 5, "T13 cannot be made"),
        (("L5",), 12, 4, "L5 cannot be made"),
        (("L1",), 14, 5, "rib_pairs is 14"),
        (("L1",), 12, 3, "lumbar_count is 3"),
        (("L1", "T13"), 13, 5, "from head to foot"),
    ],
)
def test_levels_that_such_a_spine_has_not_are_refused(
    levels: tuple[str, ...], rib_pairs: int, lumbar_count: int, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        VirtualSpineSpec(levels=levels, rib_pairs=rib_pairs, lumbar_count=lumbar_count)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("first", "last", "rib_pairs", "lumbar_count", "asked"),
    [
        (L.T12, L.L1, 13, 5, {("level_transitional", False)}),
        (L.L4, L.L6, 12, 6, {("level_transitional", False)}),
        (L.L2, L.L4, 12, 4, {("level_lumbar_count", True)}),
    ],
)
def test_true_labels_of_a_transitional_spine_keep_their_names_and_are_asked(
    first: Level, last: Level, rib_pairs: int, lumbar_count: int, asked: set[tuple[str, bool]]
) -> None:
    spec = spec_of(first, last, rib_pairs, lumbar_count)
    made = make_virtual_labels(spec, np.random.default_rng(3))
    spine = build_spine(None, labels=LabelImage(made, {}), label_map="verse")
    assert spine.levels == (*spec.levels, L.SACRUM)[: 3 if last is L.L1 else 4]
    assert {(q.code, q.blocking) for q in spine.questions if q.code.startswith("level_")} == asked
