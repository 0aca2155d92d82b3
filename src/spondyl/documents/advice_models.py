"""The shape of the JSON documents of advice: decisions, procedure, bone health, forecast, triage and recovery.

The questions that could change an answer stand here too.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import date
from typing import Literal

from spondyl.decisions import (
    Answer,
    Aspect,
    BoneHealthPlan,
    CementPace,
    ChecklistItem,
    Concern,
    OpenQuestion,
    Position,
    ProcedureSheet,
    Prompt,
    Recommendation,
    SheetCement,
    SheetNeedle,
    SheetWatch,
    ShownDisagreement,
    Statement,
)
from spondyl.documents.base import Document
from spondyl.documents.models import LevelName
from spondyl.followup import RecoveryItem, RecoveryPlan, Triage, TriageReason, Urgency
from spondyl.outcomes import ArmPoint, CountedRuns, Difference, Frequency, PooledDifference, Prediction
from spondyl.planning import AccessClass
from spondyl.spine import Side


class DecisionsDocument(Document):
    """decisions.json: where each source stands on augmentation for this patient. Never one verdict."""

    schema_: Literal["spondyl.decisions/1"] = "spondyl.decisions/1"
    levels: tuple[LevelName, ...]
    urgent: tuple[Concern, ...]
    contraindications: tuple[Concern, ...]
    no_contraindication_found: Answer
    positions: tuple[Position, ...]
    choices: tuple[Position, ...]
    aspects: tuple[Aspect, ...]
    disagreements: tuple[ShownDisagreement, ...]
    team: tuple[Position, ...]
    questions: tuple[OpenQuestion, ...]
    switched_off: tuple[str, ...]

    @classmethod
    def of(cls, advice: Recommendation) -> DecisionsDocument:
        """The document of this recommendation."""
        return cls(**{item.name: getattr(advice, item.name) for item in fields(advice)})

    def record(self) -> Recommendation:
        """The recommendation itself."""
        return Recommendation(**{item.name: getattr(self, item.name) for item in fields(Recommendation)})


class SheetNeedleModel(Document):
    """One planned needle as the operator reads it."""

    level: LevelName
    side: Side
    approach: str
    gauge: int
    access_class: AccessClass | None
    bone_depth_mm: float
    skin_depth_mm: float | None
    table_inward_deg: float
    table_cranial_deg: float

    def record(self) -> SheetNeedle:
        """The needle itself."""
        return SheetNeedle(**dict(self))


class SheetCementModel(Document):
    """Cement of one level: a bracket, no target."""

    level: LevelName
    low_ml: float
    high_ml: float
    source: str

    def record(self) -> SheetCement:
        """The bracket itself."""
        return SheetCement(**dict(self))


class SheetWatchModel(Document):
    """One way out of a planned body as the model found it; a share of simulated runs is no chance of a patient."""

    level: LevelName
    course: str
    path: str
    openings: tuple[str, ...]
    counted: CountedRuns | None

    def record(self) -> SheetWatch:
        """The way itself."""
        return SheetWatch(**dict(self))


class ProcedureDocument(Document):
    """procedure.json: before, on and after the day. A clinician decides and signs."""

    schema_: Literal["spondyl.procedure/1"] = "spondyl.procedure/1"
    first: tuple[str, ...]
    planned: Answer
    levels: tuple[LevelName, ...]
    refused: tuple[str, ...]
    needles: tuple[SheetNeedleModel, ...]
    cement: tuple[SheetCementModel, ...]
    pace: CementPace | None
    watch: tuple[SheetWatchModel, ...] = ()
    notes: tuple[str, ...]
    checklist: tuple[ChecklistItem, ...]
    statements: tuple[Statement, ...]
    questions: tuple[OpenQuestion, ...]
    switched_off: tuple[str, ...]

    @classmethod
    def of(cls, sheet: ProcedureSheet) -> ProcedureDocument:
        """The document of this sheet."""
        inner = {
            "needles": tuple(SheetNeedleModel.model_validate(one) for one in sheet.needles),
            "cement": tuple(SheetCementModel.model_validate(one) for one in sheet.cement),
            "watch": tuple(SheetWatchModel.model_validate(one) for one in sheet.watch),
        }
        return cls(**{item.name: getattr(sheet, item.name) for item in fields(sheet)} | inner)

    def record(self) -> ProcedureSheet:
        """The sheet itself."""
        inner = {name: tuple(one.record() for one in getattr(self, name)) for name in ("needles", "cement", "watch")}
        return ProcedureSheet(**{item.name: getattr(self, item.name) for item in fields(ProcedureSheet)} | inner)


class BoneHealthDocument(Document):
    """bone_health.json: what the guidelines say is done for the bones, each its own statement."""

    schema_: Literal["spondyl.bone_health/1"] = "spondyl.bone_health/1"
    levels: tuple[LevelName, ...]
    work_up_first: Answer
    because: tuple[str, ...]
    statements: tuple[Statement, ...]
    questions: tuple[OpenQuestion, ...]
    switched_off: tuple[str, ...]

    @classmethod
    def of(cls, plan: BoneHealthPlan) -> BoneHealthDocument:
        """The document of this plan."""
        return cls(**{item.name: getattr(plan, item.name) for item in fields(plan)})

    def record(self) -> BoneHealthPlan:
        """The plan itself."""
        return BoneHealthPlan(**{item.name: getattr(self, item.name) for item in fields(BoneHealthPlan)})


class ForecastDocument(Document):
    """forecast.json: what published evidence lets one expect over a year for the three courses."""

    schema_: Literal["spondyl.forecast/1"] = "spondyl.forecast/1"
    people: str
    remarks: tuple[str, ...]
    natural: tuple[Frequency, ...]
    pooled: tuple[PooledDifference, ...]
    differences: tuple[Difference, ...]
    arms: tuple[ArmPoint, ...]
    frequencies: tuple[Frequency, ...]
    unverified_rows: int
    simulated_course: str
    horizon_days: int

    @classmethod
    def of(cls, outlook: Prediction) -> ForecastDocument:
        """The document of this forecast."""
        return cls(**{item.name: getattr(outlook, item.name) for item in fields(outlook)})

    def record(self) -> Prediction:
        """The forecast itself."""
        return Prediction(**{item.name: getattr(self, item.name) for item in fields(Prediction)})


class TriageDocument(Document):
    """How urgent what was reported is, why, what to say on the phone, and what was not asked."""

    schema_: Literal["spondyl.triage/1"] = "spondyl.triage/1"
    urgency: Urgency
    reasons: tuple[TriageReason, ...]
    reported: tuple[str, ...]
    say: tuple[str, ...]
    not_asked: tuple[str, ...]
    emergency_number: str | None  # None: nobody set it

    @classmethod
    def of(cls, found: Triage, emergency_number: str | None) -> TriageDocument:
        """The document of a triage."""
        return cls(
            emergency_number=emergency_number, **{item.name: getattr(found, item.name) for item in fields(found)}
        )


class RecoveryDocument(Document):
    """Recovery day by day, relative to day 0, and what the sources do not agree on."""

    schema_: Literal["spondyl.recovery/1"] = "spondyl.recovery/1"
    level: LevelName | None
    with_procedure: bool
    day_0: date | None
    items: tuple[RecoveryItem, ...]
    disagreements: tuple[ShownDisagreement, ...]
    left_out: tuple[str, ...]
    emergency_number: str | None  # None: nobody set it

    @classmethod
    def of(cls, plan: RecoveryPlan, emergency_number: str | None) -> RecoveryDocument:
        """The document of a recovery plan."""
        return cls(emergency_number=emergency_number, **{item.name: getattr(plan, item.name) for item in fields(plan)})


class QuestionsDocument(Document):
    """What `spondyl record` would ask: only what could change an answer, the most wanted first."""

    schema_: Literal["spondyl.questions/1"] = "spondyl.questions/1"
    questions: tuple[Prompt, ...]
