"""The shape of a balloon's part of simulations.json: stages, height regained over three denominators, warnings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from spondyl.documents.base import Document
from spondyl.planning import Balloon
from spondyl.simulation import BalloonOutcome
from spondyl.simulation.balloon_device import find_device


class BalloonStageModel(Document):
    """One stage in balance."""

    phase: Literal["inflation", "deflation"]
    volumes_ml: tuple[float, ...]  # by balloon
    pressures_mpa: tuple[float, ...]  # at the gauge
    lift_mm: tuple[float, float, float]  # at front, middle and back


class RegainedModel(Document):
    """Height that stays once the balloons are empty, at one site, over three denominators; null: not known."""

    site: str
    lift_mm: float
    of_intact: float | None  # over the height that undeformed neighbours let expect
    of_lost: float | None  # over what is lacking to it under the load
    of_not_recovered: float | None  # over what is lacking to it without load


class BalloonModel(Document):
    """What balloons do under the load of a procedure; the absolute lift hangs on the assumed fracture."""

    preload_n: float
    stopped_by: str
    lift_inflated_mm: tuple[float, float, float]  # at front, middle and back
    regained: tuple[RegainedModel, ...]
    lift_without_load_mm: float  # of the front, kept
    retained_ratio: float | None  # kept with load over kept without, at the front
    intact_mm: tuple[float, float, float] | None  # null: too few undeformed neighbours
    cavity_ml: float
    wall_mm: float  # least bone between a balloon and a side wall
    side_wall_shift_mm: float
    back_wall_shift_mm: float  # towards the canal
    linear_volume_error: float  # of a volume by the first area vectors, relative
    warnings: tuple[str, ...]
    stages: tuple[BalloonStageModel, ...]
    sides: tuple[str, ...] = ()  # of each balloon
    rated_mpa: tuple[float, ...] = ()  # of each balloon: inflation ends there

    @classmethod
    def of(cls, outcome: BalloonOutcome, balloons: Sequence[Balloon] = ()) -> BalloonModel:
        """The model of both lifts, and of the balloons that made them."""
        lift = outcome.loaded
        devices = [lift.settings.device or find_device(balloon.length_mm) for balloon in balloons]
        return cls(
            preload_n=lift.preload_n,
            stopped_by=lift.stopped_by,
            lift_inflated_mm=lift.lift_mm(lift.inflated),
            regained=tuple(
                RegainedModel(
                    site=site,
                    lift_mm=gain,
                    of_intact=share.of_intact,
                    of_lost=share.of_lost,
                    of_not_recovered=share.of_not_recovered,
                )
                for site, gain, share in zip(("front", "middle", "back"), lift.lift_mm(), lift.restored(), strict=True)
            ),
            lift_without_load_mm=outcome.free.lift_mm()[0],
            retained_ratio=outcome.retained_ratio,
            intact_mm=lift.settings.intact_mm,
            cavity_ml=lift.cavity_ml,
            wall_mm=lift.wall_mm,
            side_wall_shift_mm=lift.bulge_mm,
            back_wall_shift_mm=lift.back_mm,
            linear_volume_error=lift.linear_volume_error,
            warnings=lift.warnings,
            sides=tuple(balloon.side.value for balloon in balloons),
            rated_mpa=tuple(device.rated_mpa for device in devices),
            stages=tuple(
                BalloonStageModel(
                    phase=stage.phase,
                    volumes_ml=stage.volumes_ml,
                    pressures_mpa=stage.pressures_mpa,
                    lift_mm=stage.lift_mm,
                )
                for stage in lift.stages
            ),
        )
