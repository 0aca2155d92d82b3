"""Least-cost paths by dynamic programming."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spondyl.space import Floats
from spondyl.spine.segmenters.arrays import Grey


def best_path(score: Grey, bend: float) -> NDArray[np.int_]:
    """The path through all slices with the greatest sum of scores, at most one voxel sideways a slice.

    Parameters
    ----------
    score
        Shape (n, m, slices).
    bend
        Price of a step sideways, times its squared length in voxels.

    Returns
    -------
    Voxel of each slice, shape (slices, 2).
    """
    n, m, slices = score.shape
    steps = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    total = score[:, :, 0].copy()
    came = np.zeros((slices, n, m), np.int8)
    for k in range(1, slices):
        best = np.full((n, m), -np.inf, np.float32)
        for number, (i, j) in enumerate(steps):
            moved = np.full((n, m), -np.inf, np.float32)
            to = (slice(max(-i, 0), n - max(i, 0)), slice(max(-j, 0), m - max(j, 0)))
            of = (slice(max(i, 0), n + min(i, 0)), slice(max(j, 0), m + min(j, 0)))
            moved[to] = total[of] - bend * (i * i + j * j)
            better = moved > best
            best[better] = moved[better]
            came[k][better] = number
        total = best + score[:, :, k]
    path = np.zeros((slices, 2), int)
    path[-1] = np.unravel_index(int(total.argmax()), total.shape)
    for k in range(slices - 1, 0, -1):
        path[k - 1] = path[k] + steps[came[k, path[k, 0], path[k, 1]]]
    return path


def best_line(cost: Floats, bend: float) -> NDArray[np.int_]:
    """The line of least cost through columns (stations, depth); a change of depth costs `bend` a step."""
    count, depth = cost.shape
    price = bend * np.abs(np.arange(depth)[:, None] - np.arange(depth))
    total, came = cost[0], np.zeros((count, depth), int)
    for k in range(1, count):
        ways = total[None] + price
        came[k] = ways.argmin(axis=1)
        total = cost[k] + ways.min(axis=1)
    line = np.zeros(count, int)
    line[-1] = int(total.argmin())
    for k in range(count - 1, 0, -1):
        line[k - 1] = came[k, line[k]]
    return line
