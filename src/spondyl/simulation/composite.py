"""Bone whose marrow is replaced by cement: its stiffness and strength, where it is filled wholly or in part.

Filled bone is as stiff as the cement between its trabeculae, less what sliding at the interface and cracks of
shrinkage take away; how much bone it holds changes nothing [1]. A voxel filled in part is taken as islands of filled
bone in bare bone (Hashin's and Shtrikman's lower bound): cement that has entered half of a voxel does not bridge it.
A cavity made by a balloon holds neat cement.

References
----------
[1] kinzl2011: the modulus of filled bone follows the cement's pores, not the share of bone.
[2] kinzl2012: loss of stiffness by contact without friction (0.2) and by shrinkage (0.24).
[3] hashin1963: Hashin, Shtrikman, "A variational approach to the theory of the elastic behaviour of multiphase
    materials", J Mech Phys Solids 11 (1963) 127-140.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spondyl.errors import InputError
from spondyl.evidence import find_parameter
from spondyl.simulation.bone import BoneModel
from spondyl.space import Geometry, Volume

Array = NDArray[Any]

ASSUMED = (
    "hardened cement: 2300 MPa (published 2000 to 2700) and a yield stress of 70 MPa; bone filled with it keeps 0.61 "
    "of both (sliding at the interface and cracks of shrinkage). It is bonded everywhere and no crack runs beside it, "
    "so a gain in strength is an upper bound; one published gain in failure load, after balloons, is 241 % (affirm)"
)


def gain_note(filled_n: float, broken_n: float, contact: tuple[float, float]) -> str:
    """What a gain in strength rests on, for the result and its picture; forces of one model, in any unit.

    `contact`: shares of the upper and the lower endplate's area that the cement lies under.
    """
    ends = [name for name, share in zip(("upper", "lower"), contact, strict=True) if share > 0]
    reach = {
        2: "it lies under both endplates, and where it is one piece it bears the load past the bone",
        1: f"it reaches the {''.join(ends)} endplate alone, so bone beyond it bears all of the load",
        0: "it reaches neither endplate, so bone at both ends bears all of the load",
    }[len(ends)]
    published = 1 + _number("height.kyphoplasty_failure_load_increase")  # 110 N held
    return (
        f"strength with cement is {filled_n / broken_n:.1f} times that of the fractured body, an upper bound: {reach}, "
        f"it is bonded everywhere, and endplates and discs cannot fail in this model (published after balloons: "
        f"{published:.1f} times, affirm)"
    )


@dataclass(frozen=True)
class HardCement:
    """Hardened cement, neat and between trabeculae. [MPa]"""

    modulus: float
    yield_stress: float
    kept: float  # of both, where it fills bone

    def __post_init__(self) -> None:
        if not (self.modulus > 0 and self.yield_stress > 0 and 0 < self.kept <= 1):
            raise InputError(
                f"hardened cement of {self.modulus:g} MPa that yields at {self.yield_stress:g} MPa and keeps "
                f"{self.kept:g} in bone: expected positive stresses and a share from 0 to 1"
            )


def acrylic() -> HardCement:
    """Acrylic bone cement by the mean of the published figures [jasper2002, walle2025, kinzl2012]."""
    kept = (1 - _number("composite.contact_softening")) * (1 - _number("composite.shrinkage_damage_softening"))
    return HardCement(_number("pmma.E"), _number("pmma_cap.yield"), kept)


def filled_with_cement(
    bone: BoneModel, saturation: Volume, *, cavity: Volume | None = None, cement: HardCement | None = None
) -> BoneModel:
    """The bone model with cement in it.

    Parameters
    ----------
    saturation
        Share of each voxel's marrow that is cement, 0 to 1, on any grid; the bone's voxels take the mean of theirs.
        Outside the bone it changes nothing: cement that leaked bears no load here.
    cavity
        Share of each voxel that is neat cement in a cavity, 0 to 1, on any grid. It is not interlocked with the bone:
        a voxel at its border is no stiffer than islands of cement in what the bone there is.

    Raises
    ------
    InputError
        For shares outside 0 to 1.
    """
    hard = acrylic() if cement is None else cement
    share = averaged_on(saturation, bone.density.geometry)
    if not (np.isfinite(share).all() and share.min() >= 0 and share.max() <= 1 + 1e-6):
        raise InputError("the share of marrow that is cement lies between 0 and 1; found other values")
    inside = bone.density.array > 0
    share = np.where(inside, share, 0.0)
    modulus, stress = partly_filled(bone.model.modulus, bone.yield_stress.array, bone.model.poisson, share, hard)
    if cavity is not None:
        neat = np.clip(averaged_on(cavity, bone.density.geometry), 0.0, 1.0) * inside
        modulus, stress = partly_filled(modulus, stress, bone.model.poisson, neat, replace(hard, kept=1.0))
    return with_fields(bone, modulus, stress)


def partly_filled(
    modulus: Array, yield_stress: Array, poisson: Array, share: Array, cement: HardCement
) -> tuple[Array, Array]:
    """Modulus and yield stress of bone of which a share is filled, any shape; bare bone stays as it is. [MPa]

    The strain at which it yields is taken as the mean of both, by volume.
    """
    whole = cement.kept * cement.modulus
    at = (share > 0) & (modulus > 0) & (modulus < whole)
    native, nu, f = modulus[at], poisson[at], share[at]
    bulk, shear = _hashin_shtrikman(native, nu, np.full_like(native, whole), f)
    mixed = 9 * bulk * shear / (3 * bulk + shear)
    strain = (1 - f) * yield_stress[at] / native + f * cement.yield_stress / cement.modulus
    out, stress = modulus.copy(), yield_stress.copy()
    out[at], stress[at] = mixed, np.maximum(yield_stress[at], mixed * strain)
    return out, stress


def with_fields(bone: BoneModel, modulus: Array, yield_stress: Array) -> BoneModel:
    """The bone model with other stiffness and strength in the voxels that bear load. [MPa]"""
    borne = bone.model.parts > 0
    model = replace(bone.model, modulus=np.where(borne, modulus, 0.0))
    stress = np.where(borne, yield_stress, bone.yield_stress.array)
    return replace(bone, model=model, yield_stress=Volume(stress, bone.yield_stress.geometry, "MPa"))


def averaged_on(field: Volume, geometry: Geometry, *, per_edge: int = 3) -> Array:
    """Mean of a field in each voxel of another grid, 0 outside the field's own grid; shape (nx, ny, nz)."""
    if geometry.is_same_grid(field.geometry):
        return np.asarray(field.array, float)
    offsets = (np.arange(per_edge) + 0.5) / per_edge - 0.5
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in geometry.shape), indexing="ij"), axis=-1)
    total = np.zeros(geometry.shape)
    for a in offsets:
        for b in offsets:
            for c in offsets:
                total += field.sample(geometry.points(grid + np.array([a, b, c])), order=0, outside=0.0)
    return total / per_edge**3


def _hashin_shtrikman(soft: Array, poisson: Array, stiff: Array, share: Array) -> tuple[Array, Array]:
    """Lower bounds of bulk and shear modulus of two phases with one Poisson's ratio [3]. [MPa]"""
    k1, g1 = soft / (3 * (1 - 2 * poisson)), soft / (2 * (1 + poisson))
    k2, g2 = stiff / (3 * (1 - 2 * poisson)), stiff / (2 * (1 + poisson))
    bulk = k1 + share / (1 / (k2 - k1) + 3 * (1 - share) / (3 * k1 + 4 * g1))
    shear = g1 + share / (1 / (g2 - g1) + 6 * (1 - share) * (k1 + 2 * g1) / (5 * g1 * (3 * k1 + 4 * g1)))
    return bulk, shear


def _number(name: str) -> float:
    value = find_parameter(name).value
    assert isinstance(value, int | float)
    return float(value)
