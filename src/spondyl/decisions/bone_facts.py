"""The facts that a plan for the bones asks of a record. Words are looked at for names of drugs only."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType

from spondyl.decisions.answer import Answer
from spondyl.decisions.statements import Ask, names, number
from spondyl.decisions.types import Reason
from spondyl.evidence import find_entry
from spondyl.studies import Cause, Patient, Sex

ADULT_YEARS = 50  # "adults >= 50": population of bh-who, bh-lifestyle and the NOGG entries
LATER_YEARS = 70  # "men 50-70, men > 70": bh-calcium-vitd
_A_LEVEL = re.compile(r"\b[TL]\d{1,2}\b")
_SUPPLEMENTS = ("calcium", "vitamin d", "colecalciferol", "cholecalciferol")


def fractured(patient: Patient) -> Answer:
    """Whether the record calls a vertebra fractured."""
    return Answer.of(None if patient.fracture_levels is None else bool(patient.fracture_levels))


def grown(patient: Patient) -> Answer:
    """Aged as the guidelines for adults ask."""
    return Answer.of(None if patient.age_years is None else patient.age_years >= ADULT_YEARS)


def by_osteoporosis(patient: Patient) -> Answer:
    """Whether the team holds osteoporosis for the cause."""
    return Answer.of(None if patient.cause is None else patient.cause is Cause.OSTEOPOROTIC)


def may_be_cancer(patient: Patient) -> Answer:
    """Whether cancer may be the cause; no only where the cause is named and no cancer is known."""
    known = patient.conditions.known_cancer
    if patient.cause is Cause.NEOPLASTIC or known is True:
        return Answer.YES
    return Answer.UNKNOWN if patient.cause is None or known is None else Answer.NO


def several(patient: Patient) -> Answer:
    """More than one vertebral fracture, of now or earlier. Earlier ones are told in words: none told is not none."""
    earlier = {name for told in patient.bone.earlier_fractures or () for name in _A_LEVEL.findall(told)}
    found = set(patient.fracture_levels or ()) | earlier
    if len(found) > 1:
        return Answer.YES
    return Answer.NO if patient.fracture_levels is not None and patient.bone.earlier_fractures == () else Answer.UNKNOWN


def on_denosumab(patient: Patient) -> Answer:
    """Whether denosumab is among the drugs; a name that is not known may be a brand of it."""
    drugs = patient.bone.bone_drugs
    if drugs is None:
        return Answer.UNKNOWN
    if any("denosumab" in drug.lower() for drug in drugs):
        return Answer.YES
    return Answer.NO if all(_is_another(drug) for drug in drugs) else Answer.UNKNOWN


def on_bisphosphonate(patient: Patient) -> Answer:
    """Whether a bisphosphonate is among the drugs."""
    drugs = patient.bone.bone_drugs
    if drugs is None:
        return Answer.UNKNOWN
    if any("dron" in drug.lower() for drug in drugs):  # alendronate, risedronic acid ...
        return Answer.YES
    return Answer.NO if all(_is_another(drug) for drug in drugs) else Answer.UNKNOWN


def _is_another(drug: str) -> bool:
    generic = (*(one.name for one in find_entry("bh-drug-effect").values), *names("bh-first-line", "very_high_risk"))
    stems = (*_SUPPLEMENTS, *(name[:-3] for name in generic if name not in ("denosumab", "pth")))
    return any(stem in drug.lower() for stem in stems)


def _woman(patient: Patient) -> Answer:
    return _is_sex(patient, Sex.FEMALE)


def _man(patient: Patient) -> Answer:
    return _is_sex(patient, Sex.MALE)


def _is_sex(patient: Patient, sex: Sex) -> Answer:
    """Someone whose sex is recorded as other is not answered for."""
    return Answer.of(None if patient.sex in (None, Sex.OTHER) else patient.sex is sex)


def _later(patient: Patient) -> Answer:
    return Answer.of(None if patient.age_years is None else patient.age_years > LATER_YEARS)


def _image_reason(patient: Patient) -> Answer:
    """Any of the reasons for imaging that the record holds: T-score, glucocorticoids, kyphosis."""
    scores = (patient.bone.t_score_spine, patient.bone.t_score_hip)
    limit = float(number("bh-nogg-image", "t_score"))
    low = Answer.UNKNOWN
    if any(score is not None and score <= limit for score in scores):
        low = Answer.YES
    elif None not in scores:
        low = Answer.NO
    return low | Answer.of(patient.bone.glucocorticoids) | Answer.of(patient.examination.kyphosis_visible)


def _drinks_more(patient: Patient) -> Answer:
    units, limit = patient.bone.alcohol_units_per_day, float(number("bh-lifestyle", "alcohol_units_day"))
    return Answer.of(None if units is None else units > limit)


def _fallen(patient: Patient) -> Answer:
    return Answer.of(None if patient.bone.falls_last_year is None else patient.bone.falls_last_year > 0)


_ALL = (
    Ask(
        "cancer_excluded",
        "cancer excluded as the cause",
        "May cancer be the cause: is one known, and what does the team hold for the cause?",
        ("cause", "conditions.known_cancer"),
        lambda patient: ~may_be_cancer(patient),
    ),
    Ask("fracture", "a fractured vertebra", "Is a vertebra fractured?", ("fracture_levels",), fractured),
    Ask("osteoporotic", "osteoporosis is the cause", "What caused the fracture?", ("cause",), by_osteoporosis),
    Ask("grown", f"aged {ADULT_YEARS} or more", "How old is the patient?", ("age_years",), grown),
    Ask("later", f"older than {LATER_YEARS}", "How old is the patient?", ("age_years",), _later),
    Ask("not_later", f"not older than {LATER_YEARS}", "How old is the patient?", ("age_years",), lambda p: ~_later(p)),
    Ask("woman", "a woman", "Is the patient a woman or a man?", ("sex",), _woman),
    Ask("man", "a man", "Is the patient a woman or a man?", ("sex",), _man),
    Ask(
        "very_high_risk",
        "more than one vertebral fracture, or another mark of very high risk (those lists are not verified here)",
        "Which bones broke before, and is the risk of a new fracture very high by the guideline that is followed?",
        ("fracture_levels", "bone.earlier_fractures"),
        lambda patient: several(patient) | Answer.UNKNOWN,
    ),
    Ask(
        "denosumab",
        "denosumab is taken",
        "Which drugs for the bones are or were taken, by generic name?",
        ("bone.bone_drugs",),
        on_denosumab,
    ),
    Ask(
        "bisphosphonate",
        "a bisphosphonate is taken",
        "Which drugs for the bones are or were taken, by generic name?",
        ("bone.bone_drugs",),
        on_bisphosphonate,
    ),
    Ask(
        "image_reason",
        "low T-score, glucocorticoids or a bent back",
        "What are the T-scores, are glucocorticoids taken, is the back bent?",
        ("bone.t_score_spine", "bone.t_score_hip", "bone.glucocorticoids", "examination.kyphosis_visible"),
        _image_reason,
    ),
    Ask(
        "fallen",
        "a fall in the last year",
        "How many falls were there in the last year?",
        ("bone.falls_last_year",),
        _fallen,
    ),
    Ask("smoker", "smokes", "Does the patient smoke?", ("bone.smoker",), lambda p: Answer.of(p.bone.smoker)),
    Ask(
        "drinks_more",
        "drinks more than that",
        "How many units of alcohol are drunk a day?",
        ("bone.alcohol_units_per_day",),
        _drinks_more,
    ),
)
BONE_FACTS: Mapping[str, Ask] = MappingProxyType({ask.variable: ask for ask in _ALL})


def reasons_of(patient: Patient, variables: Collection[str]) -> tuple[Reason, ...]:
    """The reasons of these variables, in their order."""
    return tuple(BONE_FACTS[name].reason(patient) for name in variables)
