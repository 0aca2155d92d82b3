"""One needle measured exactly: its entry, clearances, class and depths."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spondyl.planning.angles import needle_angles
from spondyl.planning.ct_walls import BLUR_MM, CtWall
from spondyl.planning.gauges import outer_diameter
from spondyl.planning.obstacles import AIR_HU, TISSUE_BEHIND_MM
from spondyl.planning.outside import WALL_FROM_MM
from spondyl.planning.room import Room
from spondyl.planning.types import (
    CLASS_LIMITS_MM,
    WITHIN_PEDICLE,
    AccessClass,
    Approach,
    Border,
    Clearance,
    NeedlePath,
    Structure,
)
from spondyl.space import Floats, Frame, Volume
from spondyl.spine import Side

_STEP_MM = 0.25
_LONGEST_MM = 45.0  # from the narrowest section back to the entry
_GAP_MM = 3.0  # without bone: the needle has left it
_OUT_MM = 25.0  # behind the entry, where neighbours are looked for
# Behind the narrowest section, where the pedicle's wall still counts; further back the needle crosses the cortex at its
# entry, which is no breach. A choice of this program; the search watches the same stretch.
_PEDICLE_BEHIND_MM = 4.0
PLACEMENT_MM, PLACEMENT_DEG = 2.0, 3.0  # how far off a hand may be
_NARROWER = "the pedicle is narrower on the CT than in the mask: what its wall there leaves is told, where that is less"
_SKIN_GAP_MM = 5.0  # of air behind the back, at least so long


@dataclass(frozen=True, eq=False)
class Line:
    """The axis of a needle."""

    through: Floats  # (3,), in the plane of the pedicle's narrowest section: within the pedicle or beside it
    target: Floats
    approach: Approach = Approach.TRANSPEDICULAR

    def __reduce__(self) -> tuple[type[Line], tuple[Floats, Floats, Approach]]:
        return type(self), (self.through, self.target, self.approach)

    @property
    def direction(self) -> Floats:
        """Unit vector to the tip."""
        way = self.target - self.through
        return np.asarray(way / np.linalg.norm(way))


def measure_path(
    room: Room,
    line: Line,
    frame: Frame,
    side: Side,
    gauge: int,
    *,
    posterior_wall_mm: float,
    ct: Volume | None,
    can_judge: bool,
    reasons: tuple[str, ...],
) -> NeedlePath:
    """The needle along a line, with everything that is said of it."""
    entry = find_entry_point(room, first_bone(room, line), line.direction)
    angles = needle_angles(line.direction, frame, side)
    wall = room.wall(side) if line.approach is Approach.TRANSPEDICULAR else None
    clearances = _clearances(room, line, frame, entry, outer_diameter(gauge) / 2, posterior_wall_mm, wall)
    if can_judge and any(c.measured_on is Border.CT for c in clearances):
        reasons = (*reasons, _NARROWER)
    skin = None if ct is None else skin_distance(ct, entry, line.direction)
    depth = None if skin is None else skin + float(np.linalg.norm(line.target - entry))
    return NeedlePath(
        side=side,
        approach=line.approach,
        gauge=gauge,
        outer_diameter_mm=outer_diameter(gauge),
        entry=entry,
        target=line.target,
        clearances=clearances if can_judge else (),
        access_class=access_class(clearances, line.approach) if can_judge else None,
        angles=angles,
        skin_depth_mm=depth,
        reasons=reasons,
    )


def access_class(clearances: tuple[Clearance, ...], approach: Approach = Approach.TRANSPEDICULAR) -> AccessClass:
    """The class by the canal; none where the needle leaves the pedicle, the body or meets another structure.

    Nor has a path a class whose canal, or pedicle where it runs in one, was not met within 12 mm: their label is not
    whole. Beside the pedicle the canal may lie further away than that.
    """
    by = {clearance.structure: clearance.value_mm for clearance in clearances}
    inside = approach is Approach.TRANSPEDICULAR
    needed = (Structure.CANAL, Structure.PEDICLE_WALL) if inside else (Structure.BODY_WALL,)
    if any(structure not in by for structure in needed) or min(by.values()) < 0:
        return AccessClass.NONE
    canal = by.get(Structure.CANAL, np.inf)
    return next(grade for grade, limit in CLASS_LIMITS_MM.items() if canal >= limit)


def first_bone(room: Room, line: Line) -> Floats:
    """The first point of the line ahead of its place in or beside the pedicle that lies in bone, shape (3,)."""
    ahead = np.arange(0.0, float(np.linalg.norm(line.target - line.through)), _STEP_MM)
    points = line.through + ahead[:, None] * line.direction
    inside = Volume(room.bone, room.geometry, "1").sample(points, order=0) > 0.5
    return np.asarray(points[int(inside.argmax())])


def find_entry_point(room: Room, through: Floats, direction: Floats) -> Floats:
    """Where a needle that ends up in the pedicle meets bone first, looking back from the pedicle, shape (3,)."""
    back = np.arange(0.0, _LONGEST_MM, _STEP_MM)
    inside = Volume(room.bone, room.geometry, "1").sample(through - back[:, None] * direction, order=0) > 0.5
    gap, last = round(_GAP_MM / _STEP_MM), 0
    for i in np.flatnonzero(inside):
        if i - last > gap:
            break
        last = int(i)
    return np.asarray(through - back[last] * direction)


def skin_distance(ct: Volume, entry: Floats, direction: Floats) -> float | None:
    """From the entry into bone back to the skin along the needle. [mm]

    None where the skin lies outside the image, or where the first air behind the bone has tissue behind it again.
    """
    back = np.arange(0.0, 250.0, _STEP_MM)
    points = entry - back[:, None] * direction
    seen = ct.geometry.contains(points)
    air = seen & (ct.sample(points) < AIR_HU)
    gap = round(_SKIN_GAP_MM / _STEP_MM)
    runs = np.convolve(air, np.ones(gap), mode="valid") >= gap - 0.5
    first = np.flatnonzero(runs)
    if not len(first) or not seen[: first[0]].all():
        return None
    tissue = seen[first[0] :] & ~air[first[0] :]
    return None if np.count_nonzero(tissue) * _STEP_MM > TISSUE_BEHIND_MM else float(back[first[0]])


def _clearances(
    room: Room,
    line: Line,
    frame: Frame,
    entry: Floats,
    radius: float,
    posterior_wall_mm: float,
    wall: CtWall | None = None,
) -> tuple[Clearance, ...]:
    """Clearances by structure, each over the part of the needle that it concerns.

    Within the pedicle, its wall on the CT counts where that is nearer than the mask's doubt allows.
    """
    length = float(np.linalg.norm(line.target - entry))
    depth = np.append(np.arange(-_OUT_MM, length, _STEP_MM), length)
    points = entry + depth[:, None] * line.direction
    parts = {structure: np.ones(len(depth), bool) for structure in room.checked}
    in_body = frame.to_local(points)[:, 1] > posterior_wall_mm
    if line.approach is Approach.TRANSPEDICULAR:
        isthmus = float((line.through - entry) @ line.direction)
        within = parts[Structure.PEDICLE_WALL] = (depth >= isthmus - _PEDICLE_BEHIND_MM) & (depth >= 0) & ~in_body
        parts[Structure.BODY_WALL] = in_body & (depth > isthmus)
    else:
        within = np.zeros(len(depth), bool)
        parts[Structure.BODY_WALL] = depth >= WALL_FROM_MM
    found = []
    for structure, part in parts.items():
        if not part.any() or not room.forbidden(structure).any():
            continue
        distance, least = room.least_distance(structure, points[part])
        told = None
        if wall is not None and structure in WITHIN_PEDICLE:
            told = _on_ct(structure, wall, points[within], depth[within], radius, distance - room.half_voxel_mm)
        if told is not None:
            found.append(replace(told, mask_mm=distance - radius if np.isfinite(distance) else None))
        elif np.isfinite(distance):
            found.append(_on_mask(structure, distance - radius, room, float(depth[part][least])))
    return tuple(found)


def _on_mask(structure: Structure, value: float, room: Room, depth: float) -> Clearance:
    """One clearance, with the interval in which the border of the mask leaves it."""
    low, high = value - room.half_voxel_mm, value + room.half_diagonal_mm
    return Clearance(structure, value, low, high, low - _hand(depth), depth)


def _on_ct(
    structure: Structure, wall: CtWall, points: Floats, depth: Floats, radius: float, below_mm: float
) -> Clearance | None:
    """One clearance to the border on the CT, with the interval in which voxels and blur leave it; None unless less."""
    distance = wall.distance(structure, points)
    if not len(distance) or distance.min() >= below_mm:
        return None
    value, at, doubt = float(distance.min()) - radius, float(depth[distance.argmin()]), wall.outline.half_voxel_mm
    low, high = value - doubt, value + doubt + BLUR_MM
    return Clearance(structure, value, low, high, low - _hand(at), at, Border.CT)


def _hand(depth: float) -> float:
    """What a hand that is off may take away at a depth. [mm]"""
    return PLACEMENT_MM + max(depth, 0.0) * float(np.sin(np.radians(PLACEMENT_DEG)))
