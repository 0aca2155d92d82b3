"""The outlines of two label maps over one another, from the side and from the front."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from spondyl.documents.figures import PIXEL_MM, STYLE, Picture, png_of, show_plane
from spondyl.documents.reformat import CurvedPlane, View, curved_plane, mask_points, sample_labels, some_points
from spondyl.documents.tables import Table, level_text
from spondyl.findings import BoneMatch, MatchKind
from spondyl.spine import Spine

_FIRST: dict[str, Any] = {"colors": "#F0E442", "linewidths": 1.7}
_SECOND: dict[str, Any] = {"colors": "#56B4E9", "linewidths": 1.7, "linestyles": [(0, (2.5, 2.0))]}
_EDGES: dict[View, tuple[str, str]] = {"sagittal": ("A", "P"), "coronal": ("R", "L")}
_INCH_PER_MM, _TALLEST_INCH, _WIDEST_INCH = 0.034, 8.0, 3.0
_NAMES_INCH, _APART_INCH, _LEGEND_INCH = 1.1, 0.15, 0.32
_AROUND_MM = 10.0


def draw_outlines(first: Spine, second: Spine, bones: Sequence[BoneMatch], table: Table) -> Picture | None:
    """Both outlines on cuts along the spine's curve, with all sides marked; None where no vertebra has axes.

    The first is a whole yellow line, the second a dashed blue one. Behind them is the CT, or without one the first
    map's silhouettes. Names stand in the margin; where the maps differ, both.
    """
    leading = max((first, second), key=lambda spine: sum(v.frame is not None for v in spine))
    if all(vertebra.frame is None for vertebra in leading):
        return None
    planes: dict[View, CurvedPlane] = {view: curved_plane(leading, view) for view in ("sagittal", "coronal")}
    reaches = {view: _reach(plane, first, second) for view, plane in planes.items()}
    tallest = max(float(plane.down[-1]) for plane in planes.values())
    widest = max(high - low for low, high in reaches.values())
    scale = min(_INCH_PER_MM, _TALLEST_INCH / tallest, _WIDEST_INCH / widest)
    widths = {view: (high - low) * scale for view, (low, high) in reaches.items()}
    height, gap = tallest * scale + _LEGEND_INCH, _NAMES_INCH
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(sum(widths.values()) + gap, height))
        left = 0.0
        for view, plane in planes.items():
            tall = float(plane.down[-1]) * scale
            box = (left, height - _LEGEND_INCH - tall, widths[view], tall)
            axes = figure.add_axes(tuple(np.array(box) / np.tile(figure.get_size_inches(), 2)))
            _draw_cut(axes, view, plane, reaches[view], first, second)
            if view == "sagittal":
                _write_names(axes, plane, first, second, bones, scale)
            left += widths[view] + gap
        lines = [
            Line2D(
                [], [], color=style["colors"], linewidth=2.4, linestyle=style.get("linestyles", ["-"])[0], label=label
            )
            for style, label in ((_FIRST, "first label map"), (_SECOND, "second label map"))
        ]
        frame = {"facecolor": "#404040", "edgecolor": "none", "labelcolor": "white", "fontsize": 8, "framealpha": 1.0}
        figure.legend(handles=lines, loc="upper left", ncols=2, borderaxespad=0.2, handlelength=3.0, **frame)
    return Picture(
        "outlines",
        "Both outlines along the spine: from the side, and from the front",
        png_of(figure),
        "Outlines of both label maps on two cuts along the spine's curve, head up. On the left from the side, front on "
        "the left; on the right from the front, the patient's right on the left side of the picture. The first label "
        "map is a whole yellow line, the second a dashed blue line. How far they overlap stands in the table.",
        table,
    )


def _draw_cut(
    axes: Axes, view: View, plane: CurvedPlane, reach: tuple[float, float], first: Spine, second: Spine
) -> None:
    """One cut with both outlines; the front, or the patient's right, is on the left."""
    low, high = reach
    ends = (high, low) if view == "sagittal" else (low, high)
    down = np.arange(0.0, float(plane.down[-1]), PIXEL_MM)
    across = np.linspace(*ends, round((high - low) / PIXEL_MM))
    points = plane.points(*np.meshgrid(down, across, indexing="ij"))
    show_plane(axes, first, points, (ends[0], ends[1], float(plane.down[-1]), 0.0))
    for spine, style in ((first, _FIRST), (second, _SECOND)):
        levels, _ = sample_labels(spine, points)
        for level in np.unique(levels[levels > 0]):
            axes.contour(across, down, (levels == level).astype(float), levels=[0.5], **style)
    axes.set_xlim(*ends)
    axes.set_ylim(float(plane.down[-1]), 0.0)
    axes.set_axis_off()
    places = zip((*_EDGES[view], "H", "F"), ((0.05, 0.5), (0.95, 0.5), (0.5, 0.97), (0.5, 0.03)), strict=True)
    for letter, (x, y) in places:
        style = {"color": "white", "fontweight": "bold", "fontsize": 12, "ha": "center", "va": "center"}
        axes.text(x, y, letter, transform=axes.transAxes, **style)


def _write_names(
    axes: Axes, plane: CurvedPlane, first: Spine, second: Spine, bones: Sequence[BoneMatch], scale: float
) -> None:
    """Names beside the bones; bold and with both readings where the maps differ."""
    beside, lowest = axes.get_xlim()[1] - 0.07 / scale, -np.inf
    for bone in bones:
        spine, levels = (first, bone.first) if bone.first else (second, bone.second)
        centre = np.mean([mask_points(spine[level]).mean(axis=0) for level in levels], axis=0)
        lowest = max(float(plane.picture(centre)[0]), lowest + _APART_INCH / scale)
        weight = "normal" if bone.kind is MatchKind.SAME else "bold"
        axes.text(beside, lowest, _name_text(bone), fontsize=8, va="center", fontweight=weight, clip_on=False)


def _name_text(bone: BoneMatch) -> str:
    here, there = ("+".join(level_text(level) for level in levels) or "–" for levels in (bone.first, bone.second))
    cut = " cut" if bone.is_cut and len(bone.first) == len(bone.second) == 1 else ""
    return f"{here}{cut}" if here == there else f"{here} | {there}{cut}"


def _reach(plane: CurvedPlane, *spines: Spine) -> tuple[float, float]:
    """How far the picture goes across: all voxels of both maps and some mm more."""
    points = np.concatenate([some_points(vertebra) for spine in spines for vertebra in spine])
    across = plane.picture(points)[:, 1]
    return float(across.min() - _AROUND_MM), float(across.max() + _AROUND_MM)
