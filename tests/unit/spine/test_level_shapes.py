"""Sizes of vertebrae as evidence of names: measured as they are, weak, and never deciding."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spondyl.space import Floats
from spondyl.spine import Level
from spondyl.spine.names import BodyShape, LevelSigns, Sight, measure_shape
from spondyl.spine.names.proposal import propose
from spondyl.spine.names.readings import weigh_sizes
from spondyl.spine.names.shapes import shape_belief

SEEN, NONE, HIDDEN = Sight.SEEN, Sight.NONE, Sight.NOT_SHOWN
UP = np.array([0.0, 0.0, 1.0])
# Rows of the table in `spondyl.spine.names.shapes`: width, depth, distance of the pedicles. [mm]
SIZES = {
    "T1": (36.3, 21.6, 34.7), "T2": (33.5, 23.1, 31.0), "T3": (30.1, 26.7, 27.3), "T4": (30.0, 25.8, 25.2),
    "T9": (34.8, 33.5, 24.1), "T10": (37.6, 33.9, 25.2), "T11": (40.2, 33.3, 26.2), "T12": (42.3, 32.5, 28.3),
    "L1": (43.9, 34.9, 31.1), "L2": (44.9, 35.2, 31.3), "L3": (45.2, 35.0, 34.8), "L4": (49.4, 34.6, 34.9),
    "L5": (51.8, 34.2, 40.2),
}  # fmt: skip


def voxels(step: float = 1.0) -> Floats:
    axis = np.arange(-40.0, 40.1, step)
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)


def vertebra(left_mm: float = 14.0, right_mm: float = 14.0) -> tuple[Floats, Floats]:
    """An elliptic drum 40 mm wide, 30 mm deep and 28 mm high, and bars 6 mm wide behind it with these middles."""
    x, y, z = voxels().T
    drum = ((x / 20) ** 2 + (y / 15) ** 2 <= 1) & (np.abs(z) <= 14)
    behind = (y > 15) & (y <= 30) & (z > 0) & (z <= 10)  # y runs backward in LPS
    bars = behind & ((np.abs(x - left_mm) <= 3) | (np.abs(x + right_mm) <= 3))
    return voxels()[drum], voxels()[bars]


def turned(points: Floats, degrees: float) -> Floats:
    """Turned about the left-right axis, as a body that leans forward."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.asarray(points @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]]).T + (5.0, -90.0, 400.0))


@pytest.mark.parametrize("lean", [0.0, 25.0])
def test_width_depth_and_distance_of_pedicles_are_those_of_a_drum_with_two_bars(lean: float) -> None:
    body, arch = (turned(points, lean) for points in vertebra(left_mm=16.0, right_mm=12.0))
    up = turned(UP[None], lean)[0] - turned(np.zeros((1, 3)), lean)[0]
    found = measure_shape(body, arch, 30 * up)
    assert found is not None and found.pedicles_mm is not None
    # an ellipse of 1 mm voxels has the moments of the true one to some tenths of a millimetre
    assert (found.width_mm, found.depth_mm) == pytest.approx((40.0, 30.0), abs=0.4)
    assert found.pedicles_mm == pytest.approx(28.0, abs=0.1)


def test_a_pedicle_on_one_side_alone_has_no_distance() -> None:
    body, arch = vertebra()
    found = measure_shape(body, arch[arch[:, 0] > 0], UP)
    assert found is not None and found.pedicles_mm is None
    assert set(found.sizes()) == {"width", "depth"}


def test_too_few_voxels_have_no_sizes() -> None:
    body, arch = vertebra()
    assert measure_shape(body[:20], arch, UP) is None


def test_one_width_costs_what_its_distance_from_the_usual_one_says() -> None:
    """Width alone at T11, 40.2 mm usual: a size of one standard deviation, 0.12, costs 1/2, and all weighs one half."""
    shape = BodyShape(40.2 * float(np.exp(0.12)), 33.3 * float(np.exp(0.12)), 26.2 * float(np.exp(0.12)))
    assert shape_belief([shape], [Level.T11]) == pytest.approx(-0.25)
    assert shape_belief([None], [Level.T11]) == 0.0


def shapes(names: str, scale: float = 1.0) -> list[BodyShape]:
    return [BodyShape(*(scale * mm for mm in SIZES[name])) for name in names.split()]


def signs_of(found: list[BodyShape]) -> list[LevelSigns]:
    """Pieces of which nothing is seen but their sizes."""
    blind = LevelSigns(None, (HIDDEN, HIDDEN), (HIDDEN, HIDDEN), HIDDEN)
    return [replace(blind, shape=shape) for shape in found]


