"""Compiled loops of the segmenter: least-cost surfaces and regions grown by least cost. Import inside functions.

Each has a plain version beside its caller or an independent one in the tests.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

_FAST: dict[str, Any] = {"error_model": "numpy", "cache": True, "boundscheck": False}


@nb.njit(**_FAST)
def add_paths(cost, price, total):
    """Add to `total` the least cost of the ways along axis 0 that end at each cell, forwards and backwards.

    A change of depth (axis 2) costs `price` a step. `total` counts the cell's own cost twice.
    """
    lines, columns, depth = cost.shape
    now = np.empty(depth, np.float32)
    for j in range(columns):
        for way in range(2):
            for n in range(lines):
                i = n if way == 0 else lines - 1 - n
                if n == 0:
                    for d in range(depth):
                        now[d] = cost[i, j, d]
                else:
                    for d in range(1, depth):
                        now[d] = min(now[d], now[d - 1] + price)
                    for d in range(depth - 2, -1, -1):
                        now[d] = min(now[d], now[d + 1] + price)
                    least = now.min()
                    for d in range(depth):
                        now[d] = now[d] - least + cost[i, j, d]
                for d in range(depth):
                    total[i, j, d] += now[d]


@nb.njit(**_FAST)
def _push(heap, where, size, value, cell):
    at = size
    heap[at] = value
    where[at] = cell
    while at > 0:
        above = (at - 1) // 2
        if heap[above] < heap[at] or (heap[above] == heap[at] and where[above] <= where[at]):
            break
        heap[above], heap[at] = heap[at], heap[above]
        where[above], where[at] = where[at], where[above]
        at = above


@nb.njit(**_FAST)
def _pop(heap, where, size):
    """Move the last entry to the top and let it sink; `size` counts the entries before."""
    size -= 1
    heap[0] = heap[size]
    where[0] = where[size]
    at = 0
    while True:
        low = 2 * at + 1
        if low >= size:
            break
        other = low + 1
        if other < size and (heap[other] < heap[low] or (heap[other] == heap[low] and where[other] < where[low])):
            low = other
        if heap[at] < heap[low] or (heap[at] == heap[low] and where[at] <= where[low]):
            break
        heap[low], heap[at] = heap[at], heap[low]
        where[low], where[at] = where[at], where[low]
        at = low


@nb.njit(**_FAST)
def grow(cost, labels, leaving, upward, downward, furthest):
    """Give each cell of positive cost the label from which the cheapest way leads to it; gives the ways' costs.

    Parameters
    ----------
    cost
        Price of a step of one cell's length, (i, j, k); not positive: closed.
    labels
        Seeds, and afterwards the regions; 0: none.
    leaving
        Extra price of a step that leaves a seed, by its label. Seeds keep their labels.
    upward
        Extra price of each step along axis 2, at the cell stepped on (as `cost`).
    downward
        Factor of the price of each step against axis 2, at the cell stepped on.
    furthest
        Cost at which growing ends.
    """
    n, m, p = cost.shape
    best = np.full((n, m, p), np.inf, np.float32)
    done = np.zeros((n, m, p), np.bool_)
    room = 1024
    heap = np.empty(room, np.float32)
    where = np.empty(room, np.int64)
    size = 0
    for i in range(n):
        for j in range(m):
            for k in range(p):
                if labels[i, j, k] > 0 and cost[i, j, k] > 0:
                    best[i, j, k] = 0.0
                    if size == room:
                        room, heap, where = 2 * room, np.append(heap, heap), np.append(where, where)
                    _push(heap, where, size, best[i, j, k], (i * m + j) * p + k)
                    size += 1
                else:
                    labels[i, j, k] = 0
    while size > 0:
        cell = where[0]
        _pop(heap, where, size)
        size -= 1
        k = cell % p
        j = (cell // p) % m
        i = cell // (p * m)
        if done[i, j, k]:
            continue
        done[i, j, k] = True
        for di in range(-1, 2):
            for dj in range(-1, 2):
                for dk in range(-1, 2):
                    a, b, c = i + di, j + dj, k + dk
                    if a < 0 or b < 0 or c < 0 or a >= n or b >= m or c >= p:
                        continue
                    if cost[a, b, c] <= 0 or done[a, b, c]:
                        continue
                    step = np.sqrt(np.float32(di * di + dj * dj + dk * dk))
                    price = step * 0.5 * (cost[i, j, k] + cost[a, b, c])
                    if dk > 0:
                        price += upward[a, b, c]
                    elif dk < 0:
                        price *= downward[a, b, c]
                    if best[i, j, k] == 0.0:
                        price += leaving[labels[i, j, k]]
                    reached = best[i, j, k] + price
                    if reached < best[a, b, c] and reached <= furthest:
                        best[a, b, c] = reached
                        labels[a, b, c] = labels[i, j, k]
                        if size == room:
                            room, heap, where = 2 * room, np.append(heap, heap), np.append(where, where)
                        _push(heap, where, size, reached, (a * m + b) * p + c)
                        size += 1
    return best


@nb.njit(**_FAST)
def fill_enclosed(labels, free, reach, ways):
    """Labels with each free voxel filled that lies between voxels of one label along so many of its 13 ways across.

    Parameters
    ----------
    labels
        Regions, shape (i, j, k); 0: none.
    free
        Voxels that may be filled.
    reach
        How far the ways go to either side, in voxels.
    ways
        So many of them must begin and end at the same label.
    """
    n, m, p = labels.shape
    out = labels.copy()
    count = np.zeros(labels.max() + 1, np.int64)
    for i in range(n):
        for j in range(m):
            for k in range(p):
                if labels[i, j, k] != 0 or not free[i, j, k]:
                    continue
                count[:] = 0
                for way in range(14, 27):
                    di, dj, dk = way // 9 - 1, way // 3 % 3 - 1, way % 3 - 1
                    steps = int(reach / np.sqrt(di * di + dj * dj + dk * dk))
                    ahead = _first_label(labels, i, j, k, di, dj, dk, steps)
                    if ahead > 0 and ahead == _first_label(labels, i, j, k, -di, -dj, -dk, steps):
                        count[ahead] += 1
                most = count.argmax()
                if count[most] >= ways:
                    out[i, j, k] = most
    return out


@nb.njit(**_FAST)
def _first_label(labels, i, j, k, di, dj, dk, steps):
    """Label of the first region on a way; 0: none within so many steps."""
    n, m, p = labels.shape
    for step in range(1, steps + 1):
        a, b, c = i + step * di, j + step * dj, k + step * dk
        if a < 0 or b < 0 or c < 0 or a >= n or b >= m or c >= p:
            return 0
        if labels[a, b, c] > 0:
            return int(labels[a, b, c])
    return 0
