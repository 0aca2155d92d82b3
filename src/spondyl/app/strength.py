"""The strength of one level of a case, as `spondyl strength` and the main job both ask for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from spondyl.documents.strength import StrengthDocument
from spondyl.errors import InputError, NotConverged
from spondyl.simulation import (
    BoneModel,
    LoadCycle,
    PressedFields,
    SpineLoad,
    Strength,
    build_bone_model,
    estimate_borders,
    estimate_loads,
    estimate_strength,
    estimate_strength_linear,
    find_load_case,
    loaded_as,
    mean_step,
    measure_pressed,
    press_bone,
    press_twice,
)
from spondyl.simulation.bone import ENDS
from spondyl.spine import Level, Spine
from spondyl.studies import Patient


@dataclass(frozen=True)
class StrengthWish:
    """How levels are pressed, as it stands in run.json."""

    voxel_mm: float = 2.0
    part: str = "body"
    law: str = "kopperdahl-power"
    linear: bool = False  # by the linear estimate and its map alone
    kyphosis_deg: float | None = None  # for the loads
    load_case: str = "axial"
    eccentricity_mm: float = 5.0  # of the line of force, where it is not axial
    ends: str = "cement"  # or disc
    damage: bool = False  # let go and press again, with stiffness lost where bone flows

    def __post_init__(self) -> None:
        if self.ends not in ENDS:
            raise InputError(f"--ends is '{self.ends}'; one of {', '.join(ENDS)} is expected")

    @property
    def parameters(self) -> dict[str, Any]:
        """For run.json."""
        return asdict(self)

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> StrengthWish:
        """From run.json, where other things stand beside it; what an earlier version did not write is as by default."""
        return cls(**{field.name: parameters[field.name] for field in fields(cls) if field.name in parameters})


@dataclass(frozen=True, eq=False)
class PressedLevel:
    """One level with what it bears, and what it has to bear."""

    bone: BoneModel
    strength: Strength
    loads: tuple[SpineLoad, ...]
    fields: PressedFields | None  # None: no path was followed
    cycle: LoadCycle | None = None  # None: damage was left out


@dataclass(frozen=True, eq=False)
class PressedLevels:
    """The levels of one CT that were pressed, and those that could not be."""

    wish: StrengthWish
    pressed: tuple[PressedLevel, ...]
    left_out: tuple[tuple[str, str], ...] = ()  # level, and why

    def document(self) -> StrengthDocument:
        """The document of all."""
        return StrengthDocument.of(
            [(one.bone, one.strength) for one in self.pressed],
            part=self.wish.part,
            voxel_mm=self.wish.voxel_mm,
            load_case=self.wish.load_case,
            eccentricity_mm=self.wish.eccentricity_mm,
            ends=self.wish.ends,
            cycles=[one.cycle for one in self.pressed] if self.wish.damage else None,
            loads=[one.loads for one in self.pressed],
            left_out=dict(self.left_out),
        )

    def fields(self) -> tuple[PressedFields, ...]:
        """Of the levels whose path was followed."""
        return tuple(one.fields for one in self.pressed if one.fields is not None)


def press_level(
    spine: Spine, patient: Patient, name: str, wish: StrengthWish, solver_ready: Callable[[], None] = lambda: None
) -> PressedLevel:
    """Press one level; `solver_ready` is called before anything is solved: see `warm.compiled_beside`.

    Raises
    ------
    InputError
        Where it cannot be pressed, as without a CT or a body.
    NotConverged
        Where a step of its load path cannot be balanced.
    """
    if wish.linear and wish.damage:
        raise InputError("damage follows yielding, which a linear estimate leaves out: leave --linear or --damage out")
    case = find_load_case(wish.load_case)
    bone = build_bone_model(spine, name, voxel_mm=wish.voxel_mm, part=wish.part, law=wish.law, ends=wish.ends)
    bone = loaded_as(bone, case, eccentricity_mm=wish.eccentricity_mm)
    loads = loads_of(spine, patient, bone.level, kyphosis_deg=wish.kyphosis_deg)
    solver_ready()
    borders = estimate_borders(spine, bone, part=wish.part)
    if wish.linear:
        return PressedLevel(bone, estimate_strength_linear(bone, borders=borders), loads, None)
    cycle = press_twice(bone) if wish.damage else None
    path = press_bone(bone) if cycle is None else cycle.pressed
    strength = estimate_strength(bone, path=path, borders=borders)
    return PressedLevel(bone, strength, loads, measure_pressed(bone, path), cycle)


def loads_of(
    spine: Spine, patient: Patient, level: Level, *, kyphosis_deg: float | None = None
) -> tuple[SpineLoad, ...]:
    """What a level of this patient has to bear, as far as record and CT tell."""
    return estimate_loads(
        level,
        weight_kg=patient.weight_kg,
        height_cm=patient.height_cm,
        per_level_mm=mean_step(spine),
        kyphosis_deg=kyphosis_deg,
    )


def press_levels(
    spine: Spine, patient: Patient, names: Sequence[str], wish: StrengthWish, tell: Callable[[str, str], None]
) -> PressedLevels:
    """Press these levels; one that cannot be pressed is named with the reason, and the others go on."""
    pressed, left_out = [], []
    for name in names:
        tell(f"strength of {name}", "begins")
        try:
            pressed.append(press_level(spine, patient, name, wish))
        except (InputError, NotConverged) as error:
            left_out.append((name, str(error)))
        tell(f"strength of {name}", "made")
    return PressedLevels(wish, tuple(pressed), tuple(left_out))
