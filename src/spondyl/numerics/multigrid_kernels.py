"""Compiled loops of the multigrid: sums of coarse stiffness, transfers between grids, smoothing.

A coarse voxel's stiffness is a full symmetric 24 x 24 matrix, the energy of its eight children under its own trilinear
displacement (Galerkin). Import inside functions: numba takes a second to load.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

_FAST: dict[str, Any] = {"fastmath": True, "error_model": "numpy", "cache": True, "boundscheck": False}


@nb.njit(parallel=True, **_FAST)
def sum_voxels(coefficients, matrices, free, weights, cells, out):
    """Stiffness of coarse cells from voxels: coefficients (m, x, y, z), unit matrices (m, 24, 24).

    `free` (3, x+1, y+1, z+1) tells which values are unknown; a held one moves not at all. `weights` (8, 8, 8): child,
    its corner, parent's corner.
    """
    nx, ny, nz = coefficients.shape[1:]
    for n in nb.prange(cells.shape[0]):
        child = np.empty((24, 24))
        half = np.empty((24, 24))
        total = np.zeros((24, 24))
        for c in range(8):
            i, j, k = 2 * cells[n, 0] + (c >> 2), 2 * cells[n, 1] + ((c >> 1) & 1), 2 * cells[n, 2] + (c & 1)
            if i >= nx or j >= ny or k >= nz:
                continue
            solid = False
            for m in range(coefficients.shape[0]):
                solid = solid or coefficients[m, i, j, k] != 0
            if not solid:
                continue
            child[:] = 0
            for m in range(coefficients.shape[0]):
                value = coefficients[m, i, j, k]
                for a in range(24):
                    for b in range(24):
                        child[a, b] += value * matrices[m, a, b]
            for a in range(24):
                corner = a // 3
                if not free[a % 3, i + (corner >> 2), j + ((corner >> 1) & 1), k + (corner & 1)]:
                    child[a, :] = 0
                    child[:, a] = 0
            _add_child(child, weights[c], half, total)
        for a in range(24):
            for b in range(24):
                out[n, a, b] = total[a, b]


@nb.njit(parallel=True, **_FAST)
def sum_cells(fine, place, weights, cells, out):
    """Stiffness of coarser cells from cells: `place` (x, y, z) is each cell's row in `fine`, -1 where there is none."""
    for n in nb.prange(cells.shape[0]):
        child = np.empty((24, 24))
        half = np.empty((24, 24))
        total = np.zeros((24, 24))
        for c in range(8):
            i, j, k = 2 * cells[n, 0] + (c >> 2), 2 * cells[n, 1] + ((c >> 1) & 1), 2 * cells[n, 2] + (c & 1)
            if i >= place.shape[0] or j >= place.shape[1] or k >= place.shape[2] or place[i, j, k] < 0:
                continue
            for a in range(24):
                for b in range(24):
                    child[a, b] = fine[place[i, j, k], a, b]
            _add_child(child, weights[c], half, total)
        for a in range(24):
            for b in range(24):
                out[n, a, b] = total[a, b]


@nb.njit(**_FAST)
def _add_child(child, weight, half, total):
    """total += Wᵀ K W, where W acts on corners alike for all three components."""
    half[:] = 0
    for corner in range(8):
        for parent in range(8):
            w = weight[corner, parent]
            if w != 0:
                for a in range(3):
                    for b in range(24):
                        half[3 * parent + a, b] += w * child[3 * corner + a, b]
    for corner in range(8):
        for parent in range(8):
            w = weight[corner, parent]
            if w != 0:
                for b in range(3):
                    for a in range(24):
                        total[a, 3 * parent + b] += w * half[a, 3 * corner + b]


