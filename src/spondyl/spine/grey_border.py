"""The border of bone by its grey values, where the steps of a mask are too coarse."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from spondyl.space import Floats, Geometry, Volume

METAL_HU = 2000.0  # above what bone reaches
_LEAST_CONTRAST_HU = 50.0  # between both sides of a border: less, and the mask says more than the grey values
_LEAST_VOXELS = 50  # of each side of the border
# Chosen on virtual patients (docs/validation/access.md)
_BLUR_VOXELS, _BAND = 0.7, (0.1, 0.9)  # of the mask: between these shares grey values count, beyond them the mask
_RAMP = 1.2  # of the contrast: grey values over which the share rises from 0 to 1
_SIDES = ndimage.generate_binary_structure(3, 1)


class GreyBorder:
    """Share of bone at points near the border of a mask, by the grey values there; 0 or 1 away from it.

    Half is the grey value on the mask's own border, the middle between the medians of the voxels just inside and just
    outside. So the border stays on the whole where the mask has it, whatever its bias, and only the steps of its voxels
    are gone. Grey values between voxels are cubic splines: a cortex thinner than a voxel curves them. Where a bright
    neighbour touches the bone, the mask bounds it to within about a voxel.
    """

    def __init__(self, share: NDArray[np.float32], hu: NDArray[np.float32], at: Geometry, low: float, high: float):
        self._share, self._spline = share, ndimage.spline_filter(hu, order=3).astype(np.float32)
        self._geometry, self._low, self._high = at, low, high

    def sample(self, points: ArrayLike) -> Floats:
        """Share of bone at patient points, shape (...)."""
        at = np.asarray(points, float)
        share, (low, high) = self.mask_share(at), _BAND
        found = (share > high).astype(np.float64)
        near = (share >= low) & (share <= high)  # few points of a cross-section: a spline costs sixty-four voxels each
        found[near] = np.clip(0.5 + (self.height(at[near]) - 0.5) / _RAMP, 0.0, 1.0)
        return found

    def mask_share(self, points: ArrayLike) -> Floats:
        """Share of bone by the blurred mask alone, shape (...)."""
        return np.asarray(ndimage.map_coordinates(self._share, self._indices(points), order=1), np.float64)

    def height(self, points: ArrayLike) -> Floats:
        """Grey value as a share of the contrast: 0 as just outside the mask, 1 as just inside, shape (...)."""
        hu = ndimage.map_coordinates(self._spline, self._indices(points), order=3, prefilter=False, mode="nearest")
        return np.asarray((hu - self._low) / (self._high - self._low), np.float64)

    def _indices(self, points: ArrayLike) -> Floats:
        return np.moveaxis(self._geometry.indices(points), -1, 0)


def grey_border(mask: Volume, ct: Volume) -> GreyBorder | None:
    """The border of a mask by its grey values.

    None where the CT does not tell bone from its surroundings there, where it does not hold all of the mask, or where
    metal is near.

    Parameters
    ----------
    mask
        bool; a part of one vertebra.
    ct
        A CT of the same frame of reference. [hnsf'U]
    """
    bone = np.asarray(mask.array, bool)
    points = mask.geometry.points(np.moveaxis(np.indices(mask.geometry.shape), 0, -1))
    near = ndimage.binary_dilation(bone, _SIDES)
    if not bool(ct.geometry.contains(points[near]).all()):
        return None
    hu = ct.sample(points, outside=-1000.0).astype(np.float32)
    inside, outside = bone & ~ndimage.binary_erosion(bone, _SIDES, border_value=1), near & ~bone
    if min(int(inside.sum()), int(outside.sum())) < _LEAST_VOXELS or float(hu[near].max()) > METAL_HU:
        return None
    high, low = float(np.median(hu[inside])), float(np.median(hu[outside]))
    if high - low < _LEAST_CONTRAST_HU:
        return None
    share = ndimage.gaussian_filter(bone.astype(np.float32), _BLUR_VOXELS, mode="nearest")
    return GreyBorder(share, hu, mask.geometry, low, high)
