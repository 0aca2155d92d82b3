"""
Which needle for which level
============================

A needle that passes the pedicle with a hand's breadth at L2 may have no room at all at T11. How does the class of a
path, by its distance to the spinal canal, change with the gauge along one spine?

The patient is virtual: T11 to L2, made by code, so nobody's CT is shown. `plan_augmentation` looks for one needle on
each side of each level. Class A keeps 2 mm to the canal, B 1 mm, C passes; a side without a path is refused with what
limits it, and with the thickest needle that would pass.
"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from spondyl.planning import AccessClass, Plan, plan_augmentation
from spondyl.spine import Side, build_spine
from spondyl.studies import LabelImage
from spondyl.synthetic import ScanSpec, VirtualSpineSpec, make_virtual_patient

LEVELS, GAUGES = ("T11", "T12", "L1", "L2"), (8, 11, 13)
HEIGHTS = {AccessClass.A: 3, AccessClass.B: 2, AccessClass.C: 1}

# %%
# The label map alone is enough: without a CT the plan says that air and metal were not looked at.


def plans() -> dict[tuple[str, int], Plan]:
    """A plan for each level and gauge."""
    scan = ScanSpec(in_plane_mm=1.2, slice_step_mm=1.2, margin_side_mm=5, margin_front_mm=5)
    patient = make_virtual_patient(VirtualSpineSpec(levels=LEVELS, scan=scan), np.random.default_rng(3))
    spine = build_spine(None, labels=LabelImage(patient.labels, None), label_map="verse")
    return {(level, gauge): plan_augmentation(spine, level, gauge=gauge) for level in LEVELS for gauge in GAUGES}


def class_height(plan: Plan, side: Side) -> int:
    """0 where the side was refused, 1 to 3 for the classes C to A."""
    return next((HEIGHTS.get(path.access_class, 0) for path in plan.needles if path.side is side), 0)


# %%
# Thicker needles lose room on both sides of the pedicle: 8 G is 1.8 mm thicker than 13 G.


def draw(found: dict[tuple[str, int], Plan]) -> Figure:
    """Classes along the spine, one line a gauge, the patient's right on the left."""
    figure = Figure(figsize=(7, 3), layout="constrained")
    for axes, side in zip(figure.subplots(1, 2, sharey=True), (Side.RIGHT, Side.LEFT), strict=True):
        for gauge, marker in zip(GAUGES, "so^", strict=True):
            heights = [class_height(found[level, gauge], side) for level in LEVELS]
            axes.plot(LEVELS, heights, marker=marker, label=f"{gauge} G")
        axes.set_title(f"{side.value} side (virtual patient)")
        axes.set_ylim(-0.3, 3.3)
        axes.set_yticks(range(4), ["no path", "C", "B", "A"])
    axes.legend()
    return figure


if __name__ == "__main__":
    draw(plans()).savefig("gauge_and_class.png", dpi=150)
