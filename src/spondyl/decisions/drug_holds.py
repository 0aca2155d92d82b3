"""Drugs against clotting before a procedure of high bleeding risk, and the blood's limits: each source its own.

A source whose intervals nobody verified is switched off and says so; its question is asked all the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial

from spondyl.decisions.answer import Answer
from spondyl.decisions.statements import Statement, number, state, statement_of
from spondyl.decisions.types import Reason
from spondyl.evidence import find_rule
from spondyl.studies import BloodThinner, Patient

SIR = ("SIR 2019", "United States")
ASRA = ("ASRA 2018", "United States")
ACC = ("ACC/AHA 2023, atrial fibrillation", "United States")
INSTITUTE = ("CDI Quality Institute 2020", "United States")
HOSPITAL = ("A hospital's sheet for patients", None)

_HELD = {  # drugs for which the pocket card of ACC/AHA gives days before a procedure of high bleeding risk
    drug: f"{drug.value}_high"
    for drug in (BloodThinner.APIXABAN, BloodThinner.RIVAROXABAN, BloodThinner.EDOXABAN, BloodThinner.WARFARIN)
}
_BAND = (30.0, 50.0)  # creatinine clearance of "dabigatran_high_crcl_30_50" in pp-doac-acc [ml/min]
_WORDS = {
    BloodThinner.ENOXAPARIN_THERAPEUTIC: "enoxaparin at a therapeutic dose",
    BloodThinner.ENOXAPARIN_PROPHYLACTIC: "enoxaparin at a prophylactic dose",
    BloodThinner.UFH: "unfractionated heparin",
}


def hold_drugs(patient: Patient, without: Collection[str] = ()) -> Iterator[Statement]:
    """What each source says of the drugs that are taken; of all its drugs where nobody asked."""
    taken = _taken(patient)
    yield _never_alone(taken, without)
    drugs = patient.bleeding.blood_thinners
    for drug in tuple(BloodThinner) if drugs is None else drugs:
        yield from _held(patient, drug, without)
    for key, who, entry in (
        ("ac-hold-sir", ("SIR 2019, days to hold", SIR[1]), "pp-doac-sir"),
        ("ac-hold-asra", ("ASRA 2018, days to hold", ASRA[1]), "pp-asra-high"),
    ):
        words = partial(statement_of, entry)
        yield state(key, "anticoagulants", who, words, (taken,), entries=(entry,), without=without)
    yield state(
        "ac-policy",
        "anticoagulants",
        INSTITUTE,
        lambda: (
            "where SIR and ASRA differ, follows ASRA for procedures at the spine; ask for ASRA's own intervals, "
            "which are not verified in this version"
        ),
        (taken,),
        entries=("pp-anticoag-policy",),
        without=without,
    )


def limit_bleeding(patient: Patient, without: Collection[str] = ()) -> Iterator[Statement]:
    """Why the procedure counts as one of high bleeding risk, and what the blood must show."""
    yield state(
        "pp-sir-va-high",
        "bleeding",
        SIR,
        lambda: "vertebroplasty is on the list of high bleeding risk",
        entries=("pp-sir-va-high",),
        without=without,
    )
    entry = "pp-sir-high"
    yield state(
        "ac-highrisk-inr",
        "bleeding",
        SIR,
        lambda: f"INR corrected to {number(entry, 'inr_target_low_end')}-{number(entry, 'inr_max_high')} or less",
        (inr_reason(patient),),
        entries=(entry,),
        without=without,
    )
    yield state(
        "ac-highrisk-platelets",
        "bleeding",
        SIR,
        lambda: f"platelets considered where they are below {number(entry, 'platelets_min_high')} x10^9/L",
        (platelets_reason(patient),),
        entries=(entry,),
        without=without,
    )


def inr_reason(patient: Patient) -> Reason:
    """Whether the INR keeps to the limit of SIR."""
    limit = float(number("pp-sir-high", "inr_max_high"))
    value = patient.bleeding.inr
    return _reason("inr", f"INR at most {limit:g}", Answer.of(None if value is None else value <= limit))


def platelets_reason(patient: Patient) -> Reason:
    """Whether the platelets keep to the limit of SIR."""
    limit = float(number("pp-sir-high", "platelets_min_high"))
    value = patient.bleeding.platelets_10e9_l
    kept = Answer.of(None if value is None else value >= limit)
    return _reason("platelets", f"platelets at least {limit:g} x10^9/L", kept)


def drug_words(drug: BloodThinner) -> str:
    """The drug's name as it is read aloud."""
    return _WORDS.get(drug, drug.value)


