"""The pictures of the report, and the words that say the same. The only place that draws.

Colours are those of Okabe and Ito, told apart by all kinds of colour vision; what matters is shown by shape too.
Text is 8 points or larger. The same records give the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from spondyl.documents.reformat import CurvedPlane, curved_plane, mask_points, sample_labels, some_points
from spondyl.documents.tables import (
    HEIGHT_WORDS,
    HEIGHTS,
    Table,
    deformed_levels,
    find,
    grade,
    grade_text,
    heights_table,
    joined,
    level_text,
    number,
)
from spondyl.errors import InputError
from spondyl.findings import Findings
from spondyl.space import Floats, Frame, HeightMap
from spondyl.spine import Level, Spine, Vertebra

BAND_CENTRES = {"anterior_height": 0.125, "middle_height": 0.5, "posterior_height": 0.875}  # of the depth, from front
WINDOW_HU = -300.0, 1200.0  # bone, with soft tissue still to be seen
PIXEL_MM = 0.6
PIXELS = 200, 250
INCH_PER_MM = 0.03  # of short spines; longer ones are drawn smaller, so that both pictures share the first page
TALLEST_INCH = 5.9
WORDS_APART_INCH = 0.15  # a line of 9 points with its lead
HEAD_INCH, FOOT_INCH = 0.36, 0.3  # above and below a picture, for words
DOTS_PER_INCH = 150
STYLE: dict[Any, Any] = {
    "font.size": 9.0,
    "font.family": "DejaVu Sans",
    "svg.hashsalt": "spondyl",
    "axes.linewidth": 0.8,
}
COLOURS: dict[str, Any] = {"anterior_height": "#E69F00", "middle_height": "#56B4E9", "posterior_height": "#CC79A7"}
LINES: dict[str, Any] = {"anterior_height": "-", "middle_height": (0, (4, 1.5)), "posterior_height": (0, (1.2, 1.2))}
MARKERS = {"anterior_height": "o", "middle_height": "s", "posterior_height": "^"}
CONTOUR, DEFORMED = "#F0E442", "#D55E00"


@dataclass(frozen=True)
class Picture:
    """A picture with its text twin: the short one for `alt`, the numbers as a table."""

    name: str
    title: str
    png: bytes
    alt: str
    table: Table


@dataclass(frozen=True, eq=False)
class _Sheet:
    """A picture along a curved plane: its axes, and the picture coordinates at its left and right edge."""

    axes: Axes
    plane: CurvedPlane
    left: float
    right: float
    inch: float  # of the paper, in mm of the picture
    words_down: dict[Level, float]  # where the words beside each body stand

    def beyond(self, inches: float) -> float:
        """The coordinate that many inches of paper to the right of the right edge."""
        return self.right + inches * self.inch * float(np.sign(self.right - self.left))


def draw_sagittal(spine: Spine, findings: Findings) -> Picture:
    """The spine from the side, cut along its curve, with the three measured heights of each body."""
    plane = curved_plane(spine, "sagittal")
    low, high = _reach(spine, plane)
    figure, sheet = _new_sheet(spine, plane, left=high + 10.0, right=low, widest=4.5, margin=1.75)
    for vertebra in spine:
        _draw_body_from_side(sheet, vertebra, findings)
        _name_level(sheet, vertebra, findings)
        _write_heights(sheet, vertebra, findings)
    _name_sides(sheet, "A", "P", "anterior", "posterior")
    _explain_lines(sheet)
    return Picture(
        "sagittal",
        "From the side",
        png_of(figure),
        f"Spine from the side, head up, front on the left, {_levels_text(spine)}. {_marked_text(findings)} "
        "The heights drawn on it stand in the table of levels.",
        heights_table(findings, spine.levels),
    )


def draw_plain(spine: Spine, findings: Findings) -> bytes | None:
    """The spine from the side for the patient, as PNG: no words but the levels' names; None where no level is framed.

    The front is on the left. A deformed level has a thick line and a box, so that colour is not needed.
    """
    if all(vertebra.frame is None for vertebra in spine):
        return None
    plane = curved_plane(spine, "sagittal")
    low, high = _reach(spine, plane)
    figure, sheet = _new_sheet(spine, plane, left=high + 10.0, right=low, widest=4.5, margin=0.6)
    for vertebra in spine:
        if vertebra.level in (Level.SACRUM, Level.COCCYX):
            continue  # a word of one language, where the booklet has five
        marked = bool(grade(findings, vertebra.level))
        for surface in (vertebra.superior, vertebra.inferior) if marked else ():
            if surface is not None:
                line = sheet.plane.picture(_middle_line(surface))
                sheet.axes.plot(line[:, 1], line[:, 0], color=DEFORMED, linewidth=3.4)
        box = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": DEFORMED, "linewidth": 2.0}
        style: dict[str, Any] = {"fontweight": "bold", "bbox": box} if marked else {}
        name = level_text(vertebra.level)
        sheet.axes.text(sheet.beyond(0.1), sheet.words_down[vertebra.level], name, fontsize=10, va="center", **style)
    return png_of(figure)


def draw_coronal(spine: Spine, findings: Findings) -> Picture:
    """The spine from the front, cut along its curve, with the patient's left and right."""
    plane = curved_plane(spine, "coronal")
    low, high = _reach(spine, plane)
    figure, sheet = _new_sheet(spine, plane, left=low, right=high, widest=2.6, margin=0.75)
    for vertebra in spine:
        _name_level(sheet, vertebra, findings)
    _name_sides(sheet, "R", "L", "right", "left")
    rows = tuple((level_text(v.level), *_centre_text(plane, v)) for v in spine)
    return Picture(
        "coronal",
        "From the front",
        png_of(figure),
        f"Spine from the front, head up, the patient's right on the left side of the picture, {_levels_text(spine)}.",
        Table("Where the bodies stand in this picture", ("Level", "To the patient's left", "Below the top"), rows),
    )


