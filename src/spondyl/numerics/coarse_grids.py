"""Coarse grids that keep apart what the bone keeps apart.

Blocks of 2 x 2 x 2 voxels make a coarse voxel, but a block may hold several parts of bone that do not touch: each is a
coarse cell of its own, with corners of its own. Two cells share a corner only where a node of the finer grid hangs on
it through both [1]. So struts with a gap between them stay apart on every grid.

Voxels that share no face around a node, but only an edge or the node, are a hinge there. Coarse cells are not joined at
hinges: the node follows the mean of the parts, weighted by their stiffness. A cell that shares no corner with any other
keeps the affine displacements of four nodes, and these stay its nodes on all coarser grids.

A coarse grid's stiffness is the energy of the finer one under its displacements (Galerkin), in blocks of 3 x 3 by rows.

References
----------
[1] dick2011: Dick, Georgii, Westermann, "A hexahedral multigrid approach for simulating cuts in deformable objects",
    IEEE Trans Vis Comput Graph 17 (2011) 1663-1675.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from spondyl.numerics.elasticity import CORNERS, element_matrices

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells of one grid, in the order of the blocks that they make, and their nodes."""

    place: Array  # (n, 3) of each, in cells of its grid
    nodes: Array  # (n, 8) at its corners
    count: int  # of nodes, with those that have no cell any more: the last `settled`
    settled: int


@dataclass(frozen=True, eq=False)
class Blocks:
    """A symmetric matrix of 3 x 3 blocks by rows."""

    rows: Array  # (n + 1) where each begins
    columns: Array
    values: Array  # (blocks, 3, 3)


@dataclass(frozen=True, eq=False)
class Grid:
    """A coarse grid: its stiffness and what the nodes of the finer one follow."""

    stiffness: Blocks
    follow: sparse.csr_matrix  # (finer nodes, nodes)


def coarse_grids(
    coefficients: Array, edge: float, free: NDArray[np.bool_], *, hinged: bool, coarsest: int, slowest: float
) -> list[Grid]:
    """Coarser and coarser grids, until one has few unknowns or hardly fewer than the one before.

    Parameters
    ----------
    free
        Which values are unknown, shape (3, nx+1, ny+1, nz+1).
    hinged
        Whether hinges part cells. Without it a body of many small parts gets small grids, but poor ones.
    coarsest, slowest
        Unknowns at which to end; unknowns over those of the finer grid at which to end.
    """
    cells, weights = _voxel_cells(coefficients, hinged=hinged)
    step = _coarser(cells)
    follow = (weights @ step.follow).tocsr()
    grids = [Grid(_of_voxels(coefficients, edge, free, cells, step, follow), follow)]
    while 3 * step.cells.count > coarsest and len(step.cells.place):
        before = step.cells.count
        step = _coarser(step.cells)
        if step.cells.count > slowest * before:
            break
        grids.append(Grid(_of_blocks(grids[-1].stiffness, step.follow), step.follow))
    return grids


@cache
def _copies() -> tuple[Array, Array]:
    """For each pattern of the eight voxels about a node (bit q: in the direction of corner q): how many parts they are
    by faces, and to which part each belongs."""
    counts, parts = np.zeros(256, np.int64), np.zeros((256, 8), np.int64)
    for pattern in range(256):
        left = {q for q in range(8) if pattern >> q & 1}
        while left:
            found, todo = set(), {min(left)}
            while todo:
                q = todo.pop()
                found.add(q)
                todo |= ({q ^ 1, q ^ 2, q ^ 4} & left) - found
            parts[pattern, list(found)] = counts[pattern]
            counts[pattern] += 1
            left -= found
    return counts, parts


def _voxel_cells(coefficients: Array, *, hinged: bool) -> tuple[Cells, sparse.csr_matrix]:
    """Voxels as cells, with a node for each part about a grid point, and the weight of each at the point (its row)."""
    solid = np.any(coefficients != 0, axis=0)
    shape = np.array(solid.shape) + 1
    pattern = np.zeros(shape, np.uint8)
    for q, (i, j, k) in enumerate(CORNERS):  # the voxel that has the point at its corner q lies in direction 7 - q
        view = pattern[i : i + solid.shape[0], j : j + solid.shape[1], k : k + solid.shape[2]]
        view |= solid.astype(np.uint8) << np.uint8(7 - q)
    pattern = pattern.ravel()
    counts, parts = _copies() if hinged else (np.minimum(np.arange(256), 1), np.zeros((256, 8), np.int64))
    first = np.concatenate([[0], np.cumsum(counts[pattern])])
    place = _in_blocks(np.argwhere(solid))
    nodes = np.empty((len(place), 8), np.int64)
    for q, offset in enumerate(CORNERS):
        point = np.ravel_multi_index(tuple((place + offset).T), tuple(shape))
        nodes[:, q] = first[point] + parts[pattern[point], 7 - q]
    stiffness = np.repeat(coefficients[(-1, *place.T)], 8)
    weight = np.bincount(nodes.ravel(), stiffness, first[-1])
    total = np.add.reduceat(np.append(weight, 0.0), first[:-1]) if len(first) > 1 else weight
    point = np.repeat(np.arange(len(pattern)), counts[pattern])
    weights = sparse.csr_matrix((weight / total[point], np.arange(first[-1]), first), (len(pattern), first[-1]))
    return Cells(place, nodes, int(first[-1]), 0), weights


