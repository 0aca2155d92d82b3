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

HINGE_SHARE = 0.30  # of the depth, whatever the voxels: set on case E02 in voxels of 1 mm, decisions 0033 and 0034
LEAST_PART = 0.05  # of a voxel: less of it whole counts as none, less of it parted as none
STEEPEST_DEG = 45.0


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

    The hinge ends where it ends in mm: in the column of voxels with its end, the share is that in front of it.

    Raises
    ------
    InputError
        For a plane that misses the body or is steeper than 45 degrees.
    """
    off, reach = _distances(bone, plane)
    back, front = depth_range(bone)
    cut = (bone.density.array > 0) & (off > -reach - 1e-9) & (off <= reach - 1e-9)
    whole = (back + plane.hinge_share * (front - back)) / bone.voxel_mm - np.arange(off.shape[0])
    whole = np.where(whole < LEAST_PART, 0.0, np.where(whole > 1 - LEAST_PART, 1.0, whole))
    shares = np.where(cut, (1 - whole)[:, None, None], 0.0)
    if not (shares == 1).any():
        raise InputError("the fracture plane misses the body: give a point within it, in patient mm (LPS)")
    return np.asarray(shares)


def middle_plane(bone: BoneModel, hinge_share: float = HINGE_SHARE) -> FracturePlane:
    """The plane square to the cranial axis at mid-height of the body."""
    solid = bone.density.array > 0
    planes = np.flatnonzero(solid.any(axis=(0, 1)))
    back, front = depth_range(bone)
    across = np.flatnonzero(solid.any(axis=(0, 2)))
    middle = (planes[0] + planes[-1] + 1) / 2
    place = np.array([(back + front) / 2 / bone.voxel_mm, (across[0] + across[-1] + 1) / 2, middle])
    geometry = bone.model.geometry
    normal = geometry.axes[:, 2] / np.linalg.norm(geometry.axes[:, 2])
    return FracturePlane(geometry.points(place - 0.5), normal, hinge_share)


def depth_range(bone: BoneModel) -> tuple[float, float]:
    """Back and front of the body along the grid's first axis, from the caps, which lie on the body alone. [mm]"""
    caps = (bone.model.modulus > 0) & (bone.density.array == 0)
    columns = np.flatnonzero(caps.any(axis=(1, 2)))
    return float(columns[0] * bone.voxel_mm), float((columns[-1] + 1) * bone.voxel_mm)


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
