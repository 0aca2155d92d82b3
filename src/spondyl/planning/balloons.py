"""Balloons: how far the cavity around a needle's end lets one grow between endplates and walls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spondyl.evidence import find_parameter
from spondyl.planning.distances import border_indices, exact_distances
from spondyl.planning.types import Balloon, NeedlePath
from spondyl.space import Floats
from spondyl.spine import Vertebra

SIZES = "ibt.sizes"  # of the parameters: length in mm / gauge code, of one maker
_STEP_MM = 0.25  # along the axis
_FINE_MM = 0.05  # of the radius
_REACH_MM = 30.0  # further than any wall from the middle of a body


def listed_lengths() -> tuple[float, ...]:
    """Nominal lengths of the balloons whose sizes were read in their instructions, shortest first. [mm]

    >>> listed_lengths()
    (10.0, 15.0, 20.0)
    """
    codes = find_parameter(SIZES).figure()
    assert isinstance(codes, tuple)
    return tuple(sorted({float(str(code).split("/")[0]) for code in codes}))


def fit_balloons(vertebra: Vertebra, needles: Sequence[NeedlePath]) -> tuple[tuple[Balloon, ...], tuple[str, ...]]:
    """The balloons at the ends of these needles, and why a needle has none.

    A balloon is a rod with round ends from the needle's tip backwards. It may grow until it meets what is not the
    body, as the body is now, or half the distance to the other needle. Of the listed lengths the one is taken that
    holds most at the lower end of its diameter.
    """
    found, refused = [], []
    for path in needles:
        others = [other for other in needles if other is not path]
        fits = [_grown(vertebra, path, others, length) for length in listed_lengths()]
        passing = [fit for fit in fits if fit is not None and fit.diameter_low_mm > path.outer_diameter_mm]
        if passing:
            found.append(max(passing, key=_least_volume))
        else:
            refused.append(
                f"no balloon on the {path.side.value} side: none from {listed_lengths()[0]:.0f} mm of length lies "
                "within the body and is for certain wider than the needle"
            )
    return tuple(found), tuple(refused)


def _grown(vertebra: Vertebra, path: NeedlePath, others: Sequence[NeedlePath], length: float) -> Balloon | None:
    """The widest balloon of this length; None where its axis comes within the doubt of the body's border."""
    assert vertebra.body is not None
    behind = np.linspace(0.0, length, round(length / _STEP_MM) + 1)
    axis = path.target - behind[:, None] * path.direction
    outside = ~np.pad(vertebra.body.array, 1)
    geometry = vertebra.body.geometry.cropped([-1, -1, -1], np.array(vertebra.body.array.shape) + 1)
    room = exact_distances(axis, geometry, border_indices(outside), outside, reach_mm=_REACH_MM)
    apart = min((_half_way(axis, other, length) for other in others), default=np.inf)
    doubt = float(geometry.spacing_mm.max()) / 2
    low, middle, high = (_widest(behind, room + shift, min(length / 2, apart)) for shift in (-doubt, 0.0, doubt))
    if low <= 0:
        return None
    if middle + _FINE_MM > min(length / 2, apart):
        limit = "the other balloon" if apart < length / 2 else "its own length"
    else:
        limit = _nearest(vertebra, axis[_tightest(behind, room, middle)], geometry.points(np.argwhere(outside)))
    centre = path.target - length / 2 * path.direction
    return Balloon(path.side, centre, path.direction, length, 2 * middle, 2 * low, 2 * high, limit)


def _widest(behind: Floats, room: Floats, most: float) -> float:
    """The radius up to which a rod with round ends meets nothing. [mm]

    Parameters
    ----------
    behind, room
        Places of its axis, from the tip, and their distances to what must not be met. [mm]
    most
        No larger radius is tried. [mm]
    """
    widest = 0.0
    for radius in np.arange(_FINE_MM, most + _FINE_MM / 2, _FINE_MM):
        if room[_tightest(behind, room, float(radius))] < radius:
            break
        widest = float(radius)
    return widest


def _tightest(behind: Floats, room: Floats, radius: float) -> int:
    """The place with least room among the centres that spheres of this radius take within the rod."""
    within = (behind >= radius - _STEP_MM / 2) & (behind <= behind[-1] - radius + _STEP_MM / 2)
    return int(np.where(within, room, np.inf).argmin())


def _half_way(axis: Floats, other: NeedlePath, length: float) -> float:
    """Half the least distance between the axes of two balloons of the same length. [mm]"""
    along = np.clip((axis - other.target) @ other.direction, -length, 0.0)
    nearest = other.target + along[:, None] * other.direction
    return float(np.linalg.norm(axis - nearest, axis=1).min()) / 2


def _nearest(vertebra: Vertebra, place: Floats, outside: Floats) -> str:
    """Whether an endplate or a wall is nearest to a place in the body."""
    assert vertebra.frame is not None
    off = (outside[np.linalg.norm(outside - place, axis=1).argmin()] - place) @ vertebra.frame.axes
    return "an endplate" if abs(off[0]) > np.hypot(off[1], off[2]) else "a wall of the body"


def _least_volume(balloon: Balloon) -> float:
    """Of a rod with round ends, at the lower end of its diameter. [mm³]"""
    radius = balloon.diameter_low_mm / 2
    return float(np.pi * radius**2 * (balloon.length_mm - 2 * radius) + 4 / 3 * np.pi * radius**3)
