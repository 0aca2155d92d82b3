"""What loads do to bone: voxel models between platens."""

from spondyl.simulation.between_platens import PlatenResponse, load_between_platens, solve_voxel_model
from spondyl.simulation.fields import VoxelFields, measure_fields
from spondyl.simulation.voxel_model import VoxelModel, build_voxel_model

__all__ = [
    "PlatenResponse",
    "VoxelFields",
    "VoxelModel",
    "build_voxel_model",
    "load_between_platens",
    "measure_fields",
    "solve_voxel_model",
]
