"""What all courses of a level start from: the body whole and broken, and how each gives way over time."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from spondyl.simulation.bone import BoneModel, build_bone_model
from spondyl.simulation.broken_body import BrokenBody, break_bone
from spondyl.simulation.creep import CreepCompliance, find_creep_compliance
from spondyl.simulation.damage import damage_by_loading
from spondyl.simulation.flow_model import FlowModel, build_flow_model
from spondyl.simulation.mechanics import Mechanics, measure_mechanics
from spondyl.simulation.segment import SegmentModel, build_segment_model
from spondyl.simulation.strength import estimate_strength, press_bone
from spondyl.spine import Level, Spine


@dataclass(frozen=True, eq=False)
class CourseStart:
    """What all courses of one level start from; make it once and give it to each `simulate`."""

    body: BrokenBody
    whole: Mechanics  # an estimate of the body before its fracture, in its present shape
    broken: Mechanics
    spine: Spine

    def __reduce__(self) -> tuple[object, ...]:
        names = tuple(item.name for item in fields(self))
        found = {name: value for name, value in self.__dict__.items() if name not in names}  # so far: it goes along
        return type(self), tuple(getattr(self, name) for name in names), found

    @cached_property
    def creep_whole(self) -> CreepCompliance:
        """Of the whole body; found when it is first asked for."""
        return find_creep_compliance(self.bone)

    @cached_property
    def creep_broken(self) -> CreepCompliance:
        """Of the broken body; found when it is first asked for."""
        return find_creep_compliance(self.body.pressed_bone, np.asarray(self.body.damage.field))

    @cached_property
    def segment(self) -> SegmentModel:
        """The vertebra with its neighbours, in voxels of the same size; InputError where there are none."""
        bone = self.bone
        return build_segment_model(self.spine, bone.level, voxel_mm=bone.voxel_mm, calibration=bone.calibration)

    def flow(self, voxel_mm: float) -> FlowModel:
        """Pores and ways out of the body before any lift, made once for a size; InputError as `build_flow_model`."""
        made = self._flows.get(voxel_mm)
        if made is None:
            made = build_flow_model(self.spine, self.bone.level, voxel_mm=voxel_mm, calibration=self.bone.calibration)
            self._flows[voxel_mm] = made
        return made

    @cached_property
    def _flows(self) -> dict[float, FlowModel]:
        return {}

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
    return CourseStart(body, whole, measure_mechanics(body.pressed_bone), spine)
