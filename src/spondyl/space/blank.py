"""Where an image holds no picture: padding beyond a scan, and what was blanked out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_AIR_BELOW_HU = -200.0  # tissue of one value throughout is drawn, not scanned: a phantom's, and no padding
_NEAR = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 3, indexing="ij"), axis=-1)


def is_blank(ct: NDArray[Any], indices: ArrayLike) -> NDArray[np.bool_]:
    """Whether a CT shows nothing at places, shape (...): padding, what was blanked out, and all beyond its grid.

    Images are padded where they are put askew or on a larger grid, with air's value or with zero. What lies in a cube
    of 27 such voxels of one value is blank: a scanner's noise gives none but in air that was cut off at -1024 HU, so
    ask within the body only. A mean of padding and tissue, as at the border of what was resampled, is not told.

    Parameters
    ----------
    ct
        Values, shape (i, j, k). [hnsf'U]
    indices
        Places in voxels, shape (..., 3).

    >>> ct = np.arange(216.0).reshape(6, 6, 6); ct[:, :, 2:] = -1024
    >>> is_blank(ct, [(2, 2, 1), (2, 2, 2), (2, 2, 9)]).tolist()
    [False, True, True]
    """
    nearest = np.rint(np.asarray(indices, np.float64)).astype(int)
    last = np.array(ct.shape) - 1
    blank = np.asarray(((nearest < 0) | (nearest > last)).any(axis=-1))
    values = ct[tuple(np.moveaxis(np.clip(nearest, 0, last), -1, 0))]
    asked = ~blank & ((values < _AIR_BELOW_HU) | (values == 0))
    around = nearest[asked][:, None, None, None, :] + _NEAR
    alike = ct[tuple(np.moveaxis(np.clip(around, 0, last), -1, 0))] == values[asked][:, None, None, None]
    alike &= ((around >= 0) & (around <= last)).all(axis=-1)
    for axis in (1, 2, 3):
        alike = np.lib.stride_tricks.sliding_window_view(alike, 3, axis=axis).all(axis=-1)
    blank[asked] = alike.any(axis=(1, 2, 3))
    return blank
