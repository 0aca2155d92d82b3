"""Pedicles: axis and narrowest cross-section, from the mask of the vertebra."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import find_contours

from spondyl.space import Floats, Frame, Volume
from spondyl.spine.foramen import Foramen
from spondyl.spine.local_view import LocalView
from spondyl.spine.types import Pedicle, Side

_STEP_MM = 0.5  # of points in a cross-section and of cross-sections along the axis
_BLUR_VOXELS = 0.5  # sd; turns the steps of a mask into a border between voxels
_HALF_PLANE_MM = 16.0  # half width of a cross-section: wider than any pedicle, narrower than two of them
_REACH_MM = 45.0  # around the canal's centre: both pedicles with the planes through them
_NEAR_MM = 4.0  # a piece of bone further from where the pedicle is looked for is another one
_AREA_MM2 = (8.0, 500.0)  # of what can be a pedicle
_COARSE_MM = 1.0  # points of cross-sections that are only compared in area
_INWARD_DEG = (-10.0, 0.0, 10.0, 20.0, 30.0, 40.0)  # from the anterior axis: covers T1 to L5
_UPWARD_DEG = (-20.0, -10.0, 0.0, 10.0, 20.0)
_NEARBY_DEG = (-14.0, -7.0, 0.0, 7.0, 14.0)
_PLACES_MM = (-1.5, 0.0, 1.5)  # along the axis, where the least area is looked for at each direction
_NECK = 1.3  # cross-sections up to this share of the smallest area are compared; larger ones hold other bone too
_INTO_BODY_MM = 3.0  # in front of the canal: a pedicle's axis is in bone up to here
_INTO_ARCH_MM = 3.0  # behind the narrowest section
_SEARCH_MM = 5.0  # along the axis, either side of the narrowest section found so far


@dataclass(frozen=True, eq=False)
class _Section:
    """The bone of one pedicle in one plane."""

    centre: Floats  # (3,), patient mm
    area_mm2: float
    share: Floats  # occupancy in the plane, only this piece of bone
    at_border: bool  # the piece runs out of the plane that was looked at


@dataclass(frozen=True, eq=False)
class _Stack:
    """Cross-sections of a mask in several planes, and the pieces of bone in each."""

    planes: tuple[Frame, ...]  # cranial and left axes span the plane
    grid: Floats  # (m,), mm
    share: Floats  # (n, m, m)
    pieces: NDArray[np.int32]  # (n, m, m), numbered through all planes

    @classmethod
    def cut(cls, occupancy: Volume, planes: Sequence[Frame], step: float = _STEP_MM) -> _Stack:
        """All cross-sections at once: one plane alone costs as much in calls as in work."""
        grid = np.arange(-_HALF_PLANE_MM, _HALF_PLANE_MM + step / 2, step)
        up, left = np.meshgrid(grid, grid, indexing="ij")
        local = np.stack([up, np.zeros_like(up), left], axis=-1)
        share = occupancy.sample(np.stack([plane.to_patient(local) for plane in planes]))
        within = np.zeros((3, 3, 3), bool)
        within[1, 1], within[1, :, 1] = True, True
        return cls(tuple(planes), grid, share, ndimage.label(share > 0.5, within)[0])

    def section(self, index: int, near: Floats) -> _Section | None:
        """The piece of bone in a plane that holds a point or is nearest to it; None where none is near."""
        share, pieces, step = self.share[index], self.pieces[index], float(self.grid[1] - self.grid[0])
        local = self.planes[index].to_local(near)
        distance = np.hypot(self.grid[:, None] - local[0], self.grid - local[2])
        distance = np.where(pieces > 0, distance, np.inf)
        place = np.unravel_index(int(distance.argmin()), distance.shape)
        if distance[place] > _NEAR_MM:
            return None
        piece = pieces == pieces[place]
        around = ndimage.binary_dilation(piece, iterations=max(1, round(1.0 / step)))
        kept = np.where(around & ((pieces == 0) | piece), share, 0.0)
        area = float(kept.sum()) * step**2  # shares, not points above one half: smooth in place and direction
        if not _AREA_MM2[0] <= area <= _AREA_MM2[1]:
            return None
        i, k = np.nonzero(piece)
        centre = self.planes[index].to_patient(np.array([self.grid[i].mean(), 0.0, self.grid[k].mean()]))
        border = i.min() == 0 or k.min() == 0 or i.max() == len(self.grid) - 1 or k.max() == len(self.grid) - 1
        return _Section(centre, area, kept, bool(border))


def find_pedicles(mask: Volume, view: LocalView, foramen: Foramen) -> tuple[tuple[Pedicle, ...], tuple[str, ...]]:
    """Both pedicles as far as they can be found, left first, and remarks on those that cannot.

    Beside the canal, cross-sections are followed backwards from the posterior wall to the narrowest. The axis is the
    direction whose square cross-section there is smallest: a neck cut askew is larger. (The line through the centres of
    its cross-sections was tried and is worse: they drift towards lamina and body.) Borders are those of the mask
    blurred by half a voxel, at half its height.
    """
    near = _around_canal(mask, view, foramen)
    blurred = ndimage.gaussian_filter(near.array.astype(np.float32), _BLUR_VOXELS, mode="constant")
    occupancy = Volume(blurred, near.geometry, "1")
    found, remarks = [], []
    for side in Side:
        pedicle = _find(occupancy, view, foramen, side)
        if pedicle is None:
            remarks.append(f"{side} pedicle not found: no neck between body and arch in the mask")
        else:
            found.append(pedicle)
    return tuple(found), tuple(remarks)


def _around_canal(mask: Volume, view: LocalView, foramen: Foramen) -> Volume:
    """The part of the mask in which cross-sections are taken."""
    centre = view.frame.to_patient(np.array([0.0, *foramen.centre]))
    index, reach = mask.geometry.indices(centre), _REACH_MM / mask.geometry.spacing_mm
    return mask.cropped(np.floor(index - reach), np.ceil(index + reach) + 1)


def _find(occupancy: Volume, view: LocalView, foramen: Foramen, side: Side) -> Pedicle | None:
    start = _narrowest_beside_canal(occupancy, view, foramen, side)
    if start is None:
        return None
    turned = _Turned(view.frame, -1 if side is Side.LEFT else 1)
    coarse = _least_area(occupancy, start, turned)
    if coarse is None:
        return None
    angles = _vertex(occupancy, start, turned, coarse)
    axis = turned.axis(*angles)
    sections = _along(occupancy, start, axis, view.frame.cranial)
    if len(sections) < 3:
        return None
    narrowest = min(sections, key=lambda section: section.area_mm2)
    if narrowest is sections[0] or narrowest is sections[-1] or narrowest.at_border:
        return None  # it only grows narrower towards one end: the mask shows no neck
    if not _joins_body_and_arch(occupancy, view, foramen, narrowest.centre, axis):
        return None
    width, height = _extents(narrowest.share)
    half_voxel = float(occupancy.geometry.spacing_mm.max()) / 2
    return Pedicle(side, narrowest.centre, axis, width, height, half_voxel)


@dataclass(frozen=True, eq=False)
class _Turned:
    """Directions by their angles from a frame's anterior axis: inward, to the midline, and upward. [deg]"""

    frame: Frame
    inward: int  # sign of the left axis that leads to the midline

    def axis(self, inward_deg: float, upward_deg: float) -> Floats:
        """Unit vector, LPS."""
        y, p = np.radians([inward_deg, upward_deg])
        local = [np.sin(p), np.cos(p) * np.cos(y), self.inward * np.cos(p) * np.sin(y)]
        return np.asarray(self.frame.axes @ np.array(local))


