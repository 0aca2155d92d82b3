"""The patient's facts, as a record gives them. Not recorded is None, never a default.

A fact of a fracture (pain, tenderness, imaging) belongs to the levels in `fracture_levels`. Messages name a fact, never
its value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from spondyl.errors import InputError


class Sex(StrEnum):
    """Sex as DICOM writes it; not recorded is None."""

    FEMALE = "F"
    MALE = "M"
    OTHER = "O"


class Cause(StrEnum):
    """What the treating team holds for the cause of the fracture; nobody knows yet is None."""

    OSTEOPOROTIC = "osteoporotic"
    NEOPLASTIC = "neoplastic"
    TRAUMATIC = "traumatic"
    HAEMANGIOMA = "haemangioma"


class Evolution(StrEnum):
    """How the pain has gone since it began."""

    IMPROVING = "improving"
    STABLE = "stable"
    WORSENING = "worsening"


class BloodThinner(StrEnum):
    """Drugs against clotting that a rule knows."""

    WARFARIN = "warfarin"
    APIXABAN = "apixaban"
    RIVAROXABAN = "rivaroxaban"
    EDOXABAN = "edoxaban"
    DABIGATRAN = "dabigatran"
    ENOXAPARIN_THERAPEUTIC = "enoxaparin_therapeutic"
    ENOXAPARIN_PROPHYLACTIC = "enoxaparin_prophylactic"
    UFH = "ufh"
    CLOPIDOGREL = "clopidogrel"
    PRASUGREL = "prasugrel"
    TICAGRELOR = "ticagrelor"
    ASPIRIN = "aspirin"


@dataclass(frozen=True)
class Course:
    """What was tried and how the complaint went."""

    evolution: Evolution | None = None
    optimal_treatment_failed: bool | None = None  # enough analgesia and mobilisation, and pain persists or is not borne
    cannot_walk_for_pain: bool | None = None
    immobile_under_analgesia: bool | None = None
    fracture_age_weeks: float | None = None  # as the team holds it today; from dates alone only "at least" is known
    asymptomatic: bool | None = None
    tried: tuple[str, ...] | None = None  # in words: paracetamol, opioid, brace, physiotherapy


@dataclass(frozen=True)
class Function:
    """Daily function by questionnaire: scores only, save Roland-Morris, whose statements may be ticked one by one."""

    rmdq_score: int | None = None  # Roland-Morris, 0-24
    rmdq_applies: tuple[int, ...] | None = None  # numbers, 1-24, of its statements that apply today; (): none does
    rmdq_not_asked: tuple[int, ...] = ()  # numbers of the statements that nobody asked; only beside rmdq_applies
    odi_percent: float | None = None  # Oswestry
    eq5d_index: float | None = None

    def __post_init__(self) -> None:
        numbers = (*(self.rmdq_applies or ()), *self.rmdq_not_asked)
        if len(set(numbers)) != len(numbers) or not set(numbers) <= set(range(1, RMDQ_ITEMS + 1)):
            raise InputError(f"rmdq_applies and rmdq_not_asked name statements from 1 to {RMDQ_ITEMS}, each once")
        if self.rmdq_not_asked and self.rmdq_applies is None:
            raise InputError("rmdq_not_asked stands alone: give rmdq_applies too, or leave both out")
        if self.rmdq_score is not None and self.rmdq_applies is not None:
            low, high = len(self.rmdq_applies), len(numbers)
            if not low <= self.rmdq_score <= high:
                raise InputError("rmdq_score does not fit rmdq_applies: correct one of them")

    @property
    def rmdq(self) -> tuple[int, int] | None:
        """Lowest and highest Roland-Morris score that the answers allow; None: nothing was recorded."""
        if self.rmdq_score is not None:
            return self.rmdq_score, self.rmdq_score
        if self.rmdq_applies is None:
            return None
        return len(self.rmdq_applies), len(self.rmdq_applies) + len(self.rmdq_not_asked)


@dataclass(frozen=True)
class Examination:
    """What the examination found."""

    tender_at_level: bool | None = None  # pain on palpation or percussion at the fractured level
    neurological_deficit: bool | None = None
    radicular_pain: bool | None = None
    kyphosis_visible: bool | None = None


@dataclass(frozen=True)
class Imaging:
    """What other imaging showed at the fractured levels; the CT's own findings are measured, not recorded here."""

    mri_oedema: bool | None = None  # STIR signal of a fresh fracture
    bone_scan_uptake: bool | None = None
    height_loss_progressing: bool | None = None  # against an earlier picture
    posterior_wall_involved: bool | None = None
    canal_stenosis: bool | None = None
    cord_compressed_by_fragment: bool | None = None
    unstable: bool | None = None
    cleft: bool | None = None
    of_class: int | None = None  # AO Spine-DGOU, 1-5
    sins: int | None = None  # spinal instability neoplastic score, 0-18


