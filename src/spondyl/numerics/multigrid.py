"""Multigrid for elasticity on voxels: one V-cycle is a linear, symmetric, positive guess of K⁻¹.

The finest grid is the voxels themselves; coarse ones are those of `coarse_grids`, with held values held node by node,
so platens of any shape, odd sizes and voids need no special case. Smoothing is Chebyshev's polynomial in D⁻¹K [1],
whose upper end is bounded by one voxel's on the finest grid and found by power iteration on the others. Stiff walls
along z are smoothed many times more than the rest, and slender bodies visit their coarse grids more often. The coarsest
system is inverted, in its range where it is small.

To use it on a body whose stiffness changes (plasticity, damage): make a `VCycle` of the elastic coefficients once, or
anew of the secant ones, and give `cycle(forces)` to your Krylov method as its preconditioner. A tangent that is
orthotropic voxel by voxel can itself be an `Operator`: nine coefficients a voxel, see `elasticity`.

References
----------
[1] adams2003: Adams, Brezina, Hu, Tuminaro, "Parallel multigrid smoothing", J Comput Phys 188 (2003) 593-610.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import eigvalsh_tridiagonal
from scipy.sparse.linalg import splu

from spondyl.numerics.coarse_grids import Grid, coarse_grids
from spondyl.numerics.coarse_operators import CoarseOperator, Way
from spondyl.numerics.elasticity import element_matrices
from spondyl.numerics.operators import SERIAL_BELOW, UNIT, Operator, prepare_threads, rows_about, voxel_diagonal
from spondyl.numerics.side_by_side import cuts, one_behind, side_by_side

Array = NDArray[Any]

_COARSEST = 400  # unknowns at which coarsening ends
_SLOWEST = 0.7  # share of nodes kept at which it ends too, for hinges are all that is left
_DENSE = 1500  # unknowns up to which the coarsest grid's inverse is a full matrix
_FACTORED = 20_000  # and up to which it is factored
_SHIFT = 1e-6  # of the largest eigenvalue: below, a displacement of the coarsest grid counts as moved by no force
_SOLID = 0.2  # share of its nodes that a solid body keeps on the first coarse grid, at most; struts keep more
_TWICE = (2, 3)  # grids of solid bodies from which a cycle goes down twice: coarser ones cost more calls than they save
_VISITS = 4  # of the coarse grids of slender struts from the one above, at most, so that no grid costs more than it
_WALL = 4.0  # moduli of a wall over the softest about it, at least
_FEW = 0.4  # share of columns that may be walls, for their smoothing to be worth its time
_WALL_DEGREE, _WALL_RATIO = 14, 150.0  # of its polynomial: steps of a wall turn against bone a hundred times softer
_MARGIN = 1.05  # on the largest eigenvalue found
_ALL = 1e-5  # of an eigenvalue: what is left of a vector whose span holds all that there is


_Kind = TypeVar("_Kind", bound=Operator | CoarseOperator)


@dataclass(frozen=True, eq=False)
class _Level(Generic[_Kind]):
    operator: _Kind
    inverse: Array  # of the diagonal, 0 where held or void
    largest: float  # eigenvalue of D⁻¹K, or a bound of it
    answer: Array
    change: Array


class VCycle:
    """One V-cycle in single precision about K⁻¹ of the unknown values; `inverse` is 0 where a value is held or void.

    Parameters
    ----------
    coefficients
        As in `elasticity`, as they are or `padded`.
    held
        Which values are prescribed, shape (3, nx+1, ny+1, nz+1).
    meanwhile
        Is done with the cycle while its coarse grids are made: what needs the finest grid alone.
    degree, ratio
        Of the smoothing polynomial, and of the interval that it damps. Without a degree it is 2 for solid bodies and 3
        for slender ones. Ratios 6 to 30 cost about the same.
    """

    def __init__(
        self,
        coefficients: Array,
        edge: float,
        held: NDArray[np.bool_],
        *,
        threads: int | None = None,
        degree: int | None = None,
        ratio: float = 16.0,
        meanwhile: Callable[[VCycle], None] = lambda _: None,
    ) -> None:
        self.ratio = ratio
        self.threads = prepare_threads(held.size, threads)
        fine = Operator(coefficients, edge, np.float32, self.threads)
        wide = np.pad(held, [(0, n - m) for n, m in zip(fine.shape, held.shape, strict=True)])
        inverse = inverse_diagonal(fine.scaled, UNIT, wide)
        free = inverse != 0
        unknown = int(np.count_nonzero(free.any(0)))
        self.levels: list[_Level[Any]] = [_level(fine, inverse, 0.0)]

        def finest() -> None:
            self.levels[0] = replace(self.levels[0], largest=_voxel_bound(fine.scaled))
            walls = find_walls(fine.scaled)
            self._walls = fine.narrowed(rows_about(walls)) if walls.any() else None
            meanwhile(self)

        self.ways, below = self._below(fine.scaled, free, finest)
        self.levels += below
        self._kept = below[0].operator.count / max(1, unknown)  # share of the nodes
        self.degree = degree or (2 if self._kept < _SOLID else 3)
        self._coarsest = _exact(below[-1])

    def _below(
        self, scaled: Array, free: NDArray[np.bool_], before: Callable[[], None]
    ) -> tuple[list[Way], list[_Level[CoarseOperator]]]:
        """Ways and coarse grids; a body parted at hinges, unless so many parts are left that none has an inverse."""
        for hinged in (True, False):
            grids = make_grids(scaled, UNIT, free, self.threads, hinged=hinged)
            works = (partial(_go_down, grid, self.threads, planar=not depth) for depth, grid in enumerate(grids))
            ways, levels = zip(*one_behind(works, self.threads, before if hinged else lambda: None), strict=True)
            if 3 * levels[-1].operator.count <= _FACTORED:
                break
        return list(ways), list(levels)

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
        if not depth:
            self._smooth_walls(level, right)
        way = self.ways[depth]
        for _ in range(self._visits(depth)):
            level.operator.lack(level.answer, right, level.inverse, level.change)
            way.restrict(level.change, way.load)
            way.prolong_add(self._descend(way.load, depth + 1), level.answer, level.inverse)
            if not depth:
                self._smooth_walls(level, right)
            self._smooth(level, right, from_nothing=False)
        return level.answer

    def _visits(self, depth: int) -> int:
        """How often a cycle goes from this grid to the next: once from fine grids of solid bodies, more where the
        coarse ones are small beside what they must correct."""
        if depth == 0:
            return 1
        if self._kept < _SOLID:
            return 2 if depth in _TWICE else 1
        return max(2, min(_VISITS, round(1 / self._kept)))

    def _smooth(self, level: _Level[Any], right: Array, *, from_nothing: bool) -> None:
        from spondyl.numerics.multigrid_kernels import first_smooth

        scales = _chebyshev(level.largest, self.ratio, self.degree)
        where = level.answer, right, level.inverse, level.change
        if from_nothing:
            first, *scales = scales
            flat = [array.reshape(-1) for array in (right, level.inverse, level.change, level.answer)]
            pieces = cuts(right.size, self.threads if right.size >= SERIAL_BELOW else 1)
            side_by_side(
                lambda piece: first_smooth(*(a[slice(*pieces[piece])] for a in flat), np.float32(first[1])),
                len(pieces),
            )
        for scale in scales:
            level.operator.smooth(*where, *scale)

    def _smooth_walls(self, level: _Level[Any], right: Array) -> None:
        if self._walls is not None:
            for scale in _chebyshev(level.largest, _WALL_RATIO, _WALL_DEGREE):
                self._walls.smooth(level.answer, right, level.inverse, level.change, *scale)


def _chebyshev(largest: float, ratio: float, degree: int) -> list[tuple[float, float]]:
    """`keep` and `add` of the steps of Chebyshev's polynomial that damps from `largest` down to `largest / ratio`."""
    middle, half = largest * (1 + 1 / ratio) / 2, largest * (1 - 1 / ratio) / 2
    sigma = middle / half
    rho, steps = 1 / sigma, [(0.0, 1 / middle)]
    for _ in range(degree - 1):
        new = 1 / (2 * sigma - rho)
        steps.append((new * rho, 2 * new / half))
        rho = new
    return steps


