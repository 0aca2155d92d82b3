"""Pedicles: axis and narrowest cross-section, from the mask of the vertebra."""

from __future__ import annotations

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
_LEAST_AREA_MM2 = 8.0
_LARGEST_AREA_MM2 = 500.0
_NECK = 1.3  # cross-sections up to this share of the smallest area belong to the neck that gives the axis
_SHORTEST_NECK_MM = 4.0  # whose centres give a direction
_LARGEST_TURN = 0.98  # cosine; a larger turn by the centres is a drift into lamina or body
_COARSE_TURNS_DEG = (-10, 0, 10, 20, 30, 40)  # inward from the anterior axis, which covers T1 to L5
_COARSE_LIFTS_DEG = (-20, -10, 0, 10, 20)
_FINE_TURNS_DEG = (-5, 0, 5)
_SEARCH_MM = 6.0  # along the axis, either side of the narrowest section found so far
_ROUNDS = 4


@dataclass(frozen=True, eq=False)
class _Section:
    """The bone of one pedicle in one plane."""

    centre: Floats  # (3,), patient mm
    area_mm2: float
    share: Floats  # occupancy in the plane, only this piece of bone
    at_border: bool  # the piece runs out of the plane that was looked at


def find_pedicles(mask: Volume, view: LocalView, foramen: Foramen) -> tuple[tuple[Pedicle, ...], tuple[str, ...]]:
    """Both pedicles as far as they can be found, left first, and remarks on those that cannot.

    Cross-sections beside the canal are followed backwards from the posterior wall; around the smallest one the axis is
    fitted to their centres and cross-sections are taken anew, square to it. Borders are those of the mask blurred by
    half a voxel, at half its height.
    """
    blurred = ndimage.gaussian_filter(mask.array.astype(np.float32), _BLUR_VOXELS, mode="constant")
    occupancy = Volume(blurred, mask.geometry, "1")
    found, remarks = [], []
    for side in Side:
        pedicle = _find(occupancy, view, foramen, side)
        if pedicle is None:
            remarks.append(f"{side} pedicle not found: no neck between body and arch in the mask")
        else:
            found.append(pedicle)
    return tuple(found), tuple(remarks)


def _find(occupancy: Volume, view: LocalView, foramen: Foramen, side: Side) -> Pedicle | None:
    sections = _beside_canal(occupancy, view, foramen, side)
    if len(sections) < 3:
        return None
    axis = view.frame.anterior
    centre = min(sections, key=lambda section: section.area_mm2).centre
    axis, centre = _squarest(occupancy, centre, view.frame, side)
    for _ in range(_ROUNDS):
        sections = _along(occupancy, centre, axis, view.frame.cranial)
        if len(sections) < 3:
            return None
        axis, centre = _follow(sections, axis)
    sections = _along(occupancy, centre, axis, view.frame.cranial)
    narrowest = min(sections, key=lambda section: section.area_mm2)
    if narrowest is sections[0] or narrowest is sections[-1] or narrowest.at_border:
        return None  # it only grows narrower towards one end: the mask shows no neck
    width, height = _extents(narrowest.share)
    half_voxel = float(occupancy.geometry.spacing_mm.max()) / 2
    return Pedicle(side, narrowest.centre, axis, width, height, half_voxel)


def _beside_canal(occupancy: Volume, view: LocalView, foramen: Foramen, side: Side) -> list[_Section]:
    """Cross-sections square to the anterior axis, from the front border of the canal to its back."""
    sign = 1 if side is Side.LEFT else -1
    bottom, top = view.level_range()
    rows = view.anterior_mm[foramen.region.any(axis=1)]
    left = foramen.centre[1] + sign * (foramen.half_width_mm + 4.0)
    start = np.array([(bottom + 2 * top) / 3, float(rows[-1]), left])
    sections: list[_Section] = []
    for a in np.arange(rows[-1] + 1.0, rows[0], -_STEP_MM):
        plane = _plane(
            view.frame.to_patient(np.array([start[0], a, start[2]])), view.frame.anterior, view.frame.cranial
        )
        section = _section(occupancy, plane, near=sections[-1].centre if sections else plane.origin)
        if section is not None:
            sections.append(section)
    return sections


def _along(occupancy: Volume, centre: Floats, axis: Floats, cranial: Floats) -> list[_Section]:
    """Cross-sections square to an axis around a centre, from back to front."""
    places = np.arange(-_SEARCH_MM, _SEARCH_MM + _STEP_MM / 2, _STEP_MM)
    planes = [_plane(centre + t * axis, axis, cranial) for t in places]
    sections = [_section(occupancy, plane, near=plane.origin) for plane in planes]
    return [section for section in sections if section is not None]


