"""The checklists before, on and after the day. Points without an entry are this project's own and hold no figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from spondyl.decisions.answer import Answer
from spondyl.decisions.drug_holds import inr_reason, platelets_reason
from spondyl.planning import Plan
from spondyl.studies import BloodThinner, Patient


class Phase(StrEnum):
    """When a list is read aloud."""

    BEFORE = "before"
    ON_THE_DAY = "on the day"
    SIGN_OUT = "sign-out"
    HOME = "before going home"


@dataclass(frozen=True)
class ChecklistItem:
    """One point to tick. What the record already says stands beside it; the tick stays with a person."""

    key: str
    phase: Phase
    words: str
    recorded: Answer  # YES: as it should be; NO: it is not, deal with it first; UNKNOWN: nobody wrote it down
    question: str | None  # to ask where the record could hold it
    facts: tuple[str, ...]  # where the record would hold it
    entries: tuple[str, ...]


Look = Callable[[Patient], Answer]


def _nobody(patient: Patient) -> Answer:
    """What no record holds: only a person can tick it."""
    return Answer.UNKNOWN


def _absent(fact: bool | None) -> Answer:
    return ~Answer.of(fact)


def _fresh(patient: Patient) -> Answer:
    return Answer.of(patient.imaging.mri_oedema) | Answer.of(patient.imaging.bone_scan_uptake)


def _clearance_known(patient: Patient) -> Answer:
    """Needed where dabigatran is taken, or may be."""
    drugs = patient.bleeding.blood_thinners
    if drugs is not None and BloodThinner.DABIGATRAN not in drugs:
        return Answer.YES
    return Answer.UNKNOWN if patient.bleeding.creatinine_clearance_ml_min is None else Answer.YES


def _known(fact: object) -> Answer:
    return Answer.UNKNOWN if fact is None else Answer.YES


@dataclass(frozen=True)
class _Point:
    key: str
    phase: Phase
    words: str | Callable[[], str]
    look: Look = _nobody
    question: str | None = None
    facts: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()


_BEFORE, _DAY, _OUT, _HOME = Phase.BEFORE, Phase.ON_THE_DAY, Phase.SIGN_OUT, Phase.HOME
_POINTS = (
    _Point(
        "neurology",
        _BEFORE,
        "legs, bladder and bowel examined and written down: no deficit",
        lambda p: _absent(p.examination.neurological_deficit),
        "Is there a neurological deficit: weakness, numbness, bladder or bowel?",
        ("examination.neurological_deficit",),
    ),
    _Point(
        "infection",
        _BEFORE,
        "no infection at the spine, at the skin or elsewhere",
        lambda p: _absent(p.conditions.local_infection) & _absent(p.conditions.systemic_infection),
        "Is there an infection: of the spine, the skin at the needle's way, the blood or elsewhere?",
        ("conditions.local_infection", "conditions.systemic_infection"),
    ),
    _Point(
        "drugs",
        _BEFORE,
        "every drug against clotting named",
        lambda p: _known(p.bleeding.blood_thinners),
        "Which drugs against clotting are taken?",
        ("bleeding.blood_thinners",),
    ),
    _Point(
        "prescriber",
        _BEFORE,
        "for each of them a plan made with its prescriber: when to stop, when to start again",
        lambda p: Answer.YES if p.bleeding.blood_thinners == () else Answer.UNKNOWN,
    ),
    _Point(
        "inr",
        _BEFORE,
        lambda: inr_reason(Patient()).words + " (SIR)",
        lambda p: inr_reason(p).answer,
        "What is the INR?",
        ("bleeding.inr",),
        ("pp-sir-high",),
    ),
    _Point(
        "platelets",
        _BEFORE,
        lambda: platelets_reason(Patient()).words + " (SIR)",
        lambda p: platelets_reason(p).answer,
        "How many platelets?",
        ("bleeding.platelets_10e9_l",),
        ("pp-sir-high",),
    ),
    _Point(
        "clearance",
        _BEFORE,
        "creatinine clearance known where dabigatran is taken",
        _clearance_known,
        "What is the creatinine clearance?",
        ("bleeding.creatinine_clearance_ml_min",),
    ),
    _Point(
        "allergy",
        _BEFORE,
        "no allergy to cement or contrast medium",
        lambda p: _absent(p.conditions.cement_allergy) & _absent(p.conditions.contrast_allergy),
        "Is there an allergy to bone cement or contrast medium?",
        ("conditions.cement_allergy", "conditions.contrast_allergy"),
    ),
    _Point("other-allergy", _BEFORE, "allergy to antibiotics, local anaesthetics and latex asked for"),
    _Point(
        "pregnancy",
        _BEFORE,
        "pregnancy excluded where it is possible",
        lambda p: _absent(p.conditions.pregnant),
        "Is the patient pregnant?",
        ("conditions.pregnant",),
    ),
    _Point(
        "asa",
        _BEFORE,
        "ASA class written down",
        lambda p: _known(p.conditions.asa_class),
        "What is the ASA class?",
        ("conditions.asa_class",),
    ),
    _Point("anaesthesia", _BEFORE, "anaesthesia agreed, and who watches over it; can lie face down"),
    _Point(
        "level",
        _BEFORE,
        "the level is the one that hurts: tender there, and MRI or bone scan shows an unhealed fracture",
        lambda p: Answer.of(p.examination.tender_at_level) & _fresh(p),
        "Is that level tender, and does MRI or a bone scan show an unhealed fracture there?",
        ("examination.tender_at_level", "imaging.mri_oedema", "imaging.bone_scan_uptake"),
    ),
    _Point("consent", _BEFORE, "consent: benefits, harms, doing without it; questions answered"),
    _Point("help", _BEFORE, "who is called, and where, if cement reaches the canal or a vessel"),
    _Point("bones", _BEFORE, "plan for the bones begun, not left for afterwards"),
    _Point("name", _DAY, "name and date of birth said by the patient"),
    _Point("side", _DAY, "left and right of the picture checked against the patient"),
    _Point("count", _DAY, "level counted in the picture from a landmark that the CT names too"),
    _Point("views", _DAY, "both views show the endplates, both pedicles and the posterior wall"),
    _Point("antibiotic", _DAY, "antibiotic given, or the reason why not"),
    _Point("monitor", _DAY, "pressure, heart and oxygen watched; a vein is open"),
    _Point("instructions", _DAY, "instructions for use of the cement and of each device read"),
    _Point("clock", _DAY, "room temperature read; clock started when the cement is mixed"),
    _Point(
        "stop",
        _DAY,
        "stop agreed: no more cement when it comes near the posterior wall or runs into the canal, a vein or a disc",
    ),
    _Point("out", _OUT, "needles out before the cement is hard; counted"),
    _Point("volume", _OUT, "cement of each level and its lot written down"),
    _Point("leak", _OUT, "leaks looked for in both views and written down, also where there is none"),
    _Point("legs", _OUT, "legs moved and felt as before; breathing, oxygen and pressure as before"),
    _Point("restart", _OUT, "who starts which drug against clotting again, and when"),
    _Point("walk", _HOME, "walked; pain no worse than before; wound dry; legs as before"),
    _Point("call", _HOME, "sheet 'when to call' given and read together, with the number"),
    _Point("alone", _HOME, "not alone tonight, and does not drive"),
    _Point("visit", _HOME, "next visit booked; plan for the bones sent to the practice"),
)


def checklist(patient: Patient, plans: Sequence[Plan]) -> Iterator[ChecklistItem]:
    """All points for one patient, each needle named in words."""
    for point in _POINTS:
        words = point.words if isinstance(point.words, str) else point.words()
        yield ChecklistItem(
            point.key, point.phase, words, point.look(patient), point.question, point.facts, point.entries
        )
        if point.key == "side":
            yield from _needles(plans)


def _needles(plans: Sequence[Plan]) -> Iterator[ChecklistItem]:
    for plan in plans:
        if plan.needles:
            paths = ", ".join(f"{path.side.value} {path.gauge} G" for path in plan.needles)
            words = f"said aloud and marked: {plan.level.name}, {paths}"
            yield ChecklistItem(f"needles-{plan.level.name}", _DAY, words, Answer.UNKNOWN, None, (), ())
