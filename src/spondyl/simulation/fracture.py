"""The plane in which the front of a vertebra has come apart: in mm, whatever the voxels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spondyl.errors import InputError
from spondyl.simulation.bone import BoneModel
from spondyl.space import Floats, read_only

Array = NDArray[Any]

HINGE_SHARE = 0.30  # of the depth, whatever the voxels: set on case E02, decisions 0033, 0034 and 0039
LEAST_PART = 0.05  # of a voxel: less of it whole counts as none, less of it parted as none
STEEPEST_DEG = 45.0
_FINE_MM = 0.25  # between points at which the mask is asked


@dataclass(frozen=True, eq=False)
class FracturePlane:
    """A plane across a body, broken from the front; what lies behind its hinge is whole."""

    point: Floats  # (3,), patient mm
    normal: Floats  # (3,), unit vector towards the head, LPS
    hinge_share: float  # of the body's depth, at its back

    def __post_init__(self) -> None:
        for name in ("point", "normal"):
            vector = read_only(getattr(self, name), np.float64)
            if vector.shape != (3,) or not np.isfinite(vector).all():
                raise InputError(f"the {name} of a fracture plane has three finite numbers, found {vector}")
            object.__setattr__(self, name, vector)
        if abs(float(np.linalg.norm(self.normal)) - 1) > 1e-3:
            raise InputError("the normal of a fracture plane has length 1: divide it by its length")
        if not 0 < self.hinge_share < 1:
            raise InputError(
                f"the hinge is {self.hinge_share:g} of the depth; more than 0 and less than 1 is expected: a body that "
                "is broken right through has nothing that guides its halves"
            )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self.__dict__.values())


def parted_shares(bone: BoneModel, plane: FracturePlane) -> Array:
    """Share of each voxel that the plane parts: 1 in front of its hinge, where no voxels above and below share a node.

    The hinge ends where it ends in mm. Voxels take part in a section as wholes, so their columns reach further back or
    less far than the body does, as the grid happens to lie: the hinge therefore ends in the column of voxels where as
    much of the section is whole as of the body's own (`hinge_area`), and that column is parted by the share in front.

    Raises
    ------
    InputError
        For a plane that misses the body or is steeper than 45 degrees.
    """
    off, reach = _distances(bone, plane)
    cut = (bone.density.array > 0) & (off > -reach - 1e-9) & (off <= reach - 1e-9)
    on_body = _caps(bone).any(axis=2) & cut.any(axis=2)
    whole = _whole_parts(on_body.sum(axis=1) * bone.voxel_mm**2, hinge_area(bone, plane))
    shares = np.where(cut, (1 - whole)[:, None, None], 0.0)
    if not (shares == 1).any():
        raise InputError("the fracture plane misses the body: give a point within it, in patient mm (LPS)")
    return np.asarray(shares)


def hinge_area(bone: BoneModel, plane: FracturePlane) -> float:
    """Area of the body's own section with the plane that lies in its hinge, as the axis sees it, in the mask. [mm²]"""
    vertebra, axes = bone.vertebra, bone.model.geometry.axes
    assert vertebra.body is not None
    low, high = _extents(bone)
    end = low[0] + plane.hinge_share * (high[0] - low[0])
    along, across = _middles(low[0], end), _middles(low[1], high[1])
    x, y = np.meshgrid(along, across, indexing="ij")
    point, normal = plane.point @ axes, plane.normal @ axes
    z = point[2] - ((x - point[0]) * normal[0] + (y - point[1]) * normal[1]) / normal[2]
    inside = vertebra.body.sample(np.stack([x, y, z], axis=-1) @ axes.T, order=0) > 0.5
    return float(inside.mean() * (end - low[0]) * (high[1] - low[1]))


def _middles(low: float, high: float) -> Array:
    """Middles of even parts of a length, about `_FINE_MM` long each."""
    parts = max(round((high - low) / _FINE_MM), 1)
    return np.asarray(low + (np.arange(parts) + 0.5) * (high - low) / parts)


def _whole_parts(areas: Array, wanted: float) -> Array:
    """The part of each column of voxels that is whole, from the back, so that as much area is as is wanted."""
    before = np.cumsum(areas) - areas
    whole = np.clip((wanted - before) / np.maximum(areas, 1e-9), 0.0, 1.0)
    return np.where(whole < LEAST_PART, 0.0, np.where(whole > 1 - LEAST_PART, 1.0, whole))


def middle_plane(bone: BoneModel, hinge_share: float = HINGE_SHARE) -> FracturePlane:
    """The plane square to the cranial axis at mid-height of the body."""
    axes = bone.model.geometry.axes
    low, high = _extents(bone)
    return FracturePlane(axes @ ((low + high) / 2), axes[:, 2], hinge_share)


def depth_range(bone: BoneModel) -> tuple[float, float]:
    """Back and front of the body along the grid's first axis, from the grid's edge. [mm]"""
    low, high = _extents(bone)
    geometry = bone.model.geometry
    edge = float(geometry.points(np.full(3, -0.5)) @ geometry.axes[:, 0])
    return float(low[0] - edge), float(high[0] - edge)


def _extents(bone: BoneModel) -> tuple[Array, Array]:
    """Ends of the body's mask along the grid's axes, which do not hang on where the grid lies. [mm]"""
    body, axes = bone.vertebra.body, bone.model.geometry.axes
    assert body is not None
    places = body.geometry.points(np.argwhere(body.array > 0)) @ axes
    reach = np.abs(axes.T @ body.geometry.axes) @ body.geometry.spacing_mm / 2
    return places.min(axis=0) - reach, places.max(axis=0) + reach


def _caps(bone: BoneModel) -> Array:
    """The layers at both ends, which lie on the body alone, bool."""
    return np.asarray((bone.model.modulus > 0) & (bone.density.array == 0))


def _distances(bone: BoneModel, plane: FracturePlane) -> tuple[Array, float]:
    """How far each voxel's middle lies above the plane, and how far one that the plane touches may lie. [mm]"""
    geometry, edge = bone.model.geometry, bone.voxel_mm
    normal = (geometry.axes / np.linalg.norm(geometry.axes, axis=0)).T @ plane.normal
    if normal[2] < np.cos(np.radians(STEEPEST_DEG)):
        raise InputError(
            "the fracture plane is steeper than 45 degrees against the endplates, or its normal points down"
        )
    centre = geometry.indices(plane.point)
    places = np.stack(np.meshgrid(*(np.arange(n) for n in geometry.shape), indexing="ij"), axis=-1)
    return (places - centre) @ normal * edge, float(edge / 2 * np.abs(normal).sum())
