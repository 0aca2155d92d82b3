"""The pictures of a pressed vertebra: strain and lasting strain in two planes, and the curve of force."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from spondyl.documents.figures import STYLE, Picture, png_of, show_plane
from spondyl.documents.strength import LevelStrengthModel
from spondyl.documents.tables import Table
from spondyl.simulation import PressedFields
from spondyl.space import Geometry
from spondyl.spine import Level, Spine

Array = NDArray[Any]

MARGIN_MM, PIXEL_MM = 8.0, 0.4
GAVE_WAY = 0.002  # of lasting strain: the offset that yield of bone is read with (handbook 1.3)
FULL_QUANTILE = 0.99  # of the voxels: what the end of a colour bar stands for, so that one voxel does not set it
COLOURS = {"strain": "viridis", "lasting": "magma"}
WORDS = {"strain": "greatest shortening strain [%]", "lasting": "lasting strain [%]"}
CURVE, ESTIMATE = "#0072B2", "#D55E00"
_OUTLINE = [withStroke(linewidth=2.2, foreground="black")]


def draw_pressed(spine: Spine, fields: PressedFields) -> Picture:
    """Shortening strain and lasting strain at the end of the load path, from the side and from the front."""
    geometry = fields.least_strain.geometry
    shown = {name: np.ma.masked_where(fields.least_strain.array == 0, 100 * field) for name, field in _both(fields)}
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.1, 5.2), layout="constrained")
        grid = figure.subplots(2, 2, squeeze=False)
        for row, (name, field) in enumerate(shown.items()):
            top = max(float(np.quantile(field.compressed(), FULL_QUANTILE)), 1e-3)
            for axes, plane in zip(grid[row], ("sagittal", "coronal"), strict=True):
                painted = paint_field(axes, spine, fields.level, (field, geometry), plane, COLOURS[name], top)
            bar = figure.colorbar(painted, ax=list(grid[row]), shrink=0.85, extend="max")
            bar.set_label(WORDS[name])
        for axes, words in zip(grid[0], ("from the side, mid-sagittal", "from the front, middle"), strict=True):
            axes.set_title(words, fontsize=9)
    level = fields.level.name
    table = region_table(fields)
    worst = max(table.rows[:6], key=lambda row: float(row[1]))
    return Picture(
        f"strength-{level}",
        f"{level} pressed by 2 % of its height, as modelled",
        png_of(figure),
        f"{level} in the model at the end of its load path, in two planes through its middle; above the greatest "
        "shortening strain, below the strain that lasts. Left column: from the side, front on the left. "
        "Right column: from the front, the patient's right on the left side. Of the thirds of the body, the "
        f"{worst[0]} is strained most: {worst[1]} % on average; lasting strain above 0.2 % in {table.rows[-1][2]} % "
        "of all bone.",
        table,
    )


def region_table(fields: PressedFields) -> Table:
    """Strain by thirds of the extent of the bone, and the share of bone that gave way."""
    bone = fields.least_strain.array != 0
    places = np.argwhere(bone)
    low, high = places.min(axis=0), places.max(axis=0) + 1
    third = 3 * (2 * (places - low) + 1) // (2 * (high - low))
    short, lasting = -100 * fields.least_strain.array[bone], fields.lasting_strain.array[bone]
    regions = [("back third", 0, 0), ("middle third from back to front", 0, 1), ("front third", 0, 2)]
    regions += [("patient's right third", 1, 0), ("middle third from right to left", 1, 1), ("left third", 1, 2)]
    regions += [("lower third", 2, 0), ("middle third from foot to head", 2, 1), ("upper third", 2, 2)]
    rows = [_region(name, third[:, axis] == number, short, lasting) for name, axis, number in regions]
    rows.append(_region("all bone", np.ones(len(short), bool), short, lasting))
    head = ("Part", "Mean shortening strain [%]", "Share with lasting strain above 0.2 % [%]")
    return Table(f"Strain of {fields.level.name} by parts", head, tuple(rows))


def draw_curve(level: LevelStrengthModel, between: str) -> Picture | None:
    """Force over shortening, with the failure load and what the linear estimates say; None where no force is told."""
    if level.curve is None or level.failure_n is None or level.stiffness_n_per_mm is None:
        return None
    short = np.array([0.0, *(abs(point.shortening_mm or point.displacement_mm) for point in level.curve)])
    force = np.array([0.0, *(point.reaction_n for point in level.curve)]) / 1000
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.6, 3.0), layout="constrained")
        axes = figure.add_subplot()
        axes.plot(short, force, color=CURVE, marker="o", markersize=3.5, label="load path")
        top = 1.12 * max(level.failure_high_n or 0.0, level.linear_failure_n or 0.0, 1000 * force.max()) / 1000
        elastic = np.array([0.0, min(short[-1], 1000 * top / level.stiffness_n_per_mm)])
        axes.plot(elastic, level.stiffness_n_per_mm * elastic / 1000, "--", color="0.35", label="stiffness")
        at = 0.95 * short[-1]
        low, high = level.failure_low_n or level.failure_n, level.failure_high_n or level.failure_n
        reach = [[(level.failure_n - low) / 1000], [(high - level.failure_n) / 1000]]
        axes.errorbar(
            at, level.failure_n / 1000, reach, fmt="D", color="black", capsize=4, label="failure, 95 % interval"
        )
        _draw_estimates(axes, level, 1.04 * short[-1])
        axes.set_xlim(0, 1.42 * short[-1])
        axes.set_ylim(0, top)
        axes.set_xlabel(f"shortening between {between} [mm]")
        axes.set_ylabel("force [kN]")
        axes.legend(fontsize=8, loc="upper left", frameon=False)
    rows = tuple((f"{mm:.2f}", f"{kn:.2f}") for mm, kn in zip(short, force, strict=True))
    return Picture(
        f"strength-curve-{level.level}",
        f"{level.level}: force over shortening, as modelled",
        png_of(figure),
        f"Force of {level.level} over its shortening between {between}. It rises by {level.stiffness_n_per_mm:.0f} "
        f"N/mm at first, bends, and reaches {force[-1]:.1f} kN at {short[-1]:.2f} mm; the failure load is "
        f"{level.failure_n / 1000:.1f} kN ({low / 1000:.1f} to {high / 1000:.1f}).",
        Table(f"Load path of {level.level}", ("Shortening [mm]", "Force [kN]"), rows),
    )


def _draw_estimates(axes: Axes, level: LevelStrengthModel, at: float) -> None:
    """A mark for each linear estimate, its name beside it, pushed apart where two names would overlap."""
    told = [
        ("stiffness x height", level.linear_failure_n),
        ("stiffness x height, mapped", level.mapped_n),
        ("overstrained bone", level.pistoia_n),
    ]
    values = sorted((force / 1000, words) for words, force in told if force is not None)
    apart, lowest = axes.get_ylim()[1] * 0.085, -np.inf
    for kilonewtons, words in values:
        place = max(kilonewtons, lowest + apart)
        lowest = place
        axes.plot(at, kilonewtons, ">", color=ESTIMATE, markersize=5)
        axes.text(1.03 * at, place, words, fontsize=8, va="center")


def _both(fields: PressedFields) -> tuple[tuple[str, Array], ...]:
    shortening = np.maximum(-fields.least_strain.array, 0.0)
    return ("strain", shortening), ("lasting", fields.lasting_strain.array)


def paint_field(
    axes: Axes,
    spine: Spine,
    level: Level,
    shown: tuple[np.ma.MaskedArray[Any, Any], Geometry],
    plane: str,
    colours: str,
    top: float,
) -> Any:
    """One plane through the middle of a vertebra: the CT in grey, a field over its bone, sides named.

    The field lies on a grid of the vertebra's own axes, to the front, to the left and to the head.
    """
    field, geometry = shown
    frame = spine[level].frame
    assert frame is not None  # the field was made along it
    edge = float(geometry.spacing_mm[0])
    first = frame.to_local(geometry.points(np.zeros(3)))[[1, 2, 0]]  # of the first voxel, along the grid's axes
    across, through = (0, 1) if plane == "sagittal" else (1, 0)
    number = int(np.clip(np.rint(-first[through] / edge), 0, geometry.shape[through] - 1))
    cut = field.take(number, axis=through)
    extent = _extent(first, edge, geometry.shape, across)
    _paint_ct(axes, spine, frame, plane, _grown(extent))
    painted = axes.imshow(
        cut.T, origin="lower", extent=extent, cmap=colours, vmin=0, vmax=top, interpolation="nearest", alpha=0.9
    )
    wide = _grown(extent)
    axes.set_xlim(*((wide[1], wide[0]) if plane == "sagittal" else (wide[0], wide[1])))  # front on the left
    axes.set_ylim(wide[2], wide[3])
    axes.set_xticks([])
    axes.set_yticks([])
    letters = ("A", "P", "H", "F") if plane == "sagittal" else ("R", "L", "H", "F")
    for letter, x, y in zip(letters, (0.05, 0.95, 0.5, 0.5), (0.5, 0.5, 0.94, 0.06), strict=True):
        style: dict[str, Any] = {"color": "white", "fontweight": "bold", "fontsize": 11, "path_effects": _OUTLINE}
        axes.text(x, y, letter, va="center", ha="center", transform=axes.transAxes, **style)
    return painted


def _extent(first: Array, edge: float, shape: tuple[int, ...], across: int) -> tuple[float, float, float, float]:
    """Edges of the voxels along an axis across and along the cranial axis, in the vertebra's frame. [mm]"""
    left, low = float(first[across]) - edge / 2, float(first[2]) - edge / 2
    return left, left + shape[across] * edge, low, low + shape[2] * edge


def _grown(extent: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    left, right, low, high = extent
    return left - MARGIN_MM, right + MARGIN_MM, low - MARGIN_MM, high + MARGIN_MM


def _paint_ct(axes: Axes, spine: Spine, frame: Any, plane: str, extent: tuple[float, float, float, float]) -> None:
    across = np.arange(extent[0], extent[1], PIXEL_MM) + PIXEL_MM / 2
    up = np.arange(extent[3], extent[2], -PIXEL_MM) - PIXEL_MM / 2
    local = np.zeros((len(up), len(across), 3))
    local[..., 0], local[..., 1 if plane == "sagittal" else 2] = up[:, None], across[None, :]
    show_plane(axes, spine, frame.to_patient(local), extent)


def _region(name: str, inside: Array, short: Array, lasting: Array) -> tuple[str, ...]:
    if not inside.any():
        return name, "–", "–"
    return name, f"{short[inside].mean():.2f}", f"{100 * (lasting[inside] > GAVE_WAY).mean():.0f}"
