"""What all courses of a level start from: the body whole and broken, and how each gives way over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spondyl.simulation.bone import BoneModel, build_bone_model
from spondyl.simulation.broken_body import BrokenBody, break_bone
from spondyl.simulation.creep import CreepCompliance, find_creep_compliance
from spondyl.simulation.damage import damage_by_loading
from spondyl.simulation.mechanics import Mechanics, measure_mechanics
from spondyl.simulation.strength import estimate_strength, press_bone
from spondyl.spine import Level, Spine


@dataclass(frozen=True, eq=False)
class CourseStart:
    """What all courses of one level start from; make it once and give it to each `simulate`."""

    body: BrokenBody
    whole: Mechanics  # an estimate of the body before its fracture, in its present shape
    broken: Mechanics
    creep_whole: CreepCompliance
    creep_broken: CreepCompliance

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), tuple(self.__dict__.values())

    @property
    def bone(self) -> BoneModel:
        """The whole body's model."""
        return self.body.bone


def start_courses(spine: Spine, level: Level | str, *, voxel_mm: float = 2.0) -> CourseStart:
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
    body = break_bone(bone, damage_by_loading(bone, path))
    broken = body.pressed_bone
    return CourseStart(
        body,
        whole,
        measure_mechanics(broken),
        find_creep_compliance(bone),
        find_creep_compliance(broken, np.asarray(body.damage.field)),
    )
