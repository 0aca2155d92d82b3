"""The spinal canal as one mask: the rings of the arches, joined along the curve of the spine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from spondyl.space import Floats, Frame, Geometry, Volume
from spondyl.spine.foramen import Foramen, ray_angles, wall_radii
from spondyl.spine.local_view import LocalView

_STATION_MM = 3.0  # between cross-sections within one vertebra
_LONGEST_GAP_MM = 90.0  # between cross-sections that are joined: two unlabelled vertebrae
_WIDER = 1.15  # of the square in which voxels are asked against the wall: axes between two sections are shorter than 1


@dataclass(frozen=True, eq=False)
class Station:
    """A cross-section of the canal: its plane and the distance of its wall by angle (`ray_angles`)."""

    frame: Frame  # origin: centre of the canal
    radii_mm: Floats


def canal_stations(view: LocalView, foramen: Foramen) -> tuple[Station, ...]:
    """Cross-sections along one vertebra, from head to foot."""
    bottom, top = view.level_range()
    heights = np.arange(top - 1.0, bottom, -_STATION_MM)
    place = view.frame.to_patient
    return tuple(
        Station(
            Frame(place(np.array([h, *foramen.centre])), view.frame.cranial, view.frame.anterior, view.frame.left),
            wall_radii(view, foramen, float(h)),
        )
        for h in heights
    )


def canal_mask(stations: Sequence[Station], occupied: Volume) -> Volume | None:
    """The canal between the first and the last cross-section, without what is bone.

    Between two cross-sections centre, axes and wall are interpolated linearly along the curve, so that the canal passes
    discs, foramina and single unlabelled vertebrae.

    Parameters
    ----------
    stations
        Cross-sections from head to foot.
    occupied
        Mask of all vertebrae on the grid of the label image; the canal comes back on this grid, cropped.
    """
    geometry = occupied.geometry
    pairs = [(a, b) for a, b in pairwise(stations) if _distance(a, b) <= _LONGEST_GAP_MM]
    if not pairs:
        return None
    start, stop = _bounds(geometry, [s for pair in pairs for s in pair])
    canal = np.zeros(stop - start, bool)
    for upper, lower in pairs:
        low, high = _bounds(geometry, [upper, lower])
        block = tuple(slice(a, b) for a, b in zip(low - start, high - start, strict=True))
        canal[block] |= _between(upper, lower, geometry, low, high)
    canal &= ~occupied.array[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))]
    return Volume(canal, geometry.cropped(start, stop), "1")


def _distance(a: Station, b: Station) -> float:
    return float(np.linalg.norm(a.frame.origin - b.frame.origin))


def _bounds(geometry: Geometry, stations: Sequence[Station]) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Index block that holds the planes of these cross-sections as far as the canal reaches in them."""
    reach = _WIDER * max(float(station.radii_mm.max()) for station in stations)
    corners = [
        station.frame.origin + reach * (a * station.frame.anterior + left * station.frame.left)
        for station in stations
        for a in (-1, 1)
        for left in (-1, 1)
    ]
    indices = geometry.indices(np.array(corners))
    start = np.clip(np.floor(indices.min(axis=0)).astype(int), 0, geometry.shape)
    return start, np.clip(np.ceil(indices.max(axis=0)).astype(int) + 1, start, geometry.shape)


def _between(
    upper: Station, lower: Station, geometry: Geometry, low: NDArray[np.int_], high: NDArray[np.int_]
) -> NDArray[np.bool_]:
    """Voxels of a block that lie in the canal between two cross-sections."""
    below = -_heights(geometry, upper.frame, low, high)
    above = _heights(geometry, lower.frame, low, high)
    inside = (below >= 0) & (above >= 0)
    found = np.zeros(inside.shape, bool)
    share = (below[inside] / np.maximum(below[inside] + above[inside], 1e-9))[:, None]
    centre = upper.frame.origin + share * (lower.frame.origin - upper.frame.origin)
    away = geometry.points(np.argwhere(inside) + low) - centre
    ahead = (away * (upper.frame.anterior + share * (lower.frame.anterior - upper.frame.anterior))).sum(axis=1)
    aside = (away * (upper.frame.left + share * (lower.frame.left - upper.frame.left))).sum(axis=1)
    radii = upper.radii_mm + share * (lower.radii_mm - upper.radii_mm)
    found[inside] = np.hypot(ahead, aside) <= _radius_at(radii, np.arctan2(aside, ahead))
    return found


def _heights(geometry: Geometry, frame: Frame, low: NDArray[np.int_], high: NDArray[np.int_]) -> Floats:
    """Height of each voxel of a block above a plane: a sum of three terms, one for each index. [mm]"""
    slope = frame.cranial @ geometry.affine[:3, :3]
    start = (geometry.points(low) - frame.origin) @ frame.cranial
    i, j, k = (step * np.arange(b - a) for step, a, b in zip(slope, low, high, strict=True))
    return np.asarray(start + i[:, None, None] + j[:, None] + k)


def _radius_at(radii: Floats, angle: Floats) -> Floats:
    """Radius of each row of radii at its own angle, linear between rays."""
    step = ray_angles()[1]
    place = np.mod(angle / step, radii.shape[1])
    first = place.astype(int) % radii.shape[1]
    share = place - np.floor(place)
    rows = np.arange(len(radii))
    return np.asarray(radii[rows, first] * (1 - share) + radii[rows, (first + 1) % radii.shape[1]] * share)
