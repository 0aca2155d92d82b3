"""Voxels that are boxes, solved as cubes.

Stretching a box of edges e to the cube of the same volume, of edge h, and its displacements against it, uᵢ = vᵢ h/eᵢ,
gives every strain εᵢⱼ the factor h²/(eᵢ eⱼ). So the box is a cube of a material with C'ᵢⱼₖₗ = Cᵢⱼₖₗ h⁴/(eᵢeⱼeₖeₗ),
exactly, since trilinear displacements stay trilinear. The multigrid sees a material that is stiff along the
short edges: the flatter the boxes, the more iterations.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spondyl.errors import InputError
from spondyl.numerics.elasticity import ORTHOTROPIC
from spondyl.numerics.equilibrium import Equilibrium, Problem, Solver

Array = NDArray[Any]

SAME_EDGE = 1e-5  # relative; affines of files are single precision


def solve_boxes(problem: Problem, edges: tuple[float, float, float], solver: Solver) -> Equilibrium:
    """The equilibrium of a body of boxes; `problem.edge` is not used.

    Parameters
    ----------
    problem
        Displacements and forces as they are, in the axes of the grid.
    edges
        Of a voxel along the three axes of the grid. [mm]
    solver
        For cubes, of `equilibrium`.
    """
    if min(edges) <= 0 or not np.isfinite(edges).all():
        raise InputError(f"voxels have edges {edges} mm; three lengths above 0 are expected: mend the header")
    mean = float(np.prod(edges) ** (1 / 3))
    if max(edges) - min(edges) <= SAME_EDGE * mean:
        return solver(replace(problem, edge=mean))
    stretch = (mean / np.array(edges)).reshape(3, 1, 1, 1)
    cubes = Problem(
        stretched(problem.coefficients, edges),
        mean,
        problem.held,
        problem.prescribed / stretch,
        None if problem.forces is None else problem.forces * stretch,
    )
    found = solver(cubes)
    return replace(found, displacement=found.displacement * stretch)


def stretched(coefficients: Array, edges: tuple[float, float, float]) -> Array:
    """Nine coefficients of cubes of the same volume that hold boxes of these edges, shape (9, nx, ny, nz). [MPa]"""
    if len(coefficients) == 2:
        lame, shear = coefficients
        coefficients = np.stack([*[lame + 2 * shear] * 3, *[lame] * 3, *[shear] * 3])
    ratio = dict(zip("xyz", np.prod(edges) ** (1 / 3) / np.array(edges), strict=True))
    factors = [np.prod([ratio[letter] for letter in name]) for name in ORTHOTROPIC]
    return np.asarray(coefficients * np.reshape(factors, (9, 1, 1, 1)))
