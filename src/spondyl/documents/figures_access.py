"""The pictures of a planned needle: two planes along it, and how near each structure comes on the way."""

from __future__ import annotations

from math import floor
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from spondyl.documents.figures import STYLE, Picture, png_of, show_plane
from spondyl.documents.tables import Table, joined
from spondyl.errors import InputError
from spondyl.planning import (
    CLASS_LIMITS_MM,
    Balloon,
    Border,
    Clearance,
    ClearanceProfile,
    NeedlePath,
    Plan,
    Structure,
)
from spondyl.space import Floats
from spondyl.spine import Spine

STRUCTURE_WORDS = {
    Structure.CANAL: "spinal canal",
    Structure.PEDICLE_WALL: "wall of the pedicle",
    Structure.BODY_WALL: "wall of the body",
    Structure.NEIGHBOUR: "next vertebra",
}
CHART_WORDS = STRUCTURE_WORDS | {
    Structure.CANAL: "canal",
    Structure.BODY_WALL: "own wall",
    Structure.AIR: "lung, bowel",
    Structure.NEIGHBOUR: "next bone",
    Structure.VENA_CAVA: "vena cava",
    Structure.ILIAC_VESSELS: "iliac",
}  # short: the legend stands where no curve is, behind the entry
LIMITS_MM = {grade.value: limit for grade, limit in CLASS_LIMITS_MM.items()}
BEHIND_MM, AHEAD_MM, HALF_MM = 40.0, 20.0, 30.0  # shown behind the entry, before the tip, to either side
INCH_PER_MM = 0.028
PIXEL_MM = 0.5
TICK_MM, LABEL_EVERY_MM = 10.0, 20.0
MOST_MM = 8.0  # of the chart of clearances; what is further away is as good as any
STEEP = 0.26  # of a direction's cosine, 75 degrees: from there a letter names it
BALLOON = "#CC79A7"  # as in the viewer
NEEDLE, DASHES = "#56B4E9", ("-", (0, (5, 2)), (0, (1.5, 1.5)), "-.", (0, (6, 1, 1, 1, 1, 1)))
COLOURS = (
    "#D55E00",
    "#0072B2",
    "#007A5E",
    "#8A4A75",
    "#000000",
    "#7A5C00",
    "#666666",
)  # more than dashes: each line differs
AROUND = "#F0E442"  # what is labelled beside the spine
TEXT_PT, LETTER_PT, TITLE_PT = 10.0, 12.0, 10.0  # of full sheets 0.64 as large on paper
MOST_NAMES = 5  # of the legend in letters of TEXT_PT; more take smaller ones
_OUTLINE = [withStroke(linewidth=2.2, foreground="black")]


def structure_words(structure: Structure) -> str:
    """What a structure is called in print."""
    return STRUCTURE_WORDS.get(structure, structure.value.replace("_", " "))


def draw_needle(spine: Spine, plan: Plan, path: NeedlePath, profile: ClearanceProfile | None) -> Picture:
    """One needle on two planes through its axis, and below them the clearances along it.

    Without a profile the path is orientation only: its axis is dashed and there is no chart.
    """
    frame = spine[plan.level].frame
    if frame is None:
        raise InputError(f"{plan.level.name} has no frame, so there are no axes to draw its needle in")
    balloon = plan.balloon(path.side)
    up = _square_to(frame.cranial, path.direction)
    left = np.cross(up, path.direction)  # as in a frame: cranial x anterior; the needle runs to the front
    with mpl.rc_context(STYLE):
        figure, side, below, chart = _new_figure(path, has_chart=profile is not None)
        _paint(side, spine, path, up, balloon, upright=False)
        side.set_title("upright plane along the needle", fontsize=TITLE_PT)
        _paint(below, spine, path, -left, balloon, upright=True)
        below.set_title("level plane, from below", fontsize=TITLE_PT)
        if chart is not None and profile is not None:
            _draw_profile(chart, profile, side.get_xlim())
    name = f"{plan.level.name} {path.side.value} needle"
    judged = "orientation only" if path.access_class is None else f"class {path.access_class.value}"
    return Picture(
        f"needle-{plan.level.name}-{path.side.value}",
        f"{name}, {path.approach}, {path.gauge} G, {judged}",
        png_of(figure),
        f"{name} on two planes through its axis, {judged}. First plane: front on the left, head up. Second plane: seen "
        "from below, front up, the patient's right on the left side. Ticks every 10 mm from the entry into bone "
        f"(0) to the tip ({path.bone_depth_mm:.0f} mm); {_skin_words(path)}. "
        f"{_balloon_words(balloon)}{_around_words(spine)}{_least_words(path)}",
        clearance_table(path),
    )


def clearance_table(path: NeedlePath) -> Table:
    """The least clearance to each structure with its intervals."""
    rows = tuple(
        (
            structure_words(c.structure),
            *(f"{floor(v * 10) / 10:.1f}" for v in (c.value_mm, c.low_mm, c.high_mm, c.low_placed_mm)),  # 1.98 is B
            f"{c.depth_mm:.0f}",
            c.border_words,
        )
        for c in path.clearances
    )
    head = ("Structure", "Least [mm]", "Low", "High", "Low, hand off by 2 mm and 3°", "At depth [mm]", "Measured")
    return Table(f"Clearances of the {path.side.value} needle's surface", head, rows)


