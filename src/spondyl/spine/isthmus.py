"""The isthmus of a pedicle on the CT: rays from its axis to the outer half height of its cortex."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull

from spondyl.space import Floats, Volume
from spondyl.spine.cross_sections import plane_square_to
from spondyl.spine.grey_border import METAL_HU

# Chosen on lidc-0001-thoracic and ts-thoracic-endplate (docs/validation/segmentation.md).
_RAYS = 48
_STEP_MM, _REACH_MM = 0.25, 14.0  # along a ray; no pedicle is higher than twice its reach
_GRID_MM = 0.3  # of the cross-sections in which rays are read: finer than voxels, since values are taken between twice
PLANES_MM = 0.5  # from one cross-section to the next
_ALONG_MM = 4.0  # either side of the narrowest section of the mask
_UP_MM, _ASIDE_MM = (-17.0, 17.0), (-9.0, 21.0)  # of that block, from the wall of the canal and across the pedicle
_NEAR_MM = 9.0  # of the canal's wall: neither metal nor the CT's end may lie there
_AVERAGED = 3  # cross-sections that are averaged against noise, over 1.0 mm
_SMOOTHED_STEPS = 0.8  # sd, along a ray
_SOFT_HU = 40.0  # of muscle, nerves and dura around a pedicle
_LEAST_HU = 100.0  # of a cortex over that: less is no bone
_LOOKED_AT = 0.7  # of a ray, for the cortex typical of the section
_CORTEX = 0.5  # of that cortex: what a ray has to reach before its border counts
_DIP = 0.35  # of a cortex' height: a fall by less is structure in the bone, a deeper one the joint with a rib
_JUMP_MM = 1.5  # of a ray beside the median of its neighbours: it went through a gap, or ended within
_NEIGHBOURS = 7
CLOSED = 0.75  # of the rays
_STARTS_MM = (2.0, 3.5, 5.0)  # of the rays, from the wall of the canal
BESIDE_MM = 2.0  # the outline begins at that wall to within this
LEAST_HEIGHT = 0.65  # of the mask's height
_OVAL = 0.95  # of its hull's area: ovals have 1, and what is dented went into a joint or a cell
_ROUNDS = 4
_STILL_MM = 0.2
_SMOOTHED_RAYS = 1.0
UNSEEN_HU = 1.0e4  # outside the CT: no ray falls there, so none closes


@dataclass(frozen=True, eq=False)
class Isthmus:
    """The narrowest cross-section of a pedicle, as the CT shows it."""

    centre: Floats  # (3,), patient mm
    width_mm: float  # smallest extent
    height_mm: float  # square to it
    closed: float  # share of the rays that met a border


def measure_isthmus(
    ct: Volume, inner: Floats, lateral: Floats, axis: Floats, cranial: Floats, mask_height_mm: float
) -> Isthmus | str:
    """The narrowest cross-section square to a pedicle's axis, or why none can be told.

    Rays start a little beside the wall of the canal, which masks have right where their other side holds the head of a
    rib. On each ray the cortex is followed outwards to the first fall deeper than a third of its height: into soft
    tissue, or into the joint with a rib. The border lies half way down that fall. A ray whose border differs from its
    neighbours' is open; three quarters of the rays must close, the outline must begin at the wall of the canal, and it
    must be an oval without dents. A cortex thinner than the scanner's blur looks wider: on virtual patients widths are
    0.3 to 0.7 mm too large.

    Parameters
    ----------
    ct
        Around the pedicle. [hnsf'U]
    inner
        A point of the pedicle's wall beside the canal, near its narrowest section, shape (3,), patient mm.
    lateral
        Unit vector from there across the pedicle, shape (3,), LPS.
    axis
        Unit vector along the pedicle, shape (3,), LPS.
    cranial
        Spans the cross-sections together with the direction to the left; shape (3,), LPS.
    mask_height_mm
        Height of the pedicle in the mask; heads of ribs join it at the side, so that an outline much lower is no
        pedicle but a cell within, or a gap.
    """
    block = Block.cut(ct, inner, lateral, axis, cranial)
    brightest = block.brightest
    if brightest > METAL_HU:
        return "the CT ends there" if brightest > UNSEEN_HU / 2 else "metal or dense cement lies there"
    found: list[Isthmus] = []
    reasons = []
    for depth in _STARTS_MM:
        seen = _settled(block, depth, LEAST_HEIGHT * mask_height_mm)
        if isinstance(seen, str):
            reasons.append(seen)
        else:
            found.append(seen)
    return max(found, key=lambda seen: seen.width_mm * seen.height_mm) if found else reasons[0]


@dataclass(frozen=True, eq=False)
class Block:
    """Grey values around a pedicle on a grid along its axis, its height and its width, averaged along the axis."""

    hu: NDArray[np.float32]  # (along, up, aside)
    along_mm: Floats
    up_mm: Floats
    aside_mm: Floats
    origin: Floats  # (3,), the canal's wall, patient mm
    directions: Floats  # (3, 3): rows along, up, aside

    @classmethod
    def cut(cls, ct: Volume, inner: Floats, lateral: Floats, axis: Floats, cranial: Floats) -> Block:
        """The block whose origin is a point of the canal's wall, cut from a CT."""
        along, up, aside = (
            np.arange(low, high + step / 2, step)
            for low, high, step in ((-_ALONG_MM, _ALONG_MM, PLANES_MM), (*_UP_MM, _GRID_MM), (*_ASIDE_MM, _GRID_MM))
        )
        directions = np.stack([axis, plane_square_to(inner, axis, cranial).cranial, lateral])
        local = np.stack(np.meshgrid(along, up, aside, indexing="ij"), axis=-1)
        hu = ct.sample(inner + local @ directions, outside=UNSEEN_HU).astype(np.float32)
        averaged = ndimage.correlate1d(hu, np.full(_AVERAGED, 1 / _AVERAGED), axis=0, mode="nearest")
        return cls(averaged, along, up, aside, inner, directions)

    @property
    def brightest(self) -> float:
        """Of what lies near the canal's wall. [hnsf'U]"""
        near = self.hu[:, np.abs(self.up_mm) < _NEAR_MM]
        return float(near[..., np.abs(self.aside_mm) < _NEAR_MM].max())

    def rays(self, up_mm: float, aside_mm: float) -> NDArray[np.float32]:
        """Grey values along rays from a line along the axis, shape (along, rays, steps)."""
        up, aside = ray_directions()
        radius = np.arange(0.0, _REACH_MM, _STEP_MM)
        rows = (up_mm + radius * up[:, None] - self.up_mm[0]) / _GRID_MM
        columns = (aside_mm + radius * aside[:, None] - self.aside_mm[0]) / _GRID_MM
        return _bilinear(self.hu, rows, columns)


def _bilinear(planes: NDArray[np.float32], rows: Floats, columns: Floats) -> NDArray[np.float32]:
    """Values of all planes at the same places; beyond the planes those of their border."""
    first, second = planes.shape[1:]
    i = np.clip(np.floor(rows), 0, first - 2).astype(int)
    j = np.clip(np.floor(columns), 0, second - 2).astype(int)
    down, right = (np.clip(a, 0, 1).astype(np.float32) for a in (rows - i, columns - j))
    flat, at = planes.reshape(len(planes), -1), i * second + j
    upper = flat[:, at] * (1 - right) + flat[:, at + 1] * right
    lower = flat[:, at + second] * (1 - right) + flat[:, at + second + 1] * right
    return np.asarray(upper * (1 - down) + lower * down, np.float32)


def ray_directions() -> tuple[Floats, Floats]:
    """Of the rays: up and aside."""
    angle = 2 * np.pi * np.arange(_RAYS) / _RAYS
    return np.sin(angle), np.cos(angle)


def _settled(block: Block, depth_mm: float, least_mm: float) -> Isthmus | str:
    """The smallest closed outline, rays started anew from its middle until that stands still; or why there is none."""
    up, aside = 0.0, depth_mm
    for _ in range(_ROUNDS):
        seen = _narrowest(block, up, aside, least_mm)
        if isinstance(seen, str):
            return seen
        local = block.directions @ (seen.centre - block.origin)
        moved = float(np.hypot(local[1] - up, local[2] - aside))
        up, aside = float(local[1]), float(local[2])
        if moved < _STILL_MM:
            return seen
    return "its outline does not stand still"


def _narrowest(block: Block, up_mm: float, aside_mm: float, least_mm: float) -> Isthmus | str:
    """The smallest closed outline that begins at the canal, around a line along the axis; or why there is none."""
    reach = borders(block.rays(up_mm, aside_mm))
    closed = np.isfinite(reach).mean(axis=1)
    which = np.flatnonzero(closed >= CLOSED)
    if not len(which):
        return f"its border closes on {round(_RAYS * closed.max())} of {_RAYS} rays, {round(CLOSED * _RAYS)} are needed"
    reach = np.stack([filled(row) for row in reach[which]])
    area = 0.5 * np.sin(2 * np.pi / _RAYS) * (reach * np.roll(reach, 1, axis=1)).sum(axis=1)
    directions = np.stack(ray_directions(), axis=-1)
    for i in np.argsort(area, kind="stable"):
        outline = reach[i][:, None] * directions
        width, height = extents(outline)
        if abs(aside_mm + float(outline[:, 1].min())) > BESIDE_MM or height < least_mm or not is_oval(outline):
            continue
        middle = (outline * reach[i][:, None] ** 2).sum(axis=0) / (1.5 * (reach[i] ** 2).sum())
        local = np.array([block.along_mm[which[i]], up_mm + middle[0], aside_mm + middle[1]])
        return Isthmus(block.origin + local @ block.directions, width, height, float(closed[which[i]]))
    return "no outline of a pedicle's height begins at the canal"


def borders(hu: NDArray[np.float32]) -> Floats:
    """Distance of the cortex' outer half height along each ray, shape (sections, rays); NaN: open. [mm]

    Parameters
    ----------
    hu
        Shape (sections, rays, n): grey values from the middle outwards, steps of 0.25 mm. Rays go round.
    """
    height = ndimage.gaussian_filter1d(hu, _SMOOTHED_STEPS, axis=-1) - np.float32(_SOFT_HU)
    looked_at = round(_LOOKED_AT * height.shape[-1])
    usual = np.median(height[..., :looked_at].max(axis=-1), axis=-1)
    found = _falls(height, _CORTEX * usual[:, None, None])
    found[usual < _LEAST_HU] = np.nan
    near = np.stack([np.roll(found, k, axis=1) for k in range(-(_NEIGHBOURS // 2), _NEIGHBOURS // 2 + 1)], axis=-1)
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(found - _middle(near)) <= _JUMP_MM, found, np.nan)


def _falls(rays: NDArray[np.float32], least: NDArray[np.float32]) -> Floats:
    """Half way down the first deep fall after the cortex of each ray, shape (sections, rays); NaN: there is none."""
    top = np.maximum.accumulate(rays, axis=-1)
    fallen = (top >= least) & (rays < (1 - _DIP) * top)
    at = fallen.argmax(axis=-1)[..., None]
    place = np.arange(rays.shape[-1])
    rising = np.diff(rays, axis=-1, append=np.inf) > 0
    bottom = (rising & (place >= at)).argmax(axis=-1)[..., None]
    highest = np.take_along_axis(top, at, axis=-1)
    half = 0.5 * (highest + np.maximum(np.take_along_axis(rays, bottom, axis=-1), 0.0))
    peak = (rays >= highest).argmax(axis=-1)[..., None]
    below = ((place > peak) & (rays <= half)).argmax(axis=-1)[..., None]
    before, after = (np.take_along_axis(rays, k, axis=-1) for k in (below - 1, below))
    share = (before - half) / np.maximum(before - after, 1e-9)
    return np.where(fallen.any(axis=-1), _STEP_MM * (below - 1 + share)[..., 0], np.nan)


def _middle(near: Floats) -> Floats:
    """Median along the last axis of what is no NaN; NaN where less than half is."""
    ordered = np.sort(near, axis=-1)  # NaN last
    count = np.isfinite(near).sum(axis=-1)[..., None]
    low, high = (np.take_along_axis(ordered, np.maximum(k, 0), axis=-1) for k in ((count - 1) // 2, count // 2))
    enough = count[..., 0] >= near.shape[-1] // 2
    return np.where(enough, 0.5 * (low + high)[..., 0], np.nan)


def filled(reach: Floats) -> Floats:
    """Open rays between closed ones, and all a little smoothed around."""
    closed = np.flatnonzero(np.isfinite(reach))
    whole = np.interp(np.arange(len(reach)), closed, reach[closed], period=len(reach))
    return np.asarray(ndimage.gaussian_filter1d(whole, _SMOOTHED_RAYS, mode="wrap"), np.float64)


def is_oval(outline: Floats) -> bool:
    """Whether an outline, shape (n, 2), has hardly a dent: it fills 0.95 of its hull."""
    after = np.roll(outline, -1, axis=0)
    area = 0.5 * abs(float((outline[:, 0] * after[:, 1] - outline[:, 1] * after[:, 0]).sum()))
    return area >= _OVAL * float(ConvexHull(outline).volume)  # of a hull in a plane the volume is its area


def extents(outline: Floats) -> tuple[float, float]:
    """Smallest extent of an outline, shape (n, 2), and the extent square to it."""
    angles = np.radians(np.arange(0, 180, 3))
    across: NDArray[np.float64] = np.ptp(outline @ np.stack([np.cos(angles), np.sin(angles)]), axis=0)
    least = int(across.argmin())
    return float(across[least]), float(across[(least + len(angles) // 2) % len(angles)])
