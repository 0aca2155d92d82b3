"""The linear solver beside other programs on the same model, in one run: seconds of all cores, and of the clock.

Usage: python -m benchmarks.elasticity_peers [PROBLEM ...] [--threads N] [--only NAME ...]

Problems are those of `benchmarks.elasticity`; a line is printed for each program, also where it is not installed:
parosol-py (its wheel, with as many ranks as threads), CalculiX (`ccx`, iterative scaling), PETSc (conjugate gradients
with hypre, one rank, in the interpreter that PETSC_PYTHON names, as /usr/bin/python3 for Debian's python3-petsc4py;
it sees none of the packages that this one sees) and pyamg (smoothed aggregation). What the last two say of themselves
leaves out that their matrix is made here. Each is asked for a residual of 1e-6 in its own measure; CalculiX has no such
setting. Core seconds hold for a busy machine too, as far as caches are shared: ratios are of those, and both times
count from the array of moduli in memory to the displacements (others use files).
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.elasticity import POISSON, PROBLEMS, RESIDUAL, STRAIN, body, ramp, smoothed_aggregation, unknowns
from spondyl.numerics.elasticity import CORNERS, assembled
from spondyl.numerics.equilibrium import Problem, conjugate_gradients

Result = tuple[str, float | None]
"""What the program says of its iterations, and the energy of its answer where it is at hand. [N mm]"""


def ours(problem: Problem, threads: int) -> Result:
    """This solver; compiled before."""
    found = conjugate_gradients(rtol=RESIDUAL, force_rtol=np.inf, threads=threads)(problem, ramp(problem))
    return f"{found.iterations} iterations", found.energy_n_mm


def parosol(problem: Problem, threads: int) -> Result | None:
    """ParOSol from the wheel of parosol-py."""
    try:
        import parosol_py
    except ImportError:
        return None
    with tempfile.TemporaryDirectory() as folder:
        edge = (problem.edge,) * 3
        result = parosol_py.solve(
            material=modulus(problem).astype(np.float32), spacing=edge, array_order="xyz", poisson_ratio=POISSON,
            strain=-STRAIN, tolerance=RESIDUAL, mpi_processes=threads, outputs=("sed",), work_dir=folder,
        )  # fmt: skip
    run = result.summary.run
    return f"{run.iterations} iterations, {run.overall_time_seconds} s by its own clock", None


def calculix(problem: Problem, threads: int) -> Result | None:
    """CalculiX with its iterative solver, preconditioned by the diagonal."""
    program = shutil.which("ccx")
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "model.inp").write_text("\n".join(model_lines(problem)) + "\n")
        surroundings = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        run = subprocess.run([program, "model"], cwd=folder, env=surroundings, capture_output=True, text=True)
        words = [line for line in run.stdout.splitlines() if "iteration" in line.lower()]
        total = (Path(folder) / "model.dat").read_text().split()[-3:]
    return words[-1].strip() if words else "", float(total[2]) * float(problem.prescribed[2, 0, 0, -1])


def petsc(problem: Problem, threads: int) -> Result | None:
    """PETSc with hypre's multigrid on one core; what it says of itself leaves out that the matrix is made here."""
    del threads
    program, own = os.environ.get("PETSC_PYTHON", sys.executable), petsc_surroundings()
    trial = subprocess.run([program, "-c", "from petsc4py import PETSc"], capture_output=True, text=True, env=own)
    if trial.returncode:
        return failure(trial)
    with tempfile.TemporaryDirectory() as folder:
        system, answer = Path(folder) / "system.npz", Path(folder) / "answer.npz"
        first, free, energy = save_system(problem, system)
        script = Path(__file__).with_name("petsc_solve.py")
        run = subprocess.run([program, script, system, answer], capture_output=True, text=True, env=own)
        if run.returncode:
            return failure(run)
        first[free] += np.load(answer)["answer"]
    return run.stdout.strip(), energy(first)


def petsc_surroundings() -> dict[str, str]:
    """What PETSc's interpreter is told: nothing of this one's packages (another NumPy would be loaded, or none).

    Debian finds petsc4py by PETSC_DIR, or by a link that its package for developers makes; without both the folder of
    real numbers is looked for here. One process needs no daemon of Open MPI, whose start asks for ssh.
    """
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    own = {name: value for name, value in os.environ.items() if name in kept or name.startswith(("PETSC_", "OMPI_"))}
    folders = sorted(Path("/usr/lib/petscdir").glob("petsc*/*-real"))
    if "PETSC_DIR" not in own and folders:
        own["PETSC_DIR"] = str(folders[-1])
    return {"OMPI_MCA_ess_singleton_isolated": "1", "OMP_NUM_THREADS": "1", **own}


def failure(run: subprocess.CompletedProcess[str]) -> Result | None:
    """Why a program gave no answer; None where it is not installed."""
    last = (run.stderr.strip() or "without a word").splitlines()[-1]
    return None if last.startswith("ModuleNotFoundError: No module named 'petsc4py'") else (f"failed: {last}", None)


