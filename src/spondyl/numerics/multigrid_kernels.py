"""Compiled loops of the multigrid: the stiffness of coarse grids, transfers between grids, smoothing.

Import inside functions: numba takes a second to load.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from spondyl.numerics.threaded import in_threads

_FAST: dict[str, Any] = {"fastmath": True, "error_model": "numpy", "cache": True, "boundscheck": False}


@in_threads(**_FAST)
def apply_blocks(rows, columns, values, u, out):
    """out = K u of a coarse grid: blocks (n, 3, 3) by rows; three values of a node stand together in u and out."""
    source, target = u.reshape(-1), out.reshape(-1)
    pieces = 16
    count = rows.shape[0] - 1
    for piece in nb.prange(pieces):
        for row in range(count * piece // pieces, count * (piece + 1) // pieces):
            x = y = z = u.dtype.type(0)
            for block in range(rows[row], rows[row + 1]):
                at = 3 * columns[block]
                a, b, c = source[at], source[at + 1], source[at + 2]
                x += values[block, 0, 0] * a + values[block, 0, 1] * b + values[block, 0, 2] * c
                y += values[block, 1, 0] * a + values[block, 1, 1] * b + values[block, 1, 2] * c
                z += values[block, 2, 0] * a + values[block, 2, 1] * b + values[block, 2, 2] * c
            target[3 * row], target[3 * row + 1], target[3 * row + 2] = x, y, z


@in_threads(**_FAST)
def spread(nodes, places, values, grid):
    """Values of nodes to places of a regular grid (3, x, y, z)."""
    source, target = values.reshape(-1), grid.reshape(3, -1)
    for n in nb.prange(nodes.shape[0]):
        for c in range(3):
            target[c, places[n]] = source[3 * nodes[n] + c]


@in_threads(**_FAST)
def gather(nodes, places, grid, values):
    """Add values of a regular grid to those of nodes: the transpose of `spread`."""
    source, target = grid.reshape(3, -1), values.reshape(-1)
    for n in nb.prange(nodes.shape[0]):
        for c in range(3):
            target[3 * nodes[n] + c] += source[c, places[n]]


@in_threads(**_FAST)
def restrict(back, source, weight, fine, step, stride, coarse):
    """coarse = Pᵀ fine, Pᵀ by rows. The value c of a finer node n stands at step * n + stride * c."""
    values, target = fine.reshape(-1), coarse.reshape(-1)
    pieces = 16
    count = back.shape[0] - 1
    for piece in nb.prange(pieces):
        for row in range(count * piece // pieces, count * (piece + 1) // pieces):
            x = y = z = fine.dtype.type(0)
            for entry in range(back[row], back[row + 1]):
                at, w = step * source[entry], weight[entry]
                x += w * values[at]
                y += w * values[at + stride]
                z += w * values[at + 2 * stride]
            target[3 * row], target[3 * row + 1], target[3 * row + 2] = x, y, z


@in_threads(**_FAST)
def prolong_add(follow, at, share, coarse, fine, step, stride, inverse):
    """fine += P coarse where the inverse diagonal says that a value is unknown. Places as in `restrict`."""
    values, target, known = coarse.reshape(-1), fine.reshape(-1), inverse.reshape(-1)
    pieces = 16
    count = follow.shape[0] - 1
    for piece in nb.prange(pieces):
        for node in range(count * piece // pieces, count * (piece + 1) // pieces):
            if follow[node] == follow[node + 1]:
                continue
            x = y = z = coarse.dtype.type(0)
            for entry in range(follow[node], follow[node + 1]):
                place, w = 3 * at[entry], share[entry]
                x += w * values[place]
                y += w * values[place + 1]
                z += w * values[place + 2]
            here = step * node
            if known[here] != 0:
                target[here] += x
            if known[here + stride] != 0:
                target[here + stride] += y
            if known[here + 2 * stride] != 0:
                target[here + 2 * stride] += z


@in_threads(**_FAST)
def smooth(right, pushed, inverse, change, answer, keep, add):
    """change = keep * change + add * D⁻¹ (right - pushed); answer += change. All (planes, n)."""
    for i in nb.prange(right.shape[0]):
        for k in range(right.shape[1]):
            step = keep * change[i, k] + add * inverse[i, k] * (right[i, k] - pushed[i, k])
            change[i, k] = step
            answer[i, k] += step


@in_threads(**_FAST)
def first_smooth(right, inverse, change, answer, add):
    """The first step of `smooth` from an answer of nothing, whatever stands there: both are add * D⁻¹ right."""
    for i in nb.prange(right.shape[0]):
        for k in range(right.shape[1]):
            step = add * inverse[i, k] * right[i, k]
            change[i, k] = step
            answer[i, k] = step


@in_threads(**_FAST)
def lack(right, pushed, inverse, out):
    """out = right - pushed where the inverse diagonal says that a value is unknown, else 0."""
    for i in nb.prange(right.shape[0]):
        for k in range(right.shape[1]):
            out[i, k] = right[i, k] - pushed[i, k] if inverse[i, k] != 0 else 0


@in_threads(**_FAST)
def dot(one, other):
    """Sum of products in float64, in a fixed order whatever the threads."""
    parts = np.empty(one.shape[0])
    for i in nb.prange(one.shape[0]):
        part = 0.0
        for k in range(one.shape[1]):
            part += np.float64(one[i, k]) * np.float64(other[i, k])
        parts[i] = part
    return parts.sum()


@in_threads(**_FAST)
def advance(answer, residual, direction, pushed, length, inverse, narrow, unit):
    """One step of conjugate gradients; `narrow` is the residual over `unit`, in single precision. Gives |residual|²."""
    parts, part_of = np.empty(answer.shape[0]), 1.0 / unit
    for i in nb.prange(answer.shape[0]):
        part = 0.0
        for k in range(answer.shape[1]):
            answer[i, k] += length * direction[i, k]
            value = residual[i, k] - length * pushed[i, k] if inverse[i, k] != 0 else 0.0
            residual[i, k] = value
            narrow[i, k] = value * part_of
            part += value * value
        parts[i] = part
    return parts.sum()


@in_threads(**_FAST)
def turn(step, direction, share):
    """direction = step + share * direction."""
    for i in nb.prange(direction.shape[0]):
        for k in range(direction.shape[1]):
            direction[i, k] = step[i, k] + share * direction[i, k]
