"""procedure.json and bone_health.json: what is written is read back, and fits its schema."""

import json
from pathlib import Path

import jsonschema

from spondyl.decisions import plan_bone_health, plan_procedure
from spondyl.documents.advice_models import ProcedureDocument
from spondyl.documents.records import from_json, read_bone_health, write_bone_health, write_procedure
from spondyl.documents.schema_files import shipped_schema
from spondyl.spine import Level
from spondyl.studies import Patient
from tests.unit.decisions.test_procedure import plan_of


def test_the_plan_for_the_bones_comes_back(tmp_path: Path) -> None:
    plan = plan_bone_health(Patient(age_years=70, fracture_levels=("L1",)))
    write_bone_health(tmp_path / "bone_health.json", plan)
    assert read_bone_health(tmp_path / "bone_health.json") == plan
    jsonschema.validate(
        json.loads((tmp_path / "bone_health.json").read_text()), shipped_schema("spondyl.bone_health/1")
    )


def test_the_sheet_comes_back(tmp_path: Path) -> None:
    sheet = plan_procedure(Patient(), (plan_of(Level.L1),), without=("pp-levels",))
    write_procedure(tmp_path / "procedure.json", sheet)
    assert from_json(ProcedureDocument, tmp_path / "procedure.json").record() == sheet
    jsonschema.validate(json.loads((tmp_path / "procedure.json").read_text()), shipped_schema("spondyl.procedure/1"))
