"""The forecast: natural recovery first, then what each procedure adds to it, then harm, over one year."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from spondyl.evidence import find_entry, trial_rows
from spondyl.outcomes.course_facts import MODEL, CourseFacts, beyond_text, course_facts, lost_text
from spondyl.outcomes.frequencies import course_frequencies, natural_frequencies
from spondyl.outcomes.pooling import pooled_differences
from spondyl.outcomes.published import PAIN, published_arms, published_differences
from spondyl.outcomes.types import FEWEST_COMPARISONS, ArmPoint, Prediction
from spondyl.studies import Cause, Patient

if TYPE_CHECKING:
    from spondyl.simulation import Simulation

_SAME_FOR_ALL = (
    "No figure here is computed from this patient: the trials do not support that. The record decides only whose "
    "trials are shown."
)
_SHAM_IMPROVES = (
    "Pain falls without cement too: with time, because people come when it is at its worst, and with any procedure. "
    "A difference against sham is what cement adds."
)
_STATEMENTS = ("out-vertos2-screen", "out-blasco")  # who recovered while waiting; more fractures after cement, or not
_CROSSOVER = "In INVEST most controls had vertebroplasty after one month, which blurs its difference at one year."
_NOT_SIMULATED = "not simulated: what the vertebra itself does in a year without treatment is unknown"


CAUSE_UNKNOWN = "The record does not say why the bone broke: trials in osteoporosis are shown."


def predict_outcomes(patient: Patient, *simulations: Simulation | CourseFacts) -> Prediction:
    """What published evidence lets one expect over a year without a procedure, with vertebroplasty, with kyphoplasty.

    Parameters
    ----------
    patient
        Its cause of the fracture chooses the trials: cancer or osteoporosis. Where it is not known the osteoporotic
        trials are shown and a remark says so; for other causes no trial is shown.
    simulations
        Of the courses of this patient: what the untreated ones say of the bone stands beside the trials, unmixed.

    Assumptions: figures of different trials stand side by side and are pooled only among trials of one kind, at one
    time, three independent ones at least (docs/explanation/forecast.md).
    """
    cause, remarks = _whose(patient.cause)
    if cause is None:
        return Prediction("nobody", remarks, (), (), (), (), (), _unverified(), _untreated(simulations))
    differences, arms = published_differences(cause), published_arms(cause)
    return Prediction(
        people=f"people with a fracture of {'osteoporosis' if cause == 'osteoporotic' else 'cancer'}",
        remarks=(*remarks, _SAME_FOR_ALL, *(_general() if cause == "osteoporotic" else ()), *_joint(arms)),
        natural=natural_frequencies(cause),
        pooled=pooled_differences(cause),
        differences=differences,
        arms=arms,
        frequencies=course_frequencies(cause),
        unverified_rows=_unverified(),
        simulated_course=_untreated(simulations),
    )


def _untreated(simulations: Sequence[Simulation | CourseFacts]) -> str:
    """The year of each untreated level in the model."""
    told = []
    for one in course_facts(simulations):
        if one.course != "untreated" or one.front_lost_mm is None or one.days is None:
            continue
        when = f"upright after {one.days:.0f} days the front of {one.level.name} is"
        text = (
            f"{when} {lost_text(one.front_lost_mm)} than on the CT if it does not heal{beyond_text(one.beyond_share)}"
        )
        if one.front_lost_healing_mm is not None:
            text += f", {lost_text(one.front_lost_healing_mm)} if it does"
        told.append(text)
    return f"{'; '.join(told)} ({MODEL})" if told else _NOT_SIMULATED


def _whose(cause: Cause | None) -> tuple[str | None, tuple[str, ...]]:
    """The cause whose trials are shown, and what to say of it."""
    if cause is None:
        return "osteoporotic", (CAUSE_UNKNOWN,)
    if cause is Cause.OSTEOPOROTIC:
        return "osteoporotic", ()
    if cause is Cause.NEOPLASTIC:
        return "neoplastic", ("Few figures exist for fractures of cancer; those of osteoporosis are not put in.",)
    return None, ("No trial that was read treated fractures of this cause: no figure is shown.",)


def _general() -> tuple[str, ...]:
    entries = (find_entry(key) for key in _STATEMENTS)
    return (_SHAM_IMPROVES, *(one.statement for one in entries if one.statement is not None), _CROSSOVER)


def _joint(arms: tuple[ArmPoint, ...]) -> tuple[str, ...]:
    """Why no curve of an arm is drawn; nothing where there would be enough trials to fit one."""
    at_year = {one.trial_name for one in arms if one.outcome == PAIN and one.time_days == 365}
    if len(at_year) >= FEWEST_COMPARISONS:
        return ()
    return (
        f"Controlled trials whose arms' pain at one year was read: {len(at_year)}. A curve takes {FEWEST_COMPARISONS}; "
        "with fewer, the published points are shown.",
    )


def _unverified() -> int:
    return sum(not row.verified for row in trial_rows())
