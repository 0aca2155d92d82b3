"""What each variable of the rules asks, in words a clinician could say aloud, and where the record holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from spondyl.evidence import Criterion, variables

_OPERATORS = {">=": "at least", ">": "above", "<=": "at most", "<": "below", "==": "", "!=": "other than"}


@dataclass(frozen=True)
class Question:
    """One fact to ask for."""

    variable: str
    text: str  # the question
    yes: str  # the fact in a list of reasons; of a number, its name
    no: str | None  # its opposite; None: a number or a word
    facts: tuple[str, ...]  # where the record holds it: fields of Patient, such as bleeding.inr


def question_of(variable: str) -> Question:
    """The question behind a variable."""
    return QUESTIONS[variable]


def in_words(criterion: Criterion, *, verified: bool = True) -> str:
    """A criterion as a reason: "worst pain at least 7 (0-10)". An unverified one shows no limit."""
    question = question_of(criterion.variable)
    if criterion.operator == "unknown":
        return f"{question.yes}: not recorded"
    if isinstance(criterion.value, bool):
        wanted = criterion.value is (criterion.operator == "==")
        return question.yes if wanted or question.no is None else question.no
    if not verified:
        return f"{question.yes} (limit not shown: not verified)"
    value = f"{criterion.value:.3g}" if isinstance(criterion.value, int | float) else str(criterion.value)
    unit = variables()[criterion.variable].unit
    if unit == "weeks" and isinstance(criterion.value, float) and (months := _whole_months(criterion.value)):
        value, unit = str(months), "months"  # as the source counts
    words = (question.yes, _OPERATORS[criterion.operator], value, f"({unit})" if unit else "")
    return " ".join(word for word in words if word)


def _whole_months(weeks: float) -> int | None:
    """Months of 30 days where the weeks were made of them."""
    months = weeks * 7 / 30
    return round(months) if abs(months - round(months)) < 1e-9 else None


def _yes_no(variable: str, text: str, yes: str, no: str, *facts: str) -> Question:
    return Question(variable, text, yes, no, facts)


def _value(variable: str, text: str, name: str, *facts: str) -> Question:
    return Question(variable, text, name, None, facts)


_ALL = (
    _value("age", "How old is the patient?", "age", "age_years"),
    _value("aetiology", "What caused the fracture?", "cause", "cause"),
    _value("pain_score", "How bad is the pain at its worst, from 0 to 10?", "worst pain", "pain_nrs"),
    _yes_no(
        "imaging_positive",
        "Does MRI or a bone scan show a fresh, unhealed fracture at that level?",
        "MRI or bone scan shows an unhealed fracture",
        "MRI or bone scan shows no unhealed fracture",
        "imaging.mri_oedema",
        "imaging.bone_scan_uptake",
    ),
    _yes_no(
        "exam_concordant",
        "Is the spine tender to touch or tapping at that level?",
        "tender at the fractured level",
        "not tender at the fractured level",
        "examination.tender_at_level",
    ),
    _yes_no(
        "optimal_medical_management_failed",
        "Has enough pain treatment and moving about been tried, without enough effect or with side effects not borne?",
        "the best other treatment has failed",
        "other treatment has not failed",
        "course.optimal_treatment_failed",
    ),
    _yes_no(
        "nonambulatory_due_to_pain",
        "Does pain keep the patient from walking?",
        "cannot walk for pain",
        "walks despite the pain",
        "course.cannot_walk_for_pain",
    ),
    _value(
        "fracture_age_weeks",
        "How old is the fracture, in weeks?",
        "age of the fracture",
        "course.fracture_age_weeks",
        "onset_date",
        "ct_date",
    ),
    _yes_no(
        "asymptomatic",
        "Is the fracture without any complaint?",
        "no complaints from the fracture",
        "the fracture is painful",
        "course.asymptomatic",
        "pain_nrs",
    ),
    _yes_no(
        "neuro_deficit",
        "Is there a neurological deficit: weakness, numbness, bladder or bowel?",
        "a neurological deficit",
        "no neurological deficit",
        "examination.neurological_deficit",
    ),
    _yes_no(
        "infection_local",
        "Is there an infection of the spine, or of the skin where the needle would enter?",
        "infection at the spine or the needle's way",
        "no infection at the spine or the needle's way",
        "conditions.local_infection",
    ),
    _yes_no(
        "infection_systemic",
        "Is there an untreated infection of the blood or elsewhere?",
        "an untreated systemic infection",
        "no untreated systemic infection",
        "conditions.systemic_infection",
    ),
    _yes_no("pregnancy", "Is the patient pregnant?", "pregnant", "not pregnant", "conditions.pregnant"),
    _value("platelets", "How many platelets?", "platelets", "bleeding.platelets_10e9_l"),
    _value("inr", "What is the INR?", "INR", "bleeding.inr"),
    _value("symptom_evolution", "How has the pain gone since it began?", "pain", "course.evolution"),
    _yes_no(
        "height_loss_progressing",
        "Has the vertebra lost more height since an earlier picture?",
        "height loss goes on",
        "height loss does not go on",
        "imaging.height_loss_progressing",
    ),
    _value("rmdq", "What is the Roland-Morris score?", "Roland-Morris score", "function.rmdq_score"),
    _value("height_loss_percent", "How much height has the vertebra lost?", "height loss"),
    _yes_no(
        "kyphotic_deformity",
        "Is the back bent forward at that level?",
        "a kyphotic deformity",
        "no kyphotic deformity",
        "examination.kyphosis_visible",
    ),
    _value("kyphosis_angle", "How large is the kyphosis?", "kyphosis"),
    _yes_no(
        "canal_stenosis",
        "Is the spinal canal narrowed?",
        "a narrowed canal",
        "no narrowed canal",
        "imaging.canal_stenosis",
    ),
    _yes_no(
        "unstable_fracture",
        "Is the fracture unstable?",
        "an unstable fracture",
        "a stable fracture",
        "imaging.unstable",
    ),
    _yes_no(
        "posterior_wall_involved",
        "Is the posterior wall broken?",
        "posterior wall broken",
        "posterior wall whole",
        "imaging.posterior_wall_involved",
    ),
    _yes_no(
        "retropulsion_with_cord_compression",
        "Does a fragment press on the cord?",
        "a fragment presses on the cord",
        "no fragment presses on the cord",
        "imaging.cord_compressed_by_fragment",
    ),
    _yes_no(
        "intravertebral_cleft",
        "Is there a cleft in the vertebra?",
        "a cleft in the vertebra",
        "no cleft in the vertebra",
        "imaging.cleft",
    ),
    _yes_no(
        "allergy_cement_or_contrast",
        "Is there an allergy to bone cement or contrast medium?",
        "an allergy to cement or contrast medium",
        "no allergy to cement or contrast medium",
        "conditions.cement_allergy",
        "conditions.contrast_allergy",
    ),
    _value("asa_class", "What is the ASA class?", "ASA class", "conditions.asa_class"),
    _value("mfi", "What is the five-item frailty index?", "frailty index", "conditions.frailty_index"),
    _value("of_class", "What is the OF class of the fracture?", "OF class", "imaging.of_class"),
    _value("sins", "What is the SINS score?", "SINS", "imaging.sins"),
    _value("t_score", "What is the lowest T-score?", "T-score", "bone.t_score_spine", "bone.t_score_hip"),
    _value("lumbar_hu", "What is the CT number of L1?", "CT number of L1"),
    _yes_no(
        "immobile_under_analgesia",
        "Is the patient immobile in spite of analgesia?",
        "immobile under analgesia",
        "mobile under analgesia",
        "course.immobile_under_analgesia",
    ),
    _value(
        "anticoagulant", "Which drugs against clotting are taken?", "drugs against clotting", "bleeding.blood_thinners"
    ),
)
QUESTIONS: Mapping[str, Question] = MappingProxyType({question.variable: question for question in _ALL})
