"""From slices to a grid: order, spacing, gaps, duplicates, tilt.

Only positions count, never file names or SliceThickness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spondyl.errors import InputError
from spondyl.space import Floats, Geometry
from spondyl.studies.dicom_headers import SliceHeader

SAME_PLACE_MM = 0.005  # closer slices lie in one place: DICOM positions carry at least two decimals
OFF_GRID_MM = 0.11  # positions rounded to one decimal lie up to 0.1 mm from the line between two of them
GAP_STEPS = 1.5  # a step longer than this many usual steps means a missing slice
SHEAR_FREE_MM = 0.11  # sideways drift over the whole stack that rounding explains


@dataclass(frozen=True, eq=False)
class Stack:
    """Slices in order along their normal, one for each place, and the grid they form."""

    slices: tuple[SliceHeader, ...]
    first_position: Floats  # (3,), patient mm
    step: Floats  # (3,), from slice to slice; not along the normal when the gantry was tilted
    duplicates: tuple[tuple[int, SliceHeader], ...] = ()  # (index of the slice that is kept, the other at its place)

    @property
    def normal(self) -> Floats:
        """Unit normal of the slices."""
        return self.slices[0].normal

    @property
    def spacing_mm(self) -> float:
        """Distance of neighbouring slices along the normal."""
        return float(self.step @ self.normal)

    @property
    def drift(self) -> Floats:
        """Sideways part of the step, within the slice plane: (along columns' index i, along rows' index j). [mm]"""
        head = self.slices[0]
        assert head.row_direction is not None and head.column_direction is not None
        return np.array([self.step @ head.row_direction, self.step @ head.column_direction])

    @property
    def is_sheared(self) -> bool:
        """Whether the slices drift sideways, as they do when the gantry was tilted."""
        return bool(np.abs(self.drift).max() * (len(self.slices) - 1) > SHEAR_FREE_MM)

    @property
    def tilt_deg(self) -> float:
        """Angle between the line of the slices and their normal."""
        return float(np.degrees(np.arctan2(np.linalg.norm(self.drift), self.spacing_mm)))

    def geometry(self) -> Geometry:
        """Grid of an unsheared stack: indices (column, row, slice)."""
        head = self.slices[0]
        assert head.row_direction is not None and head.column_direction is not None
        assert head.pixel_spacing_mm is not None
        affine = np.eye(4)
        affine[:3, 0] = head.row_direction * head.pixel_spacing_mm[1]
        affine[:3, 1] = head.column_direction * head.pixel_spacing_mm[0]
        affine[:3, 2] = self.normal * self.spacing_mm
        affine[:3, 3] = self.first_position
        rows, columns = head.shape
        return Geometry(affine, (columns, rows, len(self.slices)), head.text("FrameOfReferenceUID"))


def build_stack(slices: Sequence[SliceHeader]) -> Stack:
    """Order the slices and check that they form one regular grid.

    Refused: several matrix or pixel sizes, several frames of reference, a gap, irregular spacing, slices that jump
    sideways. Slices in one place are set aside for a comparison of their pixels (`Stack.duplicates`).
    """
    _check_alike(slices)
    ordered, duplicates = _order(slices)
    places = np.array([_position(s) for s in ordered])
    along = places @ ordered[0].normal
    _check_steps(along)
    step = (places[-1] - places[0]) / (len(places) - 1)
    off = places - (places[0] + np.arange(len(places))[:, None] * step)
    _check_regular(off, ordered[0].normal)
    return Stack(ordered, places[0], step, duplicates)


def _position(header: SliceHeader) -> Floats:
    assert header.position is not None
    return header.position


def _check_alike(slices: Sequence[SliceHeader]) -> None:
    shapes = sorted({s.shape for s in slices})
    if len(shapes) > 1:
        raise InputError(
            f"the slices of this series have different matrix sizes ({_list(shapes)}); one size is expected: give a "
            "folder with one reconstruction"
        )
    sizes = sorted({tuple(round(x, 4) for x in s.pixel_spacing_mm or ()) for s in slices})
    if len(sizes) > 1:
        raise InputError(
            f"the slices of this series have different pixel sizes ({_list(sizes)} mm); one size is expected: give a "
            "folder with one reconstruction"
        )
    frames = {s.text("FrameOfReferenceUID") for s in slices} - {None}
    if len(frames) > 1:
        raise InputError(
            f"the slices of this series belong to {len(frames)} frames of reference; one is expected: they were not "
            "acquired together, give a folder with one acquisition"
        )


def _list(values: Sequence[tuple[object, ...]]) -> str:
    return ", ".join(" x ".join(str(v) for v in value) for value in values)


def _order(slices: Sequence[SliceHeader]) -> tuple[tuple[SliceHeader, ...], tuple[tuple[int, SliceHeader], ...]]:
    """Slices by place along the normal of the first; further ones in the same place apart."""
    normal = slices[0].normal
    kept: list[SliceHeader] = []
    doubled: list[tuple[int, SliceHeader]] = []
    for header in sorted(slices, key=lambda s: (float(_position(s) @ normal), s.source.name, s.frame or 0)):
        if kept and float((_position(header) - _position(kept[-1])) @ normal) <= SAME_PLACE_MM:
            doubled.append((len(kept) - 1, header))
        else:
            kept.append(header)
    # One normal for all: headers round each slice's own, which would tilt the planes against one another.
    head = slices[0]
    same = tuple(replace(s, row_direction=head.row_direction, column_direction=head.column_direction) for s in kept)
    return same, tuple(doubled)


def _check_steps(along: Floats) -> None:
    steps = np.diff(along)
    usual = float(np.median(steps))
    wide = np.flatnonzero(steps > GAP_STEPS * usual)
    if not wide.size:
        return
    told = ", ".join(f"{along[n]:.2f} and {along[n + 1]:.2f} mm" for n in wide[:5])
    more = f" and {wide.size - 5} more places" if wide.size > 5 else ""
    raise InputError(
        f"slices are missing between the positions {told}{more} along the slice normal (steps of "
        f"{steps[wide].max():.2f} mm, usually {usual:.2f} mm); a stack without gaps is "
        "expected: export the whole series"
    )


def _check_regular(off: Floats, normal: Floats) -> None:
    along = np.abs(off @ normal).max()
    sideways = np.linalg.norm(off - np.outer(off @ normal, normal), axis=1).max()
    if along > OFF_GRID_MM:
        raise InputError(
            f"the slices are irregularly spaced (up to {along:.2f} mm away from a regular grid); equal steps within "
            f"{OFF_GRID_MM} mm are expected: give one reconstruction with equal steps, not several joined"
        )
    if sideways > OFF_GRID_MM:
        raise InputError(
            f"slices jump sideways by up to {sideways:.2f} mm; a straight stack is expected: give one acquisition with "
            "one field of view"
        )


def straightened(values: NDArray[np.generic], stack: Stack, outside: float) -> tuple[NDArray[np.generic], Geometry]:
    """An orthogonal grid for a sheared stack.

    Each slice keeps its plane and is shifted within it, so nothing is blurred across slices; values between pixels
    are linear. The grid grows so that no pixel is lost, and holds `outside` where there was none.

    Parameters
    ----------
    values
        Shape (columns, rows, slices).
    """
    head = stack.slices[0]
    assert head.pixel_spacing_mm is not None
    pixel = np.array([head.pixel_spacing_mm[1], head.pixel_spacing_mm[0]])
    shift = np.arange(values.shape[2])[:, None] * stack.drift / pixel  # (slices, 2), in pixels
    low = np.floor(shift.min(axis=0)).astype(int)
    grown = np.array(values.shape[:2]) + np.ceil(shift.max(axis=0)).astype(int) - low
    out = np.full((*grown, values.shape[2]), outside, values.dtype)
    for k in range(values.shape[2]):
        out[:, :, k] = _shifted(values[:, :, k], shift[k] - low, tuple(grown), outside, values.dtype)
    plain = stack.geometry()
    affine = plain.affine.copy()
    affine[:3, 3] = plain.points(np.array([low[0], low[1], 0]))
    return out, Geometry(affine, out.shape, plain.frame_of_reference_uid)


def _shifted(
    plane: NDArray[np.generic], shift: Floats, shape: tuple[int, ...], outside: float, dtype: np.dtype[np.generic]
) -> NDArray[np.generic]:
    """A slice moved by a shift of at least 0 pixels, linear in between."""
    moved = np.full(shape, outside, np.float64)
    whole, part = np.floor(shift).astype(int), shift - np.floor(shift)
    moved[whole[0] : whole[0] + plane.shape[0], whole[1] : whole[1] + plane.shape[1]] = plane
    for axis in (0, 1):
        if part[axis] > 0:
            before = np.roll(moved, 1, axis=axis)
            moved = (1 - part[axis]) * moved + part[axis] * before
    return (np.rint(moved) if dtype.kind in "iu" else moved).astype(dtype)
