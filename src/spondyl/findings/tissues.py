"""CT numbers of air, fat, muscle, blood and cortical bone around a spine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.findings.calibration import TissueSample
from spondyl.findings.cortex import BESIDE_HU, LEAST_SHARE, brightest_bone, cortex_share
from spondyl.space import Floats, Volume
from spondyl.spine import Spine, Vertebra
from spondyl.spine.grey_border import METAL_HU

CONTRAST_HU = 80.0  # blood without an agent stays below, even with many red cells
_AIR_HU, _FAT_HU, _MUSCLE_HU = (-1020.0, -970.0), (-140.0, -60.0), (15.0, 100.0)
_BLOOD_HU = (20.0, 600.0)
_FEWEST = 100  # voxels of a tissue
_CORTEX_DOUBT = 0.1  # of its CT number beside the doubt of blur: the cortex of the old is porous
_TISSUE_DOUBT_HU = 5.0  # between people, and water in them
_AORTA_MM, _RING_MM = 7.0, (15.0, 18.0)  # an adult aorta is 16 to 30 mm wide: inside it, and around it
_RING_SHARE = 0.5
_BORDER_HU = 25.0


def find_tissues(spine: Spine) -> Mapping[str, TissueSample]:
    """Samples of the tissues that are found, by name; what is not found is left out.

    Air: outside the body or gas. Adipose tissue: the peak of fat. Muscle: behind and beside the bodies. Blood: a
    homogeneous round structure in front of the bodies, the aorta, the median over levels; with contrast it is bright
    (`CONTRAST_HU`) and no calibration may use it. Cortical bone: the brightest voxels of the vertebrae, raised by what
    blur and slices take from a cortex (`cortex_share`); the least reliable. Where more than half of it is gone
    cortical bone is left out.
    """
    ct = spine.ct
    if ct is None:
        return {}
    block = _near_spine(ct, spine)
    values = block.array.astype(np.float32)
    found = {
        "air": _flat(ct.array.astype(np.float32), _AIR_HU, erode=0),
        "adipose": _flat(values, _FAT_HU, erode=1),
        "muscle": _muscle(block, spine),
        "blood": _blood(ct, spine),
    }
    samples = {name: _sample(numbers, _TISSUE_DOUBT_HU) for name, numbers in found.items() if numbers is not None}
    cortex = _cortex(ct, spine)
    return samples if cortex is None else {**samples, "cortical_bone": cortex}


def metal_near(spine: Spine, vertebra: Vertebra) -> bool:
    """Whether something brighter than bone lies in the box of a vertebra, 5 mm around it."""
    if spine.ct is None:
        return False
    box = _around(spine.ct, _corners(vertebra), np.full(3, 5.0))
    return int(np.count_nonzero(box.array > METAL_HU)) >= 5


def _sample(numbers: Floats, doubt_hu: float) -> TissueSample:
    mean, sd = float(numbers.mean()), float(numbers.std())
    return TissueSample(mean, sd, len(numbers), float(np.hypot(doubt_hu, sd / np.sqrt(len(numbers)))))


def _cortex(ct: Volume, spine: Spine) -> TissueSample | None:
    """Whole cortex by the brightest voxels and the share of it that blur leaves in them."""
    numbers, left = brightest_bone(ct, spine), cortex_share(spine)
    if numbers is None or left is None or left.share < LEAST_SHARE:
        return None
    seen = float(numbers.mean())
    whole = BESIDE_HU + (seen - BESIDE_HU) / left.share
    doubt = float(np.hypot(_CORTEX_DOUBT * whole, (whole - BESIDE_HU) * left.sd / left.share))
    return replace(_sample(numbers, doubt), mean_hu=whole, seen_hu=seen)


def _near_spine(ct: Volume, spine: Spine) -> Volume:
    """The part of the CT within 90 mm of the vertebrae's boxes."""
    points = np.concatenate([_corners(vertebra) for vertebra in spine])
    return _around(ct, points, np.array([90.0, 90.0, 0.0]))


def _corners(vertebra: Vertebra) -> Floats:
    geometry = vertebra.mask.geometry
    return geometry.points(np.array(np.meshgrid(*[(0, n - 1) for n in geometry.shape])).reshape(3, -1).T)


def _around(ct: Volume, points: Floats, margin_mm: Floats) -> Volume:
    """The part of the CT that holds the box of these points with a margin."""
    ends = np.stack([points.min(axis=0) - margin_mm, points.max(axis=0) + margin_mm], axis=1)
    indices = ct.geometry.indices(np.array(np.meshgrid(*ends)).reshape(3, -1).T)
    return ct.cropped(np.floor(indices.min(axis=0)), np.ceil(indices.max(axis=0)) + 1)


def _flat(values: NDArray[np.float32], limits: tuple[float, float], *, erode: int) -> Floats | None:
    """Values of voxels whose surroundings lie within limits, kept to the peak; constant padding is no tissue."""
    smooth = ndimage.uniform_filter(values, 3)
    inside = (smooth > limits[0]) & (smooth < limits[1])
    if erode:
        inside = ndimage.binary_erosion(inside, np.ones((3, 3, 3)), iterations=erode)
    return _kept(values[inside], smooth[inside])


