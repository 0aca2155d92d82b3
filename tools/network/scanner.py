"""How a painted patch is scanned: blur, slices of any thickness, noise of several textures, a cropped field of view."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.spine.segmenters.classes import GRID_MM

Field = NDArray[np.float32]

_THICKNESS_MM = (0.8, 1.25, 2.0, 2.5, 3.0, 4.0, 5.0)
_SHARES = (0.15, 0.1, 0.15, 0.2, 0.2, 0.1, 0.1)
_STACKED_MM = 2.4  # thicker slices are seen as steps on the 2 mm grid


def scanned(hu: Field, generator: Generator) -> Field:
    """The patch as a scanner would show it."""
    uniform = generator.uniform
    hu = ndimage.gaussian_filter(hu, uniform(0, 0.7), truncate=3)
    axis = 2 if uniform() < 0.75 else int(generator.integers(0, 2))
    thickness = float(generator.choice(_THICKNESS_MM, p=_SHARES))
    hu = ndimage.gaussian_filter1d(hu, thickness / GRID_MM / 2.6, axis=axis, truncate=3)
    level = float(np.exp(uniform(np.log(6), np.log(90))))
    noise = _noise(hu.shape, generator)
    if uniform() < 0.15:  # a sharp kernel
        hu = hu + np.float32(uniform(0.3, 1.0)) * (hu - ndimage.gaussian_filter(hu, (0.8, 0.8, 0)))
    hu = hu + np.float32(level) * noise
    if thickness > _STACKED_MM and uniform() < 0.8:
        hu = _stacked(hu, axis, thickness)
    return hu.astype(np.float32)


def cropped(hu: Field, taught: NDArray[np.uint8], generator: Generator) -> None:
    """Cut off a part of the field of view, in place."""
    if generator.uniform() > 0.3:
        return
    for axis in range(3):
        if generator.uniform() < 0.4:
            depth, side = int(generator.integers(2, 24)), generator.uniform() < 0.5
            where = [slice(None)] * 3
            where[axis] = slice(0, depth) if side else slice(hu.shape[axis] - depth, None)
            hu[tuple(where)] = -1024.0
            taught[tuple(where)] = 0


def _noise(shape: tuple[int, ...], generator: Generator) -> Field:
    """White, smooth or high-pass noise of unit deviation."""
    noise = generator.standard_normal(shape).astype(np.float32)
    kind = generator.uniform()
    if kind < 0.5:
        noise = ndimage.gaussian_filter(noise, (0.6, 0.6, 0))
    elif kind < 0.7:
        noise = noise - ndimage.gaussian_filter(noise, (1.0, 1.0, 0))
    return np.asarray(noise / noise.std(), np.float32)


def _stacked(hu: Field, axis: int, thickness: float) -> Field:
    """Read at whole slices and interpolated between them."""
    count = hu.shape[axis]
    slices = max(2, round(count * GRID_MM / thickness))
    centres = (np.arange(slices) + 0.5) * count / slices - 0.5
    values = np.take(hu, np.rint(centres).astype(int), axis=axis)
    place = np.clip((np.arange(count) + 0.5) * slices / count - 0.5, 0, slices - 1)
    first = np.minimum(place.astype(int), slices - 2)
    weight = (place - first).astype(np.float32).reshape([-1 if k == axis else 1 for k in range(3)])
    return np.asarray(np.take(values, first, axis) * (1 - weight) + np.take(values, first + 1, axis) * weight)