def draw_height_profile(spine: Spine, findings: Findings) -> Picture:
    """Front, middle and back heights by level, with their 95 % intervals."""
    levels = measured_levels(spine, findings)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(min(7.1, max(4.5, 0.5 * len(levels) + 2.0)), 2.5), layout="constrained")
        axes = figure.add_subplot()
        for shift, name in zip((-0.18, 0.0, 0.18), HEIGHTS, strict=True):
            _plot_profile(axes, levels, findings, name, shift)
        for place, level in enumerate(levels):
            if (grade(findings, level) or 0) > 0:
                axes.axvspan(place - 0.45, place + 0.45, facecolor="none", edgecolor=DEFORMED, hatch="//", alpha=0.5)
        names = [f"{v.name}\ngr. {g}" if (g := grade(findings, v)) else v.name for v in levels]
        axes.set_xticks(range(len(names)), names)
        axes.set_xlim(-0.6, len(names) - 0.4)
        axes.set_ylabel("height [mm]")
        axes.grid(axis="y", alpha=0.3)
        figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=9)
    return Picture(
        "heights",
        "Heights by level",
        png_of(figure),
        f"Chart of the anterior, middle and posterior height of {_levels_text(spine)}, in mm with 95 % intervals. "
        f"{_marked_text(findings)} The same numbers stand in the table of levels.",
        heights_table(findings, levels),
    )


def measured_levels(spine: Spine, findings: Findings) -> list[Level]:
    """The levels of which a height is known, from head to foot."""
    return [v for v in spine.levels if any(number(findings, name, v) is not None for name in HEIGHTS)]


def draw_close_up(spine: Spine, level: Level, findings: Findings) -> Picture:
    """One vertebra in its own axes: from the side, and from below with the patient's left and right."""
    vertebra = spine[level]
    if vertebra.frame is None:
        raise InputError(f"{level.name} has no frame, so there are no axes to draw it in")
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.1, 3.3), layout="constrained")
        side, below = figure.subplots(1, 2)
        _paint_local(side, spine, vertebra.frame, "cranial", "anterior", (40.0, -40.0), (40.0, -60.0))
        _draw_local_heights(side, vertebra, findings)
        _mark_sides(side, "A", "P", "H", "F")
        side.set_title(f"{level.name} from the side", fontsize=9)
        _paint_local(below, spine, vertebra.frame, "anterior", "left", (35.0, -65.0), (-50.0, 50.0))
        _mark_sides(below, "R", "L", "A", "P")
        below.set_title(f"{level.name} from below", fontsize=9)
    return Picture(
        f"close-up-{level.name}",
        f"{level.name}, close up",
        png_of(figure),
        f"{level.name} from the side (head up, front on the left) and from below (front up, the patient's right on "
        f"the left side of the picture): {grade_text(findings, level)}.",
        heights_table(findings, (level,)),
    )


