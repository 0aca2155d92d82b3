"""A vertebra that is broken: stiffness lost in its bone, and the plane in which its front has come apart.

Pressed, the plane is closed, so strength and creep see the lost stiffness alone; a balloon opens the plane, and bends
what is left whole behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spondyl.simulation.bone import BoneModel
from spondyl.simulation.composite import with_fields
from spondyl.simulation.damage import Damage, damaged, no_damage
from spondyl.simulation.fracture import HINGE_SHARE, FracturePlane, middle_plane, parted_shares
from spondyl.space import read_only

Array = NDArray[Any]
PLANE_ASSUMED = (
    "the fracture plane is assumed: no CT shows which part of the bone still holds; the front {share:.0%} of the depth "
    "have come apart at mid-height. On one wedge in voxels of 2 mm a hinge of 8 mm kept next to nothing of the lift "
    "under load and one of 14 mm nine tenths of that without; the experiment that the hinge is set on cannot tell them "
    "apart, and cadavers kept three tenths (affirm, belkoff_ibt): what is kept under load is not told by this model"
)


@dataclass(frozen=True, eq=False)
class BrokenBody:
    """A bone model and what is broken in it. Arrays have one value a voxel of the model's grid."""

    bone: BoneModel  # whole: the shape and density of the CT, no cracks
    damage: Damage
    plane: FracturePlane | None  # None: nothing has come apart, for comparison
    parted_share: Array  # of each voxel, one layer thick where the plane lies along the grid; less than 1 at the hinge
    assumptions: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parted_share", read_only(self.parted_share, np.float64))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self.__dict__.values())

    @property
    def parted(self) -> Array:
        """Voxels that the plane parts wholly, bool."""
        return np.asarray(np.asarray(self.parted_share) == 1)

    @property
    def opened_bone(self) -> BoneModel:
        """As pressed, but the column where the hinge ends bears with the part of it that is whole.

        Wholly parted voxels keep what they bear when they are pressed.
        """
        pressed, share = self.pressed_bone, np.asarray(self.parted_share)
        whole = np.where(share < 1, 1 - share, 1.0)
        return with_fields(pressed, pressed.model.modulus * whole, pressed.yield_stress.array * whole)

    @property
    def pressed_bone(self) -> BoneModel:
        """The model with its lost stiffness and its plane closed."""
        return damaged(self.bone, np.asarray(self.damage.field))


def break_bone(
    bone: BoneModel,
    damage: Damage | None = None,
    *,
    plane: FracturePlane | None = None,
    hinge_share: float = HINGE_SHARE,
) -> BrokenBody:
    """The bone with a plane that bears no tension, and with the stiffness that it has lost.

    No CT shows which struts still hold, so the plane is assumed where none is given. It is a plane in mm, whatever the
    voxels. Contact closes it under compression, without friction.

    Parameters
    ----------
    damage
        From `damage_by_loading`; left out: none.
    plane
        Left out: square to the cranial axis, at mid-height.
    hinge_share
        Of the depth that stays whole at the back, where the plane is left out.

    Raises
    ------
    InputError
        For a plane that misses the body or is steeper than 45 degrees.
    """
    chosen = plane or middle_plane(bone, hinge_share)
    told = () if plane is not None else (PLANE_ASSUMED.format(share=1 - chosen.hinge_share),)
    lost = no_damage(bone) if damage is None else damage
    return BrokenBody(bone, lost, chosen, parted_shares(bone, chosen), told)


def whole_bone(bone: BoneModel) -> BrokenBody:
    """The bone with nothing broken: what a balloon cannot lift."""
    return BrokenBody(bone, no_damage(bone), None, np.zeros(bone.density.array.shape), ())
