"""Candidate needles through one pedicle, judged on a distance field, and the best of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spondyl.planning.room import Room
from spondyl.planning.types import CLASS_LIMITS_MM, AccessClass
from spondyl.space import Floats, Frame
from spondyl.spine import Pedicle, Side, Vertebra

_ACROSS = 15  # points each way in the pedicle's narrowest section
_TARGETS = (7, 8, 8)  # cranial, anterior, left
_BEHIND_MM = (-4.0, -2.0)  # along the needle from the narrowest section: still between canal and outer wall
_SAMPLES = 16  # from the narrowest section to the tip
_BATCH = 25_000
_ENOUGH_MM = CLASS_LIMITS_MM[AccessClass.A]  # clearance beyond this does not outweigh a better target
_AIM_WEIGHT = 0.1  # clearance that is given up for a target 1 mm nearer to the aim
_CRANIAL_SHARE = 0.2  # of the height, either side of the middle between the endplates
_ANTERIOR = (0.67, 0.85)  # of the depth counted from the posterior wall: the anterior third without its wall


@dataclass(frozen=True)
class Aim:
    """Where tips may lie, in the frame of a vertebra, and where they lie best. [mm]"""

    cranial_mm: tuple[float, float]
    anterior_mm: tuple[float, float]
    left_mm: tuple[float, float]
    best_mm: tuple[float, float, float]  # (cranial, anterior, left)
    reason: str
    behind_mm: float = 0.0  # how far behind the tip what is best placed there lies


@dataclass(frozen=True, eq=False)
class Candidates:
    """Lines through a pedicle, with what room they have, best first."""

    through: Floats  # (n, 3), in the narrowest section, patient mm
    target: Floats  # (n, 3)
    free_mm: Floats  # (n,), of the axis; a needle fits when its radius is no more
    judged: int  # how many were looked at

    def __reduce__(self) -> tuple[type[Candidates], tuple[Floats, Floats, Floats, int]]:
        return type(self), (self.through, self.target, self.free_mm, self.judged)


def cement_aim(vertebra: Vertebra, frame: Frame, side: Side, needles: int) -> Aim | None:
    """Aim for cement: the anterior third, near the midline for one needle, in the own half for two."""
    walls = [s for s in (vertebra.posterior, vertebra.anterior) if s is not None]
    plates = [s for s in (vertebra.inferior, vertebra.superior) if s is not None]
    if len(walls) < 2 or len(plates) < 2:
        return None
    back, front = (float(np.nanmedian(wall.height_mm)) for wall in walls)
    anterior = back + _ANTERIOR[0] * (front - back), back + _ANTERIOR[1] * (front - back)
    half_width = _half_width(vertebra, frame)
    sign = 1.0 if side is Side.LEFT else -1.0
    left = (-0.2 * half_width, 0.2 * half_width) if needles == 1 else (0.2 * half_width, 0.6 * half_width)
    ends = sorted((sign * left[0], sign * left[1]))
    best_left = 0.0 if needles == 1 else sign * 0.4 * half_width
    middle = float(np.mean(anterior))
    low, high = (float(plate.at([middle], [best_left])[0]) for plate in plates)
    if not np.isfinite([low, high]).all():
        return None
    centre, room = (low + high) / 2, _CRANIAL_SHARE * (high - low)
    place = "near the midline, so that one needle fills both halves" if needles == 1 else "in its own half"
    return Aim(
        (centre - room, centre + room),
        anterior,
        (ends[0], ends[1]),
        (centre, middle, best_left),
        f"tip in the anterior third of the body, halfway between the endplates, {place}",
    )


def balloon_aim(vertebra: Vertebra, frame: Frame, side: Side, needles: int, length_mm: float) -> Aim | None:
    """Aim for a balloon: its middle halfway between endplates and between front and back, its tip as for cement."""
    tip = cement_aim(vertebra, frame, side, needles)
    if tip is None:
        return None
    assert vertebra.anterior is not None and vertebra.posterior is not None
    assert vertebra.superior is not None and vertebra.inferior is not None
    middle = float(np.mean([np.nanmedian(wall.height_mm) for wall in (vertebra.anterior, vertebra.posterior)]))
    left = tip.best_mm[2]
    centre = float(np.mean([plate.at([middle], [left])[0] for plate in (vertebra.superior, vertebra.inferior)]))
    if not np.isfinite(centre):
        return None
    return replace(
        tip,
        best_mm=(centre, middle, left),
        reason="middle of the balloon halfway between the endplates and between front and back; its tip in the "
        f"anterior third{', near the midline' if needles == 1 else ', in its own half'}",
        behind_mm=length_mm / 2,
    )


def search_paths(
    room: Room, pedicle: Pedicle, frame: Frame, aim: Aim, radius_mm: float, keep_off_mm: float = 0.0
) -> Candidates:
    """All lines from the pedicle's narrowest section to a grid of tips, ranked for a needle of this radius.

    Where a clearance to the canal is asked for (`keep_off_mm`), so much less room is counted beside the canal.
    """
    through, targets = _through(pedicle, frame), tips_of(frame, aim)
    first, second = np.meshgrid(np.arange(len(through)), np.arange(len(targets)), indexing="ij")
    pairs = np.stack([first.ravel(), second.ravel()])
    starts, tips = through[pairs[0]], targets[pairs[1]]
    return ranked(starts, tips, free_radius(room, starts, tips, pedicle.side, keep_off_mm), frame, aim, radius_mm)


def ranked(
    starts: Floats, tips: Floats, free: Floats, frame: Frame, aim: Aim, radius_mm: float, cost_mm: Floats | float = 0.0
) -> Candidates:
    """Lines by clearance, up to 2 mm, by nearness of the tip (or balloon) to where it lies best, and by their cost."""
    way = (tips - starts) / np.linalg.norm(tips - starts, axis=1)[:, None]
    off = np.linalg.norm(frame.to_local(tips - aim.behind_mm * way) - aim.best_mm, axis=1)
    score = np.minimum(free - radius_mm, _ENOUGH_MM) - _AIM_WEIGHT * off - cost_mm
    order = np.argsort(-score, kind="stable")
    return Candidates(starts[order], tips[order], free[order], len(order))


def free_radius(room: Room, through: Floats, target: Floats, side: Side, keep_off_mm: float = 0.0) -> Floats:
    """Least distance along each line to what is not this bone, by the nearest voxel's centre, shape (n,). [mm]

    Within the pedicle of that side also to its wall on the CT. To the canal it is told less by `keep_off_mm`. For
    ranking; the paths that are kept are measured exactly.
    """
    start = room.geometry.indices(through).astype(np.float32)
    way = room.geometry.indices(target).astype(np.float32) - start
    behind = np.asarray(_BEHIND_MM)[None] / np.linalg.norm(target - through, axis=1)[:, None]
    ahead = np.broadcast_to(np.linspace(0, 1, _SAMPLES), (len(start), _SAMPLES))
    shares = np.concatenate([behind, ahead], axis=1).astype(np.float32)
    field = room.in_pedicle_mm(side, keep_off_mm)
    return np.concatenate(
        [_least(field, start[i : i + _BATCH], way[i : i + _BATCH], shares[i : i + _BATCH]) for i in _starts(len(start))]
    )


def tips_of(frame: Frame, aim: Aim) -> Floats:
    """The grid of tips that are tried, shape (n, 3), patient mm."""
    axes = [
        np.linspace(*ends, n) for ends, n in zip((aim.cranial_mm, aim.anterior_mm, aim.left_mm), _TARGETS, strict=True)
    ]
    return frame.to_patient(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3))


def _starts(count: int) -> range:
    return range(0, count, _BATCH)


def _least(
    field: NDArray[np.float32], start: NDArray[np.float32], way: NDArray[np.float32], shares: NDArray[np.float32]
) -> Floats:
    least = np.full(len(start), np.inf)
    top = np.array(field.shape) - 1
    flat, (_, second, third) = field.ravel(), field.shape
    for column in shares.T:
        place = np.clip(np.rint(start + column[:, None] * way).astype(np.int32), 0, top)
        np.minimum(least, flat[(place[:, 0] * second + place[:, 1]) * third + place[:, 2]], out=least)
    return least


def _through(pedicle: Pedicle, frame: Frame) -> Floats:
    """Points of the narrowest section, shape (n, 3)."""
    plane = Frame.from_directions(
        pedicle.isthmus, frame.cranial - (frame.cranial @ pedicle.axis) * pedicle.axis, pedicle.axis
    )
    up = np.linspace(-0.4, 0.4, _ACROSS) * pedicle.height_mm
    left = np.linspace(-0.4, 0.4, _ACROSS) * pedicle.width_mm
    first, second = np.meshgrid(up, left, indexing="ij")
    return plane.to_patient(np.stack([first, np.zeros_like(first), second], axis=-1).reshape(-1, 3))


def _half_width(vertebra: Vertebra, frame: Frame) -> float:
    """Half the width of the body, from its mask. [mm]"""
    assert vertebra.body is not None
    left = frame.to_local(vertebra.body.geometry.points(np.argwhere(vertebra.body.array)))[:, 2]
    return float(np.quantile(left, 0.98) - np.quantile(left, 0.02)) / 2
