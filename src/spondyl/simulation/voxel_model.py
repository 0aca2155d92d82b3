"""A voxel model with its material and its two platens, ready to be solved or written for another program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.errors import InputError
from spondyl.evidence import find_parameter
from spondyl.numerics.elasticity import isotropic
from spondyl.simulation.platens import LoadPath, Platens, find_load_path, find_platens
from spondyl.space import Geometry, Volume
from spondyl.space.arrays import read_only

Array = NDArray[Any]

# Of the height: areas and lengths then change by about as much, and the forces with them. A choice; handbook 2 says
# small strains and no limit.
SMALL_STRAIN = 0.05


@dataclass(frozen=True, eq=False)
class VoxelModel:
    """What bears load between two platens, and how the top one is moved. Arrays have one value a voxel."""

    modulus: Array  # 0 where nothing bears load [MPa]
    poisson: Array
    parts: Array  # numbers of the parts that bear load, 0 elsewhere
    platens: Platens
    geometry: Geometry
    displacement_mm: float  # of the middle of the top along the axis, to larger indices
    lateral: str  # "free" or "held"
    warnings: tuple[str, ...]  # of what was left out
    tilt: tuple[float, float] = (0.0, 0.0)  # of the top, as in `Platens.moved` [1/mm]

    def __post_init__(self) -> None:
        for name in ("modulus", "poisson", "parts"):
            object.__setattr__(self, name, read_only(getattr(self, name)))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self.__dict__.values())

    @property
    def edges(self) -> tuple[float, float, float]:
        """Of a voxel. [mm]"""
        a, b, c = (float(edge) for edge in self.geometry.spacing_mm)
        return a, b, c

    @property
    def box(self) -> tuple[slice, slice, slice]:
        """The smallest block of voxels that holds all that bears load."""
        i, j, k = ndimage.find_objects((self.parts > 0).astype(np.uint8))[0]
        return i, j, k

    @property
    def coefficients(self) -> Array:
        """λ and μ of each voxel, shape (2, nx, ny, nz). [MPa]"""
        return isotropic(self.modulus, self.poisson)


def build_voxel_model(
    modulus: Volume,
    platens: Volume,
    *,
    top: int,
    bottom: int,
    displacement_mm: float,
    lateral: str,
    poisson: Volume | float | None = None,
    axis: int = 2,
) -> VoxelModel:
    """A model of these fields; the parameters and errors are those of `load_between_platens`."""
    _check(modulus, platens, poisson, displacement_mm, lateral)
    ratio = np.broadcast_to(_ratio(poisson), modulus.array.shape)
    isotropic(modulus.array, ratio)  # refuses what is no material
    solid = modulus.array > 0
    found = find_platens(platens.array, solid, top=top, bottom=bottom, axis=axis)
    path = find_load_path(solid, found)
    borne = path.parts > 0
    return VoxelModel(
        np.where(borne, modulus.array, 0.0),
        np.where(borne, ratio, 0.0),
        path.parts,
        found,
        modulus.geometry,
        displacement_mm,
        lateral,
        _warnings(path),
    )


def beyond_small_strain(model: VoxelModel, displacement_mm: float) -> tuple[str, ...]:
    """A warning where the top, moved by this, shortens or lengthens the model anywhere by more than `SMALL_STRAIN`.

    Displacements and strains are taken as small: what is told stays in proportion, and no area or length changes.
    """
    axis = model.platens.axis
    height = model.edges[axis] * (model.box[axis].stop - model.box[axis].start)
    largest = float(np.abs(model.platens.moved(displacement_mm, model.tilt, model.edges)).max()) / height
    if largest <= SMALL_STRAIN:
        return ()
    return (
        f"the top moves by {100 * largest:.3g} % of the model's height of {height:.4g} mm; strains are taken as small, "
        f"which holds to some {100 * SMALL_STRAIN:.0f} %: forces and fields there are a sign, not a size (the first "
        "stiffness holds)",
    )


def _check(
    modulus: Volume, platens: Volume, poisson: Volume | float | None, displacement_mm: float, lateral: str
) -> None:
    for name, other in (("platens", platens), ("Poisson's ratio", poisson)):
        if isinstance(other, Volume) and not modulus.geometry.is_same_grid(other.geometry):
            raise InputError(
                f"{name} and modulus lie on different grids ({other.geometry.shape} and {modulus.geometry.shape} "
                "voxels, or another pose); one grid is expected: resample one of them"
            )
    if not np.isfinite(displacement_mm) or displacement_mm == 0:
        raise InputError(f"the displacement is {displacement_mm} mm; a number other than 0 is expected")
    if lateral not in ("free", "held"):
        raise InputError(f"lateral is '{lateral}'; 'free' or 'held' is expected")


def _ratio(poisson: Volume | float | None) -> Array | float:
    if isinstance(poisson, Volume):
        return poisson.array
    if poisson is not None:
        return poisson
    value = find_parameter("poisson.bone").value
    assert isinstance(value, float)
    return value


def _warnings(path: LoadPath) -> tuple[str, ...]:
    told = []
    if path.floating_voxels:
        told.append(f"{path.floating_voxels} voxels touch nothing that reaches a platen: left out, they bear nothing")
    if path.hanging_voxels:
        told.append(f"{path.hanging_voxels} voxels are joined to one platen only: left out, they bear nothing")
    return tuple(told)
