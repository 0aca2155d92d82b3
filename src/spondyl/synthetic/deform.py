"""Deformities made in a CT and its labels, real or virtual, and cement-bright voxels.

Whatever comes out is virtual, also where it began with a real scan; many deformities of one CT are one patient.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.errors import InputError
from spondyl.space import Floats, Frame, Volume
from spondyl.spine import Level
from spondyl.spine.surfaces import Surfaces, find_surfaces
from spondyl.synthetic.grid import Block, block_around
from spondyl.synthetic.perturb import signed_distance
from spondyl.synthetic.press import REACH_MM, fitted_press, sources_of
from spondyl.synthetic.spec import SUPERIOR_SHARES, Deformity

MARROW_HU = -50.0  # fat marrow at a usual energy: what a trabecular voxel without mineral would have
CEMENT_HU = 2500.0  # acrylic with a radiopaque filler: a bright, round figure
_BODY = (49, 50)
_OPENING_MM = 7.0  # half the least thickness of a body, more than half of any process or pedicle
_CORNER_MM = 2.0  # of its rounded-off edges that it is given back
_HIGHEST_HU = 3071


@dataclass(frozen=True, eq=False)
class DeformedStudy:
    """A CT with a virtual deformity of one level."""

    ct: Volume
    labels: Volume
    subregions: Volume | None
    level: Level
    deformity: Deformity
    frame: Frame  # of the body before it was deformed
    intact_heights_mm: tuple[float, float, float]  # anterior, middle, posterior, along the cranial axis of `frame`
    heights_mm: tuple[float, float, float]  # what the map makes of them
    description: str

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, item.name) for item in fields(self))


def deform_vertebra(
    ct: Volume,
    labels: Volume,
    level: Level,
    shape: str,
    *,
    anterior: float,
    middle: float,
    posterior: float,
    subregions: Volume | None = None,
) -> DeformedStudy:
    """Press one vertebral body to given fractions of its heights by a smooth map along its cranial axis.

    The endplates move toward one another; the discs stretch to fill the room, so that neighbouring bodies stay where
    they are. Behind the posterior wall the map dies out within 5 mm, so that the arch stays too. Within the body the
    CT number over that of marrow grows as the volume shrinks, which keeps the mineral's mass; it ends at 3071 HU.

    Parameters
    ----------
    ct, labels
        On one grid; labels are VerSe numbers.
    level
        The vertebra; it must lie wholly in the image, with subregions its body alone.
    shape
        "wedge" (mostly the superior endplate), "biconcave" (both, and the sides keep their height) or "crush".
    anterior, middle, posterior
        Fractions of the intact heights, 0.3 to 1.
    subregions
        SPINEPS numbers on the same grid. Without them the body is what an opening by a 7 mm ball leaves of the label.
    """
    wanted = _checked(ct, labels, level, shape, (anterior, middle, posterior))
    target = labels.array == level
    _refuse_cut(target if subregions is None else target & np.isin(subregions.array, _BODY), level)
    surfaces, body = _survey(labels, target, level, subregions)
    press = fitted_press(surfaces, labels, target, wanted, shape)
    block = block_around(ct.geometry, surfaces.frame, -np.array(REACH_MM), np.array(REACH_MM))
    assert block is not None  # the body lies in the image
    sources, shrink = sources_of(press, ct.geometry, block)
    return DeformedStudy(
        _pressed_ct(ct, body, block, sources, shrink),
        *_pressed_labels(labels, subregions, target, level, block, sources),
        level,
        wanted,
        surfaces.frame,
        press.heights(Deformity(1.0, 1.0, 1.0)),
        press.heights(press.deformity),
        f"virtual {shape} deformity of {level.name}: made by a map, not a scan of a fracture",
    )


def cement_bright(ct: Volume, mask: Volume, *, cement_hu: float = CEMENT_HU) -> Volume:
    """The CT with voxels of a mask as bright as bone cement, their border blended over a voxel.

    For tests of images after treatment; virtual wherever it is used.
    """
    if not mask.geometry.is_same_grid(ct.geometry):
        raise InputError("the cement mask lies on another grid than the CT: resample it first")
    if not -1024 <= cement_hu <= _HIGHEST_HU:
        raise InputError(f"cement_hu is {cement_hu}; a CT number lies between -1024 and {_HIGHEST_HU}")
    share = ndimage.gaussian_filter(mask.array.astype(np.float32), 0.5)
    share[mask.array.astype(bool)] = np.maximum(share[mask.array.astype(bool)], 0.8)
    values = ct.array + share * (cement_hu - ct.array.astype(np.float32))
    return Volume(_as_type_of(ct.array, values), ct.geometry, ct.unit)


def _checked(ct: Volume, labels: Volume, level: Level, shape: str, fractions: tuple[float, float, float]) -> Deformity:
    if not labels.geometry.is_same_grid(ct.geometry):
        raise InputError("labels lie on another grid than the CT: resample them first")
    if not all(0.3 <= fraction <= 1 for fraction in fractions):
        raise InputError(f"height fractions lie between 0.3 and 1, found {fractions}")
    if shape not in SUPERIOR_SHARES:
        raise InputError(f"'{shape}' is not a shape of deformity; shapes are {', '.join(SUPERIOR_SHARES)}")
    if not (labels.array == level).any():
        found = ", ".join(Level(int(n)).name for n in np.unique(labels.array) if 0 < n <= Level.T13)
        raise InputError(f"{level.name} is not in these labels; their levels are {found}")
    return Deformity(*fractions, superior_share=SUPERIOR_SHARES[shape])


def _refuse_cut(bone: NDArray[np.bool_], level: Level) -> None:
    """Refuse a body that the image border may cut; the arch stays where it is, so that it may be cut."""
    for axis in range(3):
        if np.take(bone, (0, -1), axis).any():
            raise InputError(f"{level.name} touches the border of the image; choose a vertebra that lies wholly inside")


def _survey(
    labels: Volume, target: NDArray[np.bool_], level: Level, subregions: Volume | None
) -> tuple[Surfaces, NDArray[np.bool_]]:
    """Surfaces and mask of the body."""
    spacing = labels.geometry.spacing_mm
    body = np.isin(subregions.array, _BODY) & target if subregions is not None else _opened(target, spacing)
    indices = np.argwhere(body)
    if len(indices) == 0:
        raise InputError(f"{level.name} has no body in its mask: give subregions with the numbers 49 or 50")
    behind = labels.geometry.points(np.argwhere(target & ~body).mean(axis=0))
    crop = Volume(body, labels.geometry, "1").cropped(indices.min(axis=0) - 4, indices.max(axis=0) + 5)
    return find_surfaces(crop, _to_head(labels, level), behind), body


def _opened(target: NDArray[np.bool_], spacing: Floats) -> NDArray[np.bool_]:
    """The thick part of a vertebra: its body."""
    deep = ndimage.distance_transform_edt(target, sampling=spacing) > _OPENING_MM
    labelled, count = ndimage.label(deep)
    if count == 0:
        return np.zeros_like(target)
    largest = labelled == 1 + np.argmax(ndimage.sum_labels(deep, labelled, range(1, count + 1)))
    grown = ndimage.distance_transform_edt(~largest, sampling=spacing) <= _OPENING_MM + _CORNER_MM
    return np.asarray(grown & target)


def _to_head(labels: Volume, level: Level) -> Floats:
    """Rough cranial direction from the neighbours' centres; the patient's own where there are none."""
    numbers = [n for n in (level - 1, level, level + 1) if (labels.array == n).any()]
    if len(numbers) < 2:
        return np.array([0.0, 0.0, 1.0])
    centres = [labels.geometry.points(np.argwhere(labels.array == n).mean(axis=0)) for n in (numbers[0], numbers[-1])]
    return np.asarray(centres[0] - centres[1])


def _pressed_ct(
    ct: Volume, body: NDArray[np.bool_], block: Block, sources: Floats, shrink: NDArray[np.float32]
) -> Volume:
    """Grey values moved; within the body the mineral of a shrunken volume is in fewer voxels."""
    values = ndimage.map_coordinates(ct.array.astype(np.float32), sources, order=1, mode="nearest")
    share = ndimage.map_coordinates(body.astype(np.float32), sources, order=1, mode="nearest")
    mineral = np.clip(values - np.float32(MARROW_HU), 0, None)
    values += share * (shrink - 1) * mineral
    out = ct.array.copy()
    moved = np.abs(sources - np.stack(np.meshgrid(*block.axes, indexing="ij"))).max(axis=0) > 1e-4
    out[block.slices][moved] = _as_type_of(ct.array, values)[moved]
    return Volume(out, ct.geometry, ct.unit)


def _pressed_labels(
    labels: Volume,
    subregions: Volume | None,
    target: NDArray[np.bool_],
    level: Level,
    block: Block,
    sources: Floats,
) -> tuple[Volume, Volume | None]:
    """The mask moved with less than a voxel's error through its signed distance; other labels stay."""
    distance = signed_distance(target[block.slices], labels.geometry.spacing_mm)
    start = np.array(block.start)[:, None, None, None]
    moved = np.abs(sources - np.stack(np.meshgrid(*block.axes, indexing="ij"))).max(axis=0) > 1e-4
    new = target[block.slices].copy()
    new[moved] = (ndimage.map_coordinates(distance, sources - start, order=1, mode="nearest") > 0)[moved]
    out = labels.array.copy()
    view = out[block.slices]
    view[(view == level) & ~new] = 0
    new &= (view == 0) | (view == level)
    view[new] = level
    if subregions is None:
        return Volume(out, labels.geometry, "1"), None
    parts = subregions.array.copy()
    old = np.where(target, parts, 0)[block.slices]
    where = ndimage.distance_transform_edt(old == 0, return_distances=False, return_indices=True)
    filled = old[tuple(where)]
    carried = ndimage.map_coordinates(filled, sources - start, order=0, mode="nearest")
    parts[block.slices][target[block.slices]] = 0
    parts[block.slices][new] = carried[new]
    return Volume(out, labels.geometry, "1"), Volume(parts, subregions.geometry, "1")


def _as_type_of(like: NDArray[Any], values: NDArray[Any]) -> NDArray[Any]:
    limited = np.clip(values, -1024, _HIGHEST_HU)
    return np.asarray(limited if like.dtype.kind == "f" else np.rint(limited), like.dtype)