@nb.njit(parallel=True, **_FAST)
def apply_cells(stiffness, cells, starts, u, out):
    """out = K u of coarse cells, sorted by x; `starts` (x+1) is where each x begins. Even and odd x take turns."""
    out[:] = 0
    planes = starts.shape[0] - 1
    for parity in range(2):
        for half in nb.prange((planes - parity + 1) // 2):
            x = 2 * half + parity
            local = np.empty(24, u.dtype)
            held = np.empty(24, u.dtype)
            for n in range(starts[x], starts[x + 1]):
                i, j, k = cells[n, 0], cells[n, 1], cells[n, 2]
                for corner in range(8):
                    for a in range(3):
                        local[3 * corner + a] = u[a, i + (corner >> 2), j + ((corner >> 1) & 1), k + (corner & 1)]
                for a in range(24):
                    total = u.dtype.type(0)
                    for b in range(24):
                        total += stiffness[n, a, b] * local[b]
                    held[a] = total
                for corner in range(8):
                    for a in range(3):
                        out[a, i + (corner >> 2), j + ((corner >> 1) & 1), k + (corner & 1)] += held[3 * corner + a]


@nb.njit(parallel=True, **_FAST)
def restrict(fine, coarse):
    """coarse = Pᵀ fine, P the trilinear interpolation. Both (3, x, y, z); grids start at the same corner."""
    fx, fy, fz = fine.shape[1:]
    nx, ny, nz = coarse.shape[1:]
    half = fine.dtype.type(0.5)
    for i in nb.prange(nx):
        line = np.empty(2 * nz + 2, fine.dtype)
        for c in range(3):
            for j in range(ny):
                line[:] = 0
                for di in range(-1, 2):
                    for dj in range(-1, 2):
                        if 0 <= 2 * i + di < fx and 0 <= 2 * j + dj < fy:
                            weight = fine.dtype.type((2 - abs(di)) * (2 - abs(dj)) * 0.25)
                            source = fine[c, 2 * i + di, 2 * j + dj]
                            for k in range(min(fz, 2 * nz)):
                                line[k + 1] += weight * source[k]
                for k in range(nz):
                    coarse[c, i, j, k] = line[2 * k + 1] + half * (line[2 * k] + line[2 * k + 2])


@nb.njit(parallel=True, **_FAST)
def prolong_add(coarse, fine, inverse):
    """fine += P coarse where the inverse diagonal says that a value is unknown."""
    fx, fy, fz = fine.shape[1:]
    nz = coarse.shape[3]
    quarter, half = fine.dtype.type(0.25), fine.dtype.type(0.5)
    for i in nb.prange(fx):
        line = np.zeros(nz + 1, fine.dtype)
        i0, i1 = i >> 1, (i >> 1) + (i & 1)
        for c in range(3):
            for j in range(fy):
                j0, j1 = j >> 1, (j >> 1) + (j & 1)
                for k in range(nz):
                    line[k] = quarter * (
                        coarse[c, i0, j0, k] + coarse[c, i0, j1, k] + coarse[c, i1, j0, k] + coarse[c, i1, j1, k]
                    )
                for k in range(fz):
                    if inverse[c, i, j, k] != 0:
                        fine[c, i, j, k] += half * (line[k >> 1] + line[(k >> 1) + (k & 1)])


@nb.njit(parallel=True, **_FAST)
def smooth(right, pushed, inverse, change, answer, keep, add):
    """change = keep * change + add * D⁻¹ (right - pushed); answer += change. All (planes, n)."""
    for i in nb.prange(right.shape[0]):
        for k in range(right.shape[1]):
            step = keep * change[i, k] + add * inverse[i, k] * (right[i, k] - pushed[i, k])
            change[i, k] = step
            answer[i, k] += step


@nb.njit(parallel=True, **_FAST)
def dot(one, other):
    """Sum of products in float64, in a fixed order whatever the threads."""
    parts = np.empty(one.shape[0])
    for i in nb.prange(one.shape[0]):
        part = 0.0
        for k in range(one.shape[1]):
            part += np.float64(one[i, k]) * np.float64(other[i, k])
        parts[i] = part
    return parts.sum()


@nb.njit(parallel=True, **_FAST)
def advance(answer, residual, direction, pushed, length, inverse, narrow):
    """One step of conjugate gradients; `narrow` is the residual in single precision. Gives |residual|²."""
    parts = np.empty(answer.shape[0])
    for i in nb.prange(answer.shape[0]):
        part = 0.0
        for k in range(answer.shape[1]):
            answer[i, k] += length * direction[i, k]
            value = residual[i, k] - length * pushed[i, k] if inverse[i, k] != 0 else 0.0
            residual[i, k] = value
            narrow[i, k] = value
            part += value * value
        parts[i] = part
    return parts.sum()


@nb.njit(parallel=True, **_FAST)
def turn(step, direction, share):
    """direction = step + share * direction."""
    for i in nb.prange(direction.shape[0]):
        for k in range(direction.shape[1]):
            direction[i, k] = step[i, k] + share * direction[i, k]
