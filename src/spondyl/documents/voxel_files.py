"""Fields of a voxel model as NIfTI images and as one VTU file."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from spondyl.documents.voxel_mesh import VoxelMesh, mesh_of, mesh_of_parts
from spondyl.simulation import PlatenResponse, VoxelModel, measure_fields
from spondyl.space import Geometry
from spondyl.studies import whole_folder, write_array, write_whole

Array = NDArray[Any]
_LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])
_HEXAHEDRON = 12  # VTK's number of a linear brick
_FLIPPED = [4, 5, 6, 7, 0, 1, 2, 3]  # roof first: right-handed where the grid's axes are left-handed


def write_fields(folder: str | Path, model: VoxelModel, found: PlatenResponse) -> tuple[str, ...]:
    """Write the fields on the grid of the modulus into a new folder; gives the names of the files.

    `displacement_mm` has three values a voxel, along the axes of a NIfTI's world (to the right, the front, the head);
    `strain` six, xx yy zz yz xz xy in the grid's axes, shears not doubled; `von_mises_mpa` and
    `strain_energy_density_mpa` one. Void voxels hold 0.
    """
    fields = measure_fields(model, found.displacement)
    world = np.tensordot(model.geometry.axes * _LPS_TO_RAS[:, None], fields.displacement, 1)
    arrays = {
        "displacement_mm": np.moveaxis(world, 0, -1),
        "strain": np.moveaxis(fields.strain, 0, -1),
        "von_mises_mpa": fields.von_mises,
        "strain_energy_density_mpa": fields.energy_density,
    }
    names = tuple(f"{name}.nii.gz" for name in arrays)
    with whole_folder(Path(folder)) as place:
        for name, array in zip(names, arrays.values(), strict=True):
            write_array(array.astype(np.float32), model.geometry, place / name)
    return names


def write_vtu(path: str | Path, model: VoxelModel, found: PlatenResponse) -> None:
    """Write mesh and fields as VTK XML (.vtu), points and displacements in patient mm, LPS."""
    mesh, fields = mesh_of(model), measure_fields(model, found.displacement)
    moved = mesh.at_nodes(found.displacement) @ model.geometry.axes.T
    per_voxel = {
        "modulus_mpa": model.modulus,
        "von_mises_mpa": fields.von_mises,
        "strain_energy_density_mpa": fields.energy_density,
        "strain": fields.strain,
    }
    _write_cells(path, model.geometry, mesh, {"displacement_mm": moved}, per_voxel)


def write_cells_vtu(path: str | Path, geometry: Geometry, there: Array, fields: Mapping[str, Array]) -> None:
    """Write those voxels of a grid that are there, with fields over the grid, as VTK XML (.vtu), patient mm, LPS."""
    _write_cells(path, geometry, mesh_of_parts(there.astype(int)), {}, fields)


def _write_cells(
    path: str | Path, geometry: Geometry, mesh: VoxelMesh, at_nodes: Mapping[str, Array], fields: Mapping[str, Array]
) -> None:
    """Write a mesh with values of its nodes, as they stand, and with fields over the whole grid."""
    points = geometry.points(mesh.nodes - 0.5)
    bricks = mesh.bricks if np.linalg.det(geometry.axes) > 0 else mesh.bricks[:, _FLIPPED]
    count = len(bricks)
    lines = [
        '<?xml version="1.0"?>',
        '<VTKFile type="UnstructuredGrid" version="1.0" byte_order="LittleEndian" header_type="UInt64">',
        f'<UnstructuredGrid><Piece NumberOfPoints="{len(points)}" NumberOfCells="{count}">',
        "<Points>",
        _data("points", points),
        "</Points><Cells>",
        _data("connectivity", bricks.ravel()),
        _data("offsets", 8 * np.arange(1, count + 1)),
        _data("types", np.full(count, _HEXAHEDRON, np.uint8)),
        "</Cells><PointData>",
        *(_data(name, values) for name, values in at_nodes.items()),
        "</PointData><CellData>",
        *(_data(name, mesh.at_voxels(field)) for name, field in fields.items()),
        "</CellData></Piece></UnstructuredGrid></VTKFile>",
    ]
    write_whole(Path(path), "\n".join(lines).encode())


def _data(name: str, array: Array) -> str:
    kind = {"f": "Float64", "i": "Int64", "u": "UInt8"}[array.dtype.kind]
    stored = np.ascontiguousarray(array, {"Float64": "<f8", "Int64": "<i8", "UInt8": "u1"}[kind])
    packed = base64.b64encode(np.uint64(stored.nbytes).tobytes() + stored.tobytes()).decode()
    width = "" if array.ndim == 1 else f' NumberOfComponents="{array.shape[1]}"'
    return f'<DataArray Name={quoteattr(name)} type="{kind}"{width} format="binary">{packed}</DataArray>'
