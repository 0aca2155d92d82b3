"""Pedicles: axis from the mask of the vertebra, narrowest cross-section from the CT where its border closes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage
from skimage.measure import find_contours

from spondyl.space import Floats, Frame, Volume
from spondyl.spine.cross_sections import STEP_MM, Section, Stack, plane_square_to
from spondyl.spine.foramen import Foramen
from spondyl.spine.grey_border import grey_border
from spondyl.spine.isthmus import Isthmus, extents, measure_isthmus
from spondyl.spine.local_view import LocalView
from spondyl.spine.narrow_neck import narrow_axis
from spondyl.spine.pedicle_axis import GREY, midline_axis
from spondyl.spine.types import Level, Pedicle, Side

WIDEST_MM = 16.1 + 2 * 2.3  # of L5, the widest level (refuse_too_wide)
APART_MM = 2.0  # widths on CT and mask that blur and voxels explain
_MIRRORED_MM = 5.0  # from the mirror image of the other side's isthmus: vertebrae are not more askew
_BLUR_VOXELS = 0.5  # sd; turns the steps of a mask into a border between voxels
_REACH_MM = 45.0  # around the canal's centre: both pedicles with the planes through them
_NECK_REACH_MM = 20.0  # around a pedicle: the cross-sections along its neck, across a pedicle of 12 x 20 mm
_COARSE_MM = 1.0  # points of cross-sections that are only compared in area
_INWARD_DEG = (-10.0, 0.0, 10.0, 20.0, 30.0, 40.0)  # from the anterior axis: covers T1 to L5
_UPWARD_DEG = (-20.0, -10.0, 0.0, 10.0, 20.0)
_INTO_BODY_MM = 3.0  # in front of the canal: a pedicle's axis is in bone up to here
_INTO_ARCH_MM = 3.0  # behind the narrowest section
_NARROW_VOXELS = 4  # necks below this width, in shortest edges, have no plateau of grey values (narrow_neck)
_SEARCH_MM = 5.0  # along the axis, either side of the narrowest section found so far


def find_pedicles(
    mask: Volume, view: LocalView, foramen: Foramen, ct: Volume | None = None
) -> tuple[tuple[Pedicle, ...], tuple[str, ...]]:
    """Both pedicles as far as they can be found, left first, and remarks on those that cannot.

    Beside the canal, cross-sections are followed backwards from the posterior wall to the narrowest. Its least area
    among directions of all levels gives a first axis; the axis is the midline between facing walls around there
    (`midline_axis`), on the grey values at the mask's border where there is a CT (`grey_border`), and for necks below
    four voxels on all grey values around them (`narrow_axis`). Other borders are those of the mask blurred by half a
    voxel, at half its height. With a CT the narrowest section is that of the CT around this axis (`measure_isthmus`);
    where that does not close, it is the mask's, and where the widths are more than 2 mm apart, the smaller one counts.
    Both are told.
    """
    near = _around_canal(mask, view, foramen)
    blurred = ndimage.gaussian_filter(near.array.astype(np.float32), _BLUR_VOXELS, mode="constant")
    occupancy = Volume(blurred, near.geometry, "1")
    necks = {side: _find(occupancy, near, ct, view, foramen, side) for side in Side}
    found, remarks = [], []
    for side, other in zip(Side, reversed(Side), strict=True):
        neck, twin = necks[side], necks[other]
        pedicle, remark = neck, None
        if neck is not None and ct is not None:
            pedicle, remark = _on_ct(neck, occupancy, ct, view)
        elif neck is None:
            seen = None if ct is None or twin is None else _as_other_side(twin, occupancy, ct, view, foramen)
            pedicle, remark = seen or (None, f"{side} pedicle not found: no neck between body and arch in the mask")
        found += [] if pedicle is None else [pedicle]
        remarks += [] if remark is None else [remark]
    return tuple(found), tuple(remarks)


def refuse_too_wide(level: Level, pedicles: Sequence[Pedicle]) -> tuple[tuple[Pedicle, ...], tuple[str, ...]]:
    """The pedicles that can be some, and remarks on those wider than any: a rib or a process is in the mask.

    Widths grow to L5, where 16.1 mm with a standard deviation of 2.3 is published [1]. Two deviations above, a pedicle
    of a level above is refused; at L5, where one in forty may be as wide, and at L6 it is kept with the remark. The
    width is the mask's, whatever the CT shows: with a rib in it, its other clearances are wrong too.

    References
    ----------
    [1] ijss_lumbar_ct: International Journal of Spine Surgery, lumbar CT morphometry, table 6 (evidence im-height-l5).
    """

    def in_mask(pedicle: Pedicle) -> float:
        return pedicle.width_mm if pedicle.mask_width_mm is None else pedicle.mask_width_mm

    is_lowest = level in (Level.L5, Level.L6)
    wide = [p for p in pedicles if in_mask(p) > WIDEST_MM]
    kept = tuple(p for p in pedicles if p not in wide or is_lowest)
    remarks = tuple(
        f"{p.side} pedicle {in_mask(p):.0f} mm wide in the mask, more than {WIDEST_MM:.1f} mm (L5, the widest level): "
        f"rib or process is in the mask{', look at it' if is_lowest else ', not used'}"
        for p in wide
    )
    return kept, remarks


def _around_canal(mask: Volume, view: LocalView, foramen: Foramen) -> Volume:
    """The part of the mask in which cross-sections are taken."""
    centre = view.frame.to_patient(np.array([0.0, *foramen.centre]))
    return _block(mask, centre, _REACH_MM)


def _block(mask: Volume, centre: Floats, reach_mm: float) -> Volume:
    index, reach = mask.geometry.indices(centre), reach_mm / mask.geometry.spacing_mm
    return mask.cropped(np.floor(index - reach), np.ceil(index + reach) + 1)


def _find(
    occupancy: Volume, mask: Volume, ct: Volume | None, view: LocalView, foramen: Foramen, side: Side
) -> Pedicle | None:
    start = _narrowest_beside_canal(occupancy, view, foramen, side)
    if start is None:
        return None
    turned = _Turned(view.frame, -1 if side is Side.LEFT else 1)
    coarse = _least_area(occupancy, start, turned)
    if coarse is None:
        return None
    axis = midline_axis(occupancy, start, turned.axis(*coarse), view.frame.cranial)
    grey = None if ct is None else grey_border(_block(mask, start, _NECK_REACH_MM), ct)
    if grey is not None:
        axis = midline_axis(grey, start, axis, view.frame.cranial, likeness=GREY)
    sections = _along(occupancy, start, axis, view.frame.cranial)
    if len(sections) < 3:
        return None
    narrowest = min(sections, key=lambda section: section.area_mm2)
    if narrowest is sections[0] or narrowest is sections[-1] or narrowest.at_border:
        return None  # it only grows narrower towards one end: the mask shows no neck
    width, height = _extents(narrowest.share)
    if grey is not None and width < _NARROW_VOXELS * float(occupancy.geometry.spacing_mm.min()):
        axis = narrow_axis(grey, occupancy, narrowest.centre, axis, view.frame.cranial)
    if not _joins_body_and_arch(occupancy, view, foramen, narrowest.centre, axis):
        return None
    half_voxel = float(occupancy.geometry.spacing_mm.max()) / 2
    return Pedicle(side, narrowest.centre, axis, width, height, half_voxel)


def _as_other_side(
    twin: Pedicle, occupancy: Volume, ct: Volume, view: LocalView, foramen: Foramen
) -> tuple[Pedicle, str] | None:
    """The pedicle whose mask has no neck, looked for on the CT at the mirror image of the other side's.

    None unless its outline closes within 5 mm of that place and both widths on the CT are within 2 mm of one another,
    bone runs along the axis from arch to body, and the mask's cross-section there ends within the plane.
    """
    frame, side = view.frame, Side.RIGHT if twin.side is Side.LEFT else Side.LEFT
    across = np.array([1.0, 1.0, -1.0])
    place = frame.to_patient(frame.to_local(twin.isthmus) * across + [0.0, 0.0, 2 * foramen.centre[1]])
    axis = frame.axes @ ((twin.axis @ frame.axes) * across)
    start = replace(twin, side=side, isthmus=place, axis=axis)
    seen, known = _seen_on_ct(start, occupancy, ct, view), _seen_on_ct(twin, occupancy, ct, view)
    if isinstance(seen, str) or isinstance(known, str) or abs(seen.width_mm - known.width_mm) > APART_MM:
        return None
    if np.linalg.norm(seen.centre - place) > _MIRRORED_MM:
        return None
    if not _joins_body_and_arch(occupancy, view, foramen, seen.centre, axis):
        return None
    section = Stack.cut(occupancy, [plane_square_to(seen.centre, axis, frame.cranial)]).section(0, seen.centre)
    if section is None or section.at_border:
        return None
    pedicle = replace(
        start,
        isthmus=seen.centre,
        width_mm=seen.width_mm,
        height_mm=seen.height_mm,
        mask_width_mm=_extents(section.share)[0],
    )
    remark = (
        f"{side} pedicle has no neck in the mask: {seen.width_mm:.1f} mm wide on the CT, looked for along the mirror "
        f"image of the {twin.side} one; the mask may hold a rib or a process, look at it"
    )
    return pedicle, remark


def _on_ct(neck: Pedicle, occupancy: Volume, ct: Volume, view: LocalView) -> tuple[Pedicle, str | None]:
    """The pedicle with its isthmus as the CT shows it around the mask's axis, and what is to be said of that."""
    seen = _seen_on_ct(neck, occupancy, ct, view)
    if isinstance(seen, str):
        return neck, f"{neck.side} pedicle measured on the mask, not on the CT: {seen}"
    return smaller_of(neck, seen)


