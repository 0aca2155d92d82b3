"""A cavity in a voxel body: its wall, its volume when nodes have moved, and how volume changes with them.

The wall is the set of faces between the cavity and everything else. A moved face is the bilinear patch through its four
nodes, so volume and its derivative are exact for any displacement, however large (divergence theorem, 2 x 2 Gauss
points). The derivative is also the nodal force of a unit pressure in the cavity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Mask = NDArray[np.bool_]

_SIDES = ((0, 0), (1, 0), (1, 1), (0, 1))  # corners of a face, turning right-handed about the axis
_PLACES = (1 + np.array([(s, t) for s in (-1, 1) for t in (-1, 1)]) / np.sqrt(3)) / 2  # Gauss, in [0, 1]²


@dataclass(frozen=True, eq=False)
class CavityWall:
    """Faces of a cavity by the flat indices of their four nodes, so that their normals point out of the cavity."""

    faces: Array  # (n, 4)
    shape: tuple[int, int, int]  # of the nodes
    pushed: Array  # (n,): share of each face that pressure reaches


def find_wall(cavity: Mask, bridged: Array | None = None) -> CavityWall:
    """The wall of a cavity that does not reach the border of the grid.

    Parameters
    ----------
    bridged
        Share of each voxel that the cavity's skin bridges: its faces bound the volume and are pushed by the rest alone.
    """
    nodes = (cavity.shape[0] + 1, cavity.shape[1] + 1, cavity.shape[2] + 1)
    number = np.arange(np.prod(nodes)).reshape(nodes)
    faces, pushed = [], []
    for axis in range(3):
        for side in (-1, 1):
            beyond = np.roll(cavity, -side, axis)
            there = np.argwhere(cavity & ~beyond)
            behind = there.copy()
            behind[:, axis] += side
            first, second = (axis + 1) % 3, (axis + 2) % 3
            corners = []
            for one, other in _SIDES if side > 0 else _SIDES[::-1]:
                corner = there.copy()
                corner[:, axis] += side > 0
                corner[:, first] += one
                corner[:, second] += other
                corners.append(number[tuple(corner.T)])
            faces.append(np.stack(corners, axis=1))
            pushed.append(1.0 - (0.0 if bridged is None else bridged[tuple(behind.T)]) * np.ones(len(there)))
    return CavityWall(np.concatenate(faces), nodes, np.concatenate(pushed))


def enclosed_volume(wall: CavityWall, points: Array) -> float:
    """Volume within a wall whose nodes lie at these points, shape (3, nx+1, ny+1, nz+1). [mm³]"""
    corners = points.reshape(3, -1)[:, wall.faces]
    return float(sum(np.sum(place * area) for place, area, _ in _patches(corners)) / 3)


def volume_gradient(wall: CavityWall, points: Array) -> Array:
    """Change of volume with the place of each node, shape (3, nx+1, ny+1, nz+1): area vectors, out of the cavity. [mm²]

    Faces that are bridged give none, those that are bridged in part the share that is not.
    """
    pushed, shares = wall.faces[wall.pushed > 0], wall.pushed[wall.pushed > 0]
    corners = points.reshape(3, -1)[:, pushed]
    result = np.zeros((3, int(np.prod(wall.shape))))
    for _, area, weights in _patches(corners):
        for corner in range(4):
            for axis in range(3):
                result[axis] += np.bincount(
                    pushed[:, corner], weights=weights[corner] * shares * area[axis], minlength=result.shape[1]
                )
    return result.reshape(3, *wall.shape)


def _patches(corners: Array) -> list[tuple[Array, Array, Array]]:
    """Place, area vector (with its weight) and shape functions at the Gauss points of bilinear faces, (3, n, 4) in."""
    found = []
    for s, t in _PLACES:
        weights = np.array([(1 - s) * (1 - t), s * (1 - t), s * t, (1 - s) * t])
        along = np.array([-(1 - t), 1 - t, t, -t])
        across = np.array([-(1 - s), -s, s, 1 - s])
        area = np.cross(corners @ along, corners @ across, axis=0) / 4
        found.append((corners @ weights, area, weights))
    return found
