"""Plans go into a file and come back the same; the table keeps what is unknown empty."""

import csv
import io
import json
from pathlib import Path

import numpy as np

from spondyl.documents.plan_files import markups, read_plans, table, write_plans
from spondyl.planning import (
    AccessClass,
    Angles,
    Balloon,
    CementVolume,
    Clearance,
    NeedlePath,
    NoPath,
    Plan,
    Structure,
    no_treatment,
)
from spondyl.spine import Level, Side


def made() -> Plan:
    path = NeedlePath(
        Side.LEFT, "transpedicular", 11, 3.048, np.array([18.0, 35.0, 2.0]), np.array([11.0, -8.0, 3.0]),
        (Clearance(Structure.CANAL, 2.0, 1.5, 2.5, -1.2, 15.0),), AccessClass.A,
        Angles(9.0, 1.0, 8.0, 2.0, 3.0, -1.0), None, ("because",),
    )  # fmt: skip
    balloon = Balloon(Side.LEFT, np.zeros(3), np.array([0.0, -1.0, 0.0]), 15.0, 12.0, 11.0, 13.0, "an endplate")
    refusal = NoPath(Side.RIGHT, 11, Structure.PEDICLE_WALL, 13, "too narrow")
    cement = CementVolume(4.8, 8.9, 29.9, "molloy2003")
    return Plan(Level.L1, (path,), (balloon,), cement, (refusal,), (path,), ("ribs",), ("note",))


def test_a_plan_comes_back_as_it_was(tmp_path: Path) -> None:
    write_plans(tmp_path, (made(), no_treatment("L2")))
    plan, empty = read_plans(tmp_path)
    assert empty.is_untreated and empty.level is Level.L2
    before, after = made(), plan
    assert (after.level, after.cement, after.refused) == (before.level, before.cement, before.refused)
    for old, new in zip(before.needles + before.alternatives, after.needles + after.alternatives, strict=True):
        np.testing.assert_array_equal(new.entry, old.entry)
        np.testing.assert_array_equal(new.target, old.target)
        assert (new.access_class, new.clearances, new.angles) == (old.access_class, old.clearances, old.angles)
    np.testing.assert_array_equal(after.balloons[0].axis, before.balloons[0].axis)
    assert after.balloons[0].limited_by == "an endplate" and after.balloon(Side.LEFT) is after.balloons[0]


def test_slicer_gets_the_needle_in_lps() -> None:
    line, balloon = json.loads(markups([made()]))["markups"]
    assert line["coordinateSystem"] == "LPS"
    assert [point["position"] for point in line["controlPoints"]] == [[18.0, 35.0, 2.0], [11.0, -8.0, 3.0]]
    assert line["controlPoints"][0]["label"] == "L1 left 11 G, class A entry"
    assert balloon["coordinateSystem"] == "LPS"
    assert [point["position"] for point in balloon["controlPoints"]] == [[0.0, 7.5, 0.0], [0.0, -7.5, 0.0]]
    assert balloon["controlPoints"][0]["label"] == "L1 left balloon 15 mm long, up to 12.0 mm wide (11.0 to 13.0) back"


def test_what_is_unknown_stays_empty_in_the_table() -> None:
    (row,) = csv.DictReader(io.StringIO(table([made()])))
    assert row["skin_depth_mm"] == "" and row["clearance_body_wall_mm"] == ""
    assert row["clearance_canal_mm"] == "2.0" and row["side"] == "left"
    assert (row["balloon_length_mm"], row["balloon_diameter_low_mm"]) == ("15.0", "11.0")
