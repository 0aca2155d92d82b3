"""One mask for each labelled level: cropped, its main piece kept, and marked where the image border cuts it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.errors import InputError
from spondyl.space import Geometry, Volume
from spondyl.spine.types import Level

_MARGIN_MM = 6.0  # of the crop around a vertebra, so that every surface has background on both sides
_CONNECTED = np.ones((3, 3, 3), bool)
_FRAGMENT_SHARE = 0.02  # of the largest piece: a smaller piece is a speck, whatever it was meant to be
_FRAGMENT_REACH_MM = 6.0  # a larger piece as near as this belongs to the vertebra (displaced fragment, thin lamina)
_DOUBLE_SHARE = 0.3  # a detached piece this large and further away is a second vertebra under the same number
_PIECE_SHARE = 0.45  # of its neighbours' volume: less is a piece of a vertebra
_FLAT_SHARE = 0.4  # of the largest cross-section; the last plane of a whole vertebra has 0.2 at 3 mm slices
_BORDER_MM = 1.5  # automatic labels often end one voxel short of the image border
_CUT_AREA_MM2 = 20.0  # of a body on the border; less is a corner that grazes it


@dataclass(frozen=True, eq=False)
class LevelMask:
    """The mask of one level as it stands in the label image, before it is taken apart."""

    level: Level
    mask: Volume  # bool, cropped
    remarks: tuple[str, ...] = ()
    double_mm: float | None = None  # distance of a second, equally large piece; None: there is none


def label_numbers(labels: Volume) -> tuple[int, ...]:
    """The numbers in a label image, without 0."""
    if labels.array.dtype.kind not in "iub":
        raise InputError(f"a label image holds whole numbers, found {labels.array.dtype}: is this the CT?")
    found: set[int] = set()
    for plane in labels.array:  # plane by plane: a whole-body label image is large
        found.update(np.unique(plane).tolist())
    if any(n < 0 for n in found):
        raise InputError(f"a label image holds no negative numbers, found {min(found)}: is this the CT?")
    return tuple(sorted(found - {0}))


def level_masks(labels: Volume, levels: Mapping[int, Level]) -> tuple[LevelMask, ...]:
    """The masks of all levels in a label image, from head to foot.

    Parameters
    ----------
    labels
        Label image.
    levels
        Level of each number; two numbers may mean one level (S1 and sacrum).
    """
    present = sorted(set(levels.values()), key=lambda level: level.order)
    largest = max([int(labels.array.max()), *levels])
    code = np.zeros(largest + 1, np.uint8)
    for number, level in levels.items():
        code[number] = present.index(level) + 1
    coded = code[labels.array]
    boxes = ndimage.find_objects(coded)
    return tuple(
        _main_piece(level, _cropped(coded, labels.geometry, box, index + 1))
        for index, level in enumerate(present)
        if index < len(boxes) and (box := boxes[index]) is not None
    )


def mask_of(labels: Volume, numbers: Iterable[int]) -> Volume:
    """Mask of all voxels with one of these numbers, on the grid of the labels."""
    wanted = np.zeros(int(labels.array.max()) + 1, bool)
    wanted[[n for n in numbers if n < len(wanted)]] = True
    return Volume(wanted[labels.array], labels.geometry, "1")


def trimmed(mask: Volume) -> Volume:
    """A mask cropped to what it holds, with a margin."""
    margin = np.ceil(_MARGIN_MM / mask.geometry.spacing_mm).astype(int)
    box = ndimage.find_objects(mask.array.view(np.uint8))[0]
    return mask.cropped([s.start for s in box] - margin, [s.stop for s in box] + margin)


def touched_faces(mask: Volume, image: Geometry) -> dict[str, float]:
    """Image faces that a mask reaches, by the patient's direction, with the area there. [mm²]

    Faces are named "head", "foot", "left", "right", "front", "back": the direction in which the image ends.
    """
    offset = np.rint(image.indices(mask.geometry.affine[:3, 3])).astype(int)
    spacing = image.spacing_mm
    areas: dict[str, float] = {}
    for axis in range(3):
        reach = int(_BORDER_MM / spacing[axis])
        counts = mask.array.sum(axis=tuple(k for k in range(3) if k != axis))
        index = offset[axis] + np.arange(len(counts))
        area = counts * np.delete(spacing, axis).prod()
        for at_end in (False, True):
            near = index >= image.shape[axis] - 1 - reach if at_end else index <= reach
            if near.any() and area[near].max() > 0:
                areas[face_name(image, axis, at_end)] = float(area[near].max())
    return areas


def cutting_faces(mask: Volume, image: Geometry) -> tuple[str, ...]:
    """Faces of the image that cut a body, rather than graze its corner."""
    return tuple(name for name, area in touched_faces(mask, image).items() if area >= _CUT_AREA_MM2)


def flat_ends(mask: Volume) -> tuple[str, ...]:
    """Ends, "head" or "foot", at which a whole vertebra's mask stops in a plane, as if cut off: its image was padded.

    Articular processes overtop the body at both ends, so a whole vertebra tapers; a body alone does not.
    """
    axis = int(np.abs(mask.geometry.axes[2]).argmax())
    counts = mask.array.sum(axis=tuple(k for k in range(3) if k != axis))
    used = np.flatnonzero(counts)
    ends = {face_name(mask.geometry, axis, at_end): counts[used[-1 if at_end else 0]] for at_end in (False, True)}
    return tuple(name for name, count in ends.items() if count >= _FLAT_SHARE * counts.max())


def fragment_shares(pieces: Sequence[LevelMask], image: Geometry) -> dict[Level, float]:
    """Levels that are far too small although no border is near, with their share of the neighbours' volume."""
    whole = [p for p in pieces if p.level not in (Level.C1, Level.C2, Level.SACRUM, Level.COCCYX)]
    volumes = [float(p.mask.array.sum() * p.mask.geometry.voxel_volume_mm3) for p in whole]
    at_border = [bool(touched_faces(p.mask, image)) for p in whole]
    found = {}
    for i, piece in enumerate(whole):
        near = [volumes[k] for k in range(max(0, i - 2), min(len(whole), i + 3)) if k != i and not at_border[k]]
        if len(near) >= 2 and not at_border[i] and volumes[i] < _PIECE_SHARE * median(near):
            found[piece.level] = volumes[i] / median(near)
    return found


