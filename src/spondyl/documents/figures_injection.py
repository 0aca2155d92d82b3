"""A picture of an injection: cement in three planes of voxels through the tip, and its pressures."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spondyl.documents.figures import png_of
from spondyl.simulation.injection_records import InjectionResult

_PLANES = ((0, "j", "k"), (1, "i", "k"), (2, "i", "j"))


def draw_injection(found: InjectionResult, bone: NDArray[np.bool_], tip_mm: tuple[float, float, float]) -> bytes:
    """A PNG: saturation in the planes through the tip with the bone's outline, and pressure over time below."""
    figure = Figure(figsize=(11, 7), layout="constrained")
    grid = figure.add_gridspec(2, 3, height_ratios=(3, 2))
    cell = np.rint(found.geometry.indices(np.array(tip_mm))).astype(int)
    spacing = found.geometry.spacing_mm
    outside = np.isnan(found.entered_min) & (found.saturation == 0)
    shown = None
    for column, (axis, across, up) in enumerate(_PLANES):
        axes = figure.add_subplot(grid[0, column])
        first, second = (other for other in range(3) if other != axis)
        field = np.ma.masked_where(outside, found.saturation).take(cell[axis], axis=axis)
        extent = (0.0, field.shape[0] * spacing[first], 0.0, field.shape[1] * spacing[second])
        shown = axes.imshow(field.T, origin="lower", extent=extent, vmin=0, vmax=1, cmap="magma", aspect="equal")
        axes.set_facecolor("0.85")
        if bone.take(cell[axis], axis=axis).any():
            body = np.pad(bone.take(cell[axis], axis=axis).T, 1).astype(float)
            centres = [(np.arange(body.shape[1 - at]) - 0.5) * spacing[of] for at, of in enumerate((first, second))]
            axes.contour(*centres, body, levels=[0.5], colors="tab:blue", linewidths=1)
        at = (cell[[first, second]] + 0.5) * spacing[[first, second]]
        axes.plot(*at, "+", color="cyan", markersize=10)
        axes.set_xlabel(f"{across} [mm]")
        axes.set_ylabel(f"{up} [mm]")
        axes.set_title(f"plane {'ijk'[axis]} = {cell[axis]}")
    assert shown is not None
    figure.colorbar(shown, ax=figure.axes, label="cement's share of the pores", shrink=0.8)
    axes = figure.add_subplot(grid[1, :])
    course = found.course
    for name, values in (("syringe", course.syringe_kpa), ("cannula", course.cannula_kpa), ("tip", course.tip_kpa)):
        axes.plot(course.minutes, values, marker=".", label=name)
    axes.set_xlabel("minutes after mixing")
    axes.set_ylabel("pressure [kPa]")
    axes.set_ylim(bottom=0)
    axes.legend()
    leaked = sum(leak.volume_ml for leak in found.leaks)
    axes.set_title(
        f"{found.injected_ml:.2f} of {found.asked_ml:.2f} mL in, {leaked:.3f} mL left the bone "
        "(a model, not calibrated on patients)"
    )
    return png_of(figure)
