"""People from trials, guidelines and case reports: each source says what it would have said itself."""

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from spondyl.decisions import Answer, Recommendation, Stance, assess_candidacy
from spondyl.evidence import find_source
from spondyl.studies import Patient

VIGNETTES = tomllib.loads((Path(__file__).parent / "vignettes.toml").read_text("utf-8"))["vignette"]
NAMES = [one["name"] for one in VIGNETTES]


def advice_for(vignette: dict[str, object]) -> Recommendation:
    return assess_candidacy(TypeAdapter(Patient).validate_python(vignette["patient"]))


def answers(advice: Recommendation) -> dict[str, Answer]:
    found = {one.key: one.applies for one in (*advice.positions, *advice.choices, *advice.team)}
    return found | {one.key: one.answer for one in advice.contraindications}


@pytest.mark.parametrize("vignette", VIGNETTES, ids=NAMES)
def test_each_source_says_what_it_would_have_said(vignette: dict[str, object]) -> None:
    found = answers(advice_for(vignette))
    for expected, words in ((Answer.YES, "met"), (Answer.NO, "not_met"), (Answer.UNKNOWN, "unknown")):
        for key in vignette.get(words, ()):
            assert found[key] is expected, key


@pytest.mark.parametrize("vignette", VIGNETTES, ids=NAMES)
def test_what_belongs_to_another_path_is_found(vignette: dict[str, object]) -> None:
    advice = advice_for(vignette)
    assert [one.key for one in advice.urgent if one.answer is Answer.YES] == vignette.get("first", [])


def test_there_are_twenty_and_each_has_its_source() -> None:
    reports = [one["report"] for one in VIGNETTES if "report" in one]
    assert len(VIGNETTES) - len(reports) >= 20 and len(reports) >= 8
    assert all(find_source(one["source"]).cite for one in VIGNETTES if "report" not in one)
    assert all(re.search(r"doi:10\.|https://|\d{4};", report) for report in reports)


def test_sources_disagree_and_it_shows() -> None:
    """The person whom NICE would offer a procedure is one to whom AAOS and ASBMR speak against it."""
    advice = advice_for(next(one for one in VIGNETTES if one["name"].startswith("NICE by the English policy")))
    met = [one for one in advice.positions if one.applies is Answer.YES]
    assert {one.stance for one in met if one.stance is not Stance.TRIAL} == {Stance.FOR, Stance.AGAINST}
    assert len(advice.disagreements) >= 4
