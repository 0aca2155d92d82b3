"""How well two label maps of the same patient agree, bone by bone. Agreement is not accuracy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

import numpy as np
from scipy import ndimage
from scipy.spatial import KDTree

from spondyl.errors import InputError
from spondyl.findings.heights import SITES, Heights, measure_heights
from spondyl.findings.same_bones import (
    FIXED,
    ONE_TO_ONE,
    BoneMatch,
    MatchKind,
    looks_mirrored,
    mask_centres,
    match_bones,
    name_shift,
    share_inside,
)
from spondyl.findings.types import Finding, Findings, Status, not_evaluable
from spondyl.space import Floats, Volume
from spondyl.spine import Level, Spine, Vertebra

NOT_ACCURACY = (
    "This is agreement, not accuracy: two label maps may agree and both be wrong, most of all two automatic ones. "
    "Where they differ, this does not tell which is right."
)
_UNITS = {
    "dice": "1",
    "body_dice": "1",
    "mean_surface_distance": "mm",
    "surface_distance_95": "mm",
    "mean_distance_first_to_second": "mm",
    "mean_distance_second_to_first": "mm",
    "distance_95_first_to_second": "mm",
    "distance_95_second_to_first": "mm",
    "centre_distance": "mm",
    **{f"{site}_height_difference": "mm" for site in SITES},
}
_BORDER = "border voxel to nearest border voxel of the other map, centre to centre, whole vertebrae"
_METHOD = {
    "dice": "twice the shared volume over the sum of both volumes, whole vertebrae",
    "body_dice": "twice the shared volume over the sum of both volumes, bodies without arches",
    "mean_surface_distance": f"{_BORDER}, mean over both directions",
    "surface_distance_95": f"{_BORDER}, the larger of both directions' 95 % quantiles",
    "mean_distance_first_to_second": f"{_BORDER}, mean from the first to the second",
    "mean_distance_second_to_first": f"{_BORDER}, mean from the second to the first",
    "distance_95_first_to_second": f"{_BORDER}, 95 % quantile from the first to the second",
    "distance_95_second_to_first": f"{_BORDER}, 95 % quantile from the second to the first",
    "centre_distance": "between the mean points of the two masks",
    **{
        f"{site}_height_difference": "height in the second minus height in the first, as among the findings; the "
        "interval joins the doubts of both as if independent"
        for site in SITES
    },
}
_WHOLE = "over vertebrae that are one bone in both and that no border cuts, without sacrum and coccyx"


@dataclass(frozen=True)
class Agreement:
    """What two label maps have in common, and where they part."""

    bones: tuple[BoneMatch, ...]  # from head to foot
    name_shift: int | None  # levels by which all names differ, + towards the feet; None: no single number fits
    is_mirrored: bool  # the second fits clearly better with left and right exchanged
    findings: Findings


def measure_agreement(first: Spine, second: Spine, *, resample: bool = False) -> Agreement:
    """Where two label maps of one patient agree: bones, names, overlap, surfaces and heights.

    Bones are matched by where they lie, so that numbers shifted by one are told as that and not as bad masks. Neither
    map counts as the truth. Distances are taken between voxel centres. A bone that the border cuts is measured, marked
    as uncertain, and left out of the means.

    Parameters
    ----------
    first, second
        Spines of two label maps (`build_spine`), with the same CT or both without.
    resample
        Accept maps on different grids. Each keeps its own: a shared volume is counted on both and the mean is taken,
        which makes it uncertain by part of a voxel layer.

    Returns
    -------
    Findings of each bone under its name in the first map, not evaluable where the second has no single bone there;
    and of the whole study what is missing, merged, split and renamed, means and lowest values.

    Raises
    ------
    InputError
        If the frames of reference or the grids differ, or if no bone of one overlaps one of the other.
    """
    _check_grids(first, second, resample=resample)
    bones, there, back = match_bones(first, second)
    mirrored = looks_mirrored(first, second)
    if not (there.any() or back.any() or any(bone.kind is MatchKind.APART for bone in bones)):
        raise InputError(_nothing_shared(first, second, mirrored))
    same_grid = first.geometry.is_same_grid(second.geometry)
    measured = [_of_bone(bone, first, second, same_grid) for bone in bones if bone.first]
    single = tuple(chain.from_iterable(measured))
    shift = name_shift(bones)
    whole = (*_names_of(bones, shift), _mirrored(mirrored), *_means(bones, single))
    return Agreement(bones, shift, mirrored, (*whole, *single))


def _check_grids(first: Spine, second: Spine, *, resample: bool) -> None:
    if not first.geometry.is_same_frame(second.geometry):
        raise InputError(
            "the two label maps have different frames of reference: they are not of the same scan; give two label "
            "maps of one CT, or register them first"
        )
    if resample or first.geometry.is_same_grid(second.geometry):
        return
    texts = [
        f"{' x '.join(map(str, grid.shape))} voxels of {' x '.join(f'{mm:.2f}' for mm in grid.spacing_mm)} mm"
        for grid in (first.geometry, second.geometry)
    ]
    raise InputError(
        f"the two label maps have different grids: the first has {texts[0]}, the second {texts[1]}, or they lie "
        "elsewhere; one grid is expected. If both show the same scan, ask for resampling (--resample)"
    )


def _nothing_shared(first: Spine, second: Spine, mirrored: bool) -> str:
    names = [", ".join(level.name for level in spine.levels) or "none" for spine in (first, second)]
    hint = "; they would fit with left and right exchanged" if mirrored else ""
    return (
        f"no bone of the first label map ({names[0]}) overlaps one of the second ({names[1]}){hint}: give two label "
        "maps of the same scan, and check their poses"
    )


def _of_bone(bone: BoneMatch, first: Spine, second: Spine, same_grid: bool) -> Findings:
    if bone.kind not in ONE_TO_ONE:
        return tuple(
            not_evaluable(name, level, unit, _why_not(bone), _METHOD[name])
            for level in bone.first
            for name, unit in _UNITS.items()
        )
    a, b = first[bone.first[0]], second[bone.second[0]]
    doubts = (*_doubts(bone), *(() if same_grid else ("the two label maps have different grids",)))
    values = {"dice": _dice(a.mask, b.mask), **_distances(a.mask, b.mask)}
    found = [_finding(name, a.level, value, doubts) for name, value in values.items()]
    return (*found, _body_dice(a, b, doubts), *_height_differences(a, b, doubts))


def _why_not(bone: BoneMatch) -> str:
    others = " and ".join(level.name for level in bone.second)
    if bone.kind is MatchKind.ONLY_FIRST:
        return "the second label map has no bone there"
    if bone.kind is MatchKind.MERGED:
        return f"{' and '.join(level.name for level in bone.first)} are one bone in the second label map, {others}"
    if bone.kind is MatchKind.SPLIT:
        return f"the second label map makes several bones of it: {others}"
    return f"the second label map draws the borders between bones elsewhere: {others}"


def _doubts(bone: BoneMatch) -> tuple[str, ...]:
    """Why the numbers of a bone may not say what they seem to."""
    doubts = ["the image border cuts it"] if bone.is_cut else []
    if bone.kind is MatchKind.RENAMED:
        doubts.append(f"the second label map calls this bone {bone.second[0].name}")
    if bone.kind is MatchKind.APART:
        doubts.append("less than half of either mask of this name lies in the other")
    return tuple(doubts)


def _finding(
    name: str, level: Level | None, value: float, doubts: Iterable[str], low_high: tuple[float, float] | None = None
) -> Finding:
    reason = "; ".join(doubts) or None
    status = Status.UNCERTAIN if reason else Status.MEASURED
    low, high = low_high or (None, None)
    return Finding(name, level, None, None, value, _UNITS[name], low, high, status, reason, _METHOD[name], "spondyl")


def _dice(a: Volume, b: Volume) -> float:
    volumes = [np.count_nonzero(mask.array) * mask.geometry.voxel_volume_mm3 for mask in (a, b)]
    shared = (share_inside(a, b) * volumes[0] + share_inside(b, a) * volumes[1]) / 2
    return float(2 * shared / sum(volumes))


def _distances(a: Volume, b: Volume) -> dict[str, float]:
    there, back = _border_distances(a, b)
    ends = float(np.quantile(there, 0.95)), float(np.quantile(back, 0.95))
    centres = [mask_centres(mask).mean(axis=0) for mask in (a, b)]
    return {
        "mean_surface_distance": float(np.concatenate([there, back]).mean()),
        "surface_distance_95": max(ends),
        "mean_distance_first_to_second": float(there.mean()),
        "mean_distance_second_to_first": float(back.mean()),
        "distance_95_first_to_second": ends[0],
        "distance_95_second_to_first": ends[1],
        "centre_distance": float(np.linalg.norm(centres[0] - centres[1])),
    }


def _border_distances(a: Volume, b: Volume) -> tuple[Floats, Floats]:
    """Distances of the border voxels of each mask to the other's nearest. [mm]"""
    borders = [mask_centres(Volume(m.array & ~ndimage.binary_erosion(m.array), m.geometry, "1")) for m in (a, b)]
    there, back = (KDTree(borders[1 - n]).query(borders[n])[0] for n in (0, 1))
    return there, back


