"""Operators of the multigrid's coarse grids, and the ways between grids.

A coarse grid is some voxels of one material, which the loops of the finest grid push, and blocks of a sparse matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from spondyl.numerics.coarse_grids import Blocks, Cells, Grid, Inner, by_rows, corner_points
from spondyl.numerics.elasticity import element_matrices
from spondyl.numerics.operators import SERIAL_BELOW, Operator, padded, voxel_diagonal
from spondyl.numerics.side_by_side import cuts, side_by_side

Array = NDArray[Any]

_PIECE = 64  # nodes of a coarse grid in one row of its vectors


@dataclass(frozen=True, eq=False)
class _Packed:
    """Blocks whose rows stand side by side, longest first, in groups of as many as a vector unit has lanes."""

    begins: Array
    order: Array
    columns: Array
    values: Array  # in single precision

    @classmethod
    def of(cls, blocks: Blocks) -> _Packed:
        """As `multigrid_kernels.apply_blocks` wants them."""
        from spondyl.numerics.multigrid_kernels import LANES

        length = np.diff(blocks.rows)
        row = np.flatnonzero(length)
        row = row[np.argsort(-length[row], kind="stable")]
        begins = np.concatenate([[0], np.cumsum(length[row[::LANES]])])
        place = np.zeros(len(length), np.int64)
        place[row] = np.arange(len(row))
        place = np.repeat(place, length)
        entry = begins[place // LANES] + np.arange(len(blocks.columns)) - np.repeat(blocks.rows[:-1], length)
        columns, values = np.zeros((begins[-1], LANES), np.uint32), np.zeros((begins[-1], 9, LANES), np.float32)
        columns[entry, place % LANES] = 3 * blocks.columns
        values[entry, :, place % LANES] = blocks.values.reshape(-1, 9)
        order = np.full((len(begins) - 1) * LANES, -1)
        order[: len(row)] = 3 * row
        return cls(begins, order, columns, values)

    def blocks(self) -> tuple[Array, Array, Array]:
        """Row and column of each block, and the block in double precision; some are 0."""
        lanes = self.columns.shape[1]
        row = np.repeat(self.order.reshape(-1, lanes), np.diff(self.begins), axis=0) // 3
        kept = row >= 0
        values = self.values.transpose(0, 2, 1).reshape(*row.shape, 3, 3)
        return row[kept], self.columns[kept].astype(np.int64) // 3, values[kept].astype(float)


def _own_diagonal(blocks: Blocks) -> Array:
    row = np.repeat(np.arange(len(blocks.rows) - 1), np.diff(blocks.rows))
    own = np.flatnonzero(row == blocks.columns)
    out = np.zeros((len(blocks.rows) - 1, 3))
    out[row[own]] = np.diagonal(blocks.values[own], axis1=1, axis2=2)
    return out


class CoarseOperator:
    """K u on a coarse grid, in single precision; vectors are (pieces, 1, 3 x `_PIECE`), three values a node."""

    def __init__(self, grid: Grid, threads: int) -> None:
        self.count = len(grid.stiffness.rows) - 1
        self.shape = (-(-self.count // _PIECE), 1, 3 * _PIECE)
        self._packed = _Packed.of(grid.stiffness)
        self._own = _own_diagonal(grid.stiffness)
        threads = threads if 3 * self.count >= SERIAL_BELOW else 1
        self._cuts = cuts(len(self._packed.begins) - 1, threads)
        self._sums: Array = np.zeros((threads, 3 * self._packed.columns.shape[1]), np.float32)
        self.voxels = _Voxels(grid.voxels, grid.edge, threads) if len(grid.voxels.place) else None
        self._pushed: Array = np.zeros(self.shape, np.float32)

    def __call__(self, displacement: Array, out: Array) -> None:
        """Write the forces that hold this displacement to `out`."""
        from spondyl.numerics.multigrid_kernels import apply_blocks

        source, target, packed = displacement.reshape(-1), out.reshape(-1), self._packed
        target[:] = 0
        matrix = packed.begins, packed.order, packed.columns, packed.values
        side_by_side(
            lambda piece: apply_blocks(*matrix, source, target, self._sums[piece], *self._cuts[piece]), len(self._cuts)
        )
        if self.voxels is not None:
            self.voxels.add(source, target)

    def lack(self, displacement: Array, right: Array, inverse: Array, out: Array) -> None:
        """As `Operator.lack`."""
        from spondyl.numerics.multigrid_kernels import lack

        self(displacement, self._pushed)
        lack(*(array.reshape(-1) for array in (right, self._pushed, inverse, out)))

    def smooth(self, displacement: Array, right: Array, inverse: Array, change: Array, keep: float, add: float) -> None:
        """As `Operator.smooth`."""
        from spondyl.numerics.multigrid_kernels import smooth

        self(displacement, self._pushed)
        flat = [array.reshape(-1) for array in (right, self._pushed, inverse, change, displacement)]
        smooth(*flat, np.float32(keep), np.float32(add))

    def diagonal(self) -> Array:
        """Of the matrix, in the shape of its vectors."""
        out = np.zeros((self.shape[0] * _PIECE, 3))
        out[: self.count] = self._own
        if self.voxels is not None:
            out[self.voxels.nodes] += self.voxels.diagonal()
        return out.reshape(self.shape)

    def sparse(self) -> sparse.csr_matrix:
        """The same as a matrix of scipy in double precision, padded to the vectors' size."""
        size = int(np.prod(self.shape))
        row, column, values = self._packed.blocks()
        three = np.arange(3)
        rows = np.broadcast_to(3 * row[:, None, None] + three[:, None], values.shape).ravel()
        columns = np.broadcast_to(3 * column[:, None, None] + three, values.shape).ravel()
        matrix = sparse.csr_matrix((values.ravel(), (rows, columns)), (size, size))
        if self.voxels is not None:
            matrix = matrix + self.voxels.sparse(size)
        return (matrix + matrix.T) / 2


