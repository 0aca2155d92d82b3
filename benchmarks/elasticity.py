"""Linear and nonlinear solver: iterations, seconds and memory, with peers on the same problem in the same run.

Usage: python -m benchmarks.elasticity [PROBLEM ...] [--threads N] [--peers] [--repeat N]

Problems: body-2, body-1, body-0.5, body-0.25 (a synthetic vertebral body at that spacing in mm), porous, shell, struts
(micro-CT of trabecular bone) and l3 (a jagged real vertebra with its arch); the last two need SPONDYL_DATA. Every
problem is solved to a residual of 1e-6 of the forces at the start from the prescribed values.
Peers: scipy's direct solver up to 60,000 unknowns, and pyamg (smoothed aggregation with rigid body modes) where it is
installed. CalculiX and parosol-py read the model from a file: `--save FILE.npz` writes moduli, edge and displacement.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage, sparse

from spondyl.numerics.elasticity import assembled, isotropic, rigid_modes, solve_direct
from spondyl.numerics.equilibrium import Problem, conjugate_gradients

Array = np.ndarray[Any, Any]

SIZE_MM = (45.0, 35.0, 30.0)
POISSON = 0.3
STRAIN = 0.01
LEVELS = np.geomspace(50.0, 10_000.0, 256)  # MPa; solvers with a table of materials need few
RESIDUAL = 1e-6


def body(edge: float, seed: int = 7) -> Problem:
    """An elliptical cylinder of soft varying core (50-800 MPa) in a shell of one voxel (5-10 GPa), squeezed by 1 %."""
    rng = np.random.default_rng(seed)
    count = [max(2, round(size / edge)) for size in SIZE_MM]
    lines = [(np.arange(n) + 0.5) * edge for n in count]
    x, y = (line - n * edge / 2 for line, n in zip(lines[:2], count[:2], strict=True))
    inside = np.hypot(x[:, None] / (SIZE_MM[0] / 2), y[None] / (SIZE_MM[1] / 2)) <= 1.0
    core = inside & ndimage.binary_erosion(inside)
    fine, coarse = _waves(lines, 3.0, 64, rng), _waves(lines, 8.0, 24, rng)
    shell = np.repeat(~core[:, :, None], count[2], axis=2)
    shell[:, :, [0, -1]] = True
    modulus = np.where(shell, 7500.0 + 2500.0 * np.tanh(coarse), np.clip(200.0 * np.exp(0.7 * fine), 50.0, 800.0))
    step = np.log(LEVELS[1] / LEVELS[0])
    modulus = LEVELS[np.clip(np.rint(np.log(modulus / LEVELS[0]) / step), 0, 255).astype(int)]
    modulus[~inside] = 0.0
    return squeezed(modulus, edge)


def porous(count: int = 64, fraction: float = 0.25, seed: int = 1) -> Problem:
    """A cube of bone of that fraction: the upper part of a random field of some nine voxels' wavelength."""
    rng = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(rng.normal(size=(count,) * 3), 2.0, mode="wrap")
    modulus = np.where(field > np.quantile(field, 1 - fraction), 10_000.0, 0.0)
    return squeezed(modulus, 0.05)


def soft_core(count: int = 48, contrast: float = 5000.0) -> Problem:
    """A very soft core in a shell of one voxel."""
    modulus = np.full((count,) * 3, 10_000.0)
    modulus[1:-1, 1:-1, 1:-1] /= contrast
    return squeezed(modulus, 1.0)


