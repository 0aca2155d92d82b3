"""Clearances against another way to measure them: distances to a triangle mesh of the canal, by trimesh."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree
from skimage.measure import marching_cubes
from trimesh import Trimesh
from trimesh.triangles import closest_point

from spondyl.planning import Structure
from spondyl.planning.plans import _case
from spondyl.planning.room import Room
from spondyl.space import Floats
from spondyl.spine import Side

if TYPE_CHECKING:
    from tests.unit.planning.conftest import Known

PATHS, STEP_MM, NEAR_MM = 200, 0.25, 2.0


def test_200_random_paths_keep_the_same_distance_from_a_mesh_of_the_canal(known: Known) -> None:
    """Within half a voxel: the mesh cuts the corners of the boxes that the plan measures to."""
    case = _case(known.spine, known.spine["L1"], 11, 2)
    mesh, draw = canal_mesh(case.room), np.random.default_rng(8)
    tree = cKDTree(mesh.vertices)
    apart = []
    while len(apart) < PATHS:
        points = random_path(known, draw)
        told = case.room.least_distance(Structure.CANAL, points)[0]
        if told > 0:  # within the canal a distance to its surface means nothing
            apart.append(told - mesh_distance(mesh, tree, points))
    assert np.abs(apart).max() <= case.room.half_voxel_mm


def canal_mesh(room: Room) -> Trimesh:
    """The surface halfway between voxels in the canal and the others, in patient mm."""
    share = np.pad(room.forbidden(Structure.CANAL).astype(float), 1)
    vertices, faces, _, _ = marching_cubes(share, 0.5)
    return Trimesh(room.geometry.points(vertices - 1), faces, process=False)


def random_path(known: Known, draw: np.random.Generator) -> Floats:
    """Points of a needle's axis somewhere near a pedicle of L1 into the body, 30 mm long."""
    pedicle = known.spine["L1"].pedicle(list(Side)[draw.integers(2)])
    direction = pedicle.axis + draw.normal(0, 0.15, 3)
    through = pedicle.isthmus + draw.normal(0, 2.0, 3)
    return through + np.arange(-10, 20, STEP_MM)[:, None] * direction / np.linalg.norm(direction)


def mesh_distance(mesh: Trimesh, tree: cKDTree, points: Floats) -> float:
    """Least distance to the triangles around the nearest vertices; a triangle is smaller than `NEAR_MM`."""
    to_vertex = tree.query(points)[0]
    asked = points[to_vertex <= to_vertex.min() + NEAR_MM]
    least = np.inf
    for point, vertices in zip(asked, tree.query_ball_point(asked, to_vertex.min() + NEAR_MM), strict=True):
        if not len(vertices):
            continue
        triangles = mesh.triangles[np.isin(mesh.faces, vertices).any(axis=1)]
        nearest = closest_point(triangles, np.broadcast_to(point, (len(triangles), 3)))
        least = min(least, float(np.linalg.norm(nearest - point, axis=1).min()))
    return least
