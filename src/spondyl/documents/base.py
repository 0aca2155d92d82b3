"""What all JSON documents have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


def _key(name: str) -> str:
    return name.removesuffix("_")  # `schema` is a name of pydantic's own


class Document(BaseModel):
    """Base of all models: unknown keys are refused, nothing changes afterwards."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, from_attributes=True, populate_by_name=True, alias_generator=_key
    )


def to_json(document: Document) -> str:
    """The document as JSON text, keys in their fixed order."""
    return document.model_dump_json(by_alias=True) + "\n"
