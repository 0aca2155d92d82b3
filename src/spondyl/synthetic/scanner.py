"""In-plane blur and noise of a virtual scanner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.synthetic.solids import Field
from spondyl.synthetic.spec import Kernel, ScanSpec

_LOWEST_HU, _HIGHEST_HU = -1024, 3071  # of 12-bit CT


@dataclass(frozen=True)
class KernelShape:
    """A reconstruction kernel as Gaussian blur with edge enhancement. [mm]"""

    blur_mm: float
    edge_gain: float  # how much of the difference from a wider blur is added
    edge_mm: float


# Bracketing shapes, not any maker's: a smooth, a body and a bone kernel.
KERNELS = {
    Kernel.SMOOTH: KernelShape(0.75, 0.0, 1.0),
    Kernel.STANDARD: KernelShape(0.5, 0.0, 1.0),
    Kernel.SHARP: KernelShape(0.3, 0.8, 1.0),
}


def scanned(hu: Field, scan: ScanSpec, in_plane_mm: float, generator: Generator) -> NDArray[np.int16]:
    """What the scanner makes of true voxel means: blurred within each slice, with noise, as whole numbers. [HU]

    Slice thickness is in the means already. The noise has the texture of the kernel and exactly the wanted standard
    deviation; slices are independent.
    """
    kernel = KERNELS[scan.kernel]
    blur = kernel.blur_mm if scan.blur_mm is None else scan.blur_mm
    shape = KernelShape(blur, kernel.edge_gain, kernel.edge_mm)
    out = np.empty(hu.shape, np.int16)
    for k in range(hu.shape[2]):
        picture = _filtered(hu[:, :, k], shape, in_plane_mm)
        if scan.noise_hu:
            white = generator.standard_normal(picture.shape, dtype=np.float32)
            noise = _filtered(white, shape, in_plane_mm)
            picture = picture + noise * np.float32(scan.noise_hu / noise.std())
        out[:, :, k] = np.clip(np.rint(picture), _LOWEST_HU, _HIGHEST_HU)
    return out


def _filtered(picture: Field, kernel: KernelShape, in_plane_mm: float) -> Field:
    fine = ndimage.gaussian_filter(picture, kernel.blur_mm / in_plane_mm, mode="nearest")
    if not kernel.edge_gain:
        return np.asarray(fine)
    wide = ndimage.gaussian_filter(picture, kernel.edge_mm / in_plane_mm, mode="nearest")
    return np.asarray(fine + np.float32(kernel.edge_gain) * (fine - wide))
