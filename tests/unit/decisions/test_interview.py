"""The interview asks what could change an answer, and nothing else."""

from datetime import date

import pytest

from spondyl.decisions import assess_candidacy, next_prompt, with_answer
from spondyl.decisions.questions import QUESTIONS
from spondyl.errors import InputError
from spondyl.studies import Bleeding, BloodThinner, Cause, Conditions, Patient

ANSWERS = {"yes or no": "no", "a number": "2", "a day such as 2026-03-31": "2026-03-31"}


def interview(patient: Patient) -> tuple[Patient, list[str]]:
    """Answer everything that is asked, with what is plausible; the order of the facts beside it."""
    asked: list[str] = []
    while (prompt := next_prompt(patient, (), asked)) is not None:
        asked.append(prompt.fact)
        first = prompt.answers.split(",")[0].split(";")[0]
        answer = {"fracture_levels": "L1", "cause": "osteoporotic"}.get(prompt.fact, ANSWERS.get(first, first))
        patient = with_answer(patient, prompt.fact, answer)
    return patient, asked


def test_safety_comes_first_once_the_level_is_known() -> None:
    _, asked = interview(Patient())
    assert asked[0] == "fracture_levels"
    assert set(asked[1:6]) <= {
        "cause",
        "examination.neurological_deficit",
        "conditions.local_infection",
        "conditions.systemic_infection",
        "imaging.unstable",
        "imaging.posterior_wall_involved",
        "course.asymptomatic",
    }


def test_at_the_end_nothing_waits_for_a_fact_of_the_record() -> None:
    """What is left only a CT can answer."""
    patient, asked = interview(Patient())
    assert len(asked) == len(set(asked))
    left = {one.variable for one in assess_candidacy(patient).questions}
    assert left <= {"height_loss_percent", "kyphosis_angle"}


def test_what_changes_nothing_is_not_asked() -> None:
    """With an infection, no pregnancy test changes ACR's position; with a cause that is no tumour no SINS is asked."""
    _, asked = interview(Patient(cause=Cause.OSTEOPOROTIC))
    assert "imaging.sins" not in asked
    assert "cause" not in asked


def test_what_was_skipped_is_not_asked_again() -> None:
    skipped = ["fracture_levels"]
    first = next_prompt(Patient(), (), skipped)
    second = next_prompt(Patient(), (), [*skipped, first.fact])
    assert first.fact != second.fact
    assert next_prompt(Patient(), (), [fact for one in QUESTIONS.values() for fact in one.facts] + skipped) is None


@pytest.mark.parametrize(
    ("fact", "answer", "expected"),
    [
        ("pain_nrs", "7,5", Patient(pain_nrs=7.5)),
        ("cause", "Neoplastic", Patient(cause=Cause.NEOPLASTIC)),
        ("fracture_levels", "l1, t12", Patient(fracture_levels=("L1", "T12"))),
        ("fracture_levels", "none", Patient(fracture_levels=())),
        ("onset_date", "2026-03-31", Patient(onset_date=date(2026, 3, 31))),
        ("conditions.asa_class", "3", Patient(conditions=Conditions(asa_class=3))),
        ("conditions.pregnant", "n", Patient(conditions=Conditions(pregnant=False))),
        ("bleeding.blood_thinners", "none", Patient(bleeding=Bleeding(()))),
        ("bleeding.blood_thinners", "aspirin", Patient(bleeding=Bleeding((BloodThinner.ASPIRIN,)))),
    ],
)
def test_answers_as_people_type_them(fact: str, answer: str, expected: Patient) -> None:
    assert with_answer(Patient(), fact, answer) == expected


@pytest.mark.parametrize(
    ("fact", "answer"),
    [
        ("pain_nrs", "bad"),
        ("pain_nrs", "11"),
        ("conditions.pregnant", "maybe"),
        ("cause", "a fall"),
        ("onset_date", "May"),
    ],
)
def test_an_answer_that_is_not_understood_is_not_repeated(fact: str, answer: str) -> None:
    with pytest.raises(InputError) as caught:
        with_answer(Patient(), fact, answer)
    assert answer not in str(caught.value).split()
