"""The isthmus of a pedicle on the CT: rays from its axis to the outer half height of its cortex."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.space import Floats, Volume
from spondyl.spine.cross_sections import plane_square_to

_RAYS = 48
_STEP_MM, _REACH_MM = 0.2, 14.0  # along a ray; no pedicle is wider than twice its reach
_PLANES_MM = 0.5  # from one cross-section to the next
_ALONG_MM = 4.0  # either side of the narrowest section of the mask
_AVERAGED = 3  # cross-sections that are averaged against noise, over 1.0 mm
_SOFT_HU = 40.0  # of muscle, nerves and dura around a pedicle
_LEAST_HU = 100.0  # of a cortex over that: less is no bone
_CORTEX = 0.5  # of the cortex typical of the section: what a ray has to reach before its border counts
_DIP = 0.35  # of a cortex' height: a fall by less is structure in the bone, a deeper one the joint with a rib
_JUMP_MM = 1.5  # of a ray beside the median of its neighbours: it went through a gap, or ended within
_NEIGHBOURS = 7
_CLOSED = 0.75  # of the rays
_STARTS_MM = (2.0, 3.5, 5.0)  # of the rays, from the wall of the canal
_BESIDE_MM = 2.0  # the outline begins at that wall to within this
_LEAST_HEIGHT = 0.55  # of the mask's height
_ROUNDS = 4
_SMOOTHED_RAYS = 1.0


@dataclass(frozen=True, eq=False)
class Isthmus:
    """The narrowest cross-section of a pedicle, as the CT shows it."""

    centre: Floats  # (3,), patient mm
    width_mm: float  # smallest extent
    height_mm: float  # square to it
    closed: float  # share of the rays that met a border


def measure_isthmus(
    ct: Volume, inner: Floats, lateral: Floats, axis: Floats, cranial: Floats, mask_height_mm: float
) -> Isthmus | None:
    """The narrowest cross-section square to a pedicle's axis; None where its border does not close.

    Rays start a little beside the wall of the canal, which masks have right where their other side holds the head of a
    rib. On each ray the cortex is followed outwards to the first fall deeper than a third of its height: into soft
    tissue, or into the joint with a rib. The border lies half way down that fall. A ray whose border differs from its
    neighbours' is open; three quarters of the rays must close, and the outline must begin at the wall of the canal. A
    cortex thinner than the scanner's blur looks wider: on virtual patients widths are 0.3 to 0.7 mm too large.

    Parameters
    ----------
    ct
        Hounsfield units.
    inner
        A point of the pedicle's wall beside the canal, near its narrowest section, patient mm.
    lateral
        Unit vector from there across the pedicle.
    axis
        Direction of the pedicle.
    cranial
        Spans the cross-sections together with the direction to the left.
    mask_height_mm
        Height of the pedicle in the mask; heads of ribs join it at the side, so that an outline much lower is no
        pedicle but a cell within, or a gap.
    """
    found = []
    for depth in _STARTS_MM:
        start = inner + depth * lateral
        if not bool(ct.geometry.contains(start)):
            continue
        for _ in range(_ROUNDS):
            seen = _narrowest(ct, start, inner, lateral, axis, cranial, _LEAST_HEIGHT * mask_height_mm)
            if seen is None:
                break
            shift = (seen.centre - start) - ((seen.centre - start) @ axis) * axis
            start = start + shift
            if np.linalg.norm(shift) < _STEP_MM:
                found.append(seen)
                break
    return max(found, key=lambda seen: seen.width_mm * seen.height_mm, default=None)


def _narrowest(
    ct: Volume, centre: Floats, inner: Floats, lateral: Floats, axis: Floats, cranial: Floats, least_mm: float
) -> Isthmus | None:
    """The smallest closed outline that begins at the canal, around a line along the axis."""
    along = np.arange(-_ALONG_MM, _ALONG_MM + _PLANES_MM / 2, _PLANES_MM)
    plane = plane_square_to(centre, axis, cranial)
    angle = 2 * np.pi * np.arange(_RAYS) / _RAYS
    aside, up = np.cos(angle), np.sin(angle)
    radius = np.arange(0.0, _REACH_MM, _STEP_MM)
    grid = np.stack(np.broadcast_arrays(radius * up[:, None], 0.0, radius * aside[:, None]), axis=-1)
    points = plane.to_patient(grid)[None] + (along[:, None] * axis)[:, None, None]
    hu = ndimage.uniform_filter1d(ct.sample(points, outside=-1000.0), _AVERAGED, axis=0, mode="nearest")
    across = np.array([float(lateral @ plane.cranial), float(lateral @ plane.left)])
    begins = float((inner - centre) @ lateral)
    best: tuple[float, Isthmus] | None = None
    for t, section in zip(along, hu, strict=True):
        reach = borders(section)
        closed = float(np.isfinite(reach).mean())
        if closed < _CLOSED:
            continue
        reach = _filled(reach)
        outline = np.stack([reach * up, reach * aside], axis=-1)
        width, height = extents(outline)
        if abs(float((outline @ across).min()) - begins) > _BESIDE_MM or height < least_mm:
            continue
        area = 0.5 * float(np.sin(2 * np.pi / _RAYS) * (reach * np.roll(reach, 1)).sum())
        if best is None or area < best[0]:
            middle = (outline * reach[:, None] ** 2).sum(axis=0) / (1.5 * (reach**2).sum())
            local = np.array([middle[0], 0.0, middle[1]])
            best = area, Isthmus(plane.to_patient(local) + t * axis, width, height, closed)
    return None if best is None else best[1]


def borders(hu: Floats) -> Floats:
    """Distance of the cortex' outer half height along each ray; NaN: open. [mm]

    Parameters
    ----------
    hu
        Shape (rays, n): grey values from the middle outwards, steps of 0.2 mm. Rays go round.
    """
    height = ndimage.gaussian_filter1d(np.asarray(hu, np.float64), 1.0, axis=1) - _SOFT_HU
    inner = height[:, : round(0.7 * height.shape[1])]
    usual = float(np.median(inner.max(axis=1)))
    if usual < _LEAST_HU:
        return np.full(len(height), np.nan)
    found = _falls(height, _CORTEX * usual)
    near = np.stack([np.roll(found, k) for k in range(-(_NEIGHBOURS // 2), _NEIGHBOURS // 2 + 1)])
    seen = np.isfinite(near).sum(axis=0) >= _NEIGHBOURS // 2
    usually = np.full(len(found), np.nan)
    usually[seen] = np.nanmedian(near[:, seen], axis=0)
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(found - usually) <= _JUMP_MM, found, np.nan)


def _falls(rays: Floats, least: float) -> Floats:
    """Half way down the first deep fall after the cortex of each ray, shape (rays,); NaN where there is none."""
    count, n = rays.shape
    top = np.maximum.accumulate(rays, axis=1)
    fallen = (top >= least) & (rays < (1 - _DIP) * top)
    at = fallen.argmax(axis=1)
    each, place = np.arange(count), np.arange(n)
    rising = (np.diff(rays, axis=1, append=np.inf) > 0) & (place >= at[:, None])
    bottom = np.maximum(rays[each, rising.argmax(axis=1)], 0.0)
    highest = top[each, at]
    half = 0.5 * (highest + bottom)
    peak = (rays >= highest[:, None]).argmax(axis=1)
    below = ((place > peak[:, None]) & (rays <= half[:, None])).argmax(axis=1)
    before, after = rays[each, below - 1], rays[each, below]
    share = (before - half) / np.maximum(before - after, 1e-9)
    return np.where(fallen.any(axis=1), _STEP_MM * (below - 1 + share), np.nan)


def _filled(reach: Floats) -> Floats:
    """Open rays between closed ones, and all a little smoothed around."""
    closed = np.flatnonzero(np.isfinite(reach))
    whole = np.interp(np.arange(len(reach)), closed, reach[closed], period=len(reach))
    return np.asarray(ndimage.gaussian_filter1d(whole, _SMOOTHED_RAYS, mode="wrap"), np.float64)


def extents(outline: Floats) -> tuple[float, float]:
    """Smallest extent of an outline, shape (n, 2), and the extent square to it."""
    angles = np.radians(np.arange(0, 180, 3))
    across: NDArray[np.float64] = np.ptp(outline @ np.stack([np.cos(angles), np.sin(angles)]), axis=0)
    least = int(across.argmin())
    return float(across[least]), float(across[(least + len(angles) // 2) % len(angles)])
