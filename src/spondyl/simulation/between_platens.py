"""A voxel model pressed or pulled between two platens."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.errors import InputError
from spondyl.evidence import find_parameter
from spondyl.numerics.boxes import solve_boxes
from spondyl.numerics.elasticity import isotropic
from spondyl.numerics.equilibrium import Problem, Solver, conjugate_gradients
from spondyl.simulation.platens import LoadPath, Platens, find_load_path, find_platens, without_drift
from spondyl.space import Volume
from spondyl.space.arrays import read_only

Array = NDArray[Any]

TOLERANCE = 1e-8  # of the residual; the energy's error is about its square, the displacements' about a hundred times it

NOTHING = 1e-12  # of an even strain's energy: 1e-4 of its modulus, in the thinnest bridge, still bears more


@dataclass(frozen=True, eq=False)
class PlatenResponse:
    """How a voxel model answers a displacement of its top platen."""

    displacement_mm: float
    reaction_n: float  # from the energy, without sign
    iterations: int
    residual: float  # of the last iteration, relative to the first
    voxels: int  # that bear load
    warnings: tuple[str, ...]
    displacement: Array  # of the nodes, in the axes of the grid, (3, nx+1, ny+1, nz+1), 0 where nothing bears load [mm]

    def __post_init__(self) -> None:
        object.__setattr__(self, "displacement", read_only(self.displacement))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self.__dict__.values())

    @property
    def stiffness_n_per_mm(self) -> float:
        """Reaction over displacement."""
        return self.reaction_n / abs(self.displacement_mm)


def load_between_platens(
    modulus: Volume,
    platens: Volume,
    *,
    top: int,
    bottom: int,
    displacement_mm: float,
    lateral: str,
    poisson: Volume | float | None = None,
    axis: int = 2,
    solver: Solver | None = None,
) -> PlatenResponse:
    """The linear answer of any voxel model whose top platen is moved along a grid axis while the bottom one rests.

    Voxels may be boxes. Small strains; platens are stiff and stay parallel. Parts that do not join both platens bear
    nothing: they are left out, with a warning.

    Parameters
    ----------
    modulus
        Young's modulus, 0 is void. [MPa]
    platens
        Labels on the same grid. A platen is the set of outer faces of its labelled voxels on their extreme plane along
        the axis; the top lies at the larger index.
    displacement_mm
        Of the top along the axis, towards larger indices: negative compresses.
    lateral
        "held": platen nodes do not move sideways, as when glued; "free": they slide, as on smooth platens, and what
        remains free (each part's shift and turn in the plane) is taken out of the displacements.
    poisson
        Poisson's ratio, of each voxel or one for all; None: the evidence's of bone, `poisson.bone`.
    solver
        Of `numerics.equilibrium`; the default asks for a residual of 1e-8 and refuses what the memory cannot hold.

    Raises
    ------
    InputError
        where a modulus is negative or no number, a platen is missing or void, or nothing joins the platens.
    NotConverged
        where the tolerance is not reached, as with parts that hang on one edge and are loaded.
    """
    _check(modulus, platens, poisson, displacement_mm, lateral)
    coefficients = isotropic(modulus.array, _ratio(poisson))
    found = find_platens(platens.array, modulus.array > 0, top=top, bottom=bottom, axis=axis)
    path = find_load_path(modulus.array > 0, found)
    box = ndimage.find_objects((path.parts > 0).astype(np.uint8))[0]
    inside, parts = found.cropped(box), path.parts[box]
    problem = Problem(
        np.where(parts > 0, coefficients[(slice(None), *box)], 0.0),
        1.0,
        inside.held(lateral == "held"),
        inside.moved(displacement_mm),
    )
    edges = _edges(modulus)
    solve = conjugate_gradients(rtol=TOLERANCE, memory_limit=_memory()) if solver is None else solver
    balance = solve_boxes(problem, edges, solve)
    moved = balance.displacement
    if lateral == "free":
        moved = without_drift(moved, parts, edges, axis)
    return PlatenResponse(
        displacement_mm,
        balance.energy_n_mm / abs(displacement_mm),
        balance.iterations,
        balance.residuals[-1],
        int((parts > 0).sum()),
        (*_warnings(path), *_mechanism(balance.energy_n_mm, problem, displacement_mm, edges, axis)),
        _uncropped(moved, box, found),
    )


def _check(
    modulus: Volume, platens: Volume, poisson: Volume | float | None, displacement_mm: float, lateral: str
) -> None:
    for name, other in (("platens", platens), ("Poisson's ratio", poisson)):
        if isinstance(other, Volume) and not modulus.geometry.is_same_grid(other.geometry):
            raise InputError(
                f"{name} and modulus lie on different grids ({other.geometry.shape} and {modulus.geometry.shape} "
                "voxels, or another pose); one grid is expected: resample one of them"
            )
    if not np.isfinite(displacement_mm) or displacement_mm == 0:
        raise InputError(f"the displacement is {displacement_mm} mm; a number other than 0 is expected")
    if lateral not in ("free", "held"):
        raise InputError(f"lateral is '{lateral}'; 'free' or 'held' is expected")


def _ratio(poisson: Volume | float | None) -> Array | float:
    if isinstance(poisson, Volume):
        return poisson.array
    if poisson is not None:
        return poisson
    value = find_parameter("poisson.bone").value
    assert isinstance(value, float)
    return value


def _edges(volume: Volume) -> tuple[float, float, float]:
    a, b, c = (float(edge) for edge in volume.geometry.spacing_mm)
    return a, b, c


def _memory() -> int | None:
    """What this machine has, where it tells. [byte]"""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _warnings(path: LoadPath) -> tuple[str, ...]:
    told = []
    if path.floating_voxels:
        told.append(f"{path.floating_voxels} voxels touch nothing that reaches a platen: left out, they bear nothing")
    if path.hanging_voxels:
        told.append(f"{path.hanging_voxels} voxels are joined to one platen only: left out, they bear nothing")
    return tuple(told)


def _mechanism(
    energy: float, problem: Problem, displacement_mm: float, edges: tuple[float, float, float], axis: int
) -> tuple[str, ...]:
    """A warning where the energy is nothing beside that of a strain that is the same in all the material."""
    height = edges[axis] * problem.coefficients.shape[1 + axis]
    even = float(problem.coefficients.sum()) * float(np.prod(edges)) * (displacement_mm / height) ** 2
    if energy > NOTHING * even:
        return ()
    return ("the model bears nothing: a part of it turns or slides without resistance; look for contacts by one edge",)


def _uncropped(displacement: Array, box: tuple[slice, ...], platens: Platens) -> Array:
    whole = np.zeros((3, *platens.top.shape))
    whole[(slice(None), *(slice(part.start, part.stop + 1) for part in box))] = displacement
    return whole
