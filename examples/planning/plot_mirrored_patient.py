"""
A patient in the mirror
=======================

The worst error a plan can make is a needle on the wrong side. So we plan the same patient twice: once as made, once
with left and right exchanged in the image's position (its affine), not in its voxels. Every needle must change sides,
with the same class and the same room.

The patient is virtual: L1 with a left pedicle that is as wide as the right one; what differs between the sides is how
the voxels lie over the bone.
"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from spondyl.planning import NeedlePath, Plan, plan_augmentation
from spondyl.space import Geometry, Volume
from spondyl.spine import build_spine
from spondyl.studies import LabelImage
from spondyl.synthetic import ScanSpec, VirtualSpineSpec, make_virtual_patient

MIRROR = np.diag([-1.0, 1.0, 1.0, 1.0])  # LPS: x is the patient's left


def plans() -> tuple[Plan, Plan]:
    """The plan of the patient and that of the mirror image."""
    scan = ScanSpec(in_plane_mm=1.0, slice_step_mm=1.0, margin_side_mm=5, margin_front_mm=5)
    labels = make_virtual_patient(VirtualSpineSpec(levels=("L1",), scan=scan), np.random.default_rng(6)).labels
    turned = Volume(labels.array, Geometry(MIRROR @ labels.geometry.affine, labels.geometry.shape), labels.unit)
    one, other = (
        plan_augmentation(build_spine(None, labels=LabelImage(image, None), label_map="verse"), "L1")
        for image in (labels, turned)
    )
    return one, other


def pairs(one: Plan, other: Plan) -> list[tuple[NeedlePath, NeedlePath]]:
    """Each needle with that on the other side of the mirror image."""
    return [(path, next(p for p in other.needles if p.side is not path.side)) for path in one.needles]


# %%
# Entries and tips fall on one another once the mirror image is turned back. Where two lines have nearly the same room
# (here on the left: 1.88 and 1.91 mm), a tenth of a millimetre decides, and the tip may end a few millimetres further.


def draw(one: Plan, other: Plan) -> Figure:
    """Needles from below, front up, the patient's right on the left; the mirror image turned back is dashed."""
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    for path, opposite in pairs(one, other):
        ends = np.stack([path.entry, path.target])
        back = np.stack([opposite.entry, opposite.target]) * [-1, 1, 1]
        axes.plot(ends[:, 0], -ends[:, 1], linewidth=4, label=f"{path.side.value}")
        axes.plot(back[:, 0], -back[:, 1], "k--", label=f"{opposite.side.value} of the mirror image")
    axes.set_aspect("equal")
    axes.set_xlabel("R   [mm]   L")
    axes.set_ylabel("to the front [mm]")
    axes.set_title("L1, planned twice (virtual patient)")
    axes.legend(fontsize=8)
    return figure


if __name__ == "__main__":
    draw(*plans()).savefig("mirrored_patient.png", dpi=150)
