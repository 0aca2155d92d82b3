"""How well two label maps of the same patient agree, level by level. Agreement is not accuracy."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial import KDTree

from spondyl.errors import InputError
from spondyl.findings.types import Finding, Findings, Status, not_evaluable
from spondyl.space import Floats, Volume
from spondyl.spine import Level, Spine, Vertebra

_UNITS = {"dice": "1", "mean_surface_distance": "mm", "surface_distance_95": "mm", "centre_distance": "mm"}
_METHOD = {
    "dice": "twice the shared volume over the sum of both volumes, whole vertebrae",
    "mean_surface_distance": "border voxel to nearest border voxel, centre to centre, mean over both directions",
    "surface_distance_95": "the larger of both directions' 95 % quantiles, border voxel to nearest border voxel",
    "centre_distance": "between the mean points of the two masks",
}
_STRANGERS = 0.1  # below this Dice two masks of one name are not the same bone seen twice
_SAME_BONE = 0.5  # share of a mask inside one of another name from which on that name is told


def measure_agreement(first: Spine, second: Spine) -> Findings:
    """Dice, surface distances and centre distance of each level in two label maps of one patient.

    Both maps may be automatic, so good agreement may be two equal errors. Surface distances are taken between voxel
    centres where they lie, on any two grids; a shared volume on different grids is counted on each of them and the mean
    is taken, which makes it uncertain by part of a voxel layer.

    Returns
    -------
    Four findings for each level of either map, not evaluable where one map lacks the level, and of the whole study
    `levels_only_in_first` and `levels_only_in_second` (names, or "none").

    Raises
    ------
    InputError
        If the frames of reference differ, or if no level is in both maps.
    """
    if not first.geometry.is_same_frame(second.geometry):
        raise InputError("the two label maps have different frames of reference: they are not of the same scan")
    shared = set(first.levels) & set(second.levels)
    if not shared:
        names = [", ".join(level.name for level in spine.levels) or "none" for spine in (first, second)]
        raise InputError(
            f"the two label maps share no level: the first has {names[0]}, the second {names[1]}; check the maps"
        )
    findings = [_missing(first, second, "first"), _missing(second, first, "second")]
    for level in sorted({*first.levels, *second.levels}, key=lambda level: level.order):
        if level in shared:
            findings += _compared(first[level], second[level], first, second)
        else:
            findings += _absent(level, "second" if level in first.levels else "first")
    return tuple(findings)


def _missing(spine: Spine, other: Spine, which: str) -> Finding:
    names = [level.name for level in spine.levels if level not in other.levels]
    name, method = f"levels_only_in_{which}", "names of the levels"
    value = ", ".join(names) or "none"
    return Finding(name, None, None, None, value, "1", None, None, Status.MEASURED, None, method, "spondyl")


def _absent(level: Level, which: str) -> Findings:
    reason = f"{level.name} is not in the {which} label map"
    return tuple(not_evaluable(name, level, unit, reason, _METHOD[name]) for name, unit in _UNITS.items())


def _compared(a: Vertebra, b: Vertebra, first: Spine, second: Spine) -> Findings:
    same_grid = first.geometry.is_same_grid(second.geometry)
    dice = _dice(a.mask, b.mask)
    there, back = _border_distances(a.mask, b.mask)
    centres = [_points(mask).mean(axis=0) for mask in (a.mask, b.mask)]
    values = {
        "dice": dice,
        "mean_surface_distance": float(np.concatenate([there, back]).mean()),
        "surface_distance_95": float(max(np.quantile(there, 0.95), np.quantile(back, 0.95))),
        "centre_distance": float(np.linalg.norm(centres[0] - centres[1])),
    }
    doubts = _doubts(a, b, second, dice)
    grids = () if same_grid else ("the two label maps have different grids",)
    return tuple(_finding(name, a.level, value, (*doubts, *grids)) for name, value in values.items())


def _finding(name: str, level: Level, value: float, doubts: tuple[str, ...]) -> Finding:
    status = Status.UNCERTAIN if doubts else Status.MEASURED
    reason = "; ".join(doubts) or None
    return Finding(name, level, None, None, value, _UNITS[name], None, None, status, reason, _METHOD[name], "spondyl")


def _doubts(a: Vertebra, b: Vertebra, second: Spine, dice: float) -> tuple[str, ...]:
    """Why the numbers of a level may not say what they seem to."""
    doubts = ["the image border cuts it"] if a.is_cut or b.is_cut else []
    if dice < _STRANGERS:
        shares = {v.level: _share_inside(a.mask, v.mask) for v in second if v.level is not a.level}
        names = [level.name for level, share in shares.items() if share > _SAME_BONE]
        doubts += [f"the second label map calls this bone {name}" for name in names]
    return tuple(doubts)


def _dice(a: Volume, b: Volume) -> float:
    volumes = [np.count_nonzero(mask.array) * mask.geometry.voxel_volume_mm3 for mask in (a, b)]
    shared = (_share_inside(a, b) * volumes[0] + _share_inside(b, a) * volumes[1]) / 2
    return float(2 * shared / sum(volumes))


def _share_inside(mask: Volume, other: Volume) -> float:
    """Share of the voxels of a mask whose centres lie in a voxel of the other."""
    points = _points(mask)
    index = np.rint(other.geometry.indices(points)).astype(int)
    inside = ((index >= 0) & (index < other.geometry.shape)).all(axis=1)
    i, j, k = index[inside].T
    return float(np.count_nonzero(other.array[i, j, k]) / len(points))


def _border_distances(a: Volume, b: Volume) -> tuple[Floats, Floats]:
    """Distances of the border voxels of each mask to the other's nearest. [mm]"""
    borders = [_points(Volume(m.array & ~ndimage.binary_erosion(m.array), m.geometry, "1")) for m in (a, b)]
    there, back = (KDTree(borders[1 - n]).query(borders[n])[0] for n in (0, 1))
    return there, back


def _points(mask: Volume) -> Floats:
    """Centres of the voxels of a mask, shape (n, 3). [mm, LPS]"""
    return mask.geometry.points(np.argwhere(mask.array))
