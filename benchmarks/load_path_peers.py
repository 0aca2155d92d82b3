"""A load path by von Mises beside CalculiX on the same voxels: curves, seconds of all cores, and of the clock.

Usage: python -m benchmarks.load_path_peers [VOXEL_MM ...] [--steps N] [--cap-minutes N] [--threads N] [--level NAME]
       [--only NAME ...]

The body is that of `benchmarks.load_path`, and needs SPONDYL_DATA and `ccx`. Both take bricks of eight nodes with eight
points (C3D8: no mean dilatation), small strains and the same steps; one point a voxel is printed beside. CalculiX
eliminates directly and has its own measure of balance (0.5 % of the mean force by default); ours is a residual of 1e-3.
It is stopped after so many minutes of the clock; then its time is told as more than that. The plastic mode of
parosol-py, where it is installed, has no steps: each displacement is a run of its own from the whole body. Its law
has a yield stress in compression and one in tension, here the same; eight points a voxel.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmarks.elasticity_peers import core_seconds
from benchmarks.load_path import RESIDUAL, spine
from spondyl.documents.calculix import write_inp
from spondyl.numerics.plasticity import VON_MISES
from spondyl.simulation import BoneModel, build_bone_model, follow_load_path

PROGRAMS = ("full", "one_point", "calculix", "parosol-py")


def ours(bone: BoneModel, steps: int, integration: str) -> np.ndarray:
    """Reactions of all steps. [N]"""
    found = follow_load_path(
        bone.model, bone.yield_stress, law=VON_MISES, steps=steps, integration=integration, tolerance=RESIDUAL
    )
    assert found.curve is not None
    return np.array([point.reaction_n for point in found.curve])


def calculix(bone: BoneModel, steps: int, threads: int, cap_s: float) -> np.ndarray:
    """Reactions of the steps that it made in time. [N]"""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write_inp(place / "model.inp", bone.model, yield_stress=bone.yield_stress, steps=steps)
        surroundings = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        stopped = False
        with (place / "said").open("w") as said:
            run = subprocess.Popen(["ccx", "model"], cwd=folder, env=surroundings, stdout=said, stderr=said)
            try:
                run.wait(cap_s)
            except subprocess.TimeoutExpired:
                run.kill()
                run.wait()
                stopped = True
        printed = place / "model.dat"
        forces = read_forces(printed.read_text() if printed.is_file() else "")
        if not stopped and (run.returncode or len(forces) < steps):
            last = (place / "said").read_text()[-2000:]
            raise SystemExit(f"ccx ended by itself with {run.returncode} after {len(forces)} of {steps} steps:\n{last}")
    return forces


def read_forces(printed: str) -> np.ndarray:
    """Total forces along z of all whole blocks of a `.dat` file; a program that is killed may leave the last broken."""
    found = []
    for block in printed.split("total force")[1:]:
        lines = block.split("\n")
        if len(lines) < 4 or len(lines[2].split()) < 3:  # the line of numbers has an end
            break
        found.append(-float(lines[2].split()[2]))
    return np.array(found)


def parosol(bone: BoneModel, steps: int, threads: int, cap_s: float) -> np.ndarray:
    """Reactions of the displacements that it came to in time, each found apart. [N]"""
    import parosol_py
    from parosol_py.nonlinear import DensityNonlinearMaterialMap, NonlinearSolverOptions

    box, model = bone.model.box, bone.model
    modulus, stress = model.modulus[box], np.where(model.parts[box] > 0, bone.yield_stress.array[box], 0.0)
    material = DensityNonlinearMaterialMap(
        modulus, model.poisson[box], stress, stress, stress, (modulus > 0).astype(np.uint16), {"preset": "voxels"}
    )
    height, begun, found = model.edges[2] * modulus.shape[2], time.perf_counter(), []
    for step in range(1, steps + 1):
        if time.perf_counter() - begun > cap_s:
            break
        with tempfile.TemporaryDirectory() as folder:
            result = parosol_py.solve(
                material=modulus.astype(np.float32), spacing=model.edges, array_order="xyz",
                poisson_ratio=model.poisson[box], strain=model.displacement_mm * step / steps / height,
                tolerance=1e-6, mpi_processes=threads, outputs=("forces",), work_dir=folder,
                nonlinear_material=material, nonlinear_solver=NonlinearSolverOptions(),
            )  # fmt: skip
        said = result.diagnostics
        print("   ", said["nonlinear"], flush=True)
        found.append(abs(float(said["mechanics"]["reaction_force"]["z"])))
    return np.array(found)


def main() -> None:
    """Print the curves and times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("voxels_mm", nargs="*", type=float, default=[2.0])
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--cap-minutes", type=float, default=30.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--level", default="T9")
    parser.add_argument("--only", nargs="+", choices=PROGRAMS, default=PROGRAMS)
    asked = parser.parse_args()
    for integration in ("full", "one_point"):
        ours(build_bone_model(spine(), asked.level, voxel_mm=3.0), 2, integration)  # compiles
    for voxel_mm in asked.voxels_mm:
        bone = build_bone_model(spine(), asked.level, voxel_mm=voxel_mm)
        print(f"{voxel_mm:g} mm, {int((bone.model.parts > 0).sum())} voxels, load {os.getloadavg()[0]:.1f}", flush=True)
        first: np.ndarray | None = None
        for name in asked.only:
            cores, clock = core_seconds(), time.perf_counter()
            if name == "parosol-py" and find_spec("parosol_py") is None:
                print(f"  {name:<10} is not installed")
                continue
            if name == "parosol-py":
                curve = parosol(bone, asked.steps, asked.threads, 60 * asked.cap_minutes)
            elif name == "calculix":
                curve = calculix(bone, asked.steps, asked.threads, 60 * asked.cap_minutes)
            else:
                curve = ours(bone, asked.steps, name)
            cores, clock = core_seconds() - cores, time.perf_counter() - clock
            first = curve if first is None else first
            apart = np.abs(curve / first[: len(curve)] - 1).max(initial=0.0)
            made = "" if len(curve) == asked.steps else f" MORE THAN: {len(curve)} of {asked.steps} steps made"
            print(
                f"  {name:<10}{cores:9.2f} core s {clock:9.2f} s by the clock{made}, at most {apart:.2e} from full",
                flush=True,
            )
            print("   ", " ".join(f"{force:.1f}" for force in curve), flush=True)


if __name__ == "__main__":
    main()
