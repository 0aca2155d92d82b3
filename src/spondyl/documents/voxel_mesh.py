"""A voxel model as a list of nodes and of bricks, as other programs want it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spondyl.numerics.elasticity import CORNERS
from spondyl.simulation import VoxelModel

Array = NDArray[Any]
_AROUND = np.array([0, 4, 6, 2, 1, 5, 7, 3])  # corners of `CORNERS` in the order of VTK and Abaqus: floor, then roof


@dataclass(frozen=True, eq=False)
class VoxelMesh:
    """Only what bears load; rows in the order of the grid's raveled arrays."""

    nodes: Array  # (n, 3) indices of nodes; node (0, 0, 0) is the outer corner of voxel (0, 0, 0)
    voxels: Array  # (m, 3) indices of voxels
    bricks: Array  # (m, 8) rows of `nodes`, right-handed in the grid's axes
    parts: Array  # (n,) which part a node belongs to

    def at_nodes(self, field: Array) -> Array:
        """Values of the nodes, last axes of the field, shape (n, ...)."""
        return np.moveaxis(field[(..., *self.nodes.T)], -1, 0)

    def at_voxels(self, field: Array) -> Array:
        """Values of the voxels, shape (m, ...)."""
        return np.moveaxis(field[(..., *self.voxels.T)], -1, 0)


def mesh_of(model: VoxelModel) -> VoxelMesh:
    """The mesh of a model."""
    return mesh_of_parts(model.parts)


def mesh_of_parts(numbers: Array) -> VoxelMesh:
    """The mesh of the voxels of a grid that hold a number above 0; their nodes carry that number as their part."""
    voxels = np.argwhere(numbers > 0)
    shape = [n + 1 for n in numbers.shape]
    corners = voxels[:, None, :] + CORNERS[_AROUND]
    nodes = np.ravel_multi_index(tuple(np.moveaxis(corners, -1, 0)), shape)
    used, bricks = np.unique(nodes, return_inverse=True)
    parts = np.zeros(len(used), int)
    parts[bricks.reshape(-1, 8)] = numbers[tuple(voxels.T)][:, None]
    return VoxelMesh(np.stack(np.unravel_index(used, shape), axis=1), voxels, bricks.reshape(-1, 8), parts)
