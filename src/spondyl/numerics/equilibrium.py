"""Linear equilibrium of a voxel body: settings make a solver, a solver is a function.

    solve = conjugate_gradients(rtol=1e-6)
    balance = solve(Problem(isotropic(modulus, 0.3), edge, held, prescribed))

Conjugate gradients in float64 with one `multigrid.VCycle` in float32 as preconditioner. A run that misses its
tolerance raises `NotConverged` with its residuals. Parts that touch nothing that is held are taken away, with a note;
where one of them is loaded the input is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.errors import InputError, NotConverged
from spondyl.numerics.elasticity import CORNERS
from spondyl.numerics.multigrid import Operator, VCycle, padded, prepare_threads

Array = NDArray[Any]


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
    """About what a solution of so many voxels takes at its peak, from the arrays that are held at once.

    A node has 5 vectors in double and 6 in single precision, a voxel its coefficients in both. While coarse grids are
    made, a solid voxel has its eight nodes, what each follows, and an eighth of a row of 27 blocks in double precision.
    """
    nodes, voxels = int(np.prod([n + 1 for n in shape])), int(np.prod(shape))
    return nodes * 3 * (7 * 8 + 7 * 4) + voxels * coefficients * (8 + 8 + 4) + voxels * 750


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
        return _solve(problem, kept, removed, start, (rtol, force_rtol), iterations, threads)

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


def _solve(
    problem: Problem,
    kept: NDArray[np.bool_],
    removed: int,
    start: Array | None,
    tolerances: tuple[float, float],
    iterations: int,
    threads: int | None,
) -> Equilibrium:
    from spondyl.numerics.threaded import limited_threads

    with limited_threads(prepare_threads(problem.held.size, threads)) as used:
        return _iterate(problem, kept, removed, start, tolerances, iterations, used)


def _iterate(
    problem: Problem,
    kept: NDArray[np.bool_],
    removed: int,
    start: Array | None,
    tolerances: tuple[float, float],
    iterations: int,
    threads: int,
) -> Equilibrium:
    from spondyl.numerics.multigrid_kernels import advance, dot, turn

    rtol, force_rtol = tolerances

    coefficients = padded(np.where(kept, problem.coefficients, 0.0))
    extra = coefficients.shape[3] - problem.coefficients.shape[3]
    wide = ((0, 0), (0, 0), (0, 0), (0, extra))
    held = np.pad(problem.held, wide)
    cycle = VCycle(coefficients, problem.edge, held, threads=threads)
    free = cycle.inverse != 0
    stiffness = Operator(coefficients, problem.edge, np.float64, threads)
    pushed = np.empty(held.shape)

    answer = np.pad(np.where(problem.held, problem.prescribed, 0.0), wide)
    stiffness(answer, pushed)
    residual = -pushed if problem.forces is None else np.pad(problem.forces, wide) - pushed
    residual[~free] = 0
    scale = float(np.linalg.norm(residual))
    if start is not None:
        answer = np.where(held, answer, np.pad(start, wide)) * (free | held)
        stiffness(answer, pushed)
        residual = -pushed if problem.forces is None else np.pad(problem.forces, wide) - pushed
        residual[~free] = 0
    history = [float(np.linalg.norm(residual)) / scale if scale else 0.0]

    def carried() -> float:
        """Norm of the forces on the held nodes, or of the load where that is more."""
        stiffness(answer, pushed)
        load = 0.0 if problem.forces is None else float(np.linalg.norm(problem.forces))
        return max(load, float(np.linalg.norm(pushed[held])))

    unit = scale or 1.0  # single precision ends at 1e-38: forces go in relative to the scale
    direction, narrow, last = np.zeros(held.shape), (residual / unit).astype(np.float32), 1.0
    least = float(np.finfo(float).eps)  # of the start's forces: no residual is known better
    while scale and (history[-1] > rtol or history[-1] > max(least, force_rtol * carried() / scale)):
        if len(history) > iterations or not np.isfinite(history[-1]):
            raise _not_converged(history, rtol)
        step = cycle(narrow)
        now = dot(residual.reshape(-1), step.reshape(-1))
        turn(step.reshape(-1), direction.reshape(-1), now / last if len(history) > 1 else 0.0)
        last = now
        stiffness(direction, pushed)
        work = dot(direction.reshape(-1), pushed.reshape(-1))
        if not (now > 0 and work > 0):
            raise _not_converged(history, rtol)
        length = now / work
        flat = [a.reshape(-1) for a in (answer, residual, direction, pushed)]
        total = advance(*flat, length, cycle.inverse.reshape(-1), narrow.reshape(-1), unit)
        history.append(float(np.sqrt(total)) / scale)
    stiffness(answer, pushed)
    true = (0.0 if problem.forces is None else np.pad(problem.forces, wide)) - pushed
    goal = min(rtol * scale, force_rtol * carried()) + 100 * least * scale
    if scale and float(np.linalg.norm(true[free])) > 10 * goal:  # the recurrence has drifted from the truth
        raise _not_converged([*history, float(np.linalg.norm(true[free])) / scale], rtol)
    there = np.any(coefficients != 0, axis=0)
    solid_node = np.zeros(held.shape[1:], bool)
    a, b, c = there.shape
    for i, j, k in CORNERS:
        solid_node[i : i + a, j : j + b, k : k + c] |= there
    energy = float(np.vdot(answer, pushed))
    cut = (answer * solid_node)[..., : problem.held.shape[3]]
    return Equilibrium(np.ascontiguousarray(cut), energy, tuple(history), removed)


def _not_converged(history: list[float], rtol: float) -> NotConverged:
    return NotConverged(
        f"the residual is {history[-1]:.1e} of the load after {len(history) - 1} iterations, {rtol:.1e} was asked: "
        "look for parts that hang on one node or edge and are loaded, or allow more iterations",
        tuple(history),
    )
