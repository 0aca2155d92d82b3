"""The report's section on what to expect: words, icon arrays, picture, record."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from pypdf import PdfReader

from spondyl.documents.forecast import forecast_section, forecast_sources, pooled_words, short_words
from spondyl.documents.icon_arrays import icon_array
from spondyl.documents.records import read_forecast, write_forecast
from spondyl.documents.report import write_report
from spondyl.documents.schema_files import shipped_schema
from spondyl.evidence import find_source
from spondyl.outcomes import CAUSE_UNKNOWN, Course, Frequency, Meaning, predict_outcomes
from spondyl.studies import Cause, Patient

OUTLOOK = predict_outcomes(Patient(cause=Cause.OSTEOPOROTIC))


def frequency(per_1000: float) -> Frequency:
    return Frequency("<pain>", Course.NONE, Meaning.UNWANTED, per_1000, None, None, 365, "people", None, "spondyl")


def people_drawn(svg: str) -> list[list[tuple[float, float]]]:
    """Read back with an XML reader: the corner of each square of a dashed row, path by path."""
    paths = [path.get("d", "") for path in ElementTree.fromstring(svg).iter() if path.get("d")]
    rows = ([tuple(map(float, row)) for row in re.findall(r"M(\d+) (\d+)h(\d+)", path)] for path in paths)
    return [[(x + 8 * i, y - 3) for x, y, long in path for i in range(int((long + 2) // 8))] for path in rows]


@pytest.mark.parametrize(("per_1000", "filled"), [(0.0, 0), (0.2, 1), (3.2, 3), (165.0, 165), (1000.0, 1000)])
def test_an_icon_array_fills_as_many_of_1000_as_it_says(per_1000: float, filled: int) -> None:
    """A rare harm never rounds to nobody."""
    array = icon_array("no procedure: <pain>", frequency(per_1000))
    counts = [len(people) for people in people_drawn(array.svg)]
    assert counts == [count for count in (filled, 1000 - filled) if count]
    assert array.alt == f"no procedure: <pain>: {per_1000:g} of 1000 people."


def test_no_square_lies_on_another_or_outside() -> None:
    svg = icon_array("x", frequency(333.0)).svg
    corners = [corner for people in people_drawn(svg) for corner in people]
    width, height = (int(edge) for edge in ElementTree.fromstring(svg).get("viewBox", "").split()[2:])
    assert len(set(corners)) == 1000
    assert all(x + 6 <= width and y + 6 <= height for x, y in corners)


def test_a_pooled_difference_says_how_many_trials_stand_behind_it() -> None:
    (one,) = OUTLOOK.pooled
    assert "mean of 3 trials (sham-controlled): +0.8 (-0.4 to 2.0)" in pooled_words(one)


def test_natural_recovery_comes_before_what_a_procedure_adds(tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", findings=(), outlook=OUTLOOK)
    html = (tmp_path / "report.html").read_text("utf-8")
    order = [html.index(words) for words in ("If nothing is done", "Benefit and harm", "What a procedure adds")]
    assert order == sorted(order)
    assert "not simulated: what the vertebra itself does" in html
    assert html.count("data:image/svg+xml") == len(OUTLOOK.natural) + len(OUTLOOK.frequencies)
    for key in forecast_sources(OUTLOOK):
        assert f'id="source-{key}"' in html
        assert find_source(key)


def test_the_picture_has_each_trial_and_the_mean_in_words_too() -> None:
    picture = forecast_section(OUTLOOK).picture
    assert picture is not None
    assert "sham-controlled: INVEST, VERTOS IV, VERTOS V" in picture.alt
    assert "open-label: Farrokhi 2011" in picture.alt
    assert len(picture.table.rows) == sum(one.outcome == "pain" for one in OUTLOOK.differences) + 1


def test_where_no_trial_was_read_there_is_no_picture_and_no_table() -> None:
    section = forecast_section(predict_outcomes(Patient(cause=Cause.TRAUMATIC)))
    assert section.picture is None
    assert not (section.natural.rows or section.balance.rows or section.differences.rows or section.icons)


@pytest.mark.parametrize("cause", [None, *Cause])
def test_the_record_comes_back_as_it_was(cause: Cause | None, tmp_path: Path) -> None:
    outlook = predict_outcomes(Patient(cause=cause))
    write_forecast(tmp_path / "forecast.json", outlook)
    jsonschema.validate(
        json.loads((tmp_path / "forecast.json").read_text("utf-8")), shipped_schema("spondyl.forecast/1")
    )
    assert read_forecast(tmp_path / "forecast.json") == outlook


def test_each_icon_array_names_its_source_and_no_two_are_called_alike() -> None:
    """Three of them read "no procedure: a new vertebral fracture", with other numbers, and none said from where."""
    titles = [one.title for one in forecast_section(OUTLOOK).icons]
    assert len(set(titles)) == len(titles) > 10
    assert all(title.endswith("]") for title in titles)


def test_a_sham_group_is_not_called_no_procedure() -> None:
    section = forecast_section(OUTLOOK)
    sham = [title for title in (one.title for one in section.icons) if "(sham group)" in title]
    assert sham and all(title.startswith("sham procedure: ") for title in sham)
    assert {row[1] for row in section.balance.rows if "(sham group)" in row[0]} == {"sham procedure"}


def test_benefit_and_harm_stand_on_one_printed_page(tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", findings=(), outlook=OUTLOOK, pdf=tmp_path / "report.pdf")
    pages = [" ".join(page.extract_text().split()) for page in PdfReader(tmp_path / "report.pdf").pages]
    (forecast,) = (page for page in pages if "What to expect over a year" in page)
    for one in (*OUTLOOK.natural, *OUTLOOK.frequencies):
        assert f"{one.per_1000:g} of 1000" in forecast
    assert "What a procedure adds" in forecast and "mean of 3 trials (sham-controlled): +0.8" in forecast


def test_the_head_says_of_whom_it_speaks_and_that_the_cause_is_unknown() -> None:
    (known,), (unknown,) = short_words(OUTLOOK), short_words(predict_outcomes(Patient()))
    assert known.startswith("In trials of people with a fracture of osteoporosis: pain with vertebroplasty")
    assert unknown == f"{known} {CAUSE_UNKNOWN}"
    assert short_words(predict_outcomes(Patient(cause=Cause.NEOPLASTIC))) == ()
