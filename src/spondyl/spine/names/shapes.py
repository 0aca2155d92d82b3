"""Sizes of vertebrae that change along the spine, and how well they fit a row of names.

Width and depth of the body and the distance of the pedicles follow the level: pedicles stand closest at T7, bodies are
narrowest at T5 and widen from there. People differ more than neighbours do, so sizes are compared with one another
within a person; what they say is weak, and no name rests on it (`proposal`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spondyl.space import Floats
from spondyl.spine.types import Level

# Usual sizes by level, T1 to L5, measured with `measure_shape` on the masks of five spines of the test data and freed
# of each person's size: `python -m tools.shape_table` makes them anew. T1 to T12 rest on two or three spines, L1 to L5
# on three or four. T13 is the mean of its neighbours, L6 is as L5, above T1 nothing is known.
_TABLE = {
    "width": (36.3, 33.5, 30.1, 30.0, 28.8, 30.8, 31.8, 33.5, 34.8, 37.6, 40.2, 42.3, 43.9, 44.9, 45.2, 49.4, 51.8),
    "depth": (21.6, 23.1, 26.7, 25.8, 27.3, 30.7, 32.2, 33.0, 33.5, 33.9, 33.3, 32.5, 34.9, 35.2, 35.0, 34.6, 34.2),
    "pedicles": (34.7, 31.0, 27.3, 25.2, 24.9, 26.1, 24.3, 24.1, 24.1, 25.2, 26.2, 28.3, 31.1, 31.3, 34.8, 34.9, 40.2),
}
_ROW = tuple(Level(number) for number in range(Level.T1, Level.L5 + 1))
# Scatter of the logarithm. The table's own spines leave 0.05, 0.06 and 0.06 of a level; three to five people show too
# little of it, and a bare CT's masks are poorer than theirs, so it is set wider by hand.
_LEVEL_SD = {"width": 0.08, "depth": 0.09, "pedicles": 0.10}
_SIZE_SD = 0.12  # one person against another
_BUILD_SD = 0.08  # one person's width, depth or pedicles against that person's size
_MOST = 2.5  # in standard deviations: beyond, a mask is wrong rather than a name
_UNKNOWN = 0.5  # cost of a level without a row: what one standard deviation costs, so that it is not preferred
_WEIGHT = 0.5  # of all sizes together: they share their errors

_MIDDLE = 0.2  # of the height, either side of the middle: where width and depth are taken
_LEAST_VOXELS = 60
_BEHIND_MM = (0.0, 9.0)  # of the body's back wall: the pedicles
_UPPER = (-0.05, 0.45)  # of the height, above the middle: where pedicles leave the body
_ACROSS_MM = (4.0, 32.0)  # from the midline
_LEAST_EACH = 12  # voxels of a pedicle


@dataclass(frozen=True)
class BodyShape:
    """Sizes of one vertebra. [mm]"""

    width_mm: float  # of the ellipse that scatters as its middle cross-section does
    depth_mm: float
    pedicles_mm: float | None  # between the middles of both pedicles; None: not seen on both sides

    def sizes(self) -> dict[str, float]:
        """The sizes that are known, by name."""
        known = {"width": self.width_mm, "depth": self.depth_mm, "pedicles": self.pedicles_mm}
        return {name: mm for name, mm in known.items() if mm is not None}


def shape_belief(shapes: Sequence[BodyShape | None], levels: Sequence[Level]) -> float:
    """Logarithm of how well the sizes of pieces fit these levels, whatever the person's size; 0 without sizes.

    Parameters
    ----------
    shapes, levels
        Of each piece from head to foot; None where it was not measured.
    """
    total, sizes = 0.0, []
    for name, scatter in _LEVEL_SD.items():
        found = [
            (np.log(mm), _usual(name, level))
            for shape, level in zip(shapes, levels, strict=True)
            if shape is not None and (mm := shape.sizes().get(name)) is not None
        ]
        if not found:
            continue
        known = np.array([size - np.log(usual) for size, usual in found if usual is not None])
        cost = _UNKNOWN * (len(found) - len(known))
        if len(known):
            size = float(np.median(known))
            cost += 0.5 * float((np.clip((known - size) / scatter, -_MOST, _MOST) ** 2).sum())
            sizes.append(size)
        total -= cost / np.sqrt(len(found))
    if sizes:
        person = float(np.mean(sizes))
        total -= 0.5 * (person / _SIZE_SD) ** 2 + 0.5 * float(((np.array(sizes) - person) ** 2).sum()) / _BUILD_SD**2
    return _WEIGHT * total


def _usual(name: str, level: Level) -> float | None:
    """Usual size of a level; None: not known."""
    row = _TABLE[name]
    if level is Level.T13:
        return (row[_ROW.index(Level.T12)] + row[_ROW.index(Level.L1)]) / 2
    place = Level.L5 if level is Level.L6 else level
    return row[_ROW.index(place)] if place in _ROW else None


def measure_shape(body: Floats, arch: Floats, cranial: Floats) -> BodyShape | None:
    """Sizes of a vertebra from the places of its voxels; None where they are too few.

    Width and depth are four standard deviations of the middle of the body across and along the patient, which for an
    ellipse are its axes; unlike an extent they do not hang on single voxels. A turn about the long axis of 15 degrees
    makes the width 2 % too small.

    Parameters
    ----------
    body, arch
        Voxel centres of the body and of what lies behind it, shapes (n, 3) and (m, 3), patient mm, LPS.
    cranial
        Direction to the head, from disc to disc, shape (3,).
    """
    if len(body) < _LEAST_VOXELS:
        return None
    up = cranial / np.linalg.norm(cranial)
    left = np.array([1.0, 0.0, 0.0]) - up[0] * up
    left /= np.linalg.norm(left)
    axes = np.stack([up, np.cross(left, up), left], axis=1)  # columns: cranial, anterior, left
    centre = body.mean(axis=0)
    c, a, across = ((body - centre) @ axes).T
    low, high = np.percentile(c, (2, 98))
    height = high - low
    middle = np.abs(c - (low + high) / 2) <= _MIDDLE * height
    if middle.sum() < _LEAST_VOXELS:
        return None
    width, depth = 4 * float(across[middle].std()), 4 * float(a[middle].std())
    back = float(a[middle].mean()) - depth / 2
    return BodyShape(width, depth, _pedicles((arch - centre) @ axes, (low + high) / 2, height, back))


def _pedicles(arch: Floats, middle: float, height: float, back: float) -> float | None:
    """Distance of the middles of both pedicles: bone just behind the body, in its upper half, on either side."""
    c, a, across = arch.reshape(-1, 3).T
    share = (c - middle) / height
    near = (share >= _UPPER[0]) & (share <= _UPPER[1]) & (back - a >= _BEHIND_MM[0]) & (back - a <= _BEHIND_MM[1])
    near &= (np.abs(across) >= _ACROSS_MM[0]) & (np.abs(across) <= _ACROSS_MM[1])
    sides = [np.abs(across[near & (sign * across > 0)]) for sign in (1, -1)]
    if min(len(side) for side in sides) < _LEAST_EACH:
        return None
    return float(sum(np.median(side) for side in sides))
