"""Entries, parameters and sources are found by key, and nothing unverified gives a figure."""

from __future__ import annotations

import csv
import io

import pytest

from spondyl import evidence
from spondyl.errors import InputError
from spondyl.evidence.copies import packaged_bytes, packaged_yaml


def test_a_verified_figure_is_what_the_file_says() -> None:
    grade2 = evidence.find_entry("im-genant").figure("grade2")
    assert (grade2.low, grade2.high, grade2.unit) == (25, 40, "percent")


def test_an_unverified_entry_gives_neither_statement_nor_figure() -> None:
    raw = [entry for entry in packaged_yaml("evidence/evidence.yaml") if not entry["verified"]]
    assert len(raw) == 19  # the README of the evidence: 211 of 230 are verified
    for one in raw:
        entry = evidence.find_entry(one["id"])
        assert (entry.verified, entry.statement, entry.values, entry.note) == (False, None, (), None)
        with pytest.raises(InputError, match="not verified"):
            entry.figure(one["values"][0]["name"] if one["values"] else "any")


def test_an_unverified_entry_cannot_be_made_with_a_statement() -> None:
    with pytest.raises(InputError, match="must not carry figures"):
        evidence.EvidenceEntry("x", "outcomes", "97 % are well", (), "adults", None, None, "acr2018", verified=False)


def test_an_unverified_parameter_is_a_bracket_and_lists_its_assumption() -> None:
    parameter = evidence.find_parameter("keyak1998.E_mid")
    assert not parameter.verified
    assert (parameter.low, parameter.high) == (0.27, 0.6)
    assert parameter.assumption is not None and "keyak1998" in parameter.assumption
    with pytest.raises(InputError, match="bracket"):
        parameter.figure()


def test_yes_in_quotes_is_verified_and_no_in_quotes_is_not() -> None:
    assert evidence.find_parameter("phantomless.vbmd_slope_vs_phantom").figure() == 0.814
    verified = [evidence.find_parameter(name).verified for name in evidence.parameter_names()]
    assert (verified.count(True), verified.count(False)) == (138, 45)


@pytest.mark.parametrize("find", [evidence.find_entry, evidence.find_source, evidence.find_parameter])
def test_an_unknown_key_says_what_is_near(find) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=r"there is no .* 'nonsense-key'"):
        find("nonsense-key")
    with pytest.raises(InputError, match="did you mean genant1993"):
        evidence.find_source("genant1999")


def test_an_unknown_figure_says_which_there_are() -> None:
    with pytest.raises(InputError, match="grade1, grade2, grade3"):
        evidence.find_entry("im-genant").figure("grade4")


def test_every_source_that_is_named_is_found() -> None:
    named = {evidence.find_entry(key).source for key in evidence.entry_ids()}
    named |= {key for entry in packaged_yaml("evidence/evidence.yaml") for key in entry.get("also_see", ())}
    named |= {evidence.find_parameter(name).source for name in evidence.parameter_names()}
    named |= {key for rule in packaged_yaml("evidence/rules.yaml")["rules"] for key in rule["sources"]}
    named |= {row["source_id"] for row in csv.DictReader(io.StringIO(packaged_bytes("evidence/trials.csv").decode()))}
    for case in packaged_yaml("physics/validation.yaml")["cases"]:
        named |= set(case["source"]) if isinstance(case["source"], list) else {case["source"]}
    missing = named - set(evidence.source_keys())
    assert not missing
    for key in named:
        assert evidence.find_source(key).cite


def test_the_projects_own_keys_are_found() -> None:
    assert "docs/nomenclature.md" in evidence.find_source("spondyl").cite
    assert not evidence.find_source("treece2010").identifiers_seen  # written from general knowledge
    assert not evidence.find_source("totalsegmentator_report").identifiers_seen
