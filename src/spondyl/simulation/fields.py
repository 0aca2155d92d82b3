"""What a displaced voxel model carries within: strain, stress and energy of each voxel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spondyl.numerics.elasticity import CORNERS, centre_strain, element_matrices, stress, voxel_volume
from spondyl.simulation.between_platens import PlatenResponse
from spondyl.simulation.bone import BoneModel
from spondyl.simulation.voxel_model import VoxelModel
from spondyl.space import Volume
from spondyl.space.arrays import read_only
from spondyl.spine import Level

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class VoxelFields:
    """Fields of a linear answer, 0 where nothing bears load. Tensors are xx, yy, zz, yz, xz, xy in the grid's axes."""

    displacement: Array  # of the voxel's middle, in the grid's axes, (3, nx, ny, nz) [mm]
    strain: Array  # at the voxel's middle, shears not doubled, (6, nx, ny, nz)
    von_mises: Array  # of the stress at the voxel's middle [MPa]
    energy_density: Array  # strain energy of the voxel over its volume [MPa]

    def __post_init__(self) -> None:
        for name in self.__dict__:
            object.__setattr__(self, name, read_only(getattr(self, name)))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self.__dict__.values())


def measure_fields(model: VoxelModel, displacement: Array) -> VoxelFields:
    """The fields of nodal displacements, shape (3, nx+1, ny+1, nz+1). [mm]"""
    borne = model.parts > 0
    strain = np.where(borne, centre_strain(displacement, model.edges), 0.0)
    local = _local(displacement, model.parts.shape)
    middle = np.where(borne, local.reshape(8, 3, *borne.shape).mean(axis=0), 0.0)
    coefficients = model.coefficients
    matrices = element_matrices(2, model.edges)
    energy, moved = np.zeros(borne.shape), local[:, borne]
    for matrix, coefficient in zip(matrices, coefficients, strict=True):
        energy[borne] += coefficient[borne] * np.einsum("an,an->n", moved, matrix @ moved) / 2
    halved = np.array([1.0, 1.0, 1.0, 0.5, 0.5, 0.5]).reshape(6, 1, 1, 1)
    return VoxelFields(
        middle, strain * halved, _von_mises(stress(coefficients, strain)), energy / voxel_volume(model.edges)
    )


@dataclass(frozen=True, eq=False)
class PressedFields:
    """What the bone of a vertebra carries at the end of its load path; 0 outside bone.

    Grid axes run to the front, to the left and to the head of the vertebra.
    """

    level: Level
    least_strain: Volume  # the least principal strain at the voxel's middle; negative is shortening
    lasting_strain: Volume  # accumulated plastic strain: where it is above 0, bone gave way

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self.__dict__.values())


def measure_pressed(bone: BoneModel, path: PlatenResponse) -> PressedFields:
    """Strain and lasting strain of the bone, caps left out, at the end of a load path of `press_bone`."""
    assert path.plastic_strain is not None
    inside = (bone.density.array > 0) & (bone.model.parts > 0)
    strain = measure_fields(bone.model, path.displacement).strain[:, inside]
    least, lasting = np.zeros((2, *inside.shape), np.float32)
    least[inside] = np.linalg.eigvalsh(strain[_MATRIX].T.reshape(-1, 3, 3))[:, 0]
    lasting[inside] = path.plastic_strain[inside]
    geometry = bone.model.geometry
    return PressedFields(bone.level, Volume(least, geometry, "1"), Volume(lasting, geometry, "1"))


_MATRIX = [0, 5, 4, 5, 1, 3, 4, 3, 2]  # xx, yy, zz, yz, xz, xy as the rows of a matrix


def _local(displacement: Array, shape: tuple[int, ...]) -> Array:
    """Displacements of each voxel's corners, corner by corner, shape (24, nx, ny, nz)."""
    a, b, c = shape
    return np.concatenate([displacement[:, i : i + a, j : j + b, k : k + c] for i, j, k in CORNERS])


def _von_mises(tensor: Array) -> Array:
    xx, yy, zz, yz, xz, xy = tensor
    normal = (xx - yy) ** 2 + (yy - zz) ** 2 + (zz - xx) ** 2
    return np.asarray(np.sqrt(normal / 2 + 3 * (yz**2 + xz**2 + xy**2)))
