"""A voxel model pressed or pulled between two platens."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spondyl.errors import InputError
from spondyl.numerics.boxes import solve_boxes
from spondyl.numerics.elasticity import apply_stiffness, isotropic
from spondyl.numerics.equilibrium import Equilibrium, Problem, Solver, conjugate_gradients
from spondyl.simulation.platens import Edges, Platens, without_drift
from spondyl.simulation.voxel_model import VoxelModel, beyond_small_strain, build_voxel_model
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
    shortening_mm: float | None = None  # between two surfaces within, where these are watched


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
    offset_mm: tuple[float, float] = (0.0, 0.0)  # of the line of force from the platen's middle, along the axes across
    plastic_strain: Array | None = None  # accumulated, mean of each voxel, (nx, ny, nz); None: linear

    def __post_init__(self) -> None:
        object.__setattr__(self, "displacement", read_only(self.displacement))
        if self.plastic_strain is not None:
            object.__setattr__(self, "plastic_strain", read_only(self.plastic_strain))

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
    offset_mm: tuple[float, float] | None = None,
    solver: Solver | None = None,
) -> PlatenResponse:
    """The linear answer of any voxel model whose top platen is moved along a grid axis while the bottom one rests.

    Voxels may be boxes. Small strains; platens are stiff, and the top stays parallel unless an offset is given. Parts
    that do not join both platens bear nothing: they are left out, with a warning.

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
    offset_mm
        Of the line of force from the middle of the top's nodes, along the two axes across: the top turns as it must.
        None: it does not turn.
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
    return solve_voxel_model(model if offset_mm is None else pushed_off_middle(model, offset_mm), solver=solver)


def solve_voxel_model(model: VoxelModel, *, solver: Solver | None = None) -> PlatenResponse:
    """The linear answer of a model, as of `load_between_platens`."""
    moved_mm = model.displacement_mm
    balance, (force, *moments) = _balanced(model, solver)
    reaction = abs(force) if any(model.tilt) else balance.energy_n_mm / abs(moved_mm)
    return PlatenResponse(
        moved_mm,
        reaction,
        reaction / abs(moved_mm),
        None,
        balance.iterations,
        balance.residuals[-1],
        int((model.parts > 0).sum()),
        (*model.warnings, *beyond_small_strain(model, moved_mm), *_mechanism(balance.energy_n_mm, model)),
        whole_displacement(model, balance.displacement),
        line_of_force(force, moments),
    )


def pushed_off_middle(model: VoxelModel, offset_mm: tuple[float, float], *, solver: Solver | None = None) -> VoxelModel:
    """The model with its top tilted so that, while nothing yields, the line of force has this offset.

    The middle of the top moves as before. Where bone yields along the path the tilt keeps its ratio to that
    displacement, and the line of force wanders: `PlatenResponse.offset_mm` says where it ended.

    Parameters
    ----------
    offset_mm
        Of the line of force from the middle of the top's nodes, along the two axes across.

    Raises
    ------
    InputError
        Where the force would pass beside the top.
    """
    spans = model.platens.cropped(model.box).offsets(model.edges)
    reach = spans.min(axis=0), spans.max(axis=0)
    if not all(low < e < high for low, e, high in zip(*reach[:1], offset_mm, *reach[1:], strict=True)):
        raise InputError(
            f"the force is {offset_mm[0]:g} and {offset_mm[1]:g} mm off its middle, the top platen reaches "
            f"{reach[0][0]:.3g} to {reach[1][0]:.3g} and {reach[0][1]:.3g} to {reach[1][1]:.3g} mm: give less"
        )
    middle, first, second = np.linalg.solve(platen_stiffness(model, solver=solver), np.array([1.0, *offset_mm]))
    return replace(model, tilt=(float(first / middle), float(second / middle)))


def platen_stiffness(model: VoxelModel, *, solver: Solver | None = None) -> Array:
    """Force and moments on the top of a model over the movements of the top, shape (3, 3).

    Columns: 1 mm of the middle along the axis, and a slope of 1 along either axis across. Rows: the force along the
    axis [N], and the moments over the middle (force times offset) along either axis across [N mm].
    """
    columns = []
    for pattern in ((1.0, 0.0, 0.0), (1.0, 1.0, 0.0), (1.0, 0.0, 1.0)):  # the middle moves by 1 mm in each
        one = replace(model, displacement_mm=1.0, tilt=pattern[1:])
        columns.append(_balanced(one, solver)[1])
    straight = np.array(columns[0])
    return np.stack([straight, *(np.array(column) - straight for column in columns[1:])], axis=1)


def line_of_force(force: float, moments: Sequence[float]) -> tuple[float, float]:
    """Offset of a force with these moments; (0, 0) where there is no force."""
    if force == 0:
        return 0.0, 0.0
    return moments[0] / force, moments[1] / force


def _balanced(model: VoxelModel, solver: Solver | None) -> tuple[Equilibrium, tuple[float, float, float]]:
    """Displacements of the box of a model, and force and moments on its top."""
    box, edges = model.box, model.edges
    inside = model.platens.cropped(box)
    coefficients = isotropic(model.modulus[box], model.poisson[box])
    held = inside.held(model.lateral == "held")
    problem = Problem(coefficients, 1.0, held, inside.moved(model.displacement_mm, model.tilt, edges))
    solve = conjugate_gradients(rtol=TOLERANCE, memory_limit=_memory()) if solver is None else solver
    balance = solve_boxes(problem, edges, solve)
    return balance, inside.force(_forces_at_top(inside, coefficients, edges, balance.displacement), edges)


def forces_at_top(model: VoxelModel, displacement: Array) -> Array:
    """Internal forces of the nodes on the plane of the top for displacements of the whole grid, (3, ...). [N]"""
    return _forces_at_top(model.platens, model.coefficients, model.edges, displacement)


def _forces_at_top(platens: Platens, coefficients: Array, edges: Edges, displacement: Array) -> Array:
    """Internal forces of the nodes, right on the plane of the top, 0 far from it. [N]"""
    plane = int(np.flatnonzero(platens.top.any(axis=tuple(a for a in range(3) if a != platens.axis)))[0])
    layers = slice(max(plane - 1, 0), min(plane + 1, coefficients.shape[1 + platens.axis]))
    voxels = tuple(layers if a == platens.axis else slice(None) for a in range(3))
    nodes = tuple(slice(layers.start, layers.stop + 1) if a == platens.axis else slice(None) for a in range(3))
    forces = np.zeros(displacement.shape)
    forces[(slice(None), *nodes)] = apply_stiffness(
        coefficients[(slice(None), *voxels)], edges, displacement[(slice(None), *nodes)]
    )
    return forces


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
