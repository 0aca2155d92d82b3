"""What loads do to bone: voxel models between platens."""

from spondyl.simulation.between_platens import CurvePoint, PlatenResponse, load_between_platens, solve_voxel_model
from spondyl.simulation.bone import BoneModel, build_bone_model
from spondyl.simulation.fields import VoxelFields, measure_fields
from spondyl.simulation.load_path import follow_load_path
from spondyl.simulation.strength import Strength, estimate_strength
from spondyl.simulation.voxel_model import VoxelModel, build_voxel_model

__all__ = [
    "BoneModel",
    "CurvePoint",
    "PlatenResponse",
    "Strength",
    "VoxelFields",
    "VoxelModel",
    "build_bone_model",
    "build_voxel_model",
    "estimate_strength",
    "follow_load_path",
    "load_between_platens",
    "measure_fields",
    "solve_voxel_model",
]
