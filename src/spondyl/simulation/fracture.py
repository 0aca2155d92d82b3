"""A broken vertebra: the plane in which its front half has come apart, and the bone that was crushed before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spondyl.errors import InputError
from spondyl.simulation.between_platens import PlatenResponse
from spondyl.simulation.bone import BoneModel
from spondyl.space import Floats, read_only

Array = NDArray[Any]

HINGE_SHARE = 0.25  # of the depth: this program's choice for a wedge fracture whose posterior wall is whole
STEEPEST_DEG = 45.0


@dataclass(frozen=True, eq=False)
class FracturePlane:
    """A plane across a body, broken from the front; what lies behind its hinge is whole."""

    point: Floats  # (3,), patient mm
    normal: Floats  # (3,), unit vector towards the head, LPS
    hinge_share: float = HINGE_SHARE  # of the body's depth, at its back

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


@dataclass(frozen=True, eq=False)
class FracturedBone:
    """A bone model and what is broken in it. Arrays have one value a voxel of the model's grid."""

    bone: BoneModel
    plane: FracturePlane | None  # None: whole, for comparison
    broken: Array  # bool: voxels of the plane, one layer thick where it lies along the grid
    crushed: Array  # equivalent plastic strain from loading before; 0: none
    assumptions: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "broken", read_only(self.broken, np.bool_))
        object.__setattr__(self, "crushed", read_only(self.crushed, np.float64))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self.__dict__.values())


def fractured_bone(
    bone: BoneModel,
    plane: FracturePlane | None = None,
    *,
    pressed: PlatenResponse | None = None,
    hinge_share: float = HINGE_SHARE,
) -> FracturedBone:
    """The bone with a fracture plane that bears no tension, and with the damage of a load path where one is given.

    No CT shows which struts still hold, so the plane is assumed: given, or found here. It is a plane in mm, whatever
    the voxels. Contact closes it under compression, without friction.

    Parameters
    ----------
    plane
        Left out: square to the cranial axis, where `pressed` crushed the front half most, or at mid-height without it.
    pressed
        A load path of this bone, as by `press_bone`; its plastic strain is carried over.
    hinge_share
        Of the depth that stays whole at the back, where the plane is left out.

    Raises
    ------
    InputError
        For a plane that misses the body or is steeper than 45 degrees, or a load path of another grid.
    """
    crushed = _crushed(bone, pressed)
    told = (
        [] if plane is not None else ["the fracture plane is assumed: no CT shows which part of the bone still holds"]
    )
    chosen = plane or _find_plane(bone, crushed, hinge_share)
    off, reach = _distances(bone, chosen)
    broken = _voxels_of(bone, chosen, off, reach)
    if not broken.any():
        raise InputError("the fracture plane misses the body: give a point within it, in patient mm (LPS)")
    return FracturedBone(bone, chosen, broken, crushed, tuple(told))


def whole_bone(bone: BoneModel) -> FracturedBone:
    """The bone with nothing broken: what a balloon cannot lift."""
    empty = np.zeros(bone.density.array.shape)
    return FracturedBone(bone, None, empty.astype(bool), empty, ())


def depth_range(bone: BoneModel) -> tuple[float, float]:
    """Back and front of the body along the grid's first axis, from the caps, which lie on the body alone. [mm]"""
    caps = (bone.model.modulus > 0) & (bone.density.array == 0)
    columns = np.flatnonzero(caps.any(axis=(1, 2)))
    return float(columns[0] * bone.voxel_mm), float((columns[-1] + 1) * bone.voxel_mm)


def _crushed(bone: BoneModel, pressed: PlatenResponse | None) -> Array:
    shape = bone.density.array.shape
    if pressed is None:
        return np.zeros(shape)
    if pressed.plastic_strain is None or pressed.plastic_strain.shape != shape:
        raise InputError("the load path is linear or of another grid: press this bone by `press_bone`")
    return np.where(bone.density.array > 0, pressed.plastic_strain, 0.0)


def _find_plane(bone: BoneModel, crushed: Array, hinge_share: float) -> FracturePlane:
    solid = bone.density.array > 0
    planes = np.flatnonzero(solid.any(axis=(0, 1)))
    back, front = depth_range(bone)
    middle = (planes[0] + planes[-1] + 1) / 2 * bone.voxel_mm
    if crushed.any():
        ahead = (np.arange(solid.shape[0]) + 0.5) * bone.voxel_mm > (back + front) / 2
        layers = np.where(solid, crushed, 0.0)[ahead].sum(axis=(0, 1)) / np.maximum(solid[ahead].sum(axis=(0, 1)), 1)
        middle = (float(layers.argmax()) + 0.5) * bone.voxel_mm
    across = np.flatnonzero(solid.any(axis=(0, 2)))
    place = np.array([(back + front) / 2, (across[0] + across[-1] + 1) / 2 * bone.voxel_mm, middle])
    geometry = bone.model.geometry
    point = geometry.points(place / bone.voxel_mm - 0.5)
    return FracturePlane(point, geometry.axes[:, 2] / np.linalg.norm(geometry.axes[:, 2]), hinge_share)


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


def _voxels_of(bone: BoneModel, plane: FracturePlane, off: Array, reach: float) -> Array:
    """Bone that the plane cuts, so that no voxels above and below it share a node."""
    back, front = depth_range(bone)
    middles = (np.arange(off.shape[0]) + 0.5) * bone.voxel_mm
    ahead = (middles > back + plane.hinge_share * (front - back))[:, None, None]
    return np.asarray((bone.density.array > 0) & (off > -reach - 1e-9) & (off <= reach - 1e-9) & ahead)
