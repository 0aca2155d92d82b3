"""The bone that cement flows through: permeability, porosity and ways out on one grid of voxels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spondyl.errors import InputError
from spondyl.evidence import find_parameter
from spondyl.simulation.outlets import OPEN_WALL, Outlet
from spondyl.space import Geometry, Volume, read_only

Array = NDArray[Any]
ISOTROPIC = (1.0, 1.0, 1.0)
WALL_LABEL = -1  # of an outlet that is the whole surface


@dataclass(frozen=True, eq=False)
class InjectionModel:
    """What cement can enter and where it can leave. Arrays have one value a voxel, permeability one an axis too."""

    permeability: Array  # (3, nx, ny, nz) along the axes of the grid, 0 where there is no bone to enter [m²]
    porosity: Array  # share of the voxel that marrow fills, and cement can
    outlet_labels: Array  # 0, or the number of an outlet; in the bone or just outside it
    outlets: tuple[tuple[int, Outlet], ...]
    geometry: Geometry
    marrow_viscosity_pa_s: float
    warnings: tuple[str, ...]

    def __post_init__(self) -> None:
        for name in ("permeability", "porosity", "outlet_labels"):
            object.__setattr__(self, name, read_only(getattr(self, name)))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self.__dict__.values())

    @property
    def edges_mm(self) -> tuple[float, float, float]:
        """Of a voxel."""
        a, b, c = (float(edge) for edge in self.geometry.spacing_mm)
        return a, b, c

    @property
    def bone(self) -> NDArray[np.bool_]:
        """Voxels that cement can enter."""
        return np.asarray(self.permeability[0] > 0)


def build_injection_model(
    permeability: Volume,
    porosity: Volume,
    *,
    outlet_labels: Volume | None = None,
    outlets: Mapping[int, Outlet] | None = None,
    anisotropy: tuple[float, float, float] = ISOTROPIC,
    marrow_viscosity_pa_s: float | None = None,
    wall: Outlet | None = None,
) -> InjectionModel:
    """A model of these fields.

    Parameters
    ----------
    permeability
        0 where cement cannot go. [m²]
    porosity
        On the same grid; above 0 and at most 1 wherever there is permeability.
    outlet_labels, outlets
        Voxels of each outlet by number. A labelled voxel of the bone opens its own faces that look outside; a labelled
        voxel outside opens the faces of the bone that look at it. Without any, marrow, and marrow alone, leaves
        through the whole surface.
    anisotropy
        What permeability is multiplied by along the axes of the grid.
    marrow_viscosity_pa_s
        Left out: that of human yellow marrow, marrow2011.
    wall
        What the whole surface is besides the outlets, such as `OPEN_WALL` for marrow alone; left out: closed.

    Raises
    ------
    InputError
        where grids differ, a value is impossible, or a label and its outlet do not match.
    """
    bone = _check_fields(permeability, porosity, anisotropy)
    labels, ways = _outlets(bone, outlet_labels, outlets or {}, permeability)
    marrow = _marrow() if marrow_viscosity_pa_s is None else marrow_viscosity_pa_s
    if not (np.isfinite(marrow) and marrow > 0):
        raise InputError(f"marrow has a viscosity of {marrow} Pa s; a number above 0 is expected")
    told = []
    if not ways and wall is None:
        told.append("no outlet was given: marrow leaves through the whole surface, cement nowhere; no leak can be seen")
    cut = sum(int(face.sum()) for axis in range(3) for face in (bone.take(0, axis), bone.take(-1, axis)))
    if cut:
        told.append(
            f"{cut} faces of the bone lie on the border of the image: if the image cuts the body, the cut is a wall"
        )
    return InjectionModel(
        permeability.array * np.array(anisotropy).reshape(3, 1, 1, 1),
        np.where(bone, porosity.array, 0.0),
        labels,
        (*ways, (WALL_LABEL, wall)) if wall is not None else ways or ((WALL_LABEL, OPEN_WALL),),
        permeability.geometry,
        marrow,
        tuple(told),
    )


def _check_fields(permeability: Volume, porosity: Volume, anisotropy: tuple[float, float, float]) -> NDArray[np.bool_]:
    _check_grid(permeability, porosity, "porosity")
    axes = permeability.geometry.axes
    if not np.allclose(axes.T @ axes, np.eye(3), atol=1e-3):
        raise InputError("the grid's axes are not square to one another; resample the fields to boxes first")
    k, share = permeability.array, porosity.array
    if not np.isfinite(k).all() or (k < 0).any():
        raise InputError(
            "permeability is negative or no number somewhere; m², and 0 where cement cannot go, is expected"
        )
    bone = np.asarray(k > 0)
    if not bone.any():
        raise InputError("permeability is 0 everywhere: there is no bone that cement could enter")
    if k.max() > 1e-4:
        raise InputError(
            f"permeability reaches {k.max():.3g}: in m² that is no bone (published: 3e-11 to 5e-8); "
            "was it written in mm²?"
        )
    if not (np.isfinite(share).all() and (share[bone] > 0).all() and (share[bone] <= 1).all()):
        raise InputError("porosity is not above 0 and at most 1 wherever permeability is above 0; mend either field")
    if not all(np.isfinite(factor) and factor > 0 for factor in anisotropy):
        raise InputError(f"anisotropy is {anisotropy}; three factors above 0 are expected")
    return bone


def _outlets(
    bone: NDArray[np.bool_], labels: Volume | None, outlets: Mapping[int, Outlet], permeability: Volume
) -> tuple[Array, tuple[tuple[int, Outlet], ...]]:
    if labels is None:
        if outlets:
            raise InputError(f"outlets {sorted(outlets)} have no label image; give the voxels where they open")
        return np.zeros(bone.shape, np.int32), ()
    _check_grid(permeability, labels, "outlet labels")
    array = labels.array.astype(np.int32)
    found = {int(label) for label in np.unique(array) if label != 0}
    if not found:
        raise InputError("the image of outlets holds no label other than 0; mark voxels where each outlet opens")
    if missing := sorted(found - set(outlets)):
        raise InputError(
            f"labels {missing} of the image have no outlet of that number; the outlets are {sorted(outlets)}"
        )
    if missing := sorted(set(outlets) - found):
        raise InputError(f"outlets {missing} have no voxel in the image, whose labels are {sorted(found)}")
    for label in sorted(found):
        if not (touches(array == label) & bone).any():
            raise InputError(
                f"outlet {label} ({outlets[label].name}) touches no voxel of the bone: move its label to where it opens"
            )
    return array, tuple((label, outlets[label]) for label in sorted(found))


def touches(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The voxels of a mask and those that share a face with one."""
    found = mask.copy()
    for axis in range(3):
        here, there = np.moveaxis(found, axis, 0), np.moveaxis(mask, axis, 0)
        here[1:] |= there[:-1]
        here[:-1] |= there[1:]
    return found


def _check_grid(one: Volume, other: Volume, name: str) -> None:
    if not one.geometry.is_same_grid(other.geometry):
        raise InputError(
            f"{name} and permeability lie on different grids ({other.geometry.shape} and {one.geometry.shape} voxels, "
            "or another pose); one grid is expected: resample one of them"
        )


def _marrow() -> float:
    value = find_parameter("marrow.viscosity").figure()
    assert isinstance(value, float)
    return value