def _new_figure(path: NeedlePath, *, has_chart: bool) -> tuple[Figure, Axes, Axes, Axes | None]:
    """The upright plane with the chart below it, the level plane on the right; all on one scale. [inch]"""
    long, wide = _length(path) * INCH_PER_MM, 2 * HALF_MM * INCH_PER_MM
    edge, title, gap = 0.45, 0.25, 0.15
    chart = 1.3 if has_chart else 0.0
    high = max(long, wide + chart) + title
    size = edge + long + gap + wide + 0.05, high + 0.05
    figure = Figure(figsize=size)

    def place(x: float, top: float, width: float, height: float) -> Axes:
        return figure.add_axes((x / size[0], 1 - (top + height) / size[1], width / size[0], height / size[1]))

    side = place(edge, title, long, wide)
    below = place(edge + long + gap, title, wide, long)
    under = place(edge, title + wide + 0.08, long, chart - 0.5) if has_chart else None
    return figure, side, below, under


def _length(path: NeedlePath) -> float:
    return BEHIND_MM + path.bone_depth_mm + AHEAD_MM


def _paint(
    axes: Axes, spine: Spine, path: NeedlePath, across: Floats, balloon: Balloon | None, *, upright: bool
) -> None:
    """The plane of the needle and a direction square to it; depth runs to the left, or up where `upright`."""
    depth = np.arange(path.bone_depth_mm + AHEAD_MM, -BEHIND_MM, -PIXEL_MM)
    beside = np.arange(HALF_MM, -HALF_MM, -PIXEL_MM)
    first, second = (depth, beside) if upright else (beside, depth)
    rows, columns = np.meshgrid(first, second, indexing="ij")
    along, off = (rows, columns) if upright else (columns, rows)
    points = path.entry + along[..., None] * path.direction + off[..., None] * across
    extent = (float(second[0]), float(second[-1]), float(first[-1]), float(first[0]))
    show_plane(axes, spine, points, extent)
    for _, mask in spine.surroundings:
        inside = mask.sample(points, order=0)
        if 0 < inside.mean() < 1:
            axes.contour(second, first, inside, levels=[0.5], colors=AROUND, linewidths=1.2)
    axes.set_xlim(extent[0], extent[1])
    axes.set_ylim(extent[2], extent[3])
    axes.set_xticks([])
    axes.set_yticks([])
    _draw_path(axes, path, upright=upright)
    if balloon is not None:
        x, y = balloon_outline(path, balloon).T[:: -1 if upright else 1]
        axes.plot(x, y, color=BALLOON, linewidth=1.5, path_effects=_OUTLINE)
    ahead, aside = path.direction, across
    edges = (-aside, aside, ahead, -ahead) if upright else (-ahead, ahead, aside, -aside)  # right, left, top, bottom
    for direction, x, y in zip(edges, (0.94, 0.06, 0.5, 0.5), (0.5, 0.5, 0.94, 0.06), strict=True):
        style: dict[str, Any] = {
            "color": "white",
            "fontweight": "bold",
            "fontsize": LETTER_PT,
            "transform": axes.transAxes,
        }
        place: dict[str, Any] = {"va": "center", "ha": "left" if x < 0.1 else "right" if x > 0.9 else "center"}
        axes.text(x, y, direction_letters(direction), path_effects=_OUTLINE, **place, **style)


def balloon_outline(path: NeedlePath, balloon: Balloon) -> Floats:
    """Its border in any plane along its needle, shape (n, 2): depth from the entry into bone, and aside. [mm]"""
    radius, middle = balloon.diameter_mm / 2, float((balloon.centre - path.entry) @ path.direction)
    turn = np.linspace(-np.pi / 2, np.pi / 2, 24)
    end = np.stack([balloon.length_mm / 2 - radius + radius * np.cos(turn), radius * np.sin(turn)], axis=-1)
    border = np.concatenate([end, -end, end[:1]])
    return np.asarray(border + np.array([middle, 0.0]))


def direction_letters(direction: Floats) -> str:
    """Patient directions (L, R, A, P, H, F) that a direction has a part in, the greatest first.

    >>> direction_letters(np.array([-0.4, -0.9, 0.1]))
    'AR'
    """
    names = ("LR", "PA", "HF")
    order = np.argsort(-np.abs(direction))
    return "".join(names[i][int(direction[i] < 0)] for i in order if abs(direction[i]) > STEEP)