def save_system(problem: Problem, place: Path) -> tuple[np.ndarray, np.ndarray, Callable[[np.ndarray], float]]:
    """Write matrix and load of the unknowns, node by node; gives the start, the unknowns' places and the energy."""
    pieces = []
    for planes in np.array_split(np.arange(problem.coefficients.shape[1]), 8):  # to spare memory
        some = np.zeros_like(problem.coefficients)
        some[:, planes] = problem.coefficients[:, planes]
        pieces.append(assembled(some, problem.edge))
    matrix = sum(pieces[1:], pieces[0])
    order = np.arange(matrix.shape[0]).reshape(3, -1).T.ravel()
    free = order[(~problem.held.ravel() & (matrix.diagonal() > 0))[order]]
    first = np.where(problem.held, problem.prescribed, ramp(problem)).ravel()
    load = -(matrix @ first)[free]
    scale = float(np.linalg.norm((matrix @ np.where(problem.held, problem.prescribed, 0).ravel())[free]))
    reduced = matrix[free][:, free].tocsr()
    reduced.sort_indices()
    rows, columns = reduced.indptr.astype(np.int32), reduced.indices.astype(np.int32)
    goal = RESIDUAL * scale / np.linalg.norm(load)
    np.savez(place, rows=rows, columns=columns, values=reduced.data, load=load, goal=goal)
    return first, free, lambda answer: float(answer @ (matrix @ answer))


def aggregation(problem: Problem, threads: int) -> Result | None:
    """Pyamg on one core."""
    del threads
    found = smoothed_aggregation(problem)
    return None if found is None else (f"{found[1]} iterations, {found[2]:.2f} s without assembly", found[0])


PROGRAMS: dict[str, Callable[[Problem, int], Result | None]] = {
    "spondyl": ours,
    "parosol-py": parosol,
    "calculix": calculix,
    "petsc": petsc,
    "pyamg": aggregation,
}


def modulus(problem: Problem) -> np.ndarray:
    """Young's modulus of each voxel. [MPa]"""
    return np.asarray(2 * problem.coefficients[1] * (1 + POISSON))


def model_lines(problem: Problem) -> Iterator[str]:
    """The model for CalculiX, which prints the reaction of the upper end."""
    stiff = modulus(problem)
    cells = np.argwhere(stiff > 0)
    shape = problem.held.shape[1:]
    corners = CORNERS[[0, 4, 6, 2, 1, 5, 7, 3]]
    nodes = np.stack([np.ravel_multi_index(tuple((cells + corner).T), shape) + 1 for corner in corners], axis=1)
    used = np.unique(nodes)
    place = np.stack(np.unravel_index(used - 1, shape), axis=1)
    yield "*NODE, NSET=ALL"
    yield from (f"{n},{x:.9g},{y:.9g},{z:.9g}" for n, (x, y, z) in zip(used, place * problem.edge, strict=True))
    values, kind = np.unique(stiff[stiff > 0].round(9), return_inverse=True)
    for k, value in enumerate(values):
        yield f"*ELEMENT, TYPE=C3D8, ELSET=E{k}"
        yield from (",".join(map(str, (n + 1, *nodes[n]))) for n in np.flatnonzero(kind == k))
        yield f"*MATERIAL, NAME=M{k}\n*ELASTIC\n{value:.12g},{POISSON}\n*SOLID SECTION, ELSET=E{k}, MATERIAL=M{k}"
    for name, at in (("TOP", place[:, 2] == shape[2] - 1), ("BOTTOM", place[:, 2] == 0)):
        yield f"*NSET, NSET={name}"
        yield from (f"{n}," for n in used[at])
    yield "*STEP\n*STATIC, SOLVER=ITERATIVE SCALING\n*BOUNDARY\nBOTTOM,1,3\nTOP,1,2"
    yield f"TOP,3,3,{problem.prescribed[2, 0, 0, -1]:.12g}"
    yield "*NODE PRINT, NSET=TOP, TOTALS=ONLY\nRF\n*END STEP"


def core_seconds() -> float:
    """Of this process and those that it started."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def main() -> None:
    """Print a line for each program and problem."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problems", nargs="*", default=["body-0.5"], metavar="PROBLEM")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="+", default=list(PROGRAMS), choices=list(PROGRAMS))
    asked = parser.parse_args()
    ours(body(0.75), asked.threads)  # compiles, also the regular loops that small bodies do not use
    for name in asked.problems:
        problem = PROBLEMS[name]()
        print(f"{name}: {unknowns(problem)} unknowns, load of the machine {os.getloadavg()[0]:.1f}", flush=True)
        first: float | None = None
        for program in asked.only:
            cores, clock = core_seconds(), time.perf_counter()
            result = PROGRAMS[program](problem, asked.threads)
            cores, clock = core_seconds() - cores, time.perf_counter() - clock
            if result is None:
                print(f"  {program:<11} is not installed", flush=True)
                continue
            first = first or cores
            energy = "" if result[1] is None else f"energy {result[1]:.7g}"
            print(
                f"  {program:<11}{cores:9.2f} core s ({cores / first:6.1f} times) {clock:8.2f} s by the clock  "
                f"{result[0]}  {energy}",
                flush=True,
            )


if __name__ == "__main__":
    main()