def _level(operator: _Kind, inverse: Array, largest: float) -> _Level[_Kind]:
    empty = [np.zeros(operator.shape, np.float32) for _ in range(2)]
    return _Level(operator, np.ascontiguousarray(inverse, np.float32), largest, *empty)


def _inverse(diagonal: Array) -> Array:
    """One over it, in its place and then in single precision; a value that is all but held, by rounding of a sum of
    nothing, counts as held: 0."""
    diagonal[diagonal <= 1e-12 * diagonal.max(initial=0.0)] = np.inf
    np.divide(1.0, diagonal, out=diagonal)
    return diagonal.astype(np.float32)


def inverse_diagonal(coefficients: Array, edge: float, held: NDArray[np.bool_]) -> Array:
    """One over the diagonal of the voxels' stiffness, 0 where a value is held or void; arguments as of `VCycle`."""
    inverse = np.multiply(_inverse(voxel_diagonal(coefficients, edge)), ~held, dtype=np.float32)
    return np.asarray(inverse)


def _voxel_bound(coefficients: Array) -> float:
    """Largest eigenvalue of D⁻¹K of any voxel, which bounds that of their sum.

    Of an isotropic voxel it rises and falls with Poisson's ratio alone, so the extremes of λ/μ and a few between tell;
    of others 24, the trace, always holds and a sample of voxels tightens nothing safely, so twice the isotropic one.
    """
    if len(coefficients) != 2:
        return 12.0
    matrices = element_matrices(2, UNIT)
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


