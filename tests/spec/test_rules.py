"""The tables of this folder are the specification of the rules; docs/rules.md is made from them."""

import pytest

from spondyl.decisions import criteria_of, holds
from spondyl.evidence import Score, find_entry, find_rule, rules_of
from tools.spec_tables import PAGE, SpecCase, page, spec_tables

TABLES = spec_tables()
CASES = [(table.rule_id, case) for table in TABLES for case in table.cases]


@pytest.mark.parametrize(("rule_id", "case"), CASES, ids=[f"{rule_id}: {case.words}" for rule_id, case in CASES])
def test_a_case_of_the_specification(rule_id: str, case: SpecCase) -> None:
    assert holds(find_rule(rule_id).when, dict(case.facts)).value == case.answer


@pytest.mark.parametrize("table", TABLES, ids=[table.rule_id for table in TABLES])
def test_a_table_asks_for_all_facts_of_its_rule_and_has_every_answer(table) -> None:
    assert set(table.variables) == {one.variable for one in criteria_of(find_rule(table.rule_id).when)}
    assert {case.answer for case in table.cases} == {"yes", "no", "unknown"}
    assert any(None in dict(case.facts).values() for case in table.cases) or ".." in repr(table)


@pytest.mark.parametrize("domain", ["candidacy", "contraindication", "procedure_choice"])
def test_every_rule_has_a_table(domain: str) -> None:
    written = {table.rule_id for table in TABLES}
    assert {rule.rule_id for rule in rules_of(domain) if not isinstance(rule.when, Score)} <= written


def test_the_page_of_rules_is_current() -> None:
    assert PAGE.read_text("utf-8") == page(), "make it anew: python -m tools.spec_tables"


def test_the_page_shows_no_figure_of_a_rule_that_nobody_verified() -> None:
    """Of ac-hold-sir and ctr-severe-cardiopulmonary, for two: days, doses and the ASA class."""
    text = page()
    for rule_id, figure in (("ac-hold-sir", "doses"), ("ctr-severe-cardiopulmonary", "at least 4")):
        section = text[text.index(f"### {rule_id}") :]
        section = section[: section.index("\n### ")]
        assert figure not in section.split("| case |")[0]
        assert "not shown" in section


def test_a_limit_that_no_verified_entry_holds_is_not_shown() -> None:
    """Of three verified rules: the pain, the age of a chronic fracture and the height loss stood in no entry."""
    text = page()
    for rule_id, hidden, shown in (
        ("cand-sir-2014", "at least 5", "worst pain (limit not shown"),
        ("cand-nass-chronic", "above 12", "age of the fracture (limit not shown"),
        ("pc-implant", "at most 40", "height loss (limit not shown"),
    ):
        section = text[text.index(f"### {rule_id}") :].split("| case |")[0]
        assert hidden not in section and shown in section, rule_id


def test_figures_stand_beside_the_entry_that_holds_them() -> None:
    for rule_id, figure in (("cand-acr-contraindicated", "1.8"), ("cand-rand-count", "38%")):
        entries = [find_entry(key) for key in find_rule(rule_id).entries]
        assert any(one.statement is not None and figure in one.statement for one in entries), rule_id