def _seen_on_ct(neck: Pedicle, occupancy: Volume, ct: Volume, view: LocalView) -> Isthmus | str:
    """The isthmus on the CT from the mask's wall beside the canal; or why there is none."""
    plane = plane_square_to(neck.isthmus, neck.axis, view.frame.cranial)
    lateral = plane.left if neck.side is Side.LEFT else -plane.left
    depth = np.arange(0.0, WIDEST_MM, STEP_MM / 2)
    inside = occupancy.sample(neck.isthmus - depth[:, None] * lateral) > 0.5
    if inside.all() or not inside[0]:
        return "no wall beside the canal in the mask"
    inner = neck.isthmus - depth[int((~inside).argmax())] * lateral
    return measure_isthmus(ct, inner, lateral, neck.axis, view.frame.cranial, neck.height_mm)


def smaller_of(neck: Pedicle, seen: Isthmus) -> tuple[Pedicle, str | None]:
    """A pedicle of the mask with its isthmus on the CT, or as it was where the mask is narrower by more than 2 mm.

    Two millimetres are what blur (0.7 mm) and half a voxel of the mask at either wall can explain; beyond, one of both
    holds other bone or lacks some, and the smaller width counts.
    """
    on_ct = replace(
        neck, isthmus=seen.centre, width_mm=seen.width_mm, height_mm=seen.height_mm, mask_width_mm=neck.width_mm
    )
    apart = seen.width_mm - neck.width_mm
    if abs(apart) <= APART_MM:
        return on_ct, None
    why = ": a rib or a process may be in the mask" if apart < 0 else ""
    remark = (
        f"{neck.side} pedicle {seen.width_mm:.1f} mm wide on the CT but {neck.width_mm:.1f} mm in the mask, more than "
        f"{APART_MM:.1f} mm apart: the smaller width counts, look at it{why}"
    )
    return (on_ct if apart < 0 else neck), remark


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
    stack = Stack.cut(occupancy, [plane_square_to(point, frame.anterior, frame.cranial) for point in points])
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
    planes = [plane_square_to(centre + t * axis, axis, turned.frame.cranial) for axis in axes for t in places]
    stack = Stack.cut(occupancy, planes, _COARSE_MM)
    sections = [stack.section(i, plane.origin) for i, plane in enumerate(planes)]
    areas = np.array([np.inf if section is None else section.area_mm2 for section in sections])
    return angles, areas.reshape(len(angles), -1).min(axis=1)