@pytest.mark.parametrize("scale", [0.9, 1.0, 1.1])
@pytest.mark.parametrize("names", ["T1 T2 T3 T4", "T9 T10 T11 T12 L1", "T12 L1 L2 L3 L4 L5"])
def test_sizes_of_a_small_and_of_a_large_person_fit_their_own_levels_best(names: str, scale: float) -> None:
    best = weigh_sizes(signs_of(shapes(names, scale)))[0]
    assert " ".join(level.name for level in best.levels) == names
    assert best.share < 0.85  # weak, even where they are exactly the usual ones


def test_a_level_of_which_nothing_is_known_is_not_preferred() -> None:
    """Sizes like those of T1 to T4 in a row: names in the neck have no row in the table and may not win by it."""
    rows = weigh_sizes(signs_of(shapes("T1 T2 T3 T4")))
    neck = sum(row.share for row in rows if row.levels[-1].order <= Level.C7.order)
    assert neck < rows[0].share


def test_sizes_alone_name_nothing_however_well_they_fit() -> None:
    found = propose(signs_of(shapes("T9 T10 T11 T12 L1 L2 L3 L4 L5")), range(1, 10))
    assert found.levels is None
    assert found.questions[0].blocking
    assert "by themselves fit T9 to L5 best" in found.questions[0].text
    assert "no name rests on them" in found.questions[0].text


def lumbar_row(names: str, sizes: str, ribs: int) -> list[LevelSigns]:
    """Pieces with the distances of these levels and the sizes of those, the first few bearing ribs; a sacrum below."""
    usual = {"T11": 29, "T12": 30, "L1": 31, "L2": 32, "L3": 33, "L4": 33, "L5": 31}
    row = [
        LevelSigns(float(usual[name]), (SEEN, SEEN) if i < ribs else (NONE, NONE), (NONE, NONE), NONE, shape=shape)
        for i, (name, shape) in enumerate(zip(names.split(), shapes(sizes), strict=True))
    ]
    return [*row, LevelSigns(None, (HIDDEN, HIDDEN), (NONE, NONE), SEEN, ("wings",))]


@pytest.mark.parametrize("weight", [0.5, 10.0])
@pytest.mark.parametrize(
    ("names", "words"),
    [
        ("T11 T12 L1 L2 L3 L4 L5", "eleven pairs of ribs that are seen"),
        ("T12 L1 L2 L3 L4 L5 L5", "six lumbar vertebrae"),
    ],
)
def test_sizes_do_not_decide_between_six_lumbar_vertebrae_and_eleven_pairs_of_ribs(
    names: str, words: str, weight: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six bodies between the last rib and the sacrum, with exactly the sizes of one reading: told, and asked.

    So it stays where sizes are made to weigh twenty times what they do, and outweigh all else.
    """
    monkeypatch.setattr("spondyl.spine.names.shapes._WEIGHT", weight)
    found = propose(lumbar_row(names, names, ribs=1), [1, 2, 3, 4, 5, 6, 7, None])
    assert found.readings[0].words == words
    assert (found.readings[0].share > 0.85) == (weight == 10.0)
    assert found.levels is None and found.questions[0].blocking


def test_sizes_that_fit_badly_lower_the_share_of_a_name_and_hardly_more() -> None:
    """The last rib alone names these; sizes of T1 to T4 there are more likely a bad mask than another name."""
    rows = []
    for sizes in ("T11 T12 L1 L2", "T1 T2 T3 T4"):
        row = lumbar_row("T11 T12 L1 L2", sizes, ribs=2)[:-1]
        last = LevelSigns(None, (HIDDEN, HIDDEN), (NONE, NONE), NONE)
        rows.append(propose([*row, last], [1, 2, 3, 4, 5]))
    assert rows[0].levels == rows[1].levels
    assert rows[0].readings[0].share > 0.95 > rows[1].readings[0].share > 0.85


@pytest.mark.parametrize("weight", [1.5, 5.0])
def test_sizes_may_make_a_question_of_a_name(weight: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ribs name T11 to L2 (share 0.95); with these weights that falls to 0.75, or another row is the likeliest."""
    monkeypatch.setattr("spondyl.spine.names.shapes._WEIGHT", weight)
    row = lumbar_row("T11 T12 L1 L2", "T1 T2 T3 T4", ribs=2)[:-1]
    found = propose([*row, LevelSigns(None, (HIDDEN, HIDDEN), (NONE, NONE), NONE)], [1, 2, 3, 4, 5])
    assert found.levels is None and found.questions[0].blocking
