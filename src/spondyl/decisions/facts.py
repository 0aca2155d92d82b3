"""The facts that the rules ask for, from the record and from what the CT shows at the fractured levels.

A fact of the CT is used only at levels that the record calls fractured: a deformity is not a fracture. Where several
such levels differ, the fact is unknown until one level is named. What a CT cannot show is never taken for absent: no
gas is not no cleft, no gap in the wall is not a whole wall, and an angle measured lying is only a lower bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from spondyl.decisions.conditions import Fact, Interval
from spondyl.findings import Finding, Findings, Status
from spondyl.spine import Level
from spondyl.studies import Patient

DAYS_A_WEEK = 7
LAST_GRADE = 4  # of density; 5 gives relative results only


@dataclass(frozen=True)
class KnownFact:
    """One fact with where it comes from; what is not known has no KnownFact."""

    fact: Fact
    origin: str  # "record", or "CT, L1"


def gather_facts(patient: Patient, findings: Findings, levels: Sequence[Level]) -> Mapping[str, KnownFact]:
    """Facts by the names of the rules' variables; what nobody recorded or measured is left out.

    Parameters
    ----------
    levels
        The fractured levels that the question is about; empty where the record names none.
    """
    told = {name: KnownFact(fact, "record") for name, fact in _recorded(patient) if fact is not None}
    return dict(_measured(findings, levels)) | dict(_lumbar_hu(patient, findings, levels)) | told


def facts_of(known: Mapping[str, KnownFact]) -> Mapping[str, Fact]:
    """The facts without where they come from."""
    return {name: one.fact for name, one in known.items()}


def _recorded(patient: Patient) -> Iterator[tuple[str, Fact | None]]:
    course, imaging, conditions = patient.course, patient.imaging, patient.conditions
    rmdq = patient.function.rmdq
    yield "age", patient.age_years
    yield "pain_score", patient.pain_nrs
    yield "aetiology", None if patient.cause is None else patient.cause.value
    yield "symptom_evolution", None if course.evolution is None else course.evolution.value
    yield "optimal_medical_management_failed", course.optimal_treatment_failed
    yield "nonambulatory_due_to_pain", course.cannot_walk_for_pain
    yield "immobile_under_analgesia", course.immobile_under_analgesia
    yield "asymptomatic", _asymptomatic(patient)
    yield "fracture_age_weeks", _fracture_age(patient)
    yield "rmdq", None if rmdq is None else Interval(*map(float, rmdq))
    yield "exam_concordant", patient.examination.tender_at_level
    yield "neuro_deficit", patient.examination.neurological_deficit
    yield "kyphotic_deformity", patient.examination.kyphosis_visible
    yield "imaging_positive", _agreed(imaging.mri_oedema, imaging.bone_scan_uptake)
    yield "height_loss_progressing", imaging.height_loss_progressing
    yield "posterior_wall_involved", imaging.posterior_wall_involved
    yield "canal_stenosis", imaging.canal_stenosis
    yield "retropulsion_with_cord_compression", imaging.cord_compressed_by_fragment
    yield "unstable_fracture", imaging.unstable
    yield "intravertebral_cleft", imaging.cleft
    yield "of_class", imaging.of_class
    yield "sins", imaging.sins
    yield "infection_local", conditions.local_infection
    yield "infection_systemic", conditions.systemic_infection
    yield "allergy_cement_or_contrast", _either(conditions.cement_allergy, conditions.contrast_allergy)
    yield "pregnancy", conditions.pregnant
    yield "known_cancer", conditions.known_cancer
    yield "asa_class", conditions.asa_class
    yield "mfi", conditions.frailty_index
    yield "inr", patient.bleeding.inr
    yield "platelets", patient.bleeding.platelets_10e9_l
    yield "anticoagulant", _thinners(patient)
    yield "crcl", patient.bleeding.creatinine_clearance_ml_min
    yield "t_score", _lowest(patient.bone.t_score_spine, patient.bone.t_score_hip)


def _measured(findings: Findings, levels: Sequence[Level]) -> Iterator[tuple[str, KnownFact]]:
    """Facts that the CT gives alike for all levels in question."""
    for variable, name in (("height_loss_percent", "height_loss"), ("kyphosis_angle", "vertebral_angle")):
        bounds = [_bounds(finding) for finding in _of_levels(findings, name, levels)]
        if levels and len(bounds) == len(levels) and None not in bounds:
            low = min(one.low for one in bounds if one and one.low is not None)
            high = max(one.high for one in bounds if one and one.high is not None)
            whole = Interval(low, high if variable == "height_loss_percent" else None)
            yield variable, KnownFact(whole, _origin(levels))
    for variable, name in (("intravertebral_cleft", "gas_cleft"), ("posterior_wall_involved", "posterior_wall_defect")):
        shown = _of_levels(findings, name, levels)
        if levels and len(shown) == len(levels) and all(_is_sure_yes(finding) for finding in shown):
            yield variable, KnownFact(True, _origin(levels))


def _lumbar_hu(patient: Patient, findings: Findings, levels: Sequence[Level]) -> Iterator[tuple[str, KnownFact]]:
    """The CT number of a sound L1, where the record says that no contrast was given and the density has a grade.

    Contrast that nobody recorded may have been given: a dark aorta does not exclude it. Bone pressed together reads
    denser than it is, so L1 counts only where it is surely not deformed.
    """
    broken = {*levels, *(Level.parse(name) for name in patient.fracture_levels or ())}
    grades = [one.value for one in findings if one.name == "density_grade" and one.level is None]
    bright = any(one.name == "contrast_in_blood" and one.value == "yes" for one in findings)
    sound = [one.high is not None and one.high < 1 for one in _of_levels(findings, "genant_grade", (Level.L1,))]
    if patient.contrast_given is not False or bright or Level.L1 in broken or not grades or sound != [True]:
        return
    if not all(isinstance(grade, int | float) and grade <= LAST_GRADE for grade in grades):
        return
    for finding in _of_levels(findings, "trabecular_hu", (Level.L1,)):
        bounds = _bounds(finding)
        if bounds is not None and finding.status is Status.MEASURED:
            yield "lumbar_hu", KnownFact(bounds, _origin((Level.L1,)))


def _of_levels(findings: Findings, name: str, levels: Sequence[Level]) -> list[Finding]:
    return [one for one in findings if one.name == name and one.level in levels and one.level_to is None]


def _bounds(finding: Finding) -> Interval | None:
    """The 95 % interval of a measured number; None where it cannot be relied on."""
    if finding.status is Status.NOT_EVALUABLE or finding.low is None or finding.high is None:
        return None
    return Interval(finding.low, finding.high)


def _is_sure_yes(finding: Finding) -> bool:
    return finding.status is Status.MEASURED and finding.value == "yes"


def _origin(levels: Sequence[Level]) -> str:
    return f"CT, {', '.join(level.name for level in levels)}"


def _asymptomatic(patient: Patient) -> bool | None:
    """Without complaint, where word and pain score do not gainsay each other."""
    by_pain = None if patient.pain_nrs is None else patient.pain_nrs == 0
    return _agreed(patient.course.asymptomatic, by_pain)


def _fracture_age(patient: Patient) -> Fact | None:
    """Weeks, as recorded; from dates only a lower bound: the CT is past, and pain may begin after the fracture."""
    if patient.course.fracture_age_weeks is not None:
        return patient.course.fracture_age_weeks
    if patient.onset_date is None or patient.ct_date is None or patient.ct_date < patient.onset_date:
        return None
    return Interval((patient.ct_date - patient.onset_date).days / DAYS_A_WEEK, None)


def _agreed(one: bool | None, other: bool | None) -> bool | None:
    """What both say, or the only one that speaks; two that differ leave it unknown."""
    if one is None or other is None:
        return other if one is None else one
    return one if one is other else None


def _thinners(patient: Patient) -> str | None:
    """The drugs against clotting by name; "none" where none is taken."""
    drugs = patient.bleeding.blood_thinners
    return None if drugs is None else " and ".join(drugs) or "none"


def _either(one: bool | None, other: bool | None) -> bool | None:
    if one is True or other is True:
        return True
    return None if one is None or other is None else False


def _lowest(*values: float | None) -> Fact | None:
    """The lowest of them; where one is not known, only that it is no higher than the others."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return min(known) if len(known) == len(values) else Interval(None, min(known))