def _new_sheet(
    spine: Spine, plane: CurvedPlane, left: float, right: float, *, widest: float, margin: float
) -> tuple[Figure, _Sheet]:
    """The picture along the plane, on its scale, with a margin for words on the right. [inch]"""
    across_mm, down_mm = abs(right - left), float(plane.down[-1])
    tallest = TALLEST_INCH - HEAD_INCH - FOOT_INCH
    scale = min(INCH_PER_MM, tallest / down_mm, (widest - margin) / across_mm)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(across_mm * scale + margin, down_mm * scale + HEAD_INCH + FOOT_INCH))
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    sheet = _Sheet(axes, plane, left, right, 1 / scale, _words_down(spine, plane, WORDS_APART_INCH / scale))
    down = np.arange(0.0, down_mm, PIXEL_MM)
    across = np.linspace(left, right, round(across_mm / PIXEL_MM))
    points = plane.points(*np.meshgrid(down, across, indexing="ij"))
    show_plane(axes, spine, points, (left, right, down_mm, 0.0))
    axes.set_axis_off()
    axes.set_xlim(left, sheet.beyond(margin))
    axes.set_ylim(down_mm + FOOT_INCH / scale, -HEAD_INCH / scale)
    return figure, sheet


def _reach(spine: Spine, plane: CurvedPlane) -> tuple[float, float]:
    """How far the picture goes across: all voxels of the vertebrae and some mm more."""
    across = np.concatenate([plane.picture(some_points(vertebra))[:, 1] for vertebra in spine])
    return float(across.min() - 10.0), float(across.max() + 10.0)


def show_plane(axes: Axes, spine: Spine, points: Floats, extent: tuple[float, float, float, float]) -> None:
    """The CT at these points or, without a CT, the silhouettes of the labels, bodies lighter than arches."""
    if spine.ct is not None:
        grey = spine.ct.sample(points, outside=WINDOW_HU[0])
        axes.imshow(grey, cmap="gray", vmin=WINDOW_HU[0], vmax=WINDOW_HU[1], extent=extent, interpolation="bilinear")
    else:
        levels, bodies = sample_labels(spine, points)
        shade = np.select([bodies, levels > 0], [0.55, 0.35], 0.08)
        axes.imshow(shade, cmap="gray", vmin=0, vmax=1, extent=extent, interpolation="nearest")
    axes.set_aspect("equal")


def _draw_body_from_side(sheet: _Sheet, vertebra: Vertebra, findings: Findings) -> None:
    colour, width = (DEFORMED, 2.6) if grade(findings, vertebra.level) else (CONTOUR, 1.3)
    for surface in (vertebra.superior, vertebra.inferior):
        if surface is not None:
            line = sheet.plane.picture(_middle_line(surface))
            sheet.axes.plot(line[:, 1], line[:, 0], color=colour, linewidth=width)
    for name, ends in height_lines(vertebra).items():
        if number(findings, name, vertebra.level) is not None:
            line = sheet.plane.picture(ends)
            _height_line(sheet.axes, line[:, 1], line[:, 0], name)


def _height_line(axes: Axes, x: Floats, y: Floats, name: str) -> None:
    axes.plot(x, y, color="black", linewidth=3.4)  # a dark rim keeps the line apart from bright bone
    axes.plot(x, y, color=COLOURS[name], linestyle=LINES[name], linewidth=2.0)


def height_lines(vertebra: Vertebra) -> dict[str, Floats]:
    """Where the three heights are drawn: their ends on the endplates, in the middle of each band, shape (2, 3)."""
    frame, depth = vertebra.frame, _depth_range(vertebra)
    if frame is None or depth is None or vertebra.superior is None or vertebra.inferior is None:
        return {}
    lines = {}
    for name, fraction in BAND_CENTRES.items():
        anterior = depth[1] - fraction * (depth[1] - depth[0])
        ends = [_height_at(surface, anterior) for surface in (vertebra.superior, vertebra.inferior)]
        if np.isfinite(ends).all():
            lines[name] = frame.to_patient([(height, anterior, 0.0) for height in ends])
    return lines


def _depth_range(vertebra: Vertebra) -> tuple[float, float] | None:
    """Places of the back and the front wall along the anterior axis: medians near the middle of the body. [mm]"""
    if vertebra.anterior is None or vertebra.posterior is None:
        return None
    found = []
    for wall in (vertebra.posterior, vertebra.anterior):
        near = np.abs(wall.v_mm) <= 6.0
        middle = np.abs(wall.u_mm - wall.u_mm.mean()) <= np.ptp(wall.u_mm) / 6
        heights = wall.height_mm[np.ix_(middle, near)]
        if not np.isfinite(heights).any():
            return None
        found.append(float(np.nanmedian(heights)))
    return found[0], found[1]