def _draw_path(axes: Axes, path: NeedlePath, *, upright: bool) -> None:
    """The needle as wide as it is, with its depths; an axis alone where its clearance cannot be judged."""

    def line(depth: tuple[float, float], beside: tuple[float, float], **style: Any) -> None:
        x, y = (beside, depth) if upright else (depth, beside)
        axes.plot(x, y, path_effects=_OUTLINE, **style)

    half, tip = path.outer_diameter_mm / 2, path.bone_depth_mm
    if path.access_class is None:
        line((-BEHIND_MM, tip), (0, 0), color=NEEDLE, linewidth=1.5, linestyle=(0, (4, 3)))
    else:
        for beside in (-half, half):
            line((-BEHIND_MM, tip), (beside, beside), color=NEEDLE, linewidth=1.0)
        line((tip, tip), (-half, half), color=NEEDLE, linewidth=1.0)
    for depth in np.arange(0.0, tip + 1e-6, TICK_MM):
        line((depth, depth), (-half - 2.5, half + 2.5), color="white", linewidth=1.0)
        if depth % LABEL_EVERY_MM == 0:
            x, y = (-half - 3.5, depth) if upright else (depth, -half - 3.5)
            where: dict[str, Any] = {"ha": "left", "va": "center"} if upright else {"ha": "center", "va": "top"}
            axes.text(x, y, _depth_text(path, depth), fontsize=TEXT_PT, color="white", path_effects=_OUTLINE, **where)


def _depth_text(path: NeedlePath, depth: float) -> str:
    """Depth from bone over depth from the skin."""
    return f"{depth:.0f}|{'?' if path.skin_depth_mm is None else f'{_outside(path) + depth:.0f}'}"


def _outside(path: NeedlePath) -> float:
    assert path.skin_depth_mm is not None
    return path.skin_depth_mm - path.bone_depth_mm


def _draw_profile(axes: Axes, profile: ClearanceProfile, limits: tuple[float, float]) -> None:
    """What comes within 8 mm along the needle; what stays further away has no curve."""
    near = [(structure, values) for structure, values in profile.clearance_mm if (values <= MOST_MM).any()]
    for number, (structure, values) in enumerate(near):
        colour = COLOURS[number % len(COLOURS)]
        shown = np.where(values <= MOST_MM, values, np.nan)
        line: dict[str, Any] = {"color": colour, "linestyle": DASHES[number % len(DASHES)]}
        axes.plot(profile.depth_mm, shown, linewidth=1.6, label=_line_words(structure), **line)
        low, high = shown - profile.doubt_below_mm, shown + profile.doubt_above_mm
        axes.fill_between(profile.depth_mm, low, high, color=colour, alpha=0.18, linewidth=0)
    for number, (name, limit) in enumerate(LIMITS_MM.items()):
        axes.plot([limits[0], 0.0], [limit, limit], color="black", linewidth=0.6)
        place = limits[0] - 2.5 - 6.0 * number  # side by side: the limits are closer than letters are high
        axes.text(place, limit, name, fontsize=TEXT_PT, va="bottom", ha="center")
    axes.set_xlim(*limits)
    axes.set_ylim(-1.5, MOST_MM)
    axes.set_xlabel("depth from bone [mm]", fontsize=TEXT_PT, labelpad=1)
    axes.set_ylabel("clear [mm]", fontsize=TEXT_PT)
    axes.set_xticks(np.arange(0.0, limits[0], LABEL_EVERY_MM))
    axes.tick_params(labelsize=TEXT_PT)
    if near:
        axes.legend(
            loc="upper right",
            bbox_to_anchor=(1.0, 1.02),
            fontsize=TEXT_PT if len(near) <= MOST_NAMES else TEXT_PT * MOST_NAMES / len(near),
            frameon=False,
            borderpad=0.0,
            borderaxespad=0.2,
            labelspacing=0.05,
            handlelength=1.2,
            handletextpad=0.4,
        )


def _line_words(structure: Structure) -> str:
    return CHART_WORDS.get(structure, structure_words(structure))


def _square_to(vector: Floats, axis: Floats) -> Floats:
    flat = vector - (vector @ axis) * axis
    return np.asarray(flat / np.linalg.norm(flat))


def _skin_words(path: NeedlePath) -> str:
    if path.skin_depth_mm is None:
        return "the skin is not seen along the needle, so depths from it are unknown"
    return f"the second number counts from the skin, {path.skin_depth_mm:.0f} mm at the tip"


def _least_words(path: NeedlePath) -> str:
    if not path.clearances:
        return "Its clearances cannot be judged on this CT."
    near = (f"{structure_words(c.structure)} {floor(c.value_mm * 10) / 10:.1f} mm{_on_ct(c)}" for c in path.clearances)
    return f"Least clearances: {joined(near)}."


def _on_ct(clearance: Clearance) -> str:
    return "" if clearance.measured_on is Border.MASK else f" ({clearance.border_words})"


def _balloon_words(balloon: Balloon | None) -> str:
    """What the picture shows of a balloon; nothing where there is none."""
    return "" if balloon is None else "The outline of the balloon is the widest that the body holds now. "


def _around_words(spine: Spine) -> str:
    """What is labelled beside the spine and so outlined where a plane meets it; nothing where nothing is."""
    names = [kind.value.replace("_", " ") for kind, _ in spine.surroundings]
    return f"Outlined where a plane meets them: {joined(names)}. " if names else ""
