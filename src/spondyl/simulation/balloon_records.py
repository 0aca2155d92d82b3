"""What is told of balloons in a body: how they are inflated, stage by stage, and what they did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spondyl.errors import InputError
from spondyl.findings.heights import SITES, Heights
from spondyl.numerics.plasticity import YieldLaw
from spondyl.simulation.balloon_device import BalloonDevice
from spondyl.simulation.broken_body import BrokenBody
from spondyl.space import Volume, read_only

Array = NDArray[Any]

BONE_LAW = YieldLaw(2.0, 0.8, damage_limit=0.6, damage_strain=0.02, hardening=1.5)
"""Crushable bone with damage and hardening set by our trials on case E02 (stiffness lost by crushing to 25 %)."""

BAND_MM = 2.0  # voxels that the law is meant for: in smaller ones its strains are spread over as many mm, decision 0034

LIMITS = (
    "A model, not calibrated on patients. The lift hangs on the assumed fracture: compare plans and preloads with it.",
    "Ligaments, discs and facets are left out: nothing but the hinge, the bone and the preload holds the halves.",
    "What stays under load also hangs on where the grid of voxels lies: in one trial, six places of a grid of 2 mm "
    "made it 1.8 to 4.5 mm (decision 0039). Read no figure from it.",
)


@dataclass(frozen=True)
class BalloonSettings:
    """How balloons are inflated, and when that ends."""

    volume_ml: float | None = None  # of each balloon; None: the nominal volume of its device
    intact_mm: tuple[float, float, float] | None = None  # heights before the fracture, front to back; None: not known
    stop_when_restored: bool = True  # at the front's intact height, else the back's, at last beyond what is seen whole
    start_diameter_mm: float = 7.0  # of the seated balloon, whose bone lies packed around it
    growth: float = 0.2  # of the volume in a stage
    wall_mm: float = 1.0  # of bone left between balloon and side wall where inflation ends
    shift_mm: float = 2.0  # outward, of a side or the back wall, where inflation ends: a choice
    packed_g_cm3: float = 0.6  # what bone is packed to, handbook A14
    law: YieldLaw = BONE_LAW
    tolerance: float = 2e-3  # of the forces; the prototype's
    device: BalloonDevice | None = None  # for all balloons; None: the generic one of each balloon's length

    def __post_init__(self) -> None:
        if self.volume_ml is not None and not 0 <= self.volume_ml <= 15:
            raise InputError(f"a balloon's volume is {self.volume_ml:g} ml; 0 to 15 is expected")
        if not 2 <= self.start_diameter_mm <= 15:
            raise InputError(f"a seated balloon of {self.start_diameter_mm:g} mm; 2 to 15 mm is expected")
        if not 0.01 <= self.growth <= 0.5:
            raise InputError(f"a stage grows the volume by {self.growth:g}; 0.01 to 0.5 is expected")
        if self.intact_mm is not None and not all(0 < height < 60 for height in self.intact_mm):
            raise InputError(f"intact heights are {self.intact_mm}; three heights in mm are expected")
        if not (0 < self.packed_g_cm3 <= 2 and self.wall_mm >= 0 and self.shift_mm > 0 and 0 < self.tolerance < 0.1):
            raise InputError(
                "packed density above 0 to 2 g/cm³, wall not below 0 mm, shift above 0 mm, tolerance above 0 to 0.1 "
                "expected"
            )


@dataclass(frozen=True)
class BalloonStage:
    """One stage in balance."""

    phase: Literal["inflation", "deflation"]
    volumes_ml: tuple[float, ...]  # of the cavities, by balloon
    pressures_mpa: tuple[float, ...]  # at the gauge: what the bone resists and the skin needs
    lift_mm: tuple[float, float, float]  # of the heights at front, middle and back, beside those before


@dataclass(frozen=True)
class RestoredShares:
    """A gain in height over three denominators that are often mixed up; None: the heights that it needs are unknown."""

    of_intact: float | None  # over the intact height
    of_lost: float | None  # over intact less broken height under load
    of_not_recovered: (
        float | None
    )  # over intact less broken height without load: what unloading alone did not give back


@dataclass(frozen=True, eq=False)
class BalloonLift:
    """What balloons did to one body, by a model."""

    body: BrokenBody
    preload_n: float
    settings: BalloonSettings
    stages: tuple[BalloonStage, ...]
    unloaded: Heights  # of the broken body, as the CT has it
    before: Heights  # under the preload
    inflated: Heights  # at the end of inflation, under the preload
    deflated: Heights  # balloons empty, under the preload
    stopped_by: Literal["nothing", "volume", "restored", "beyond", "pressure", "wall", "shift"]
    linear_volume_error: float  # of the volume that cavities would have by their first area vectors, relative
    stage_volume_error: float  # the same, stage by stage: the largest
    wall_mm: float  # least bone between a balloon and a side wall when inflated
    bulge_mm: float  # most that a side wall moved outward, beside its half of the body
    back_mm: float  # the same of the back wall, towards the canal
    seated: Array  # bool: voxels of the bone model that the seated balloons take
    cavity: Volume  # share of each voxel that is cavity once deflated, where bone has moved to
    packed: Volume  # density of bone there; its mass is that of the bone before [g/cm³]
    mass_error: float  # relative
    displacement_inflated: Array  # of the nodes of the bone model's grid, in its axes [mm]
    displacement: Array  # the same once deflated
    squeezed_voxels: int  # crushed to less than a twentieth somewhere: they keep the shape of the stage before
    warnings: tuple[str, ...]
    assumptions: tuple[str, ...]

    def __post_init__(self) -> None:
        for name in ("displacement", "displacement_inflated"):
            object.__setattr__(self, name, read_only(getattr(self, name)))
        object.__setattr__(self, "seated", read_only(self.seated, np.bool_))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self.__dict__.values())

    @property
    def cavity_ml(self) -> float:
        """Volume of all cavities once deflated."""
        return float(self.cavity.array.sum() * self.cavity.geometry.voxel_volume_mm3 / 1000)

    def lift_mm(self, heights: Heights | None = None) -> tuple[float, float, float]:
        """Gain at front, middle and back over the body under the same preload; of the deflated body by default."""
        return lift_between(self.before, heights or self.deflated)

    @property
    def gain_on_ct_mm(self) -> tuple[float, float, float]:
        """Front, middle and back of the deflated body under its preload over those of the CT; below 0: it sank more."""
        return lift_between(self.unloaded, self.deflated)

    def restored(self) -> tuple[RestoredShares, RestoredShares, RestoredShares]:
        """The retained lift at front, middle and back over each denominator."""
        intact = self.settings.intact_mm
        return _shares(self, 0, intact), _shares(self, 1, intact), _shares(self, 2, intact)


@dataclass(frozen=True, eq=False)
class BalloonOutcome:
    """What a plan's balloons do under the load of a procedure, and what they would without any."""

    loaded: BalloonLift
    free: BalloonLift

    def __post_init__(self) -> None:
        if self.loaded.body is not self.free.body and not np.array_equal(
            self.loaded.body.parted_share, self.free.body.parted_share
        ):
            raise InputError("these two lifts are of different fractures: inflate the same BrokenBody twice")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self.__dict__.values())

    @property
    def retained_ratio(self) -> float | None:
        """Retained lift of the front under load over that without; None where nothing was lifted without.

        Both hang on the assumed fracture, their ratio less so.
        """
        under, without = self.loaded.lift_mm()[0], self.free.lift_mm()[0]
        return under / without if without > 0.05 else None  # less than a twentieth of a mm is noise


def lift_between(before: Heights, after: Heights) -> tuple[float, float, float]:
    """Gain in height at front, middle and back. [mm]"""
    front, middle, back = (after.at(site)[0] - before.at(site)[0] for site in SITES)
    return front, middle, back


def _shares(lift: BalloonLift, site: int, intact: tuple[float, float, float] | None) -> RestoredShares:
    if intact is None:
        return RestoredShares(None, None, None)
    gain, name = lift.lift_mm()[site], SITES[site]
    lost, left = intact[site] - lift.before.at(name)[0], intact[site] - lift.unloaded.at(name)[0]
    return RestoredShares(gain / intact[site], gain / lost if lost > 0 else None, gain / left if left > 0 else None)
