"""The JSON Schemas that ship with the package, made from the models.

`python -m spondyl.documents.schema_files` writes them anew after a change of a model.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from spondyl.documents import (
    advice_models,
    agreement,
    backend_labels,
    course_models,
    injection,
    levels,
    mechanics,
    models,
    strength,
)
from spondyl.documents.base import Document
from spondyl.studies import write_whole


def document_models() -> dict[str, type[Document]]:
    """All documents by schema name, such as "spondyl.findings/1"."""
    modules = advice_models, agreement, backend_labels, course_models, injection, levels, mechanics, models, strength
    named = [value for module in modules for value in vars(module).values()]
    found = [m for m in named if isinstance(m, type) and issubclass(m, Document)]
    return {m.model_fields["schema_"].default: m for m in found if "schema_" in m.model_fields}


def json_schema(model: type[Document]) -> dict[str, Any]:
    """The JSON Schema of a document."""
    schema = model.model_json_schema(by_alias=True, mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def file_name(schema_name: str) -> str:
    """The file of a schema: "spondyl.findings/1" stands in findings-1.schema.json."""
    return schema_name.removeprefix("spondyl.").replace("/", "-") + ".schema.json"


def shipped_schema(schema_name: str) -> dict[str, Any]:
    """The schema of this name that ships with the package."""
    text = (files("spondyl.documents") / "schemas" / file_name(schema_name)).read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def write_schemas(folder: Path) -> None:
    """Write the schema of every document into a folder."""
    for name, model in document_models().items():
        text = json.dumps(json_schema(model), indent=1, ensure_ascii=False) + "\n"
        write_whole(folder / file_name(name), text.encode())


if __name__ == "__main__":
    write_schemas(Path(__file__).parent / "schemas")
