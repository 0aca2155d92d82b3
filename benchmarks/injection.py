"""Cement injection: 4 mL into a body of 33 mL with an open defect, from 2 to 0.5 mm; draws of leaks and heat in a
virtual L1.

Usage: python -m benchmarks.injection [--many] prints CPU seconds and peak memory; asv runs the classes. With --many
all marrow at 0.5 mm and 200 draws by two processes are timed too. Goal at 1 mm on two cores: 0.5 s with lumped marrow,
3 s with all of it, 40 draws in 15 s and 200 in 60 s on the clock, less than 3 GB.
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np

from spondyl.planning import Plan, plan_augmentation
from spondyl.simulation import (
    FlowModel,
    LeakShares,
    build_flow_model,
    count_leaks,
    simulate_heat,
    simulate_injection,
)
from spondyl.simulation.cement import find_cement
from spondyl.simulation.injection import inject
from spondyl.simulation.injection_model import InjectionModel, build_injection_model
from spondyl.simulation.injection_records import InjectionResult, InjectionSettings, Needle, Portion
from spondyl.simulation.outlets import Outlet
from spondyl.space import Geometry, Volume
from spondyl.spine import Level, Spine, build_spine
from spondyl.studies import LabelImage, Patient, Scan, Study
from spondyl.studies.workers import Workers
from spondyl.synthetic import ScanSpec, VirtualSpineSpec, make_virtual_patient


def make_body(voxel_mm: float) -> InjectionModel:
    """An elliptic body, 46 x 34 x 27 mm, of even permeability with a defect of 6 x 6 mm in its upper end."""
    shape = tuple(int(length / voxel_mm) + 3 for length in (46, 34, 27))
    pose = np.diag([voxel_mm, voxel_mm, voxel_mm, 1.0])
    pose[:3, 3] = [-(n - 1) / 2 * voxel_mm for n in shape]
    grid = Geometry(pose, (shape[0], shape[1], shape[2]))
    x, y, z = np.moveaxis(grid.points(np.moveaxis(np.indices(shape), 0, -1)), -1, 0)
    inside = ((x / 23) ** 2 + (y / 17) ** 2 <= 1) & (abs(z) <= 13.5)
    top = z > z[inside].max()
    labels = top & (z < z[inside].max() + 1.5 * voxel_mm) & (abs(x) <= 3) & (abs(y) <= 3)
    return build_injection_model(
        Volume(np.where(inside, 2e-8, 0.0), grid, "m2"),
        Volume(np.where(inside, 0.9, 0.0), grid, "1"),
        outlet_labels=Volume(labels.astype(np.int16), grid, "1"),
        outlets={1: Outlet("defect", np.inf)},
        anisotropy=(0.78, 0.78, 1.0),
    )


def fill(model: InjectionModel, marrow: str) -> InjectionResult:
    """4 mL at 4 mL/min, 5 min after mixing, tip 8 mm below the defect."""
    schedule = [Portion(Needle((5.0, 0.0, 5.0)), 4.0, 4.0, 5.0)]
    return inject(model, schedule, find_cement("generic-medium"), InjectionSettings(marrow=marrow))  # type: ignore[arg-type]


def make_spine() -> Spine:
    """A virtual L1 between its neighbours, at 1 mm."""
    spec = VirtualSpineSpec(levels=(Level.T12, Level.L1, Level.L2), scan=ScanSpec(in_plane_mm=1.0, slice_step_mm=1.0))
    made = make_virtual_patient(spec, np.random.default_rng(4))
    study = Study(made.ct, Scan(kvp=120.0, contrast=False), Patient())
    return build_spine(study, labels=LabelImage(made.labels, None), label_map="verse")


def draw(spine: Spine, plan: Plan, flow: FlowModel, runs: int) -> LeakShares:
    """Draws of the plan's own volume, in this process."""
    return count_leaks(spine, plan, flow=flow, runs=runs)


class LeakDraws:
    """Time of 40 draws at 1 mm in one process, after compilation."""

    timeout = 300

    def setup(self) -> None:
        """Compile, and make the body."""
        self.spine = make_spine()
        self.plan = plan_augmentation(self.spine, "L1")
        self.flow = build_flow_model(self.spine, "L1")
        draw(self.spine, self.plan, self.flow, 1)

    def time_draws(self) -> None:
        """40 runs."""
        draw(self.spine, self.plan, self.flow, 40)


class Injection:
    """Time of one injection, after compilation."""

    timeout = 300
    params = ((2.0, 1.0), ("lumped", "full"))
    param_names = ("voxel_mm", "marrow")

    def setup(self, voxel_mm: float, marrow: str) -> None:
        """Compile, and make the body."""
        fill(make_body(4.0), marrow)
        self.model = make_body(voxel_mm)

    def time_injection(self, voxel_mm: float, marrow: str) -> None:
        """One injection."""
        fill(self.model, marrow)


def main() -> None:
    """Print the seconds of each case."""
    for marrow in ("lumped", "full"):
        fill(make_body(4.0), marrow)
        for voxel_mm in (2.0, 1.0, *((0.5,) if marrow == "lumped" or "--many" in sys.argv else ())):
            model = make_body(voxel_mm)
            begun = time.process_time()
            found = fill(model, marrow)
            seconds = time.process_time() - begun
            leaked = found.leaks[0].volume_ml
            cells = int(model.bone.sum())
            size = f"{voxel_mm} mm  {marrow:<7} {cells:>7} voxels  {found.steps:>3} steps"
            print(f"{size}  {seconds:6.2f} CPU s  leak {leaked:.3f} mL  peak {_peak_gb():.2f} GB so far", flush=True)
    draws = LeakDraws()
    draws.setup()
    begun = time.process_time()
    draws.time_draws()
    print(f"40 draws at 1 mm in one process  {time.process_time() - begun:6.2f} CPU s", flush=True)
    for voxel_mm in (2.0, 1.0, 0.5):
        made = simulate_injection(draws.spine, draws.plan, voxel_mm=voxel_mm)
        simulate_heat(draws.spine, made, minutes=0.1)
        begun = time.process_time()
        simulate_heat(draws.spine, made)
        print(f"{voxel_mm} mm  heat over 15 min  {time.process_time() - begun:6.2f} CPU s", flush=True)
    if "--many" in sys.argv:
        for runs in (40, 200):
            told = time.monotonic()
            with Workers(2) as workers:
                count_leaks(draws.spine, draws.plan, flow=draws.flow, runs=runs, workers=workers)
            print(
                f"{runs} draws at 1 mm by two new processes  {time.monotonic() - told:6.1f} s on the clock", flush=True
            )
    print(f"peak memory {_peak_gb():.2f} GB")


def _peak_gb() -> float:
    """Of this process since its start, with Python."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == "__main__":
    main()
