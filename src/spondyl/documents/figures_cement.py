"""Pictures of the cement of one simulated run: as it grows, where it left, and the pressures it takes."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from spondyl.documents.cement_models import CementModel
from spondyl.documents.course_files import BONE, CAVITY, LEAST_SHARE, KeptCement
from spondyl.documents.course_models import CourseModel
from spondyl.documents.figures import WINDOW_HU, Picture, png_of
from spondyl.documents.figures_leaks import COLOURS, MARKERS
from spondyl.documents.leak_models import PATHS, WORDS
from spondyl.documents.tables import Table
from spondyl.space import Floats, Frame
from spondyl.spine import Level, Spine

_BONE = ListedColormap(["#C9C3B8"])
_CEMENT = ListedColormap(["#56D4FF"])  # unlike the outline and the marks of all paths
FRAMES = (0.25, 0.5, 0.75, 1.0)  # of the time from first to last cement
FILM = 15  # frames of the film
FILM_DPI = 100
FRAME_MS = 300  # so that it ends before five seconds: nothing moves longer without a way to stop it
# Views: which grid axis is looked along, which goes across and up, the sign of "across to the right", and the letters
# at left, right, top and bottom. From the front and from below the patient's left is on the right.
_VIEWS: dict[str, tuple[int, int, int, int, tuple[str, str, str, str]]] = {
    "from below": (2, 1, 0, 1, ("R", "L", "A", "P")),
    "from the side": (1, 0, 2, -1, ("A", "P", "H", "F")),
    "from the front": (0, 1, 2, 1, ("R", "L", "H", "F")),
}


@dataclass(frozen=True)
class Film:
    """Frames of a picture that plays once, and stands at its last one."""

    name: str
    title: str
    apng: bytes
    still: bytes  # its last frame, for who asked their system for less motion
    seconds: float


@dataclass(frozen=True, eq=False)
class _Scene:
    """The body and the cement of one run, along the axes of the vertebra: to the front, to the left, to the head."""

    course: CourseModel
    kept: KeptCement
    spine: Spine

    @property
    def told(self) -> CementModel:
        """What is written of the cement."""
        assert self.course.cement is not None  # there is a field of it
        return self.course.cement

    @cached_property
    def frame(self) -> Frame:
        """Of the vertebra that the grid follows."""
        frame = self.spine[Level.parse(self.course.level)].frame
        assert frame is not None  # the field was made along it
        return frame

    @cached_property
    def body(self) -> NDArray[np.bool_]:
        """The voxels of the grid inside the body."""
        geometry, vertebra = self.kept.share.geometry, self.spine[Level.parse(self.course.level)]
        assert vertebra.body is not None  # as above
        points = geometry.points(np.moveaxis(np.indices(geometry.shape), 0, -1))
        return np.asarray(vertebra.body.sample(points) >= 0.5)

    @cached_property
    def span(self) -> tuple[float, float]:
        """First and last minute after mixing."""
        minutes = self.told.pressures.minutes
        return minutes[0], max(self.kept.last_minute, minutes[-1])

    def volume_ml(self, minute: float) -> float:
        """Cement that is in by then."""
        read = self.told.pressures
        return float(np.interp(minute, (*read.minutes, self.span[1]), (*read.volume_ml, self.told.injected_ml)))

    def local(self, points: ArrayLike) -> Floats:
        """Patient points along the grid's axes. [mm]"""
        return np.asarray(self.frame.to_local(np.asarray(points, float))[..., (1, 2, 0)])

    def millimetres(self, axis: int) -> Floats:
        """Centres of the voxels along one axis of the grid. [mm]"""
        geometry = self.kept.share.geometry
        cells = np.zeros((geometry.shape[axis], 3))
        cells[:, axis] = np.arange(geometry.shape[axis])
        return np.asarray(self.local(geometry.points(cells))[:, axis])


