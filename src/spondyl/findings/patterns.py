"""Places inside bodies that are much darker or brighter than the trabecular bone around them and next to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.findings.cleft import GAS_HU, around_body
from spondyl.findings.types import Finding, Findings, Status, not_evaluable
from spondyl.space import Floats, Volume
from spondyl.spine import Level, Spine, Vertebra

Pattern = Literal["lytic", "sclerotic"]
_PATTERNS: tuple[Pattern, ...] = ("lytic", "sclerotic")

_SHELL_MM = 4.0  # of the body left out: endplates and walls, blurred
_SMOOTH_MM = 1.5  # Gaussian, one sd: single voxels are noise and trabeculae
_SDS = 4.0  # robust standard deviations of the smoothed bone of this level and its neighbours
_LEAST_HU = {
    "lytic": 60.0,
    "sclerotic": 120.0,
}  # choices; the second is larger, for endplates sclerose beside worn discs
_LEAST_MM3 = 300.0  # a choice: a ball of 8 mm
_LEAST_CORE_MM3 = 2000.0
_NEIGHBOURS = 2  # levels either side that the bone is compared with
_GAS_ROOM_MM = 3.0  # around gas left out: blurred gas looks lytic
_VEIN_MM = (7.0, 7.0, 14.0)  # half height, half width and depth of the basivertebral vein's place, left out for lytic
_SIDES_PERCENT = (1.0, 99.0)  # of the front half's voxels: its sides without single stray voxels
_COARSE_MM = 2.5

_METHOD = (
    "connected region of at least 300 mm3 inside the body, smoothed, more than 4 robust sds (and 60 HU lytic, 120 HU"
    " sclerotic) from the median of this level and up to two either side"
)


def find_patterns(spine: Spine) -> Findings:
    """Whether a lytic or a sclerotic place lies in each body, and its volume.

    'Look here', not a diagnosis. A lytic place may be a metastasis, myeloma, a haemangioma, a fat island or a fracture
    gap; a sclerotic one a bone island, a metastasis, compacted bone of a fracture or wear beside a disc. Diffuse change
    of all levels is not seen, nor what lies in shell or arch.
    """
    cores = [None if spine.ct is None or v.body is None else _core(v, v.body, spine.ct) for v in spine]
    findings: list[Finding] = []
    for i, vertebra in enumerate(spine):
        if vertebra.level not in (Level.C1, Level.C2, Level.SACRUM, Level.COCCYX):
            near = [c for c in cores[max(0, i - _NEIGHBOURS) : i + _NEIGHBOURS + 1] if c is not None]
            for pattern in _PATTERNS:
                findings += _of_level(vertebra, cores[i], near, pattern, spine.ct)
    return tuple(findings)


@dataclass(frozen=True, eq=False)
class _Core:
    """Smoothed HU inside a body, away from shell and gas."""

    values: Floats
    used: NDArray[np.bool_]
    vein: NDArray[np.bool_]
    voxel_mm3: float


def _core(vertebra: Vertebra, body: Volume, ct: Volume) -> _Core | None:
    """None where too little bone is seen."""
    mask, values = around_body(body, ct)
    spacing = tuple(body.geometry.spacing_mm)
    gas = values < GAS_HU
    seen = mask & np.isfinite(values)
    if vertebra.frame is None:
        return None
    trunk = mask & _between_the_sides(vertebra, body, mask)
    used = seen & (ndimage.distance_transform_edt(trunk, sampling=spacing) > _SHELL_MM)
    if gas.any():
        used &= ndimage.distance_transform_edt(~gas, sampling=spacing) > _GAS_ROOM_MM
    voxel = body.geometry.voxel_volume_mm3
    if np.count_nonzero(used) * voxel < _LEAST_CORE_MM3:
        return None
    widths = _SMOOTH_MM / np.asarray(spacing)
    weight = ndimage.gaussian_filter(used.astype(np.float64), widths)
    smooth = ndimage.gaussian_filter(np.where(used, values, 0.0), widths) / np.maximum(weight, 1e-6)
    return _Core(smooth, used, _vein(vertebra, body, mask), voxel)


def _between_the_sides(vertebra: Vertebra, body: Volume, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Places no further to a side than the front half of the body reaches.

    Behind, roots of pedicles and of transverse processes join the body, at L5 all along its side; where a mask leaves
    them with the body, their cortex would be taken for sclerotic bone.
    """
    local = _local(vertebra, body, mask)
    left = local[..., 2]
    ahead = left[mask & (local[..., 1] > 0)]
    if not len(ahead):
        return mask
    right_end, left_end = np.percentile(ahead, _SIDES_PERCENT)
    return np.asarray((left >= right_end) & (left <= left_end))


