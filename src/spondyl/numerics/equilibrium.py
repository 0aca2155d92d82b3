"""Linear equilibrium of a voxel body: settings make a solver, a solver is a function.

    solve = conjugate_gradients(rtol=1e-6)
    balance = solve(Problem(isotropic(modulus, 0.3), edge, held, prescribed))

Conjugate gradients in float32, preconditioned by one `multigrid.VCycle`. Each time the residual has fallen by a
thousand, and at the end, it is found anew in float64 from the answer, which is summed in float64 [1]: so the tolerance
is of the true residual, and no vector but the answer takes double precision. A run that misses its tolerance raises
`NotConverged` with its residuals. Parts that touch nothing that is held are taken away, with a note; where one of them
is loaded the input is refused.

References
----------
[1] clark2010: Clark, Babich, Barros, Brower, Rebbi, "Solving lattice QCD systems of equations using mixed precision
    solvers on GPUs", Comput Phys Commun 181 (2010) 1517-1528 (reliable updates).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.errors import InputError, NotConverged
from spondyl.numerics.coarse_grids import touched
from spondyl.numerics.elasticity import CORNERS
from spondyl.numerics.multigrid import VCycle
from spondyl.numerics.operators import BLOCK, Operator, prepare_threads
from spondyl.numerics.side_by_side import cuts, side_by_side

Array = NDArray[Any]


_PLANES = 8  # of nodes, of which forces are summed in double precision at a time
_RENEWED = 1e-3  # of the residual at which it is found anew in double precision: single holds four more digits
_KNOWN = 16 * float(np.finfo(float).eps)  # of the start's: below, a residual is the rounding of sums of 24 to 192 terms
_DRIFTED = 1.5  # times the residual that was expected: more, and the search begins anew from it


@dataclass(frozen=True, eq=False)
class Problem:
    """A voxel body, what is held and what pulls. Arrays on nodes are (3, nx+1, ny+1, nz+1)."""

    coefficients: Array  # (m, nx, ny, nz), as in `elasticity` [MPa]
    edge: float  # of a voxel [mm]
    held: NDArray[np.bool_]  # which displacements are prescribed
    prescribed: Array  # their values [mm]
    forces: Array | None = None  # on nodes [N]

    def __post_init__(self) -> None:
        nodes = (3, *(n + 1 for n in self.coefficients.shape[1:]))
        for name, array in (("held", self.held), ("prescribed", self.prescribed), ("forces", self.forces)):
            if array is not None and array.shape != nodes:
                raise InputError(f"{name} has shape {array.shape}, expected {nodes}: one value a node and direction")
        for array in (np.where(self.held, self.prescribed, 0.0), self.forces):
            if array is not None and not np.isfinite(array).all():
                raise InputError("a prescribed displacement or force is not a number: mend the load")


@dataclass(frozen=True, eq=False)
class Equilibrium:
    """Displacements in balance and how they were found."""

    displacement: Array  # (3, nx+1, ny+1, nz+1) [mm]; 0 where there is no material
    energy_n_mm: float  # u·Ku, twice the strain energy; its error is quadratic in that of u
    residuals: tuple[float, ...]  # of each iteration, relative to the forces at the start from the prescribed values
    removed_voxels: int  # of parts that nothing holds

    @property
    def iterations(self) -> int:
        """Of conjugate gradients."""
        return len(self.residuals) - 1


Solver = Callable[..., Equilibrium]


def memory_bytes(shape: tuple[int, int, int], coefficients: int = 2) -> int:
    """About the most that a solution of so many voxels takes at its peak, the problem itself not counted.

    A node has one vector in double and five in single precision and one of room, a voxel its coefficients in both and
    once more in the list from which coarse grids are made. Where eight voxels of unlike moduli meet everywhere, an
    eighth of a row of 27 blocks in double and single precision, with the tables they are made from, is 560 bytes a
    voxel; a body of one modulus takes half in all. Void voxels count, though they take little, and so do those that pad
    the grid along z.
    The coarsest grid's inverse is 8 MB; where bodies of many hinges leave it large (up to 20,000 unknowns) it is
    factored instead, and the factors are not counted.
    """
    nx, ny, nz = shape
    wide = nz + -nz % BLOCK
    nodes, voxels = (nx + 1) * (ny + 1) * (wide + 1), nx * ny * wide
    return nodes * 3 * (8 + 6 * 4 + 1) + voxels * coefficients * (8 + 8 + 4) + nx * ny * nz * 560 + 8 * 2**20


def conjugate_gradients(
    *,
    rtol: float = 1e-6,
    force_rtol: float = 1e-4,
    iterations: int = 500,
    threads: int | None = None,
    memory_limit: int | None = None,
) -> Solver:
    """A solver `solve(problem, start=None)`.

    Parameters
    ----------
    rtol
        Residual relative to that of the prescribed values and forces alone.
    force_rtol
        Residual relative to the forces that the answer carries. Where stiff and very soft voxels meet, these are many
        times smaller than those of the start, and a residual small beside the start may hide all of them.
    iterations
        Give up after so many.
    threads
        At most; small problems use one.
    memory_limit
        Refuse what needs more, before anything is taken. [byte]
    """

    def solve(problem: Problem, start: Array | None = None) -> Equilibrium:
        shape = problem.coefficients.shape[1:]
        needed = memory_bytes((shape[0], shape[1], shape[2]), len(problem.coefficients))
        if memory_limit is not None and needed > memory_limit:
            raise InputError(
                f"these {int(np.prod(shape))} voxels need about {needed / 2**30:.2f} GiB, "
                f"{memory_limit / 2**30:.2f} GiB are allowed: use larger voxels or crop the volume"
            )
        kept, removed = held_parts(problem)
        if removed:  # also where there is no number
            problem = replace(problem, coefficients=np.where(kept, problem.coefficients, 0.0))
        used = prepare_threads(problem.held.size, threads)
        return _iterate(problem, removed, start, (rtol, force_rtol), iterations, used)

    return solve


def held_parts(problem: Problem) -> tuple[NDArray[np.bool_], int]:
    """Voxels of parts that are held somewhere, and how many others there are.

    Parts are voxels that share a node. A part that is held but can still move freely stays: its forces are in balance,
    or the solver does not converge.

    Raises
    ------
    InputError
        where a force acts on a part that nothing holds, or on no material; or where nothing is held at all.
    """
    solid = np.any(problem.coefficients != 0, axis=0)
    parts, count = ndimage.label(solid, np.ones((3, 3, 3), int))
    node_part = np.zeros(problem.held.shape[1:], parts.dtype)
    a, b, c = solid.shape
    for i, j, k in CORNERS:
        place = node_part[i : i + a, j : j + b, k : k + c]
        np.maximum(place, parts, out=place)
    held = np.bincount(node_part[problem.held.any(0)], minlength=count + 1) > 0
    held[0] = False
    if problem.forces is not None:
        loaded = np.bincount(node_part[np.any(problem.forces != 0, axis=0)], minlength=count + 1) > 0
        if loaded[0]:
            raise InputError("a force acts on a node without material: load nodes of the body only")
        if np.any(loaded & ~held):
            voxels = int(np.isin(parts, np.flatnonzero(loaded & ~held)).sum())
            raise InputError(f"{voxels} voxels are loaded but nothing holds them: hold them, or take them out")
    if not held.any():
        raise InputError("nothing is held: no prescribed displacement lies on a node of the body")
    kept = held[parts]
    return kept, int(solid.sum() - kept.sum())


def _iterate(
    problem: Problem,
    removed: int,
    start: Array | None,
    tolerances: tuple[float, float],
    iterations: int,
    threads: int,
) -> Equilibrium:
    rtol, force_rtol = tolerances
    begun = _Begun(problem, start, threads)
    cycle = VCycle(problem.coefficients, problem.edge, problem.held, threads=threads, meanwhile=begun.begin)
    answer, scale, state, forces, search = begun.answer, begun.scale, begun.state, begun.forces, begun.search
    if not scale:
        return Equilibrium(answer, state.energy, (0.0,), removed)
    history = [state.lack / scale]
    unit, before, least = scale, state.lack, _KNOWN
    while True:
        goal = max(least * scale, min(rtol * scale, force_rtol * max(state.carried, forces.load_norm)))
        if not np.isfinite(state.lack):
            raise _not_converged(history, rtol)
        if state.lack <= goal:
            return Equilibrium(answer, state.energy, tuple(history), removed)
        whole, size = True, state.lack / unit
        while whole and size * unit > max(goal, _RENEWED * before):
            if len(history) > iterations or not np.isfinite(size):
                raise _not_converged(history, rtol)
            whole, size = search.advance(cycle, answer, unit)
            history.append(size * unit / scale)
        unit_before, unit = unit, size * unit or unit
        state = forces.lacking(answer, threads, unit, search.residual)
        if not whole and not state.lack < before:
            raise _not_converged(history, rtol)
        search.renew(unit_before / unit, keep=whole and state.lack < _DRIFTED * unit)
        history[-1], before = state.lack / scale, state.lack


class _Begun:
    """Where the search begins, found while the coarse grids are made."""

    answer: Array  # (3, nx+1, ny+1, nz+1), 0 where there is no material
    scale: float  # norm of the forces that lack where prescribed values and loads are alone
    state: _Balance
    forces: _Forces
    search: _Search

    def __init__(self, problem: Problem, start: Array | None, threads: int) -> None:
        self._problem, self._start, self._threads = problem, start, threads

    def begin(self, cycle: VCycle) -> None:
        """Of a cycle that has the finest grid alone as yet."""
        problem, inverse = self._problem, cycle.inverse
        self.forces, self.search = _Forces(problem, inverse), _Search(inverse, self._threads)
        self.answer = np.zeros(problem.held.shape)
        there = problem.held & touched(np.any(problem.coefficients != 0, axis=0))
        np.copyto(self.answer, problem.prescribed, where=there)
        self.scale = self.search.lack_alone(cycle, self.answer, problem.forces)
        if not self.scale:
            self.state = self.forces.lacking(self.answer, 1)
            return
        if self._start is not None:
            np.copyto(self.answer, self._start, where=np.asarray(inverse[..., : problem.held.shape[3]] != 0))
        self.state = self.forces.lacking(self.answer, 1, self.scale, self.search.residual)


@dataclass(frozen=True)
class _Balance:
    lack: float  # norm of the forces that lack on nodes that may move
    carried: float  # and of those on nodes that may not [N]
    energy: float  # u·Ku [N mm]


class _Forces:
    """Load less forces of a displacement in double precision, a few planes of nodes at a time, to spare memory."""

    def __init__(self, problem: Problem, inverse: Array) -> None:
        self._problem, self._inverse = problem, inverse
        self.load_norm = 0.0 if problem.forces is None else float(np.linalg.norm(problem.forces))

    def lacking(
        self, answer: Array, threads: int, unit: float | None = None, residual: Array | None = None
    ) -> _Balance:
        """Of these displacements; written to `residual` relative to `unit`, where that is asked."""
        planes = answer.shape[1]
        pieces = cuts(planes, -(-planes // _PLANES))
        found = np.zeros((len(pieces), 3))

        def work(thread: int) -> None:
            for piece in range(thread, len(pieces), threads):
                found[piece] = self._some(answer, *pieces[piece], unit, residual)

        side_by_side(work, threads)
        lack, carried, energy = found.sum(0)
        return _Balance(float(np.sqrt(lack)), float(np.sqrt(carried)), float(energy))

    def _some(
        self, answer: Array, start: int, stop: int, unit: float | None, residual: Array | None
    ) -> tuple[float, float, float]:
        from spondyl.numerics.multigrid_kernels import renew

        low, high = max(start - 1, 0), min(stop, answer.shape[1] - 1)
        coefficients = self._problem.coefficients[:, low:high]
        moved: Array = np.zeros((3, high + 1 - low, *self._inverse.shape[2:]))
        moved[..., : answer.shape[3]] = answer[:, low : high + 1]
        forces = np.empty_like(moved)
        Operator(coefficients, self._problem.edge, np.float64, 1)(moved, forces)
        forces, moved = forces[:, start - low : stop - low], moved[:, start - low : stop - low]
        sums, carried_work = np.zeros(3), 0.0
        if self._problem.forces is not None:
            load = self._problem.forces[:, start:stop]
            forces[..., : load.shape[3]] -= load
            carried_work = float(np.einsum("cijk,cijk", load, moved[..., : load.shape[3]]))
        for component in range(3):
            inverse = self._inverse[component, start:stop].reshape(-1)
            to = np.empty_like(inverse) if residual is None else residual[component, start:stop].reshape(-1)
            flat = forces[component].reshape(-1), moved[component].reshape(-1)
            sums += renew(*flat, inverse, 1 / unit if unit else 0.0, to)
        return sums[0], sums[1], sums[2] + carried_work


class _Search:
    """Conjugate gradients in single precision: residual and direction."""

    def __init__(self, inverse: Array, threads: int) -> None:
        self._inverse = inverse
        self.residual: Array = np.empty_like(inverse)
        self._direction: Array = np.zeros_like(inverse)
        self._last = 0.0  # of residual times step; 0: the next direction has nothing to be conjugate to
        self._turned = 1.0  # unit before over that of residuals now, of which the direction knows nothing yet
        self._cuts = [slice(*cut) for cut in cuts(int(np.prod(inverse.shape[:3])), threads)]

    def lack_alone(self, cycle: VCycle, answer: Array, load: Array | None) -> float:
        """Norm of the forces that lack where this displacement and loads are alone; the unit of residuals, so single
        precision does."""
        from spondyl.numerics.multigrid_kernels import dot

        self._direction[..., : answer.shape[3]] = answer  # room that has no other use yet
        lack = cycle.push(self._direction)
        if load is not None:
            lack[..., : load.shape[3]] -= load
        lack *= self._inverse != 0
        return float(np.sqrt(dot(lack.reshape(-1), lack.reshape(-1))))

    def advance(self, cycle: VCycle, answer: Array, unit: float) -> tuple[bool, float]:
        """One iteration, which moves the answer: whether a step was to be had, and the residual's norm."""
        from spondyl.numerics.multigrid_kernels import advance, dot, turn

        residual, direction, inverse = map(_rows, (self.residual, self._direction, self._inverse))
        step = _rows(cycle(self.residual))
        now = self._sum(lambda cut: dot(residual[cut].reshape(-1), step[cut].reshape(-1)))
        share = np.float32(now / self._last * self._turned if self._last else 0.0)
        self._turned = 1.0
        self._sum(lambda cut: turn(step[cut].reshape(-1), direction[cut].reshape(-1), share) or 0.0)
        pushed = _rows(cycle.push(self._direction))
        work = self._sum(lambda cut: dot(direction[cut].reshape(-1), pushed[cut].reshape(-1)))
        if not (now > 0 and work > 0):
            return False, float(np.linalg.norm(residual))
        self._last, length, moved = now, np.float32(now / work), _rows(answer)
        left = self._sum(
            lambda c: advance(moved[c], residual[c], direction[c], pushed[c], length, unit * length, inverse[c])
        )
        return True, float(np.sqrt(left))

    def renew(self, ratio: float, *, keep: bool) -> None:
        """The residual was written anew, in a unit that is the one before over `ratio`; may the direction be kept?"""
        self._turned = ratio
        self._last *= ratio**2 if keep else 0.0

    def _sum(self, part: Callable[[slice], float]) -> float:
        found = np.zeros(len(self._cuts))

        def work(piece: int) -> None:
            found[piece] = part(self._cuts[piece])

        side_by_side(work, len(self._cuts))
        return float(found.sum())


def _rows(array: Array) -> Array:
    """By rows of nodes along z."""
    return array.reshape(-1, array.shape[3])


def _not_converged(history: list[float], rtol: float) -> NotConverged:
    return NotConverged(
        f"the residual is {history[-1]:.1e} of the load after {len(history) - 1} iterations, {rtol:.1e} was asked: "
        "look for parts that hang on one node or edge and are loaded, or allow more iterations",
        tuple(history),
    )