def struts() -> Problem:
    """Micro-CT of trabecular bone at 39 µm; bone fraction about 0.24 at the threshold that its authors published."""
    grey = _image("microct-trabecular/trabecular_19p5um.nii.gz")
    a, b, c = (n // 2 for n in grey.shape)
    mean = grey.reshape(a, 2, b, 2, c, 2).mean((1, 3, 5))
    return squeezed(np.where(mean > 63, 10_000.0, 0.0), 0.039)


def l3() -> Problem:
    """L3 with its arch at the CT's 1.5 mm: bone above 150 HU only, so full of holes, between two planes that cut it."""
    hu, labels = (_image(f"tptbox-l3-ct-mr/{name}.nii.gz") for name in ("l3_ct", "l3_ct_vertebra_label"))
    mask = labels == 22
    modulus = np.where(mask & (hu > 150), 4730.0 * np.clip(hu / 1000, 0.05, 1.2) ** 1.56, 0.0)
    modulus = np.moveaxis(modulus, 1, 2)  # inferior is the load's axis
    box = ndimage.find_objects((modulus > 0).astype(int))[0]
    return squeezed(modulus[box], 1.5)


PROBLEMS: dict[str, Callable[[], Problem]] = {
    "body-2": lambda: body(2.0),
    "body-1": lambda: body(1.0),
    "body-0.5": lambda: body(0.5),
    "body-0.25": lambda: body(0.25),
    "porous": porous,
    "shell": soft_core,
    "struts": struts,
    "l3": l3,
}
USUAL = ("body-2", "body-1", "body-0.5", "porous", "shell", "struts", "l3")


def squeezed(modulus: Array, edge: float) -> Problem:
    """Both ends held, the upper one moved down by 1 % of the height."""
    nodes = (3, *(n + 1 for n in modulus.shape))
    held, moved = np.zeros(nodes, bool), np.zeros(nodes)
    held[..., [0, -1]] = True
    moved[2, ..., -1] = -STRAIN * modulus.shape[2] * edge
    return Problem(isotropic(modulus, POISSON), edge, held, moved)


def ramp(problem: Problem) -> Array:
    """The uniform squeeze, from which every solver may start."""
    top = problem.prescribed[2, 0, 0, -1]
    start: Array = np.zeros(problem.held.shape)
    start[2] = top * np.linspace(0, 1, start.shape[3])
    return start


def unknowns(problem: Problem) -> int:
    """Free displacements of nodes that have material."""
    solid = np.pad(problem.coefficients[1] > 0, 1)
    nodes: Array = np.zeros(problem.held.shape[1:], bool)
    for i in (0, 1):
        for j in (0, 1):
            for k in (0, 1):
                nodes |= solid[i : i + nodes.shape[0], j : j + nodes.shape[1], k : k + nodes.shape[2]]
    return int((nodes & ~problem.held).sum())


def direct(problem: Problem) -> tuple[float, int, float]:
    """Reaction's energy, iterations (none) and seconds of sparse elimination."""
    begun = time.perf_counter()
    answer = solve_direct(problem.coefficients, problem.edge, problem.held, problem.prescribed)
    seconds = time.perf_counter() - begun
    return float(answer.ravel() @ (assembled(problem.coefficients, problem.edge) @ answer.ravel())), 0, seconds


def smoothed_aggregation(problem: Problem) -> tuple[float, int, float] | None:
    """The same by pyamg, assembly not counted; None where it is not installed."""
    try:
        import pyamg
    except ImportError:
        return None
    matrix = assembled(problem.coefficients, problem.edge)
    shape = problem.held.shape
    order = np.arange(matrix.shape[0]).reshape(3, -1).T.ravel()  # node by node, as its blocks need
    free = order[(~problem.held.ravel() & (matrix.diagonal() > 0))[order]]
    assert len(free) % 3 == 0  # whole nodes are held here, or none of their values
    modes = rigid_modes((shape[1] - 1, shape[2] - 1, shape[3] - 1), problem.edge).reshape(6, -1)[:, free].T
    first = np.where(problem.held, problem.prescribed, ramp(problem)).ravel()
    reduced = sparse.bsr_matrix(matrix[free][:, free], blocksize=(3, 3))
    held_only = np.where(problem.held, problem.prescribed, 0).ravel()
    scale = float(np.linalg.norm((matrix @ held_only)[free]))
    load = -(matrix @ first)[free]
    begun = time.perf_counter()
    hierarchy = pyamg.smoothed_aggregation_solver(reduced, B=modes)
    history: list[float] = []
    goal = RESIDUAL * scale / float(np.linalg.norm(load))
    change = hierarchy.solve(load, tol=goal, accel="cg", maxiter=500, residuals=history)
    seconds = time.perf_counter() - begun
    first[free] += change
    return float(first @ (matrix @ first)), len(history) - 1, seconds


def run(name: str, threads: int, repeat: int, *, peers: bool) -> None:
    """Solve one problem and print a line for each solver; seconds are the least of the repetitions, warm."""
    problem = PROBLEMS[name]()
    count = unknowns(problem)
    solve = conjugate_gradients(rtol=RESIDUAL, force_rtol=np.inf, threads=threads)
    found, seconds = None, []
    for _ in range(repeat + 1):  # the first one may compile
        begun = time.perf_counter()
        found = solve(problem, ramp(problem))
        seconds.append(time.perf_counter() - begun)
    assert found is not None
    ours = min(seconds[1:])
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{name:<10}{count:>9} unknowns  spondyl {found.iterations:>4} iterations {ours:8.3f} s  "
        f"peak {memory:.2f} GiB  energy {found.energy_n_mm:.9g}",
        flush=True,
    )
    if not peers:
        return
    others = {"pyamg": smoothed_aggregation(problem), "scipy": direct(problem) if count <= 60_000 else None}
    for peer, result in others.items():
        if result is not None:
            energy, iterations, other = result
            print(
                f"{'':<10}{'':>9}           {peer:<7} {iterations:>4} iterations {other:8.3f} s  "
                f"{other / ours:.1f} times as long  energy differs by {energy / found.energy_n_mm - 1:+.1e}",
                flush=True,
            )


