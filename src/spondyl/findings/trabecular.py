"""The standard region of trabecular bone in a vertebral body, and its CT number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.interpolate import RegularGridInterpolator

from spondyl.findings.tissues import metal_near
from spondyl.space import Floats, HeightMap, Volume
from spondyl.spine import Spine, Vertebra

METHOD = "mean of an ellipse in front of the middle, 25-75 % of the height, 3 mm from the cortex"
CENTRE, HALF_DEPTH = 0.58, 0.28  # of the depth from the posterior wall: ends 30 % before it, clear of the vein
HALF_WIDTH_MM = 12.0
HEIGHT_SHARE = (0.25, 0.75)
FROM_CORTEX_MM = 3.0  # cortex blurred over two voxels of a usual CT
PRESSED = 0.8  # front or middle third over the highest third: below, bone is compacted and reads denser
GAS_HU = -200.0  # below what marrow of fat alone reads with its noise
DENSE_HU = 200.0  # above the region's median: three standard deviations of a very noisy scan
_SHARE = 0.01  # of the region: more gas or dense bone than this is told
_STEP_MM, _FEWEST = 1.0, 300
_THIRDS_HALF_WIDTH_MM = 6.0
_CORRELATED_VOXELS = 8.0  # blur joins neighbours, two along each axis


@dataclass(frozen=True)
class RegionValue:
    """CT number of a body's standard region."""

    mean_hu: float
    sd_hu: float  # of the values within the region
    error_hu: float  # one standard deviation of the mean
    remarks: tuple[str, ...]  # why it is uncertain; empty: it is not


def measure_region(spine: Spine, vertebra: Vertebra) -> RegionValue | str:
    """Mean CT number of the standard region of a body, or why there is none."""
    if spine.ct is None:
        return "there is no CT, only a label map"
    if vertebra.is_cut:
        return "the image border cuts this vertebra"
    points = region_points(vertebra)
    if isinstance(points, str):
        return points
    values = spine.ct.sample(points, outside=np.nan)
    if not np.isfinite(values).all():
        return "the region reaches beyond the CT"
    sd = float(values.std())
    volume = len(points) * _STEP_MM**3
    independent = max(2.0, volume / (spine.ct.geometry.voxel_volume_mm3 * _CORRELATED_VOXELS))
    return RegionValue(float(values.mean()), sd, sd / np.sqrt(independent), _remarks(spine, vertebra, values))


def region_points(vertebra: Vertebra) -> Floats | str:
    """Points of the standard region on a 1 mm grid, shape (n, 3), patient mm; or why there is none.

    In the body's frame: an ellipse in (anterior, left) around 58 % of the depth from the posterior wall, between 25
    and 75 % of the height under each of its places, so that it follows a deformed endplate; and 3 mm within the mask.
    """
    frame, body = vertebra.frame, vertebra.body
    plates = vertebra.superior, vertebra.inferior
    walls = vertebra.anterior, vertebra.posterior
    if frame is None or body is None or plates[0] is None or plates[1] is None or walls[0] is None or walls[1] is None:
        return "the surfaces of the body were not found"
    front, back = (float(np.nanmedian(wall.height_mm)) for wall in (walls[0], walls[1]))
    centre, half = back + CENTRE * (front - back), HALF_DEPTH * (front - back)
    a, left = np.meshgrid(_axis(centre - half, centre + half), _axis(-HALF_WIDTH_MM, HALF_WIDTH_MM), indexing="ij")
    inside = ((a - centre) / half) ** 2 + (left / HALF_WIDTH_MM) ** 2 <= 1
    a, left = a[inside], left[inside]
    top, bottom = (_heights(plate, a, left) for plate in (plates[0], plates[1]))
    cranial = _axis(float(np.nanmin(bottom, initial=0.0)), float(np.nanmax(top, initial=0.0)))
    share = (cranial[:, None] - bottom) / (top - bottom)
    c, place = np.nonzero((share >= HEIGHT_SHARE[0]) & (share <= HEIGHT_SHARE[1]))
    points = frame.to_patient(np.stack([cranial[c], a[place], left[place]], axis=-1))
    points = points[_depth_inside(body).sample(points, outside=0.0) >= FROM_CORTEX_MM]
    return points if len(points) >= _FEWEST else "too little trabecular bone away from the cortex"


def is_pressed(vertebra: Vertebra) -> bool:
    """Whether the front third or the middle is less than 80 % as high as the highest third.

    A low back third alone is the usual shape of L5.
    """
    if (
        vertebra.superior is None
        or vertebra.inferior is None
        or vertebra.anterior is None
        or vertebra.posterior is None
    ):
        return False
    front, back = (float(np.nanmedian(w.height_mm)) for w in (vertebra.anterior, vertebra.posterior))
    left = _axis(-_THIRDS_HALF_WIDTH_MM, _THIRDS_HALF_WIDTH_MM)
    heights = []
    for low, high in ((0.7, 0.9), (0.4, 0.6), (0.1, 0.3)):
        a, across = np.meshgrid(_axis(back + low * (front - back), back + high * (front - back)), left, indexing="ij")
        gap = _heights(vertebra.superior, a, across) - _heights(vertebra.inferior, a, across)
        heights.append(float(np.mean(gap[np.isfinite(gap)])) if np.isfinite(gap).any() else np.nan)
    return bool(min(heights[:2]) < PRESSED * max(heights))


def _remarks(spine: Spine, vertebra: Vertebra, values: Floats) -> tuple[str, ...]:
    remarks = []
    if metal_near(spine, vertebra):
        remarks.append("something brighter than bone lies near: metal, cement or a dense vessel")
    if (values < GAS_HU).mean() > _SHARE:
        remarks.append("there is gas in the region")
    if (values > np.median(values) + DENSE_HU).mean() > _SHARE:
        remarks.append("there is a dense spot in the region, such as sclerosis below an endplate or cement")
    if is_pressed(vertebra):
        remarks.append("the body is deformed: compacted bone reads denser")
    return tuple(remarks)


def _axis(low: float, high: float) -> Floats:
    return np.arange(low, high + _STEP_MM / 2, _STEP_MM)


def _heights(plate: HeightMap, a: Floats, left: Floats) -> Floats:
    """Heights of an endplate at (anterior, left); NaN where there is none."""
    at = RegularGridInterpolator((plate.u_mm, plate.v_mm), plate.height_mm, bounds_error=False, fill_value=np.nan)
    return np.asarray(at(np.stack([a, left], axis=-1)))


def _depth_inside(body: Volume) -> Volume:
    """Distance of voxel centres inside a mask from its border. [mm]"""
    spacing = body.geometry.spacing_mm
    padded = np.pad(body.array, 1)
    depth = ndimage.distance_transform_edt(padded, sampling=spacing)[1:-1, 1:-1, 1:-1]
    return Volume(np.clip(depth - spacing.min() / 2, 0, None).astype(np.float32), body.geometry, "mm")
