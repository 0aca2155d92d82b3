"""The rules as records; what they say was read off the file by hand."""

import pytest

from spondyl.errors import InputError
from spondyl.evidence import (
    AllOf,
    AnyOf,
    Context,
    CountOf,
    Criterion,
    Default,
    Score,
    disagreements,
    entry_ids,
    find_entry,
    find_rule,
    rule_domains,
    rules_of,
    source_keys,
    variables,
)


def test_every_rule_is_read() -> None:
    assert sum(len(rules_of(domain)) for domain in rule_domains()) == 67
    assert len(disagreements()) == 12


def test_a_rule_of_all() -> None:
    rule = find_rule("cand-rand-worsening")
    assert rule.when == AllOf(
        (
            Criterion("imaging_positive", "==", True),
            Criterion("symptom_evolution", "==", "worsening"),
            Criterion("pain_score", ">=", 5),
        )
    )
    assert rule.says("guideline") == "Hirsch 2018 (RAND/UCLA)"
    assert rule.says("procedures") is None
    assert rule.verified


def test_a_rule_that_counts_and_one_of_any() -> None:
    counted = find_rule("cand-rand-count").when.parts[2]
    assert isinstance(counted, CountOf)
    assert (len(counted.parts), counted.operator, counted.value) == (5, ">=", 2)
    assert isinstance(find_rule("tri-ces").when, AnyOf)


def test_contexts_defaults_and_scores() -> None:
    assert find_rule("fu-brace").when == Context("acute_fracture")
    assert isinstance(
        find_rule("tri-none").when.parts[0]
        if hasattr(find_rule("tri-none").when, "parts")
        else find_rule("tri-none").when,
        Default,
    )
    score = find_rule("pc-of-score").when
    assert isinstance(score, Score)
    assert score.group_limits == (("health", -2.0),)
    assert score.terms[1].or_criterion == Criterion("lumbar_hu", "<=", 90)


def test_an_unverified_rule_says_how_grave_it_is_and_no_more() -> None:
    rule = find_rule("ac-hold-sir")
    assert not rule.verified
    assert (rule.then, rule.note, rule.strength) == ((), None, None)
    assert find_rule("ctr-allergy").then == (("level", "absolute"),)
    assert find_rule("tri-dvt").then == (("urgency", "same_day"),)


def test_what_a_verified_rule_says_of_an_unverified_figure_is_not_there() -> None:
    """The rules page showed 135 HU, "24 h" and that an unverified interval agrees."""
    assert find_rule("bh-imaging").says("note_balanced_hu_unverified") is None
    assert find_rule("bh-imaging").says("l1_hu_sensitive") == 160
    assert find_rule("tri-cancer-neuro").note is None
    assert find_rule("ac-hold-acc").note is None


def test_a_part_of_a_statement_that_was_not_read_is_not_there() -> None:
    """CAFE's values of the controls: "not in the retrieved part", says the entry's own note."""
    statement = find_entry("out-cafe").statement
    assert "17.6 to 9.1" in statement and "18.2" not in statement and "18.0" not in statement


def test_rules_name_what_exists() -> None:
    for domain in rule_domains():
        for rule in rules_of(domain):
            assert set(rule.entries) <= set(entry_ids()), rule.rule_id
            assert set(rule.sources) <= set(source_keys()), rule.rule_id


def test_variables() -> None:
    assert variables()["pain_score"].unit == "NRS/VAS 0-10"
    assert variables()["aetiology"].values == ("osteoporotic", "neoplastic", "traumatic", "haemangioma", "unknown")


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(InputError, match="no rule 'cand-none'"):
        find_rule("cand-none")
    with pytest.raises(InputError, match="domains are"):
        rules_of("cookery")
