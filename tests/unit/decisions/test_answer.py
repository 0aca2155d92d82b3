"""Three answers; the tables are those of Kleene's strong logic, written out by hand."""

import doctest

import pytest

from spondyl.decisions import Answer, answer

YES, NO, UNKNOWN = Answer.YES, Answer.NO, Answer.UNKNOWN


@pytest.mark.parametrize(
    ("left", "right", "both", "either"),
    [
        (YES, YES, YES, YES),
        (YES, NO, NO, YES),
        (YES, UNKNOWN, UNKNOWN, YES),
        (NO, NO, NO, NO),
        (NO, UNKNOWN, NO, UNKNOWN),
        (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    ],
)
def test_both_and_either(left: Answer, right: Answer, both: Answer, either: Answer) -> None:
    assert left & right is both
    assert right & left is both
    assert left | right is either
    assert right | left is either


def test_not() -> None:
    assert (~YES, ~NO, ~UNKNOWN) == (NO, YES, UNKNOWN)


def test_a_fact_that_is_not_recorded_is_unknown() -> None:
    assert [Answer.of(fact) for fact in (True, False, None)] == [YES, NO, UNKNOWN]


def test_an_answer_has_no_truth_value_of_its_own() -> None:
    with pytest.raises(TypeError, match=r"answer is Answer\.YES"):
        bool(UNKNOWN)


def test_an_answer_is_not_combined_with_a_bare_bool() -> None:
    with pytest.raises(TypeError):
        YES & True


def test_the_examples() -> None:
    assert doctest.testmod(answer).failed == 0
