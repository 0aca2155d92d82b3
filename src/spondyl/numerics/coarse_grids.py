"""Coarse grids that keep apart what the bone keeps apart.

Blocks of 2 x 2 x 2 voxels make a coarse voxel, but a block may hold several parts of bone that do not touch: each is a
coarse cell of its own, with corners of its own. Two cells share a corner only where a node of the finer grid hangs on
it through both [1]. So struts with a gap between them stay apart on every grid.

Voxels that share no face around a node, but only an edge or the node, are a hinge there. Coarse cells are not joined at
hinges: the node follows the mean of the parts, weighted by their stiffness. A cell that shares no corner with any other
keeps the affine displacements of four nodes, and these stay its nodes on all coarser grids.

A coarse grid's stiffness is the energy of the finer one under its displacements (Galerkin), in blocks of 3 x 3 by rows.
Eight solid voxels of like moduli, with nothing held and no hinge about them, have nearly the energy of one voxel of
their mean (exactly, for uniform strains or equal moduli): it is kept as such a voxel, which costs a tenth. Where all
blocks around are whole too, a coarse voxel is made without looking at its corners, and the points within follow the
regular way: of the finest grid only voxels near the surface, a held value or a step of modulus are listed.

References
----------
[1] dick2011: Dick, Georgii, Westermann, "A hexahedral multigrid approach for simulating cuts in deformable objects",
    IEEE Trans Vis Comput Graph 17 (2011) 1663-1675.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
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
class Inner:
    """The inside of the finest grid, where coarse voxels and what follows them are regular."""

    nodes: Array  # (x, y, z) the coarse node at each coarse point that an inner block touches, else -1
    points: Array  # (finer x, y, z) bytes: 1 where a finer point follows the coarse points about it and no row tells

    def follow(self, count: int) -> sparse.csr_matrix:
        """What its finer points follow, by rows as `Grid.follow`: the twin of the compiled transfers."""
        place = np.argwhere(self.points)
        row = np.ravel_multi_index(tuple(place.T), self.points.shape)
        near = place[:, None, :] + CORNERS  # twice the coarse points on either side: the same one where even
        column = self.nodes[tuple(np.moveaxis(near // 2, -1, 0))]
        ones = np.full(column.shape, 0.125)
        return sparse.csr_matrix((ones.ravel(), (np.repeat(row, 8), column.ravel())), (self.points.size, count))


@dataclass(frozen=True, eq=False)
class Grid:
    """A coarse grid: its stiffness and what the nodes of the finer one follow."""

    stiffness: Blocks  # but for voxels of one material
    voxels: Cells  # of one material
    edge: float  # of its voxels [mm]
    follow: sparse.csr_matrix  # (finer nodes, nodes), but for those of `inner`
    inner: Inner | None = None


def coarse_grids(
    coefficients: Array,
    edge: float,
    free: NDArray[np.bool_],
    *,
    hinged: bool,
    coarsest: int,
    slowest: float,
    threads: int = 1,
) -> Iterator[Grid]:
    """Coarser and coarser grids, until one has few unknowns or hardly fewer than the one before; each when it is made.

    Parameters
    ----------
    free
        Which values are unknown, shape (3, nx+1, ny+1, nz+1).
    hinged
        Whether hinges part cells. Without it a body of many small parts gets small grids, but poor ones.
    coarsest, slowest
        Unknowns at which to end; unknowns over those of the finer grid at which to end.
    """
    grid, fine = _first_grid(coefficients, edge, free, hinged, threads)
    yield grid
    while 3 * fine.count > coarsest and len(fine.place):
        step = _coarser(fine, fine.material[-1] != 0)
        if step.cells.count > slowest * fine.count:
            break
        plain, known = np.ones(len(fine.place), np.bool_), np.ones((3, fine.count), np.bool_)
        itself, before = np.arange(fine.count), grid.stiffness
        grid = _coarse_grid(fine, itself, plain, known, before, step, step.follow, grid.edge, threads)
        fine = step.cells
        del step, before, plain, known, itself  # room, while this grid is made use of
        yield grid


def _first_grid(
    coefficients: Array, edge: float, free: NDArray[np.bool_], hinged: bool, threads: int
) -> tuple[Grid, Cells]:
    """The grid next to the voxels, and its cells."""
    inside = _inner_blocks(coefficients, free)
    cells, point, starts = _voxel_cells(coefficients, hinged=hinged, inside=inside)
    known = free.reshape(3, -1)
    hinge = np.diff(starts)[point] > 1
    plain = np.logical_not(_any_corner(hinge, cells.nodes))
    bound = np.asarray(~known[:, point].all(axis=0))
    whole = plain & ~_any_corner(bound, cells.nodes)
    inner_voxels = None if inside is None else (inside, _mean_of_blocks(coefficients, inside))
    step = _coarser(cells, whole, inner_voxels)
    follow = _of_points(cells, point, starts, step.follow)
    grid = _coarse_grid(cells, point, plain, known, None, step, follow, edge, threads)
    if step.at_point is None:
        return grid, step.cells
    regular = touched(np.any(coefficients != 0, axis=0))
    regular &= (np.diff(starts) == 0).reshape(regular.shape)
    return replace(grid, inner=Inner(step.at_point, regular.view(np.uint8))), step.cells


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


def _inner_blocks(coefficients: Array, free: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """Blocks of eight like voxels with nothing held, among whole blocks on all sides; None where they are few."""
    solid = np.any(coefficients != 0, axis=0)
    size = tuple(n // 2 for n in solid.shape)
    if np.prod(size) < _MANY:
        return None
    eight = [np.s_[i : 2 * a : 2, j : 2 * b : 2, k : 2 * c : 2] for a, b, c in [size] for i, j, k in CORNERS]
    full = np.logical_and.reduce([solid[voxel] for voxel in eight])
    like = full.copy()
    for values in coefficients:
        least, most = values[eight[0]].copy(), values[eight[0]].copy()
        for voxel in eight[1:]:
            np.minimum(least, values[voxel], out=least)
            np.maximum(most, values[voxel], out=most)
        like &= most <= _LIKE * least
    loose: Array = np.asarray(free.all(axis=0))
    for axis, count in enumerate(size):
        at = np.moveaxis(loose, axis, 0)
        loose = np.moveaxis(at[0 : 2 * count : 2] & at[1 : 2 * count : 2] & at[2 : 2 * count + 1 : 2], 0, axis)
        among = np.moveaxis(full, axis, 0)
        around = np.zeros_like(among)
        around[1:-1] = among[:-2] & among[1:-1] & among[2:]
        full = np.moveaxis(around, 0, axis)
    inside = np.asarray(like & loose & full)
    return inside if np.count_nonzero(inside) >= _MANY else None


def _mean_of_blocks(coefficients: Array, blocks: NDArray[np.bool_]) -> Array:
    """Mean coefficients (m, blocks) of the eight voxels of each."""
    a, b, c = blocks.shape
    total = np.zeros((len(coefficients), a, b, c))
    for i, j, k in CORNERS:
        total += coefficients[:, i : 2 * a : 2, j : 2 * b : 2, k : 2 * c : 2]
    return np.asarray(total[:, blocks] / 8)


def touched(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which points of a grid lie at a corner of one of these cells."""
    for axis in range(3):
        there = np.moveaxis(cells, axis, 0)
        wide = np.zeros((len(there) + 1, *there.shape[1:]), np.bool_)
        wide[:-1] = there
        wide[1:] |= there
        cells = np.moveaxis(wide, 0, axis)
    return np.ascontiguousarray(cells)