def draw_cement_growing(course: CourseModel, kept: KeptCement, spine: Spine) -> Picture:
    """Cement over time in two views, over the CT through the first tip; cement is looked through."""
    scene = _Scene(course, kept, spine)
    first, last = scene.span
    times = [first + share * (last - first) for share in FRAMES]
    figure = Figure(figsize=(11, 6.2), layout="constrained")
    figure.suptitle(f"{course.level}: cement as it grows (a model, {WORDS})", fontsize=9)
    rows = []
    for column, time in enumerate(times):
        there = kept.there(time)
        volume = scene.volume_ml(time)
        for row, view in enumerate(("from below", "from the side")):
            axes = figure.add_subplot(2, len(times), row * len(times) + column + 1)
            _show_view(axes, scene, view, there)
            axes.set_title(f"{time:.2f} min, {volume:.1f} mL" if row == 0 else "", fontsize=9)
        rows.append((f"{time:.2f}", f"{volume:.2f}", _middle(scene, there)))
    head = ("Minutes after mixing", "mL in", "Middle of the cement to the left [mm]")
    return Picture(
        f"course-growing-{course.level}-{course.course}",
        f"{course.level}, {course.course}: cement as it grows in one run of the model",
        png_of(figure),
        f"Cement in {course.level} at {len(times)} times, from below with the patient's left on the right, and from "
        f"the side with the front on the left; {scene.told.stop_reason}.",
        Table(f"Cement in {course.level} over time", head, tuple(rows)),
    )


def film_cement(course: CourseModel, kept: KeptCement, spine: Spine) -> Film:
    """The same as frames that follow each other, from the first cement to the last; the end stays."""
    scene = _Scene(course, kept, spine)
    first, last = scene.span
    frames = []
    figure = Figure(figsize=(6.4, 3.4), dpi=FILM_DPI)
    canvas = FigureCanvasAgg(figure)
    views = ("from below", "from the side")
    painted = []
    for column, view in enumerate(views):
        axes = figure.add_subplot(1, 2, column + 1)
        painted.append(_show_view(axes, scene, view, kept.there(last)))
        axes.set_title(view, fontsize=9)
    for time in np.linspace(first, last, FILM):
        figure.suptitle(f"{course.level}: {time:.2f} min after mixing, {scene.volume_ml(time):.1f} mL", fontsize=9)
        for view, cement in zip(views, painted, strict=True):
            cement.set_data(cement_seen(kept.there(time), view))
        canvas.draw()  # type: ignore[no-untyped-call]
        frame = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")  # type: ignore[no-untyped-call]
        frames.append(frame.quantize(64))
    stream = io.BytesIO()
    frames[0].save(
        stream, format="PNG", save_all=True, append_images=frames[1:], duration=FRAME_MS, loop=1, optimize=False
    )
    still = io.BytesIO()
    frames[-1].save(still, format="PNG", optimize=False)
    name, title = f"course-film-{course.level}-{course.course}", f"{course.level}, {course.course}: the same as a film"
    return Film(name, title, stream.getvalue(), still.getvalue(), FILM * FRAME_MS / 1000)


def draw_leak_map(course: CourseModel, kept: KeptCement, spine: Spine) -> Picture:
    """All cement in the end in three views, with each opening marked by its path; filled marks leaked.

    It is looked through: a plane alone would show one of two fillings that lie at different depths.
    """
    scene = _Scene(course, kept, spine)
    told = scene.told
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    figure.suptitle(f"{course.level}: where cement lies and left (a model, {WORDS})", fontsize=9)
    filled = kept.there(scene.span[1])
    for column, view in enumerate(_VIEWS):
        axes = figure.add_subplot(1, 3, column + 1)
        _show_view(axes, scene, view, filled)
        axes.set_title(view, fontsize=9)
        _mark_openings(axes, scene, view)
    handles, names = figure.axes[-1].get_legend_handles_labels()
    if handles:
        figure.legend(handles, names, loc="outside lower center", ncols=4, fontsize=8)
    rows = tuple(
        (PATHS[leak.path], f"{leak.volume_ml:.3f}", "-" if leak.first_min is None else f"{leak.first_min:.2f}",
         "; ".join(leak.openings) or "no opening in the model")
        for leak in told.leaks
    )  # fmt: skip
    left = sum(leak.volume_ml for leak in told.leaks)
    return Picture(
        f"course-cement-{course.level}-{course.course}",
        f"{course.level}, {course.course}: where {told.injected_ml:.1f} mL of cement go in one run of the model",
        png_of(figure),
        f"All cement in {course.level} and the openings of the body, looked through from below, from the side and from "
        f"the front; the patient's left is on the right in the first and the last. {left:.2f} mL left the body. "
        f"{100 * told.fill:.0f} % of the body is cement, {100 * told.left_share:.0f} % of it on the patient's left; it "
        f"lies under {100 * told.contact_superior:.0f} % of the upper and {100 * told.contact_inferior:.0f} % of the "
        "lower endplate.",
        Table(f"Cement that left {course.level} in this run", ("Way out", "mL", "First at [min]", "Openings"), rows),
    )


