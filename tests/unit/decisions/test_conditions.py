"""Conditions over facts; every answer worked by hand."""

import pytest

from spondyl.decisions import Answer, Interval, criteria_of, holds
from spondyl.errors import InputError
from spondyl.evidence import AllOf, AnyOf, Context, CountOf, Criterion, Default, find_rule

YES, NO, UNKNOWN = Answer.YES, Answer.NO, Answer.UNKNOWN


@pytest.mark.parametrize(
    ("operator", "fact", "answer"),
    [
        (">=", 7, YES),
        (">=", 6.9, NO),
        (">=", None, UNKNOWN),
        (">", 7, NO),
        ("<=", 7, YES),
        ("<", 7, NO),
        ("==", 7, YES),
        ("!=", 7, NO),
        (">=", Interval(7, 9), YES),
        (">=", Interval(6, 7), UNKNOWN),
        (">=", Interval(5, 6), NO),
        (">=", Interval(8, None), YES),
        (">=", Interval(6, None), UNKNOWN),
        ("<=", Interval(8, None), NO),
        ("<=", Interval(None, 7), YES),
        ("<", Interval(None, None), UNKNOWN),
        ("==", Interval(6, 8), UNKNOWN),
        ("==", Interval(8, 9), NO),
        ("!=", Interval(8, 9), YES),
        ("unknown", None, YES),
        ("unknown", 3, NO),
    ],
)
def test_numbers_against_seven(operator: str, fact: object, answer: Answer) -> None:
    assert (
        holds(Criterion("pain_score", operator, None if operator == "unknown" else 7), {"pain_score": fact}) is answer
    )


@pytest.mark.parametrize(("fact", "answer"), [(True, NO), (False, YES), (None, UNKNOWN)])
def test_a_no_that_is_asked_for(fact: bool | None, answer: Answer) -> None:
    assert holds(Criterion("neuro_deficit", "==", False), {"neuro_deficit": fact}) is answer


@pytest.mark.parametrize(("fact", "answer"), [("warfarin", YES), ("none", NO), (None, UNKNOWN)])
def test_words(fact: str | None, answer: Answer) -> None:
    assert holds(Criterion("anticoagulant", "!=", "none"), {"anticoagulant": fact}) is answer


def test_a_fact_that_was_left_out_is_unknown() -> None:
    assert holds(find_rule("ctr-pregnancy").when, {}) is UNKNOWN


def test_all_and_any() -> None:
    fever, rigors = Criterion("fever", "==", True), Criterion("rigors", "==", True)
    facts = {"fever": True, "rigors": None}
    assert holds(AllOf((fever, rigors)), facts) is UNKNOWN
    assert holds(AnyOf((fever, rigors)), facts) is YES
    assert holds(AllOf((fever, rigors)), {"fever": None, "rigors": False}) is NO


@pytest.mark.parametrize(
    ("facts", "answer"),
    [
        ({"rmdq": 18, "kyphotic_deformity": True}, YES),
        ({"rmdq": 18, "kyphotic_deformity": None}, UNKNOWN),
        ({"rmdq": 17}, UNKNOWN),
        ({"rmdq": 17, "kyphotic_deformity": False}, NO),
    ],
)
def test_a_count_is_decided_when_no_answer_could_change_it(facts: dict[str, object], answer: Answer) -> None:
    parts = (
        Criterion("rmdq", ">", 17),
        Criterion("kyphotic_deformity", "==", True),
        Criterion("height_loss_progressing", "==", True),
    )
    assert holds(CountOf(parts, ">=", 2), facts) is answer


def test_contexts() -> None:
    assert holds(Context("acute_fracture"), {}, {"acute_fracture"}) is YES
    assert holds(Context("acute_fracture"), {}) is NO


def test_what_a_rule_asks_for() -> None:
    assert [test.variable for test in criteria_of(find_rule("tri-sepsis").when)] == [
        "temperature_c",
        "fever",
        "rigors",
        "temperature_c",
        "rigors",
    ]
    assert criteria_of(find_rule("fu-brace").when) == ()
    assert "t_score" in {test.variable for test in criteria_of(find_rule("pc-of-score").when)}


@pytest.mark.parametrize(
    ("test", "fact"),
    [
        (Criterion("pain_score", ">=", 7), True),
        (Criterion("pain_score", ">=", 7), "severe"),
        (Criterion("neuro_deficit", "==", True), 1.0),
        (Criterion("aetiology", "==", "neoplastic"), True),
    ],
)
def test_a_fact_of_the_wrong_kind_is_refused_without_its_value(test: Criterion, fact: object) -> None:
    with pytest.raises(InputError, match=test.variable) as caught:
        holds(test, {test.variable: fact})
    assert str(fact) not in str(caught.value).split()


def test_a_default_is_no_condition() -> None:
    with pytest.raises(InputError):
        holds(Default("nothing reported"), {})