def _voxel_cells(
    coefficients: Array, *, hinged: bool, inside: NDArray[np.bool_] | None = None
) -> tuple[Cells, Array, Array]:
    """Voxels as cells, with a node for each part about a grid point; the point of each node, and each point's first.

    Voxels of blocks that lie `inside` are left out, and the points that they alone touch have no node.
    """
    from spondyl.numerics.coarse_kernels import list_voxels

    solid = np.any(coefficients != 0, axis=0)
    shape = np.array(solid.shape) + 1
    pattern = np.zeros(shape, np.uint8)
    for q, (i, j, k) in enumerate(CORNERS):  # the voxel that has the point at its corner q lies in direction 7 - q
        view = pattern[i : i + solid.shape[0], j : j + solid.shape[1], k : k + solid.shape[2]]
        view |= solid.astype(np.uint8) << np.uint8(7 - q)
    pattern = pattern.ravel()
    counts, parts = _copies() if hinged else (np.minimum(np.arange(256), 1), np.zeros((256, 8), np.int64))
    here: Array = counts[pattern].astype(np.int8)
    if inside is not None:
        a, b, c = inside.shape
        for i, j, k in CORNERS:
            solid[i : 2 * a : 2, j : 2 * b : 2, k : 2 * c : 2] &= ~inside
        here *= touched(solid).ravel()
    first = np.concatenate([[0], np.cumsum(here, dtype=np.int32)], dtype=np.int32)
    count = int(np.count_nonzero(solid))
    place, nodes = np.empty((count, 3), np.int32), np.empty((count, 8), np.int32)
    material = np.empty((len(coefficients), count))
    list_voxels(np.ascontiguousarray(coefficients), solid, pattern, first, parts, place, nodes, material)
    point = np.flatnonzero(here).astype(np.int32)
    if first[-1] > len(point):
        point = np.repeat(point, here[point])
    return Cells(place, nodes, material, len(point), 0), point, first


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