def draw_cavity(course: CourseModel, kept: KeptCement, spine: Spine) -> Picture | None:
    """Cuts through the cavity that empty balloons leave, with the cement in and around it; None without balloons.

    In the shape that the balloons left: the CT shows the body before them, so it is not behind.
    """
    if kept.body is None:
        return None
    scene = _Scene(course, kept, spine)
    cavity, bone = kept.body.array == CAVITY, kept.body.array == BONE
    voxel_ml = float(np.prod(kept.share.geometry.spacing_mm)) / 1000
    room, inside = (voxel_ml * float(values.sum()) for values in (cavity, kept.share.array[cavity]))
    around = voxel_ml * float(kept.share.array.sum()) - inside
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    figure.suptitle(
        f"{course.level}: cuts through the balloons' cavity (red), with cement (a model, {WORDS})", fontsize=9
    )
    for column, view in enumerate(_VIEWS):
        _show_cut(figure.add_subplot(1, 3, column + 1), scene, view, cavity, bone)
    rows = (
        ("Cavity once the balloons are empty", f"{room:.2f}"),
        ("Cement in it", f"{inside:.2f}"),
        ("Cement in the bone around it", f"{around:.2f}"),
    )
    return Picture(
        f"course-cavity-{course.level}-{course.course}",
        f"{course.level}, {course.course}: the balloons' cavity and the cement in it, in one run of the model",
        png_of(figure),
        f"Cuts through {course.level} after the balloons, from below with the patient's left on the right, from the "
        f"side with the front on the left, and from the front. The empty balloons leave {room:.1f} mL; "
        f"{inside:.1f} mL of cement lie there and {around:.1f} mL in the bone around it.",
        Table(f"Cavity and cement in {course.level} in this run", ("What", "mL"), rows),
    )


def draw_pressures(course: CourseModel) -> Picture:
    """Pressure at the syringe over time, its part in the cannula and in the bone, and the flow."""
    assert course.cement is not None
    read = course.cement.pressures
    minutes, syringe, cannula = (np.array(values) for values in (read.minutes, read.syringe_mpa, read.cannula_mpa))
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.stackplot(
        minutes, read.bone_mpa, cannula, labels=("bone", "cannula"), colors=("#D55E00", "#56B4E9"), alpha=0.7
    )
    axes.plot(minutes, syringe, color="black", linewidth=1.2, label="syringe")
    axes.set_xlabel("minutes after mixing")
    axes.set_ylabel("pressure [MPa]")
    axes.set_ylim(bottom=0)
    flow = axes.twinx()
    flow.plot(minutes, read.flow_ml_per_min, color="#009E73", linestyle="--", label="flow")
    flow.set_ylabel("flow [mL/min]")
    flow.set_ylim(bottom=0, top=1.3 * max(read.flow_ml_per_min))
    handles = [*axes.get_legend_handles_labels()[0], *flow.get_legend_handles_labels()[0]]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8)
    share = float((cannula / syringe).mean())
    top = int(syringe.argmax())
    rows = tuple(
        (name, f"{values[top]:.3f}")
        for name, values in (("syringe", syringe), ("cannula", cannula), ("bone", read.bone_mpa))
    )
    return Picture(
        f"course-pressures-{course.level}-{course.course}",
        f"{course.level}, {course.course}: pressure over time in one run of the model",
        png_of(figure),
        f"Pressure over time: at most {syringe[top]:.2f} MPa at the syringe; on average {100 * share:.0f} % of it is "
        f"lost in the cannula. A model, {WORDS}.",
        Table(f"Highest pressure in {course.level} in this run", ("Where", "MPa"), rows),
    )