def _taken(patient: Patient) -> Reason:
    drugs = patient.bleeding.blood_thinners
    named = "a drug against clotting is taken" if not drugs else f"taken: {', '.join(map(drug_words, drugs))}"
    return _reason("anticoagulant", named, Answer.of(None if drugs is None else bool(drugs)))


def _takes(patient: Patient, drug: BloodThinner) -> Reason:
    drugs = patient.bleeding.blood_thinners
    return _reason("anticoagulant", f"{drug_words(drug)} is taken", Answer.of(None if drugs is None else drug in drugs))


def _never_alone(taken: Reason, without: Collection[str]) -> Statement:
    rule = find_rule("ac-thrombotic")
    return state(
        rule.rule_id,
        "anticoagulants",
        SIR,
        lambda: (
            "never stopped without the prescriber: why the drug is taken decides; for people at high risk of "
            "clots a plan made by several disciplines is recommended"
        ),
        (taken,),
        entries=rule.entries,
        sources=rule.sources,
        strength=rule.strength,
        without=without,
        verified=rule.verified,
    )


def _held(patient: Patient, drug: BloodThinner, without: Collection[str]) -> Iterator[Statement]:
    """What is verified of one drug; where nothing is, that is said."""
    takes = _takes(patient, drug)
    rule = find_rule("ac-hold-acc")
    hold = partial(state, topic="anticoagulants", who=ACC, entries=rule.entries, without=without)
    if drug in _HELD:
        yield hold(f"ac-hold-acc:{drug}", words=partial(_days, drug, _HELD[drug]), reasons=(takes,))
    elif drug is BloodThinner.DABIGATRAN:
        low, high = _BAND
        clearance = patient.bleeding.creatinine_clearance_ml_min
        for key, words, answer in (
            ("", f"creatinine clearance above {high:g} ml/min", None if clearance is None else clearance > high),
            (
                "_crcl_30_50",
                f"creatinine clearance {low:g}-{high:g} ml/min",
                None if clearance is None else low <= clearance <= high,
            ),
        ):
            reasons = (takes, _reason("crcl", words, Answer.of(answer)))
            yield hold(f"ac-hold-acc:{drug}{key}", words=partial(_days, drug, f"dabigatran_high{key}"), reasons=reasons)
        below = Answer.of(None if clearance is None else clearance < low)
        reasons = (takes, _reason("crcl", f"creatinine clearance below {low:g} ml/min", below))
        yield _nothing(drug, reasons, without, entries=rule.entries)  # they hold the limit
    else:
        yield _nothing(drug, (takes,), without)
    if drug is BloodThinner.ASPIRIN:
        yield state(
            "sheet-aspirin",
            "anticoagulants",
            HOSPITAL,
            lambda: "aspirin and drugs like ibuprofen stopped a week before (no guideline: ask the prescriber)",
            (takes,),
            entries=("rec-rothman",),
            without=without,
        )


def _days(drug: BloodThinner, figure: str) -> str:
    return f"hold {drug_words(drug)} {number('pp-doac-acc', figure)} days before"


def _nothing(
    drug: BloodThinner, reasons: tuple[Reason, ...], without: Collection[str], entries: tuple[str, ...] = ()
) -> Statement:
    return state(
        f"ac-none:{drug}",
        "anticoagulants",
        ("No verified source in this version", None),
        lambda: (
            f"no verified interval for {drug_words(drug)} here: check with the prescriber and the guideline that "
            "is followed locally"
        ),
        reasons,
        entries=entries,
        sources=("spondyl",),
        without=without,
    )


def _reason(variable: str, words: str, answer: Answer) -> Reason:
    return Reason(variable, words, answer, None if answer is Answer.UNKNOWN else "record")
