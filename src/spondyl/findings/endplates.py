"""Pits in endplates: focal depressions against the endplate's own smooth shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.findings.types import Finding, Findings, Status, not_evaluable
from spondyl.space import Floats, HeightMap
from spondyl.spine import Level, Side, Spine, Vertebra

PIT_MM = 2.0  # depth from which a depression is told: twice what a cubic surface misses on sound virtual endplates
_BORDER_MM = 1.0  # depth of a pit's border
_LEAST_MM2 = 20.0  # a choice: a pit 5 mm across
_RIM_STEPS = 3  # of the endplate's border left out: there it rounds into the wall
_ROUNDS = 8  # of weighting down what lies below the smooth shape
_ASIDE_MM = 4.0  # from the midline, from where a pit is on a side
_COARSE_MM = 2.5  # a voxel edge along the axis above which a pit of 2 mm is less than a voxel: its absence is no "no"
_FINE_MM = 1.5  # up to here all of the few virtual pits were found; at 2 mm one of four was not

End = Literal["superior", "inferior"]
_ENDS: tuple[End, ...] = ("superior", "inferior")
_METHOD = (
    "connected area more than 1 mm below a smooth cubic surface through the rest of the endplate, at least 2 mm deep"
)


def find_endplate_defects(spine: Spine) -> Findings:
    """Whether each endplate has a pit, its area and its side.

    'Look here', not a diagnosis: a pit may be a Schmorl node, new or old, an endplate broken in by a
    fracture, or an erosion. An endplate pressed in as a whole may show as one; its heights tell it. A pit that reaches
    the rim, and a gap in the bony endplate without a pit, are not looked for.
    """
    findings: list[Finding] = []
    for vertebra in spine:
        if vertebra.level not in (Level.C1, Level.C2, Level.SACRUM, Level.COCCYX):
            for end in _ENDS:
                findings += _of_endplate(vertebra, end, with_ct=spine.ct is not None)
    return tuple(findings)


@dataclass(frozen=True)
class Pit:
    """The deepest pit of an endplate; no area where there is none."""

    depth_mm: float
    area_mm2: float
    left_mm: float  # place of its centre
    places_mm: tuple[tuple[float, float], ...] = ()  # (anterior, left) of its points on the endplate's map


def _of_endplate(vertebra: Vertebra, end: End, *, with_ct: bool) -> tuple[Finding, Finding]:
    level = vertebra.level
    names = (f"{end}_endplate_defect", "1"), (f"{end}_endplate_defect_area", "mm2")
    plate = vertebra.superior if end == "superior" else vertebra.inferior
    pit = None if plate is None or vertebra.is_cut else find_pit(plate, end)
    if pit is None:
        reason = vertebra.cut_words if vertebra.is_cut else "; ".join(("endplate not found", *vertebra.remarks))
        yes, area = (not_evaluable(name, level, unit, reason, _METHOD) for name, unit in names)
        return yes, area
    edge = _edge_mm(vertebra)
    if edge > _COARSE_MM and not pit.area_mm2:
        yes, area = (not_evaluable(name, level, unit, _too_coarse(edge), _METHOD) for name, unit in names)
        return yes, area
    doubt = _doubt(edge, pit, with_ct)
    status = Status.UNCERTAIN if doubt else Status.MEASURED
    side = None
    if pit.area_mm2 and abs(pit.left_mm) > _ASIDE_MM:
        side = Side.LEFT if pit.left_mm > 0 else Side.RIGHT
    value = "yes" if pit.area_mm2 else "no"
    return (
        Finding(names[0][0], level, None, side, value, "1", None, None, status, doubt, _METHOD, "spondyl"),
        Finding(names[1][0], level, None, side, pit.area_mm2, "mm2", None, None, status, doubt, _METHOD, "spondyl"),
    )


def _doubt(edge_mm: float, pit: Pit, with_ct: bool) -> str | None:
    if edge_mm > (_COARSE_MM if pit.area_mm2 else _FINE_MM):
        return _too_coarse(edge_mm)
    if not with_ct and not pit.area_mm2:
        return "from the mask alone, which may smooth a pit over"
    return None


def _edge_mm(vertebra: Vertebra) -> float:
    """Extent of a voxel along the body's axis."""
    geometry = vertebra.mask.geometry
    assert vertebra.frame is not None
    return float(np.abs(vertebra.frame.cranial @ geometry.axes) @ geometry.spacing_mm)


def _too_coarse(edge_mm: float) -> str:
    return f"voxels are {edge_mm:.1f} mm along the axis of the body"


def find_pit(plate: HeightMap, end: End) -> Pit | None:
    """The deepest pit of an endplate; None where too little of the endplate is known."""
    shown = ndimage.binary_erosion(np.isfinite(plate.height_mm), iterations=_RIM_STEPS)
    if np.count_nonzero(shown) < 100:
        return None
    depth = np.full(shown.shape, -np.inf)
    depth[shown] = _depth_below_smooth(plate, shown, 1.0 if end == "superior" else -1.0)
    regions, count = ndimage.label(depth > _BORDER_MM)
    inner = ndimage.binary_erosion(shown)
    cell = float((plate.u_mm[1] - plate.u_mm[0]) * (plate.v_mm[1] - plate.v_mm[0]))
    best = Pit(0.0, 0.0, 0.0)
    for number in range(1, count + 1):
        region = regions == number
        deepest, area = float(depth[region].max()), float(np.count_nonzero(region)) * cell
        enclosed = not (region & ~inner).any()  # at the rim the surface is least certain
        if enclosed and deepest >= max(PIT_MM, best.depth_mm) and area >= _LEAST_MM2:
            rows, columns = np.nonzero(region)
            spots = tuple(zip(plate.u_mm[rows].tolist(), plate.v_mm[columns].tolist(), strict=True))
            best = Pit(deepest, area, float(plate.v_mm[columns].mean()), spots)
    return best


def _depth_below_smooth(plate: HeightMap, shown: NDArray[np.bool_], sign: float) -> Floats:
    """How far each point lies inside the body from a cubic surface that heeds pits least. [mm]"""
    u, v = np.meshgrid(plate.u_mm, plate.v_mm, indexing="ij")
    x, y = (a[shown] / np.abs(a[shown]).max() for a in (u - u[shown].mean(), v - v[shown].mean()))
    powers = [(i, j) for i in range(4) for j in range(4 - i)]
    design = np.stack([x**i * y**j for i, j in powers], axis=1)
    heights = sign * plate.height_mm[shown]
    weights = np.ones(len(heights))
    depth = np.zeros(len(heights))
    for _ in range(_ROUNDS):
        root = np.sqrt(weights)
        smooth = design @ np.linalg.lstsq(design * root[:, None], heights * root, rcond=None)[0]
        depth = smooth - heights
        weights = 1 / (1 + (np.clip(depth, 0, None) / 0.5) ** 4)
    return np.asarray(depth)