def _in_blocks(place: Array) -> Array:
    return place[_block_order(place)]


def _block_order(place: Array) -> Array:
    block = place // 2
    size = block.max(0, initial=0) + 1
    return np.argsort(np.ravel_multi_index(tuple(block.T), tuple(size)), kind="stable")


@dataclass(frozen=True, eq=False)
class _Step:
    """From one grid to the next: its cells, and how the finer ones and their nodes follow."""

    cells: Cells  # of the next grid, without those that are alone
    part: Array  # (finer cells) the coarse cell of each
    table: Array  # (coarse cells, 8) their nodes, -1 where one that is alone has none
    follow: sparse.csr_matrix  # (finer nodes, coarse nodes)


def _coarser(cells: Cells) -> _Step:
    from spondyl.numerics.coarse_kernels import group_cells, interpolate, join_corners

    block, half = cells.place // 2, cells.place % 2
    new = np.any(block[1:] != block[:-1], axis=1)
    starts = np.concatenate([[0], np.flatnonzero(new) + 1, [len(block)]])
    part = np.empty(len(block), np.int64)
    parents = group_cells(cells.nodes, starts, part)
    table, alone = np.empty((parents, 8), np.int64), np.empty(parents, np.bool_)
    made = join_corners(cells.nodes, half, part, parents, cells.count, table, alone)
    columns, weights = np.full((cells.count, 8), -1, np.int64), np.zeros((cells.count, 8))
    interpolate(cells.nodes, half, part, table, alone, columns, weights)
    count = made + cells.settled
    kept = np.arange(cells.count - cells.settled, cells.count)
    columns[kept, 0], weights[kept, 0] = np.arange(made, count), 1.0
    used = columns >= 0
    starts = np.concatenate([[0], np.cumsum(used.sum(1))])
    follow = sparse.csr_matrix((weights[used], columns[used], starts), (cells.count, count))
    place = np.empty((parents, 3), np.int64)
    place[part] = block
    place, nodes = place[~alone], table[~alone]
    order = _block_order(place)
    settled = cells.settled + 4 * int(alone.sum())
    return _Step(Cells(place[order], nodes[order], count, settled), part, table, follow)


def _of_voxels(
    coefficients: Array, edge: float, free: NDArray[np.bool_], cells: Cells, step: _Step, follow: sparse.csr_matrix
) -> Blocks:
    """The energy of voxels under the displacements of the first coarse grid."""
    from spondyl.numerics.coarse_kernels import sum_voxels

    shape = free.shape[1:]
    points = np.stack([np.ravel_multi_index(tuple((cells.place + offset).T), shape) for offset in CORNERS], axis=1)
    least, most = np.full(follow.shape[0], cells.count), np.zeros(follow.shape[0], np.int64)
    np.minimum.at(least, points, cells.nodes)
    np.maximum.at(most, points, cells.nodes)
    plain = np.all(least[points] == most[points], axis=1)
    entries = [_incidence(step.table, follow.shape[1]), _pattern(_incidence(points[~plain], follow.shape[0]) @ follow)]
    touching = sparse.vstack(entries).tocsr()
    pattern = (touching.T @ touching).tocsr()
    pattern.sort_indices()
    values = np.zeros((pattern.nnz, 3, 3))
    slab = cells.place[:, 0] // 2
    slabs = np.searchsorted(slab, np.arange(slab.max(initial=-1) + 2))
    matrices = element_matrices(len(coefficients), edge)
    rows = pattern.indptr.astype(np.int64), pattern.indices.astype(np.int64)
    by_rows = follow.indptr.astype(np.int64), follow.indices.astype(np.int64), follow.data
    args = free, *by_rows, cells.place, step.part, step.table, plain, slabs, *rows, values
    sum_voxels(coefficients, matrices, *args)
    return Blocks(*rows, values)


def _of_blocks(fine: Blocks, follow: sparse.csr_matrix) -> Blocks:
    """The energy of one coarse grid under the displacements of the next."""
    from spondyl.numerics.coarse_kernels import sum_blocks

    ones = np.ones(len(fine.columns), np.float32)
    shape = (follow.shape[0],) * 2
    way = _pattern(follow)
    pattern = (way.T @ (sparse.csr_matrix((ones, fine.columns, fine.rows), shape) @ way)).tocsr()
    pattern.sort_indices()
    back = follow.T.tocsr()
    values = np.zeros((pattern.nnz, 3, 3))
    rows = pattern.indptr.astype(np.int64), pattern.indices.astype(np.int64)
    ways = [array for m in (follow, back) for array in (m.indptr.astype(np.int64), m.indices.astype(np.int64), m.data)]
    sum_blocks(fine.rows, fine.columns, fine.values, *ways, *rows, values)
    return Blocks(*rows, values)


def _incidence(table: Array, count: int) -> sparse.csr_matrix:
    """A row for each row of the table, a one at each node in it; negative ones are none."""
    there = table >= 0
    starts = np.concatenate([[0], np.cumsum(there.sum(1))])
    return sparse.csr_matrix((np.ones(starts[-1], np.float32), table[there], starts), (len(table), count))


def _pattern(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """Ones where the matrix has entries, so that sums of products cannot cancel."""
    return sparse.csr_matrix((np.ones(matrix.nnz, np.float32), matrix.indices, matrix.indptr), matrix.shape)
