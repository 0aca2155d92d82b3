"""The shape of the cement's part of simulations.json: the one run that is shown, its pressures, leaks and heat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spondyl.documents.base import Document
from spondyl.simulation import BodyInjection, CuringHeat, PressureCourse
from spondyl.space import Floats

MOST_STEPS = 200  # of a run that are written


class PathLeakModel(Document):
    """Cement that left by one path in the one run that is shown."""

    path: str
    openings: tuple[str, ...]  # empty: the model has no way there
    volume_ml: float
    first_min: float | None


class OpeningModel(Document):
    """One way out of the body, and what left by it in the one run that is shown."""

    name: str
    path: str
    place_mm: tuple[float, float, float]  # its middle, in patient mm, LPS
    volume_ml: float


class PressuresModel(Document):
    """What is read over time in the run that is shown, at most `MOST_STEPS` values each, at the beginning of steps."""

    minutes: tuple[float, ...]  # after mixing
    volume_ml: tuple[float, ...]  # in all, by then
    flow_ml_per_min: tuple[float, ...]
    syringe_mpa: tuple[float, ...]
    cannula_mpa: tuple[float, ...]  # lost in it
    bone_mpa: tuple[float, ...]  # at the open end

    @classmethod
    def of(cls, course: PressureCourse) -> PressuresModel:
        """The model of a course of pressures; its highest pressure is kept."""
        steps = len(course.minutes)
        even = np.linspace(0, steps - 1, min(steps, MOST_STEPS)).round().astype(int)
        kept = np.unique([*even, int(course.syringe_kpa.argmax())])
        return cls(
            minutes=tuple(course.minutes[kept].tolist()),
            volume_ml=tuple(course.volume_ml[kept].tolist()),
            flow_ml_per_min=tuple(course.flow_ml_per_min[kept].tolist()),
            syringe_mpa=tuple((course.syringe_kpa[kept] / 1000).tolist()),
            cannula_mpa=tuple((course.cannula_kpa[kept] / 1000).tolist()),
            bone_mpa=tuple((course.tip_kpa[kept] / 1000).tolist()),
        )


class HeatModel(Document):
    """Highest temperatures while the cement cures, degrees Celsius, by a model in which no blood carries heat away."""

    hottest_c: float  # anywhere
    hottest_min: float  # minutes above 50 C there where it is longest
    centre_c: float  # of the body
    anterior_wall_c: float
    posterior_wall_c: float
    disc_superior_c: float
    disc_inferior_c: float
    canal_c: float | None
    canal_reason: str | None = None  # why that is null

    @classmethod
    def of(cls, heat: CuringHeat) -> HeatModel:
        """The model of these temperatures."""
        places = ("centre_c", "anterior_wall_c", "posterior_wall_c", "disc_superior_c", "disc_inferior_c", "canal_c")
        return cls(
            hottest_c=float(heat.peak.array.max()),
            hottest_min=float(heat.dwell_min.array.max()),
            canal_reason=heat.canal_reason,
            **{name: getattr(heat, name) for name in places},
        )


class CementModel(Document):
    """Where the cement of a plan went in one run: middle permeability, the plan's own tips."""

    cement: str
    scenario: str
    injected_ml: float
    in_bone_ml: float
    fill: float  # of the body's volume
    left_share: float  # of the cement, on the patient's left
    contact_superior: float  # share of the endplate's area that cement lies under
    contact_inferior: float
    stop_reason: str
    leaks: tuple[PathLeakModel, ...]
    openings: tuple[OpeningModel, ...]
    tips_mm: tuple[tuple[float, float, float], ...]  # of the portions, in their order, patient mm, LPS
    pressures: PressuresModel
    cement_file: str | None = None  # share of each voxel that is cement, on the vertebra's own grid
    minutes_file: str | None = None  # when a voxel was half full, minutes after mixing; -1: never
    body_file: str | None = None  # after balloons, on the same grid: 1 bone as it was lifted, 2 their cavity
    surface_file: str | None = None  # of the cement, STL, patient mm, LPS
    cells_file: str | None = None  # its voxels with both fields, VTU, patient mm, LPS

    @classmethod
    def of(cls, injection: BodyInjection) -> CementModel:
        """The model of an injection."""
        return cls(
            cement=injection.cement.name,
            scenario=injection.scenario.value,
            injected_ml=injection.result.injected_ml,
            in_bone_ml=injection.result.in_bone_ml,
            fill=injection.fill,
            left_share=injection.left_share,
            contact_superior=injection.contact_superior,
            contact_inferior=injection.contact_inferior,
            stop_reason=injection.stop_reason,
            leaks=tuple(
                PathLeakModel(
                    path=leak.path.value, openings=leak.openings, volume_ml=leak.volume_ml, first_min=leak.first_min
                )
                for leak in injection.leaks
            ),
            openings=_openings(injection),
            tips_mm=tuple(point_of(portion.needle.tip_mm) for portion in injection.schedule),
            pressures=PressuresModel.of(injection.result.course),
        )


def _openings(injection: BodyInjection) -> tuple[OpeningModel, ...]:
    """Those that reach the surface of the grid, at the middle of their voxels."""
    flow, leaked = injection.flow, {leak.outlet.name: leak.volume_ml for leak in injection.result.leaks}
    found = []
    for opening in flow.openings:
        cells = np.argwhere(flow.labels == opening.label)
        if len(cells):
            middle = flow.geometry.points(cells).mean(axis=0)
            volume = leaked.get(opening.name, 0.0)
            found.append(
                OpeningModel(name=opening.name, path=opening.path.value, place_mm=point_of(middle), volume_ml=volume)
            )
    return tuple(found)


def point_of(point: Sequence[float] | Floats) -> tuple[float, float, float]:
    """Three plain numbers."""
    first, second, third = (float(value) for value in point)
    return first, second, third
