"""The tables of `statements` are the specification of the sheet's and the plan's conditions, from the record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from spondyl.decisions import plan_procedure
from spondyl.decisions.bone_facts import BONE_FACTS
from spondyl.studies import Patient
from tools.spec_tables import SpecCase, tables_in

FOLDER = Path(__file__).parent / "statements"
LISTS = ("fracture_levels", "bone.earlier_fractures", "bone.bone_drugs", "bleeding.blood_thinners")
TABLES = {path.stem: tuple(tables_in(path.read_text("utf-8"))) for path in sorted(FOLDER.glob("*.txt"))}
CASES = [
    pytest.param(name, table.rule_id, case, id=f"{table.rule_id}: {case.words}")
    for name, tables in TABLES.items()
    for table in tables
    for case in table.cases
]


def record_of(case: SpecCase) -> Patient:
    """The record of a row: each column is a field, "none" an empty list, "-" a field that is left out."""
    facts: dict[str, Any] = {}
    for (path, fact), cell in zip(case.facts, case.cells, strict=True):
        if fact is None:
            continue
        value: Any = fact
        if path in LISTS:
            value = () if cell == "none" else tuple(cell.split("+"))
        *groups, field = path.split(".")
        place = facts
        for group in groups:
            place = place.setdefault(group, {})
        place[field] = value
    return TypeAdapter(Patient).validate_python(facts)


def answer_of(name: str, key: str, patient: Patient) -> str:
    if name == "bone_facts":
        return BONE_FACTS[key].look(patient).value
    sheet = plan_procedure(patient)
    if name == "checklist":
        return next(one.recorded for one in sheet.checklist if one.key == key).value
    return next(one.applies for one in sheet.statements if one.key == key).value


@pytest.mark.parametrize(("name", "key", "case"), CASES)
def test_a_case_of_the_specification(name: str, key: str, case: SpecCase) -> None:
    assert answer_of(name, key, record_of(case)) == case.answer


def test_every_fact_has_a_table_with_a_row_that_nobody_answered() -> None:
    asked = plan_procedure(Patient())
    needed = {
        "bone_facts": set(BONE_FACTS),
        "checklist": {one.key for one in asked.checklist if one.question},
        "drug_holds": {
            one.key for one in asked.statements if one.topic in ("bleeding", "anticoagulants") and one.reasons
        },
    }
    silent = {"ac-none"}  # one drug stands for all without a verified interval
    for name, keys in needed.items():
        written = {table.rule_id for table in TABLES[name]}
        assert {key for key in keys if key.split(":")[0] not in silent} <= written
        for table in TABLES[name]:
            assert any(None in dict(case.facts).values() and case.answer == "unknown" for case in table.cases)
