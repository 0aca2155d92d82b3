"""What an injection gave: its JSON document, and its files."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from spondyl.documents.base import Document
from spondyl.documents.csv_tables import csv_text
from spondyl.documents.figures_injection import draw_injection
from spondyl.simulation.cement import Cement
from spondyl.simulation.curing_heat import ModelHeat
from spondyl.simulation.injection_model import InjectionModel
from spondyl.simulation.injection_records import InjectionResult
from spondyl.studies import whole_folder, write_array, write_whole

LIMITS = (
    "A model, not calibrated on patients: use it to compare injections, not to decide whether one is safe.",
    "More viscous leaks less in this model only below a mobility ratio of some hundreds: above it the cement's shape "
    "at a given flow hangs on the bone alone.",
    "No yield stress, no fingers; warmth of curing does not act on the flow.",
    "Walls are stairs of voxels; the tip is the middle of its voxel.",
)


class PressurePointModel(Document):
    """One reading, at the beginning of a step."""

    minutes: float  # after mixing
    portion: int  # from 1
    volume_ml: float  # in all
    flow_ml_per_min: float
    tip_kpa: float
    cannula_kpa: float
    syringe_kpa: float


class LeakModel(Document):
    """What left the bone through one outlet."""

    outlet: str
    volume_ml: float
    beyond_ml: float  # out at its far end
    first_min: float | None


class OutletHeatModel(Document):
    """Highest temperature at one outlet's voxels."""

    outlet: str
    peak_c: float


class ModelHeatModel(Document):
    """Highest temperatures while the cement cures, degrees Celsius; no blood carries heat away in this model."""

    minutes: float  # that were followed
    hottest_c: float
    hottest_min: float  # minutes above 50 C there where it is longest
    wall_c: float  # of what touches the bone
    outlets: tuple[OutletHeatModel, ...]

    @classmethod
    def of(cls, heat: ModelHeat) -> ModelHeatModel:
        """The model of these temperatures."""
        return cls(
            minutes=heat.minutes,
            hottest_c=float(heat.peak.array.max()),
            hottest_min=float(heat.dwell_min.array.max()),
            wall_c=heat.wall_c,
            outlets=tuple(OutletHeatModel(outlet=name, peak_c=peak) for name, peak in heat.outlets),
        )


class InjectionDocument(Document):
    """Where cement went, at what pressure, and what leaked."""

    schema_: Literal["spondyl.injection/1"] = "spondyl.injection/1"
    cement: str
    cement_sources: tuple[str, ...]
    asked_ml: float
    injected_ml: float
    in_bone_ml: float
    leaks: tuple[LeakModel, ...]
    heat: ModelHeatModel | None = None  # null: not asked for
    front_mm: float | None  # farthest centre of a half-filled voxel from the first tip
    pressures: tuple[PressurePointModel, ...]
    least_mobility_ratio: float
    marrow: Literal["lumped", "full"]
    volume_error: float  # relative
    steps: int
    warnings: tuple[str, ...]
    assumptions: tuple[str, ...]
    limits: tuple[str, ...]

    @classmethod
    def of(
        cls,
        found: InjectionResult,
        cement: Cement,
        *,
        marrow: str,
        tip_mm: tuple[float, float, float],
        heat: ModelHeat | None = None,
    ) -> InjectionDocument:
        """The document of a result."""
        return cls(
            cement=cement.name,
            cement_sources=cement.sources,
            asked_ml=found.asked_ml,
            injected_ml=found.injected_ml,
            in_bone_ml=found.in_bone_ml,
            leaks=tuple(
                LeakModel(
                    outlet=leak.outlet.name,
                    volume_ml=leak.volume_ml,
                    beyond_ml=leak.beyond_ml,
                    first_min=leak.first_min,
                )
                for leak in found.leaks
            ),
            heat=None if heat is None else ModelHeatModel.of(heat),
            front_mm=_front(found, tip_mm),
            pressures=tuple(PressurePointModel.model_validate(row) for row in _readings(found)),
            least_mobility_ratio=found.least_mobility_ratio,
            marrow=marrow,  # type: ignore[arg-type]
            volume_error=found.volume_error,
            steps=found.steps,
            warnings=found.warnings,
            assumptions=found.assumptions,
            limits=LIMITS if heat is None else (*LIMITS, *heat.limits),
        )


def write_injection(
    folder: str | Path,
    found: InjectionResult,
    model: InjectionModel,
    tip_mm: tuple[float, float, float],
    heat: ModelHeat | None = None,
) -> tuple[str, ...]:
    """Write cement, time of entry, pressures and a picture into a new folder; gives the names of the files.

    `cement.nii.gz` is the share of the pores that cement fills; `entered_min.nii.gz` minutes after mixing, NaN
    where there is no cement; `peak_c.nii.gz`, where heat was followed, the highest temperature of each voxel.
    """
    readings = _readings(found)
    names = ("cement.nii.gz", "entered_min.nii.gz", "pressures.csv", "injection.png", "peak_c.nii.gz")
    with whole_folder(Path(folder)) as place:
        write_array(found.saturation.astype(np.float32), found.geometry, place / names[0])
        write_array(found.entered_min.astype(np.float32), found.geometry, place / names[1])
        write_whole(place / names[2], csv_text(tuple(readings[0]), readings, digits=6).encode())
        write_whole(place / names[3], draw_injection(found, model.bone, tip_mm))
        if heat is not None:
            write_array(heat.peak.array.astype(np.float32), heat.peak.geometry, place / names[4])
    return names if heat is not None else names[:4]


def _readings(found: InjectionResult) -> list[dict[str, float]]:
    course = found.course
    return [
        {
            "minutes": float(course.minutes[i]),
            "portion": int(course.portion[i]) + 1,
            "volume_ml": float(course.volume_ml[i]),
            "flow_ml_per_min": float(course.flow_ml_per_min[i]),
            "tip_kpa": float(course.tip_kpa[i]),
            "cannula_kpa": float(course.cannula_kpa[i]),
            "syringe_kpa": float(course.syringe_kpa[i]),
        }
        for i in range(len(course.minutes))
    ]


def _front(found: InjectionResult, tip_mm: tuple[float, float, float]) -> float | None:
    filled = np.argwhere(found.saturation >= 0.5)
    if not len(filled):
        return None
    return float(np.linalg.norm(found.geometry.points(filled) - np.array(tip_mm), axis=1).max())
