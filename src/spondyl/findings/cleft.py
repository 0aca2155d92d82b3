"""Gas inside a vertebral body: the sign of a cleft that may open and close."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.findings.types import Finding, Findings, Status, not_evaluable
from spondyl.space import Floats, Volume
from spondyl.spine import Level, Spine, Vertebra

GAS_HU = -200.0  # below fat marrow (-100) with noise, above a voxel that gas fills by a third
_BRACKET_HU = (-700.0, -120.0)  # thresholds that bound the volume: little else than gas, and just darker than fat
_SURE_HU = -400.0  # somewhere in it, or it may be fat, blur or noise
_LEAST_MM3 = 15.0  # a choice: gas of 5 x 3 x 1 mm
_LEAST_VOXELS = 3  # fewer may be noise
_AROUND_MM = 4.0  # how far outside the body gas is followed, to tell disc vacuum and lung from a cleft
_INSIDE_SHARE = 0.6  # of a cleft's gas that lies in the body
_THIN_VOXEL_MM = 3.0  # in a longer voxel edge a cleft 1-2 mm thin no longer reaches the threshold
_AIR_HU = -1000.0
_NOISE_SHARE = 0.15  # of gas in a voxel, below which it is not told from uneven marrow

_METHOD = "connected voxels below -200 HU, at least 15 mm3 and 3 voxels, at least 60 % of them inside the body mask"


def find_gas_clefts(spine: Spine) -> Findings:
    """Whether gas lies in each body, and its volume.

    'Look here', not a diagnosis: gas in a body speaks for a cleft of a fracture that has not healed, but a vacuum disc
    pressed into an endplate, infection or a recent biopsy show gas too. A cleft filled with fluid is not seen in CT.
    Gas of disc or lung is told from a cleft by lying mostly outside the body mask.
    """
    findings: list[Finding] = []
    for vertebra in spine:
        if vertebra.level not in (Level.C1, Level.C2, Level.SACRUM, Level.COCCYX):
            findings += _cleft(vertebra, spine.ct)
    return tuple(findings)


def _cleft(vertebra: Vertebra, ct: Volume | None) -> tuple[Finding, Finding]:
    names = (("gas_cleft", "1"), ("gas_cleft_volume", "mm3"))
    if ct is None or vertebra.body is None:
        reason = "no CT: a label map shows no gas" if ct is None else "; ".join(("no body", *vertebra.remarks))
        yes, volume = (not_evaluable(name, vertebra.level, unit, reason, _METHOD) for name, unit in names)
        return yes, volume
    gas = find_gas(vertebra.body, ct)
    if gas is None or (gas.volume_mm3 == 0 and vertebra.is_cut):
        reason = "the body lies outside the CT" if gas is None else f"{vertebra.cut_words}; none in the part shown"
        yes, volume = (not_evaluable(name, vertebra.level, unit, reason, _METHOD) for name, unit in names)
        return yes, volume
    doubt = _doubt(gas, ct)
    status = Status.UNCERTAIN if doubt else Status.MEASURED
    value = "yes" if gas.volume_mm3 else "no"
    whole = Finding("gas_cleft", vertebra.level, None, None, value, "1", None, None, status, doubt, _METHOD, "spondyl")
    volume = Finding(
        "gas_cleft_volume", vertebra.level, None, None, gas.volume_mm3, "mm3", gas.low_mm3, gas.high_mm3, status, doubt,
        f"{_METHOD}; partly filled voxels count by their HU", "spondyl",
    )  # fmt: skip
    return whole, volume


@dataclass(frozen=True)
class Gas:
    """Gas inside one body; the bounds are what darker and brighter thresholds give."""

    volume_mm3: float
    low_mm3: float
    high_mm3: float
    darkest_hu: float | None  # None: no gas


def find_gas(body: Volume, ct: Volume) -> Gas | None:
    """Gas of clefts inside a body mask; None where the CT does not cover it."""
    near, values = around_body(body, ct)
    if np.isnan(values[near]).mean() > 0.1:
        return None
    voxel = body.geometry.voxel_volume_mm3
    parts, count = ndimage.label(values < GAS_HU, np.ones((3, 3, 3)))
    clefts = np.zeros(near.shape, bool)
    for number in range(1, count + 1):
        region = parts == number
        inside = np.count_nonzero(region & near)
        if inside >= max(_LEAST_VOXELS, _LEAST_MM3 / voxel) and inside >= _INSIDE_SHARE * np.count_nonzero(region):
            clefts |= region
    if not clefts.any():
        return Gas(0.0, 0.0, 0.0, None)
    rim = ndimage.binary_dilation(clefts, np.ones((3, 3, 3))) & near
    sound = values[near & ~rim & np.isfinite(values)]
    marrow = float(np.median(sound)) if sound.size else 0.0
    shares = np.clip((marrow - values[rim]) / (marrow - _AIR_HU), 0, 1)
    volume = float(np.nansum(shares[shares > _NOISE_SHARE])) * voxel
    low, high = (float(np.count_nonzero(values[rim] < limit)) * voxel for limit in _BRACKET_HU)
    return Gas(volume, min(low, volume), max(high, volume), float(np.nanmin(values[clefts])))


def around_body(body: Volume, ct: Volume) -> tuple[NDArray[np.bool_], Floats]:
    """The body mask in a box with room around it, and the HU there, NaN beyond the CT and far from the body."""
    geometry = body.geometry
    found = np.argwhere(body.array)
    room = np.ceil(_AROUND_MM / geometry.spacing_mm).astype(int)
    start, stop = found.min(axis=0) - room, found.max(axis=0) + room + 1
    box = geometry.cropped(start, stop)
    mask = np.zeros(box.shape, bool)
    mask[tuple((found - start).T)] = True
    distance = ndimage.distance_transform_edt(~mask, sampling=tuple(geometry.spacing_mm))
    values = np.full(box.shape, np.nan)
    points = box.points(np.argwhere(distance <= _AROUND_MM))
    indices = ct.geometry.indices(points)
    first, last = np.floor(indices.min(axis=0)) - 1, np.ceil(indices.max(axis=0)) + 2
    if (first < ct.geometry.shape).all() and (last > 0).all():
        values[distance <= _AROUND_MM] = ct.cropped(first, last).sample(points, outside=np.nan)
    return mask, values


def _doubt(gas: Gas, ct: Volume) -> str | None:
    edge = float(ct.geometry.spacing_mm.max())
    if gas.darkest_hu is None and edge > _THIN_VOXEL_MM:
        return f"a voxel edge of {edge:.1f} mm hides a thin cleft"
    if gas.darkest_hu is not None and gas.darkest_hu > _SURE_HU:
        return f"the darkest voxel has {gas.darkest_hu:.0f} HU: gas is not certain"
    return None