def _height_at(surface: HeightMap, anterior: float) -> float:
    """Height of an endplate in the midsagittal plane at one place along the anterior axis, NaN beyond it."""
    line = surface.height_mm[:, int(np.argmin(np.abs(surface.v_mm)))]
    known = np.isfinite(line)
    return float(np.interp(anterior, surface.u_mm[known], line[known], np.nan, np.nan)) if known.any() else np.nan


def _middle_line(surface: HeightMap) -> Floats:
    points = surface.points()[:, int(np.argmin(np.abs(surface.v_mm)))]
    return np.asarray(points[np.isfinite(points).all(axis=1)])


def _write_heights(sheet: _Sheet, vertebra: Vertebra, findings: Findings) -> None:
    """The measured heights in the margin, beside the body they belong to."""
    values = [number(findings, name, vertebra.level) for name in HEIGHTS]
    known = [f"{value:.1f}" for value in values if value is not None]
    text = " / ".join(known) if len(known) == len(HEIGHTS) else "" if vertebra.frame is None else "not measured"
    sheet.axes.text(sheet.beyond(0.66), sheet.words_down[vertebra.level], text, fontsize=8, va="center")


def _name_level(sheet: _Sheet, vertebra: Vertebra, findings: Findings) -> None:
    """The level's name in the margin; a deformed one is boxed and bold, with its grade."""
    found, name = grade(findings, vertebra.level), level_text(vertebra.level)
    style: dict[str, Any] = {"fontsize": 8, "va": "center"}
    if found:
        box = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": DEFORMED, "linewidth": 1.6}
        style |= {"fontweight": "bold", "bbox": box}
    words = f"{name} gr. {found}" if found else f"{name} cut" if vertebra.is_cut else name
    sheet.axes.text(sheet.beyond(0.07), sheet.words_down[vertebra.level], words, **style)


def _words_down(spine: Spine, plane: CurvedPlane, apart: float) -> dict[Level, float]:
    """The height of each body's centre in the picture, pushed down where two names would overlap."""
    places: dict[Level, float] = {}
    lowest = -np.inf
    for vertebra in spine:
        lowest = max(float(plane.picture(_centre(vertebra))[0]), lowest + apart)
        places[vertebra.level] = lowest
    return places


def _centre(vertebra: Vertebra) -> Floats:
    return np.asarray(mask_points(vertebra).mean(axis=0) if vertebra.frame is None else vertebra.frame.origin)


def _name_sides(sheet: _Sheet, left: str, right: str, left_words: str, right_words: str) -> None:
    """Letters on all sides of the picture and words above it, as everyone looks for them."""
    style: dict[str, Any] = {"fontsize": 12, "color": "white", "fontweight": "bold", "va": "center", "ha": "center"}
    middle, bottom = (sheet.left + sheet.right) / 2, float(sheet.plane.down[-1])
    inwards = 0.12 * sheet.inch * float(np.sign(middle - sheet.left))
    places = ((left, sheet.left + inwards, bottom / 2), (right, sheet.right - inwards, bottom / 2))
    ends = (("H", middle, 0.12 * sheet.inch), ("F", middle, bottom - 0.12 * sheet.inch))
    for letter, x, y in (*places, *ends):
        sheet.axes.text(x, y, letter, **style)
    above = -0.1 * sheet.inch
    sheet.axes.text(sheet.left, above, f"← {left_words}", fontsize=8, va="center")
    sheet.axes.text(sheet.right, above, f"{right_words} →", fontsize=8, va="center", ha="right")


def _explain_lines(sheet: _Sheet) -> None:
    """Which line is which height, below; the order of the numbers, above them."""
    handles = [
        Line2D([], [], color=COLOURS[name], linestyle=LINES[name], linewidth=2.0, label=HEIGHT_WORDS[name])
        for name in HEIGHTS
    ]
    style: dict[str, Any] = {"fontsize": 8, "frameon": False, "borderpad": 0.1, "columnspacing": 1.0}
    sheet.axes.legend(handles=handles, loc="lower left", ncols=3, handlelength=1.8, **style)
    text = "heights [mm]: anterior /\nmiddle / posterior"
    sheet.axes.text(sheet.beyond(0.1), -0.17 * sheet.inch, text, fontsize=8, va="center", linespacing=1.05)


