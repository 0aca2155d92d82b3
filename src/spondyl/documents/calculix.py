"""A voxel model as an input file that CalculiX runs, to check ours against another program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spondyl.documents.voxel_mesh import VoxelMesh, mesh_of
from spondyl.errors import InputError
from spondyl.simulation import VoxelModel
from spondyl.space import Volume
from spondyl.studies import write_whole

Array = NDArray[Any]
_A_LINE = 10  # numbers in a line of a set; CalculiX takes 16


def write_inp(path: str | Path, model: VoxelModel, *, yield_stress: Volume | None = None, steps: int = 1) -> None:
    """Write the model: bricks of eight nodes, coordinates in mm along the axes of the grid.

    With a yield stress it yields by von Mises without hardening, in as many steps, with small strains.

    Voxels of equal modulus, Poisson's ratio and yield stress share a material. Between sliding platens one node of
    each part is held sideways and another kept from turning about it, which bears nothing: shift and turn of the answer
    are theirs. The run (`ccx NAME`) prints the nodes' displacements and the reaction of the top to NAME.dat.
    """
    place = Path(path)
    if any(model.tilt):
        raise InputError("a tilted platen is not written for CalculiX: leave --offset out, or leave --inp out")
    if place.suffix != ".inp":
        raise InputError(f"'{place.name}' is not a name for CalculiX; one that ends in .inp is expected: rename it")
    limit = np.zeros(model.modulus.shape) if yield_stress is None else yield_stress.array
    write_whole(place, ("\n".join(_lines(model, limit, steps)) + "\n").encode())


def _lines(model: VoxelModel, limit: Array, steps: int) -> Iterator[str]:
    mesh = mesh_of(model)
    yield "*HEADING"
    yield "voxel model between two platens; mm, N, MPa; axes of the voxel grid"
    yield "*NODE, NSET=NODES"
    points = (mesh.nodes - 0.5) * np.array(model.edges)
    yield from (f"{n},{x:.9g},{y:.9g},{z:.9g}" for n, (x, y, z) in enumerate(points, 1))
    yield "*ELEMENT, TYPE=C3D8, ELSET=VOXELS"
    yield from (",".join(map(str, (n, *brick))) for n, brick in enumerate(mesh.bricks + 1, 1))
    yield from _materials(model, mesh, limit)
    axis = model.platens.axis + 1
    yield from _set("NSET", "TOP", np.flatnonzero(mesh.at_nodes(model.platens.top)) + 1)
    yield from _set("NSET", "BOTTOM", np.flatnonzero(mesh.at_nodes(model.platens.bottom)) + 1)
    yield "*BOUNDARY"
    yield f"BOTTOM,{axis},{axis}"
    if model.lateral == "held":
        yield from (f"{name},{a},{a}" for name in ("TOP", "BOTTOM") for a in (1, 2, 3) if a != axis)
    else:
        yield from (f"{node + 1},{a + 1},{a + 1}" for node, a in _pins(model, mesh))
    yield f"*STEP, INC={100 * steps}"
    yield "*STATIC, DIRECT" if steps > 1 else "*STATIC"
    yield f"{1 / steps:.12g},1."
    yield "*BOUNDARY"
    yield f"TOP,{axis},{axis},{model.displacement_mm:.9g}"
    yield "*NODE PRINT, NSET=NODES"
    yield "U"
    yield "*NODE PRINT, NSET=TOP, TOTALS=ONLY"
    yield "RF"
    yield "*END STEP"


def _materials(model: VoxelModel, mesh: VoxelMesh, limit: Array) -> Iterator[str]:
    constants = np.stack([mesh.at_voxels(field) for field in (model.modulus, model.poisson, limit)], axis=1)
    kinds, which = np.unique(constants, axis=0, return_inverse=True)
    order = np.argsort(which.ravel(), kind="stable") + 1
    ends = np.cumsum(np.bincount(which.ravel()))
    for number, ((modulus, ratio, strength), members) in enumerate(
        zip(kinds, np.split(order, ends[:-1]), strict=True), 1
    ):
        yield from _set("ELSET", f"E{number}", members)
        yield f"*MATERIAL, NAME=M{number}"
        yield "*ELASTIC"
        yield f"{modulus:.12g},{ratio:.12g}"
        if strength > 0:
            yield "*PLASTIC"
            yield f"{strength:.12g},0."
        yield f"*SOLID SECTION, ELSET=E{number}, MATERIAL=M{number}"


def _set(kind: str, name: str, members: Iterable[int]) -> Iterator[str]:
    numbers = [str(n) for n in members]
    yield f"*{kind}, {kind}={name}"
    yield from (",".join(numbers[at : at + _A_LINE]) for at in range(0, len(numbers), _A_LINE))


def _pins(model: VoxelModel, mesh: VoxelMesh) -> Iterator[tuple[int, int]]:
    """Nodes and directions that keep each part from shifting and turning in the plane of the platens."""
    one, other = (a for a in range(3) if a != model.platens.axis)
    resting = mesh.at_nodes(model.platens.bottom)
    for part in np.unique(mesh.parts):
        nodes = np.flatnonzero(resting & (mesh.parts == part))
        first = nodes[0]
        away = (mesh.nodes[nodes] - mesh.nodes[first]) * np.array(model.edges)
        far = int(np.argmax(np.hypot(away[:, one], away[:, other])))
        yield first, one
        yield first, other
        yield nodes[far], other if abs(away[far, one]) >= abs(away[far, other]) else one
