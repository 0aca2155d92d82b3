"""What the network tells apart."""

from __future__ import annotations

from enum import IntEnum

GRID_MM = 2.0  # of the cubes that the network sees


class SpineClass(IntEnum):
    """Classes of a voxel."""

    BACKGROUND, BODY, ARCH, DISC, CANAL, SACRUM, RIB = range(7)