def _show_view(axes: Axes, scene: _Scene, view: str, there: NDArray[np.bool_]) -> AxesImage:
    """CT through the first tip; the outline of the whole body and all cement, both looked through along the view.

    Gives the image of the cement.
    """
    along, across, up, turn, letters = _VIEWS[view]
    geometry = scene.kept.share.geometry
    tips = scene.local(scene.told.tips_mm)
    x, y = scene.millimetres(across), scene.millimetres(up)
    half = float(geometry.spacing_mm[0]) / 2
    box = (x[0] - half, x[-1] + half, y[0] - half, y[-1] + half)
    if scene.spine.ct is not None:
        tip = np.rint(geometry.indices(np.array(scene.told.tips_mm[0]))).astype(int)
        cells = np.moveaxis(np.indices(geometry.shape), 0, -1).take(tip[along], axis=along)
        grey = _upright(scene.spine.ct.sample(geometry.points(cells)), across, up)
        axes.imshow(grey, origin="lower", extent=box, cmap="gray", vmin=WINDOW_HU[0], vmax=WINDOW_HU[1])
    outline = _upright(scene.body.any(axis=along).astype(float), across, up)
    axes.contour(x, y, outline, levels=[0.5], colors="#F0E442", linewidths=0.9)
    cement = axes.imshow(cement_seen(there, view), origin="lower", extent=box, cmap=_CEMENT, alpha=0.65)
    axes.plot(tips[:, across], tips[:, up], "+", color="white", markersize=9, markeredgewidth=1.6)
    if turn < 0:
        axes.invert_xaxis()
    axes.set_xticks([])
    axes.set_yticks([])
    for letter, (a, b) in zip(letters, ((0.04, 0.5), (0.96, 0.5), (0.5, 0.95), (0.5, 0.05)), strict=True):
        style: dict[str, Any] = {"color": "white", "fontweight": "bold", "fontsize": 10, "transform": axes.transAxes}
        axes.text(a, b, letter, ha="center", va="center", **style)
    return cement


def _show_cut(axes: Axes, scene: _Scene, view: str, cavity: NDArray[np.bool_], bone: NDArray[np.bool_]) -> None:
    """The plane that holds most of the cavity."""
    along, across, up, turn, letters = _VIEWS[view]
    at = int(cavity.sum(axis=(across, up)).argmax())
    x, y = scene.millimetres(across), scene.millimetres(up)
    half = float(scene.kept.share.geometry.spacing_mm[0]) / 2
    box = (x[0] - half, x[-1] + half, y[0] - half, y[-1] + half)
    body, empty, cement = (
        _upright(field.take(at, axis=along).astype(float), across, up)
        for field in (bone | cavity, cavity, scene.kept.share.array)
    )
    axes.imshow(np.ma.masked_equal(body, 0.0), origin="lower", extent=box, cmap=_BONE)
    shown = np.ma.masked_less(cement, LEAST_SHARE)
    axes.imshow(shown, origin="lower", extent=box, cmap="Blues", vmin=-0.4, vmax=1.0)
    axes.contour(x, y, empty, levels=[0.5], colors="#D00000", linewidths=1.2)
    axes.contour(x, y, body, levels=[0.5], colors="#404040", linewidths=0.8)
    axes.set_title(f"{view}, {scene.millimetres(along)[at]:+.0f} mm", fontsize=9)
    if turn < 0:
        axes.invert_xaxis()
    axes.set_xticks([])
    axes.set_yticks([])
    for letter, (a, b) in zip(letters, ((0.04, 0.5), (0.96, 0.5), (0.5, 0.95), (0.5, 0.05)), strict=True):
        axes.text(a, b, letter, ha="center", va="center", fontsize=10, fontweight="bold", transform=axes.transAxes)


def cement_seen(there: NDArray[np.bool_], view: str) -> Any:
    """All cement, looked through along a view; masked where there is none."""
    along, across, up, _, _ = _VIEWS[view]
    return np.ma.masked_equal(_upright(there.any(axis=along).astype(float), across, up), 0.0)


def _upright(field: NDArray[Any], across: int, up: int) -> NDArray[Any]:
    """A field over two axes of the grid with the one that goes up as its rows."""
    return field.T if across < up else field


def _mark_openings(axes: Axes, scene: _Scene, view: str) -> None:
    _, across, up, _, _ = _VIEWS[view]
    for opening in scene.told.openings:
        place, colour = scene.local(opening.place_mm), COLOURS[opening.path]
        axes.plot(
            place[across], place[up], MARKERS[opening.path], color=colour, markersize=8, linestyle="none",
            markerfacecolor=colour if opening.volume_ml > 0 else "none", markeredgewidth=1.6,
            label=f"{opening.name}: {opening.volume_ml:.2f} mL",
        )  # fmt: skip


def _middle(scene: _Scene, there: NDArray[np.bool_]) -> str:
    cells = np.argwhere(there)
    if not len(cells):
        return "-"
    return f"{float(scene.local(scene.kept.share.geometry.points(cells))[:, 1].mean()):+.1f}"
