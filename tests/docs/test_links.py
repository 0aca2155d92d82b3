"""Links in the documentation lead somewhere, and every page is in the menu."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
FILES = [*PAGES, *ROOT.glob("*.md")]
_LINK = re.compile(r"\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"")


@pytest.mark.parametrize("page", FILES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target in _links(page.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://", "mailto:", "#")):
            assert (page.parent / target.split("#")[0]).exists(), f"{page.name}: {target} leads nowhere"


def test_every_page_is_in_the_menu() -> None:
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert set(_leaves(config["nav"])) == {page.relative_to(ROOT / "docs").as_posix() for page in PAGES}


def test_links_are_seen() -> None:
    assert _links('[a](b.md) and [c](d.md#e), <img src="f.png">') == ["b.md", "d.md#e", "f.png"]


def _links(text: str) -> list[str]:
    return [first or second for first, second in _LINK.findall(text)]


def _leaves(node: object) -> list[str]:
    if isinstance(node, str):
        return [node]
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [leaf for child in children for leaf in _leaves(child)]
