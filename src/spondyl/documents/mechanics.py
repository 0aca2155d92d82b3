"""The shape of the JSON documents of mechanics."""

from __future__ import annotations

from typing import Literal

from spondyl.documents.models import Document
from spondyl.simulation import PlatenResponse


class CurvePoint(Document):
    """One step of a load path."""

    displacement_mm: float
    reaction_n: float


class FeDocument(Document):
    """How a voxel model answers a displacement of its top platen."""

    schema_: Literal["spondyl.fe/1"] = "spondyl.fe/1"
    displacement_mm: float  # of the top platen along the axis; negative compresses
    lateral: Literal["free", "held"]  # whether platen nodes slide sideways
    axis: Literal["i", "j", "k"]
    reaction_n: float  # from the energy; without sign
    stiffness_n_per_mm: float
    curve: tuple[CurvePoint, ...] | None  # None: linear
    iterations: int
    residual: float
    voxels: int  # that bear load
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, found: PlatenResponse, *, lateral: str, axis: str) -> FeDocument:
        """The document of a response."""
        return cls.model_validate(
            {
                "displacement_mm": found.displacement_mm,
                "lateral": lateral,
                "axis": axis,
                "reaction_n": found.reaction_n,
                "stiffness_n_per_mm": found.stiffness_n_per_mm,
                "curve": None,
                "iterations": found.iterations,
                "residual": found.residual,
                "voxels": found.voxels,
                "warnings": found.warnings,
            }
        )
