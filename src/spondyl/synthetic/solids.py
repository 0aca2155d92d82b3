"""Simple solids with a distance from their surface, positive inside. Local (cranial, anterior, left) mm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spondyl.space import Floats

Field = NDArray[np.float32]
Distance = Callable[[Field, Field, Field], Field]


@dataclass(frozen=True, eq=False)
class Solid:
    """A region of space: its distance function and the box that holds it."""

    distance: Distance  # of (c, a, l), positive inside
    low: Floats  # (3,) corner of its box
    high: Floats


def tube(
    start: ArrayLike, end: ArrayLike, wide: ArrayLike, half_wide: float, half_thick: float, flare: float = 0.0
) -> Solid:
    """A straight bar of elliptic section with rounded ends.

    Parameters
    ----------
    start, end
        Ends of its axis, shape (3,).
    wide
        Direction of the section's first half axis; only what is square to the axis counts.
    half_wide, half_thick
        Half axes of the section. [mm]
    flare
        Growth of `half_thick` with the square of the distance from the middle of the axis. [1/mm²]
    """
    first, last = np.asarray(start, np.float64), np.asarray(end, np.float64)
    length = float(np.linalg.norm(last - first))
    along = (last - first) / length
    across = np.asarray(wide, np.float64) - (np.asarray(wide, np.float64) @ along) * along
    across /= np.linalg.norm(across)
    other = np.cross(along, across)
    middle = (first + last) / 2

    def distance(c: Field, a: Field, left: Field) -> Field:
        dc, da, dl = c - np.float32(middle[0]), a - np.float32(middle[1]), left - np.float32(middle[2])
        t, u, v = (
            np.float32(axis[0]) * dc + np.float32(axis[1]) * da + np.float32(axis[2]) * dl
            for axis in (along, across, other)
        )
        grown = 1 + np.float32(flare) * np.minimum(np.abs(t), np.float32(length / 2)) ** 2
        beyond = np.clip(np.abs(t) - np.float32(length / 2), 0, None)
        return _ellipsoid_distance((u, v, beyond), (half_wide, half_thick * grown, half_thick * grown))

    reach = max(half_wide, half_thick * (1 + flare * (length / 2) ** 2)) + 1.0
    return Solid(distance, np.minimum(first, last) - reach, np.maximum(first, last) + reach)


def ellipsoid(centre: ArrayLike, half_axes: ArrayLike) -> Solid:
    """An ellipsoid with axes along (cranial, anterior, left)."""
    middle, half = np.asarray(centre, np.float64), np.asarray(half_axes, np.float64)

    def distance(c: Field, a: Field, left: Field) -> Field:
        offset = (c - np.float32(middle[0]), a - np.float32(middle[1]), left - np.float32(middle[2]))
        return _ellipsoid_distance(offset, (np.float32(half[0]), np.float32(half[1]), np.float32(half[2])))

    return Solid(distance, middle - half - 1.0, middle + half + 1.0)


def _ellipsoid_distance(
    offset: tuple[Field, Field, Field], half: tuple[Field | np.float32 | float, ...]
) -> NDArray[np.float32]:
    """Distance from an ellipsoid to first order: exact on the surface, in value and in slope."""
    q = np.sqrt(sum((x / h) ** 2 for x, h in zip(offset, half, strict=True)) + np.float32(1e-12))
    slope = np.sqrt(sum((x / h**2) ** 2 for x, h in zip(offset, half, strict=True)) + np.float32(1e-12)) / q
    return np.asarray(np.minimum((1 - q) / slope, np.min(np.stack([np.min(h) for h in half]))), np.float32)
