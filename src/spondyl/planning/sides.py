"""The paths of one side of a vertebra: found, judged, ranked, or refused with what limits them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from spondyl.planning.balloons import listed_lengths
from spondyl.planning.gauges import largest_gauge, outer_diameter
from spondyl.planning.outside import search_outside
from spondyl.planning.paths import Line, measure_path
from spondyl.planning.room import Room
from spondyl.planning.search import Aim, Candidates, balloon_aim, cement_aim, search_paths
from spondyl.planning.types import (
    CLASS_LIMITS_MM,
    AccessClass,
    Approach,
    Border,
    Clearance,
    NeedlePath,
    NoPath,
    Structure,
)
from spondyl.space import Floats, Frame, Geometry, Volume, is_blank
from spondyl.spine import Pedicle, Side, Spine, Vertebra

COARSEST_MM = 1.5  # largest voxel edge on which a pedicle's clearance is judged
UNSEEN_MM = 10.0  # from a pedicle's narrowest section to the image's end: nearer, its wall may lie outside; a choice
_BALL_STEP_MM = 1.0  # of the places around a pedicle that are looked at for a picture
_FINALISTS = 12  # measured exactly, of each side and approach
_APART_MM = 2.0  # finalists differ at least so much in tip or narrowest section
_ALTERNATIVES = 2  # of the same approach
_RANKS = {AccessClass.A: 3, AccessClass.B: 2, AccessClass.C: 1, AccessClass.NONE: -1, None: 0}


@dataclass(frozen=True, eq=False)
class Case:
    """What the search of one level needs."""

    spine: Spine
    vertebra: Vertebra
    frame: Frame
    room: Room
    gauge: int
    needles: int
    posterior_wall_mm: float
    balloon: bool = False
    lowest_class: AccessClass = AccessClass.C  # what is below it is not proposed

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, item.name) for item in fields(self))


def side_paths(case: Case, side: Side, ways: tuple[Approach, ...]) -> tuple[tuple[NeedlePath, ...], tuple[NoPath, ...]]:
    """The paths of one side by these approaches, best first, and the refusals of approaches that have none."""
    each = [_paths_of(case, side, way) for way in ways]
    paths = [path for found in each if not isinstance(found, NoPath) for path in found]
    refused = tuple(found for found in each if isinstance(found, NoPath))
    return tuple(sorted(paths, key=worth, reverse=True)), refused


def worth(path: NeedlePath) -> tuple[int, int, float]:
    """Order of paths: approach, then class, then the least clearance.

    The approach comes first because a needle beside the pedicle passes what no distance was measured to.
    """
    least = min((c.value_mm for c in path.clearances), default=0.0)
    return -list(Approach).index(path.approach), _RANKS[path.access_class], least


def others(paths: tuple[NeedlePath, ...]) -> tuple[NeedlePath, ...]:
    """Of the paths of one side, the next of the first one's approach, and the best of each other approach."""
    same = [path for path in paths[1:] if path.approach is paths[0].approach]
    other = {path.approach: path for path in reversed(paths) if path.approach is not paths[0].approach}
    return (*same[:_ALTERNATIVES], *other.values())


def compared(path: NeedlePath, first: dict[Side, NeedlePath]) -> NeedlePath:
    """An alternative with what sets it apart from the needle that was chosen on its side."""
    chosen = first.get(path.side)
    if chosen is None or path.access_class is None or chosen.access_class is None:
        return path
    least = [min(c.value_mm for c in each.clearances) for each in (path, chosen)]
    tips = float(np.linalg.norm(path.target - chosen.target))
    told = (
        f"{path.approach.value}, class {path.access_class.value} beside {chosen.access_class.value}: least clearance "
        f"{least[0]:.1f} mm beside {least[1]:.1f} mm, tip {tips:.0f} mm from that needle's"
    )
    return replace(path, reasons=(told, *path.reasons))


def _paths_of(case: Case, side: Side, way: Approach) -> tuple[NeedlePath, ...] | NoPath:
    """The paths of one side by one approach, best first."""
    pedicle = case.vertebra.pedicle(side)
    aim = _aim(case, side)
    if pedicle is None or aim is None:
        what = f"{side.value} pedicle" if pedicle is None else "endplates or walls"
        return NoPath(side, case.gauge, None, None, f"{what} not found in the label image: no path was looked for", way)
    radius, keep_off = outer_diameter(case.gauge) / 2, CLASS_LIMITS_MM[case.lowest_class]
    if way is Approach.TRANSPEDICULAR:
        candidates = search_paths(case.room, pedicle, case.frame, aim, radius, keep_off)
    else:
        candidates = search_outside(case.room, pedicle, case.frame, aim, radius, way, keep_off)
    if not np.isfinite(candidates.free_mm).any():
        reason = f"no {side.value} {way.value} path: no straight line beside the pedicle comes into the body to the aim"
        return NoPath(side, case.gauge, None, None, reason, way)
    doubt = cannot_judge(case.room, pedicle, way) or beside_the_end(case.spine.geometry, pedicle, case.spine.ct)
    reasons = (aim.reason,) if doubt is None else (doubt, "orientation only, without a class")
    measured = [_measured(case, pedicle, candidates, i, way, reasons, doubt is None) for i in _finalists(candidates)]
    if doubt is not None:
        return tuple(measured[:1])
    passing = [path for path in measured if _RANKS[path.access_class] >= _RANKS[case.lowest_class]]
    if passing:
        return tuple(sorted(passing, key=worth, reverse=True))
    return _refusal(case, pedicle, way, measured)


