"""Shapes of spines on a 2 mm grid: what the generator paints CTs from.

A shape is a map of classes with, for each voxel, the distance to bone and its place along and beside the spine. It
comes from a virtual patient, whose classes are exact, or from a label map, taken apart by `build_spine`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.interpolate import UnivariateSpline

from spondyl.space import Floats, Geometry, Volume
from spondyl.spine import Level, Spine
from spondyl.spine.segmenters.classes import GRID_MM, SpineClass
from spondyl.synthetic import Structure, VirtualPatient

UNSURE = 254  # bone of a vertebra that the border cuts or that was not taken apart: painted, never taught
_MARGIN_MM = 60.0  # around the bones
_ALIAS = 0.42  # Gaussian before thinning out, in target steps
_DISC_MM = 14.0  # from both bodies
_CLOSED_MM = 10.0
_BONES = (SpineClass.BODY, SpineClass.ARCH, SpineClass.SACRUM, SpineClass.RIB)
_BODY_NUMBER = 49


@dataclass(eq=False)
class Shape:
    """A spine to paint, indices running left, back and head."""

    name: str
    classes: NDArray[np.uint8]  # `SpineClass` numbers, or UNSURE
    depth_mm: NDArray[np.float32]  # into bone; negative outside
    aside_mm: NDArray[np.float32]  # from the middle of the bodies
    ahead_mm: NDArray[np.float32]  # of the posterior wall
    level: NDArray[np.float32]  # number of the vertebra by height, with fractions, shape (slices,)
    origin_mm: Floats  # patient point of the first voxel, LPS
    spacing_mm: float  # of neighbouring bodies
    lowest: float  # level number of the lowest body taken apart
    has_sacrum: bool
    has_ribs: bool

    def save(self, path: Path) -> None:
        np.savez_compressed(path, **{item.name: getattr(self, item.name) for item in fields(self)})  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> Shape:
        with np.load(path) as data:
            given = {name: data[name] for name in data.files}
        return cls(**{name: value[()] if value.ndim == 0 else value for name, value in given.items()})


def shape_of_patient(name: str, patient: VirtualPatient) -> Shape:
    """The shape of a virtual patient."""
    kind, part = patient.structures.array, patient.subregions.array
    vertebra = kind == Structure.VERTEBRA
    masks = {
        SpineClass.BODY: vertebra & (part == _BODY_NUMBER),
        SpineClass.ARCH: vertebra & (part != _BODY_NUMBER),
        SpineClass.DISC: kind == Structure.DISC,
        SpineClass.CANAL: patient.canal.array,
        SpineClass.SACRUM: kind == Structure.SACRUM,
        SpineClass.RIB: kind == Structure.RIB,
    }
    geometry = patient.structures.geometry
    volumes = [(int(number), Volume(mask, geometry, "1")) for number, mask in masks.items()]
    levels = list(patient.spec.levels)
    bodies = [
        (level, Volume(masks[SpineClass.BODY] & (patient.labels.array == level), geometry, "1")) for level in levels
    ]
    return _shape(name, volumes, bodies)


def shape_of_spine(name: str, spine: Spine, *, skipped: Iterable[Level] = ()) -> Shape:
    """The shape of a label map that was taken apart; vertebrae cut, without a body or `skipped` become UNSURE."""
    left_out = set(skipped)
    volumes, bodies = [], []
    for vertebra in spine.vertebrae:
        if vertebra.level is Level.SACRUM:
            volumes.append((int(SpineClass.SACRUM), vertebra.mask))
        elif vertebra.body is None or vertebra.arch is None or vertebra.is_cut or vertebra.level in left_out:
            volumes.append((UNSURE, vertebra.mask))
        else:
            volumes += [(int(SpineClass.BODY), vertebra.body), (int(SpineClass.ARCH), vertebra.arch)]
            bodies.append((vertebra.level, vertebra.body))
    if spine.canal is not None:
        volumes.append((int(SpineClass.CANAL), spine.canal))
    return _shape(name, volumes, bodies)


def _shape(name: str, volumes: Sequence[tuple[int, Volume]], bodies: Sequence[tuple[Level, Volume]]) -> Shape:
    geometry = _grid([volume for _, volume in volumes])
    share = np.full(geometry.shape, 0.45, np.float32)
    classes = np.zeros(geometry.shape, np.uint8)
    for number, volume in volumes:
        _write(classes, share, number, volume, geometry)
    own = [_thinned(volume, geometry) > 0.5 for _, volume in bodies]
    free = classes == SpineClass.BACKGROUND
    if not (classes == SpineClass.DISC).any():
        classes[_discs([level for level, _ in bodies], own) & free] = SpineClass.DISC
    bone = np.isin(classes, (*_BONES, UNSURE))
    depth = ndimage.distance_transform_edt(bone, GRID_MM) - ndimage.distance_transform_edt(~bone, GRID_MM)
    depth = (depth - np.sign(depth) * GRID_MM / 2).astype(np.float32)
    aside, ahead, level, spacing = _coordinates([level for level, _ in bodies], own, geometry)
    present = [bool((classes == number).any()) for number in (SpineClass.SACRUM, SpineClass.RIB)]
    lowest = max(level.order for level, _ in bodies)
    return Shape(name, classes, depth, aside, ahead, level, geometry.affine[:3, 3], spacing, lowest, *present)


def _grid(volumes: list[Volume]) -> Geometry:
    """Cubes of 2 mm along the patient's axes, around all that the masks hold."""
    corners = []
    for volume in volumes:
        used = [np.flatnonzero(volume.array.any(axis=tuple(k for k in range(3) if k != axis))) for axis in range(3)]
        if len(used[0]):
            ends = np.array(np.meshgrid(*[(u[0], u[-1]) for u in used])).reshape(3, -1).T
            corners.append(volume.geometry.points(ends))
    points = np.concatenate(corners)
    low, high = points.min(axis=0) - _MARGIN_MM, points.max(axis=0) + _MARGIN_MM
    affine = np.diag([GRID_MM, GRID_MM, GRID_MM, 1.0])
    affine[:3, 3] = low
    n = np.ceil((high - low) / GRID_MM).astype(int)
    return Geometry(affine, (int(n[0]), int(n[1]), int(n[2])))


