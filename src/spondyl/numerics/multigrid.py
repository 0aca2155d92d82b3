"""Multigrid for elasticity on voxels: one V-cycle is a linear, symmetric, positive guess of K⁻¹.

The finest grid is the voxels themselves; coarse ones are those of `coarse_grids`, with held values held node by node,
so platens of any shape, odd sizes and voids need no special case. Smoothing is Chebyshev's polynomial in D⁻¹K [1],
whose upper end is bounded by one voxel's on the finest grid and found by power iteration on the others. Slender
bodies visit their coarse grids more often. The coarsest system is inverted, in its range where it is small.

To use it on a body whose stiffness changes (plasticity, damage): make a `VCycle` of the elastic coefficients once, or
anew of the secant ones, and give `cycle(forces)` to your Krylov method as its preconditioner. A tangent that is
orthotropic voxel by voxel can itself be an `Operator`: nine coefficients a voxel, see `elasticity`.

Grids are padded along z to whole blocks of the vector units: make arrays with `padded`, and cut back with
`[..., : nz + 1]`.

References
----------
[1] adams2003: Adams, Brezina, Hu, Tuminaro, "Parallel multigrid smoothing", J Comput Phys 188 (2003) 593-610.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

from spondyl.numerics.coarse_grids import Blocks, Cells, Grid, coarse_grids
from spondyl.numerics.elasticity import CORNERS, element_matrices
from spondyl.numerics.side_by_side import cuts, side_by_side

Array = NDArray[Any]

_BLOCK = 16  # of elastic_kernels, which takes a second to load
_SERIAL_BELOW = 300_000  # unknowns; starting threads costs more than they save on smaller grids (prototype, 2 cores)
_COARSEST = 400  # unknowns at which coarsening ends
_SLOWEST = 0.7  # share of nodes kept at which it ends too, for hinges are all that is left
_DENSE = 1500  # unknowns up to which the coarsest grid's inverse is a full matrix
_FACTORED = 20_000  # and up to which it is factored
_SHIFT = 1e-6  # of the largest eigenvalue: below, a displacement of the coarsest grid counts as moved by no force
_SOLID = 0.2  # share of its nodes that a solid body keeps on the first coarse grid, at most; struts keep more
_VISITS = 4  # of the coarse grids of slender struts from the one above, at most, so that no grid costs more than it
_PIECE = 64  # nodes of a coarse grid in one row of its vectors
_MARGIN = 1.1  # on the largest eigenvalue found by power iteration


def padded(coefficients: Array) -> Array:
    """The same voxels with void ones above, so that their number along z is a whole number of blocks."""
    return np.pad(coefficients, ((0, 0), (0, 0), (0, 0), (0, -coefficients.shape[3] % _BLOCK)))


def prepare_threads(unknowns: int, threads: int | None) -> int:
    """How many threads a grid of so many unknowns gets; they wait asleep, so that others can work."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import numba

    return 1 if unknowns < _SERIAL_BELOW else max(1, min(threads or numba.get_num_threads(), numba.get_num_threads()))