class _Voxels:
    """Voxels of one material on a coarse grid, by the loops of the finest."""

    def __init__(self, cells: Cells, edge: float, threads: int) -> None:
        self._cells, self._edge = cells, edge
        shape = cells.place.max(0) + 1
        coefficients = np.zeros((len(cells.material), *shape))
        coefficients[(slice(None), *cells.place.T)] = cells.material
        self._coefficients = padded(coefficients)
        self._operator = Operator(self._coefficients, edge, np.float32, threads)
        grid = self._operator.shape[1:]
        node = np.full(np.prod(grid), -1, np.int32)
        node[corner_points(cells.place, grid)] = cells.nodes
        self.places = np.flatnonzero(node >= 0)
        self.nodes: Array = node[self.places]
        self._cuts = cuts(len(self.nodes), threads)
        self._moved: Array = np.zeros(self._operator.shape, np.float32)
        self._pushed: Array = np.zeros(self._operator.shape, np.float32)

    def add(self, displacement: Array, out: Array) -> None:
        """Add the forces that hold this displacement; both flat."""
        from spondyl.numerics.multigrid_kernels import gather, spread

        moved, pushed, pieces = self._moved.reshape(3, -1), self._pushed.reshape(3, -1), len(self._cuts)
        place = self.nodes, self.places
        side_by_side(lambda piece: spread(*place, displacement, moved, *self._cuts[piece]), pieces)
        self._operator(self._moved, self._pushed)
        side_by_side(lambda piece: gather(*place, pushed, out, *self._cuts[piece]), pieces)

    def diagonal(self) -> Array:
        """Of `nodes`, a row each: of three values, or one where all are the same."""
        diagonal = voxel_diagonal(self._coefficients, self._edge)
        return diagonal.reshape(len(diagonal), -1)[:, self.places].T

    def sparse(self, size: int) -> sparse.csr_matrix:
        """The same as a matrix of scipy."""
        cells = self._cells
        values = np.tensordot(cells.material.T, element_matrices(len(cells.material), self._edge), 1)
        freedoms = (3 * cells.nodes[:, :, None] + np.arange(3)).reshape(-1, 24)
        rows, columns = np.repeat(freedoms, 24, axis=1).ravel(), np.tile(freedoms, (1, 24)).ravel()
        return sparse.csr_matrix((values.ravel(), (rows, columns)), (size, size))


class Way:
    """Transfers between a grid and the next coarser one, from what its nodes follow."""

    def __init__(self, grid: Grid, shape: tuple[int, ...], threads: int, *, planar: bool) -> None:
        follow, self._inner = grid.follow, grid.inner
        self._down, self._up = (by_rows(m) for m in (follow.T.tocsr(), follow))
        self._places = (1, follow.shape[0]) if planar else (3, 1)  # of a node, and between its three values
        threads = threads if 3 * follow.shape[0] >= SERIAL_BELOW else 1
        self._cuts_down, self._cuts_up = cuts(follow.shape[1], threads), cuts(follow.shape[0], threads)
        self.load: Array = np.zeros(shape, np.float32)  # room for the coarse grid's
        if self._inner is not None:
            coarse, fine = self._inner.nodes.shape, self._inner.points.shape
            self._planes_down, self._planes_up = cuts(coarse[0], threads), cuts(fine[0], threads)
            there = np.flatnonzero(self._inner.nodes >= 0)
            self._regular = self._inner.nodes.reshape(-1)[there], there  # nodes and their points
            self._moved: Array = np.zeros((3, *coarse), np.float32)
            self._lines: Array = np.zeros((threads, max(fine[2], 2 * coarse[2]) + 3), np.float32)

    def restrict(self, fine: Array, coarse: Array) -> None:
        """Forces on the coarse grid that do the same work."""
        from spondyl.numerics.multigrid_kernels import restrict

        place = *self._down, fine.reshape(-1), *self._places, coarse.reshape(-1)
        side_by_side(lambda piece: restrict(*place, *self._cuts_down[piece]), len(self._cuts_down))
        if self._inner is not None:
            self._restrict_inner(self._inner, fine, coarse.reshape(-1))

    def _restrict_inner(self, inner: Inner, fine: Array, coarse: Array) -> None:
        from spondyl.numerics.multigrid_kernels import restrict_inner

        def add(piece: int) -> None:
            restrict_inner(fine, inner.points, inner.nodes, self._lines[piece], coarse, *self._planes_down[piece])

        side_by_side(add, len(self._planes_down))

    def prolong_add(self, coarse: Array, fine: Array, inverse: Array) -> None:
        """Add the coarse grid's displacement where a value is unknown."""
        from spondyl.numerics.multigrid_kernels import prolong_add

        place = *self._up, coarse.reshape(-1), fine.reshape(-1), *self._places, inverse.reshape(-1)
        side_by_side(lambda piece: prolong_add(*place, *self._cuts_up[piece]), len(self._cuts_up))
        if self._inner is not None:
            self._prolong_inner(self._inner, coarse.reshape(-1), fine)

    def _prolong_inner(self, inner: Inner, coarse: Array, fine: Array) -> None:
        from spondyl.numerics.multigrid_kernels import prolong_inner, spread

        spread(*self._regular, coarse, self._moved.reshape(3, -1), 0, len(self._regular[0]))

        def add(piece: int) -> None:
            prolong_inner(self._moved, inner.points, self._lines[piece], fine, *self._planes_up[piece])

        side_by_side(add, len(self._planes_up))
