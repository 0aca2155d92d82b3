"""How balloons and the untreated year grow with finer voxels: CPU seconds and peak memory, on a virtual wedged L1.

Usage: python -m benchmarks.course_growth balloon|year [VOXEL_MM ...]; left out: 2 1 0.5. Each size runs in a process of
its own, once for compilation and once for the figure, so that its peak is its own. Required on two cores, warm: balloon
inflated, emptied and filled at 1 mm in 45 s (goal 25), the year in 20 s, all below 3 GB.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace

from benchmarks.balloon import PRELOAD_N, make_wedge
from spondyl.planning import no_treatment
from spondyl.simulation import (
    BalloonSettings,
    break_bone,
    build_bone_model,
    damage_by_loading,
    inflate_balloons,
    press_bone,
    simulate,
    simulate_injection,
    start_courses,
)
from spondyl.simulation.lifted import follow_lift, lifted_flow
from spondyl.studies import Patient


def balloon(voxel_mm: float) -> Callable[[], str]:
    """Inflated under 110 N, emptied, and 4 mL of cement let into what is left; flow at 1 mm."""
    spine, plan = make_wedge()
    bone = build_bone_model(spine, plan.level, voxel_mm=voxel_mm)
    body = break_bone(bone, damage_by_loading(bone, press_bone(bone)))
    inflate_balloons(body, plan, preload_n=0.0, settings=BalloonSettings(volume_ml=0.8))
    flow = start_courses(spine, plan.level).flow(1.0)

    def run() -> str:
        lift = inflate_balloons(body, plan, preload_n=PRELOAD_N)
        simulate_injection(spine, plan, volume_ml=4.0, flow=lifted_flow(flow, follow_lift(lift), plan))
        return f"front {lift.lift_mm(lift.inflated)[0]:.2f} mm inflated, {lift.lift_mm()[0]:.2f} mm kept"

    return run


def year(voxel_mm: float) -> Callable[[], str]:
    """The untreated year of 400 runs, with the compliances that it needs; the broken body is there already."""
    spine, plan = make_wedge()
    assert spine.study is not None
    spine = replace(spine, study=replace(spine.study, patient=Patient(weight_kg=60.0, height_cm=160.0)))
    simulate(spine, no_treatment(plan.level), voxel_mm=3.0)
    start = start_courses(spine, plan.level, voxel_mm=voxel_mm)

    def run() -> str:
        front = simulate(spine, no_treatment(plan.level), start=start).heights[0].front_mm
        return f"front {front.middle[-1]:.2f} mm lost after a year ({front.low[-1]:.2f} to {front.high[-1]:.2f})"

    return run


def main() -> None:
    """Print a line for each size."""
    what, sizes = sys.argv[1], sys.argv[2:] or ["2", "1", "0.5"]
    if what not in ("balloon", "year"):
        raise SystemExit("give 'balloon' or 'year'")
    if len(sizes) > 1:
        for size in sizes:
            subprocess.run([sys.executable, "-m", "benchmarks.course_growth", what, size], check=True)
        return
    voxel_mm = float(sizes[0])
    run = (balloon if what == "balloon" else year)(voxel_mm)
    begun, clock = time.process_time(), time.perf_counter()
    told = run()
    seconds, wall = time.process_time() - begun, time.perf_counter() - clock
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"{what} {voxel_mm:g} mm  {seconds:6.1f} CPU s  {wall:6.1f} s  peak {peak:.2f} GB  {told}", flush=True)


if __name__ == "__main__":
    main()
