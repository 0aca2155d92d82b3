"""Each figure that a rule shows stands in a verified entry that it cites; what stands in none is not printed."""

from __future__ import annotations

import re

import pytest

from spondyl.evidence import PublishedRule, find_entry, rule_domains, rules_of
from spondyl.followup import CheckIn, triage
from tests.unit.documents.number_trace import figures_of_entries, is_among, numbers_in, years_of
from tools.spec_tables import condition_words, page, spec_tables

RULES = [rule for domain in rule_domains() for rule in rules_of(domain)]
TABLES = {table.rule_id: table for table in spec_tables()}
WITHHELD = [rule for rule in RULES if rule.rule_id in TABLES and (not rule.verified or rule.limits_not_read)]


def shown_words(rule: PublishedRule) -> str:
    """All words of a rule: when it speaks, what it says, how strongly, and its note."""
    said = " ".join(str(value).replace("_", " ") for value in rule.then)
    when = condition_words(rule.when, rule.verified, rule.limits_not_read)
    return " ".join((when, said, rule.requires or "", rule.strength or "", rule.note or ""))


def figures_behind(rule: PublishedRule) -> frozenset[float]:
    """Figures of the verified entries, months also as weeks (3 months are 13) and percent also as a share."""
    known = figures_of_entries(rule.entries)
    weeks = {float(round(months * 52 / 12)) for months in known if months in (3, 6, 12)}
    return known | weeks | {each / 100 for each in known} | {year for key in rule.sources for year in years_of(key)}


@pytest.mark.parametrize("rule", RULES, ids=[rule.rule_id for rule in RULES])
def test_each_figure_in_the_words_of_a_rule_stands_in_an_entry_it_cites(rule: PublishedRule) -> None:
    """The emergency temperature, and the days that count as early, stood in none and were printed."""
    known = figures_behind(rule)
    assert [number for number in numbers_in(shown_words(rule)) if not is_among(number, known)] == []


def test_a_rule_that_nobody_verified_has_no_figure_at_all() -> None:
    hidden = [rule for rule in RULES if not rule.verified]
    assert len(hidden) >= 8
    for rule in hidden:  # the year is the guideline's name
        years = frozenset(year for key in rule.sources for year in years_of(key))
        assert [number for number in numbers_in(shown_words(rule)) if not is_among(number, years)] == []


@pytest.mark.parametrize("rule", WITHHELD, ids=[rule.rule_id for rule in WITHHELD])
def test_the_page_does_not_give_a_withheld_limit_away_in_its_cases(rule: PublishedRule) -> None:
    """The limit was not shown, and the cases below it said where it lies."""
    table = TABLES[rule.rule_id]
    section = page().split(f"### {rule.rule_id}\n")[1].split("\n### ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == len(table.cases)
    hidden = set(rule.limits_not_read) if rule.verified else set(table.variables)
    for words, *cells, _ in rows:
        shown = [cell for name, cell in zip(table.variables, cells, strict=True) if name in hidden]
        assert not re.search(r"\d|twelve|thirteen|fourteen", " ".join([words, *shown]))


def test_fever_that_nobody_measured_is_told_without_the_temperature_that_no_entry_holds() -> None:
    reasons = triage(CheckIn(fever=True)).reasons
    (action,) = [one.action for one in reasons if one.key == "tri-fever-unmeasured"]
    assert action == "take temperature now; call clinician same day; emergency if shaking"
    assert not any("38.5" in (find_entry(key).statement or "") for one in reasons for key in one.entries)
