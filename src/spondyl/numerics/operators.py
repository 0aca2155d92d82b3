"""The stiffness of a voxel grid as an operator: forces that hold a displacement, without a matrix.

Grids are padded along z to whole blocks of the vector units: make arrays with `padded`, and cut back with
`[..., : nz + 1]`.
"""

from __future__ import annotations

import os
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spondyl.numerics.elasticity import element_matrices
from spondyl.numerics.side_by_side import cuts, side_by_side

Array = NDArray[Any]

BLOCK = 16  # voxels along z: of elastic_kernels, which takes a second to load
UNIT = 16.0  # edge of voxels whose coefficients are `Operator.scaled` [mm]
SERIAL_BELOW = 300_000  # unknowns; starting threads costs more than they save on smaller grids (prototype, 2 cores)


def padded(coefficients: Array) -> Array:
    """The same voxels with void ones above, so that their number along z is a whole number of blocks."""
    return np.pad(coefficients, ((0, 0), (0, 0), (0, 0), (0, -coefficients.shape[3] % BLOCK)))


def prepare_threads(unknowns: int, threads: int | None) -> int:
    """How many threads a grid of so many unknowns gets; they wait asleep, so that others can work."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import numba

    return 1 if unknowns < SERIAL_BELOW else max(1, min(threads or numba.get_num_threads(), numba.get_num_threads()))


class Operator:
    """K u on the finest grid in one precision: for conjugate gradients, and a grid of `VCycle` in single precision.

    Coefficients may come as they are or `padded`; displacements and forces are padded.
    """

    def __init__(self, coefficients: Array, edge: float, kind: type, threads: int) -> None:
        from spondyl.numerics import elastic_kernels as kernels

        nx, ny, given = coefficients.shape[1:]
        nz = given + -given % BLOCK
        self.shape = (3, nx + 1, ny + 1, nz + 1)
        self._kind, self._kernels = kind, kernels
        self._sweep = kernels.sweep_isotropic if len(coefficients) == 2 else kernels.sweep_orthotropic
        self.scaled: Array = np.zeros((len(coefficients), nx, ny, nz), kind)  # padded
        np.multiply(coefficients, edge / UNIT, out=self.scaled[..., :given], casting="same_kind")
        solid = np.zeros((nx, ny, -(-nz // kernels.TILE)), bool)
        for tile in range(solid.shape[2]):
            solid[:, :, tile] = np.any(coefficients[..., tile * kernels.TILE : (tile + 1) * kernels.TILE], axis=(0, 3))
        self._solid = solid
        self._near: NDArray[np.bool_] = rows_about(np.asarray(solid.any(2)))
        self._rows = self._near
        self._cuts = cuts(nx, max(1, min(threads, nx // 2)))
        self._planes: Array = np.zeros((len(self._cuts), 3, 3, (ny + 1) * (nz + 1)), kind)
        self._lines: Array = np.zeros((len(self._cuts), kernels.LINES), kind)

    def narrowed(self, rows: NDArray[np.bool_]) -> Operator:
        """The same operator for these rows of nodes along z alone, (nx+1, ny+1); other nodes stay as they are.

        Its `smooth` moves nodes of these rows and takes a share of the time; coefficients and scratch are shared.
        """
        some = copy(self)
        some._rows = rows & self._rows
        about = rows[:-1, :-1] | rows[1:, :-1] | rows[:-1, 1:] | rows[1:, 1:]
        some._solid = self._solid & about[:, :, None]
        some._near = rows_about(np.asarray(some._solid.any(2)))
        return some

    def __call__(self, displacement: Array, out: Array) -> None:
        """Write the forces that hold this displacement to `out`."""
        self._run(self._kernels.PUSH, displacement, displacement, displacement, out)

    def lack(self, displacement: Array, right: Array, inverse: Array, out: Array) -> None:
        """Write the load less these forces to `out`, 0 where held."""
        self._run(self._kernels.LACK, displacement, right, inverse, out)

    def smooth(self, displacement: Array, right: Array, inverse: Array, change: Array, keep: float, add: float) -> None:
        """change = keep * change + add * D⁻¹ (load - forces); displacement += change."""
        self._run(self._kernels.SMOOTH, displacement, right, inverse, change, keep, add)

    def _run(
        self, task: int, moved: Array, right: Array, inverse: Array, out: Array, keep: float = 0.0, add: float = 0.0
    ) -> None:
        on_nodes = (array.reshape(*self.shape[:2], -1) for array in (moved, right, inverse, out))
        places = *on_nodes, self._kind(keep), self._kind(add), self._solid, self._near, self._rows

        def sweep(piece: int) -> None:
            scratch = self._planes[piece], self._lines[piece]
            self._sweep(task, self.scaled, *places, *scratch, *self._cuts[piece])

        side_by_side(sweep, len(self._cuts))
        for piece in range(1, len(self._cuts)):  # the planes between
            at = self._cuts[piece][0]
            whole = self._planes[piece, 2:]
            whole += self._planes[piece - 1, at % 2]
            self._sweep(task, self.scaled, *places, whole, self._lines[0], at, at)


def rows_about(columns: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Rows of nodes along z (nx+1, ny+1) at the edges of these columns of voxels (nx, ny)."""
    wide = np.pad(columns, 1)
    return np.asarray(wide[:-1, :-1] | wide[1:, :-1] | wide[:-1, 1:] | wide[1:, 1:])


def voxel_diagonal(coefficients: Array, edge: float) -> Array:
    """The diagonal of the stiffness, shape (3, nx+1, ny+1, nz+1), or (1, ...) where it is the same in all directions;
    in the precision of the coefficients.

    All corners of a cube have the same diagonal, so each voxel gives the same to its eight nodes.
    """
    _, a, b, c = coefficients.shape
    weights = np.diagonal(element_matrices(len(coefficients), edge), axis1=1, axis2=2)[:, :3].T
    weights = weights[:1] if np.allclose(weights, weights[0], rtol=1e-12, atol=0) else weights  # but for rounding
    kind = coefficients.dtype
    out = np.zeros((len(weights), a + 1, b + 1, c + 1), kind)
    rows, nodes = np.empty((b, c + 1), kind), np.empty((b + 1, c + 1), kind)
    for to, weight in zip(out, weights.astype(kind), strict=True):
        for i in range(a):  # a plane at a time stays in the cache
            plane = sum(w * values for w, values in zip(weight, coefficients[:, i], strict=True))
            rows[:, :-1], rows[:, -1] = plane, 0.0
            rows[:, 1:] += plane
            nodes[:-1], nodes[-1] = rows, 0.0
            nodes[1:] += rows
            to[i] += nodes
            to[i + 1] += nodes
    return out
