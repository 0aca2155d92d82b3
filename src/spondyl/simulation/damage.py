"""A body that has broken: stiffness lost where it yielded, as much in all as bodies lose when they are crushed.

A CT shows the shape and the density of a broken body, not the cracks that make it soft. So the cracks are put where
the model of the whole body yields when it is pressed to 2 % of its height, D = D_m (1 - exp(-κ / κ_d)), and D_m is
set by the mean loss of stiffness of 21 third lumbar bodies that were crushed and pressed again (case E02, calibration).
The yield stress is left as it was: how much strength the damaged body keeps is then an outcome, not an input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spondyl.errors import InputError
from spondyl.numerics.equilibrium import conjugate_gradients
from spondyl.numerics.plasticity import YieldLaw
from spondyl.simulation.between_platens import PlatenResponse, solve_voxel_model
from spondyl.simulation.bone import BoneModel
from spondyl.simulation.composite import with_fields
from spondyl.space.arrays import read_only

Array = NDArray[Any]

STIFFNESS_LEFT = 0.47  # of the whole body's, E02 [wegrzyn2011]: 53 % lost, standard deviation 18 %
MOST = 0.99  # damage of any voxel: none is taken out of the model
ASSUMED = (
    "fresh fracture: the body has lost 53 % of its stiffness, the mean of bodies crushed in the laboratory (standard "
    "deviation 18 %), where the model of the whole body yields; the CT does not show how much this one has lost. The "
    "model keeps its strength; those bodies had lost 11 % of it (standard deviation 19 %)"
)
_CLOSE = 0.01  # of the stiffness that is asked for
_TRIES = 12
_QUICK = conjugate_gradients(rtol=1e-5)  # a stiffness to 1e-5 or better: the energy's error is about its square


@dataclass(frozen=True, eq=False)
class Damage:
    """Damage of each voxel and what is left of the body's stiffness."""

    field: Array  # 0 (whole) to 0.99, (nx, ny, nz)
    stiffness_left: float  # of the whole body's
    reached: bool  # whether the stiffness that was asked for came out

    def __post_init__(self) -> None:
        object.__setattr__(self, "field", read_only(self.field, np.float64))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self.__dict__.values())


def damage_by_loading(bone: BoneModel, path: PlatenResponse, *, stiffness_left: float = STIFFNESS_LEFT) -> Damage:
    """Damage of a body that was pressed along this path until so much of its stiffness is left.

    Parameters
    ----------
    path
        From `press_bone`.
    stiffness_left
        Share of the whole body's stiffness between its caps, above 0 and at most 1.

    Raises
    ------
    InputError
        For a share outside 0 to 1, or a path without yielding.
    """
    if not 0 < stiffness_left <= 1:
        raise InputError(
            f"a share of {stiffness_left:g} of the stiffness is to be left: expected more than 0, at most 1"
        )
    if path.plastic_strain is None:
        raise InputError("damage follows yielding: give the load path of `press_bone`, not a linear answer")
    of_bone = bone.density.array > 0
    shape = np.where(of_bone, YieldLaw(damage_limit=MOST).damage(path.plastic_strain), 0.0) / MOST
    whole = _stiffness(bone)
    if stiffness_left == 1 or not shape.any():
        return Damage(np.zeros_like(shape), 1.0, stiffness_left == 1)
    low, high, found, left = 0.0, MOST, MOST, _stiffness(damaged(bone, MOST * shape)) / whole
    if left > stiffness_left:
        return Damage(MOST * shape, left, reached=False)
    for _ in range(_TRIES):
        found = (low + high) / 2
        left = _stiffness(damaged(bone, found * shape)) / whole
        if abs(left - stiffness_left) <= _CLOSE * stiffness_left:
            break
        low, high = (found, high) if left > stiffness_left else (low, found)
    return Damage(found * shape, left, reached=True)


def no_damage(bone: BoneModel) -> Damage:
    """All stiffness is left."""
    return Damage(np.zeros(bone.density.array.shape), 1.0, reached=True)


def damaged(bone: BoneModel, field: Array) -> BoneModel:
    """The bone model with (1 - D) of its modulus and its old yield stress."""
    return with_fields(bone, bone.model.modulus * (1 - field), bone.yield_stress.array)


def _stiffness(bone: BoneModel) -> float:
    return solve_voxel_model(bone.model, solver=_QUICK).stiffness_n_per_mm