def _any_corner(marked: NDArray[np.bool_], nodes: Array) -> NDArray[np.bool_]:
    """Which cells have a marked node; corner by corner, for sums along a short axis are slow."""
    return np.asarray(np.logical_or.reduce([marked[nodes[:, q]] for q in range(8)]))


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
    at_point: Array | None  # as `Inner.nodes`


def _coarser(cells: Cells, whole: NDArray[np.bool_], inner: tuple[NDArray[np.bool_], Array] | None = None) -> _Step:
    """The next grid. `whole` tells which cells are voxels of one material that eight may become one of.

    `inner` are blocks that are not among `cells`, as a grid of them, and the coefficients of each.
    """
    from spondyl.numerics.coarse_kernels import find_owners, group_cells, interpolate, join_corners

    block, half = cells.place // 2, (cells.place % 2).astype(np.int8)
    new = np.any(block[1:] != block[:-1], axis=1)
    starts = np.concatenate([[0], np.flatnonzero(new) + 1, [len(block)]])
    part = np.empty(len(block), np.int64)
    parents = group_cells(cells.nodes, starts, np.arange(len(block)), part)
    table, alone = np.empty((parents, 8), np.int32), np.empty(parents, np.bool_)
    place = np.empty((parents, 3), np.int32)
    place[part] = block
    at_point, corner = np.zeros((0, 0, 0), np.int32), np.zeros((0, 8), np.int32)
    if inner is not None:
        size = np.maximum(inner[0].shape, block.max(0, initial=0) + 1)
        wide = np.pad(inner[0], [(0, n - m) for n, m in zip(size, inner[0].shape, strict=True)])
        at_point = np.where(touched(wide), np.int32(-2), np.int32(-1))
        corner = corner_points(place, at_point.shape)
    seen, corners = np.full((cells.count, 8), -1, np.int32), np.arange(8 * parents)
    first = np.full(at_point.size, -1)
    made = join_corners(cells.nodes, half, part, seen, corners, table, alone, corner, at_point.reshape(-1), first)
    count = made + cells.settled
    owner, follows = np.full(cells.count, -1, np.int32), np.zeros(cells.count, np.int8)
    find_owners(cells.nodes, half, part, alone, owner, follows)
    follows[cells.count - cells.settled :] = 1
    rows = np.concatenate([[0], np.cumsum(follows, dtype=np.int32)])
    columns, weights = np.empty(rows[-1], np.int32), np.empty(rows[-1], np.float32)
    interpolate(half, part, table, alone, owner, rows, columns, weights)
    columns[rows[-1] - cells.settled :], weights[rows[-1] - cells.settled :] = np.arange(made, count), 1.0
    follow = sparse.csr_matrix((weights, columns, rows), (cells.count, count))
    there = 0 if inner is None else inner[1].shape[1]
    material = _mean_material(cells, whole, half, starts, part, parents, _MANY - there)
    material[:, alone] = 0.0
    settled = cells.settled + 4 * int(alone.sum())
    lists = place[~alone], table[~alone], material[:, ~alone]
    if inner is not None:
        blocks = np.argwhere(inner[0]).astype(np.int32)
        nodes = at_point.reshape(-1)[corner_points(blocks, at_point.shape)]
        lists = np.concatenate([lists[0], blocks]), np.concatenate([lists[1], nodes]), np.hstack([lists[2], inner[1]])
    order = _block_order(lists[0])
    kept_material = np.ascontiguousarray(lists[2][:, order])  # else `mean_material` would be compiled once more
    coarse = Cells(lists[0][order], lists[1][order], kept_material, count, settled)
    return _Step(coarse, part, table, material[-1] != 0, follow, None if inner is None else at_point)


