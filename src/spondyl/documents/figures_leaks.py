"""Pictures of an injection into a vertebra: cement as it grows, where it left, pressures, leaks under doubt."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spondyl.documents.figures import WINDOW_HU, Picture, png_of
from spondyl.documents.tables import Table
from spondyl.simulation import BodyInjection, LeakPath, LeakShares, PathShare, Scenario
from spondyl.space import Floats
from spondyl.spine import Spine

FRAMES = (0.25, 0.5, 0.75, 1.0)  # of the time from first to last cement
NOT_CALIBRATED = "a model, not calibrated on patients: to compare plans, not to decide whether it is safe"
PATH_WORDS = {
    LeakPath.DISC_SUPERIOR: "disc above",
    LeakPath.DISC_INFERIOR: "disc below",
    LeakPath.EPIDURAL: "epidural",
    LeakPath.PARAVERTEBRAL: "beside the spine",
    LeakPath.VENOUS: "segmental veins",
    LeakPath.TRACK: "needle track",
}
COLOURS = {
    LeakPath.DISC_SUPERIOR: "#0072B2",
    LeakPath.DISC_INFERIOR: "#56B4E9",
    LeakPath.EPIDURAL: "#D55E00",
    LeakPath.PARAVERTEBRAL: "#E69F00",
    LeakPath.VENOUS: "#CC79A7",
    LeakPath.TRACK: "#009E73",
}
MARKERS = dict(zip(LeakPath, "^vsDoX", strict=True))
# Views: which grid axis is looked along, which goes across and up, the sign of "across to the right", and the letters
# at left, right, top and bottom. From the front and from below the patient's left is on the right.
_VIEWS: dict[str, tuple[int, int, int, int, tuple[str, str, str, str]]] = {
    "from below": (2, 1, 0, 1, ("R", "L", "A", "P")),
    "from the side": (1, 0, 2, -1, ("A", "P", "H", "F")),
    "from the front": (0, 1, 2, 1, ("R", "L", "H", "F")),
}


def draw_cement_growing(spine: Spine, injection: BodyInjection) -> Picture:
    """Cement over time in two views, over the CT through the first tip; cement is looked through."""
    course, reached = injection.result.course, injection.result.reached_min
    first, last = float(course.minutes[0]), max(float(np.nanmax(reached, initial=0.0)), float(course.minutes[-1]))
    times = [first + share * (last - first) for share in FRAMES]
    figure = Figure(figsize=(11, 6.2), layout="constrained")
    figure.suptitle(f"{_level(injection)}: cement as it grows ({NOT_CALIBRATED})", fontsize=9)
    volumes = np.append(course.volume_ml, injection.result.injected_ml)
    minutes = np.append(course.minutes, last)
    rows = []
    for column, time in enumerate(times):
        there = np.nan_to_num(reached, nan=np.inf) <= time
        volume = float(np.interp(time, minutes, volumes))
        for row, view in enumerate(("from below", "from the side")):
            axes = figure.add_subplot(2, len(times), row * len(times) + column + 1)
            _show_view(axes, spine, injection, view, there)
            axes.set_title(f"{time:.2f} min, {volume:.1f} mL" if row == 0 else "", fontsize=9)
        rows.append((f"{time:.2f}", f"{volume:.2f}", f"{_mean(there, injection, 1):+.1f}"))
    table = Table(
        "Cement over time", ("minutes after mixing", "mL in", "middle of the cement to the left [mm]"), tuple(rows)
    )
    alt = f"Cement in {_level(injection)} at {len(times)} times, from below and from the side; {injection.stop_reason}."
    return Picture("cement_growing", "Cement as it grows", png_of(figure), alt, table)


def draw_leak_map(spine: Spine, injection: BodyInjection) -> Picture:
    """Cement in the end in three views, with each opening marked by its path; filled marks leaked."""
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    figure.suptitle(f"{_level(injection)}: where cement lies and left ({NOT_CALIBRATED})", fontsize=9)
    filled = injection.result.saturation >= 0.5
    for column, view in enumerate(_VIEWS):
        axes = figure.add_subplot(1, 3, column + 1)
        _show_view(axes, spine, injection, view, filled)
        axes.set_title(view, fontsize=9)
        _mark_openings(axes, injection, view)
    handles, names = figure.axes[-1].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4, fontsize=8)
    rows = tuple(
        (PATH_WORDS[leak.path], f"{leak.volume_ml:.3f}", "-" if leak.first_min is None else f"{leak.first_min:.2f}",
         "; ".join(leak.openings) or "no opening in the model")
        for leak in injection.leaks
    )  # fmt: skip
    table = Table("Leaks of one run", ("path", "mL", "first at [min]", "openings"), rows)
    alt = f"Cement in {_level(injection)} and the openings of the body; {injection.leaked_ml:.2f} mL left it."
    return Picture("leak_map", "Where cement left", png_of(figure), alt, table)


def draw_pressures(injection: BodyInjection) -> Picture:
    """Pressure at the syringe over time, its part in the cannula and in the bone, and the flow."""
    course = injection.result.course
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.stackplot(
        course.minutes, course.tip_kpa / 1000, course.cannula_kpa / 1000, labels=("bone", "cannula"),
        colors=("#D55E00", "#56B4E9"), alpha=0.7,
    )  # fmt: skip
    axes.plot(course.minutes, course.syringe_kpa / 1000, color="black", linewidth=1.2, label="syringe")
    axes.set_xlabel("minutes after mixing")
    axes.set_ylabel("pressure [MPa]")
    axes.set_ylim(bottom=0)
    flow = axes.twinx()
    flow.plot(course.minutes, course.flow_ml_per_min, color="#009E73", linestyle="--", label="flow")
    flow.set_ylabel("flow [mL/min]")
    flow.set_ylim(bottom=0, top=1.3 * float(course.flow_ml_per_min.max()))
    handles = [*axes.get_legend_handles_labels()[0], *flow.get_legend_handles_labels()[0]]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8)
    share = float((course.cannula_kpa / course.syringe_kpa).mean())
    axes.set_title(
        f"{_level(injection)}: {100 * share:.0f} % of the pressure is lost in the cannula (mean)", fontsize=9
    )
    top = int(course.syringe_kpa.argmax())
    rows = tuple(
        (name, f"{value / 1000:.3f}")
        for name, value in (
            ("syringe", course.syringe_kpa[top]),
            ("cannula", course.cannula_kpa[top]),
            ("bone", course.tip_kpa[top]),
        )
    )
    alt = f"Pressure over time; at most {course.syringe_kpa[top] / 1000:.2f} MPa at the syringe. {NOT_CALIBRATED}."
    return Picture(
        "injection_pressures", "Pressures", png_of(figure), alt, Table("Pressures", ("at the highest", "MPa"), rows)
    )


def draw_leak_shares(leaks: LeakShares) -> Picture:
    """Shares of simulated runs by path with their intervals, by permeability, beside published rates, and by volume."""
    figure = Figure(figsize=(11, 4.8), layout="constrained")
    figure.suptitle(
        f"{leaks.plan.level.name}, {len(leaks.draws)} runs, {leaks.asked_ml:.1f} mL: {leaks.words}", fontsize=8
    )
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    names = ["any" if one.path is None else PATH_WORDS[one.path] for one in leaks.paths]
    for at, one in enumerate(leaks.paths):
        _draw_share(left, at, one, first=at == 0)
    left.set_yticks(range(len(names)), names)
    left.invert_yaxis()
    left.set_xlim(-2, 102)
    left.set_xlabel("share of simulated runs [%]; diamonds: published, of patients or levels [%]")
    for one in leaks.paths:
        if one.has_opening and (one.path is None or one.share.leaked):
            volumes = [0.0, *(volume for volume, _ in one.by_volume)]
            colour = "black" if one.path is None else COLOURS[one.path]
            marker = "." if one.path is None else MARKERS[one.path]
            name = "any" if one.path is None else PATH_WORDS[one.path]
            shares = [0.0, *(100 * share.value for _, share in one.by_volume)]
            right.plot(volumes, shares, color=colour, marker=marker, label=name)
    right.set_xlabel("cement given [mL]")
    right.set_ylabel("share of simulated runs [%]")
    right.set_ylim(-2, 102)
    right.legend(fontsize=8)
    handles, words = left.get_legend_handles_labels()
    figure.legend(handles, words, loc="outside lower center", ncols=5, fontsize=8)
    rows = tuple(_share_row(name, one) for name, one in zip(names, leaks.paths, strict=True))
    head = ("path", "share of simulated runs", "95 % interval", "low / middle / high permeability", "published")
    some = leaks.paths[0].share
    alt = f"{some.leaked} of {some.runs} simulated runs leaked; {NOT_CALIBRATED}."
    return Picture("leak_shares", "Leaks under doubt", png_of(figure), alt, Table(leaks.words, head, rows))


def _share_row(name: str, one: PathShare) -> tuple[str, ...]:
    low, high = one.share.interval
    scenarios = " / ".join(f"{100 * share.value:.0f} %" for _, share in one.by_scenario)
    published = "; ".join(f"{rate.percent:g} % {rate.what}" for rate in one.published) or "none read"
    value = f"{100 * one.share.value:.0f} %" if one.has_opening else "no opening in the model"
    return name, value, f"{100 * low:.0f} to {100 * high:.0f} %", scenarios, published


def _draw_share(axes: Axes, at: int, one: PathShare, *, first: bool) -> None:
    if not one.has_opening:
        axes.text(1, at, "no opening in the model", va="center", fontsize=8, color="0.35")
    else:
        low, high = (100 * value for value in one.share.interval)
        value = 100 * one.share.value
        colour = "black" if one.path is None else COLOURS[one.path]
        axes.barh(at, value, height=0.5, color=colour, alpha=0.55)
        label = "95 % interval, of the number of runs alone" if first else None
        axes.plot([low, high], [at, at], color="black", linewidth=1.2, label=label)
        marks = {Scenario.LOW: "<", Scenario.MIDDLE: "|", Scenario.HIGH: ">"}
        for scenario, share in one.by_scenario:
            name = f"{scenario.value} permeability" if first else None
            axes.plot(100 * share.value, at + 0.33, marks[scenario], color="0.2", markersize=7, label=name)
    for number, rate in enumerate(one.published):
        label = "published" if first and number == 0 else None
        axes.plot(rate.percent, at - 0.33, "D", color="#0072B2", markersize=5, label=label)


def _show_view(axes: Axes, spine: Spine, injection: BodyInjection, view: str, there: Any) -> None:
    """CT through the first tip; the outline of the whole body and all cement, both looked through along the view."""
    flow, (along, across, up, turn, letters) = injection.flow, _VIEWS[view]
    geometry = flow.geometry
    tip = np.rint(geometry.indices(np.array(injection.schedule[0].needle.tip_mm))).astype(int)
    cells = np.moveaxis(np.indices(geometry.shape), 0, -1).take(tip[along], axis=along)
    assert spine.ct is not None
    grey = spine.ct.sample(geometry.points(cells))
    bone = flow.bone.any(axis=along)
    cement = there.any(axis=along).astype(float)
    order = (0, 1) if across < up else (1, 0)
    extents = [_millimetres(injection, axis) for axis in (across, up)]
    fields = [np.transpose(field, order).T for field in (grey, bone.astype(float), cement)]
    x, y = extents
    half = float(geometry.spacing_mm[0]) / 2
    box = (x[0] - half, x[-1] + half, y[0] - half, y[-1] + half)
    axes.imshow(fields[0], origin="lower", extent=box, cmap="gray", vmin=WINDOW_HU[0], vmax=WINDOW_HU[1])
    axes.contour(x, y, fields[1], levels=[0.5], colors="#F0E442", linewidths=0.9)
    shown = np.ma.masked_equal(fields[2], 0.0)
    axes.imshow(shown, origin="lower", extent=box, cmap="spring", vmin=0, vmax=1, alpha=0.65)
    for portion in injection.schedule:
        place = _local(injection, np.array(portion.needle.tip_mm))
        axes.plot(place[across], place[up], "+", color="white", markersize=9, markeredgewidth=1.6)
    if turn < 0:
        axes.invert_xaxis()
    axes.set_xticks([])
    axes.set_yticks([])
    for letter, (a, b) in zip(letters, ((0.04, 0.5), (0.96, 0.5), (0.5, 0.95), (0.5, 0.05)), strict=True):
        style: dict[str, Any] = {"color": "white", "fontweight": "bold", "fontsize": 10, "transform": axes.transAxes}
        axes.text(a, b, letter, ha="center", va="center", **style)


def _mark_openings(axes: Axes, injection: BodyInjection, view: str) -> None:
    _, across, up, _, _ = _VIEWS[view]
    flow = injection.flow
    leaked = {leak.outlet.name: leak.volume_ml for leak in injection.result.leaks}
    for opening in flow.openings:
        cells = np.argwhere(flow.labels == opening.label)
        if not len(cells):
            continue
        place = _local(injection, flow.geometry.points(cells)).mean(axis=0)
        volume = leaked.get(opening.name, 0.0)
        colour = COLOURS[opening.path]
        axes.plot(
            place[across], place[up], MARKERS[opening.path], color=colour, markersize=8, linestyle="none",
            markerfacecolor=colour if volume > 0 else "none", markeredgewidth=1.6,
            label=f"{opening.name}: {volume:.2f} mL",
        )  # fmt: skip


def _local(injection: BodyInjection, points: Floats) -> Floats:
    """Patient points along the grid's axes (front, left, head). [mm]"""
    return np.asarray(injection.flow.frame.to_local(points)[..., (1, 2, 0)])


def _millimetres(injection: BodyInjection, axis: int) -> Floats:
    """Centres of the voxels along one axis of the grid. [mm]"""
    geometry = injection.flow.geometry
    cells = np.zeros((geometry.shape[axis], 3))
    cells[:, axis] = np.arange(geometry.shape[axis])
    return np.asarray(_local(injection, geometry.points(cells))[:, axis])


def _mean(there: Any, injection: BodyInjection, axis: int) -> float:
    cells = np.argwhere(there)
    if not len(cells):
        return float("nan")
    return float(_local(injection, injection.flow.geometry.points(cells))[:, axis].mean())


def _level(injection: BodyInjection) -> str:
    return injection.plan.level.name
