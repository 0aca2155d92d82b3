"""Fields of a voxel model as NIfTI images and as one VTU file."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from spondyl.documents.voxel_mesh import mesh_of
from spondyl.simulation import PlatenResponse, VoxelModel, measure_fields
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
    axes = model.geometry.axes
    points = model.geometry.points(mesh.nodes - 0.5)
    bricks = mesh.bricks if np.linalg.det(axes) > 0 else mesh.bricks[:, _FLIPPED]
    moved = mesh.at_nodes(found.displacement) @ axes.T
    per_voxel = {
        "modulus_mpa": model.modulus,
        "von_mises_mpa": fields.von_mises,
        "strain_energy_density_mpa": fields.energy_density,
        "strain": fields.strain,
    }
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
        _data("displacement_mm", moved),
        "</PointData><CellData>",
        *(_data(name, mesh.at_voxels(field)) for name, field in per_voxel.items()),
        "</CellData></Piece></UnstructuredGrid></VTKFile>",
    ]
    write_whole(Path(path), "\n".join(lines).encode())


def _data(name: str, array: Array) -> str:
    kind = {"f": "Float64", "i": "Int64", "u": "UInt8"}[array.dtype.kind]
    stored = np.ascontiguousarray(array, {"Float64": "<f8", "Int64": "<i8", "UInt8": "u1"}[kind])
    packed = base64.b64encode(np.uint64(stored.nbytes).tobytes() + stored.tobytes()).decode()
    width = "" if array.ndim == 1 else f' NumberOfComponents="{array.shape[1]}"'
    return f'<DataArray Name={quoteattr(name)} type="{kind}"{width} format="binary">{packed}</DataArray>'