def _along(occupancy: Volume, centre: Floats, axis: Floats, cranial: Floats) -> list[Section]:
    """Cross-sections square to an axis around a centre, from back to front."""
    places = np.arange(-_SEARCH_MM, _SEARCH_MM + STEP_MM / 2, STEP_MM)
    stack = Stack.cut(occupancy, [plane_square_to(centre + t * axis, axis, cranial) for t in places])
    sections = [stack.section(i, plane.origin) for i, plane in enumerate(stack.planes)]
    return [section for section in sections if section is not None]


def _joins_body_and_arch(occupancy: Volume, view: LocalView, foramen: Foramen, centre: Floats, axis: Floats) -> bool:
    """Whether bone runs unbroken along the axis into the body and a little way into the arch.

    Any process has a narrowest section; only a pedicle leads from there into the body.
    """
    front = float(view.anterior_mm[foramen.region.any(axis=1)][-1]) + _INTO_BODY_MM
    ahead = (front - view.frame.to_local(centre)[1]) / float(axis @ view.frame.anterior)
    along = np.arange(-_INTO_ARCH_MM, max(ahead, 0.0), STEP_MM)
    return bool((occupancy.sample(centre + along[:, None] * axis) > 0.5).all())


def _extents(share: Floats) -> tuple[float, float]:
    """Smallest extent of a cross-section and the extent square to it. [mm]"""
    contours = find_contours(np.pad(share, 1), 0.5)  # type: ignore[no-untyped-call]
    return extents(max(contours, key=len) * STEP_MM)