def _body_dice(a: Vertebra, b: Vertebra, doubts: tuple[str, ...]) -> Finding:
    if a.body is None or b.body is None:
        which = "first" if a.body is None else "second"
        reason = f"no body is separated in the {which} label map"
        return not_evaluable("body_dice", a.level, "1", reason, _METHOD["body_dice"])
    return _finding("body_dice", a.level, _dice(a.body, b.body), doubts)


def _height_differences(a: Vertebra, b: Vertebra, doubts: tuple[str, ...]) -> Findings:
    """Second minus first at each site, by the code that measures the findings."""
    pair = measure_heights(a), measure_heights(b)
    names = [f"{site}_height_difference" for site in SITES]
    reasons = [
        f"{which}: {found}" for which, found in zip(("first", "second"), pair, strict=True) if isinstance(found, str)
    ]
    here, there = pair
    if not (isinstance(here, Heights) and isinstance(there, Heights)):
        return tuple(not_evaluable(name, a.level, "mm", "; ".join(reasons), _METHOD[name]) for name in names)
    found = []
    for site, name in zip(SITES, names, strict=True):
        (mm, sd), (other_mm, other_sd) = here.at(site), there.at(site)
        half = 1.96 * float(np.hypot(sd, other_sd))
        difference = other_mm - mm
        found.append(_finding(name, a.level, difference, doubts, (difference - half, difference + half)))
    return tuple(found)


