"""Imperfect masks, made from true ones: what a segmenter's borders do to a measurement."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import ndtri

from spondyl.errors import InputError
from spondyl.space import Floats, Volume

_BLUR_VOXELS = 0.8  # just enough to smooth the steps of a mask
_TAIL = 0.01  # of the blurred mask, where it no longer tells a distance


class Perturbation(StrEnum):
    """A way in which a mask is wrong."""

    ERODED = "eroded"
    DILATED = "dilated"
    SHIFTED = "shifted"  # along each index axis of the image
    SMOOTHED = "smoothed"


def perturbed_labels(
    labels: Volume, kind: Perturbation | str, amount_mm: float, *, subregions: Volume | None = None
) -> tuple[Volume, Volume | None]:
    """Labels with imperfect borders, each label as a whole.

    Parameters
    ----------
    labels
        Level numbers, 0 the background.
    kind
        `eroded` and `dilated` move every border by the amount through a smoothed signed distance, so that less than a
        voxel has an effect wherever the border is not parallel to the grid; `shifted` moves the masks by the amount
        along each index axis; `smoothed` blurs them with this standard deviation and takes the half level.
    amount_mm
        At least 0. [mm]
    subregions
        Subregion numbers on the same grid; each voxel of a changed label takes the nearest of its own label.

    Returns
    -------
    Labels and, where given, subregions. Where two dilated labels meet, the one a voxel lies deeper in has it.
    """
    kind = _kind(kind)
    if not 0 <= amount_mm <= 10:
        raise InputError(f"amount_mm is {amount_mm}; masks are perturbed by 0 to 10 mm")
    spacing = labels.geometry.spacing_mm
    out = np.zeros_like(labels.array)
    parts = None if subregions is None else np.zeros_like(subregions.array)
    deepest = np.zeros(labels.array.shape, np.float32)
    for number, box in _boxes(labels.array, spacing, amount_mm):
        mask = labels.array[box] == number
        depth = _depth(mask, kind, amount_mm, spacing)
        better = depth > deepest[box]
        deepest[box][better] = depth[better]
        out[box][better] = number
        if subregions is not None and parts is not None:
            own = np.where(mask, subregions.array[box], 0)
            parts[box][better] = _nearest(own, spacing)[better]
    changed = None if parts is None or subregions is None else Volume(parts, subregions.geometry, "1")
    return Volume(out, labels.geometry, "1"), changed


def _kind(given: Perturbation | str) -> Perturbation:
    try:
        return Perturbation(given)
    except ValueError:
        raise InputError(f"'{given}' is no way to perturb a mask; ways are {', '.join(Perturbation)}") from None


def signed_distance(mask: NDArray[np.bool_], spacing_mm: Floats) -> NDArray[np.float32]:
    """Distance of voxel centres from the border of a mask, positive inside. [mm]

    A flat border blurred by a Gaussian is its error function over the distance, so near the border the distance is
    what undoes that function: it changes continuously where the mask itself has steps. Further
    away it is the distance to the nearest voxel centre of the other side, less half a voxel.
    """
    inside = ndimage.distance_transform_edt(mask, sampling=spacing_mm)
    outside = ndimage.distance_transform_edt(~mask, sampling=spacing_mm)
    half = spacing_mm.min() / 2
    far = np.where(mask, inside - half, half - outside)
    blurred = ndimage.gaussian_filter(mask.astype(np.float32), _BLUR_VOXELS)
    slopes = np.gradient(blurred, *spacing_mm)
    steep = np.sqrt(sum(slope**2 for slope in slopes)) + 1e-9
    spread = np.sqrt(sum((_BLUR_VOXELS * h * slope / steep) ** 2 for h, slope in zip(spacing_mm, slopes, strict=True)))
    near = (blurred > _TAIL) & (blurred < 1 - _TAIL)
    return np.asarray(np.where(near, ndtri(np.clip(blurred, _TAIL, 1 - _TAIL)) * spread, far), np.float32)


def _depth(mask: NDArray[np.bool_], kind: Perturbation, amount: float, spacing: Floats) -> NDArray[np.float32]:
    """Depth inside the changed mask: positive in it. [mm]"""
    if kind is Perturbation.SMOOTHED:
        blurred = ndimage.gaussian_filter(mask.astype(np.float32), amount / spacing)
        return np.asarray(blurred - np.float32(0.5))
    distance = signed_distance(mask, spacing)
    if kind is Perturbation.SHIFTED:
        return np.asarray(ndimage.shift(distance, amount / spacing, order=1, mode="nearest"))
    return np.asarray(distance + np.float32(amount if kind is Perturbation.DILATED else -amount))


def _boxes(labels: NDArray[np.integer], spacing: Floats, amount: float) -> list[tuple[int, tuple[slice, ...]]]:
    """Each label with a box that holds it after the change."""
    pad = np.ceil(amount / spacing).astype(int) * 2 + 3
    found = []
    for number, box in enumerate(ndimage.find_objects(labels.astype(np.int32)), start=1):
        if box is not None:
            wider = zip(box, pad, labels.shape, strict=True)
            found.append((number, tuple(slice(max(s.start - p, 0), min(s.stop + p, n)) for s, p, n in wider)))
    return found


def _nearest(values: NDArray[np.integer], spacing: Floats) -> NDArray[np.integer]:
    """Each voxel's nearest value other than 0."""
    if not values.any():
        return values
    where = ndimage.distance_transform_edt(values == 0, sampling=spacing, return_distances=False, return_indices=True)
    return np.asarray(values[tuple(where)])
