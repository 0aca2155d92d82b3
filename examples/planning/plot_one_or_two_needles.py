"""
One needle or two
=================

Cement may come through one needle whose tip lies near the midline, or through two, each filling its own half. One
needle is less work; it also has to cross the pedicle at a steeper angle. What does that cost in room beside the canal?

Tips are looked for in the anterior third of the body, halfway between the endplates. With `needles=1` they may lie
within a fifth of the half width from the midline, with `needles=2` from a fifth to three fifths out on the own side.
The patient is virtual: L2, made by code.
"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from spondyl.planning import Plan, Structure, plan_augmentation
from spondyl.spine import Spine, Vertebra, build_spine
from spondyl.studies import LabelImage
from spondyl.synthetic import ScanSpec, VirtualSpineSpec, make_virtual_patient


def plans() -> tuple[Vertebra, Plan, Plan]:
    """L2 with its plan for one needle, and that for two."""
    scan = ScanSpec(in_plane_mm=1.0, slice_step_mm=1.0, margin_side_mm=5, margin_front_mm=5)
    patient = make_virtual_patient(VirtualSpineSpec(levels=("L2",), scan=scan), np.random.default_rng(3))
    spine: Spine = build_spine(None, labels=LabelImage(patient.labels, None), label_map="verse")
    return spine["L2"], plan_augmentation(spine, "L2", needles=1), plan_augmentation(spine, "L2", needles=2)


# %%
# In the axes of the vertebra the angle inwards and the distance of the tip from the midline tell the difference.


def table(vertebra: Vertebra, plan: Plan) -> list[tuple[str, float, float, float]]:
    """Of each needle: side, tip's distance from the midline, angle inwards, clearance to the canal. [mm, deg, mm]"""
    assert vertebra.frame is not None
    rows = []
    for path in plan.needles:
        canal = path.clearance(Structure.CANAL)
        off = abs(float(vertebra.frame.to_local(path.target)[2]))
        rows.append((path.side.value, off, path.angles.vertebra_inward_deg, canal.value_mm if canal else np.nan))
    return rows


def draw(vertebra: Vertebra, one: Plan, two: Plan) -> Figure:
    """The vertebra's shadow seen from below, front up, the patient's right on the left."""
    assert vertebra.frame is not None
    bone = vertebra.frame.to_local(vertebra.mask.geometry.points(np.argwhere(vertebra.mask.array)))
    figure = Figure(figsize=(7, 4.4), layout="constrained")
    for axes, plan in zip(figure.subplots(1, 2, sharey=True), (one, two), strict=True):
        axes.plot(bone[::5, 2], bone[::5, 1], ".", color="0.85", markersize=2)
        for path, (*_, inward, canal) in zip(plan.needles, table(vertebra, plan), strict=True):
            ends = vertebra.frame.to_local(np.stack([path.entry, path.target]))
            axes.plot(ends[:, 2], ends[:, 1], linewidth=3, label=f"{inward:.0f}° inward, canal {canal:.1f} mm")
        axes.set_aspect("equal")
        axes.set_title(f"{len(plan.needles)} needle{'s' if len(plan.needles) > 1 else ''} (virtual patient)")
        axes.set_xlabel("R   [mm]   L")
        axes.legend(loc="lower center", fontsize=7)
    return figure


if __name__ == "__main__":
    draw(*plans()).savefig("one_or_two_needles.png", dpi=150)
