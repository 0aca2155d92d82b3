"""The plan for the bones after a fragility fracture: each guideline's statement with its region, never merged."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from spondyl.decisions.answer import Answer
from spondyl.decisions.bone_facts import BONE_FACTS, may_be_cancer, reasons_of
from spondyl.decisions.statements import Statement, names, number, questions_of, state, statement_of
from spondyl.decisions.types import OpenQuestion
from spondyl.findings import Findings, Status
from spondyl.spine import Level
from spondyl.studies import Patient, Sex

AACE = ("AACE 2020", "United States")
BHOF = ("BHOF 2022", "United States")
ENDOCRINE_SOCIETY = ("Endocrine Society 2019", "United States")
IOF = ("IOF-ESCEO 2020", "Europe")
NOGG = ("NOGG 2021", "United Kingdom")
NOS = ("National Osteoporosis Society", "United Kingdom")
ROS = ("Royal Osteoporosis Society 2022", "United Kingdom")
STUDY = ("Published study", None)

ADULT = ("fracture", "grown")
CAUSE = ("cancer_excluded", "fracture", "osteoporotic")
FRAGILITY = (*CAUSE, "grown")
WOMAN = (*FRAGILITY, "woman")  # the guidelines say postmenopausal women; their words stand in the statement
PATTERNS = ("lytic_pattern", "sclerotic_pattern")
TOPICS = ("diagnosis", "work-up", "drug", "drug effect", "nutrition", "exercise", "falls", "habits", "monitoring")


@dataclass(frozen=True)
class BoneHealthPlan:
    """What the guidelines say is done for the bones of one patient. A clinician decides and signs."""

    levels: tuple[Level, ...]
    work_up_first: Answer  # YES: cancer may be the cause; UNKNOWN: it was not excluded
    because: tuple[str, ...]  # of the work-up first
    statements: tuple[Statement, ...]  # by topic, in the order of TOPICS
    questions: tuple[OpenQuestion, ...]
    switched_off: tuple[str, ...]


def plan_bone_health(
    patient: Patient,
    findings: Findings = (),
    *,
    levels: Sequence[Level] | None = None,
    without: Collection[str] = (),
) -> BoneHealthPlan:
    """Statements of the guidelines on bone health, each met, not met or not known for this patient.

    Where cancer may be the cause, the cause is found first: statements on drugs are then not met, or not known.

    Parameters
    ----------
    findings
        Patterns that may be a tumour count at the levels in question.
    levels
        Fractured levels; None takes those that the record names.
    without
        Keys of statements that are switched off.
    """
    about = tuple(Level.parse(name) for name in patient.fracture_levels or ()) if levels is None else tuple(levels)
    seen = _seen(findings, about)
    told = _with_cancer(tuple(_statements(patient, without)), seen)
    by_topic = tuple(sorted(told, key=lambda one: TOPICS.index(one.topic)))
    return BoneHealthPlan(
        levels=about,
        work_up_first=Answer.YES if seen else may_be_cancer(patient),
        because=(*_recorded(patient), *seen),
        statements=by_topic,
        questions=questions_of([(one.key, one.reasons) for one in by_topic], BONE_FACTS.values()),
        switched_off=tuple(sorted(without)),
    )


def _seen(findings: Findings, levels: Sequence[Level]) -> tuple[str, ...]:
    """Patterns of a tumour that the CT may show at these levels."""
    return tuple(
        f"CT, {one.level.name}: a place that may be a tumour"
        for one in findings
        if one.name in PATTERNS
        and one.value == "yes"
        and one.level in levels
        and one.status is not Status.NOT_EVALUABLE
        if one.level is not None
    )


def _recorded(patient: Patient) -> Iterator[str]:
    cause, known = patient.cause, patient.conditions.known_cancer
    if cause is None:
        yield "the cause of the fracture is not recorded"
    elif cause.value == "neoplastic":
        yield "the record names a tumour as the cause"
    if known is None:
        yield "whether a cancer is known is not recorded"
    elif known:
        yield "a cancer is known"


def _with_cancer(told: tuple[Statement, ...], seen: tuple[str, ...]) -> tuple[Statement, ...]:
    """The statements with what the CT shows: a place that may be a tumour excludes no cancer."""
    return told if not seen else tuple(_doubted(one) for one in told)


def _doubted(one: Statement) -> Statement:
    if all(reason.variable != "cancer_excluded" for reason in one.reasons):
        return one
    reasons = tuple(
        replace(reason, answer=Answer.NO, origin="CT") if reason.variable == "cancer_excluded" else reason
        for reason in one.reasons
    )
    return replace(one, reasons=reasons, applies=one.applies & Answer.NO)


def _statements(patient: Patient, without: Collection[str]) -> Iterator[Statement]:
    yield from _diagnosis(patient, without)
    yield from _drugs(patient, without)
    yield from _nutrition(patient, without)
    yield from _habits(patient, without)
    yield from _monitoring(patient, without)


def _diagnosis(patient: Patient, without: Collection[str]) -> Iterator[Statement]:
    adult, fragility = reasons_of(patient, ADULT), reasons_of(patient, FRAGILITY)
    yield state(
        "bone-diagnosis-aace",
        "diagnosis",
        AACE,
        lambda: (
            "a vertebral fracture in an adult over 50 without other bone disease is osteoporosis, whatever the T-score"
        ),
        fragility,
        entries=("bh-who",),
        without=without,
    )
    yield state(
        "bone-prompt-nogg",
        "diagnosis",
        NOGG,
        lambda: "treatment starts promptly: the risk of the next fracture is highest just after this one",
        fragility,
        entries=("bh-who",),
        sources=("nogg_s6",),
        strength="NOGG",
        without=without,
    )
    yield state(
        "bone-liaison-nogg",
        "diagnosis",
        NOGG,
        lambda: (
            "every newly found vertebral fracture over 50 gets prompt secondary prevention, followed up by a "
            "fracture liaison service"
        ),
        adult,
        entries=("bh-nogg-fls",),
        without=without,
    )
    yield state(
        "bone-workup-nos",
        "work-up",
        NOS,
        lambda: (
            f"other causes are looked for: {', '.join(_tests(patient))}; protein electrophoresis is for excluding "
            "myeloma, 25-OH vitamin D and PTH are for those at risk"
        ),
        reasons_of(patient, ("fracture",)),
        entries=("bh-workup",),
        without=without,
    )
    yield state(
        "bone-image-nogg",
        "work-up",
        NOGG,
        partial(statement_of, "bh-nogg-image"),
        reasons_of(patient, ("grown", "image_reason")),
        entries=("bh-nogg-image",),
        strength="NOGG",
        without=without,
    )
    yield state(
        "bone-ct-number",
        "work-up",
        STUDY,
        partial(statement_of, "im-hu-pickhardt"),
        (),
        entries=("im-hu-pickhardt",),
        without=without,
    )


def _tests(patient: Patient) -> list[str]:
    tests = names("bh-workup", "tests")
    return [test for test in tests if patient.sex is not Sex.FEMALE or "(men)" not in test]


def _drugs(patient: Patient, without: Collection[str]) -> Iterator[Statement]:
    fragility, woman = reasons_of(patient, FRAGILITY), reasons_of(patient, WOMAN)
    risk = reasons_of(patient, ("very_high_risk",))
    most = "bh-first-line"
    yield state(
        "bone-first-nogg",
        "drug",
        NOGG,
        lambda: (
            f"first for most: a {names(most, 'most')[0]}, by mouth or into a vein (alendronate, risedronate, "
            f"zoledronate), into a vein after a hip fracture; alternatives: {', '.join(names(most, 'alternatives'))}"
        ),
        fragility,
        entries=(most,),
        strength="NOGG strong",
        note="Postmenopausal women and older men.",
        without=without,
    )
    yield state(
        "bone-very-high-nogg",
        "drug",
        NOGG,
        partial(statement_of, "bh-nogg-veryhigh"),
        (*fragility, *risk),
        entries=("bh-nogg-veryhigh",),
        without=without,
    )
    yield state(
        "bone-first-es",
        "drug",
        ENDOCRINE_SOCIETY,
        lambda: (
            "postmenopausal women at high risk begin with a bisphosphonate (alendronate, risedronate, zoledronic "
            "acid; ibandronate for vertebral fractures only)"
        ),
        woman,
        entries=("bh-es-bp",),
        without=without,
    )
    yield state(
        "bone-very-high-es",
        "drug",
        ENDOCRINE_SOCIETY,
        lambda: (
            "postmenopausal women at very high risk, such as several fractures: a drug that builds bone; romosozumab "
            "is an option, with a cardiovascular caution"
        ),
        (*woman, *risk),
        entries=("bh-es-bp",),
        strength="Endocrine Society, consider",
        without=without,
    )
    yield state(
        "bone-categories-iof",
        "drug",
        IOF,
        partial(statement_of, "bh-iof"),
        woman,
        entries=("bh-iof",),
        without=without,
    )
    for key, who, entry in (  # none is verified, so no limit of age is shown as theirs
        ("bone-very-high-list-nogg", NOGG, "bh-nogg-veryhigh-list"),
        ("bone-very-high-aace", AACE, "bh-aace-veryhigh"),
        ("bone-treat-bhof", BHOF, "bh-bhof-treat"),
    ):
        reasons = reasons_of(patient, CAUSE)
        yield state(key, "drug", who, partial(statement_of, entry), reasons, entries=(entry,), without=without)
    yield state(
        "bone-denosumab-nogg",
        "drug",
        NOGG,
        lambda: (
            "denosumab is never stopped without something in its place: zoledronate "
            f"{number('bh-denosumab-stop', 'zoledronate_after')} months after the last dose; otherwise the risk of "
            "vertebral fractures rises"
        ),
        reasons_of(patient, ("denosumab",)),
        entries=("bh-denosumab-stop",),
        without=without,
    )
    for key, entry in (("bone-effect-trials", "bh-drug-effect"), ("bone-effect-kyphoplasty", "bh-zol-after-pkp")):
        yield state(
            key, "drug effect", STUDY, partial(statement_of, entry), fragility, entries=(entry,), without=without
        )


def _nutrition(patient: Patient, without: Collection[str]) -> Iterator[Statement]:
    entry = "bh-calcium-vitd"
    for key, figure, who in (
        ("bone-calcium-woman-bhof", "calcium_women_51", ("grown", "woman")),
        ("bone-calcium-man-bhof", "calcium_men_50_70", ("grown", "not_later", "man")),
        ("bone-calcium-later-man-bhof", "calcium_men_71", ("later", "man")),
    ):
        yield state(
            key,
            "nutrition",
            BHOF,
            partial(_calcium, figure),
            reasons_of(patient, who),
            entries=(entry,),
            sources=("bhof2022",),
            strength="BHOF universal recommendation",
            without=without,
        )
    grown = reasons_of(patient, ("grown",))
    yield state(
        "bone-vitamin-d-bhof",
        "nutrition",
        BHOF,
        lambda: (
            f"vitamin D {number(entry, 'vitd_dose')} IU a day, so that 25-OH vitamin D stays at "
            f"{number(entry, 'vitd_level')} ng/mL"
        ),
        grown,
        entries=(entry,),
        sources=("bhof2022",),
        strength="BHOF universal recommendation",
        without=without,
    )
    yield state(
        "bone-nutrition-nogg",
        "nutrition",
        NOGG,
        lambda: (
            f"calcium at least {number(entry, 'calcium_nogg_min')} mg a day, and vitamin D at least "
            f"{number(entry, 'vitd_nogg_min')} IU a day where it is insufficient"
        ),
        grown,
        entries=(entry,),
        sources=("nogg_s5",),
        strength="NOGG strong",
        without=without,
    )


def _calcium(figure: str) -> str:
    return f"calcium {number('bh-calcium-vitd', figure)} mg a day, from food first"


def _habits(patient: Patient, without: Collection[str]) -> Iterator[Statement]:
    grown, adult = reasons_of(patient, ("grown",)), reasons_of(patient, ADULT)
    lifestyle = partial(state, who=NOGG, entries=("bh-lifestyle",), without=without)
    yield lifestyle(
        "bone-exercise-nogg",
        "exercise",
        words=lambda: "weight-bearing and muscle-strengthening exercise",
        reasons=grown,
    )
    yield state(
        "bone-exercise-fracture-nogg",
        "exercise",
        NOGG,
        partial(statement_of, "rec-nogg-exercise"),
        adult,
        entries=("rec-nogg-exercise",),
        without=without,
    )
    yield state(
        "bone-exercise-ros",
        "exercise",
        ROS,
        partial(statement_of, "rec-ros"),
        reasons_of(patient, ("fracture",)),
        entries=("rec-ros",),
        without=without,
    )
    yield lifestyle(
        "bone-falls-nogg",
        "falls",
        words=lambda: "falls are assessed, and those at risk train their balance",
        reasons=grown,
    )
    yield lifestyle(
        "bone-falls-bhof",
        "falls",
        who=BHOF,
        words=lambda: "fewer falls: balance training, safe movement, a look at the hazards at home",
        reasons=(*grown, *reasons_of(patient, ("fallen",))),
        sources=("bhof2022",),
        strength="BHOF",
    )
    yield lifestyle(
        "bone-smoking-nogg",
        "habits",
        words=lambda: "stop smoking",
        reasons=(*grown, *reasons_of(patient, ("smoker",))),
    )
    yield lifestyle(
        "bone-alcohol-nogg",
        "habits",
        words=lambda: f"alcohol at most {number('bh-lifestyle', 'alcohol_units_day')} units a day",
        reasons=(*grown, *reasons_of(patient, ("drinks_more",))),
    )


def _monitoring(patient: Patient, without: Collection[str]) -> Iterator[Statement]:
    entry = "bh-monitoring"
    yield state(
        "bone-reassess-es",
        "monitoring",
        ENDOCRINE_SOCIETY,
        lambda: f"the risk is assessed anew {number(entry, 'reassess')} years into a bisphosphonate",
        reasons_of(patient, ("woman", "bisphosphonate")),
        entries=(entry,),
        strength="Endocrine Society",
        without=without,
    )
    yield state(
        "bone-density-es",
        "monitoring",
        ENDOCRINE_SOCIETY,
        lambda: f"bone density every {number(entry, 'bmd_interval')} years at high risk",
        reasons_of(patient, WOMAN),
        entries=(entry,),
        strength="Endocrine Society",
        without=without,
    )
