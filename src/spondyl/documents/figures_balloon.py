"""A picture of balloons in a body: a sagittal cut before, inflated and deflated under load, and pressure by volume."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spondyl.documents.course_models import CourseModel
from spondyl.documents.figures import Picture, png_of
from spondyl.documents.tables import Table
from spondyl.findings.heights import SITES
from spondyl.simulation import BalloonLift

Array = NDArray[Any]

NOT_CALIBRATED = "a model, not calibrated on patients; the fracture is assumed"
_LARGEST = 0.4  # density that is drawn darkest [g/cm³]
_MARGIN_MM = 4.0
_COLOURS = ("#0072B2", "#D55E00", "#009E73")


def draw_balloons(lift: BalloonLift) -> Picture:
    """The voxels of the sagittal plane through the first balloon where they lie in each phase, and the gauge."""
    figure = Figure(figsize=(12, 3.8), layout="constrained")
    level = lift.body.bone.level.name
    figure.suptitle(
        f"{level}: balloons under {lift.preload_n:.0f} N, red: the broken plane ({NOT_CALIBRATED})", fontsize=9
    )
    column = _plane_of_cavity(lift)
    phases = (
        ("before", np.zeros_like(lift.displacement), None),
        ("inflated", lift.displacement_inflated, lift.inflated),
        ("deflated", lift.displacement, lift.deflated),
    )
    for place, (name, displacement, heights) in enumerate(phases):
        axes = figure.add_subplot(1, 4, place + 1)
        _show_cut(axes, lift, displacement, column)
        gain = "" if heights is None else f", front {lift.lift_mm(heights)[0]:+.1f} mm"
        axes.set_title(f"{name}{gain}", fontsize=9)
    _show_gauge(figure.add_subplot(1, 4, 4), lift)
    rows = tuple(
        (
            stage.phase,
            ", ".join(f"{volume:.2f}" for volume in stage.volumes_ml),
            ", ".join(f"{pressure:.2f}" for pressure in stage.pressures_mpa),
            *(f"{gain:+.2f}" for gain in stage.lift_mm),
        )
        for stage in lift.stages
    )
    head = ("phase", "volumes [mL]", "gauges [MPa]", *(f"{site} [mm]" for site in SITES))
    alt = (
        f"Sagittal cuts of {level} before, inflated and deflated under {lift.preload_n:.0f} N, and pressure by volume: "
        f"the front gains {lift.lift_mm(lift.inflated)[0]:.1f} mm and keeps {lift.lift_mm()[0]:.1f} mm."
    )
    table = Table("Stages of the balloons", head, rows, (*lift.warnings, *lift.assumptions))
    return Picture("balloons", "Balloons in the body", png_of(figure), alt, table)


def draw_inflation(course: CourseModel) -> Picture:
    """Gauge of each balloon with the rated pressure, and lift of the front over the volume, stage by stage."""
    told = course.balloons
    assert told is not None  # a course with balloons
    figure = Figure(figsize=(6.6, 2.8), layout="constrained")
    gauge, lift = figure.subplots(1, 2)
    names = told.sides or tuple(f"balloon {number + 1}" for number in range(len(told.stages[0].volumes_ml)))
    for phase, style in (("inflation", "-o"), ("deflation", "--")):
        stages = [stage for stage in told.stages if stage.phase == phase]
        for balloon, name in enumerate(names):
            x = [stage.volumes_ml[balloon] for stage in stages]
            y = [stage.pressures_mpa[balloon] for stage in stages]
            label = f"{name}, {phase}"
            gauge.plot(x, y, style, color=_COLOURS[balloon % len(_COLOURS)], markersize=3, label=label)
        volumes = [sum(stage.volumes_ml) for stage in stages]
        lift.plot(volumes, [stage.lift_mm[0] for stage in stages], style, color="#404040", markersize=3, label=phase)
    if told.rated_mpa:
        gauge.axhline(min(told.rated_mpa), color="#B00020", linewidth=0.9)
        gauge.text(0.98, min(told.rated_mpa), "rated: inflation ends", transform=gauge.get_yaxis_transform(),
                   fontsize=7, ha="right", va="bottom", color="#B00020")  # fmt: skip
        gauge.set_ylim(top=1.12 * max(min(told.rated_mpa), *(max(stage.pressures_mpa) for stage in told.stages)))
    for axes, across, up in (
        (gauge, "volume of a balloon [mL]", "gauge [MPa]"),
        (lift, "volume in all balloons [mL]", "lift of the front [mm]"),
    ):
        axes.set_xlabel(across, fontsize=8)
        axes.set_ylabel(up, fontsize=8)
        axes.tick_params(labelsize=8)
        axes.set_ylim(bottom=0)
        axes.legend(fontsize=7, frameon=False)
    head = ("Phase", "Volumes [mL]", "Gauges [MPa]", "Front, middle, back [mm]")
    rows = tuple(
        (
            stage.phase,
            ", ".join(f"{volume:.2f}" for volume in stage.volumes_ml),
            ", ".join(f"{pressure:.2f}" for pressure in stage.pressures_mpa),
            ", ".join(f"{gain:+.1f}" for gain in stage.lift_mm),
        )
        for stage in told.stages
    )
    front = told.regained[0].lift_mm
    return Picture(
        f"course-balloons-{course.level}",
        f"{course.level}: balloons inflated and emptied under {told.preload_n:.0f} N ({NOT_CALIBRATED})",
        png_of(figure),
        f"Lines of gauge pressure and of the lift of the front of {course.level} over the balloons' volume: up to "
        f"{told.lift_inflated_mm[0]:.1f} mm inflated, {front:.1f} mm once empty."
        + (f" Rated for {min(told.rated_mpa):.2f} MPa." if told.rated_mpa else ""),
        Table(f"{course.level}: stages of the balloons", head, rows, told.warnings),
    )


def _plane_of_cavity(lift: BalloonLift) -> int:
    """Index of the sagittal plane that holds most of the first balloon's cavity, on the grid of the bone."""
    share = lift.cavity.array.sum(axis=(0, 2))
    return int(share.argmax())


