"""Gaps in the bony shell of the anterior and posterior wall, and the foramen of the basivertebral vein."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.findings.types import Finding, Findings, Status, not_evaluable
from spondyl.space import Floats, HeightMap, Volume
from spondyl.spine import Level, Spine, Vertebra

Wall = Literal["anterior", "posterior"]
_WALLS: tuple[Wall, ...] = ("anterior", "posterior")

FINE_MM = 1.5  # largest voxel edge in which a shell of half a millimetre still stands out
_ACROSS_MM = np.arange(-2.5, 2.6, 0.5)  # where the shell is looked for, either side of the mask's wall
_MARROW_MM = -6.0  # inside the wall
_WEAK = 0.35  # of the wall's own shell contrast: less counts as a gap
_LEAST_CONTRAST_HU = 60.0  # of a shell over marrow; with less no gap can be told
_LEAST_MM2 = 25.0  # a choice: a gap 5-6 mm across
_EDGE_MM = 3.0  # of the wall's upper and lower end left out
_VEIN_MM = 6.0  # from mid-height and midline of the posterior wall

_METHOD = (
    "wall area of at least 25 mm2 where the brightest voxel within 2.5 mm has under 35 % of the wall's shell contrast"
)
_VEIN = "such a gap within 6 mm of the middle of the posterior wall, of any size from 6 mm2"
_LEAST_VEIN_MM2 = 6.0
_LARGEST_VEIN_MM2 = 80.0  # a choice: 10 mm across; more is told as a gap as well


def find_wall_defects(spine: Spine) -> Findings:
    """Whether the anterior and the posterior wall have a gap in their shell, its area, and the basivertebral foramen.

    'Look here', not a diagnosis: a thin osteoporotic shell, a vein or an erosion look the same as a fracture's gap.
    Walls are seen within 10 mm of the midline; side walls are not looked at. The foramen is normal, unless it
    is larger than a foramen can be.
    """
    findings: list[Finding] = []
    for vertebra in spine:
        if vertebra.level not in (Level.C1, Level.C2, Level.SACRUM, Level.COCCYX):
            for wall in _WALLS:
                findings += _of_wall(vertebra, wall, spine.ct)
    return tuple(findings)


@dataclass(frozen=True)
class Gaps:
    """Gaps in one wall's shell. [mm²]"""

    area_mm2: float  # of all gaps that count, without the foramen
    foramen_mm2: float
    places_mm: tuple[tuple[float, float], ...] = ()  # (cranial, left) of the gaps on the wall's map, 1 mm apart
    foramen_places_mm: tuple[tuple[float, float], ...] = ()


def _of_wall(vertebra: Vertebra, wall: Wall, ct: Volume | None) -> list[Finding]:
    names = [(f"{wall}_wall_defect", "1", _METHOD), (f"{wall}_wall_defect_area", "mm2", _METHOD)]
    names += [("basivertebral_foramen", "1", _VEIN)] if wall == "posterior" else []
    gaps = look_at_wall(vertebra, wall, ct)
    if isinstance(gaps, str):
        return [not_evaluable(name, vertebra.level, unit, gaps, method) for name, unit, method in names]
    values = ["yes" if gaps.area_mm2 else "no", gaps.area_mm2, "yes" if gaps.foramen_mm2 else "no"]
    return [
        Finding(name, vertebra.level, None, None, value, unit, None, None, Status.MEASURED, None, method, "spondyl")
        for (name, unit, method), value in zip(names, values, strict=False)
    ]


def look_at_wall(vertebra: Vertebra, wall: Wall, ct: Volume | None) -> Gaps | str:
    """The gaps of one wall, or why they cannot be told."""
    surface = vertebra.anterior if wall == "anterior" else vertebra.posterior
    if ct is None:
        return "no CT: a label map shows no shell"
    if vertebra.is_cut or surface is None:
        return vertebra.cut_words if vertebra.is_cut else "; ".join((f"no {wall} wall", *vertebra.remarks))
    edge = float(ct.geometry.spacing_mm.max())
    if edge > FINE_MM + 0.01:
        return f"a voxel edge of {edge:.1f} mm is too coarse for the shell (at most {FINE_MM} mm)"
    return find_gaps(surface, ct, 1.0 if wall == "anterior" else -1.0)


def find_gaps(surface: HeightMap, ct: Volume, outward: float) -> Gaps | str:
    """Gaps of a wall; `outward` is 1 where the outside is anterior, else -1. A reason where no shell stands out."""
    rows = (surface.u_mm > surface.u_mm[0] + _EDGE_MM) & (surface.u_mm < surface.u_mm[-1] - _EDGE_MM)
    heights = surface.height_mm[rows]
    if np.count_nonzero(rows) < 6 or not np.isfinite(heights).all():
        return "too little of the wall is known"
    indices = ct.geometry.indices(surface.points()[rows].reshape(-1, 3))
    room = 8.0 / ct.geometry.spacing_mm
    first, last = np.floor(indices.min(axis=0) - room), np.ceil(indices.max(axis=0) + room) + 1
    if (first >= ct.geometry.shape).any() or (last <= 0).any():
        return "the wall lies outside the CT"
    ct = ct.cropped(first, last)
    shell = np.max([_hu(surface, ct, rows, outward * d) for d in _ACROSS_MM], axis=0)
    marrow = float(np.median(_hu(surface, ct, rows, outward * _MARROW_MM)))
    if not np.isfinite(shell).all() or not np.isfinite(marrow):
        return "the wall lies outside the CT"
    contrast = float(np.median(shell)) - marrow
    if contrast < _LEAST_CONTRAST_HU:
        return "no shell stands out from the marrow"
    weak = ndimage.uniform_filter(shell, 3, mode="nearest") < marrow + _WEAK * contrast
    return _sorted(weak, surface, rows, is_posterior=outward < 0)


def _hu(surface: HeightMap, ct: Volume, rows: NDArray[np.bool_], shift: float) -> Floats:
    """HU at a distance along the anterior axis from the wall."""
    points = surface.points()[rows] + shift * surface.frame.anterior
    return ct.sample(points, outside=np.nan)


def _sorted(weak: NDArray[np.bool_], surface: HeightMap, rows: NDArray[np.bool_], *, is_posterior: bool) -> Gaps:
    """The weak places as gaps and foramen."""
    u, v = np.meshgrid(surface.u_mm[rows], surface.v_mm, indexing="ij")
    middle = float(surface.u_mm.mean())
    places, count = ndimage.label(weak)
    area = foramen = 0.0
    gaps: list[tuple[float, float]] = []
    veins: list[tuple[float, float]] = []
    for number in range(1, count + 1):
        place = places == number
        size = float(np.count_nonzero(place))  # grid steps are 1 mm
        near = np.hypot(u[place].mean() - middle, v[place].mean()) <= _VEIN_MM
        is_vein = is_posterior and near
        spots = [(float(a), float(b)) for a, b in zip(u[place], v[place], strict=True)]
        if is_vein and size >= _LEAST_VEIN_MM2:
            foramen += size
            veins += spots
        if size >= (_LARGEST_VEIN_MM2 if is_vein else _LEAST_MM2):
            area += size
            gaps += spots
    return Gaps(area, foramen, tuple(gaps), tuple(veins))