def _write(
    classes: NDArray[np.uint8], share: NDArray[np.float32], number: int, volume: Volume, geometry: Geometry
) -> None:
    found = _thinned(volume, geometry)
    better = found > share
    classes[better] = number
    share[better] = found[better]


def _thinned(mask: Volume, geometry: Geometry) -> NDArray[np.float32]:
    """The share of a mask in each voxel of a coarser grid."""
    spacing = mask.geometry.spacing_mm
    sigma = np.where(spacing < GRID_MM, _ALIAS * np.sqrt(np.maximum((GRID_MM / spacing) ** 2 - 1, 0)), 0.0)
    used = [np.flatnonzero(mask.array.any(axis=tuple(k for k in range(3) if k != axis))) for axis in range(3)]
    out = np.zeros(geometry.shape, np.float32)
    if not len(used[0]):
        return out
    reach = np.ceil(3 * sigma).astype(int) + 2
    block = mask.cropped(
        [u[0] - r for u, r in zip(used, reach, strict=True)], [u[-1] + r + 1 for u, r in zip(used, reach, strict=True)]
    )
    soft = Volume(ndimage.gaussian_filter(block.array.astype(np.float32), sigma), block.geometry, "1")
    ends = np.array(np.meshgrid(*[(-1, n) for n in block.geometry.shape])).reshape(3, -1).T
    index = geometry.indices(block.geometry.points(ends))
    start = np.clip(np.floor(index.min(axis=0)).astype(int), 0, geometry.shape)
    stop = np.clip(np.ceil(index.max(axis=0)).astype(int) + 1, start, geometry.shape)
    where = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    out[where] = soft.resampled(geometry.cropped(start, stop)).array
    return out


def _discs(levels: list[Level], bodies: list[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """What a closing fills between neighbouring bodies."""
    found = np.zeros(bodies[0].shape, bool)
    for k in range(len(levels) - 1):
        if levels[k + 1].order - levels[k].order > 1:
            continue
        both = bodies[k] | bodies[k + 1]
        box = tuple(slice(max(s.start - 8, 0), s.stop + 8) for s in ndimage.find_objects(both.view(np.uint8))[0])
        upper, lower = (ndimage.distance_transform_edt(~bodies[n][box], GRID_MM) for n in (k, k + 1))
        near = np.minimum(upper, lower) <= _CLOSED_MM
        closed = ndimage.distance_transform_edt(np.pad(near, 1), GRID_MM)[1:-1, 1:-1, 1:-1] > _CLOSED_MM
        found[box] |= closed & (upper < _DISC_MM) & (lower < _DISC_MM) & ~both[box]
    return found


def _coordinates(
    levels: list[Level], bodies: list[NDArray[np.bool_]], geometry: Geometry
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], float]:
    """Place of each voxel beside and ahead of the posterior walls, the level by slice, and the bodies' spacing."""
    centres: Any = np.array([np.argwhere(body).mean(axis=0) for body in bodies]) * GRID_MM
    order = np.argsort(centres[:, 2])
    centre: Floats = centres[order]
    walls = np.array([_wall(bodies[k], centres[k]) for k in order])
    number = np.array([levels[k].order for k in order])
    heights: Any = np.arange(geometry.shape[2]) * GRID_MM
    middle, _ = _line(centre[:, 2], centre[:, 0], heights)
    wall, slope = _line(centre[:, 2], walls, heights)
    x, y = (np.arange(n) * GRID_MM for n in geometry.shape[:2])
    shape = geometry.shape
    aside = np.broadcast_to(x[:, None, None] - middle, shape).astype(np.float32)
    ahead = np.broadcast_to((wall - y[:, None]) / np.sqrt(1 + slope**2), shape).astype(np.float32)
    spacing = float(np.median(np.diff(centre[:, 2]))) if len(centre) > 1 else 30.0
    if len(centre) > 1:
        ends = np.polyfit(centre[:, 2], number, 1)[0]
        level = np.interp(heights, centre[:, 2], number)
        level += ends * (np.minimum(heights - centre[0, 2], 0) + np.maximum(heights - centre[-1, 2], 0))
    else:
        level = number[0] - (heights - centre[0, 2]) / spacing
    return aside, ahead, level.astype(np.float32), spacing


def _wall(body: NDArray[np.bool_], centre_mm: Floats) -> float:
    """Back of a body on its midline, at the middle of its height. [mm]"""
    index = np.argwhere(body) * GRID_MM
    near = (np.abs(index[:, 0] - centre_mm[0]) < 6) & (np.abs(index[:, 2] - centre_mm[2]) < 6)
    return float(index[near, 1].max()) + GRID_MM / 2


def _line(at: Floats, values: Floats, heights: Floats) -> tuple[Floats, Floats]:
    """A smooth curve through values at heights, straight beyond them, and its slope."""
    if len(at) == 1:
        return np.full(len(heights), values[0]), np.zeros(len(heights))
    curve = UnivariateSpline(at, values, k=min(3, len(at) - 1), s=len(at) * 4.0)
    inside = np.clip(heights, at[0], at[-1])
    slope = curve.derivative()(inside)
    return curve(inside) + slope * (heights - inside), slope
