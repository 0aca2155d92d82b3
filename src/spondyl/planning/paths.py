"""One needle measured exactly: its entry, clearances, class and depths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spondyl.planning.angles import needle_angles
from spondyl.planning.gauges import outer_diameter
from spondyl.planning.room import Room
from spondyl.planning.types import AccessClass, Clearance, NeedlePath, Structure
from spondyl.space import Floats, Frame, Volume
from spondyl.spine import Side

_STEP_MM = 0.25
_LONGEST_MM = 45.0  # from the narrowest section back to the entry
_GAP_MM = 3.0  # without bone: the needle has left it
_OUT_MM = 25.0  # behind the entry, where neighbours are looked for
_PEDICLE_BEHIND_MM = 4.0
PLACEMENT_MM, PLACEMENT_DEG = 2.0, 3.0  # how far off a hand may be
_SKIN_HU, _SKIN_GAP_MM = -300.0, 5.0  # air behind the back, at least so long
_TISSUE_BEHIND_MM = 15.0  # behind that air, in all: more than the shells of a table, so the air was lung or bowel
_NEEDED = (Structure.CANAL, Structure.PEDICLE_WALL)  # for a class


@dataclass(frozen=True, eq=False)
class Line:
    """The axis of a needle in one pedicle."""

    through: Floats  # (3,), in the narrowest section
    target: Floats

    def __reduce__(self) -> tuple[type[Line], tuple[Floats, Floats]]:
        return type(self), (self.through, self.target)

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
    entry = find_entry_point(room, line.through, line.direction)
    angles = needle_angles(line.direction, frame, side)
    clearances = _clearances(room, line, frame, entry, outer_diameter(gauge) / 2, posterior_wall_mm)
    skin = None if ct is None else skin_distance(ct, entry, line.direction)
    depth = None if skin is None else skin + float(np.linalg.norm(line.target - entry))
    return NeedlePath(
        side=side,
        approach="transpedicular",
        gauge=gauge,
        outer_diameter_mm=outer_diameter(gauge),
        entry=entry,
        target=line.target,
        clearances=clearances if can_judge else (),
        access_class=access_class(clearances) if can_judge else None,
        angles=angles,
        skin_depth_mm=depth,
        reasons=reasons,
    )


def access_class(clearances: tuple[Clearance, ...]) -> AccessClass:
    """The class by the canal; none where the needle leaves the pedicle, the body or meets a neighbour.

    Nor has a path a class whose canal or pedicle was not met within 12 mm: their label is not whole.
    """
    by = {clearance.structure: clearance.value_mm for clearance in clearances}
    if any(structure not in by for structure in _NEEDED) or min(by.values()) < 0:
        return AccessClass.NONE
    canal = by[Structure.CANAL]
    return AccessClass.A if canal >= 2 else AccessClass.B if canal >= 1 else AccessClass.C


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
    air = seen & (ct.sample(points) < _SKIN_HU)
    gap = round(_SKIN_GAP_MM / _STEP_MM)
    runs = np.convolve(air, np.ones(gap), mode="valid") >= gap - 0.5
    first = np.flatnonzero(runs)
    if not len(first) or not seen[: first[0]].all():
        return None
    tissue = seen[first[0] :] & ~air[first[0] :]
    return None if np.count_nonzero(tissue) * _STEP_MM > _TISSUE_BEHIND_MM else float(back[first[0]])


def _clearances(
    room: Room, line: Line, frame: Frame, entry: Floats, radius: float, posterior_wall_mm: float
) -> tuple[Clearance, ...]:
    """Clearances by structure, each over the part of the needle that it concerns."""
    length = float(np.linalg.norm(line.target - entry))
    depth = np.append(np.arange(-_OUT_MM, length, _STEP_MM), length)
    points = entry + depth[:, None] * line.direction
    isthmus = float((line.through - entry) @ line.direction)
    in_body = frame.to_local(points)[:, 1] > posterior_wall_mm
    parts = {
        Structure.CANAL: np.ones(len(depth), bool),
        Structure.PEDICLE_WALL: (depth >= isthmus - _PEDICLE_BEHIND_MM) & (depth >= 0) & ~in_body,
        Structure.BODY_WALL: in_body & (depth > isthmus),
        Structure.NEIGHBOUR: np.ones(len(depth), bool),
    }
    found = []
    for structure, part in parts.items():
        if not part.any() or not room.forbidden(structure).any():
            continue
        distance, least = room.least_distance(structure, points[part])
        if np.isfinite(distance):
            found.append(_clearance(structure, distance - radius, room.half_voxel_mm, depth[part][least]))
    return tuple(found)


def _clearance(structure: Structure, value: float, half_voxel: float, depth: float) -> Clearance:
    hand = PLACEMENT_MM + max(float(depth), 0.0) * np.sin(np.radians(PLACEMENT_DEG))
    low = float(value) - half_voxel
    return Clearance(structure, float(value), low, float(value) + half_voxel, low - float(hand), float(depth))