class Linear:
    """Time and iterations of the linear solver."""

    params = (list(USUAL),)
    param_names = ("problem",)
    timeout = 300

    def setup(self, name: str) -> None:
        """The model, and everything compiled."""
        try:
            self.problem = PROBLEMS[name]()
        except FileNotFoundError as error:
            raise NotImplementedError from error  # how asv is told to skip
        self.solve = conjugate_gradients(rtol=RESIDUAL, force_rtol=np.inf)
        self.solve(body(2.0))

    def time_solve(self, name: str) -> None:
        """Setup and solution."""
        self.solve(self.problem)

    def track_iterations(self, name: str) -> int:
        """Of conjugate gradients."""
        return self.solve(self.problem).iterations


def _waves(lines: list[Array], length: float, count: int, rng: np.random.Generator) -> Array:
    """A correlated field of mean 0 and variance 1: the same at every spacing, from cosines in millimetres."""
    out = np.zeros([len(line) for line in lines])
    vectors = rng.normal(size=(count, 3)) / length
    for (a, b, c), phase in zip(vectors, rng.uniform(0, 2 * np.pi, size=count), strict=True):
        x, y, z = np.exp(1j * (a * lines[0] + phase)), np.exp(1j * b * lines[1]), np.exp(1j * c * lines[2])
        out += (x[:, None, None] * (y[:, None] * z[None, :])[None]).real
    return np.asarray(out * np.sqrt(2.0 / count))


def _image(name: str) -> Array:
    """The numbers of one of the test data's images."""
    import nibabel as nib

    image = nib.load(_data() / name)
    assert isinstance(image, nib.Nifti1Image)
    return np.asarray(image.dataobj, dtype=float)


def _data() -> Path:
    place = os.environ.get("SPONDYL_DATA")
    if place is None:
        raise FileNotFoundError("SPONDYL_DATA is not set: give the folder of the test data")
    return Path(place)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problems", nargs="*", default=list(USUAL), metavar="PROBLEM")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--save", type=Path, help="write the model of the first problem instead")
    asked = parser.parse_args()
    if asked.save is not None:
        problem = PROBLEMS[asked.problems[0]]()
        modulus = 2 * problem.coefficients[1] * (1 + POISSON)
        np.savez(asked.save, modulus=modulus, edge=problem.edge, displacement=problem.prescribed[2, 0, 0, -1])
        return
    for name in asked.problems:
        run(name, asked.threads, asked.repeat, peers=asked.peers)


if __name__ == "__main__":
    main()