def _narrowest_beside_canal(occupancy: Volume, view: LocalView, foramen: Foramen, side: Side) -> Floats | None:
    """Centre of the narrowest cross-section square to the anterior axis, between the canal's front and back."""
    sign = 1 if side is Side.LEFT else -1
    bottom, top = view.level_range()
    rows = view.anterior_mm[foramen.region.any(axis=1)]
    place = (bottom + 2 * top) / 3, foramen.centre[1] + sign * (foramen.half_width_mm + 4.0)
    frame = view.frame
    points = [frame.to_patient(np.array([place[0], a, place[1]])) for a in np.arange(rows[-1] + 1.0, rows[0], -1.0)]
    if not points:
        return None
    stack = _Stack.cut(occupancy, [_plane(point, frame.anterior, frame.cranial) for point in points])
    sections = [s for i, point in enumerate(points) if (s := stack.section(i, point)) is not None]
    return min(sections, key=lambda section: section.area_mm2).centre if len(sections) >= 3 else None


def _least_area(
    occupancy: Volume,
    centre: Floats,
    turned: _Turned,
) -> tuple[float, float] | None:
    """The direction (inward, upward) among those of any level whose cross-section is smallest."""
    angles, areas = _areas(occupancy, centre, turned, _INWARD_DEG, _UPWARD_DEG, (0.0,))
    if not np.isfinite(areas).any():
        return None
    best = angles[int(areas.argmin())]
    return float(best[0]), float(best[1])


