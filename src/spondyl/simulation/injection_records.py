"""What an injection is asked for, and what it gives: needles, portions, settings, pressures, leaks and the cement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spondyl.errors import InputError
from spondyl.simulation.cement import BODY_C, ROOM_C
from spondyl.simulation.outlets import Outlet
from spondyl.space import Geometry, read_only

Array = NDArray[Any]


@dataclass(frozen=True)
class Needle:
    """A cannula whose tip lies in the bone; its open end counts as a ball as wide as its bore."""

    tip_mm: tuple[float, float, float]  # patient mm, LPS
    bore_mm: float = 2.7  # with the length: the example of handbook 4.3
    length_mm: float = 120.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.tip_mm).all() and len(self.tip_mm) == 3):
            raise InputError(f"a needle's tip is {self.tip_mm}; three coordinates in patient mm are expected")
        if not (0 < self.bore_mm < 20 and 0 <= self.length_mm < 1000):
            raise InputError(f"a cannula of {self.bore_mm} mm bore and {self.length_mm} mm length; check both, in mm")


@dataclass(frozen=True)
class Portion:
    """Cement pushed through one needle in one go. Between portions nothing flows, and cement ages."""

    needle: Needle
    volume_ml: float
    flow_ml_per_min: float
    start_min: float  # after mixing; where the portion before is not done by then, this one follows it

    def __post_init__(self) -> None:
        if not (np.isfinite(self.volume_ml) and self.volume_ml > 0):
            raise InputError(f"a portion has {self.volume_ml} mL; a volume above 0 is expected")
        if not (np.isfinite(self.flow_ml_per_min) and self.flow_ml_per_min > 0):
            raise InputError(f"a portion flows at {self.flow_ml_per_min} mL/min; a flow above 0 is expected")
        if not (np.isfinite(self.start_min) and self.start_min >= 0):
            raise InputError(f"a portion starts at {self.start_min} min; minutes after mixing, 0 or more, are expected")


@dataclass(frozen=True)
class InjectionSettings:
    """How the injection is driven and computed."""

    pressure_limit_mpa: float | None = None  # at the syringe; flow falls to keep it. None: a pump that never gives way
    marrow: Literal["lumped", "full"] = "lumped"
    room_c: float = ROOM_C  # until the cement enters the bone
    body_c: float = BODY_C  # from then on
    fill_step: float = 0.5  # of the front's voxels in a step
    curing_step: float = 0.05  # relative rise of the consistency in a step
    sweeps: int = 2  # of viscosity and pressure in a step
    rtol: float = 1e-8  # of the flow

    def __post_init__(self) -> None:
        limit = self.pressure_limit_mpa
        if limit is not None and not (np.isfinite(limit) and limit > 0):
            raise InputError(f"the pressure limit is {limit} MPa; a number above 0 is expected, or none")
        if self.marrow not in ("lumped", "full"):
            raise InputError(f"marrow is '{self.marrow}'; 'lumped' or 'full' is expected")
        if not (0 < self.fill_step <= 1 and 0 < self.curing_step <= 1 and self.sweeps >= 1 and 0 < self.rtol < 1):
            raise InputError("steps are shares above 0 and at most 1, sweeps 1 or more; check the settings")


@dataclass(frozen=True, eq=False)
class PressureCourse:
    """What was read at each step, at its beginning; arrays of one length."""

    minutes: Array  # after mixing
    portion: Array  # number, from 0
    volume_ml: Array  # in all, before the step
    flow_ml_per_min: Array
    tip_kpa: Array  # at the needle's open end
    cannula_kpa: Array  # lost on the way to it

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            object.__setattr__(self, name, read_only(getattr(self, name)))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self.__dict__.values())

    @property
    def syringe_kpa(self) -> Array:
        """What the hand or the pump has to give."""
        return np.asarray(self.tip_kpa + self.cannula_kpa)


@dataclass(frozen=True)
class Leak:
    """What left the bone through one outlet."""

    outlet: Outlet
    volume_ml: float  # cement that entered it
    beyond_ml: float  # of that, what came out at its far end
    first_min: float | None  # when it entered first; None: never


@dataclass(frozen=True, eq=False)
class InjectionResult:
    """Where cement lies when the last portion is in, and how it came there. A model's answer, no measurement."""

    saturation: Array  # share of the pores that cement fills, (nx, ny, nz)
    entered_min: Array  # mean time at which a voxel's cement entered the bone, after mixing; NaN without cement
    reached_min: Array  # when a voxel was half full first, after mixing; NaN: never
    geometry: Geometry
    course: PressureCourse
    leaks: tuple[Leak, ...]  # by outlet that takes cement
    leaked_ml: Array  # by those, at the beginning of each step of the course, (steps, outlets)
    injected_ml: float
    asked_ml: float
    in_bone_ml: float
    volume_error: float  # relative: injected less what is in the bone and what left
    least_mobility_ratio: float  # cement over marrow, at the start of a portion or its end
    steps: int
    stopped_by: str | None  # why less than asked went in; None: all did
    warnings: tuple[str, ...]
    assumptions: tuple[str, ...]

    def __post_init__(self) -> None:
        for name in ("saturation", "entered_min", "reached_min", "leaked_ml"):
            object.__setattr__(self, name, read_only(getattr(self, name)))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self.__dict__.values())


@dataclass(frozen=True, eq=False)
class HalfDone:
    """An injection that was broken off: what a new run of the same inputs needs to go on there."""

    portion: int  # that was being pushed, from 0
    done: float  # of it [mm³]
    flow: float  # last [mm³/s]
    front: Mapping[str, Array]
    told: Mapping[str, Any]  # plain numbers, words and lists

    def __post_init__(self) -> None:
        object.__setattr__(self, "front", {name: read_only(array) for name, array in self.front.items()})

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self.__dict__.values())