def find_walls(coefficients: Array) -> NDArray[np.bool_]:
    """Columns of voxels along z that are stiff beside the softest of those about them, (nx, ny); none, where many are.

    Columns are compared by their geometric means. A wall of one voxel in soft bone gives way at the edges on which its
    steps hang together, and as a whole: no coarse grid can follow, and steps of all nodes would have to be many.
    """
    shear = np.asarray(coefficients[-1], np.float32)
    there = shear > 0
    count = there.sum(2)
    mean = np.log(shear, out=np.zeros_like(shear), where=there).sum(2) / np.maximum(count, 1)
    wide = np.pad(np.where(count > 0, mean, np.inf), 1, constant_values=np.inf)
    a, b = mean.shape
    least = np.minimum.reduce([wide[i : i + a, j : j + b] for i in range(3) for j in range(3)])
    walls = (count > 0) & (mean > least + np.log(_WALL))
    return walls if walls.sum() <= _FEW * (count > 0).sum() else np.zeros_like(walls)


def make_grids(
    coefficients: Array, edge: float, free: NDArray[np.bool_], threads: int = 1, *, hinged: bool = True
) -> Iterator[Grid]:
    """The coarse grids of a cycle, one after the other; arguments as of `coarse_grids`."""
    return coarse_grids(coefficients, edge, free, hinged=hinged, coarsest=_COARSEST, slowest=_SLOWEST, threads=threads)


def _go_down(grid: Grid, threads: int, *, planar: bool) -> tuple[Way, _Level[CoarseOperator]]:
    """The way to a coarse grid and its level: once it is made, the grid itself is not needed."""
    operator = CoarseOperator(grid, threads)
    way = Way(grid, operator.shape, threads, planar=planar)
    level = _level(operator, _inverse(operator.diagonal()), 0.0)
    return way, replace(level, largest=_MARGIN * _largest(level))


def _largest(level: _Level[CoarseOperator], steps: int = 8) -> float:
    """Largest eigenvalue of D⁻¹K by Lanczos' method on D^-½ K D^-½ from a fixed random start.

    Powers of D⁻¹K itself tell too much where the diagonal varies, four times as much in a porous body: it is symmetric
    in the norm of D alone.
    """
    scale = np.sqrt(level.inverse)
    vector = np.random.default_rng(0).normal(size=scale.shape).astype(np.float32) * (scale != 0)
    vector /= max(float(np.linalg.norm(vector)), 1e-30)
    before, along, over = np.zeros_like(vector), np.zeros(steps), np.zeros(steps)
    for step in range(steps):
        level.operator(scale * vector, level.change)
        new = scale * level.change
        along[step] = np.vdot(vector, new)
        new -= np.float32(along[step]) * vector + np.float32(over[step - 1]) * before
        over[step] = np.linalg.norm(new)
        if over[step] <= _ALL * along[0]:
            break
        before, vector = vector, new / np.float32(over[step])
    found = eigvalsh_tridiagonal(along[: step + 1], over[:step])
    return max(1.0, float(found[-1]))


def _exact(level: _Level[CoarseOperator]) -> Callable[[Array], Array]:
    """The inverse of the coarsest grid: what no force moves, as the turn of a hinged part, stays unmoved or nearly."""
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
