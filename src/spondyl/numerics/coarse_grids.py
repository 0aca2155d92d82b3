"""Coarse grids that keep apart what the bone keeps apart.

Blocks of 2 x 2 x 2 voxels make a coarse voxel, but a block may hold several parts of bone that do not touch: each is a
coarse cell of its own, with corners of its own. Two cells share a corner only where a node of the finer grid hangs on
it through both [1]. So struts with a gap between them stay apart on every grid.

Voxels that share no face around a node, but only an edge or the node, are a hinge there. Coarse cells are not joined at
hinges: the node follows the mean of the parts, weighted by their stiffness. A cell that shares no corner with any other
keeps the affine displacements of four nodes, and these stay its nodes on all coarser grids.

A coarse grid's stiffness is the energy of the finer one under its displacements (Galerkin), in blocks of 3 x 3 by rows.
Eight solid voxels of like moduli, with nothing held and no hinge about them, have nearly the energy of one voxel of
their mean (exactly, for uniform strains or equal moduli): it is kept as such a voxel, which costs a tenth.

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
from spondyl.numerics.side_by_side import cuts, side_by_side

Array = NDArray[Any]

_LIKE = 3.0  # moduli of eight voxels, greatest over least, up to which one of their mean stands for them
_MANY = 2000  # such voxels from which on a grid's regular loops pay


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells of one grid, in the order of the blocks that they make, and their nodes."""

    place: Array  # (n, 3) of each, in cells of its grid
    nodes: Array  # (n, 8) at its corners
    material: Array  # (m, n) coefficients of each that counts as one voxel of one material, 0 of others
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

    stiffness: Blocks  # but for voxels of one material
    voxels: Cells  # of one material
    edge: float  # of its voxels [mm]
    follow: sparse.csr_matrix  # (finer nodes, nodes)


