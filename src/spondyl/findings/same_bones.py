"""Which bone of one label map is which bone of another: by where they lie, whatever their names and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spondyl.errors import InputError
from spondyl.space import Floats, Volume
from spondyl.spine import Level, Spine

_MOST = 0.5  # share of a mask inside another from which on they are the same bone, or it is a part of that
_PART = 0.1  # share of the other that it must fill: less is a speck of a neighbour's number, no bone
_MIRRORED_GAIN = 0.05  # of the Dice of all bones together: more than a spine's own asymmetry can give by chance
_SOME = 5000  # voxels of a bone, where only the sum over all bones counts
FIXED = (Level.SACRUM, Level.COCCYX)


class MatchKind(StrEnum):
    """What became of bones of the first label map in the second."""

    SAME = "same"  # one bone, one name
    RENAMED = "renamed"  # one bone, another name
    APART = "apart"  # one name, but less than half of either in common
    ONLY_FIRST = "only_first"  # no bone of the second lies there
    ONLY_SECOND = "only_second"
    MERGED = "merged"  # several bones are one in the second
    SPLIT = "split"  # one bone is several in the second
    MIXED = "mixed"  # several bones share several others


ONE_TO_ONE = (MatchKind.SAME, MatchKind.RENAMED, MatchKind.APART)


@dataclass(frozen=True)
class BoneMatch:
    """Bones of two label maps that belong together, by their names in each, from head to foot."""

    kind: MatchKind
    first: tuple[Level, ...]
    second: tuple[Level, ...]
    is_cut: bool = False  # by the image border, in either map

    def __post_init__(self) -> None:
        one_each = len(self.first) == len(self.second) == 1
        if not self.first + self.second or one_each != (self.kind in ONE_TO_ONE):
            raise InputError(f"bones that are '{self.kind}' cannot be {len(self.first)} and {len(self.second)}")


def match_bones(first: Spine, second: Spine) -> tuple[tuple[BoneMatch, ...], Floats, Floats]:
    """The bones of both maps that belong together, from head to foot, and the shares that tell it.

    Two masks belong together where more than half of one lies in the other and fills a tenth of it. What is left over
    is matched by its name, so that a bone drawn in another place is told as such.

    Returns
    -------
    Matches; share of each bone of the first in each of the second, shape (n, m); and the other way, shape (m, n).
    """
    there, back = _shares(first, second), _shares(second, first)
    joined = ((there > _MOST) & (back.T > _PART)) | ((back.T > _MOST) & (there > _PART))
    groups = _groups(joined)
    lonely = {(a[0], None) for a, b in groups if not b} | {(None, b[0]) for a, b in groups if not a}
    found = [_match(first, second, a, b) for a, b in groups if a and b]
    names = {second.levels[b]: b for _, b in lonely if b is not None}
    for a in [a for a, _ in lonely if a is not None]:
        b = names.pop(first.levels[a], None)
        found.append(_match(first, second, [a], [] if b is None else [b], apart=b is not None))
    found += [_match(first, second, [], [b]) for b in names.values()]
    return tuple(sorted(found, key=lambda match: _height(match, first, second), reverse=True)), there, back


def name_steps(match: BoneMatch, *, with_t13: bool) -> int:
    """By how many levels the second map's name of a single bone lies further down than the first's."""
    chain = [level for level in sorted(Level, key=lambda level: level.order) if level is not Level.T13 or with_t13]
    return chain.index(match.second[0]) - chain.index(match.first[0])


def name_shift(matches: Sequence[BoneMatch]) -> int | None:
    """The number of levels by which all names differ, + towards the feet; None where no single number fits."""
    pairs = [m for m in matches if m.kind in (MatchKind.SAME, MatchKind.RENAMED) and m.first[0] not in FIXED]
    with_t13 = any(Level.T13 in m.first + m.second for m in matches)
    steps = {name_steps(match, with_t13=with_t13) for match in pairs}
    return steps.pop() if len(steps) == 1 else None


def looks_mirrored(first: Spine, second: Spine) -> bool:
    """Whether the second map fits the first clearly better when left and right are exchanged.

    Both readings are laid over each other at their centres first, so that a mere shift is no sign of it.
    """
    points, codes = _all_points(first), _codes(second)
    middle = points.mean(axis=0)
    moved = np.array([_all_points(second).mean(axis=0)[0] - middle[0], 0.0, 0.0])
    turned = points * [-1.0, 1.0, 1.0] + np.array([2 * middle[0], 0.0, 0.0])
    as_is = max(_share_of_any(points, codes), _share_of_any(points + moved, codes))
    return _share_of_any(turned + moved, codes) > as_is + _MIRRORED_GAIN


def share_inside(mask: Volume, other: Volume) -> float:
    """Share of the voxels of a mask whose centres lie in a voxel of the other."""
    points = mask_centres(mask)
    return float(np.count_nonzero(_values(other, points)) / len(points))


def mask_centres(mask: Volume) -> Floats:
    """Centres of the voxels of a mask, shape (n, 3). [mm, LPS]"""
    return mask.geometry.points(np.argwhere(mask.array))


def _match(first: Spine, second: Spine, a: list[int], b: list[int], *, apart: bool = False) -> BoneMatch:
    here, there = tuple(first.levels[i] for i in a), tuple(second.levels[i] for i in b)
    cut = any(first.vertebrae[i].is_cut for i in a) or any(second.vertebrae[i].is_cut for i in b)
    if len(a) == len(b) == 1:
        kind = MatchKind.APART if apart else MatchKind.SAME if here == there else MatchKind.RENAMED
    elif not b:
        kind = MatchKind.ONLY_FIRST
    elif not a:
        kind = MatchKind.ONLY_SECOND
    else:
        kind = MatchKind.MERGED if len(b) == 1 else MatchKind.SPLIT if len(a) == 1 else MatchKind.MIXED
    return BoneMatch(kind, here, there, cut)


def _height(match: BoneMatch, first: Spine, second: Spine) -> float:
    """How far towards the head a match lies, in patient mm, so that names play no part in the order."""
    masks = [first[level].mask for level in match.first] or [second[level].mask for level in match.second]
    return max(float(mask_centres(mask)[:, 2].mean()) for mask in masks)


def _groups(joined: NDArray[np.bool_]) -> list[tuple[list[int], list[int]]]:
    """Connected rows and columns of a table; each row and each column is in exactly one group."""
    rows, columns = joined.shape
    groups, seen = [], set[int]()
    for start in range(rows + columns):
        if start in seen:
            continue
        group, edge = {start}, [start]
        while edge:
            node = edge.pop()
            near = rows + np.flatnonzero(joined[node]) if node < rows else np.flatnonzero(joined[:, node - rows])
            edge += [int(other) for other in near if int(other) not in group]
            group |= {int(other) for other in near}
        seen |= group
        groups.append((sorted(n for n in group if n < rows), sorted(n - rows for n in group if n >= rows)))
    return groups


def _shares(spine: Spine, other: Spine) -> Floats:
    """Share of each bone of one map inside each of the other, shape (n, m)."""
    codes = _codes(other)
    found = []
    for vertebra in spine:
        met = _values(codes, mask_centres(vertebra.mask))
        counts = np.bincount(met, minlength=len(other.vertebrae) + 1)[1:]
        found.append(counts / np.count_nonzero(vertebra.mask.array))
    return np.array(found, float).reshape(len(spine.vertebrae), len(other.vertebrae))


def _codes(spine: Spine) -> Volume:
    """The place of each bone in its spine, from 1, on the grid of the label map."""
    codes = np.zeros(spine.geometry.shape, np.uint8)
    for place, vertebra in enumerate(spine, 1):
        start = np.rint(spine.geometry.indices(vertebra.mask.geometry.affine[:3, 3])).astype(int)
        block = tuple(slice(a, a + n) for a, n in zip(start, vertebra.mask.array.shape, strict=True))
        codes[block][vertebra.mask.array] = place
    return Volume(codes, spine.geometry, "1")


def _values(image: Volume, points: Floats) -> NDArray[Any]:
    """Values of the voxels that points lie in, 0 outside the grid."""
    index = np.rint(image.geometry.indices(points)).astype(int)
    inside = ((index >= 0) & (index < image.geometry.shape)).all(axis=1)
    out = np.zeros(len(points), image.array.dtype)
    i, j, k = index[inside].T
    out[inside] = image.array[i, j, k]
    return out


def _all_points(spine: Spine) -> Floats:
    """Some of the voxel centres of all bones, evenly spread."""
    some = [mask_centres(vertebra.mask) for vertebra in spine]
    return np.concatenate([points[:: max(1, len(points) // _SOME)] for points in some])


def _share_of_any(points: Floats, codes: Volume) -> float:
    return float(np.count_nonzero(_values(codes, points)) / len(points))
