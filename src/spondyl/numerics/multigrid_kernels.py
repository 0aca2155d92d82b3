"""Compiled loops of the multigrid: the stiffness of coarse grids, transfers between grids, smoothing.

None makes threads: `side_by_side` gives each a piece, as rows `start` to `stop` or as a part of flat arrays. Import
inside functions: numba takes a second to load.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

LANES = 16  # rows of blocks side by side in the vector units

_FAST: dict[str, Any] = {
    "fastmath": True, "error_model": "numpy", "cache": True, "boundscheck": False, "nogil": True
}  # fmt: skip


@nb.njit(**_FAST)
def apply_blocks(begins, order, columns, values, source, target, sums, start, stop):
    """target = K source of a coarse grid for the groups `start` to `stop` of `LANES` rows, one a lane.

    Parameters
    ----------
    begins
        Where the blocks of each group begin.
    order
        The place in `target` of the row of each lane, negative where there is none.
    columns, values
        The place in `source` of each block (n, LANES) and the block itself (n, 9, LANES), 0 where a row is shorter.
    sums
        Scratch, 3 * `LANES`.
    """
    x, y, z = source, source[1:], source[2:]
    for group in range(start, stop):
        for k in range(3 * LANES):
            sums[k] = 0
        for entry in range(begins[group], begins[group + 1]):
            column, v = columns[entry], values[entry]
            for lane in range(LANES):
                at = column[lane]
                a, b, c = x[at], y[at], z[at]
                sums[lane] += v[0, lane] * a + v[1, lane] * b + v[2, lane] * c
                sums[LANES + lane] += v[3, lane] * a + v[4, lane] * b + v[5, lane] * c
                sums[2 * LANES + lane] += v[6, lane] * a + v[7, lane] * b + v[8, lane] * c
        for lane in range(LANES):
            at = order[group * LANES + lane]
            if at >= 0:
                target[at], target[at + 1], target[at + 2] = sums[lane], sums[LANES + lane], sums[2 * LANES + lane]


@nb.njit(**_FAST)
def spread(nodes, places, source, grid, start, stop):
    """Values of nodes to places of a regular grid (3, points)."""
    for n in range(start, stop):
        for c in range(3):
            grid[c, places[n]] = source[3 * nodes[n] + c]


@nb.njit(**_FAST)
def gather(nodes, places, grid, target, start, stop):
    """Add values of a regular grid to those of nodes: the transpose of `spread`."""
    for n in range(start, stop):
        for c in range(3):
            target[3 * nodes[n] + c] += grid[c, places[n]]


@nb.njit(**_FAST)
def restrict(back, source, weight, fine, step, stride, coarse, start, stop):
    """coarse = Pᵀ fine, Pᵀ by rows. The value c of a finer node n stands at step * n + stride * c."""
    for row in range(start, stop):
        x = y = z = fine.dtype.type(0)
        for entry in range(back[row], back[row + 1]):
            at, w = step * source[entry], weight[entry]
            x += w * fine[at]
            y += w * fine[at + stride]
            z += w * fine[at + 2 * stride]
        coarse[3 * row], coarse[3 * row + 1], coarse[3 * row + 2] = x, y, z


@nb.njit(**_FAST)
def prolong_add(follow, at, share, coarse, fine, step, stride, inverse, start, stop):
    """fine += P coarse where the inverse diagonal says that a value is unknown. Places as in `restrict`."""
    for node in range(start, stop):
        if follow[node] == follow[node + 1]:
            continue
        x = y = z = coarse.dtype.type(0)
        for entry in range(follow[node], follow[node + 1]):
            place, w = 3 * at[entry], share[entry]
            x += w * coarse[place]
            y += w * coarse[place + 1]
            z += w * coarse[place + 2]
        here = step * node
        if inverse[here] != 0:
            fine[here] += x
        if inverse[here + stride] != 0:
            fine[here + stride] += y
        if inverse[here + 2 * stride] != 0:
            fine[here + 2 * stride] += z


@nb.njit(**_FAST)
def restrict_inner(fine, points, nodes, line, coarse, start, stop):
    """Add Pᵀ fine of a regular grid at the coarse planes `start` to `stop`; arrays as of `coarse_grids.Inner`.

    `line` is scratch: a row of finer points, one before it and two behind the last coarse point.
    """
    half = fine.dtype.type(0.5)
    for i in range(start, stop):
        for j in range(nodes.shape[1]):
            node, used = nodes[i, j], False
            for k in range(node.shape[0]):
                used |= node[k] >= 0
            if not used:
                continue
            for c in range(3):
                for k in range(line.shape[0]):
                    line[k] = 0
                for x in range(max(2 * i - 1, 0), min(2 * i + 2, points.shape[0])):
                    for y in range(max(2 * j - 1, 0), min(2 * j + 2, points.shape[1])):
                        w = (half if x & 1 else half + half) * (half if y & 1 else half + half)
                        there, row, to = points[x, y], fine[c, x, y], line[1:]
                        for k in range(row.shape[0]):
                            to[k] += row[k] * (w * there[k])
                for k in range(node.shape[0]):
                    if node[k] >= 0:
                        coarse[3 * node[k] + c] += line[2 * k + 1] + half * (line[2 * k] + line[2 * k + 2])


@nb.njit(**_FAST)
def prolong_inner(coarse, points, line, fine, start, stop):
    """fine += P coarse, both regular grids, at its points in the planes `start` to `stop`: see `restrict_inner`."""
    eighth = fine.dtype.type(0.125)
    for i in range(start, stop):
        for j in range(points.shape[1]):
            there, used = points[i, j], False
            for k in range(there.shape[0]):
                used |= there[k] != 0
            if not used:
                continue
            for c in range(3):
                a, b = coarse[c, i // 2, j // 2], coarse[c, i // 2, (j + 1) // 2]
                d, e = coarse[c, (i + 1) // 2, j // 2], coarse[c, (i + 1) // 2, (j + 1) // 2]
                for k in range(a.shape[0]):
                    line[k] = eighth * (a[k] + b[k] + d[k] + e[k])
                row = fine[c, i, j]
                for k in range(min(row.shape[0], 2 * a.shape[0] - 1)):
                    row[k] += (line[k >> 1] + line[(k + 1) >> 1]) * there[k]


@nb.njit(**_FAST)
def smooth(right, pushed, inverse, change, answer, keep, add):
    """change = keep * change + add * D⁻¹ (right - pushed); answer += change."""
    for k in range(right.shape[0]):
        step = keep * change[k] + add * inverse[k] * (right[k] - pushed[k])
        change[k] = step
        answer[k] += step


@nb.njit(**_FAST)
def first_smooth(right, inverse, change, answer, add):
    """The first step of `smooth` from an answer of nothing, whatever stands there: both are add * D⁻¹ right."""
    for k in range(right.shape[0]):
        step = add * inverse[k] * right[k]
        change[k] = step
        answer[k] = step


@nb.njit(**_FAST)
def lack(right, pushed, inverse, out):
    """out = right - pushed where the inverse diagonal says that a value is unknown, else 0."""
    for k in range(right.shape[0]):
        out[k] = right[k] - pushed[k] if inverse[k] != 0 else 0


@nb.njit(**_FAST)
def dot(one, other):
    """Sum of products in float64."""
    total = 0.0
    for k in range(one.shape[0]):
        total += np.float64(one[k]) * np.float64(other[k])
    return total


@nb.njit(**_FAST)
def advance(answer, residual, direction, pushed, length, in_mm, inverse):
    """One step of conjugate gradients in single precision, added to an answer in double. Gives |residual|².

    Arrays are by rows of nodes, those of the answer shorter where others are padded; `in_mm` is the step's length
    in the answer's unit.
    """
    total = 0.0
    for row in range(answer.shape[0]):
        moved, by = answer[row], direction[row]
        for k in range(moved.shape[0]):
            moved[k] += in_mm * by[k]
        left, push, known = residual[row], pushed[row], inverse[row]
        for k in range(left.shape[0]):
            value = left[k] - length * push[k] if known[k] != 0 else 0
            left[k] = value
            total += np.float64(value) * np.float64(value)
    return total


@nb.njit(**_FAST)
def turn(step, direction, share):
    """direction = step + share * direction."""
    for k in range(direction.shape[0]):
        direction[k] = step[k] + share * direction[k]


@nb.njit(**_FAST)
def renew(forces, moved, inverse, part_of, residual):
    """Residual = -forces times `part_of` where unknown, in single precision; `forces` are less the load.

    Gives its |forces|² where unknown, and where not, and the work of the forces on what has moved.
    """
    unknown = known = work = 0.0
    for k in range(forces.shape[0]):
        square = forces[k] * forces[k]
        work += forces[k] * moved[k]
        free = inverse[k] != 0
        residual[k] = -forces[k] * part_of if free else 0.0
        unknown += square if free else 0.0
        known += 0.0 if free else square
    return unknown, known, work
