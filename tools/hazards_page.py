"""Show the hazards as a table in the documentation. A hook of mkdocs; the list itself is docs/safety/hazards.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

HAZARDS = Path(__file__).parents[1] / "docs" / "safety" / "hazards.yaml"
PLACE = "<!-- hazards -->"
HEAD = (
    "| | hazard and cause | harm | severity, probability | control and its test | what remains |",
    "|---|---|---|---|---|---|",
)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page with the table in its place; a page without that place stays as it is."""
    return markdown.replace(PLACE, table()) if PLACE in markdown else markdown


def table() -> str:
    """All hazards as a table in Markdown."""
    hazards = yaml.safe_load(HAZARDS.read_text(encoding="utf-8"))
    return "\n".join((*HEAD, *map(row, hazards)))


def row(hazard: dict[str, str]) -> str:
    """One hazard; a bar in a text would end its cell, so it is escaped."""
    h = {key: value.replace("|", "\\|") for key, value in hazard.items()}
    return (
        f"| {h['id']} | **{h['hazard']}**: {h['cause']} | {h['harm']} | {h['severity']}, {h['probability']} "
        f"| {h['control']} (`{h['test']}`) | {h['residual']} |"
    )