def _plot_profile(axes: Axes, levels: Sequence[Level], findings: Findings, name: str, shift: float) -> None:
    places, values, below, above = [], [], [], []
    for place, level in enumerate(levels):
        found, value = find(findings, name, level), number(findings, name, level)
        if found is not None and value is not None:
            places.append(place + shift)
            values.append(value)
            below.append(0.0 if found.low is None else value - found.low)
            above.append(0.0 if found.high is None else found.high - value)
    style: dict[str, Any] = {
        "color": COLOURS[name],
        "marker": MARKERS[name],
        "linestyle": LINES[name],
        "markeredgecolor": "black",
    }
    label = f"{HEIGHT_WORDS[name]} height"
    axes.errorbar(places, values, [below, above], capsize=3, ecolor="black", elinewidth=0.9, label=label, **style)


def _paint_local(
    axes: Axes,
    spine: Spine,
    frame: Frame,
    down: str,
    across: str,
    rows: tuple[float, float],
    columns: tuple[float, float],
) -> None:
    """A plane through the origin of a frame: `down` and `across` name its axes, rows and columns its edges. [mm]"""
    names = ("cranial", "anterior", "left")
    local = np.zeros((*PIXELS, 3))
    vertical, horizontal = np.linspace(*rows, PIXELS[0]), np.linspace(*columns, PIXELS[1])
    local[..., names.index(down)], local[..., names.index(across)] = np.meshgrid(vertical, horizontal, indexing="ij")
    show_plane(axes, spine, frame.to_patient(local), (columns[0], columns[1], rows[1], rows[0]))
    axes.set_xticks([])
    axes.set_yticks([])


def _draw_local_heights(axes: Axes, vertebra: Vertebra, findings: Findings) -> None:
    if vertebra.frame is None:
        return
    for surface in (vertebra.superior, vertebra.inferior):
        if surface is not None:
            line = vertebra.frame.to_local(_middle_line(surface))
            axes.plot(line[:, 1], line[:, 0], color=CONTOUR, linewidth=1.3)
    for name, ends in height_lines(vertebra).items():
        value = number(findings, name, vertebra.level)
        if value is not None:
            line = vertebra.frame.to_local(ends)
            _height_line(axes, line[:, 1], line[:, 0], name)
            box = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
            axes.text(line[0, 1], line[0, 0] + 5, f"{value:.1f}", fontsize=8, ha="center", va="center", bbox=box)


def _mark_sides(axes: Axes, left: str, right: str, top: str, bottom: str) -> None:
    places = ((left, 0.04, 0.5), (right, 0.96, 0.5), (top, 0.5, 0.95), (bottom, 0.5, 0.05))
    for letter, x, y in places:
        style: dict[str, Any] = {"color": "white", "fontweight": "bold", "fontsize": 12, "transform": axes.transAxes}
        axes.text(x, y, letter, va="center", ha="center", **style)


def _centre_text(plane: CurvedPlane, vertebra: Vertebra) -> tuple[str, str]:
    down, left = plane.picture(_centre(vertebra))
    return f"{left:.0f} mm", f"{down:.0f} mm"


def _levels_text(spine: Spine) -> str:
    first, last = level_text(spine.levels[0]), level_text(spine.levels[-1])
    return first if first == last else f"{first} to {last}"


def _marked_text(findings: Findings) -> str:
    marked = deformed_levels(findings)
    if not marked:
        return "No level is marked as deformed."
    return f"Marked as deformed: {joined(f'{level.name} (grade {grade(findings, level)})' for level in marked)}."


def png_of(figure: Figure) -> bytes:
    """The bytes of the picture, without the date or the version that would make each run differ.

    Drawn once, where `savefig` draws all twice to know its extent; without transparency, which no picture has and the
    PDF would carry as an image of its own.
    """
    figure.set_dpi(DOTS_PER_INCH)
    canvas = FigureCanvasAgg(figure)
    with mpl.rc_context(STYLE):
        canvas.draw()  # type: ignore[no-untyped-call]
    stream = io.BytesIO()
    drawn = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")  # type: ignore[no-untyped-call]
    drawn.save(stream, format="PNG", dpi=(DOTS_PER_INCH, DOTS_PER_INCH))
    return stream.getvalue()
