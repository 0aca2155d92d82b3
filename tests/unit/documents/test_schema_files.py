"""The shipped schemas are those of the models, and documents keep to them."""

import json
from pathlib import Path

import jsonschema
import pytest

from spondyl.documents import records
from spondyl.documents.base import to_json
from spondyl.documents.schema_files import document_models, file_name, json_schema, shipped_schema
from spondyl.findings import Findings
from spondyl.spine import Spine

SCHEMAS = Path(__file__).parents[3] / "src" / "spondyl" / "documents" / "schemas"


@pytest.mark.parametrize("name", document_models())
def test_shipped_schemas_are_current(name: str) -> None:
    """Renew them with `python -m spondyl.documents.schema_files`."""
    assert shipped_schema(name) == json.loads(json.dumps(json_schema(document_models()[name])))


def test_no_other_schema_lies_there() -> None:
    assert {path.name for path in SCHEMAS.iterdir()} == {file_name(name) for name in document_models()}


def test_findings_keep_to_their_schema(findings: Findings) -> None:
    schema = shipped_schema("spondyl.findings/1")
    document = json.loads(records.findings_to_json(findings))
    jsonschema.validate(document, schema)
    del document["findings"][0]["status"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema)


def test_spine_and_study_keep_to_their_schemas(tmp_path: Path, spine: Spine) -> None:
    records.write_spine(tmp_path, spine)
    jsonschema.validate(json.loads((tmp_path / "spine.json").read_text()), shipped_schema("spondyl.spine/1"))
    assert spine.study is not None
    study = json.loads(to_json(records.study_document(spine.study, spine.study.patient, (), None)))
    jsonschema.validate(study, shipped_schema("spondyl.study/1"))