def _local(vertebra: Vertebra, body: Volume, mask: NDArray[np.bool_]) -> Floats:
    """(cranial, anterior, left) of each voxel around a body. [mm]"""
    assert vertebra.frame is not None
    shift = np.argwhere(body.array).min(axis=0) - np.argwhere(mask).min(axis=0)
    indices = np.moveaxis(np.indices(mask.shape), 0, -1) + shift
    return vertebra.frame.to_local(body.geometry.points(indices))


def _vein(vertebra: Vertebra, body: Volume, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where the basivertebral vein lies: in the back of the body at mid-height."""
    local = _local(vertebra, body, mask)
    back = local[mask][:, 1].min()
    inside = (np.abs(local[..., 0]) < _VEIN_MM[0]) & (np.abs(local[..., 2]) < _VEIN_MM[1])
    return np.asarray(inside & (local[..., 1] < back + _VEIN_MM[2]))


def _of_level(
    vertebra: Vertebra, core: _Core | None, near: Sequence[_Core], pattern: Pattern, ct: Volume | None
) -> tuple[Finding, Finding]:
    names = (f"{pattern}_pattern", "1"), (f"{pattern}_pattern_volume", "mm3")
    if core is None or vertebra.is_cut:
        reason = "no CT" if ct is None else vertebra.cut_words if vertebra.is_cut else "too little bone is seen"
        yes, size = (not_evaluable(name, vertebra.level, unit, reason, _METHOD) for name, unit in names)
        return yes, size
    volume = _volume(core, near, pattern)
    edge = float(vertebra.mask.geometry.spacing_mm.max())
    doubts = [f"a voxel edge of {edge:.1f} mm blurs small places"] if edge > _COARSE_MM else []
    doubts += ["compared with no other level"] if len(near) < 2 else []
    doubt = "; ".join(doubts) or None
    status = Status.UNCERTAIN if doubt else Status.MEASURED
    value, level = "yes" if volume else "no", vertebra.level
    return (
        Finding(names[0][0], level, None, None, value, "1", None, None, status, doubt, _METHOD, "spondyl"),
        Finding(names[1][0], level, None, None, volume, "mm3", None, None, status, doubt, _METHOD, "spondyl"),
    )


def _volume(core: _Core, near: Sequence[_Core], pattern: Pattern) -> float:
    """Volume of all places of a pattern, 0 where there is none. [mm³]"""
    medians = [float(np.median(c.values[c.used])) for c in near]
    scatter = [float(np.median(np.abs(c.values[c.used] - m))) for c, m in zip(near, medians, strict=True)]
    limit = max(_SDS * 1.4826 * float(np.median(scatter)), _LEAST_HU[pattern])
    reference = float(np.median(medians))
    if pattern == "lytic":
        odd = core.used & (core.values < reference - limit) & ~core.vein
    else:
        odd = core.used & (core.values > reference + limit)
    places, count = ndimage.label(odd)
    sizes = np.bincount(places.ravel(), minlength=count + 1)[1:] * core.voxel_mm3
    return float(sizes[sizes >= _LEAST_MM3].sum())
