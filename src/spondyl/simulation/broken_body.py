"""A vertebra before any treatment: as it was (estimated), as it is, and how each gives way over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spondyl.simulation.bone import BoneModel, build_bone_model
from spondyl.simulation.creep import CreepCompliance, find_creep_compliance
from spondyl.simulation.damage import Damage, damage_by_loading, damaged
from spondyl.simulation.mechanics import Mechanics, measure_mechanics
from spondyl.simulation.strength import estimate_strength, press_bone
from spondyl.spine import Level, Spine


@dataclass(frozen=True, eq=False)
class BrokenBody:
    """What all courses of one level start from; make it once and give it to each `simulate`."""

    bone: BoneModel  # whole: the shape and density of the CT, no cracks
    whole: Mechanics  # an estimate of the body before its fracture, in its present shape
    damage: Damage
    broken: Mechanics
    creep_whole: CreepCompliance
    creep_broken: CreepCompliance

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), tuple(self.__dict__.values())

    @property
    def broken_bone(self) -> BoneModel:
        """The model with its damage."""
        return damaged(self.bone, np.asarray(self.damage.field))


def break_body(spine: Spine, level: Level | str, *, voxel_mm: float = 2.0) -> BrokenBody:
    """The body of one vertebra, whole and with the stiffness that a fresh fracture leaves.

    Raises
    ------
    InputError
        As `build_bone_model`.
    NotConverged
        Where a load path cannot be balanced.
    """
    bone = build_bone_model(spine, level, voxel_mm=voxel_mm)
    path = press_bone(bone)
    whole = measure_mechanics(bone, strength=estimate_strength(bone, path=path))
    damage = damage_by_loading(bone, path)
    field = np.asarray(damage.field)
    broken = damaged(bone, field)
    return BrokenBody(
        bone,
        whole,
        damage,
        measure_mechanics(broken),
        find_creep_compliance(bone),
        find_creep_compliance(broken, field),
    )
