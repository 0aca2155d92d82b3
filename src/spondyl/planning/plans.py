"""A plan of one level: needles, what was refused, cement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spondyl.errors import InputError
from spondyl.evidence import find_entry
from spondyl.planning.gauges import largest_gauge, outer_diameter
from spondyl.planning.paths import Line, measure_path
from spondyl.planning.room import Room, make_room
from spondyl.planning.search import Candidates, cement_aim, search_paths
from spondyl.planning.types import AccessClass, CementVolume, NeedlePath, NoPath, Plan, Structure
from spondyl.space import Frame
from spondyl.spine import Level, Pedicle, Side, Spine, Vertebra

COARSEST_MM = 1.5  # largest voxel edge on which a pedicle's clearance is judged
_APPROACHES = ("transpedicular",)
_FINALISTS = 12  # measured exactly, of each side
_APART_MM = 2.0  # finalists differ at least so much in tip or narrowest section
_ALTERNATIVES = 3
UNCHECKED = ("lung and pleura", "great vessels", "ribs", "nerve roots", "metal or cement that is there already")
NOTES = (
    "the CT was taken lying; in the theatre the position will differ: check every angle under the C-arm",
    "straight paths through the pedicle only; parapedicular and extrapedicular paths were not looked for",
)


@dataclass(frozen=True, eq=False)
class _Case:
    """What the search of one level needs."""

    spine: Spine
    vertebra: Vertebra
    frame: Frame
    room: Room
    gauge: int
    needles: int
    posterior_wall_mm: float

    def __reduce__(self) -> tuple[type[_Case], tuple[object, ...]]:
        values = self.spine, self.vertebra, self.frame, self.room, self.gauge, self.needles, self.posterior_wall_mm
        return type(self), values


def no_treatment(level: Level | str) -> Plan:
    """The empty plan of a level: nothing is done.

    >>> no_treatment("L1").is_untreated
    True
    """
    return Plan(Level.parse(level) if isinstance(level, str) else level)


def plan_augmentation(
    spine: Spine,
    level: Level | str,
    *,
    approach: str = "transpedicular",
    gauge: int = 11,
    needles: int = 2,
    side: Side | None = None,
) -> Plan:
    """Plan needles into one vertebra.

    Straight paths through each pedicle are searched on the masks. The class of a path is by the clearance of its
    surface to the canal. Where the largest voxel edge exceeds 1.5 mm, or half the pedicle's narrowest width, clearance
    cannot be judged: the path is orientation only and has no class.

    Parameters
    ----------
    approach
        Only "transpedicular" so far.
    gauge
        8 to 13; 11 to 13 are usual for vertebroplasty [pp-needle].
    needles
        2 for one in each pedicle, 1 for the better side with its tip near the midline.
    side
        The one side wanted; None: both are looked at.
    """
    if approach not in _APPROACHES:
        raise InputError(f"the approach '{approach}' is not known; it is one of {', '.join(_APPROACHES)}")
    if needles not in (1, 2) or (needles == 2 and side is not None):
        raise InputError(f"1 or 2 needles are planned, and one side takes 1; found {needles}, side {side}")
    outer_diameter(gauge)
    case = _case(spine, spine[level], gauge, needles)
    found, refused = [], []
    for each in Side if side is None else (side,):
        paths = _paths_of(case, each)
        if isinstance(paths, NoPath):
            refused.append(paths)
        else:
            found.append(paths)
    found.sort(key=lambda paths: _worth(paths[0]), reverse=True)
    used = found[:needles]
    others = [path for paths in used for path in paths[1:_ALTERNATIVES]]
    others += [path for paths in found[needles:] for path in paths[:_ALTERNATIVES]]
    return Plan(
        case.vertebra.level,
        needles=tuple(sorted((paths[0] for paths in used), key=lambda path: path.side.value)),
        cement=cement_volume(case.vertebra) if used else None,
        refused=tuple(refused),
        alternatives=tuple(sorted(others, key=_worth, reverse=True)),
        unchecked=UNCHECKED,
        notes=_notes(spine),
    )


def cement_volume(vertebra: Vertebra) -> CementVolume:
    """Bracket of cement by body volume and the mean fill that restored strength and stiffness in cadavers."""
    assert vertebra.body is not None
    entry = find_entry("pp-volume-fill")
    shares = [entry.figure(name).value for name in ("fill_strength", "fill_stiffness")]
    low, high = (float(str(share)) / 100 for share in shares)
    volume = float(vertebra.body.array.sum()) * vertebra.body.geometry.voxel_volume_mm3 / 1000
    return CementVolume(low * volume, high * volume, volume, entry.source)


def _notes(spine: Spine) -> tuple[str, ...]:
    position = None if spine.study is None else spine.study.scan.patient_position
    told = "the header does not say how the patient lay" if position is None else f"scanned in position {position}"
    asked = (*(() if spine.study is None else spine.study.questions), *spine.questions)
    first = (f"answer first: {question.text} {question.action}" for question in asked if question.blocking)
    return (*first, told, *NOTES)


def _case(spine: Spine, vertebra: Vertebra, gauge: int, needles: int) -> _Case:
    name = vertebra.level.name
    if not vertebra.level.is_intended:
        raise InputError(f"{name} lies outside the intended use: needles are planned from T5 to L5")
    if vertebra.is_cut:
        raise InputError(f"{name} is cut by the image border ({', '.join(vertebra.cut)}): no path is planned into it")
    if vertebra.body is None or vertebra.frame is None or vertebra.posterior is None:
        raise InputError(f"the body of {name} could not be separated from its arch: check its label, then plan again")
    if spine.canal is None:
        raise InputError(f"there is no canal around {name}, so no distance to it: label the arches, then plan again")
    room = make_room(spine, vertebra, spine.canal)
    if not room.canal.any():
        raise InputError(f"there is no canal at {name}, so no distance to it: label its arch, then plan again")
    wall = float(np.nanmedian(vertebra.posterior.height_mm))
    return _Case(spine, vertebra, vertebra.frame, room, gauge, needles, wall)


def _paths_of(case: _Case, side: Side) -> tuple[NeedlePath, ...] | NoPath:
    """The paths of one side, best first."""
    pedicle = case.vertebra.pedicle(side)
    aim = cement_aim(case.vertebra, case.frame, side, case.needles)
    if pedicle is None or aim is None:
        what = f"{side.value} pedicle" if pedicle is None else "endplates or walls"
        return NoPath(side, case.gauge, None, None, f"{what} not found in the label image: no path was looked for")
    radius = outer_diameter(case.gauge) / 2
    candidates = search_paths(case.room, pedicle, case.frame, aim, radius)
    doubt = cannot_judge(case.room, pedicle)
    reasons = (aim.reason,) if doubt is None else (doubt, "orientation only, without a class")
    measured = [_measured(case, pedicle, candidates, i, reasons, doubt is None) for i in _finalists(candidates)]
    if doubt is not None:
        return tuple(measured[:1])
    passing = [path for path in measured if path.access_class is not AccessClass.NONE]
    if passing:
        return tuple(sorted(passing, key=_worth, reverse=True))
    return _refusal(side, case.gauge, measured)


def cannot_judge(room: Room, pedicle: Pedicle) -> str | None:
    """Why the clearance in a pedicle cannot be judged; None where it can."""
    edge = 2 * room.half_voxel_mm
    if edge > COARSEST_MM:
        limit = f"{COARSEST_MM} mm"
    elif edge > pedicle.width_mm / 2:
        limit = f"half the pedicle's narrowest width of {pedicle.width_mm:.1f} mm"
    else:
        return None
    return f"pedicle clearance cannot be judged on this CT: its largest voxel edge of {edge:.1f} mm exceeds {limit}"


def _finalists(candidates: Candidates) -> list[int]:
    """The best candidates that differ from one another."""
    kept: list[int] = []
    places = np.concatenate([candidates.through * 2, candidates.target], axis=1)  # 1 mm in the pedicle counts for two
    for i in range(min(len(places), 4000)):
        if all(np.linalg.norm(places[i] - places[j]) >= _APART_MM for j in kept):
            kept.append(i)
        if len(kept) == _FINALISTS:
            break
    widest = int(candidates.free_mm.argmax())
    return [*kept, widest]


def _measured(
    case: _Case, pedicle: Pedicle, candidates: Candidates, index: int, reasons: tuple[str, ...], can_judge: bool
) -> NeedlePath:
    return measure_path(
        case.room,
        Line(candidates.through[index], candidates.target[index]),
        case.frame,
        pedicle.side,
        case.gauge,
        posterior_wall_mm=case.posterior_wall_mm,
        ct=case.spine.ct,
        can_judge=can_judge,
        reasons=reasons,
    )


def _refusal(side: Side, gauge: int, measured: list[NeedlePath]) -> NoPath:
    """What limits the best of the paths that were looked at, and the thickest needle that would pass there."""
    best = max(measured, key=lambda path: min(c.value_mm for c in path.clearances))
    limit = min(best.clearances, key=lambda clearance: clearance.value_mm)
    passing = largest_gauge(limit.value_mm + best.outer_diameter_mm / 2)
    advice = "none of gauge 8 to 13 passes" if passing is None else f"the thickest needle that passes is {passing} G"
    reason = (
        f"no {side.value} path of gauge {gauge}: limited by the {limit.structure.value.replace('_', ' ')} "
        f"({limit.value_mm:.1f} mm); {advice}"
    )
    return NoPath(side, gauge, limit.structure, passing, reason)


def _worth(path: NeedlePath) -> tuple[float, float]:
    """Order of paths: class first, then the least clearance."""
    order = {AccessClass.A: 3.0, AccessClass.B: 2.0, AccessClass.C: 1.0}
    rank = 0.0 if path.access_class is None else order.get(path.access_class, -1.0)
    canal = path.clearance(Structure.CANAL)
    return rank, min((c.value_mm for c in path.clearances), default=0.0) if canal else 0.0
