"""A voxel model pressed or pulled between two platens."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spondyl.numerics.boxes import solve_boxes
from spondyl.numerics.elasticity import isotropic
from spondyl.numerics.equilibrium import Problem, Solver, conjugate_gradients
from spondyl.simulation.platens import without_drift
from spondyl.simulation.voxel_model import VoxelModel, build_voxel_model
from spondyl.space import Volume
from spondyl.space.arrays import read_only

Array = NDArray[Any]

TOLERANCE = 1e-8  # of the residual; the energy's error is about its square, the displacements' about a hundred times it

NOTHING = 1e-12  # of an even strain's energy: 1e-4 of its modulus, in the thinnest bridge, still bears more


@dataclass(frozen=True)
class CurvePoint:
    """One step of a load path, in balance."""

    displacement_mm: float
    reaction_n: float


@dataclass(frozen=True, eq=False)
class PlatenResponse:
    """How a voxel model answers a displacement of its top platen."""

    displacement_mm: float
    reaction_n: float  # from the work done, without sign
    stiffness_n_per_mm: float  # before anything yields
    curve: tuple[CurvePoint, ...] | None  # None: linear
    iterations: int  # of the preconditioner; of all steps
    residual: float  # the last; relative to the first one, or to the forces where there is a curve
    voxels: int  # that bear load
    warnings: tuple[str, ...]
    displacement: Array  # of the nodes, in the axes of the grid, (3, nx+1, ny+1, nz+1), 0 where nothing bears load [mm]

    def __post_init__(self) -> None:
        object.__setattr__(self, "displacement", read_only(self.displacement))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self.__dict__.values())


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
    model = build_voxel_model(
        modulus,
        platens,
        top=top,
        bottom=bottom,
        displacement_mm=displacement_mm,
        lateral=lateral,
        poisson=poisson,
        axis=axis,
    )
    return solve_voxel_model(model, solver=solver)


def solve_voxel_model(model: VoxelModel, *, solver: Solver | None = None) -> PlatenResponse:
    """The linear answer of a model, as of `load_between_platens`."""
    box, moved_mm = model.box, model.displacement_mm
    inside = model.platens.cropped(box)
    held, prescribed = inside.held(model.lateral == "held"), inside.moved(moved_mm)
    problem = Problem(isotropic(model.modulus[box], model.poisson[box]), 1.0, held, prescribed)
    solve = conjugate_gradients(rtol=TOLERANCE, memory_limit=_memory()) if solver is None else solver
    balance = solve_boxes(problem, model.edges, solve)
    reaction = balance.energy_n_mm / abs(moved_mm)
    return PlatenResponse(
        moved_mm,
        reaction,
        reaction / abs(moved_mm),
        None,
        balance.iterations,
        balance.residuals[-1],
        int((model.parts > 0).sum()),
        (*model.warnings, *_mechanism(balance.energy_n_mm, model)),
        whole_displacement(model, balance.displacement),
    )


def whole_displacement(model: VoxelModel, displacement: Array) -> Array:
    """Displacements of the box of a model on its whole grid, without what sliding platens leave free."""
    box = model.box
    if model.lateral == "free":
        displacement = without_drift(displacement, model.parts[box], model.edges, model.platens.axis)
    whole = np.zeros((3, *model.platens.top.shape))
    whole[(slice(None), *(slice(part.start, part.stop + 1) for part in box))] = displacement
    return whole


def _memory() -> int | None:
    """What this machine has, where it tells. [byte]"""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _mechanism(energy: float, model: VoxelModel) -> tuple[str, ...]:
    """A warning where the energy is nothing beside that of a strain that is the same in all the material."""
    axis = model.platens.axis
    height = model.edges[axis] * (model.box[axis].stop - model.box[axis].start)
    even = float(model.modulus.sum() * np.prod(model.edges)) * (model.displacement_mm / height) ** 2
    if energy > NOTHING * even:
        return ()
    return ("the model bears nothing: a part of it turns or slides without resistance; look for contacts by one edge",)
