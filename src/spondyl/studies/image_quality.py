"""Noise and sharpness measured from the image itself, for headers that say nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.space import Geometry, Volume

_SLICES = 24  # evenly spread: enough voxels for 1 % of the noise, and seconds less than all
_BANDS_PIXELS = (0.7, 1.4, 2.8)  # Gaussian widths an octave apart
_FEWEST_VOXELS = 2000
_SOFT_TISSUE_HU = (0.0, 90.0)  # after smoothing: muscle, organs, blood without contrast
_NEAR_HU = (-150.0, 200.0)  # nothing sharp within three pixels
SAME_SPACING = 1.05  # a through-plane spacing within 5 % of the others does not tell which axis it is


@dataclass(frozen=True)
class ImageQuality:
    """Noise in soft tissue, and how much of it is finer than two pixels.

    `sharpness` is the noise between 0 and 0.7 pixels' Gaussian width over that between 0.7 and 1.4. White noise, as a
    reconstruction without any smoothing would leave it, has 2.58 (closed form: see `white_noise_sharpness`); smooth
    kernels have less, edge-enhancing ones can have more.
    """

    noise_hu: float
    sharpness: float


def measure_quality(volume: Volume) -> ImageQuality | None:
    """Noise and sharpness within slices, in flat soft tissue; None where there is too little of it."""
    planes = np.moveaxis(volume.array, through_plane_axis(volume.geometry), 0)
    chosen = np.unique(np.linspace(0, len(planes) - 1, min(_SLICES, len(planes))).astype(int))
    values = planes[chosen].astype(np.float32)
    smooth = [ndimage.gaussian_filter(values, (0.0, width, width)) for width in _BANDS_PIXELS]
    flat = _flat_soft_tissue(smooth[1], smooth[2])
    if np.count_nonzero(flat) < _FEWEST_VOXELS:
        return None
    fine, middle = (values - smooth[0])[flat], (smooth[0] - smooth[1])[flat]
    noise = float(np.std((values - smooth[2])[flat]))
    if noise == 0.0 or not np.any(middle):
        return None
    return ImageQuality(noise, float(np.std(fine) / np.std(middle)))


def through_plane_axis(geometry: Geometry) -> int:
    """Index axis across the slices: the one with the largest spacing, else the one nearest to head-foot."""
    spacing = geometry.spacing_mm
    if spacing.max() > SAME_SPACING * np.sort(spacing)[1]:
        return int(spacing.argmax())
    return int(np.abs(geometry.axes[2]).argmax())


def white_noise_sharpness() -> float:
    """Sharpness of white noise: the bands' transfer functions, squared and summed over all spatial frequencies."""
    impulse = np.eye(1, 256)[0]
    low = [np.fft.fft(ndimage.gaussian_filter1d(impulse, width, mode="wrap")).real for width in _BANDS_PIXELS]
    plane = [np.outer(transfer, transfer) for transfer in low]
    return float(np.sqrt(np.sum((1 - plane[0]) ** 2) / np.sum((plane[0] - plane[1]) ** 2)))


def _flat_soft_tissue(middle: NDArray[np.float32], coarse: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Soft tissue with nothing sharp nearby, the quieter half of it."""
    near = (middle > _NEAR_HU[0]) & (middle < _NEAR_HU[1])
    inside = ndimage.minimum_filter(near, (1, 7, 7)) & (coarse > _SOFT_TISSUE_HU[0]) & (coarse < _SOFT_TISSUE_HU[1])
    if not inside.any():
        return np.asarray(inside)
    unrest = ndimage.uniform_filter((middle - coarse) ** 2, (1, 7, 7))
    return np.asarray(inside & (unrest <= np.median(unrest[inside])))