def corner_points(place: Array, shape: tuple[int, ...]) -> Array:
    """The points (n, 8) at the corners of cells, in a grid of so many points."""
    steps = np.array([shape[1] * shape[2], shape[2], 1], np.int32)
    return np.asarray((place @ steps)[:, None] + (CORNERS @ steps).astype(np.int32))


def _mean_material(
    cells: Cells, whole: NDArray[np.bool_], half: Array, starts: Array, part: Array, parents: int, many: int
) -> Array:
    """Coefficients (m, coarse cells) of those made of eight like voxels, 0 of others, and of all where they are few."""
    from spondyl.numerics.coarse_kernels import mean_material

    material = np.zeros((len(cells.material), parents))
    if mean_material(cells.material, whole, half, starts, part, _LIKE, material) < many:
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
    bound = np.asarray(~known.all(axis=0))
    eighth = plain & ~_any_corner(bound, nodes) & (step.table[part].min(1, initial=0) >= 0)
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
    up = by_rows(follow)
    matrices = element_matrices(len(material), edge).reshape(len(material), -1)
    of = material, matrices, _projected(len(material), edge), octant, known, *up, nodes
    pieces = _voxels_apart(fine.place[chosen, 0] // 2, threads)
    rest = part, step.table, plain, *rows, values
    for turn in filter(None, (pieces[::2], pieces[1::2])):

        def add(piece: int, turn: list[tuple[int, int]] = turn) -> None:
            sum_voxels(*of, *rest, _room(), *turn[piece])

        side_by_side(add, len(turn))
    if blocks is not None:
        matrix = blocks.rows, blocks.columns, blocks.values, *up, *by_rows(follow.T.tocsr()), *rows, values
        parts = cuts(follow.shape[1], threads)
        side_by_side(lambda k: sum_blocks(*matrix, np.zeros(len(rows[0]) - 1, np.int64), *parts[k]), threads)
    uniform = step.cells.material[-1] != 0
    coarse = step.cells
    voxels = Cells(coarse.place[uniform], coarse.nodes[uniform], coarse.material[:, uniform], coarse.count, 0)
    return Grid(Blocks(*rows, values), voxels, 2 * edge, follow)


def _room() -> tuple[Array, ...]:
    """Scratch of `sum_voxels`."""
    from spondyl.numerics.coarse_kernels import MOST

    return (
        np.empty(MOST, np.int64),
        np.empty((8, MOST)),
        np.empty(3 * MOST * 24),
        np.empty(24 * 3 * MOST),
        np.zeros(3 * MOST * 3 * MOST),
        np.empty(24 * 24),
    )


@cache
def _projected(coefficients: int, edge: float) -> Array:
    """Stiffness of each eighth of a coarse voxel by the coarse corners, for unit coefficients, (8, m, 24 x 24)."""
    out = np.zeros((8, coefficients, 24, 24))
    for octant, half in enumerate(CORNERS):
        place = 0.5 * (half + CORNERS)  # of the eighth's corners in the coarse voxel
        weights = np.prod(np.where(CORNERS == 1, place[:, None, :], 1 - place[:, None, :]), axis=2)
        follow = np.kron(weights, np.eye(3))
        out[octant] = follow.T @ element_matrices(coefficients, edge) @ follow
    flat = out.reshape(8, coefficients, -1)
    flat.setflags(write=False)
    return flat


def _voxels_apart(slab: Array, threads: int) -> list[tuple[int, int]]:
    """Pieces of voxels in the order of their slabs, of which every second share no node; two for each thread."""
    from spondyl.numerics.coarse_kernels import APART

    slabs = int(slab.max(initial=-1)) + 1
    pieces = cuts(slabs, 2 * threads if threads > 1 and slabs >= 2 * threads * APART else 1)
    return [(int(a), int(b)) for a, b in np.searchsorted(slab, np.array(pieces))]


def by_rows(matrix: sparse.csr_matrix) -> tuple[Array, Array, Array]:
    """Where rows begin, columns and values, always of the same kinds: loops are compiled once for each kind."""
    return (
        matrix.indptr.astype(np.int32, copy=False),
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
