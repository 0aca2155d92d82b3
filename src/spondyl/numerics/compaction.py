"""Where the mass of bone goes that a cavity pushes aside: into a shell, and onto the grid after it has moved."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.errors import InputError
from spondyl.numerics.elasticity import CORNERS

Array = NDArray[Any]
Mask = NDArray[np.bool_]

_SAMPLES = 5  # points along each edge of a voxel when it is laid onto the grid
_SWEEPS = 200  # of smoothing displacements into a cavity


def pack_shell(density: Array, cavity: Mask, packed: float, edge: float) -> Array:
    """The density after a cavity's bone has been packed around it, nearest voxels first; mass is kept.

    Around a sphere in even bone this is a shell of outer radius a (1 - ρ0 / ρ_packed)^(-1/3).

    Parameters
    ----------
    density
        0 where there is no bone to pack into.
    packed
        What bone is packed to; denser voxels take nothing.
    edge
        Of a voxel. [mm]

    Raises
    ------
    InputError
        Where all bone is packed and some is left.
    """
    mass = float(density[cavity].sum())
    result = np.where(cavity, 0.0, density)
    room = np.where(result > 0, np.clip(packed - result, 0.0, None), 0.0)
    distance = np.round(ndimage.distance_transform_edt(~cavity, sampling=edge), 6)
    steps, place = np.unique(distance, return_inverse=True)
    within = np.bincount(place.ravel(), weights=room.ravel(), minlength=len(steps))
    before = np.concatenate([[0.0], np.cumsum(within)[:-1]])
    share = np.clip(np.divide(mass - before, within, out=np.zeros_like(within), where=within > 0), 0.0, 1.0)
    if mass > within.sum() * (1 + 1e-12):
        raise InputError("there is no room for the bone of the cavity: all around it is packed already")
    return np.asarray(result + share[place].reshape(density.shape) * room)


def filled_in(displacement: Array, known: Mask) -> Array:
    """Displacements carried on smoothly to nodes that are not known, shape (3, nx+1, ny+1, nz+1)."""
    nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    result = displacement[(slice(None), *nearest)]
    near = ndimage.binary_dilation(known, iterations=8) & ~known
    box = ndimage.find_objects(near.astype(np.uint8))
    if not box:
        return np.asarray(result)
    inside = tuple(slice(max(part.start - 1, 0), part.stop + 1) for part in box[0])
    part, moving = result[(slice(None), *inside)], near[inside]
    for _ in range(_SWEEPS):
        padded = np.pad(part, ((0, 0), (1, 1), (1, 1), (1, 1)), mode="edge")
        mean = sum(np.roll(padded, shift, axis) for axis in (1, 2, 3) for shift in (-1, 1)) / 6
        part = np.where(moving, np.asarray(mean)[:, 1:-1, 1:-1, 1:-1], part)
    result[(slice(None), *inside)] = part
    return np.asarray(result)


def laid_on_grid(amount: Array, displacement: Array, edge: float, *, as_volume: bool = False) -> Array:
    """Amounts of voxels laid onto the grid where they have moved to; their sum is kept.

    Parameters
    ----------
    amount
        Of each voxel, spread evenly over it, shape (nx, ny, nz).
    displacement
        Of the nodes. [mm]
    as_volume
        Multiply by how much each place has been stretched: what had a volume gets its new one.
    """
    shape = np.array(amount.shape)
    voxels = np.argwhere(amount != 0)
    values = amount[tuple(voxels.T)]
    corners = np.stack([displacement[(slice(None), *(voxels + corner).T)].T / edge + corner for corner in CORNERS])
    result = np.zeros(int(shape.prod()))
    for place in np.stack(np.meshgrid(*[(np.arange(_SAMPLES) + 0.5) / _SAMPLES] * 3), axis=-1).reshape(-1, 3):
        weights = np.prod(np.where(CORNERS == 1, place, 1 - place), axis=1)
        there = np.floor(voxels + np.tensordot(weights, corners, 1)).astype(int)
        np.clip(there, 0, shape - 1, out=there)
        told = values / _SAMPLES**3
        if as_volume:
            told = told * _stretch(corners, place)
        result += np.bincount(np.ravel_multi_index(there.T, amount.shape), weights=told, minlength=len(result))
    return result.reshape(amount.shape)


def stretch_of(displacement: Array, edge: float) -> Array:
    """Volume of each voxel in its middle over what it was, shape (nx, ny, nz); `displacement` is of the nodes. [mm]"""
    shape = tuple(n - 1 for n in displacement.shape[1:])
    voxels = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1).reshape(-1, 3)
    corners = np.stack([displacement[(slice(None), *(voxels + corner).T)].T / edge + corner for corner in CORNERS])
    return _stretch(corners, np.full(3, 0.5)).reshape(shape)


def _stretch(corners: Array, place: Array) -> Array:
    """Determinant of the map of each voxel's unit cube at a place in it."""
    signs = 2.0 * CORNERS - 1
    sides = np.where(CORNERS == 1, place, 1 - place)
    slopes = np.stack([signs[:, a] * sides[:, (a + 1) % 3] * sides[:, (a + 2) % 3] for a in range(3)])
    return np.asarray(np.linalg.det(np.einsum("ac,cnb->nab", slopes, corners)))
