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

HINGE_SHARE = 0.20  # of the depth, for a whole back wall, in voxels of 2 mm: set on case E02, decision 0024
HINGE_SHARE_1_MM = 0.30  # the same in voxels of 1 mm: the plane is one voxel thick, decision 0033
STEEPEST_DEG = 45.0


@dataclass(frozen=True, eq=False)
class FracturePlane:
    """A plane across a body, broken from the front; what lies behind its hinge is whole."""

    point: Floats  # (3,), patient mm
    normal: Floats  # (3,), unit vector towards the head, LPS
    hinge_share: float  # of the body's depth, at its back; `hinge_share_at` tells what was set on trials

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


def parted_voxels(bone: BoneModel, plane: FracturePlane) -> Array:
    """Bone that the plane cuts in front of its hinge, so that no voxels above and below it share a node; bool.

    Raises
    ------
    InputError
        For a plane that misses the body or is steeper than 45 degrees.
    """
    off, reach = _distances(bone, plane)
    back, front = depth_range(bone)
    middles = (np.arange(off.shape[0]) + 0.5) * bone.voxel_mm
    ahead = (middles > back + plane.hinge_share * (front - back))[:, None, None]
    parted = (bone.density.array > 0) & (off > -reach - 1e-9) & (off <= reach - 1e-9) & ahead
    if not parted.any():
        raise InputError("the fracture plane misses the body: give a point within it, in patient mm (LPS)")
    return np.asarray(parted)


def hinge_share_at(voxel_mm: float) -> float:
    """The hinge's share of the depth in voxels of this size: on a line between 1 and 2 mm, where it was set on E02.

    Smaller and larger voxels take the nearer of the two: nothing was set there.

    >>> [round(hinge_share_at(size), 2) for size in (1.0, 1.5, 2.0, 3.0)]
    [0.3, 0.25, 0.2, 0.2]
    """
    return float(np.interp(voxel_mm, (1.0, 2.0), (HINGE_SHARE_1_MM, HINGE_SHARE)))


def middle_plane(bone: BoneModel, hinge_share: float | None = None) -> FracturePlane:
    """The plane square to the cranial axis at mid-height of the body; its hinge that of the voxels if left out."""
    solid = bone.density.array > 0
    planes = np.flatnonzero(solid.any(axis=(0, 1)))
    back, front = depth_range(bone)
    across = np.flatnonzero(solid.any(axis=(0, 2)))
    middle = (planes[0] + planes[-1] + 1) / 2
    place = np.array([(back + front) / 2 / bone.voxel_mm, (across[0] + across[-1] + 1) / 2, middle])
    geometry = bone.model.geometry
    normal = geometry.axes[:, 2] / np.linalg.norm(geometry.axes[:, 2])
    share = hinge_share_at(bone.voxel_mm) if hinge_share is None else hinge_share
    return FracturePlane(geometry.points(place - 0.5), normal, share)


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
