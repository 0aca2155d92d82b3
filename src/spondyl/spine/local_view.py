"""Vertebrae seen along their own axes: rough axes from the whole spine, and the mask on a 1 mm grid along them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.errors import InputError
from spondyl.space import Floats, Frame, Geometry, Volume, contained_along, sample_along
from spondyl.spine.centres import block_mean, rough_centre

_STEP_MM = 1.0
_CRANIAL_MM = (-36.0, 36.0)  # of the grid: any adult body, its pedicles and laminae; tips of processes may be missing
_ANTERIOR_MM = (-62.0, 36.0)
_LEFT_MM = (-40.0, 40.0)
_COLUMN_MM = 5.0  # around the axis: whether the body is here is asked of this column
_CAVITY = 5  # half height of a cavity or notch of the mask that does not end the body. [steps of the grid]
_ARM_MM = 4.0  # from a body's centre to that of its whole mask; shorter: there is no arch to tell front from back


@dataclass(frozen=True, eq=False)
class LocalView:
    """A mask on a grid along a frame's axes: index order (cranial, anterior, left), 1 mm."""

    frame: Frame
    cranial_mm: Floats
    anterior_mm: Floats
    left_mm: Floats
    bone: NDArray[np.bool_]
    unseen: NDArray[np.bool_]  # beyond the image

    def level_range(self) -> tuple[float, float]:
        """Bottom and top of the body along its axis through the frame's origin. [mm]"""
        near = np.hypot(self.anterior_mm[:, None], self.left_mm) <= _COLUMN_MM
        inside = self.bone[:, near].mean(axis=1) > 0.5
        inside |= ndimage.binary_closing(np.pad(inside, _CAVITY), iterations=_CAVITY)[_CAVITY:-_CAVITY]
        pieces, count = ndimage.label(inside)
        if count == 0:
            return -3.0, 3.0
        distance = ndimage.minimum(np.abs(self.cranial_mm), pieces, np.arange(1, count + 1))
        run = self.cranial_mm[pieces == int(np.argmin(distance)) + 1]
        return float(run[0]), float(run[-1])

    def at(self, local: Floats) -> Floats:
        """Fractional grid indices of local coordinates, shape (..., 3)."""
        return np.asarray(local - np.array([self.cranial_mm[0], self.anterior_mm[0], self.left_mm[0]]))


def view_along(mask: Volume, frame: Frame, image: Geometry) -> LocalView:
    """The mask along the axes of a frame; `image` is the whole label image, beyond which nothing is known."""
    axes = [np.arange(low, high + _STEP_MM / 2, _STEP_MM) for low, high in (_CRANIAL_MM, _ANTERIOR_MM, _LEFT_MM)]
    share = sample_along(block_mean(mask, _STEP_MM), frame, axes)
    return LocalView(frame, axes[0], axes[1], axes[2], share > 0.5, ~contained_along(image, frame, axes))


def rough_frames(masks: Sequence[Volume], whole: Sequence[bool]) -> tuple[Frame, ...]:
    """Rough axes of vertebrae from head to foot: cranial along the neighbours' chord, anterior away from the arch.

    Parameters
    ----------
    masks
        Whole vertebrae or bodies, from head to foot.
    whole
        Whether each is whole; a cut one has its centre in the wrong place and takes the direction of its neighbours.

    Raises
    ------
    InputError
        If the arches lie in front of the bodies: the labels are flipped.
    """
    centres = np.array([rough_centre(mask) for mask in masks])
    cranial = _tangents(centres, np.asarray(whole, bool))
    arms = [_arm(mask, centre, up) for mask, centre, up in zip(masks, centres, cranial, strict=True)]
    _refuse_flipped(arms)
    known = [arm for arm in arms if np.linalg.norm(arm) >= _ARM_MM]
    usual = np.mean(known, axis=0) if known else np.array([0.0, 1.0, 0.0])  # the patient's back
    backs = [arm if np.linalg.norm(arm) >= _ARM_MM else usual for arm in arms]
    return tuple(Frame.from_directions(c, u, -b) for c, u, b in zip(centres, cranial, backs, strict=True))


def _tangents(centres: Floats, whole: NDArray[np.bool_]) -> Floats:
    """Unit vector to the head at each centre."""
    used = np.flatnonzero(whole) if whole.sum() >= 2 else np.arange(len(centres))
    if len(used) < 2:
        return np.tile([0.0, 0.0, 1.0], (len(centres), 1))
    found = np.empty((len(used), 3))
    for i in range(len(used)):
        above, below = used[max(i - 1, 0)], used[min(i + 1, len(used) - 1)]
        found[i] = centres[above] - centres[below]
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    nearest = np.abs(np.arange(len(centres))[:, None] - used).argmin(axis=1)
    return np.asarray(found[nearest])


def _arm(mask: Volume, centre: Floats, cranial: Floats) -> Floats:
    """From the body's centre to that of the whole mask, square to the cranial direction: towards the arch. [mm]"""
    arm = mask.geometry.points(ndimage.center_of_mass(mask.array)) - centre
    return np.asarray(arm - (arm @ cranial) * cranial)


def _refuse_flipped(arms: Sequence[Floats]) -> None:
    forward = [arm[1] < 0 for arm in arms if np.linalg.norm(arm) >= _ARM_MM]
    if forward and 2 * sum(forward) > len(forward):
        raise InputError(
            f"the arches of {sum(forward)} of {len(forward)} vertebrae lie in front of their bodies: the label image "
            "is flipped from front to back, or its orientation was lost. Give the labels in the orientation of the CT"
        )