def _plane(origin: Floats, normal: Floats, cranial: Floats) -> Frame:
    """A frame whose cranial and left axes span the plane square to `normal`."""
    up = cranial - (cranial @ normal) * normal
    return Frame.from_directions(origin, up, normal)


def _section(occupancy: Volume, plane: Frame, near: Floats, step: float = _STEP_MM) -> _Section | None:
    """The piece of bone in a plane that holds a point, or is nearest to it within 3 mm."""
    grid = np.arange(-_HALF_PLANE_MM, _HALF_PLANE_MM + step / 2, step)
    up, left = np.meshgrid(grid, grid, indexing="ij")
    share = occupancy.sample(plane.to_patient(np.stack([up, np.zeros_like(up), left], axis=-1)))
    pieces, count = ndimage.label(share > 0.5)
    if count == 0:
        return None
    local = plane.to_local(near)
    distance = np.hypot(up - local[0], left - local[2])
    nearest = np.atleast_1d(ndimage.minimum(distance, pieces, np.arange(1, count + 1)))
    number = int(nearest.argmin()) + 1
    piece = pieces == number
    area = float(piece.sum()) * step**2
    if nearest[number - 1] > 3.0 or not _LEAST_AREA_MM2 <= area <= _LARGEST_AREA_MM2:
        return None
    around = ndimage.binary_dilation(piece, iterations=2)
    kept = np.where(around & ((pieces == 0) | piece), share, 0.0)
    centre = plane.to_patient(np.array([up[piece].mean(), 0.0, left[piece].mean()]))
    border = piece[[0, -1]].any() or piece[:, [0, -1]].any()
    return _Section(centre, _area(kept) * step**2, kept, bool(border))


def _area(share: Floats) -> float:
    """Area, with the part of each point at the border that a straight border would give. [points]"""
    return float(np.clip((share - 0.5) * 2 + 0.5, 0, 1).sum())


def _squarest(occupancy: Volume, centre: Floats, frame: Frame, side: Side) -> tuple[Floats, Floats]:
    """Axis whose square cross-section near a centre is smallest, and the centre of that section.

    A neck cut askew is larger than cut square, so this finds the axis of necks too short to have a centre line.
    """
    inward = -1 if side is Side.LEFT else 1
    best = (np.inf, frame.anterior, centre)
    for turns in (_COARSE_TURNS_DEG, _FINE_TURNS_DEG):
        around = frame.to_local(frame.origin + best[1])
        yaw, pitch = np.arctan2(inward * around[2], around[1]), np.arcsin(np.clip(around[0], -1, 1))
        for turn in np.radians(turns):
            for lift in np.radians(turns if turns is _FINE_TURNS_DEG else _COARSE_LIFTS_DEG):
                y, p = yaw + turn, pitch + lift
                axis = frame.axes @ np.array([np.sin(p), np.cos(p) * np.cos(y), inward * np.cos(p) * np.sin(y)])
                for t in (-2.0, 0.0, 2.0):
                    section = _section(occupancy, _plane(best[2] + t * axis, axis, frame.cranial), best[2], 1.0)
                    if section is not None and section.area_mm2 < best[0]:
                        found = section.area_mm2, axis, section.centre
                        best = found
    return best[1], best[2]


def _follow(sections: list[_Section], axis: Floats) -> tuple[Floats, Floats]:
    """Axis and centre of the neck around the narrowest of these sections; the same axis where the neck is too short.

    The sections used reach equally far to both sides, because at either end the centres drift towards what is joined.
    """
    areas = np.array([section.area_mm2 for section in sections])
    least = int(areas.argmin())
    narrow = areas <= _NECK * areas[least]
    reach = 0
    while (
        least - reach > 0 and least + reach < len(areas) - 1 and narrow[least - reach - 1] and narrow[least + reach + 1]
    ):
        reach += 1
    centres = np.array([section.centre for section in sections[least - reach : least + reach + 1]])
    if 2 * reach * _STEP_MM < _SHORTEST_NECK_MM:
        return axis, sections[least].centre
    direction = np.linalg.svd(centres - centres.mean(axis=0), full_matrices=False)[2][0]
    direction = direction if direction @ axis > 0 else -direction
    return (direction if direction @ axis > _LARGEST_TURN else axis), sections[least].centre


def _extents(share: Floats) -> tuple[float, float]:
    """Smallest extent of a cross-section and the extent square to it. [mm]"""
    contours = find_contours(np.pad(share, 1), 0.5)  # type: ignore[no-untyped-call]
    outline = max(contours, key=len) * _STEP_MM
    angles = np.radians(np.arange(0, 180, 3))
    across: NDArray[np.float64] = np.ptp(outline @ np.stack([np.cos(angles), np.sin(angles)]), axis=0)
    least = int(across.argmin())
    return float(across[least]), float(across[(least + len(angles) // 2) % len(angles)])
