"""How much of a cortex is left in the brightest voxels of a spine: blur and thick slices take the rest."""

from __future__ import annotations

from dataclasses import dataclass
from math import erf, exp, hypot, sqrt

import numpy as np
from numpy.typing import NDArray

from spondyl.space import Floats, Volume
from spondyl.spine import Spine
from spondyl.spine.grey_border import METAL_HU

BESIDE_HU = 50.0  # what blur mixes in: muscle on one side of a cortex, marrow with bone in it on the other
LEAST_SHARE = 0.5  # below: what is seen is more surroundings than cortex, and nothing is told from it
_BRIGHTEST = 0.002  # of the bone voxels: only where cortex is thick does a voxel hold little else
# Three figures set on the 42 scans of one virtual patient (docs/validation/density.md), to within 49 HU (one sd).
_SHEET_MM = 1.35  # the cortex of arches, which stands upright, so that thick slices see it too
_KNOT_MM, _KNOT_TALL_MM = 1.5, 1.3  # what it is thicker where sheets meet, and how tall such places are
_SHEET_DOUBT = 0.2  # of the thickness, one standard deviation between people; a choice, no cohort was measured
_KERNEL_BLUR_MM = 0.5, 0.75  # a standard and a smooth body kernel of the virtual scanner, as a bracket


@dataclass(frozen=True)
class CortexShare:
    """What blur leaves of the contrast of a cortex in the brightest voxels."""

    share: float  # 1: all of it
    sd: float
    slice_mm: float  # thickness of the slices


def cortex_share(spine: Spine) -> CortexShare | None:
    """What the CT of a spine leaves of its thickest cortices; None without a CT.

    A cortex is a sheet that stands upright, blurred within the slices by the kernel and by the pixels: of a sheet of
    thickness T, Gaussian blur s leaves erf(T / (√8 s)) in its middle. Where sheets meet they are thicker, but such
    places are small, and thick slices miss them. The doubt is that of an unknown kernel and of the thickness.
    Slices are as thick as the header says, at least as the step.
    """
    if spine.ct is None:
        return None
    pixel, step = np.sort(spine.ct.geometry.spacing_mm)[1:]
    told = None if spine.study is None else spine.study.scan.slice_thickness_mm
    thickness = max(float(step), told or 0.0)
    sheet = _SHEET_MM + _KNOT_MM * exp(-((thickness / _KNOT_TALL_MM) ** 2))
    by_kernel = [_left(sheet, blur, float(pixel)) for blur in _KERNEL_BLUR_MM]
    middle = sum(_KERNEL_BLUR_MM) / 2
    by_sheet = [_left(sheet * (1 + sign * _SHEET_DOUBT), middle, float(pixel)) for sign in (-1, 1)]
    sd = hypot(by_kernel[0] - by_kernel[1], by_sheet[1] - by_sheet[0]) / 2
    return CortexShare(sum(by_kernel) / 2, sd, thickness)


def brightest_bone(ct: Volume, spine: Spine) -> Floats | None:
    """The brightest voxels of the vertebrae; metal and what touches it are left out. [HU]"""
    picked = []
    for vertebra in spine:
        geometry = vertebra.mask.geometry
        values = ct.sample(geometry.points(np.argwhere(vertebra.mask.array)), order=0, outside=np.nan)
        values = values[np.isfinite(values)]
        if len(values) and (values > METAL_HU).sum() < 5:
            picked.append(values)
    if not picked:
        return None
    numbers: NDArray[np.float64] = np.concatenate(picked)
    brightest = numbers[numbers >= np.quantile(numbers, 1 - _BRIGHTEST)]
    return brightest if len(brightest) >= 10 else None


def _left(sheet_mm: float, blur_mm: float, pixel_mm: float) -> float:
    """Share of the contrast in the middle of a sheet; a pixel blurs with the deviation of a box of its width."""
    return erf(sheet_mm / (sqrt(8.0) * hypot(blur_mm, pixel_mm / sqrt(12.0))))
