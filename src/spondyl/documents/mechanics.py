"""The shape of the JSON documents of mechanics."""

from __future__ import annotations

from dataclasses import fields
from typing import Literal

from spondyl.documents.base import Document
from spondyl.simulation import LoadCycle, PlatenResponse


class CurvePointModel(Document):
    """One step of a load path."""

    displacement_mm: float
    reaction_n: float
    shortening_mm: float | None = None  # of the bone between its endplates, where the ends are discs


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
    offset_mm: tuple[float, float]  # of the line of force from the middle of the top's nodes, along the axes across
    warnings: tuple[str, ...]
    stiffness_left: float | None = None  # pressed again after it was let go, over that before; null: not let go
    lasting_mm: float | None = None  # displacement that was left without force

    @classmethod
    def of(cls, found: PlatenResponse, *, lateral: str, axis: str, cycle: LoadCycle | None = None) -> FeDocument:
        """The document of a response, with what was left when it was let go."""
        own = {
            item.name: getattr(found, item.name)
            for item in fields(found)
            if item.name not in ("displacement", "plastic_strain")
        }
        if cycle is not None:
            own |= {"stiffness_left": cycle.stiffness_left, "lasting_mm": cycle.lasting_mm}
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
