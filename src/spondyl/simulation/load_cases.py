"""Named ways to press a vertebra: along its axis, or with the line of force moved to one side of its top."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from spondyl.errors import InputError
from spondyl.simulation.between_platens import pushed_off_middle
from spondyl.simulation.bone import BoneModel

ECCENTRICITY_MM = 5.0  # a sixth of a body's depth, where an even block would bear nothing at its far edge: our choice


class LoadCase(StrEnum):
    """Where the force goes down, for the patient."""

    AXIAL = "axial"
    FLEXION = "flexion"  # in front of the middle
    EXTENSION = "extension"  # behind it
    LEFT = "left"  # bent to the patient's left
    RIGHT = "right"


_DIRECTIONS = {  # of the offset, to the front and to the left
    LoadCase.AXIAL: (0.0, 0.0),
    LoadCase.FLEXION: (1.0, 0.0),
    LoadCase.EXTENSION: (-1.0, 0.0),
    LoadCase.LEFT: (0.0, 1.0),
    LoadCase.RIGHT: (0.0, -1.0),
}


def find_load_case(name: str) -> LoadCase:
    """The case of this name; an `InputError` that names the known ones."""
    if name not in set(LoadCase):
        raise InputError(f"there is no load case '{name}'; the cases are {', '.join(LoadCase)}")
    return LoadCase(name)


def loaded_as(bone: BoneModel, case: LoadCase, *, eccentricity_mm: float = ECCENTRICITY_MM) -> BoneModel:
    """The bone with its top tilted so that, while nothing yields, the line of force is so far off its middle.

    Neither end slides, so the moment falls from the top down: a body as wide as high has about half of it left at its
    middle. The tilt keeps its ratio to the shortening of the middle; where bone yields, the line of force wanders
    (`PlatenResponse.offset_mm` says to where). Tilting changes the linear answer, so the maps of `linear_estimates`
    do not hold any more.

    Raises
    ------
    InputError
        Where the force would pass beside the top.
    """
    front, left = _DIRECTIONS[case]
    if not (front or left):
        return bone
    return replace(bone, model=pushed_off_middle(bone.model, (front * eccentricity_mm, left * eccentricity_mm)))
