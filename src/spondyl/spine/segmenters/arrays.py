"""Array types of the segmenter, and a CT turned so that its indices run left, back and head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.errors import InputError
from spondyl.space import Floats, Geometry, Volume, is_blank

Grey = NDArray[np.float32]
Mask = NDArray[np.bool_]

_MOST_OBLIQUE = 0.77  # cosine of 40 degrees between an image axis and the patient's: beyond, "left" means nothing
_ALIAS = 0.42  # Gaussian before thinning out, in target steps: -6 dB near the new grid's limit


@dataclass(frozen=True, eq=False)
class Upright:
    """A CT whose index axes run to the patient's left, back and head. Places are index times spacing, in mm."""

    array: NDArray[Any]  # a view of the CT
    spacing_mm: Floats
    order: tuple[int, int, int]  # CT axis that became each axis
    flipped: tuple[bool, bool, bool]  # whether each was turned round
    geometry: Geometry  # of the CT

    @classmethod
    def of(cls, ct: Volume) -> Upright:
        """The CT turned; refused where its axes stand too askew to the patient's."""
        axes = ct.geometry.axes
        order = tuple(int(k) for k in np.abs(axes).argmax(axis=1))
        cosines = axes[np.arange(3), list(order)]
        if sorted(order) != [0, 1, 2] or np.abs(cosines).min() < _MOST_OBLIQUE:
            raise InputError(
                f"the image stands {np.degrees(np.arccos(np.abs(cosines).min())):.0f} degrees askew to the patient; "
                "the own segmenter follows axial stacks up to 40 degrees: reformat the CT or give labels"
            )
        flipped = tuple(bool(c < 0) for c in cosines)
        array = ct.array.transpose(order)[tuple(slice(None, None, -1 if f else 1) for f in flipped)]
        return cls(array, ct.geometry.spacing_mm[list(order)], order, flipped, ct.geometry)  # type: ignore[arg-type]

    @property
    def size_mm(self) -> Floats:
        """From the first voxel centre to the last, shape (3,)."""
        return (np.array(self.array.shape) - 1) * self.spacing_mm

    def shows(self, places: Floats) -> Mask:
        """Whether the image holds a picture at places, shape (..., 3): they lie in it, and not in padding. [mm]"""
        inside = ((places >= 0) & (places <= self.size_mm)).all(axis=-1)
        return np.asarray(inside & ~is_blank(self.array, places / self.spacing_mm))

    def turned_back(self, array: NDArray[Any]) -> NDArray[Any]:
        """An array of this shape on the CT's own axes."""
        flipped = array[tuple(slice(None, None, -1 if f else 1) for f in self.flipped)]
        return np.ascontiguousarray(flipped.transpose(np.argsort(self.order)))

    def points(self, places: Floats) -> Floats:
        """Patient points of places, shape (..., 3). [mm, LPS]"""
        last = np.array(self.array.shape) - 1
        indices = places / self.spacing_mm
        indices = np.where(self.flipped, last - indices, indices)
        return self.geometry.points(indices[..., np.argsort(self.order)])

    def places(self, points: Floats) -> Floats:
        """Places of patient points, shape (..., 3). [mm]"""
        last = np.array(self.array.shape) - 1
        indices = self.geometry.indices(points)[..., list(self.order)]
        return np.asarray(np.where(self.flipped, last - indices, indices) * self.spacing_mm)


def block_mean(array: NDArray[Any], block: NDArray[np.int_]) -> Grey:
    """Means of whole blocks of voxels, slab by slab, so that no second copy of a large CT is made."""
    shape = [n // b for n, b in zip(array.shape, block, strict=True)]
    a, b, c = (int(n) for n in block)
    out = np.empty(shape, np.float32)
    for k in range(shape[2]):
        slab = array[: shape[0] * a, : shape[1] * b, k * c : (k + 1) * c].astype(np.float32).mean(axis=2)
        out[:, :, k] = slab.reshape(shape[0], a, shape[1], b).mean(axis=(1, 3))
    return out


def isotropic(array: NDArray[Any], spacing_mm: Floats, step_mm: float) -> tuple[Grey, Floats]:
    """The same image on cubes of `step_mm`, blurred before it is thinned out; and the place of its first voxel."""
    block = np.maximum(1, np.floor(step_mm / spacing_mm + 1e-3)).astype(int)
    start = (block - 1) / 2 * spacing_mm
    coarse = block_mean(array, block) if block.max() > 1 else array.astype(np.float32)
    spacing = spacing_mm * block
    blur = np.where(step_mm > 1.01 * spacing, _ALIAS * np.sqrt(np.maximum((step_mm / spacing) ** 2 - 1, 0)), 0.0)
    if blur.max() > 0.1:
        coarse = ndimage.gaussian_filter(coarse, blur, mode="nearest", truncate=2.5)
    for axis in range(3):
        coarse = _stretched(coarse, axis, float(spacing[axis]), step_mm)
    return coarse, start


def _stretched(array: Grey, axis: int, spacing: float, step: float) -> Grey:
    """Linear interpolation along one axis."""
    count = int((array.shape[axis] - 1) * spacing / step) + 1
    place = np.arange(count) * step / spacing
    first = np.minimum(place.astype(int), max(array.shape[axis] - 2, 0))
    weight = (place - first).astype(np.float32).reshape([-1 if k == axis else 1 for k in range(3)])
    second = np.minimum(first + 1, array.shape[axis] - 1)
    return np.asarray(np.take(array, first, axis) * (1 - weight) + np.take(array, second, axis) * weight, np.float32)


def moved(array: NDArray[Any], left: int, back: int) -> NDArray[Any]:
    """What lies `left` and `back` voxels further, at each voxel; 0 beyond the image."""
    out = np.zeros_like(array)
    n, m = array.shape[:2]
    to = (slice(max(-left, 0), n - max(left, 0)), slice(max(-back, 0), m - max(back, 0)))
    of = (slice(max(left, 0), n + min(left, 0)), slice(max(back, 0), m + min(back, 0)))
    if abs(left) < n and abs(back) < m:
        out[to] = array[of]
    return out


def odd(voxels: float) -> int:
    """The odd whole number of a filter's width."""
    return round(voxels) | 1