def face_name(image: Geometry, axis: int, at_end: bool) -> str:
    """The patient's direction in which an image ends at the start or end of an index axis."""
    direction = image.axes[:, axis] * (1 if at_end else -1)
    k = int(np.abs(direction).argmax())
    return (("right", "left"), ("front", "back"), ("foot", "head"))[k][int(direction[k] > 0)]


def filled(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask without the cavities that lie wholly inside it."""
    out = np.array(mask, bool)
    if not out.any():
        return out
    box = ndimage.find_objects(out.view(np.uint8))[0]
    pieces, _ = ndimage.label(np.pad(~out[box], 1, constant_values=True))  # piece 1 holds the corner: the outside
    out[box] |= pieces[1:-1, 1:-1, 1:-1] > 1
    return out


def _cropped(coded: NDArray[Any], geometry: Geometry, box: tuple[slice, ...], code: int) -> Volume:
    margin = np.ceil(_MARGIN_MM / geometry.spacing_mm).astype(int)
    start = np.maximum([s.start for s in box] - margin, 0)
    stop = np.minimum([s.stop for s in box] + margin, geometry.shape)
    block = coded[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))]
    return Volume(block == code, geometry.cropped(start, stop), "1")


def _main_piece(level: Level, mask: Volume) -> LevelMask:
    """The largest piece with what belongs to it; the rest is reported and left out."""
    pieces, count = ndimage.label(mask.array, _CONNECTED)
    if count == 1:
        return LevelMask(level, mask)
    sizes = np.bincount(pieces.ravel())[1:]
    main = int(sizes.argmax()) + 1
    kept, remarks, double = pieces == main, [], None
    distance = _distances(pieces, main, count, mask.geometry)
    for piece in np.flatnonzero(sizes > _FRAGMENT_SHARE * sizes.max()) + 1:
        if piece == main:
            continue
        if distance[piece - 1] <= _FRAGMENT_REACH_MM:
            kept |= pieces == piece
            volume = sizes[piece - 1] * mask.geometry.voxel_volume_mm3 / 1000
            remarks.append(f"a detached piece of {volume:.2f} ml, {distance[piece - 1]:.0f} mm away, is kept")
        elif sizes[piece - 1] > _DOUBLE_SHARE * sizes.max():
            double = float(distance[piece - 1])
    left_out = int(mask.array.sum() - kept.sum())
    if left_out:
        volume = left_out * mask.geometry.voxel_volume_mm3 / 1000
        count = f"{left_out} loose voxels" if left_out > 1 else "a loose voxel"
        remarks.append(f"{count} ({volume:.2f} ml) of the label {'are' if left_out > 1 else 'is'} left out")
    return LevelMask(level, trimmed(replace(mask, array=kept)), tuple(remarks), double)


def _distances(pieces: NDArray[np.int32], main: int, count: int, geometry: Geometry) -> NDArray[np.float64]:
    """Least distance of each piece from the main one. [mm]"""
    away = ndimage.distance_transform_edt(pieces != main, sampling=geometry.spacing_mm)
    return np.atleast_1d(ndimage.minimum(away, pieces, np.arange(1, count + 1))).astype(float)
