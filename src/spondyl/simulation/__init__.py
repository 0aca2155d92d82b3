"""What loads do to bone: voxel models between platens."""

from spondyl.simulation.between_platens import (
    CurvePoint,
    PlatenResponse,
    load_between_platens,
    pushed_off_middle,
    solve_voxel_model,
)
from spondyl.simulation.bone import BoneModel, build_bone_model
from spondyl.simulation.fields import VoxelFields, measure_fields
from spondyl.simulation.linear_estimates import EstimateMap, LinearEstimates, estimate_linear, find_map
from spondyl.simulation.load_path import follow_load_path
from spondyl.simulation.loads import Activity, SpineLoad, estimate_loads, mean_step
from spondyl.simulation.strength import Strength, estimate_strength, estimate_strength_linear, press_bone
from spondyl.simulation.voxel_model import VoxelModel, build_voxel_model

__all__ = [
    "Activity",
    "BoneModel",
    "CurvePoint",
    "EstimateMap",
    "LinearEstimates",
    "PlatenResponse",
    "SpineLoad",
    "Strength",
    "VoxelFields",
    "VoxelModel",
    "build_bone_model",
    "build_voxel_model",
    "estimate_linear",
    "estimate_loads",
    "estimate_strength",
    "estimate_strength_linear",
    "find_map",
    "follow_load_path",
    "load_between_platens",
    "mean_step",
    "measure_fields",
    "press_bone",
    "pushed_off_middle",
    "solve_voxel_model",
]
