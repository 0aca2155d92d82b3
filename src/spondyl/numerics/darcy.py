"""Slow flow through a porous medium on a grid of boxes, driven by pressure (Darcy's law).

Cell-centred finite volumes. Between two cells the flow is their pressure difference over the resistances of two half
cells in a row, which is the harmonic mean of k/viscosity [1]; it reads a rough field as more resistive than it is, a
finite-element solution as less, and both meet when refined. Arrays in, arrays out; lengths in mm, pressures in MPa.

Settings make a solver, a solver is a function: `solve = conjugate_gradients(rtol=1e-8)`, then `solve(problem)`.

References
----------
[1] aziz1979: Aziz, Settari, "Petroleum Reservoir Simulation", Applied Science 1979, chapter 7.
[2] meijerink1977: Meijerink, van der Vorst, "An iterative solution method for linear systems of which the coefficient
    matrix is a symmetric M-matrix", Math Comput 31 (1977) 148-162: the incomplete factor without fill.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse import linalg

from spondyl.errors import InputError, NotConverged

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DarcyProblem:
    """A medium, what enters it and where it drains. Fields have the shape of the grid, (nx, ny, nz)."""

    permeability: Array  # (3, nx, ny, nz): along each axis of the grid, 0 where there is no medium [mm²]
    viscosity: Array  # above 0 in the medium [MPa s]
    edges: tuple[float, float, float]  # of a box [mm]
    source: Array  # [mm³/s]
    drain: Array  # conductance to `drain_pressure`, 0 where nothing drains [mm³/(MPa s)]
    drain_pressure: Array  # [MPa]


@dataclass(frozen=True, eq=False)
class DarcyFlow:
    """Pressures that balance all flows, and how they were found."""

    pressure: Array  # (nx, ny, nz), 0 where there is no medium [MPa]
    residuals: tuple[float, ...]  # imbalance of all cells together over the flow that enters or leaves, by iteration

    @property
    def iterations(self) -> int:
        """Steps of conjugate gradients."""
        return len(self.residuals) - 1


Solver = Callable[[DarcyProblem], DarcyFlow]


def conjugate_gradients(*, rtol: float = 1e-8, iterations: int = 5000) -> Solver:
    """A solver by conjugate gradients with an incomplete factor without fill [2], compiled.

    It ends when the imbalances of all cells together are `rtol` of the flow through the medium; else it raises
    `NotConverged` with the history.
    """

    def solve(problem: DarcyProblem) -> DarcyFlow:
        from spondyl.numerics.darcy_kernels import conjugate_gradients as run
        from spondyl.numerics.darcy_kernels import find_neighbours

        active = check_problem(problem)
        neighbours = find_neighbours(number_cells(active), np.argwhere(active).astype(np.int32))
        faces = face_conductances(problem)
        count = len(neighbours)
        higher = np.full((count, 4), -1, np.int32)
        links = np.zeros((count, 4))
        diagonal = problem.drain[active].astype(float)
        for axis in range(3):
            higher[:, axis] = neighbours[:, 2 * axis + 1]
            links[:, axis] = faces[axis][active]
            joined = higher[:, axis] >= 0
            diagonal += links[:, axis]
            np.add.at(diagonal, higher[joined, axis], links[joined, axis])
        right = problem.source[active] + problem.drain[active] * problem.drain_pressure[active]
        pressure, history = np.zeros(count), np.zeros(iterations + 1)
        scale = float(np.abs(right).sum()) or 1.0
        used = run(higher, links, diagonal, right, pressure, rtol * scale, history)
        residuals = tuple(float(value) / scale for value in history[: abs(used) + 1])
        if used < 0 or not np.isfinite(pressure).all():
            raise not_balanced(residuals, rtol)
        whole = np.zeros(active.shape)
        whole[active] = pressure
        return DarcyFlow(whole, residuals)

    return solve


def direct(problem: DarcyProblem) -> DarcyFlow:
    """The same by elimination (SciPy's SuperLU), plain NumPy throughout: the twin of the compiled solver."""
    active = check_problem(problem)
    matrix = matrix_of(problem)
    right = problem.source[active] + problem.drain[active] * problem.drain_pressure[active]
    found = linalg.spsolve(matrix.tocsc(), right)
    scale = float(np.abs(right).sum()) or 1.0
    whole = np.zeros(active.shape)
    whole[active] = found
    return DarcyFlow(whole, (float(np.abs(matrix @ found - right).sum()) / scale,))


def matrix_of(problem: DarcyProblem) -> sparse.csr_matrix:
    """The balance of flows as a matrix over the cells of the medium, in C order. [mm³/(MPa s)]"""
    active = np.asarray((problem.permeability > 0).all(axis=0))
    number = number_cells(active)
    rows, columns, values = [], [], []
    diagonal = problem.drain[active].astype(float)
    for axis, faces in enumerate(face_conductances(problem)):
        joined = np.nonzero(faces)
        here = number[joined]
        there = np.moveaxis(number, axis, 0)[1:]
        there = np.moveaxis(np.concatenate([there, np.full_like(there[:1], -1)]), 0, axis)[joined]
        flow = faces[joined]
        rows += [here, there]
        columns += [there, here]
        values += [-flow, -flow]
        np.add.at(diagonal, here, flow)
        np.add.at(diagonal, there, flow)
    count = np.arange(len(diagonal))
    return sparse.csr_matrix(
        (
            np.concatenate([*values, diagonal]),
            (np.concatenate([*rows, count]), np.concatenate([*columns, count])),
        ),
        shape=(len(diagonal), len(diagonal)),
    )


def face_conductances(problem: DarcyProblem) -> tuple[Array, Array, Array]:
    """Flow over pressure difference between each cell and the next along x, y, z; 0 where either is no medium.

    Each has the shape of the grid; the last layer along its axis is 0. [mm³/(MPa s)]
    """
    active = (problem.permeability > 0).all(axis=0)
    volume = float(np.prod(problem.edges))
    found = []
    for axis, (permeability, edge) in enumerate(zip(problem.permeability, problem.edges, strict=True)):
        half = np.full(active.shape, np.inf)  # resistance of half a cell
        half[active] = 0.5 * edge**2 / volume * problem.viscosity[active] / permeability[active]
        lined = np.moveaxis(half, axis, 0)
        faces = np.zeros_like(lined)
        faces[:-1] = 1 / (lined[:-1] + lined[1:])
        found.append(np.moveaxis(faces, 0, axis))
    return found[0], found[1], found[2]


def flow_out_of(problem: DarcyProblem, pressure: Array, cells: NDArray[np.bool_]) -> float:
    """What flows from a set of cells to all others of the medium. [mm³/s]"""
    total = 0.0
    for axis, faces in enumerate(face_conductances(problem)):
        lined, inside = np.moveaxis(pressure, axis, 0), np.moveaxis(cells, axis, 0)
        flow = np.moveaxis(faces, axis, 0)[:-1] * (lined[:-1] - lined[1:])
        total += float(flow[inside[:-1] & ~inside[1:]].sum() - flow[~inside[:-1] & inside[1:]].sum())
    return total


def number_cells(active: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Consecutive numbers of the cells in C order, -1 elsewhere."""
    number = np.full(active.shape, -1, np.int32)
    number[active] = np.arange(np.count_nonzero(active), dtype=np.int32)
    return number


def check_problem(problem: DarcyProblem) -> NDArray[np.bool_]:
    """The cells of the medium; an `InputError` where the problem has no single answer."""
    k = problem.permeability
    if k.ndim != 4 or k.shape[0] != 3:
        raise InputError(f"permeability has shape {k.shape}; (3, nx, ny, nz), one value an axis, is expected")
    fields = {"viscosity": problem.viscosity, "source": problem.source, "drain": problem.drain}
    for name, field in {**fields, "drain_pressure": problem.drain_pressure}.items():
        if field.shape != k.shape[1:]:
            raise InputError(f"{name} has shape {field.shape} and the grid {k.shape[1:]}; one shape is expected")
        if not np.isfinite(field).all():
            raise InputError(f"{name} holds numbers that are not finite")
    if not (np.isfinite(k).all() and (k >= 0).all()):
        raise InputError("permeability is negative or not finite somewhere; numbers of 0 or more are expected")
    active = (k > 0).all(axis=0)
    if ((k > 0).any(axis=0) & ~active).any():
        raise InputError("permeability is 0 along some axes only; 0 along all of them marks what is no medium")
    if not active.any():
        raise InputError("permeability is 0 everywhere: there is no medium to flow through")
    if (problem.viscosity[active] <= 0).any() or (problem.drain < 0).any():
        raise InputError("a viscosity is 0 or negative, or a drain's conductance negative; check the fields")
    if (problem.source[~active] != 0).any() or (problem.drain[~active] != 0).any():
        raise InputError("a source or drain lies where there is no medium; move it to a voxel of the medium")
    parts, count = ndimage.label(active)
    dry = np.setdiff1d(np.arange(1, count + 1), parts[problem.drain > 0])
    if dry.size:
        raise InputError(
            f"{dry.size} of {count} parts of the medium have no drain: what they hold has nowhere to go; "
            "open one, or leave the part out"
        )
    return np.asarray(active)


def not_balanced(residuals: tuple[float, ...], rtol: float) -> NotConverged:
    """The error of a pressure that was not found."""
    return NotConverged(
        f"conjugate gradients left {residuals[-1]:.1e} of the flow unbalanced after {len(residuals) - 1} iterations, "
        f"{rtol:.1e} was asked: look for permeabilities or viscosities that are many decades apart",
        residuals,
    )
