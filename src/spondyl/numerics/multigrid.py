"""Multigrid for elasticity on voxels: one V-cycle is a linear, symmetric, positive guess of K⁻¹.

The finest grid is the voxels themselves; a coarse voxel has the energy of its eight children (Galerkin), with held
values held node by node, so platens of any shape, odd sizes and voids need no special case. Smoothing is Chebyshev's
polynomial in D⁻¹K [1], whose upper end is bounded by one voxel's on the finest grid and found by power iteration on
the others. The coarsest system is inverted in its range.

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
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spondyl.numerics.elasticity import CORNERS, element_matrices

Array = NDArray[Any]

_BLOCK = 16  # of elastic_kernels, which takes a second to load
_SERIAL_BELOW = 300_000  # unknowns; starting threads costs more than they save on smaller grids (prototype, 2 cores)
_COARSEST = 400  # unknowns that are inverted at once
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
    """K u on the finest grid in one precision."""

    def __init__(self, coefficients: Array, edge: float, kind: type, threads: int) -> None:
        from spondyl.numerics import elastic_kernels as kernels

        self.shape = (3, *(n + 1 for n in coefficients.shape[1:]))
        self._apply = kernels.apply_isotropic if len(coefficients) == 2 else kernels.apply_orthotropic
        self._scaled: Array = np.ascontiguousarray(coefficients * (edge / 16), kind)
        threads = max(1, min(threads, coefficients.shape[1] // 2))
        self._edges: Array = np.zeros((threads, 3, *self.shape[2:]), kind)
        self._lines: Array = np.zeros((threads, kernels.LINES), kind)

    def __call__(self, displacement: Array, out: Array) -> None:
        """Write the forces that hold this displacement to `out`."""
        self._apply(self._scaled, displacement, out, self._edges, self._lines)


class _Cells:
    """K u on a coarse grid."""

    def __init__(self, stiffness: Array, cells: Array, shape: tuple[int, ...]) -> None:
        self.shape = (3, *(n + 1 for n in shape))
        self.stiffness, self.cells = stiffness, cells
        self._starts = np.searchsorted(cells[:, 0], np.arange(shape[0] + 1))

    def __call__(self, displacement: Array, out: Array) -> None:
        from spondyl.numerics.multigrid_kernels import apply_cells

        apply_cells(self.stiffness, self.cells, self._starts, displacement, out)


@dataclass(frozen=True, eq=False)
class _Level:
    operator: Operator | _Cells
    inverse: Array  # of the diagonal, 0 where held or void
    largest: float  # eigenvalue of D⁻¹K, or a bound of it
    right: Array
    answer: Array
    change: Array
    pushed: Array


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
        diagonal = _voxel_diagonal(coefficients, edge)
        inverse = np.where(held, 0.0, _inverse(diagonal))
        self.levels = [_level(fine, inverse, _voxel_bound(coefficients, edge))]
        for operator in _coarse_operators(coefficients, edge, inverse != 0):
            inverse = _inverse(_cells_diagonal(operator))
            level = _level(operator, inverse, 0.0)
            self.levels.append(replace(level, largest=_MARGIN * _largest(level)))
        self._coarsest = _pseudo_inverse(self.levels[-1])

    @property
    def inverse(self) -> Array:
        """One over the diagonal of the finest grid."""
        return self.levels[0].inverse

    def __call__(self, forces: Array) -> Array:
        """About the displacement that these forces make; the array is used again by the next call."""
        import numba

        before = numba.get_num_threads()
        numba.set_num_threads(min(self.threads, before))
        try:
            return self._descend(np.ascontiguousarray(forces, np.float32), 0)
        finally:
            numba.set_num_threads(before)

    def _descend(self, right: Array, depth: int) -> Array:
        from spondyl.numerics.multigrid_kernels import prolong_add, restrict

        level = self.levels[depth]
        if depth == len(self.levels) - 1:
            level.answer[:] = (self._coarsest @ right.ravel()).reshape(right.shape)
            return level.answer
        self._smooth(level, right, from_nothing=True)
        level.operator(level.answer, level.pushed)
        np.subtract(right, level.pushed, out=level.change)
        np.multiply(level.change, level.inverse != 0, out=level.change)  # picking out the held ones takes far longer
        below = self.levels[depth + 1]
        restrict(level.change, below.right)
        prolong_add(self._descend(below.right, depth + 1), level.answer, level.inverse)
        self._smooth(level, right, from_nothing=False)
        return level.answer

    def _smooth(self, level: _Level, right: Array, *, from_nothing: bool) -> None:
        from spondyl.numerics.multigrid_kernels import smooth

        kind = np.float32
        middle = level.largest * (1 + 1 / self.ratio) / 2
        half = level.largest * (1 - 1 / self.ratio) / 2
        sigma = middle / half
        rho = 1 / sigma
        flat = [_flat(a) for a in (right, level.pushed, level.inverse, level.change, level.answer)]
        if from_nothing:
            level.pushed[:] = 0
            level.answer[:] = 0
        else:
            level.operator(level.answer, level.pushed)
        level.change[:] = 0
        smooth(*flat, kind(0), kind(1 / middle))
        for _ in range(self.degree - 1):
            level.operator(level.answer, level.pushed)
            new = 1 / (2 * sigma - rho)
            smooth(*flat, kind(new * rho), kind(2 * new / half))
            rho = new


def _flat(array: Array) -> Array:
    return array.reshape(array.shape[0] * array.shape[1], -1)


def _level(operator: Operator | _Cells, inverse: Array, largest: float) -> _Level:
    empty = [np.zeros(operator.shape, np.float32) for _ in range(4)]
    return _Level(operator, np.ascontiguousarray(inverse, np.float32), largest, *empty)


def _inverse(diagonal: Array) -> Array:
    """One over it; a value that is all but held, by rounding of a sum of nothing, counts as held."""
    kept = diagonal > 1e-12 * diagonal.max(initial=0.0)
    return np.divide(1.0, diagonal, out=np.zeros_like(diagonal), where=kept)


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


def _weights() -> Array:
    """(child, its corner, parent's corner): trilinear interpolation within a parent of edge 2."""
    points = (CORNERS[:, None, :] + CORNERS[None, :, :]) / 2
    sides = np.where(CORNERS[None, None] == 1, points[:, :, None], 1 - points[:, :, None])
    return np.asarray(np.prod(sides, axis=-1))


def _coarse_operators(coefficients: Array, edge: float, free: NDArray[np.bool_]) -> list[_Cells]:
    from spondyl.numerics.multigrid_kernels import sum_cells, sum_voxels

    operators: list[_Cells] = []
    solid = np.any(coefficients != 0, axis=0)
    weights = _weights()
    while 3 * np.prod([n + 1 for n in solid.shape]) > _COARSEST or not operators:
        fine, solid = solid, _any_of_eight(solid)
        cells = np.argwhere(solid)
        stiffness = np.empty((len(cells), 24, 24), np.float32)
        if not operators:
            sum_voxels(coefficients, element_matrices(len(coefficients), edge), free, weights, cells, stiffness)
        else:
            place = np.full(fine.shape, -1)
            place[tuple(operators[-1].cells.T)] = np.arange(len(operators[-1].cells))
            sum_cells(operators[-1].stiffness, place, weights, cells, stiffness)
        operators.append(_Cells(stiffness, cells, solid.shape))
        if solid.size == 1:
            break
    return operators


def _any_of_eight(solid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    even = np.pad(solid, [(0, n % 2) for n in solid.shape])
    a, b, c = (n // 2 for n in even.shape)
    return np.asarray(even.reshape(a, 2, b, 2, c, 2).any((1, 3, 5)))


def _cells_diagonal(operator: _Cells) -> Array:
    out = np.zeros(operator.shape)
    values = np.diagonal(operator.stiffness, axis1=1, axis2=2).astype(float)
    for corner, offset in enumerate(CORNERS):
        i, j, k = (operator.cells + offset).T
        for axis in range(3):
            out[axis, i, j, k] += values[:, 3 * corner + axis]  # no cell touches a node twice with one corner
    return out


def _largest(level: _Level, steps: int = 15) -> float:
    """Largest eigenvalue of D⁻¹K by power iteration from a fixed random start."""
    vector = np.random.default_rng(0).normal(size=level.inverse.shape).astype(np.float32)
    vector[level.inverse == 0] = 0
    value = 1.0
    for _ in range(steps):
        vector /= max(float(np.linalg.norm(vector)), 1e-30)
        level.operator(vector, level.pushed)
        vector = level.inverse * level.pushed
        value = max(value, float(np.linalg.norm(vector)))
    return value


def _pseudo_inverse(level: _Level) -> Array:
    """Of the coarsest grid: what no force moves, as the turn of a hinged part, stays unmoved."""
    count = level.right.size
    matrix = np.zeros((count, count))
    for n in range(count):
        level.right[:] = 0
        level.right.flat[n] = 1
        level.operator(level.right, level.pushed)
        matrix[:, n] = level.pushed.ravel()
    scale = np.sqrt(level.inverse.ravel().astype(float))
    values, vectors = np.linalg.eigh(scale[:, None] * (matrix + matrix.T) / 2 * scale)
    kept = values > 1e-6 * values.max(initial=0.0)
    turned = scale[:, None] * vectors[:, kept]
    return np.asarray((turned / values[kept]) @ turned.T, np.float32)
