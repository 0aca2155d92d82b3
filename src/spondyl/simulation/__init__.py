"""What loads do to bone: voxel models between platens."""

from spondyl.simulation.between_platens import PlatenResponse, load_between_platens

__all__ = ["PlatenResponse", "load_between_platens"]