def _kept(numbers: NDArray[np.float32], smooth: NDArray[np.float32]) -> Floats | None:
    """The voxels within 15 HU of the peak of their smoothed values; None if too few or all equal."""
    if len(numbers) < _FEWEST:
        return None
    counts, edges = np.histogram(smooth, np.arange(smooth.min() - 5, smooth.max() + 10, 5.0))
    peak = float(edges[int(np.argmax(counts))]) + 2.5
    near = np.abs(smooth - peak) < 15.0
    chosen = np.asarray(numbers[near], np.float64)
    return chosen if len(chosen) >= _FEWEST and chosen.std() > 0 else None


def _muscle(block: Volume, spine: Spine) -> Floats | None:
    """Muscle in blocks behind and beside the bodies, outside bone."""
    values = block.array.astype(np.float32)
    smooth = ndimage.uniform_filter(values, 3)
    flat = (smooth > _MUSCLE_HU[0]) & (smooth < _MUSCLE_HU[1])
    flat = ndimage.binary_erosion(flat, np.ones((3, 3, 3)))
    near = Volume(flat.astype(np.uint8), block.geometry, "1")
    picked, smoothed = [], []
    for points in _blocks(spine, anterior=(-75.0, 5.0), left=(15.0, 55.0)):
        inside = near.sample(points, order=0) > 0.5
        picked.append(block.sample(points[inside], order=0))
        smoothed.append(Volume(smooth, block.geometry, block.unit).sample(points[inside], order=0))
    if not picked:
        return None
    numbers, around = np.concatenate(picked), np.concatenate(smoothed)
    return _kept(numbers.astype(np.float32), around.astype(np.float32))


def _blocks(spine: Spine, anterior: tuple[float, float], left: tuple[float, float]) -> Iterator[Floats]:
    """Points on a 2 mm grid beside each vertebra, on both sides, shape (n, 3). [mm, LPS]"""
    axes = [np.arange(low, high, 2.0) for low, high in ((-10.0, 10.0), anterior, left)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    both = np.concatenate([grid, grid * (1, 1, -1)])
    for vertebra in spine:
        if vertebra.frame is not None:
            yield vertebra.frame.to_patient(both)


def _blood(ct: Volume, spine: Spine) -> Floats | None:
    """Values in the aorta at the levels where one is seen; those of other brightness than the median are left out."""
    seen = [numbers for v in spine if (numbers := _aorta(ct, v)) is not None]
    if not seen:
        return None
    middle = float(np.median([numbers.mean() for numbers in seen]))
    alike = [numbers for numbers in seen if abs(numbers.mean() - middle) < max(15.0, 0.2 * middle)]
    return np.concatenate(alike) if 2 * len(alike) > len(seen) else None


def _aorta(ct: Volume, vertebra: Vertebra) -> Floats | None:
    """Values in the most homogeneous round structure in front of a body, in its middle plane; None without one."""
    if vertebra.frame is None or vertebra.anterior is None:
        return None
    front = float(np.nanmean(vertebra.anterior.height_mm))
    anterior, left = np.arange(front - 20.0, front + 65.0), np.arange(-35.0, 66.0)
    cranial = np.arange(-4.0, 5.0, 2.0)
    grid = np.stack(np.meshgrid(cranial, anterior, left, indexing="ij"), axis=-1)
    values = ct.sample(vertebra.frame.to_patient(grid), outside=np.nan).mean(axis=0)
    known = np.isfinite(values)
    values = np.where(known, values, -1000.0)
    disc = _ring(0.0, _AORTA_MM)
    mean = ndimage.convolve(values, disc / disc.sum())
    spread = np.sqrt(np.clip(ndimage.convolve(values**2, disc / disc.sum()) - mean**2, 0, None))
    place = np.argwhere((mean > _BLOOD_HU[0]) & (mean < _BLOOD_HU[1]) & (spread < np.maximum(12.0, 0.08 * mean)))
    around = np.argwhere(_ring(*_RING_MM)) - int(_RING_MM[1])
    best, chosen = _RING_SHARE, None
    for i, j in place:
        a, b = i + around[:, 0], j + around[:, 1]
        inside = (a >= 0) & (a < len(anterior)) & (b >= 0) & (b < len(left))
        if anterior[i] < front + _AORTA_MM - 12 or not -15 <= left[j] <= 40 or inside.mean() < 0.8:
            continue
        other = np.abs(values[a[inside], b[inside]] - mean[i, j]) > _BORDER_HU
        if other.mean() > best:
            best, chosen = float(other.mean()), (i, j)
    if chosen is None:
        return None
    inside = np.argwhere(disc) - int(_AORTA_MM) + chosen
    return np.asarray(values[tuple(inside[((inside >= 0) & (inside < values.shape)).all(axis=1)].T)])


def _ring(inner: float, outer: float) -> NDArray[np.bool_]:
    side = np.arange(-int(outer), int(outer) + 1)
    distance = np.hypot(side[:, None], side)
    return np.asarray((distance >= inner) & (distance <= outer))
