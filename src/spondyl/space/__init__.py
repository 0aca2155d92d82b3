"""Patient space: grids, volumes, local frames and surfaces. No files, no medicine."""

from spondyl.space.arrays import read_only
from spondyl.space.blank import is_blank
from spondyl.space.frames import Frame, HeightMap
from spondyl.space.geometry import Floats, Geometry
from spondyl.space.sampling import contained_along, sample_along
from spondyl.space.surface_fit import SplineSurface, fit_interval_surface
from spondyl.space.volume import Volume

__all__ = [
    "Floats",
    "Frame",
    "Geometry",
    "HeightMap",
    "SplineSurface",
    "Volume",
    "contained_along",
    "fit_interval_surface",
    "is_blank",
    "read_only",
    "sample_along",
]
