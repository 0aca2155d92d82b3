"""The page of hazards shows every one of them."""

import yaml

from tools.hazards_page import HAZARDS, HEAD, PLACE, on_page_markdown, row


def test_every_hazard_stands_in_the_table_of_the_page() -> None:
    page = on_page_markdown((HAZARDS.parent / "hazards.md").read_text(encoding="utf-8"))
    assert PLACE not in page
    rows = [line for line in page.splitlines() if line.startswith("| H")]
    hazards = yaml.safe_load(HAZARDS.read_text(encoding="utf-8"))
    assert [line.split(" | ")[0].strip("| ") for line in rows] == [hazard["id"] for hazard in hazards]
    assert all(hazard["test"] in line for hazard, line in zip(hazards, rows, strict=True))
    assert {line.count("|") for line in (*HEAD, *rows)} == {7}


def test_a_bar_in_a_text_does_not_end_its_cell() -> None:
    keys = ("id", "hazard", "cause", "harm", "severity", "probability", "control", "test", "residual")
    line = row(dict.fromkeys(keys, "") | {"id": "H1", "cause": "|left| above 6 mm"})
    assert line.count("\\|") == 2
    assert line.count("|") - line.count("\\|") == 7


def test_other_pages_stay_as_they_are() -> None:
    assert on_page_markdown("# Start") == "# Start"