def _areas(
    occupancy: Volume,
    centre: Floats,
    turned: _Turned,
    inward: Sequence[float],
    upward: Sequence[float],
    places: Sequence[float],
) -> tuple[Floats, Floats]:
    """Directions as (inward, upward), shape (n, 2), and the least area near a centre square to each, shape (n,)."""
    angles = np.array([(y, p) for y in inward for p in upward])
    axes = [turned.axis(y, p) for y, p in angles]
    planes = [_plane(centre + t * axis, axis, turned.frame.cranial) for axis in axes for t in places]
    stack = _Stack.cut(occupancy, planes, _COARSE_MM)
    sections = [stack.section(i, plane.origin) for i, plane in enumerate(planes)]
    areas = np.array([np.inf if section is None else section.area_mm2 for section in sections])
    return angles, areas.reshape(len(angles), -1).min(axis=1)


def _vertex(occupancy: Volume, centre: Floats, turned: _Turned, coarse: tuple[float, float]) -> tuple[float, float]:
    """Direction of least area between the ones that were tried: vertex of a paraboloid over the areas."""
    inward, upward = ([angle + turn for turn in _NEARBY_DEG] for angle in coarse)
    angles, areas = _areas(occupancy, centre, turned, inward, upward, _PLACES_MM)
    used = areas < _NECK * areas.min()
    if used.sum() < 8:
        return coarse
    y, p = (angles[used] - coarse).T
    design = np.stack([np.ones_like(y), y, p, y * y, y * p, p * p], axis=1)
    fit = np.linalg.lstsq(design, areas[used], rcond=None)[0]
    bend = np.array([[2 * fit[3], fit[4]], [fit[4], 2 * fit[5]]])
    if np.linalg.eigvalsh(bend).min() <= 0:
        return coarse
    shift = np.clip(np.linalg.solve(bend, -fit[1:3]), -_NEARBY_DEG[-1], _NEARBY_DEG[-1])
    return coarse[0] + float(shift[0]), coarse[1] + float(shift[1])


def _along(occupancy: Volume, centre: Floats, axis: Floats, cranial: Floats) -> list[_Section]:
    """Cross-sections square to an axis around a centre, from back to front."""
    places = np.arange(-_SEARCH_MM, _SEARCH_MM + _STEP_MM / 2, _STEP_MM)
    stack = _Stack.cut(occupancy, [_plane(centre + t * axis, axis, cranial) for t in places])
    sections = [stack.section(i, plane.origin) for i, plane in enumerate(stack.planes)]
    return [section for section in sections if section is not None]


def _plane(origin: Floats, normal: Floats, cranial: Floats) -> Frame:
    """A frame whose cranial and left axes span the plane square to `normal`."""
    up = cranial - (cranial @ normal) * normal
    return Frame.from_directions(origin, up, normal)


def _joins_body_and_arch(occupancy: Volume, view: LocalView, foramen: Foramen, centre: Floats, axis: Floats) -> bool:
    """Whether bone runs unbroken along the axis into the body and a little way into the arch.

    Any process has a narrowest section; only a pedicle leads from there into the body.
    """
    front = float(view.anterior_mm[foramen.region.any(axis=1)][-1]) + _INTO_BODY_MM
    ahead = (front - view.frame.to_local(centre)[1]) / float(axis @ view.frame.anterior)
    along = np.arange(-_INTO_ARCH_MM, max(ahead, 0.0), _STEP_MM)
    return bool((occupancy.sample(centre + along[:, None] * axis) > 0.5).all())


def _extents(share: Floats) -> tuple[float, float]:
    """Smallest extent of a cross-section and the extent square to it. [mm]"""
    contours = find_contours(np.pad(share, 1), 0.5)  # type: ignore[no-untyped-call]
    outline = max(contours, key=len) * _STEP_MM
    angles = np.radians(np.arange(0, 180, 3))
    across: NDArray[np.float64] = np.ptp(outline @ np.stack([np.cos(angles), np.sin(angles)]), axis=0)
    least = int(across.argmin())
    return float(across[least]), float(across[(least + len(angles) // 2) % len(angles)])