def _show_cut(axes: Axes, lift: BalloonLift, displacement: Array, column: int) -> None:
    """Voxels of one plane across the left axis, moved; seen from the left side, the front at the left."""
    bone = lift.body.bone
    edge = bone.voxel_mm
    there = bone.model.modulus[:, column] > 0
    density = bone.density.array[:, column]
    shown = np.ma.masked_where(~there, np.where(density > 0, density, np.nan))
    shown[lift.seated[:, column]] = np.ma.masked
    x, z = np.meshgrid(*(edge * np.arange(n) for n in np.array(there.shape) + 1), indexing="ij")
    moved = displacement[:, :, column : column + 2].mean(axis=2)
    axes.set_facecolor("#dfe8f2")
    axes.pcolormesh(-(x + moved[0]), z + moved[2], shown, cmap="gray_r", vmin=0, vmax=_LARGEST)
    caps = np.ma.masked_where(~(there & (density == 0)), np.ones_like(density))
    axes.pcolormesh(-(x + moved[0]), z + moved[2], caps, cmap="Blues", vmin=0, vmax=3)
    plane = np.ma.masked_where(~lift.body.parted[:, column], np.ones_like(density))
    axes.pcolormesh(-(x + moved[0]), z + moved[2], plane, cmap="Reds", vmin=0, vmax=2, alpha=0.6)
    axes.set_aspect("equal")
    planes, rows = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
    axes.set_xlim(-edge * (planes[-1] + 1) - _MARGIN_MM, -edge * planes[0] + _MARGIN_MM)
    axes.set_ylim(edge * rows[0] - _MARGIN_MM, edge * (rows[-1] + 1) + 2 * _MARGIN_MM)
    axes.set_xticks([])
    axes.set_yticks([])
    for words, place in (("A", (0.02, 0.5)), ("P", (0.95, 0.5)), ("H", (0.49, 0.94)), ("F", (0.49, 0.02))):
        axes.text(*place, words, transform=axes.transAxes, fontsize=8, color="#333333")


def _show_gauge(axes: Axes, lift: BalloonLift) -> None:
    """Gauge pressure over volume of each balloon; dashed while it is emptied."""
    for balloon, colour in zip(range(len(lift.stages[0].volumes_ml)), _COLOURS, strict=False):
        for phase, style in (("inflation", "-o"), ("deflation", "--")):
            stages = [stage for stage in lift.stages if stage.phase == phase]
            name = f"balloon {balloon + 1}" if phase == "inflation" else None
            volumes = [stage.volumes_ml[balloon] for stage in stages]
            pressures = [stage.pressures_mpa[balloon] for stage in stages]
            axes.plot(volumes, pressures, style, color=colour, markersize=3, label=name)
    axes.set_xlabel("volume [mL]", fontsize=8)
    axes.set_ylabel("gauge [MPa]", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.legend(fontsize=8)
