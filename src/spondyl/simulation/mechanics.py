"""How stiff and strong a vertebra is before its fracture, with it, and with cement in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spondyl.simulation.between_platens import forces_at_top, solve_voxel_model
from spondyl.simulation.bone import BoneModel
from spondyl.simulation.strength import STEPS, Strength, estimate_strength

AXIS_TO_LEFT = 1  # of a bone model's grid


@dataclass(frozen=True)
class Mechanics:
    """One state of a body between its caps."""

    strength: Strength
    left_share: float  # of the force, carried by the patient's left half while the top stays level; 0.5: even

    @property
    def stiffness_n_per_mm(self) -> float:
        """Before anything yields."""
        return self.strength.stiffness_n_per_mm

    @property
    def side_to_side(self) -> float:
        """The weaker half's share over the stronger one's; 1 where both bear alike."""
        weak, strong = sorted((self.left_share, 1 - self.left_share))
        return weak / strong


def measure_mechanics(bone: BoneModel, *, steps: int = STEPS, strength: Strength | None = None) -> Mechanics:
    """Stiffness, failure load and the share of each side of a bone model, whole, broken or filled.

    Parameters
    ----------
    strength
        From `estimate_strength` of the same model, where it was found before.

    Raises
    ------
    NotConverged
        Where a step of the load path cannot be balanced.
    """
    found = estimate_strength(bone, steps=steps) if strength is None else strength
    return Mechanics(found, left_share(bone))


def left_share(bone: BoneModel) -> float:
    """Share of the force that the patient's left half bears when the top is pressed level."""
    model = bone.model
    forces = forces_at_top(model, solve_voxel_model(model).displacement)
    top = model.platens.top
    across = np.argwhere(top)[:, AXIS_TO_LEFT].astype(float)
    pushed = np.abs(forces[model.platens.axis][top])
    middle = (across.min() + across.max()) / 2
    to_left = across > middle if _grows_to_left(bone) else across < middle
    on_line = across == middle
    return float((pushed[to_left].sum() + pushed[on_line].sum() / 2) / pushed.sum())


def _grows_to_left(bone: BoneModel) -> bool:
    """Whether that axis runs to the patient's left, as `build_bone_model` makes it; LPS: the second column's x."""
    return bool(bone.density.geometry.affine[0, AXIS_TO_LEFT] > 0)