def _names_of(bones: tuple[BoneMatch, ...], shift: int | None) -> Findings:
    """What is missing, merged, split and renamed, as names."""

    def told(name: str, method: str, kind: MatchKind) -> Finding:
        texts = [bone_text(bone) for bone in bones if bone.kind is kind]
        return _of_all(name, ", ".join(texts) or "none", method)

    single = [bone for bone in bones if bone.kind in ONE_TO_ONE]
    method = "levels by which the second map's names lie further towards the feet, the same for every bone"
    steps = (
        not_evaluable("name_shift", None, "1", "no single number of levels fits all bones", method)
        if shift is None
        else _of_all("name_shift", shift, method)
    )
    return (
        _of_all("bones_in_both", len(single), "bones that are one and the same in both maps, whatever their names"),
        steps,
        told("levels_renamed", "bones with another name in the second map", MatchKind.RENAMED),
        told("levels_only_in_first", "bones where the second map has none", MatchKind.ONLY_FIRST),
        told("levels_only_in_second", "bones where the first map has none", MatchKind.ONLY_SECOND),
        told("levels_merged", "bones of the first map that are one in the second", MatchKind.MERGED),
        told("levels_split", "bones of the first map that are several in the second", MatchKind.SPLIT),
        told("levels_mixed", "bones whose borders the second map draws elsewhere", MatchKind.MIXED),
        told("levels_apart", "names of which less than half of either mask lies in the other", MatchKind.APART),
    )


def bone_text(bone: BoneMatch) -> str:
    """The names of a match: "L1", "T12 as L1", "T12 and L1 as T12"."""
    here, there = (" and ".join(level.name for level in levels) for levels in (bone.first, bone.second))
    if not here or not there or here == there:
        return here or there
    return f"{here} as {there}"


def _mirrored(mirrored: bool) -> Finding:
    method = "all bones together, laid over each other at their centres, as they are and with left and right exchanged"
    return _of_all("looks_mirrored", "yes" if mirrored else "no", method)


def _means(bones: tuple[BoneMatch, ...], single: Findings) -> Findings:
    """Means and lowest values over the whole bones."""
    kept = {b.first[0] for b in bones if b.kind in ONE_TO_ONE and not b.is_cut and b.first[0] not in FIXED}

    def values(*names: str) -> list[float]:
        return [
            float(f.value) for f in single if f.level in kept and f.name in names and isinstance(f.value, int | float)
        ]

    heights = values(*(f"{site}_height_difference" for site in SITES))
    dice, body = values("dice"), values("body_dice")
    return (
        _summed("mean_dice", "1", dice, np.mean, "mean Dice of whole vertebrae"),
        _summed("lowest_dice", "1", dice, np.min, "lowest Dice of a whole vertebra"),
        _summed("mean_body_dice", "1", body, np.mean, "mean Dice of bodies"),
        _summed("lowest_body_dice", "1", body, np.min, "lowest Dice of a body"),
        _summed("mean_height_difference", "mm", heights, np.mean, "mean of second minus first over the three heights"),
        _summed(
            "mean_absolute_height_difference", "mm", np.abs(heights).tolist(), np.mean, "without regard to its sign"
        ),
    )


def _summed(name: str, unit: str, values: list[float], how: object, words: str) -> Finding:
    method = f"{words}, {_WHOLE}"
    if not values:
        return not_evaluable(name, None, unit, "no bone was measured whole in both maps", method)
    assert callable(how)
    return Finding(
        name, None, None, None, float(how(values)), unit, None, None, Status.MEASURED, None, method, "spondyl"
    )


def _of_all(name: str, value: float | str, method: str) -> Finding:
    return Finding(name, None, None, None, value, "1", None, None, Status.MEASURED, None, method, "spondyl")
