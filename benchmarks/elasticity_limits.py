"""The linear solver against the machine and against itself: memory bandwidth, threads, materials and boundaries.

Usage: python -m benchmarks.elasticity_limits [PROBLEM] [--repeat N]

A triad (a = b + s * c on vectors beyond the caches) gives the bandwidth on one and two threads. Twenty iterations must
at least read and write the five vectors of conjugate gradients once each, in single precision: that time, at that
bandwidth, is the limit. Then the problem of `benchmarks.elasticity` is solved on one and two threads, and with what may
make it slower: Poisson's ratio of each voxel, transverse isotropy, and boundaries that are no whole planes (a tilted
platen that touches part of the top, and forces on the rest). Seconds are the least of the repetitions, warm, with
setup. Below some 300,000 unknowns two threads are one.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.elasticity import POISSON, PROBLEMS, RESIDUAL, ramp, unknowns
from spondyl.numerics.elasticity import isotropic, transversely_isotropic
from spondyl.numerics.equilibrium import Problem, conjugate_gradients
from spondyl.numerics.side_by_side import cuts, side_by_side

Array = np.ndarray[Any, Any]

ITERATIONS, VECTORS = 20, 5
LENGTH = 40_000_000  # numbers of a vector of the triad: 160 MB


def bandwidth(threads: int, repeat: int = 5) -> float:
    """Bytes a second that a triad moves, the reading of what is overwritten not counted."""
    import numba

    @numba.njit(fastmath=True, nogil=True, boundscheck=False)
    def triad(to: Array, one: Array, other: Array, factor: float) -> None:
        for k in range(to.shape[0]):
            to[k] = one[k] + factor * other[k]

    to, one, other = (np.ones(LENGTH, np.float32) for _ in range(3))
    parts = [slice(*cut) for cut in cuts(LENGTH, threads)]
    factor: Any = np.float32(0.5)  # the loop is compiled for it
    seconds = []
    for _ in range(repeat + 1):
        begun = time.perf_counter()
        side_by_side(lambda piece: triad(to[parts[piece]], one[parts[piece]], other[parts[piece]], factor), threads)
        seconds.append(time.perf_counter() - begun)
    return 3 * to.nbytes / min(seconds[1:])


def limit(count: int, rate: float) -> float:
    """Seconds that so many unknowns need at least."""
    return ITERATIONS * VECTORS * 2 * 4 * count / rate


def own_ratios(problem: Problem) -> Problem:
    """Poisson's ratio of 0.25 to 0.35 that varies from voxel to voxel."""
    modulus = 2 * problem.coefficients[1] * (1 + POISSON)
    ratio = np.random.default_rng(0).uniform(0.25, 0.35, modulus.shape)
    return replace(problem, coefficients=isotropic(modulus, ratio))


def transverse(problem: Problem) -> Problem:
    """Two thirds as stiff across the axis."""
    modulus = 2 * problem.coefficients[1] * (1 + POISSON)
    across = transversely_isotropic(
        modulus, ratio=0.67, poisson_axial=0.3, poisson_transverse=0.25, shear_axial=0.35, axis=2
    )
    return replace(problem, coefficients=across)


def partly_held(problem: Problem) -> Problem:
    """A tilted platen on the half of the top where it touches, and a force on each node of the other half."""
    held, prescribed, forces = problem.held.copy(), problem.prescribed.copy(), np.zeros(problem.held.shape)
    half = held.shape[1] // 2
    solid = np.zeros(held.shape[1:3], bool)
    top = problem.coefficients[1, :, :, -1] > 0
    for i in (0, 1):
        for j in (0, 1):
            solid[i : i + top.shape[0], j : j + top.shape[1]] |= top
    held[:, half:, :, -1] = False
    prescribed[2, :half, :, -1] *= np.linspace(1.5, 0.5, half)[:, None]
    forces[2, half:, :, -1] = np.where(solid[half:], -1.0, 0.0)
    return replace(problem, held=held, prescribed=prescribed, forces=forces)


KINDS: dict[str, Callable[[Problem], Problem]] = {
    "one ratio, whole planes": lambda problem: problem,
    "a ratio for each voxel": own_ratios,
    "transverse isotropy": transverse,
    "general boundaries": partly_held,
}


def solved(problem: Problem, threads: int, repeat: int) -> tuple[int, float, float]:
    """Iterations, seconds of the clock and core seconds."""
    solve, start = conjugate_gradients(rtol=RESIDUAL, force_rtol=np.inf, threads=threads), ramp(problem)
    found, clock, cores = solve(problem, start), [], []
    for _ in range(repeat):
        begun, used = time.perf_counter(), time.process_time()
        found = solve(problem, start)
        clock.append(time.perf_counter() - begun)
        cores.append(time.process_time() - used)
    return found.iterations, min(clock), min(cores)


def main() -> None:
    """Print the bandwidth and a line for each case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problem", nargs="?", default="body-0.5", choices=list(PROBLEMS))
    parser.add_argument("--repeat", type=int, default=3)
    asked = parser.parse_args()
    problem = PROBLEMS[asked.problem]()
    count = unknowns(problem)
    print(f"{asked.problem}: {count} unknowns, load of the machine {os.getloadavg()[0]:.1f}", flush=True)
    least = {}
    for threads in (1, 2):
        rate = bandwidth(threads)
        least[threads] = limit(count, rate)
        print(f"  triad on {threads} threads {rate / 1e9:.1f} GB/s: limit {least[threads]:.3f} s", flush=True)
    first: float | None = None
    for name, kind in KINDS.items():
        for threads in (1, 2):
            iterations, clock, cores = solved(kind(problem), threads, asked.repeat)
            first = first or cores
            print(
                f"  {name:<24}{threads} threads  {iterations:>3} iterations {clock:8.3f} s {cores:8.3f} core s  "
                f"{cores / first:.2f} of the first, {clock / least[threads]:.0f} times the limit",
                flush=True,
            )


if __name__ == "__main__":
    main()