@dataclass(frozen=True)
class Conditions:
    """Other conditions that decide about a procedure."""

    local_infection: bool | None = None  # discitis, osteomyelitis, abscess, skin at the needle's way
    systemic_infection: bool | None = None  # untreated
    cement_allergy: bool | None = None
    contrast_allergy: bool | None = None
    pregnant: bool | None = None
    known_cancer: bool | None = None
    radiosensitive_tumour: bool | None = None
    asa_class: int | None = None  # 1-5
    frailty_index: int | None = None  # modified, five items, 0-5


@dataclass(frozen=True)
class Bleeding:
    """What decides about bleeding."""

    blood_thinners: tuple[BloodThinner, ...] | None = None  # (): none is taken; None: not asked
    inr: float | None = None
    platelets_10e9_l: float | None = None
    creatinine_clearance_ml_min: float | None = None

    def __post_init__(self) -> None:
        if self.blood_thinners is not None:
            object.__setattr__(self, "blood_thinners", tuple(BloodThinner(drug) for drug in self.blood_thinners))


@dataclass(frozen=True)
class BoneHealth:
    """Bone, falls and habits."""

    t_score_spine: float | None = None
    t_score_hip: float | None = None
    earlier_fractures: tuple[str, ...] | None = None  # in words: T12 in 2021, hip, wrist
    bone_drugs: tuple[str, ...] | None = None  # in words: alendronate, denosumab
    vitamin_d_nmol_l: float | None = None
    falls_last_year: int | None = None
    glucocorticoids: bool | None = None
    smoker: bool | None = None
    alcohol_units_per_day: float | None = None


@dataclass(frozen=True)
class Patient:
    """The facts of the record. Not recorded is None, never a default. Messages name a fact, never its value."""

    age_years: float | None = None
    sex: Sex | None = None
    pain_nrs: float | None = None  # worst pain now, 0-10
    ct_date: date | None = None  # the day of the CT, as the record gives it
    onset_date: date | None = None  # the day the pain began
    fracture_levels: tuple[str, ...] | None = None  # levels that the record calls fractured; (): none; None: not said
    contrast_given: bool | None = None  # whether the record says that contrast was given for this CT
    weight_kg: float | None = None
    height_cm: float | None = None
    pain_at_rest_nrs: float | None = None
    cause: Cause | None = None
    course: Course = field(default_factory=Course)
    function: Function = field(default_factory=Function)
    examination: Examination = field(default_factory=Examination)
    imaging: Imaging = field(default_factory=Imaging)
    conditions: Conditions = field(default_factory=Conditions)
    bleeding: Bleeding = field(default_factory=Bleeding)
    bone: BoneHealth = field(default_factory=BoneHealth)
    wishes: str | None = None  # in the patient's own words

    def __post_init__(self) -> None:
        if self.sex is not None:
            object.__setattr__(self, "sex", Sex(self.sex))
        if self.cause is not None:
            object.__setattr__(self, "cause", Cause(self.cause))
        for part in (self, *(getattr(self, group) for group in GROUPS)):
            _check_ranges(part)
        for level in self.fracture_levels or ():
            if not re.fullmatch(r"[CTL]\d{1,2}", level):
                raise InputError(
                    "fracture_levels in the record holds something else than names such as 'L1': correct it"
                )


RMDQ_ITEMS = 24
GROUPS = ("course", "function", "examination", "imaging", "conditions", "bleeding", "bone")
RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {  # what can be measured at all, to catch a slip of the pen or a wrong unit; no limit of any guideline
        "age_years": (0, 120),
        "pain_nrs": (0, 10),
        "pain_at_rest_nrs": (0, 10),
        "weight_kg": (20, 400),
        "height_cm": (80, 250),
        "rmdq_score": (0, RMDQ_ITEMS),
        "odi_percent": (0, 100),
        "eq5d_index": (-1, 1),
        "of_class": (1, 5),
        "sins": (0, 18),
        "asa_class": (1, 5),
        "frailty_index": (0, 5),
        "inr": (0.5, 20),
        "platelets_10e9_l": (0, 2000),
        "creatinine_clearance_ml_min": (0, 250),
        "t_score_spine": (-10, 10),
        "t_score_hip": (-10, 10),
        "vitamin_d_nmol_l": (0, 1000),
        "falls_last_year": (0, 1000),
        "alcohol_units_per_day": (0, 100),
        "fracture_age_weeks": (0, 2000),
    }
)


def _check_ranges(part: object) -> None:
    for item in fields(part):  # type: ignore[arg-type]
        value = getattr(part, item.name)
        if value is None or item.name not in RANGES:
            continue
        low, high = RANGES[item.name]
        if not low <= value <= high:
            raise InputError(
                f"{item.name} in the record is not between {low:g} and {high:g}: correct it, or leave it out"
            )
