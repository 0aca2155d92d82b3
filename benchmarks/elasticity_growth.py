"""How time and memory of the linear solver grow from 2 mm to 0.25 mm on the benchmark's body: a table and a picture.

Usage: python -m benchmarks.elasticity_growth [--picture FILE.svg] [--threads N]

Each spacing runs in a process of its own, compiled before. Core seconds are of the solver alone, setup and solution;
memory is the greatest of the process, with Python, its libraries and the model.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.elasticity import RESIDUAL, body, ramp, unknowns
from spondyl.numerics.equilibrium import conjugate_gradients

SPACINGS_MM = (2.0, 1.0, 0.5, 0.25)


def measured(spacing: float, threads: int) -> dict[str, float]:
    """Of one solution in this process."""
    solve = conjugate_gradients(rtol=RESIDUAL, force_rtol=np.inf, threads=threads)
    problem = body(2.0)
    solve(problem, ramp(problem))
    problem = body(spacing)
    start = ramp(problem)
    cores, clock = time.process_time(), time.perf_counter()
    found = solve(problem, start)
    cores, clock = time.process_time() - cores, time.perf_counter() - clock
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {
        "spacing_mm": spacing,
        "unknowns": unknowns(problem),
        "iterations": found.iterations,
        "core_s": cores,
        "clock_s": clock,
        "memory_gib": memory,
    }


def draw(rows: list[dict[str, float]], place: Path) -> None:
    """Core seconds and memory over unknowns."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    count = [row["unknowns"] for row in rows]
    figure, left = plt.subplots(figsize=(6, 3.6), layout="constrained")
    left.loglog(count, [row["core_s"] for row in rows], "o-", color="C0")
    left.loglog(count, [rows[-1]["core_s"] * n / count[-1] for n in count], ":", color="C0")
    left.set_xlabel("unknowns (body at " + ", ".join(f"{row['spacing_mm']:g}" for row in rows) + " mm)")
    left.set_ylabel("core seconds (dotted: in proportion)", color="C0")
    right = left.twinx()
    right.loglog(count, [row["memory_gib"] for row in rows], "s--", color="C1")
    right.set_ylabel("greatest memory of the process [GiB]", color="C1")
    figure.savefig(place)


def main() -> None:
    """Print a table; draw it where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--one", type=float, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one is not None:
        print(json.dumps(measured(asked.one, asked.threads)))
        return
    print(f"load of the machine {os.getloadavg()[0]:.1f}, {asked.threads} threads")
    rows = []
    for spacing in SPACINGS_MM:
        command = [sys.executable, "-m", __spec__.name, "--one", str(spacing), "--threads", str(asked.threads)]
        rows.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
        print("  ".join(f"{name} {value:.4g}" for name, value in rows[-1].items()), flush=True)
    if asked.picture is not None:
        draw(rows, asked.picture)


if __name__ == "__main__":
    main()
