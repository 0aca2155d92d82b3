"""The vertebral foramen of one vertebra: the hole between body and arch, seen along the vertebra's axis."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import convex_hull_image

from spondyl.space import Floats
from spondyl.spine.local_view import LocalView

_LEAST_AREA_MM2 = 50.0  # the adult thoracolumbar foramen has 150 mm² and more
_BEHIND_MM = (-50.0, -6.0)  # where its centre lies, seen from the body's centre
_ASIDE_MM = 14.0
_FLANK_MM = 20.0  # from the middle of an open pocket to the bone on either side
_CLOSINGS_MM = (0, 2, 4, 6)  # gaps of the ring that are bridged: thin laminae get lost in coarse or poor masks
_ANGLES = 48
_RAY_STEP_MM = 0.5
_BEYOND_MM = 4.0  # how far past the projected hole a wall is looked for: it is hollow between its upper and lower rim
_MARGIN_MM = 1.0  # of the body's height left out at top and bottom


@dataclass(frozen=True, eq=False)
class Foramen:
    """The hole seen along the cranial axis, in (anterior, left) of a view."""

    region: NDArray[np.bool_]
    centre: tuple[float, float]  # (anterior, left). [mm]
    half_width_mm: float
    bridged_mm: int  # gaps of the bony ring up to this width were bridged
    is_open: bool = False  # the ring is open behind: closed here by the shortest line around the bone


def find_foramen(view: LocalView) -> Foramen | None:
    """The hole that is free along the whole height of the body, or along its upper half where pedicles are.

    The image border counts as bone, so a ring that the image cuts through is still closed. Where no ring can be closed
    (laminectomy, pedicle stumps), it is the pocket of the bone's convex hull behind the body. None: there is neither.
    """
    bottom, top = view.level_range()
    for low in (bottom + _MARGIN_MM, (bottom + top) / 2):
        used = (view.cranial_mm >= low) & (view.cranial_mm <= top - _MARGIN_MM)
        if used.any():
            solid = np.asarray(view.bone[used].any(axis=0) | view.unseen[used].all(axis=0))
            for gap in _CLOSINGS_MM:
                found = _hole(view, _holes(solid, gap), 2 * gap)
                if found is not None:
                    return found
    used = (view.cranial_mm >= (bottom + top) / 2) & (view.cranial_mm <= top - _MARGIN_MM)
    bone = np.asarray(view.bone[used].any(axis=0))
    if not bone.any():
        return None
    hull = convex_hull_image(bone)  # type: ignore[no-untyped-call]
    pocket = _hole(view, np.asarray(hull & ~bone), 0)
    return None if pocket is None or not _is_flanked(view, bone, pocket) else replace(pocket, is_open=True)


def wall_radii(view: LocalView, foramen: Foramen, cranial_mm: float) -> Floats:
    """Distance from the foramen's centre to the bone around it in one cross-section, shape (48,). [mm]

    Angles are counted from anterior towards left. Where a ray meets no bone (between two pedicles) it ends at the
    border of the projected hole.
    """
    steps = np.arange(0.0, 20.0, _RAY_STEP_MM)
    angles = ray_angles()
    a = foramen.centre[0] + np.cos(angles)[:, None] * steps
    left = foramen.centre[1] + np.sin(angles)[:, None] * steps
    limit = _first(~_nearest(view, foramen.region, a, left), steps)
    index = int(np.clip(np.rint(cranial_mm - view.cranial_mm[0]), 0, len(view.cranial_mm) - 1))
    hit = _first(_nearest(view, view.bone[index], a, left), steps)
    return np.asarray(np.where(hit <= limit + _BEYOND_MM, hit, limit))


def ray_angles() -> Floats:
    """Angles of the rays of `wall_radii`, from anterior (0) to left (pi/2). [rad]"""
    return np.asarray(np.linspace(0, 2 * np.pi, _ANGLES, endpoint=False))


def _holes(solid: NDArray[np.bool_], gap: int) -> NDArray[np.bool_]:
    """What a plane of bone encloses, gaps up to twice `gap` bridged."""
    closed = ndimage.binary_closing(solid, _disc(gap)) | solid if gap else solid
    return np.asarray(ndimage.binary_fill_holes(closed) & ~closed)


def _is_flanked(view: LocalView, bone: NDArray[np.bool_], pocket: Foramen) -> bool:
    """Whether bone stands on both sides of a pocket: pedicles, not just a body with a hollow back."""
    row = bone[int(np.rint(pocket.centre[0] - view.anterior_mm[0]))]
    aside = view.left_mm - pocket.centre[1]
    near = np.abs(aside) <= _FLANK_MM
    return bool((row & near & (aside > 0)).any() and (row & near & (aside < 0)).any())


def _hole(view: LocalView, enclosed: NDArray[np.bool_], bridged: int) -> Foramen | None:
    """The largest of the enclosed regions that lies where the canal is."""
    holes, count = ndimage.label(enclosed)
    best = None
    for number in range(1, count + 1):
        region = holes == number
        a, left = view.anterior_mm[np.nonzero(region)[0]], view.left_mm[np.nonzero(region)[1]]
        centre = float(a.mean()), float(left.mean())
        placed = _BEHIND_MM[0] < centre[0] < _BEHIND_MM[1] and abs(centre[1]) < _ASIDE_MM
        if placed and len(a) >= _LEAST_AREA_MM2 and (best is None or len(a) > best.region.sum()):
            best = Foramen(region, centre, (float(np.ptp(left)) + 1) / 2, bridged)
    return best


def _disc(radius: int) -> NDArray[np.bool_]:
    reach = np.arange(-radius, radius + 1)
    return np.asarray(np.hypot(reach[:, None], reach) <= radius)


def _nearest(view: LocalView, plane: NDArray[np.bool_], a: Floats, left: Floats) -> NDArray[np.bool_]:
    i = np.clip(np.rint(a - view.anterior_mm[0]).astype(int), 0, plane.shape[0] - 1)
    j = np.clip(np.rint(left - view.left_mm[0]).astype(int), 0, plane.shape[1] - 1)
    return np.asarray(plane[i, j])


def _first(met: NDArray[np.bool_], steps: Floats) -> Floats:
    """Distance at which each ray first meets something; the length of the ray where it never does."""
    return np.asarray(np.where(met.any(axis=1), steps[met.argmax(axis=1)], steps[-1]))
