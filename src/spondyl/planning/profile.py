"""Clearance along a needle: how near each structure comes at each depth."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from spondyl.errors import InputError
from spondyl.planning.distances import border_indices, exact_distances
from spondyl.planning.room import Room, make_room
from spondyl.planning.types import Approach, NeedlePath, Plan, Structure
from spondyl.space import Floats, read_only
from spondyl.spine import Spine

_STEP_MM = 0.5
_WALLS = (Structure.PEDICLE_WALL, Structure.BODY_WALL)


@dataclass(frozen=True, eq=False)
class ClearanceProfile:
    """Clearances of a needle's outer surface along its way in bone, entry to tip; negative: it goes in.

    Each may truly be less by `doubt_below_mm`, half the largest voxel edge, or more by `doubt_above_mm`, half a voxel's
    diagonal: the interval of `Clearance`. A structure further than 12 mm away has NaN there. Within a pedicle the
    border on the CT counts where it is nearer than that interval, as for the clearances of the path.
    """

    depth_mm: Floats  # (n,), from the entry into bone
    clearance_mm: tuple[tuple[Structure, Floats], ...]  # each (n,)
    doubt_below_mm: float
    doubt_above_mm: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "depth_mm", read_only(self.depth_mm, np.float64))
        told = tuple((structure, read_only(values, np.float64)) for structure, values in self.clearance_mm)
        object.__setattr__(self, "clearance_mm", told)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, item.name) for item in fields(self))


def clearance_profiles(spine: Spine, plan: Plan) -> tuple[ClearanceProfile | None, ...]:
    """The profile of each needle of a plan, in their order; None where clearance cannot be judged on this CT.

    The wall of the needle's own bone, given as `BODY_WALL`, counts from where the needle is as far within as the least
    clearance of its path says: at the entry it crosses that wall.
    """
    if not any(path.clearances for path in plan.needles):
        return tuple(None for _ in plan.needles)
    if spine.canal is None:
        raise InputError(f"there is no canal around {plan.level.name}: these labels are not those of the plan")
    room = make_room(spine, spine[plan.level], spine.canal)
    return tuple(_profile(room, path) if path.clearances else None for path in plan.needles)


def _profile(room: Room, path: NeedlePath) -> ClearanceProfile:
    depth = np.linspace(0.0, path.bone_depth_mm, round(path.bone_depth_mm / _STEP_MM) + 1)
    points = path.entry + depth[:, None] * path.direction
    others = [c.structure for c in path.clearances if c.structure not in _WALLS]
    values = [(structure, _clearance(room, structure, points, path)) for structure in others]
    least = min((c.value_mm for c in path.clearances if c.structure in _WALLS), default=None)
    if least is not None:
        wall = _clearance(room, Structure.PEDICLE_WALL, points, path)  # the same bone, and the CT's border in it
        within = np.maximum.accumulate(np.nan_to_num(wall, nan=np.inf) >= least)
        values.append((Structure.BODY_WALL, np.where(within, wall, np.nan)))
    return ClearanceProfile(depth, tuple(values), room.half_voxel_mm, room.half_diagonal_mm)


def _clearance(room: Room, structure: Structure, points: Floats, path: NeedlePath) -> Floats:
    forbidden = room.forbidden(structure)
    distance = exact_distances(points, room.geometry, border_indices(forbidden), forbidden)
    seen = room.wall(path.side) if path.approach is Approach.TRANSPEDICULAR else None
    if seen is not None:
        on_ct = seen.distance(structure, points)
        distance = np.where(on_ct < distance - room.half_voxel_mm, on_ct, distance)
    return np.asarray(np.where(np.isfinite(distance), distance - path.outer_diameter_mm / 2, np.nan))
