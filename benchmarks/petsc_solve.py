"""Solve a saved system with PETSc: conjugate gradients with hypre's algebraic multigrid. Needs petsc4py and NumPy only.

Usage: python petsc_solve.py SYSTEM.npz ANSWER.npz

`elasticity_peers` runs it, with an interpreter that has petsc4py. Options of BoomerAMG: a
strong threshold for three dimensions and three functions a node; no others were tried.
"""

import sys
import time

import numpy as np
import petsc4py

petsc4py.init([])
from petsc4py import PETSc  # noqa: E402

OPTIONS = {
    "pc_hypre_boomeramg_strong_threshold": 0.5,
    "pc_hypre_boomeramg_coarsen_type": "HMIS",
    "pc_hypre_boomeramg_interp_type": "ext+i",
    "pc_hypre_boomeramg_P_max": 4,
    "pc_hypre_boomeramg_numfunctions": 3,
}


def main() -> None:
    """Read, solve, write; prints iterations and core seconds of setup and solution."""
    given = np.load(sys.argv[1])
    options = PETSc.Options()
    for name, value in OPTIONS.items():
        options[name] = value
    size = len(given["load"])
    matrix = PETSc.Mat().createAIJ(size=(size, size), csr=(given["rows"], given["columns"], given["values"]), bsize=3)
    matrix.setOption(PETSc.Mat.Option.SPD, True)
    load, answer = matrix.createVecRight(), matrix.createVecRight()
    load.setArray(given["load"])
    begun = time.process_time()
    solver = PETSc.KSP().create()
    solver.setOperators(matrix)
    solver.setType("cg")
    solver.setNormType(PETSc.KSP.NormType.UNPRECONDITIONED)
    solver.setTolerances(rtol=float(given["goal"]), max_it=1000)
    solver.getPC().setType("hypre")
    solver.setFromOptions()
    solver.setUp()
    ready = time.process_time()
    solver.solve(load, answer)
    end = time.process_time()
    if solver.getConvergedReason() <= 0:
        raise SystemExit(f"not converged: reason {solver.getConvergedReason()}")
    np.savez(sys.argv[2], answer=answer.getArray())
    print(f"{solver.getIterationNumber()} iterations, setup {ready - begun:.2f} and solution {end - ready:.2f} core s")


if __name__ == "__main__":
    main()
