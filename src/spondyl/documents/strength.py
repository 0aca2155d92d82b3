"""The shape of the JSON document of strength, and the words that limit it."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from math import exp, hypot, log
from types import MappingProxyType
from typing import Literal

from spondyl.documents.base import Document
from spondyl.documents.mechanics import CurvePointModel
from spondyl.simulation import BoneModel, LoadCycle, SpineLoad, Strength
from spondyl.simulation.loads import ASSUMED, SPREAD

RATIO_GRADES = (1, 2)  # of the density, for statements of load to strength


class LoadModel(Document):
    """What a level bears in one activity, and its share of the strength where the density allows one."""

    activity: str
    force_n: float | None  # null: unknown, see the reason
    low_n: float | None  # 95 % interval
    high_n: float | None
    uncompensated_n: float | None  # with a given kyphosis that the pelvis does not make good
    to_strength: float | None  # null: unknown, or the density's grade is 3 to 5
    to_strength_low: float | None
    to_strength_high: float | None
    reason: str | None  # why something is unknown

    @classmethod
    def of(cls, load: SpineLoad, strength: Strength, grade: int) -> LoadModel:
        """The model of a load against a strength under a density of this grade."""
        ratio = load_ratio(load, strength, grade)
        told, reason = ((None, None, None), ratio) if isinstance(ratio, str) else (ratio, None)
        return cls(
            activity=load.activity.value,
            force_n=load.force_n,
            low_n=load.low_n,
            high_n=load.high_n,
            uncompensated_n=load.uncompensated_n,
            to_strength=told[0],
            to_strength_low=told[1],
            to_strength_high=told[2],
            reason=load.reason or reason,
        )


class CauseModel(Document):
    """One cause of doubt in a failure load."""

    name: str
    sd: float  # standard deviation of ln F that it makes


class LevelStrengthModel(Document):
    """Stiffness and failure load of one vertebra as modelled; forces are null where the density has no calibration."""

    level: str
    method: Literal["load_path", "linear"]
    failure_n: float | None
    failure_low_n: float | None  # 95 % interval
    failure_high_n: float | None
    causes: tuple[CauseModel, ...] = ()  # of the interval
    has_peak: bool | None  # false: the force at 1.9 % of apparent strain; null: no path was followed
    stiffness_n_per_mm: float | None  # with discs, of the bone between them
    linear_failure_n: float | None  # 0.0068 times stiffness times height
    reaction_small_n: float | None  # at 0.2 mm, linear
    pistoia_n: float | None  # where 7 % of the bone is overstrained; null too where these voxels have no limit
    mapped_n: float | None  # the failure load that goes with linear_failure_n by the map of this program
    failure_to_median: float | None  # over the median of all levels here; null where there is one level
    height_mm: float  # between the caps' outer faces; with discs, of the bone alone
    voxels: int
    curve: tuple[CurvePointModel, ...] | None
    loads: tuple[LoadModel, ...]
    notes: tuple[str, ...]
    stiffness_left: float | None = None  # pressed again, over that before; null: damage was left out
    lasting_mm: float | None = None  # shortening that stays at once when let go; null: damage was left out
    strain_file: str | None = None  # in a case folder: the least principal strain at the end of the path
    lasting_file: str | None = None  # and the accumulated plastic strain


class LeftOutModel(Document):
    """A level without a strength, and why."""

    level: str
    reason: str


class StrengthDocument(Document):
    """Strength of vertebrae between cement caps or discs, with the grade of the density behind it."""

    schema_: Literal["spondyl.strength/1"] = "spondyl.strength/1"
    density_grade: int | None  # this and the next three are null where no level has a strength
    density_reason: str | None
    law: str | None
    source: str | None
    part: Literal["body", "whole"]
    ends: Literal["cement", "disc"] = "cement"
    damage: bool = False  # whether bone that flows loses stiffness
    voxel_mm: float
    load_case: Literal["axial", "flexion", "extension", "left", "right"] = "axial"
    eccentricity_mm: float = 0.0  # of the line of force before anything yields
    levels: tuple[LevelStrengthModel, ...]
    left_out: tuple[LeftOutModel, ...] = ()
    limits: tuple[str, ...]

    @classmethod
    def of(
        cls,
        found: Sequence[tuple[BoneModel, Strength]],
        *,
        part: str,
        voxel_mm: float,
        load_case: str = "axial",
        eccentricity_mm: float = 0.0,
        ends: str = "cement",
        cycles: Sequence[LoadCycle | None] | None = None,
        loads: Sequence[Sequence[SpineLoad]] = (),
        left_out: Mapping[str, str] = MappingProxyType({}),
    ) -> StrengthDocument:
        """The document of levels of the same CT, with the loads of each where they were estimated.

        Parameters
        ----------
        cycles
            Of the same levels, where they were let go and pressed again; None: damage was left out.
        left_out
            Levels without a strength, and why.
        """
        first = found[0][0] if found else None
        median = statistics.median(strength.failure_n for _, strength in found) if len(found) > 1 else None
        borne, pressed = loads or [()] * len(found), cycles or [None] * len(found)
        return cls(
            density_grade=None if first is None else first.calibration.grade,
            density_reason=None if first is None else first.calibration.reason,
            law=None if first is None else first.law.name,
            source=None if first is None else first.law.source,
            part=part,  # type: ignore[arg-type]
            ends=ends,  # type: ignore[arg-type]
            damage=cycles is not None,
            voxel_mm=voxel_mm,
            load_case=load_case,  # type: ignore[arg-type]
            eccentricity_mm=0.0 if load_case == "axial" else eccentricity_mm,
            levels=tuple(
                _level(*pair, median, of_level, cycle)
                for pair, of_level, cycle in zip(found, borne, pressed, strict=True)
            ),
            left_out=tuple(LeftOutModel(level=name, reason=reason) for name, reason in left_out.items()),
            limits=()
            if first is None
            else strength_limits(
                first,
                has_loads=any(load.force_n is not None for of_level in borne for load in of_level),
                has_damage=cycles is not None,
            ),
        )


BETWEEN = {
    "cement": "A model between cement caps, as in the laboratory: no test of this bone, no load of daily life.",
    "disc": "A model between two halves of a disc, each one solid of 8 MPa (published 5.8 to 42.7), 3 mm over the "
    "endplate's highest point and held at a level plane: no test of this bone, no load of daily life. The "
    "interval leaves out what is not known of these discs; densities that scatter are carried as between cement caps, "
    "which is an approximation here.",
}
LIMITS = (
    "Classes of strength are not shown: their source was not verified, and they hold for another program.",
    "A broken vertebra is pressed as it stands in the CT: cracks finer than a voxel are not seen and squeezed bone "
    "reads denser, so that its strength may come out too high.",
    "Bone is taken as a solid that can be crushed. Von Mises, a usual choice of others, bears about 1.6 times as much "
    "on the same voxels; no test of bones decided between the two here.",
    "The interval is carried through the model to first order from five causes: density by its grade, law (30 %) and "
    "model (20 %) as the handbook suggests, yield strain, and the border of the labels by half a voxel. The level's "
    "name is taken as right.",
)
NO_NEWTONS = "The density of this CT has no calibration (grade 5): only ratios between its levels have a meaning."
LOADS = f"Loads are brackets for people of this weight and height, not a measurement; {ASSUMED}."


DAMAGE = (
    "Damage: how much stiffness bone loses where it flows was set on one experiment, lumbar bodies crushed by a "
    "quarter of their height; what is told here of a press by 2 % is carried over from that, and how much strength is "
    "left after a crush is not told. Shortening that stays is that at once: in the experiment 31 % of the crush came "
    "back within half an hour."
)


def strength_limits(bone: BoneModel, *, has_loads: bool, has_damage: bool = False) -> tuple[str, ...]:
    """What must be printed beside a strength."""
    no_newtons = () if bone.is_absolute else (NO_NEWTONS,)
    return (
        BETWEEN[bone.ends],
        *LIMITS,
        *((DAMAGE,) if has_damage else ()),
        *((LOADS,) if has_loads else ()),
        *no_newtons,
    )


def load_ratio(load: SpineLoad, strength: Strength, grade: int) -> tuple[float, float, float] | str:
    """Load over strength with its 95 % interval, or why none is told, by the grade of the density."""
    if grade not in RATIO_GRADES:
        return f"no share of the strength: it needs a density of grade 1 or 2, this one is {grade}"
    if load.force_n is None:
        return load.reason or "unknown"
    middle = load.force_n / strength.failure_n
    spread = 1.96 * hypot(SPREAD, log(strength.failure_high_n / strength.failure_low_n) / (2 * 1.96))
    return middle, middle * exp(-spread), middle * exp(spread)


def _level(
    bone: BoneModel, strength: Strength, median: float | None, loads: Sequence[SpineLoad], cycle: LoadCycle | None
) -> LevelStrengthModel:
    forces: dict[str, float | None] = {
        "failure_n": strength.failure_n,
        "failure_low_n": strength.failure_low_n,
        "failure_high_n": strength.failure_high_n,
        "stiffness_n_per_mm": strength.stiffness_n_per_mm,
        "linear_failure_n": strength.linear.crawford_n,
        "reaction_small_n": strength.linear.reaction_small_n,
        "pistoia_n": strength.linear.pistoia_n,
        "mapped_n": strength.mapped_n,
    }
    curve = None
    if strength.curve is not None and bone.is_absolute:
        curve = tuple(
            CurvePointModel(
                displacement_mm=point.displacement_mm,
                reaction_n=point.reaction_n,
                shortening_mm=point.shortening_mm,
            )
            for point in strength.curve
        )
    return LevelStrengthModel(
        level=bone.level.name,
        method=strength.method,  # type: ignore[arg-type]
        causes=tuple(CauseModel(name=cause.name, sd=cause.sd) for cause in strength.causes),
        has_peak=strength.has_peak,
        failure_to_median=None if median is None else strength.failure_n / median,
        height_mm=strength.height_mm,
        voxels=strength.voxels,
        curve=curve,
        loads=tuple(LoadModel.of(load, strength, bone.calibration.grade) for load in loads),
        notes=bone.notes,
        stiffness_left=None if cycle is None else cycle.stiffness_left,
        lasting_mm=None if cycle is None else abs(cycle.lasting_mm),
        strain_file=None,
        lasting_file=None,
        **{name: force if bone.is_absolute else None for name, force in forces.items()},
    )
