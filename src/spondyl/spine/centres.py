"""Where the body of a vertebra is, before anything else is known about it."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from spondyl.space import Floats, Geometry, Volume

_COARSE_MM = 2.0
_SIGMA_MM = 6.0  # wider than laminae and processes are thick, narrower than half a body is wide


def rough_centre(mask: Volume) -> Floats:
    """Centre of the most massive part of a vertebra's mask, shape (3,): within a few mm of its body's centre.

    The mask is blurred more widely than arch and processes are thick; the body, even a crushed one, stays the maximum.
    """
    coarse = block_mean(mask, _COARSE_MM)
    blurred = ndimage.gaussian_filter(
        coarse.array, _SIGMA_MM / coarse.geometry.spacing_mm, mode="constant", truncate=2.5
    )
    weight = np.where(blurred > 0.9 * blurred.max(), blurred, 0)
    return coarse.geometry.points(ndimage.center_of_mass(weight))


def block_mean(mask: Volume, target_mm: float) -> Volume:
    """Share of mask in blocks of voxels at most `target_mm` wide (single voxels where these are wider already)."""
    block = np.maximum(1, (target_mm / mask.geometry.spacing_mm).astype(int))
    pad = [(0, int(-n % b)) for n, b in zip(mask.array.shape, block, strict=True)]
    padded = np.pad(mask.array, pad)
    shape = [part for n, b in zip(padded.shape, block, strict=True) for part in (n // b, int(b))]
    share = padded.reshape(shape).mean(axis=(1, 3, 5), dtype=np.float32)
    affine = mask.geometry.affine.copy()
    affine[:3, :3] = affine[:3, :3] * block
    affine[:3, 3] = mask.geometry.points((block - 1) / 2)
    return Volume(share, Geometry(affine, share.shape, mask.geometry.frame_of_reference_uid), mask.unit)
