"""The first sentences say what the findings say, and no more."""

from spondyl.documents.summary import AGE_UNKNOWN, blocking_first, summarise
from spondyl.findings import Finding, Findings, Status, not_evaluable
from spondyl.spine import Level
from spondyl.studies import Patient, Question


def graded(level: Level, grade: int, chances: tuple[float, ...] = ()) -> Findings:
    found = [
        Finding("genant_grade", level, None, None, grade, "1", None, None, Status.MEASURED, None, "rule", "spondyl")
    ]
    for n, chance in enumerate(chances):
        name = f"genant_grade_probability_{n}"
        found.append(
            Finding(name, level, None, None, chance, "1", None, None, Status.MEASURED, None, "rule", "spondyl")
        )
    return tuple(found)


def test_a_deformity_is_named_with_its_chances_and_no_age() -> None:
    text = summarise(graded(Level.L1, 2, (0.0, 0.05, 0.945, 0.005)), Patient())
    assert text[0] == (
        "L1 has a moderate deformity (grade 2). Chance of each grade, given the measurement's error: "
        "none 0 %, mild 5 %, moderate 94 %, severe under 1 %."
    )
    assert text[-1] == AGE_UNKNOWN
    assert "fracture" not in " ".join(text).replace(AGE_UNKNOWN, "")


def test_no_deformity_is_said_for_the_levels_that_were_graded() -> None:
    text = summarise(graded(Level.L2, 0) + graded(Level.T12, 0), Patient())
    assert text == ("No deformity of grade 1 or more was measured at T12 and L2.",)


def test_levels_that_follow_one_another_are_shortened_and_a_missing_one_is_not_passed_over() -> None:
    levels = (Level.T3, Level.T4, Level.T6, Level.T7, Level.T8, Level.L1)
    text = summarise(tuple(f for level in levels for f in graded(level, 0)), Patient())
    assert text == ("No deformity of grade 1 or more was measured at T3, T4, T6 to T8 and L1.",)


def test_nothing_graded_reassures_nobody() -> None:
    findings = (not_evaluable("genant_grade", Level.T11, "1", "cut by the image border", "rule"),)
    text = summarise(findings, Patient())
    assert text == (
        "Not evaluable: T11 (cut by the image border).",
        "No level could be graded: nothing is said here about deformities.",
    )


def test_a_grade_that_is_not_excluded_is_said() -> None:
    text = " ".join(summarise(graded(Level.L3, 0, (0.6, 0.33, 0.06, 0.01)), Patient()))
    assert "not excluded at L3" in text


def test_fracture_is_a_word_of_the_record() -> None:
    text = summarise(graded(Level.L1, 0), Patient(fracture_levels=("L1", "L4")))
    assert "The record calls L1 and L4 fractured." in text
    assert "No deformity was measured at L1; that does not exclude a fracture." in text
    assert "L4 was not graded here." in text
    assert "The record says that no level is fractured." in summarise((), Patient(fracture_levels=()))
    assert not any("record" in sentence for sentence in summarise((), Patient()))


def test_blocking_questions_come_first_and_once() -> None:
    mild, hard = Question("a", "a.", "b.", False), Question("b", "c.", "d.", True)
    assert blocking_first([mild, hard, mild]) == (hard, mild)