def _aim(case: Case, side: Side) -> Aim | None:
    if not case.balloon:
        return cement_aim(case.vertebra, case.frame, side, case.needles)
    return balloon_aim(case.vertebra, case.frame, side, case.needles, listed_lengths()[-1])


def cannot_judge(room: Room, pedicle: Pedicle, way: Approach = Approach.TRANSPEDICULAR) -> str | None:
    """Why the clearance in or beside a pedicle cannot be judged; None where it can."""
    edge = 2 * room.half_voxel_mm
    if edge > COARSEST_MM:
        limit = f"{COARSEST_MM} mm"
    elif edge > pedicle.width_mm / 2 and way is Approach.TRANSPEDICULAR:
        limit = f"half the pedicle's narrowest width of {pedicle.width_mm:.1f} mm"
    else:
        return None
    return f"pedicle clearance cannot be judged on this CT: its largest voxel edge of {edge:.1f} mm exceeds {limit}"


def beside_the_end(image: Geometry, pedicle: Pedicle, ct: Volume | None = None) -> str | None:
    """Why nothing is judged where the label image or the CT's picture ends beside a pedicle; None where both go on.

    Distances are measured to what is seen: a wall, a canal or a neighbour beyond the image would count as far away.
    Padding shows nothing, however far its grid goes on.
    """
    least = _to_the_end(image, pedicle.isthmus)
    if ct is not None:
        least = min(least, _to_the_end(ct.geometry, pedicle.isthmus), _to_blank(ct, pedicle.isthmus))
    if least >= UNSEEN_MM:
        return None
    return (
        f"the image ends {max(least, 0.0):.0f} mm from the narrowest section of the {pedicle.side.value} pedicle: its "
        "wall may lie outside, so clearances cannot be judged"
    )


def _to_the_end(image: Geometry, point: Floats) -> float:
    """Distance of a point to the nearest face of an image's grid, below 0 outside it. [mm]"""
    place = image.indices(point)
    return float((np.minimum(place + 0.5, np.array(image.shape) - 0.5 - place) * image.spacing_mm).min())


def _to_blank(ct: Volume, point: Floats) -> float:
    """Distance of a point to the nearest place within 10 mm at which a CT shows nothing; infinite: none. [mm]"""
    steps = np.arange(-UNSEEN_MM, UNSEEN_MM + _BALL_STEP_MM / 2, _BALL_STEP_MM)
    ball = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    ball = ball[np.linalg.norm(ball, axis=1) < UNSEEN_MM]
    blank = ball[is_blank(ct.array, ct.geometry.indices(point + ball))]
    return float(np.linalg.norm(blank, axis=1).min()) if len(blank) else np.inf


def _finalists(candidates: Candidates) -> list[int]:
    """The best candidates that differ from one another."""
    kept: list[int] = []
    places = np.concatenate([candidates.through * 2, candidates.target], axis=1)  # 1 mm in the pedicle counts for two
    for i in range(min(int(np.isfinite(candidates.free_mm).sum()), 4000)):
        if all(np.linalg.norm(places[i] - places[j]) >= _APART_MM for j in kept):
            kept.append(i)
        if len(kept) == _FINALISTS:
            break
    widest = int(candidates.free_mm.argmax())
    return [*kept, widest]


def _measured(
    case: Case,
    pedicle: Pedicle,
    candidates: Candidates,
    index: int,
    way: Approach,
    reasons: tuple[str, ...],
    can_judge: bool,
) -> NeedlePath:
    return measure_path(
        case.room,
        Line(candidates.through[index], candidates.target[index], way),
        case.frame,
        pedicle.side,
        case.gauge,
        posterior_wall_mm=case.posterior_wall_mm,
        ct=case.spine.ct,
        can_judge=can_judge,
        reasons=reasons,
    )


def _refusal(case: Case, pedicle: Pedicle, way: Approach, measured: list[NeedlePath]) -> NoPath:
    """What limits the best of the paths that were looked at, and the thickest needle that would pass there."""
    side, gauge = pedicle.side, case.gauge

    def spare(clearance: Clearance) -> float:
        """What is left beyond the clearance that the lowest class needs."""
        needed = CLASS_LIMITS_MM[case.lowest_class] if clearance.structure is Structure.CANAL else 0.0
        return clearance.value_mm - needed

    best = max(measured, key=lambda path: min(spare(c) for c in path.clearances))
    limit = min(best.clearances, key=spare)
    passing = largest_gauge(spare(limit) + best.outer_diameter_mm / 2)
    wanted = "" if case.lowest_class is AccessClass.C else f" of class {case.lowest_class.value} or better"
    advice = "none of gauge 8 to 13 passes" if passing is None else f"the thickest needle that passes is {passing} G"
    on_ct = "" if limit.measured_on is Border.MASK else f" {limit.border_words}"
    reason = (
        f"no {side.value} {way.value} path of gauge {gauge}{wanted}: limited by the "
        f"{limit.structure.value.replace('_', ' ')} ({limit.value_mm:.1f} mm{on_ct}); {advice}"
    )
    if _holds_metal(case.room, pedicle):
        reason += "; metal or dense cement lies in this pedicle"
    return NoPath(side, gauge, limit.structure, passing, reason, way)


def _holds_metal(room: Room, pedicle: Pedicle) -> bool:
    """Whether metal lies in the bone around the pedicle's narrowest section, so that paths had to avoid it."""
    if Structure.METAL not in room.checked:
        return False
    points = room.geometry.points(np.argwhere(room.forbidden(Structure.METAL) & room.bone))
    return bool((np.linalg.norm(points - pedicle.isthmus, axis=1) <= pedicle.height_mm / 2).any())
