"""The files of a mirrored patient's plan are the mirrored files."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from spondyl.documents.plan_files import markups, table
from spondyl.planning import Plan, plan_augmentation
from spondyl.spine import Spine

if TYPE_CHECKING:
    from tests.unit.planning.conftest import Known

OTHER = {"left": "right", "right": "left"}
MIRROR = np.array([-1.0, 1.0, 1.0])  # LPS: left is +x
VOXEL_MM = 1.0  # the grid order of the mirror image differs: pedicles are found within a voxel
# Tips may tie with the next on their grid: 0.4 of the height of 26 mm in 6 steps is 1.8 mm; and needles of equal least
# clearance (1.80 and 1.81 mm at L2) end anywhere in the depth of the aim, 0.18 of 33 mm.
TIP_MM = np.array([1.8, 0.18 * 33.0, 1.8]) + VOXEL_MM


@pytest.fixture(scope="module", params=["T12", "L2"])
def plans(request: pytest.FixtureRequest, known: Known, mirror_spine: Spine) -> tuple[Plan, Plan]:
    return plan_augmentation(known.spine, request.param), plan_augmentation(mirror_spine, request.param)


def rows(plan: Plan) -> dict[str, dict[str, str]]:
    return {row["side"]: row for row in csv.DictReader(io.StringIO(table([plan])))}


def lines(plan: Plan) -> dict[str, np.ndarray]:
    """Entry and tip by the side in their label."""
    found = [markup["controlPoints"] for markup in json.loads(markups([plan]))["markups"]]
    sides = [next(side for side in OTHER if f" {side} " in points[0]["label"]) for points in found]
    return {side: np.array([p["position"] for p in points]) for side, points in zip(sides, found, strict=True)}


def test_rows_of_the_table_change_sides(plans: tuple[Plan, Plan]) -> None:
    one, other = (rows(plan) for plan in plans)
    assert set(one) == set(other) == {"left", "right"}
    for side, row in one.items():
        twin = other[OTHER[side]]
        assert (twin["level"], twin["gauge"], twin["access_class"]) == (row["level"], row["gauge"], row["access_class"])
        assert float(row["entry_x_left_mm"]) * (1 if side == "left" else -1) > 0
        assert float(twin["entry_x_left_mm"]) == pytest.approx(-float(row["entry_x_left_mm"]), abs=VOXEL_MM)


def test_lines_for_slicer_change_sides(plans: tuple[Plan, Plan]) -> None:
    one, other = (lines(plan) for plan in plans)
    assert set(one) == set(other) == {"left", "right"}
    for side, points in one.items():
        entry, tip = other[OTHER[side]] * MIRROR
        np.testing.assert_allclose(entry, points[0], atol=VOXEL_MM)
        assert (np.abs(tip - points[1]) <= TIP_MM).all()
