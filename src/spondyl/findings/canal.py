"""Bone in the spinal canal: how far a posterior wall bulges, and how much of the canal is left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from spondyl.findings.types import Finding, Findings, Status, not_evaluable
from spondyl.space import Floats, Frame, HeightMap, Volume
from spondyl.spine import Level, Spine, Vertebra

_HALF_SLAB_MM = 3.0  # of the wall either side of the midline: further out thoracic pedicles blur into coarse masks
_CORNER_MM = 2.0  # of the wall at either end whose mean is the corner, and where no bulge is looked for
_SOUND_MM = 1.0  # up to this a wall counts as flat
_NEAR_CORNER_MM = 8.0
_PLANE_HALF_MM = 20.0  # of the plane in which an area is counted; no adult thoracolumbar canal is wider
_PLANE_STEP_MM = 0.5
_STATION_MM = 1.0
_AVERAGED_MM = 3  # of the canal's length over which an area is averaged
_BORDER_SHARE = 0.25  # sd of a mask's border in voxels: half a voxel is two sd
_COARSE_MM = 3.0  # a voxel edge across the wall above which half a voxel hides a bulge of clinical size
_BEYOND_MM = 8.0  # how far past a body the canal is followed to see whether the mask ends there
_END_MM = 4.0  # of the mask left out at its ends
_LEAST_COVER = 0.5  # share of a body's height that must have a canal
_LEAST_AREA_MM2 = 30.0  # less is a gap in the mask, not a canal
_LEVEL_SPREAD = 0.05  # least relative sd between areas of sound neighbours; a choice, wider where they differ more

_BULGE = "largest distance of the posterior wall, 3 mm either side of the midline, behind the line joining its corners"
_AREA = "narrowest canal cross-section square to the canal at the height of the body, mean over 3 mm"
_COMPROMISE = "1 - canal area over the mean of the areas at the next levels above and below"


def measure_canal(spine: Spine) -> Findings:
    """Posterior wall bulge, canal area and canal compromise of each level with a body.

    A sound posterior wall is hollow: its bulge is negative or nearly 0. A bulge close to a corner draws the line along
    and is read too small (then uncertain); one that takes a whole corner with it shows in the area only. The canal is
    that of the label map, or the space between the bones, which holds fat beside the dural sac; soft tissue in it
    (disc, haematoma) is not seen. Levels differ by nature: a few per cent of compromise either way mean nothing.
    """
    canals = [_canal(spine, vertebra) for vertebra in spine]
    findings: list[Finding] = []
    for i, vertebra in enumerate(spine):
        if vertebra.level in (Level.C1, Level.C2, Level.SACRUM, Level.COCCYX):
            continue
        near = [
            canals[k] for k in (i - 1, i + 1) if 0 <= k < len(canals) and _adjacent(spine.levels[k], vertebra.level)
        ]
        findings += [_bulge(vertebra), _area(vertebra, canals[i]), _compromise(vertebra, canals[i], near)]
    return tuple(findings)


@dataclass(frozen=True)
class _Canal:
    """Narrowest cross-section at one level, or why there is none."""

    area_mm2: float | None
    sd_mm2: float = 0.0
    reason: str | None = None


def _adjacent(a: Level, b: Level) -> bool:
    return 0 < abs(a.order - b.order) <= 1


def _bulge(vertebra: Vertebra) -> Finding:
    name = "posterior_wall_bulge"
    wall = vertebra.posterior
    if vertebra.is_cut or wall is None:
        return not_evaluable(name, vertebra.level, "mm", _no_body(vertebra, "posterior wall not found"), _BULGE)
    bulge = wall_bulge(wall)
    if bulge is None:
        reason = "the posterior wall is too short for a line between its corners"
        return not_evaluable(name, vertebra.level, "mm", reason, _BULGE)
    return _finding(name, vertebra.level, bulge[0], "mm", 1.96 * wall.sd_mm, _bulge_doubt(vertebra, *bulge), _BULGE)


def _bulge_doubt(vertebra: Vertebra, bulge: float, from_corner: float) -> str | None:
    assert vertebra.posterior is not None
    geometry = vertebra.mask.geometry
    edge = float(np.abs(vertebra.posterior.frame.anterior @ geometry.axes) @ geometry.spacing_mm)
    if edge > _COARSE_MM:
        return f"voxels are {edge:.1f} mm across the wall"
    if bulge > _SOUND_MM and from_corner < _NEAR_CORNER_MM:
        return f"{from_corner:.0f} mm from a corner, which it draws along: probably read too small"
    return None


def wall_bulge(wall: HeightMap) -> tuple[float, float] | None:
    """Largest distance of a posterior wall behind the line joining its corners, and how far from a corner it is. [mm]

    The line joins the means over 2 mm at the upper and lower end of each sagittal line of the wall; distances are
    averaged over 3 x 3 mm and negative where the wall is hollow. None: the wall is too short or has gaps.
    """
    columns = np.abs(wall.v_mm) <= _HALF_SLAB_MM
    shown = columns & np.isfinite(wall.height_mm).all(axis=0)
    u = wall.u_mm
    lower, upper = u <= u[0] + _CORNER_MM, u >= u[-1] - _CORNER_MM
    between = ~lower & ~upper
    if u[-1] - u[0] < 8.0 or shown.sum() < 3 or between.sum() < 3:
        return None
    heights = wall.height_mm[:, shown]
    ends = [heights[rows].mean(axis=0) for rows in (lower, upper)]
    places = [float(u[rows].mean()) for rows in (lower, upper)]
    share = ((u - places[0]) / (places[1] - places[0]))[:, None]
    behind = ndimage.uniform_filter(ends[0] + share * (ends[1] - ends[0]) - heights, 3, mode="nearest")[between]
    peak = u[between][behind.max(axis=1).argmax()]
    return float(behind.max()), float(min(peak - u[0], u[-1] - peak))


def _canal(spine: Spine, vertebra: Vertebra) -> _Canal:
    """Narrowest canal at the height of a body."""
    if spine.canal is None:
        return _Canal(None, reason="no canal: it is not in the labels and the arches do not enclose one")
    if vertebra.is_cut or vertebra.frame is None or vertebra.posterior is None:
        return _Canal(None, reason=_no_body(vertebra, "body not found"))
    reach = _canal_reach(spine.canal, vertebra)
    if reach is None:
        return _Canal(None, reason="the canal mask does not reach over the middle of the body")
    line, stations = reach
    areas = _areas(spine.canal, vertebra.frame, line, stations)
    narrowest = float(ndimage.uniform_filter1d(areas, _AVERAGED_MM, mode="nearest").min())
    if narrowest < _LEAST_AREA_MM2:
        return _Canal(None, reason="the canal mask is broken at this level")
    border = _BORDER_SHARE * float(np.sort(spine.canal.geometry.spacing_mm)[1])
    return _Canal(narrowest, 2 * float(np.sqrt(np.pi * narrowest)) * border)


def _canal_reach(canal: Volume, vertebra: Vertebra) -> tuple[Floats, Floats] | None:
    """The straight line of the canal past a body, and the cranial positions on it that are asked.

    The line gives (anterior, left) as rows @ (1, cranial), shape (2, 2). Ends of the mask are left out: a plane that is
    not square to the axis of the body would run out of it there.
    """
    assert vertebra.frame is not None and vertebra.posterior is not None
    low, high = float(vertebra.posterior.u_mm[0]), float(vertebra.posterior.u_mm[-1])
    block = canal.cropped(*_box(canal, vertebra.frame, low - _BEYOND_MM, high + _BEYOND_MM))
    local = vertebra.frame.to_local(block.geometry.points(np.argwhere(block.array)))
    local = local[(local[:, 0] > low - _BEYOND_MM) & (local[:, 0] < high + _BEYOND_MM)]
    if len(local) < 20:
        return None
    first = max(low + 1.0, float(local[:, 0].min()) + _END_MM)
    last = min(high - 1.0, float(local[:, 0].max()) - _END_MM)
    if last - first < _LEAST_COVER * (high - low):
        return None
    local = local[(local[:, 0] >= first) & (local[:, 0] <= last)]
    design = np.stack([np.ones(len(local)), local[:, 0]], axis=1)
    line = np.asarray(np.linalg.lstsq(design, local[:, 1:], rcond=None)[0].T)
    return line, np.arange(first, last + 0.1, _STATION_MM)


def _areas(canal: Volume, frame: Frame, line: Floats, stations: Floats) -> Floats:
    """Areas of the canal in planes square to its line, at these cranial positions. [mm²]"""
    along = np.array([1.0, *line[:, 1]]) / np.linalg.norm([1.0, *line[:, 1]])
    plane = Frame.from_directions(np.zeros(3), along, np.array([0.0, 1.0, 0.0]))
    steps = np.arange(-_PLANE_HALF_MM, _PLANE_HALF_MM + 0.1, _PLANE_STEP_MM)
    ahead, aside = np.meshgrid(steps, steps, indexing="ij")
    grid = ahead[..., None] * plane.anterior + aside[..., None] * plane.left
    block = canal.cropped(*_box(canal, frame, float(stations[0]) - 10, float(stations[-1]) + 10))
    areas = []
    for station in stations:
        centre = np.array([station, *(line @ (1.0, station))])
        share = block.sample(frame.to_patient(centre + grid))  # a threshold instead would shave round borders off
        areas.append(float(share.sum()) * _PLANE_STEP_MM**2)
    return np.array(areas)


def _box(canal: Volume, frame: Frame, low: float, high: float) -> tuple[Floats, Floats]:
    """First and last index of the block of the canal mask that lies behind a body."""
    corners = np.array([(c, a, left) for c in (low, high) for a in (0.0, -70.0) for left in (-35.0, 35.0)])
    indices = canal.geometry.indices(frame.to_patient(corners))
    return np.floor(indices.min(axis=0)), np.ceil(indices.max(axis=0)) + 1


def _area(vertebra: Vertebra, canal: _Canal) -> Finding:
    if canal.area_mm2 is None:
        return not_evaluable("canal_area", vertebra.level, "mm2", canal.reason or "", _AREA)
    return _finding("canal_area", vertebra.level, canal.area_mm2, "mm2", 1.96 * canal.sd_mm2, None, _AREA)


def _compromise(vertebra: Vertebra, canal: _Canal, near: list[_Canal]) -> Finding:
    """Share of the canal lost against the neighbours; their own spread enters the interval."""
    name = "canal_compromise"
    areas = [(n.area_mm2, n.sd_mm2) for n in near if n.area_mm2 is not None]
    if canal.area_mm2 is None or not areas:
        reason = canal.reason or "no neighbouring level whose canal can be measured"
        return not_evaluable(name, vertebra.level, "%", reason, _COMPROMISE)
    values = np.array([area for area, _ in areas])
    reference = float(values.mean())
    value = 100 * (1 - canal.area_mm2 / reference)
    border = np.hypot(canal.sd_mm2 / canal.area_mm2, np.mean([sd for _, sd in areas]) / reference / len(areas) ** 0.5)
    nature = max(float(np.ptp(values)) / 2 / reference, _LEVEL_SPREAD)
    half = 196 * canal.area_mm2 / reference * float(np.hypot(border, nature))
    alone = "compared with one neighbouring level only" if len(areas) == 1 else None
    return _finding(name, vertebra.level, value, "%", half, alone, _COMPROMISE)


def _finding(name: str, level: Level, value: float, unit: str, half: float, doubt: str | None, method: str) -> Finding:
    status = Status.UNCERTAIN if doubt else Status.MEASURED
    return Finding(name, level, None, None, value, unit, value - half, value + half, status, doubt, method, "spondyl")


def _no_body(vertebra: Vertebra, otherwise: str) -> str:
    if vertebra.is_cut:
        return f"{vertebra.cut_words}: not measured as a whole"
    return "; ".join((otherwise, *vertebra.remarks))
