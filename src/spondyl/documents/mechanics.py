"""The shape of the JSON documents of mechanics."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import fields
from typing import Literal

from spondyl.documents.models import Document
from spondyl.simulation import BoneModel, PlatenResponse, Strength


class CurvePointModel(Document):
    """One step of a load path."""

    displacement_mm: float
    reaction_n: float


class FeDocument(Document):
    """How a voxel model answers a displacement of its top platen."""

    schema_: Literal["spondyl.fe/1"] = "spondyl.fe/1"
    displacement_mm: float  # of the top platen along the axis; negative compresses
    lateral: Literal["free", "held"]  # whether platen nodes slide sideways
    axis: Literal["i", "j", "k"]
    reaction_n: float  # at the whole displacement, from the work done; without sign
    stiffness_n_per_mm: float  # before anything yields
    curve: tuple[CurvePointModel, ...] | None  # None: linear
    iterations: int
    residual: float
    voxels: int  # that bear load
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, found: PlatenResponse, *, lateral: str, axis: str) -> FeDocument:
        """The document of a response."""
        own = {item.name: getattr(found, item.name) for item in fields(found) if item.name != "displacement"}
        return cls.model_validate({**own, "lateral": lateral, "axis": axis})


class WarmPartModel(Document):
    """A part of the solvers that is compiled by now."""

    name: str
    seconds: float
    compiled: int  # functions; 0: all were there


class WarmupDocument(Document):
    """What `spondyl warmup` did."""

    schema_: Literal["spondyl.warmup/1"] = "spondyl.warmup/1"
    parts: tuple[WarmPartModel, ...]


class LevelStrengthModel(Document):
    """Stiffness and failure load of one vertebra as modelled; forces are null where the density has no calibration."""

    level: str
    failure_n: float | None
    failure_low_n: float | None  # 95 % interval
    failure_high_n: float | None
    has_peak: bool  # false: the force at 1.9 % of apparent strain
    stiffness_n_per_mm: float | None
    linear_failure_n: float | None  # 0.0068 times stiffness times height
    reaction_small_n: float | None  # at 0.2 mm, linear
    failure_to_median: float | None  # over the median of all levels here; null where there is one level
    height_mm: float  # between the caps' outer faces
    voxels: int
    curve: tuple[CurvePointModel, ...] | None
    notes: tuple[str, ...]


class StrengthDocument(Document):
    """Strength of vertebrae between cement caps, with the grade of the density behind it."""

    schema_: Literal["spondyl.strength/1"] = "spondyl.strength/1"
    density_grade: int
    density_reason: str
    law: str
    source: str
    part: Literal["body", "whole"]
    voxel_mm: float
    levels: tuple[LevelStrengthModel, ...]
    limits: tuple[str, ...]

    @classmethod
    def of(cls, found: Sequence[tuple[BoneModel, Strength]], *, part: str) -> StrengthDocument:
        """The document of one or more levels of the same CT."""
        first = found[0][0]
        median = statistics.median(strength.failure_n for _, strength in found)
        return cls(
            density_grade=first.calibration.grade,
            density_reason=first.calibration.reason,
            law=first.law.name,
            source=first.law.source,
            part=part,  # type: ignore[arg-type]
            voxel_mm=first.voxel_mm,
            levels=tuple(_level(bone, strength, median if len(found) > 1 else None) for bone, strength in found),
            limits=STRENGTH_LIMITS if first.is_absolute else (*STRENGTH_LIMITS, NO_NEWTONS),
        )


STRENGTH_LIMITS = (
    "A model between cement caps, as in the laboratory: no test of this bone, no load of daily life.",
    "Classes of strength are not shown: their source was not verified, and they hold for another program.",
    "The interval is the handbook's budget for density, law and model; the level's name and labels are taken as right.",
)
NO_NEWTONS = "The density of this CT has no calibration (grade 5): only ratios between its levels have a meaning."


def _level(bone: BoneModel, strength: Strength, median: float | None) -> LevelStrengthModel:
    forces = (
        *("failure_n", "failure_low_n", "failure_high_n", "stiffness_n_per_mm", "linear_failure_n"),
        "reaction_small_n",
    )
    told = {name: getattr(strength, name) if bone.is_absolute else None for name in forces}
    curve = tuple(
        CurvePointModel(displacement_mm=point.displacement_mm, reaction_n=point.reaction_n) for point in strength.curve
    )
    return LevelStrengthModel(
        level=bone.level.name,
        has_peak=strength.has_peak,
        failure_to_median=None if median is None else strength.failure_n / median,
        height_mm=strength.height_mm,
        voxels=strength.voxels,
        curve=curve if bone.is_absolute else None,
        notes=bone.notes,
        **told,
    )