def coarse_grids(
    coefficients: Array,
    edge: float,
    free: NDArray[np.bool_],
    *,
    hinged: bool,
    coarsest: int,
    slowest: float,
    threads: int = 1,
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
    cells, point, points = _voxel_cells(coefficients, hinged=hinged)
    known = np.ascontiguousarray(free.reshape(3, -1).T)
    starts = np.searchsorted(point, np.arange(points + 1))
    hinge = np.diff(starts)[point] > 1
    plain = np.logical_not(hinge[cells.nodes].any(axis=1))
    loose = np.asarray(known[point].all(axis=1))
    step = _coarser(cells, plain & np.asarray(loose[cells.nodes].all(axis=1)))
    follow = _of_points(cells, point, starts, step.follow)
    grids = [_coarse_grid(cells, point, plain, known, None, step, follow, edge, threads)]
    while 3 * step.cells.count > coarsest and len(step.cells.place):
        fine = step.cells
        step = _coarser(fine, fine.material[-1] != 0)
        if step.cells.count > slowest * fine.count:
            break
        plain, known = np.ones(len(fine.place), np.bool_), np.ones((fine.count, 3), np.bool_)
        before, itself = grids[-1], np.arange(fine.count)
        grids.append(
            _coarse_grid(fine, itself, plain, known, before.stiffness, step, step.follow, before.edge, threads)
        )
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


def _voxel_cells(coefficients: Array, *, hinged: bool) -> tuple[Cells, Array, int]:
    """Voxels as cells, with a node for each part about a grid point; the point of each node, and how many there are."""
    from spondyl.numerics.coarse_kernels import list_voxels

    solid = np.any(coefficients != 0, axis=0)
    shape = np.array(solid.shape) + 1
    pattern = np.zeros(shape, np.uint8)
    for q, (i, j, k) in enumerate(CORNERS):  # the voxel that has the point at its corner q lies in direction 7 - q
        view = pattern[i : i + solid.shape[0], j : j + solid.shape[1], k : k + solid.shape[2]]
        view |= solid.astype(np.uint8) << np.uint8(7 - q)
    pattern = pattern.ravel()
    counts, parts = _copies() if hinged else (np.minimum(np.arange(256), 1), np.zeros((256, 8), np.int64))
    first = np.concatenate([[0], np.cumsum(counts[pattern])]).astype(np.int32)
    count = int(np.count_nonzero(solid))
    place, nodes = np.empty((count, 3), np.int32), np.empty((count, 8), np.int32)
    material = np.empty((len(coefficients), count))
    list_voxels(np.ascontiguousarray(coefficients), solid, pattern, first, parts, place, nodes, material)
    point = np.repeat(np.arange(len(pattern), dtype=np.int32), counts[pattern])
    return Cells(place, nodes, material, len(point), 0), point, len(pattern)


def _of_points(cells: Cells, point: Array, starts: Array, follow: sparse.csr_matrix) -> sparse.csr_matrix:
    """What each point follows, when its nodes follow that: the mean of its nodes, weighted by stiffness."""
    if len(point) == np.count_nonzero(np.diff(starts)):  # no hinges
        return sparse.csr_matrix(
            (follow.data, follow.indices, follow.indptr[starts]), (len(starts) - 1, follow.shape[1])
        )
    weight = np.zeros(len(point))
    for q in range(8):
        weight += np.bincount(cells.nodes[:, q], cells.material[-1], len(point))
    total = np.bincount(point, weight, len(starts) - 1)
    mean = sparse.csr_matrix((weight / total[point], np.arange(len(point)), starts), (len(starts) - 1, len(point)))
    return (mean @ follow).astype(np.float32).tocsr()


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
    uniform: NDArray[np.bool_]  # (coarse cells) which count as one voxel of one material
    follow: sparse.csr_matrix  # (finer nodes, coarse nodes)


def _coarser(cells: Cells, whole: NDArray[np.bool_]) -> _Step:
    """The next grid. `whole` tells which cells are voxels of one material that eight may become one of."""
    from spondyl.numerics.coarse_kernels import find_owners, group_cells, interpolate, join_corners

    block, half = cells.place // 2, (cells.place % 2).astype(np.int8)
    new = np.any(block[1:] != block[:-1], axis=1)
    starts = np.concatenate([[0], np.flatnonzero(new) + 1, [len(block)]])
    part = np.empty(len(block), np.int64)
    parents = group_cells(cells.nodes, starts, part)
    table, alone = np.empty((parents, 8), np.int32), np.empty(parents, np.bool_)
    made = join_corners(cells.nodes, half, part, parents, cells.count, table, alone)
    count = made + cells.settled
    owner, follows = np.full(cells.count, -1, np.int32), np.zeros(cells.count, np.int8)
    find_owners(cells.nodes, half, part, alone, owner, follows)
    follows[cells.count - cells.settled :] = 1
    rows = np.concatenate([[0], np.cumsum(follows, dtype=np.int32)])
    columns, weights = np.empty(rows[-1], np.int32), np.empty(rows[-1], np.float32)
    interpolate(half, part, table, alone, owner, rows, columns, weights)
    columns[rows[-1] - cells.settled :], weights[rows[-1] - cells.settled :] = np.arange(made, count), 1.0
    follow = sparse.csr_matrix((weights, columns, rows), (cells.count, count))
    place = np.empty((parents, 3), np.int32)
    place[part] = block
    material = _mean_material(cells, whole, half, starts, part, parents)
    material[:, alone] = 0.0
    joined = np.flatnonzero(~alone)
    joined = joined[_block_order(place[joined])]
    settled = cells.settled + 4 * int(alone.sum())
    kept_material = np.ascontiguousarray(material[:, joined])  # else `mean_material` would be compiled once more
    coarse = Cells(place[joined], table[joined], kept_material, count, settled)
    return _Step(coarse, part, table, material[-1] != 0, follow)


def _mean_material(
    cells: Cells, whole: NDArray[np.bool_], half: Array, starts: Array, part: Array, parents: int
) -> Array:
    """Coefficients (m, coarse cells) of those made of eight like voxels, 0 of others, and of all where they are few."""
    from spondyl.numerics.coarse_kernels import mean_material

    material = np.zeros((len(cells.material), parents))
    if mean_material(cells.material, whole, half, starts, part, _LIKE, material) < _MANY:
        material[:] = 0.0
    return material


def _coarse_grid(
    fine: Cells,
    point: Array,
    plain: NDArray[np.bool_],
    known: NDArray[np.bool_],
    blocks: Blocks | None,
    step: _Step,
    follow: sparse.csr_matrix,
    edge: float,
    threads: int,
) -> Grid:
    """The energy of a grid (its voxels, its blocks) under the displacements of the next.

    `point` is the row of each node in `follow` and `known`; `plain` tells which cells follow the nodes of their coarse
    cell alone, `known` which values are unknowns.
    """
    from spondyl.numerics.coarse_kernels import sum_blocks, sum_voxels

    chosen = np.flatnonzero((fine.material[-1] != 0) & ~step.uniform[step.part])
    nodes = point[fine.nodes[chosen]].astype(np.int32, copy=False)  # one kind: another would be compiled anew
    part = step.part[chosen]
    material, plain = np.ascontiguousarray(fine.material[:, chosen]), plain[chosen]
    loose: Array = np.asarray(known.all(axis=1))
    eighth = plain & np.asarray(loose[nodes].all(axis=1)) & np.asarray((step.table[part] >= 0).all(axis=1))
    octant = np.where(eighth, fine.place[chosen] % 2 @ np.array([4, 2, 1], np.int32), -1)
    apart = _pattern(_incidence(nodes[~plain], follow.shape[0]) @ follow)
    touching = sparse.vstack([_incidence(step.table[np.unique(part)], follow.shape[1]), apart]).tocsr()
    pattern = touching.T @ touching
    if blocks is not None:
        ones, way = np.ones(len(blocks.columns), np.float32), _pattern(follow)
        pattern = pattern + way.T @ sparse.csr_matrix((ones, blocks.columns, blocks.rows), (fine.count,) * 2) @ way
    pattern = pattern.tocsr()
    pattern.sort_indices()
    values = np.zeros((pattern.nnz, 3, 3))
    rows = pattern.indptr.astype(np.int64), pattern.indices.astype(np.int32)
    up = _by_rows(follow)
    of = material, element_matrices(len(material), edge), _projected(len(material), edge), octant, known, *up, nodes
    pieces = _voxels_apart(fine.place[chosen, 0] // 2, threads)
    rest = part, step.table, plain, *rows, values
    for turn in filter(None, (pieces[::2], pieces[1::2])):

        def add(piece: int, turn: list[tuple[int, int]] = turn) -> None:
            sum_voxels(*of, *rest, *turn[piece])

        side_by_side(add, len(turn))
    if blocks is not None:
        matrix = blocks.rows, blocks.columns, blocks.values, *up, *_by_rows(follow.T.tocsr()), *rows, values
        parts = cuts(follow.shape[1], threads)
        side_by_side(lambda k: sum_blocks(*matrix, *parts[k]), threads)
    uniform = step.cells.material[-1] != 0
    coarse = step.cells
    voxels = Cells(coarse.place[uniform], coarse.nodes[uniform], coarse.material[:, uniform], coarse.count, 0)
    return Grid(Blocks(*rows, values), voxels, 2 * edge, follow)


@cache
def _projected(coefficients: int, edge: float) -> Array:
    """Stiffness of each eighth of a coarse voxel for unit coefficients, by the coarse corners, shape (8, m, 24, 24)."""
    out = np.zeros((8, coefficients, 24, 24))
    for octant, half in enumerate(CORNERS):
        place = 0.5 * (half + CORNERS)  # of the eighth's corners in the coarse voxel
        weights = np.prod(np.where(CORNERS == 1, place[:, None, :], 1 - place[:, None, :]), axis=2)
        follow = np.kron(weights, np.eye(3))
        out[octant] = follow.T @ element_matrices(coefficients, edge) @ follow
    out.setflags(write=False)
    return out


def _voxels_apart(slab: Array, threads: int) -> list[tuple[int, int]]:
    """Pieces of voxels in the order of their slabs, of which every second share no node; two for each thread."""
    from spondyl.numerics.coarse_kernels import APART

    slabs = int(slab.max(initial=-1)) + 1
    pieces = cuts(slabs, 2 * threads if threads > 1 and slabs >= 2 * threads * APART else 1)
    return [(int(a), int(b)) for a, b in np.searchsorted(slab, np.array(pieces))]


def _by_rows(matrix: sparse.csr_matrix) -> tuple[Array, Array, Array]:
    return (
        matrix.indptr.astype(np.int64),
        matrix.indices.astype(np.int32, copy=False),
        matrix.data.astype(np.float32, copy=False),
    )


def _incidence(table: Array, count: int) -> sparse.csr_matrix:
    """A row for each row of the table, a one at each node in it; negative ones are none."""
    there = table >= 0
    starts = np.concatenate([[0], np.cumsum(there.sum(1))])
    return sparse.csr_matrix((np.ones(starts[-1], np.float32), table[there], starts), (len(table), count))


def _pattern(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """Ones where the matrix has entries, so that sums of products cannot cancel."""
    return sparse.csr_matrix((np.ones(matrix.nnz, np.float32), matrix.indices, matrix.indptr), matrix.shape)
