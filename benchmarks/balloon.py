"""Balloons in a virtual L1 with a wedge deformity: inflation, deflation, and what is handed to the cement.

Usage: python -m benchmarks.balloon [VOXEL_MM ...] prints seconds by the clock and of CPU,
pressure and lift; asv runs the class at 2 mm.
Required at 1 mm on two cores: 45 s (goal 25).
"""

from __future__ import annotations

import sys
import time

import numpy as np

from spondyl.planning import Plan, plan_augmentation
from spondyl.simulation import BalloonLift, BalloonSettings, break_bone, build_bone_model, inflate_balloons
from spondyl.spine import Spine, build_spine
from spondyl.studies import LabelImage, Patient, Scan, Study
from spondyl.synthetic import WEDGE_30, ScanSpec, VertebraSpec, VirtualSpineSpec, make_virtual_patient

PRELOAD_N = 110.0  # of cases E07


def make_wedge(density_mg_cm3: float = 130.0) -> tuple[Spine, Plan]:
    """A virtual L1 pressed to a wedge of 30 %, with a plan of two balloons."""
    scan = ScanSpec(margin_side_mm=25, margin_front_mm=15)
    one = VertebraSpec(deformity=WEDGE_30, density_mg_cm3=density_mg_cm3)
    spec = VirtualSpineSpec(levels=("T12", "L1", "L2"), scan=scan, vertebrae={"L1": one})  # type: ignore[arg-type, dict-item]
    virtual = make_virtual_patient(spec, np.random.default_rng(0))
    study = Study(virtual.ct, Scan(kvp=120.0, contrast=False), Patient())
    labels, parts = LabelImage(virtual.labels, None), LabelImage(virtual.subregions, None)
    spine = build_spine(study, labels=labels, label_map="verse", subregions=parts)
    return spine, plan_augmentation(spine, "L1", course="kyphoplasty")


def lift_at(
    spine: Spine, plan: Plan, voxel_mm: float, preload_n: float = PRELOAD_N, settings: BalloonSettings | None = None
) -> BalloonLift:
    """Inflate and deflate at one size of voxels."""
    bone = build_bone_model(spine, plan.level, voxel_mm=voxel_mm)
    return inflate_balloons(break_bone(bone), plan, preload_n=preload_n, settings=settings)


class Balloons:
    """Time of one inflation and deflation, after compilation."""

    timeout = 600

    def setup(self) -> None:
        """Compile, and make the body."""
        self.spine, self.plan = make_wedge()
        self.bone = build_bone_model(self.spine, self.plan.level, voxel_mm=2.0)
        inflate_balloons(break_bone(self.bone), self.plan, preload_n=0.0, settings=BalloonSettings(volume_ml=0.8))

    def time_balloons(self) -> None:
        """One course."""
        inflate_balloons(break_bone(self.bone), self.plan, preload_n=PRELOAD_N)


def main() -> None:
    """Print seconds and results by voxel size."""
    spine, plan = make_wedge()
    lift_at(spine, plan, 2.0, settings=BalloonSettings(volume_ml=0.8))
    for voxel_mm in map(float, sys.argv[1:] or ["2", "1"]):
        begun, clock = time.process_time(), time.perf_counter()
        lift = lift_at(spine, plan, voxel_mm)
        seconds, elapsed = time.process_time() - begun, time.perf_counter() - clock
        inflated, kept = lift.lift_mm(lift.inflated), lift.lift_mm()
        gauge = max(max(stage.pressures_mpa) for stage in lift.stages)
        print(
            f"{voxel_mm:g} mm  {elapsed:6.1f} s  {seconds:6.1f} CPU s  {lift.stopped_by:<9} gauge {gauge:.2f} MPa  "
            f"front {inflated[0]:.2f} mm inflated, {kept[0]:.2f} mm kept; linear volume {lift.linear_volume_error:+.0%}"
        )


if __name__ == "__main__":
    main()
