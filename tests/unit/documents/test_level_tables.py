"""One row a level, and every doubt said once, with the columns and levels that it holds for."""

from __future__ import annotations

import pytest

from spondyl.documents.finding_lists import finding_lists, what_text
from spondyl.documents.level_tables import further_tables, levels_table, other_table
from spondyl.documents.tables import level_ranges
from spondyl.findings import Finding, Findings, Status, not_evaluable
from spondyl.spine import Level, Side

LEVELS = (Level.T12, Level.L1, Level.L2)


def made(name: str, level: Level | None, value: float | str, unit: str = "1", **more: object) -> Finding:
    fields = {"low": None, "high": None, "status": Status.MEASURED, "reason": None, "method": "rule"} | more
    return Finding(name, level, None, None, value, unit, source="spondyl", **fields)  # type: ignore[arg-type]


def test_a_level_has_one_row_with_heights_grade_and_chances(findings: Findings) -> None:
    table = levels_table(findings, LEVELS)
    assert [row[0] for row in table.rows] == ["T12", "L1", "L2"]
    row = dict(zip(table.head, table.rows[1], strict=True))
    assert row["Anterior [mm]"] == "16.2 (15.8–16.8)"
    assert row["Deformity"] == "grade 3, severe, wedge"
    assert row["Chance of grade 0 / 1 / 2 / 3 [%]"] == "3 / 3 / 3 / 90"
    assert table.marked == ("L1",)


def test_one_sentence_for_all_columns_and_levels_that_share_a_doubt() -> None:
    why = "cut by the image border"
    names = (("anterior_height", "mm"), ("middle_height", "mm"), ("posterior_height", "mm"), ("height_loss", "%"))
    cut = [not_evaluable(name, level, unit, why, "slab") for name, unit in names for level in LEVELS[:2]]
    grades = [not_evaluable("genant_grade", level, "1", why, "rule") for level in LEVELS[:2]]
    table = levels_table((*cut, *grades, made("anterior_height", Level.L2, 25.0, "mm")), LEVELS)
    assert table.head == ("Level", "Anterior [mm]")  # the others are evaluable nowhere
    assert [row[1] for row in table.rows] == ["n.e.", "n.e.", "25.0"]
    assert table.doubts == ("T12 and L1: not evaluable (cut by the image border).",)


def test_an_uncertain_value_bears_a_mark_and_its_reason_stands_below() -> None:
    density = made("trabecular_hu", Level.L1, 91.26, "[hnsf'U]", status=Status.UNCERTAIN, reason="a dense spot")
    table = further_tables((density,), LEVELS)[-1]
    assert table.rows == (("L1", "91.3 ?"),)
    assert table.doubts == ("Trabecular HU at L1: uncertain (a dense spot).",)


def test_a_level_without_anything_to_show_has_no_row() -> None:
    angle = made("vertebral_angle", Level.L1, 3.0, "deg")
    dark = not_evaluable("trabecular_hu", Level.T12, "[hnsf'U]", "no CT", "ellipse")
    table = further_tables((angle, dark), LEVELS)[0]
    assert table.rows == (("L1", "3.0"),)
    assert table.doubts == ("Trabecular HU at T12: not evaluable (no CT).",)


def test_a_long_reason_is_said_once_below_a_table() -> None:
    why = "whether contrast was given is not known, so that densities are relative to one another only"
    hu = made("trabecular_hu", Level.L1, 91.0, "[hnsf'U]", status=Status.UNCERTAIN, reason=why)
    density = not_evaluable("trabecular_density", Level.L1, "mg/cm3", f"grade 5: {why}", "line")
    doubts = further_tables((hu, density), LEVELS)[-1].doubts
    assert doubts[1] == "Density at L1: not evaluable (grade 5: as above)."


def test_signs_are_listed_by_their_answer() -> None:
    sign, size = "superior_endplate_defect", "superior_endplate_defect_area"
    pit = Finding(sign, Level.L1, None, Side.RIGHT, "yes", "1", None, None, Status.MEASURED, None, "pit", "spondyl")
    found = (
        *(pit, made(size, Level.L1, 38.0, "mm2"), made(sign, Level.T12, "no")),
        made(sign, Level.L2, "no", status=Status.UNCERTAIN, reason="coarse"),
        not_evaluable(sign, Level.L3, "1", "cut", "pit"),
    )
    table = further_tables(found, (*LEVELS, Level.L3))[0]
    assert table.rows == (("Superior endplate defect", "L1 (right, 38.0 mm²)", "T12; L2 ?", "L3"),)


def test_what_has_no_column_is_still_shown() -> None:
    findings = (made("density_grade", None, 5.0), made("something_new", Level.L1, "yes"))
    table = other_table(findings, what_text)
    assert table is not None
    assert table.rows == (("density grade", "5", "–"), ("something new", "yes", "–"))


def test_methods_that_differ_by_level_share_a_row() -> None:
    findings = tuple(
        made("crush_ratio", level, 1.0, method=f"line through neighbours {near}")
        for level, near in ((Level.L1, "T12, L2"), (Level.L2, "L1, L3"))
    )
    lists = finding_lists(findings, LEVELS)
    assert [m.method for m in lists.methods] == ["line through neighbours ... L1: T12, L2; L2: L1, L3"]
    assert [row.method for group in lists.groups for row in group.rows] == [1, 1]


@pytest.mark.parametrize(
    ("levels", "text"),
    [
        ((Level.L1, Level.T11, Level.T12), "T11 to L1"),
        ((Level.T11, Level.T12), "T11 and T12"),
        ((Level.T11, Level.T13, Level.L1), "T11, T13 and L1"),
        ((Level.L4, Level.L5, Level.SACRUM), "L4 to sacrum"),
    ],
)
def test_ranges_of_levels(levels: tuple[Level, ...], text: str) -> None:
    assert level_ranges(levels) == text