class Operator:
    """K u on the finest grid in one precision: for conjugate gradients, and a grid of `VCycle` in single precision."""

    def __init__(self, coefficients: Array, edge: float, kind: type, threads: int) -> None:
        from spondyl.numerics import elastic_kernels as kernels

        nx, ny, nz = coefficients.shape[1:]
        self.shape = (3, nx + 1, ny + 1, nz + 1)
        self._kind, self._kernels = kind, kernels
        self._sweep = kernels.sweep_isotropic if len(coefficients) == 2 else kernels.sweep_orthotropic
        self._scaled: Array = np.ascontiguousarray(coefficients * (edge / 16), kind)
        solid = np.zeros((nx, ny, -(-nz // kernels.TILE)), bool)
        for tile in range(solid.shape[2]):
            solid[:, :, tile] = np.any(coefficients[..., tile * kernels.TILE : (tile + 1) * kernels.TILE], axis=(0, 3))
        self._solid = solid
        self._zeros: Array = np.zeros(kernels.TILE, kind)
        self._cuts = cuts(nx, max(1, min(threads, nx // 2)))
        self._planes: Array = np.zeros((len(self._cuts), 3, 3, ny + 1, nz + 1), kind)
        self._lines: Array = np.zeros((len(self._cuts), kernels.LINES), kind)

    def __call__(self, displacement: Array, out: Array) -> None:
        """Write the forces that hold this displacement to `out`."""
        self._run(self._kernels.PUSH, displacement, displacement, displacement, out)

    def lack(self, displacement: Array, right: Array, inverse: Array, out: Array) -> None:
        """Write the load less these forces to `out`, 0 where held."""
        self._run(self._kernels.LACK, displacement, right, inverse, out)

    def smooth(self, displacement: Array, right: Array, inverse: Array, change: Array, keep: float, add: float) -> None:
        """change = keep * change + add * D⁻¹ (load - forces); displacement += change."""
        self._run(self._kernels.SMOOTH, displacement, right, inverse, change, keep, add)

    def _run(
        self, task: int, moved: Array, right: Array, inverse: Array, out: Array, keep: float = 0.0, add: float = 0.0
    ) -> None:
        places = moved, right, inverse, out, self._kind(keep), self._kind(add), self._solid, self._zeros

        def sweep(piece: int) -> None:
            scratch = self._planes[piece], self._lines[piece]
            self._sweep(task, self._scaled, *places, *scratch, *self._cuts[piece])

        side_by_side(sweep, len(self._cuts))
        for piece in range(1, len(self._cuts)):  # the planes between
            at = self._cuts[piece][0]
            whole = self._planes[piece, 2:]
            whole += self._planes[piece - 1, at % 2]
            self._sweep(task, self._scaled, *places, whole, self._lines[0], at, at)


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


class _Coarse:
    """K u on a coarse grid, in single precision; vectors are (pieces, 1, 3 x `_PIECE`), three values a node."""

    def __init__(self, grid: Grid, threads: int) -> None:
        self.count = len(grid.stiffness.rows) - 1
        self.shape = (-(-self.count // _PIECE), 1, 3 * _PIECE)
        self._packed = _Packed.of(grid.stiffness)
        self._own = _own_diagonal(grid.stiffness)
        threads = threads if 3 * self.count >= _SERIAL_BELOW else 1
        self._cuts = cuts(len(self._packed.begins) - 1, threads)
        self._sums: Array = np.zeros((threads, 3 * self._packed.columns.shape[1]), np.float32)
        self.voxels = _Voxels(grid.voxels, grid.edge, threads) if len(grid.voxels.place) else None
        self._pushed: Array = np.zeros(self.shape, np.float32)

    def __call__(self, displacement: Array, out: Array) -> None:
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
        points = np.stack([np.ravel_multi_index(tuple((cells.place + q).T), grid) for q in CORNERS], axis=1)
        self.places, first = np.unique(points, return_index=True)
        self.nodes: Array = cells.nodes.ravel()[first]
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
        """Of `nodes`, a row each."""
        return _voxel_diagonal(self._coefficients, self._edge).reshape(3, -1)[:, self.places].T

    def sparse(self, size: int) -> sparse.csr_matrix:
        """The same as a matrix of scipy."""
        cells = self._cells
        values = np.tensordot(cells.material.T, element_matrices(len(cells.material), self._edge), 1)
        freedoms = (3 * cells.nodes[:, :, None] + np.arange(3)).reshape(-1, 24)
        rows, columns = np.repeat(freedoms, 24, axis=1).ravel(), np.tile(freedoms, (1, 24)).ravel()
        return sparse.csr_matrix((values.ravel(), (rows, columns)), (size, size))


class _Way:
    """Transfers between a grid and the next coarser one, from what its nodes follow."""

    def __init__(self, follow: sparse.csr_matrix, shape: tuple[int, ...], threads: int, *, planar: bool) -> None:
        self._down, self._up = (
            (m.indptr.astype(np.int64), m.indices.astype(np.int32), m.data.astype(np.float32))
            for m in (follow.T.tocsr(), follow)
        )
        self._places = (1, follow.shape[0]) if planar else (3, 1)  # of a node, and between its three values
        threads = threads if 3 * follow.shape[0] >= _SERIAL_BELOW else 1
        self._cuts_down, self._cuts_up = cuts(follow.shape[1], threads), cuts(follow.shape[0], threads)
        self.load: Array = np.zeros(shape, np.float32)  # room for the coarse grid's

    def restrict(self, fine: Array, coarse: Array) -> None:
        """Forces on the coarse grid that do the same work."""
        from spondyl.numerics.multigrid_kernels import restrict

        place = *self._down, fine.reshape(-1), *self._places, coarse.reshape(-1)
        side_by_side(lambda piece: restrict(*place, *self._cuts_down[piece]), len(self._cuts_down))

    def prolong_add(self, coarse: Array, fine: Array, inverse: Array) -> None:
        """Add the coarse grid's displacement where a value is unknown."""
        from spondyl.numerics.multigrid_kernels import prolong_add

        place = *self._up, coarse.reshape(-1), fine.reshape(-1), *self._places, inverse.reshape(-1)
        side_by_side(lambda piece: prolong_add(*place, *self._cuts_up[piece]), len(self._cuts_up))


@dataclass(frozen=True, eq=False)
class _Level:
    operator: Operator | _Coarse
    inverse: Array  # of the diagonal, 0 where held or void
    largest: float  # eigenvalue of D⁻¹K, or a bound of it
    answer: Array
    change: Array


class VCycle:
    """One V-cycle in single precision about K⁻¹ of the unknown values; `inverse` is 0 where a value is held or void.

    Parameters
    ----------
    coefficients
        As in `elasticity`, padded.
    held
        Which values are prescribed, shape (3, nx+1, ny+1, nz+1).
    degree, ratio
        Of the smoothing polynomial, and of the interval that it damps: 3 and 10 were best in the prototype.
    """

    def __init__(
        self,
        coefficients: Array,
        edge: float,
        held: NDArray[np.bool_],
        *,
        threads: int | None = None,
        degree: int = 3,
        ratio: float = 10.0,
    ) -> None:
        self.degree, self.ratio = degree, ratio
        self.threads = prepare_threads(held.size, threads)
        fine = Operator(coefficients, edge, np.float32, self.threads)
        inverse = inverse_diagonal(coefficients, edge, held)
        unknown = int((inverse != 0).any(0).sum())
        self.levels = [_level(fine, inverse, _voxel_bound(coefficients, edge))]
        self.ways: list[_Way] = []
        grids = make_grids(coefficients, edge, inverse != 0, self.threads)
        self._kept = len(grids[0].stiffness.rows) / max(1, unknown)  # share of the nodes
        for grid in grids:
            operator = _Coarse(grid, self.threads)
            self.ways.append(_Way(grid.follow, operator.shape, self.threads, planar=not self.ways))
            level = _level(operator, _inverse(operator.diagonal()), 0.0)
            self.levels.append(replace(level, largest=_MARGIN * _largest(level)))
        self._coarsest = _exact(self.levels[-1])

    @property
    def inverse(self) -> Array:
        """One over the diagonal of the finest grid."""
        return self.levels[0].inverse

    def __call__(self, forces: Array) -> Array:
        """About the displacement that these forces make; the array is used again by the next call."""
        return self._descend(np.ascontiguousarray(forces, np.float32), 0)

    def push(self, displacement: Array) -> Array:
        """The forces that hold it on the finest grid, in single precision; the next call uses the array again."""
        finest = self.levels[0]
        finest.operator(displacement, finest.change)
        return finest.change

    def _descend(self, right: Array, depth: int) -> Array:
        level = self.levels[depth]
        if depth == len(self.levels) - 1:
            level.answer[:] = self._coarsest(right.ravel()).reshape(right.shape)
            return level.answer
        self._smooth(level, right, from_nothing=True)
        way = self.ways[depth]
        for _ in range(self._visits(depth)):
            level.operator.lack(level.answer, right, level.inverse, level.change)
            way.restrict(level.change, way.load)
            way.prolong_add(self._descend(way.load, depth + 1), level.answer, level.inverse)
            self._smooth(level, right, from_nothing=False)
        return level.answer

    def _visits(self, depth: int) -> int:
        """How often a cycle goes from this grid to the next: once from fine grids of solid bodies, more where the
        coarse ones are small beside what they must correct."""
        if depth == 0:
            return 1
        if self._kept < _SOLID:
            return 1 if depth == 1 else 2
        return max(2, min(_VISITS, round(1 / self._kept)))

    def _smooth(self, level: _Level, right: Array, *, from_nothing: bool) -> None:
        from spondyl.numerics.multigrid_kernels import first_smooth

        middle = level.largest * (1 + 1 / self.ratio) / 2
        half = level.largest * (1 - 1 / self.ratio) / 2
        sigma = middle / half
        rho = 1 / sigma
        where = level.answer, right, level.inverse, level.change
        if from_nothing:
            flat = [array.reshape(-1) for array in (right, level.inverse, level.change, level.answer)]
            pieces = cuts(right.size, self.threads if right.size >= _SERIAL_BELOW else 1)
            side_by_side(
                lambda piece: first_smooth(*(a[slice(*pieces[piece])] for a in flat), np.float32(1 / middle)),
                len(pieces),
            )
        else:
            level.operator.smooth(*where, 0.0, 1 / middle)
        for _ in range(self.degree - 1):
            new = 1 / (2 * sigma - rho)
            level.operator.smooth(*where, new * rho, 2 * new / half)
            rho = new


def _level(operator: Operator | _Coarse, inverse: Array, largest: float) -> _Level:
    empty = [np.zeros(operator.shape, np.float32) for _ in range(2)]
    return _Level(operator, np.ascontiguousarray(inverse, np.float32), largest, *empty)


def _inverse(diagonal: Array, held: NDArray[np.bool_] | None = None) -> Array:
    """One over it, in its place and then in single precision, 0 where held; a value that is all but held, by rounding
    of a sum of nothing, counts as held."""
    known = diagonal <= 1e-12 * diagonal.max(initial=0.0)
    if held is not None:
        known |= held
    diagonal[known] = np.inf
    np.divide(1.0, diagonal, out=diagonal)
    return diagonal.astype(np.float32)


def inverse_diagonal(coefficients: Array, edge: float, held: NDArray[np.bool_]) -> Array:
    """One over the diagonal of the voxels' stiffness, 0 where a value is held or void; arguments as of `VCycle`."""
    return _inverse(_voxel_diagonal(coefficients, edge), held)


def _voxel_diagonal(coefficients: Array, edge: float) -> Array:
    shape = coefficients.shape[1:]
    out = np.zeros((3, *(n + 1 for n in shape)))
    diagonals = np.diagonal(element_matrices(len(coefficients), edge), axis1=1, axis2=2)
    for axis in range(3):  # all corners of a cube have the same diagonal
        value = np.tensordot(diagonals[:, axis], coefficients, 1)
        for i, j, k in CORNERS:
            out[axis, i : i + shape[0], j : j + shape[1], k : k + shape[2]] += value
    return out


def _voxel_bound(coefficients: Array, edge: float) -> float:
    """Largest eigenvalue of D⁻¹K of any voxel, which bounds that of their sum.

    Of an isotropic voxel it rises and falls with Poisson's ratio alone, so the extremes of λ/μ and a few between tell;
    of others 24, the trace, always holds and a sample of voxels tightens nothing safely, so twice the isotropic one.
    """
    matrices = element_matrices(len(coefficients), edge)
    if len(coefficients) != 2:
        return 12.0
    solid = coefficients[1] > 0
    if not solid.any():
        return 1.0
    share = coefficients[0][solid] / coefficients[1][solid]
    found = []
    for value in np.linspace(share.min(), share.max(), 5):
        matrix = value * matrices[0] + matrices[1]
        scale = 1 / np.sqrt(np.diag(matrix))
        found.append(np.linalg.eigvalsh(scale[:, None] * matrix * scale)[-1])
    return float(max(found))


def make_grids(coefficients: Array, edge: float, free: NDArray[np.bool_], threads: int = 1) -> list[Grid]:
    """Coarse grids that part bodies at hinges, unless so many parts are left at last that no inverse is to be had."""
    for hinged in (True, False):
        grids = coarse_grids(
            coefficients, edge, free, hinged=hinged, coarsest=_COARSEST, slowest=_SLOWEST, threads=threads
        )
        if 3 * (len(grids[-1].stiffness.rows) - 1) <= _FACTORED:
            break
    return grids


def _largest(level: _Level, steps: int = 15) -> float:
    """Largest eigenvalue of D⁻¹K by power iteration from a fixed random start."""
    vector = np.random.default_rng(0).normal(size=level.inverse.shape).astype(np.float32)
    vector[level.inverse == 0] = 0
    value = 1.0
    for _ in range(steps):
        vector /= max(float(np.linalg.norm(vector)), 1e-30)
        level.operator(vector, level.change)
        vector = level.inverse * level.change
        value = max(value, float(np.linalg.norm(vector)))
    return value


def _exact(level: _Level) -> Callable[[Array], Array]:
    """The inverse of the coarsest grid: what no force moves, as the turn of a hinged part, stays unmoved or nearly."""
    assert isinstance(level.operator, _Coarse)
    scale = np.sqrt(level.inverse.ravel().astype(float))
    kept = np.flatnonzero(scale)
    matrix = sparse.diags(scale[kept]) @ level.operator.sparse()[kept][:, kept] @ sparse.diags(scale[kept])
    if len(kept) > _DENSE:
        factors = splu(
            (matrix + _SHIFT * sparse.identity(len(kept))).tocsc(),
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        )

        def solve(right: Array) -> Array:
            out = np.zeros(right.shape)
            out[kept] = scale[kept] * factors.solve(scale[kept] * right[kept])
            return out

        return solve
    values, vectors = np.linalg.eigh(matrix.toarray())
    there = values > _SHIFT * values.max(initial=0.0)
    turned = np.zeros((len(scale), int(there.sum())))
    turned[kept] = scale[kept, None] * vectors[:, there]
    inverse = np.asarray((turned / values[there]) @ turned.T, np.float32)
    return lambda right: inverse @ right
