"""Planned needles, balloons and the vertebra as STL, patient millimetres, LPS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spondyl.planning import Balloon, NeedlePath, Plan
from spondyl.space import Floats, Frame, Geometry
from spondyl.spine import Spine, Vertebra
from spondyl.studies import write_whole

if TYPE_CHECKING:
    from trimesh import Trimesh

_HEADER = b"SPACE=LPS; millimetres; spondyl"  # 3D Slicer reads the space from an STL file's header
_AXIS_RADIUS_MM = 0.25  # of a path that is orientation only: an axis, not a needle
_PATTERNS = ("needle-*.stl", "axis-*.stl", "balloon-*.stl", "vertebra-*.stl")


def write_meshes(folder: Path, plans: tuple[Plan, ...], spine: Spine | None) -> tuple[str, ...]:
    """Write each needle, balloon and, with a spine, each planned vertebra; gives the names of the files."""
    meshes = dict(named for plan in plans if plan.needles for named in _meshes(plan, spine))
    for name, mesh in meshes.items():
        write_whole(folder / name, stl_bytes(mesh))
    return tuple(meshes)


def remove_meshes(folder: Path) -> None:
    """Take away the meshes of earlier plans."""
    for pattern in _PATTERNS:
        for path in folder.glob(pattern):
            path.unlink()


def stl_bytes(mesh: Trimesh) -> bytes:
    """A mesh as binary STL whose header names the space."""
    data = mesh.export(file_type="stl")
    assert isinstance(data, bytes)
    return _HEADER.ljust(80, b" ") + data[80:]


def _meshes(plan: Plan, spine: Spine | None) -> Iterator[tuple[str, Trimesh]]:
    level = plan.level.name
    for path in plan.needles:
        what = "axis" if path.access_class is None else "needle"
        yield f"{what}-{level}-{path.side.value}.stl", needle_mesh(path)
    for balloon in plan.balloons:
        yield f"balloon-{level}-{balloon.side.value}.stl", balloon_mesh(balloon)
    if spine is not None:
        yield f"vertebra-{level}.stl", vertebra_mesh(spine[plan.level])


def needle_mesh(path: NeedlePath) -> Trimesh:
    """The needle from the skin, or from the bone where the skin was not seen, to its tip.

    A path that cannot be judged is a thin axis instead.
    """
    from trimesh.creation import cylinder

    length = path.bone_depth_mm if path.skin_depth_mm is None else path.skin_depth_mm
    radius = _AXIS_RADIUS_MM if path.access_class is None else path.outer_diameter_mm / 2
    mesh: Trimesh = cylinder(radius=radius, segment=[path.target - length * path.direction, path.target])
    return mesh


def balloon_mesh(balloon: Balloon) -> Trimesh:
    """The balloon at the diameter that the cavity lets it reach: a rod with round ends."""
    from trimesh.creation import capsule

    radius = balloon.diameter_mm / 2
    mesh: Trimesh = capsule(height=balloon.length_mm - 2 * radius, radius=radius)
    mesh.apply_translation(-mesh.bounds.mean(axis=0))
    across = np.eye(3)[np.abs(balloon.axis).argmin()]
    frame = Frame.from_directions(balloon.centre, balloon.axis, across)
    mesh.vertices = frame.to_patient(mesh.vertices[:, [2, 0, 1]])  # its long axis is z
    return mesh


def vertebra_mesh(vertebra: Vertebra) -> Trimesh:
    """The surface of a vertebra's mask, halfway between the centres of bone and what is not."""
    return surface_of(vertebra.mask.array.astype(np.float32), 0.5, vertebra.mask.geometry)


def surface_of(field: Floats, level: float, geometry: Geometry) -> Trimesh:
    """The closed surface where a field on a grid, 0 beyond it, has this value; in patient mm, LPS."""
    from skimage.measure import marching_cubes
    from trimesh import Trimesh

    found: Any = marching_cubes(np.pad(field, 1), level)  # type: ignore[no-untyped-call]
    corners, faces = found[:2]
    mesh = Trimesh(geometry.points(corners - 1), faces)
    if mesh.volume < 0:
        mesh.invert()
    return mesh
