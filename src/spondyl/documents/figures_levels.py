"""The picture of the vertebrae that the own segmenter found, with names or letters: an anchor is read from it."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spondyl.documents.figures import CONTOUR, DEFORMED, STYLE, WINDOW_HU, Picture, png_of
from spondyl.documents.tables import Table
from spondyl.space import Floats, Volume
from spondyl.spine import NamedSegmentation
from spondyl.spine.names import letter

_STEP_MM = 1.0
_BEYOND_MM = 32.0  # of the line through the discs, at both ends
_ACROSS_MM = {"sagittal": (-75.0, 60.0), "coronal": (-85.0, 85.0)}  # from the line: front to back, right to left
_BODY = 49


def draw_levels(ct: Volume, found: NamedSegmentation) -> Picture:
    """The spine from the side and from the front, cut along the line through its discs, with what each body is called.

    Bodies are outlined; those that are cut or doubtful have a dashed thick line and a question mark. The number of the
    slice at each body's middle stands beside its name, so that `--anchor L1=slice:N` can be read from it.
    """
    line = _line(found.segmentation.found.discs)
    rows = _rows(ct, found)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.1, 1.0 + 0.0215 * len(line)), layout="constrained")
        side, front = figure.subplots(1, 2, width_ratios=[135, 170])
        _paint(side, ct, found, line, "sagittal", rows)
        _paint(front, ct, found, line, "coronal", rows)
    levels = found.naming.levels
    told = ", ".join(f"{row[0]} at slice {row[1]}{' (' + row[2] + ')' if row[2] else ''}" for row in rows)
    named = "with the names of their levels" if levels is not None else "with letters from the head, not named yet"
    return Picture(
        "levels",
        "Levels as they were found",
        png_of(figure),
        f"The spine from the side (front on the left) and from the front (the patient's right on the left side of the "
        f"picture), head up, {len(rows)} vertebrae outlined {named}: {told}.",
        Table("Vertebrae as they were found", ("Vertebra", "Slice of its middle", "Doubt"), tuple(rows)),
    )


def _line(discs: Floats) -> Floats:
    """Points every millimetre through the discs from head to foot, gone on straight at both ends, shape (n, 3)."""
    ends = [discs[0] - _unit(discs[1] - discs[0]) * _BEYOND_MM, discs[-1] + _unit(discs[-1] - discs[-2]) * _BEYOND_MM]
    corners = np.vstack([ends[1], discs[::-1], ends[0]])
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1))])
    places = np.arange(0.0, way[-1], _STEP_MM)
    return np.column_stack([np.interp(places, way, corners[:, axis]) for axis in range(3)])


def _unit(vector: Floats) -> Floats:
    return np.asarray(vector / np.linalg.norm(vector))


def _rows(ct: Volume, found: NamedSegmentation) -> list[tuple[str, str, str]]:
    """Name, slice of the body's middle, and doubt of each vertebra, from the head."""
    told, levels = found.segmentation, found.naming.levels
    axis = int(np.abs(ct.geometry.axes[2]).argmax())
    rows = []
    for number, (cut, said) in enumerate(zip(told.cut, told.doubts, strict=True), 1):
        voxels = np.flatnonzero(((told.vertebrae.array == number) & (told.parts.array == _BODY)).any(axis=_but(axis)))
        middle = f"{voxels.mean():.0f}" if len(voxels) else "-"
        name = letter(number) if levels is None else levels[number - 1].name
        rows.append((name, middle, "cut" if cut else "doubtful" if said else ""))
    return rows


def _but(axis: int) -> tuple[int, ...]:
    return tuple(other for other in range(3) if other != axis)


def _paint(
    axes: Axes, ct: Volume, found: NamedSegmentation, line: Floats, plane: str, rows: list[tuple[str, str, str]]
) -> None:
    low, high = _ACROSS_MM[plane]
    across = np.arange(low, high + 0.1, _STEP_MM)
    direction = np.array([0.0, 1.0, 0.0] if plane == "sagittal" else [1.0, 0.0, 0.0])
    points = line[:, None] + across[:, None] * direction
    grey = ct.sample(points, outside=WINDOW_HU[0])
    extent = (low, high, len(line) * _STEP_MM, 0.0)
    axes.imshow(grey, cmap="gray", vmin=WINDOW_HU[0], vmax=WINDOW_HU[1], extent=extent, interpolation="bilinear")
    numbers = _bodies(found, points)
    for number, (name, middle, doubt) in enumerate(rows, 1):
        body = numbers == number
        if not body.any():
            continue
        style: dict[str, Any] = {"colors": [DEFORMED if doubt else CONTOUR], "linewidths": 2.0 if doubt else 1.1}
        style["linestyles"] = "dashed" if doubt else "solid"
        axes.contour(across, np.arange(len(line)) * _STEP_MM, body.astype(float), [0.5], **style)
        down, middle_across = np.argwhere(body).mean(axis=0) * _STEP_MM
        text = f"{name}{'?' if doubt else ''}"
        if plane == "coronal":
            text += f"  slice {middle}"
            axes.text(high + 3, down, text, fontsize=8, va="center", fontweight="bold" if doubt else "normal")
        else:
            axes.text(
                low + middle_across, down, text, fontsize=8, va="center", ha="center", color="white", fontweight="bold"
            )
    left, right = ("A", "P") if plane == "sagittal" else ("R", "L")
    for words, place in ((left, low + 6), (right, high - 6)):
        axes.text(place, 0.5 * len(line), words, color="white", fontsize=12, fontweight="bold", ha="center")
    axes.set_title("from the side" if plane == "sagittal" else "from the front", fontsize=9)
    axes.set_axis_off()


def _bodies(found: NamedSegmentation, points: Floats) -> Floats:
    """Number of the body at each point, 0 where there is none."""
    told = found.segmentation
    index = np.rint(told.vertebrae.geometry.indices(points)).astype(int)
    inside = ((index >= 0) & (index < told.vertebrae.array.shape)).all(axis=-1)
    out = np.zeros(points.shape[:-1])
    place = tuple(index[inside].T)
    out[inside] = np.where(told.parts.array[place] == _BODY, told.vertebrae.array[place], 0)
    return out
