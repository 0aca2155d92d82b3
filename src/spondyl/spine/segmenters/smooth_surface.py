"""Surfaces of least cost over a grid: one depth in each column, neighbours held together (semi-global matching)."""

from __future__ import annotations

import numpy as np

from spondyl.space import Floats
from spondyl.spine.segmenters.arrays import Grey

_WRAPPED = 16  # columns repeated at both ends of a closed axis


def least_surface(cost: Grey, price: float, *, closed: bool = False) -> Floats:
    """The depth of least cost in each column, with costs gathered along four directions.

    Parameters
    ----------
    cost
        Shape (n, m, depths).
    price
        Of a change of depth between neighbouring columns, a step.
    closed
        Whether axis 0 goes round, as angles do.

    Returns
    -------
    Depth index of each column, shape (n, m), between whole steps by a parabola through the costs beside the least.
    """
    from spondyl.spine.segmenters.layer_kernels import add_paths

    wrap = min(_WRAPPED, len(cost)) if closed else 0
    long = np.concatenate([cost[len(cost) - wrap :], cost, cost[:wrap]]) if wrap else cost
    along = np.zeros_like(long, np.float32)
    add_paths(np.ascontiguousarray(long, np.float32), np.float32(price), along)
    across = np.zeros((cost.shape[1], cost.shape[0], cost.shape[2]), np.float32)
    add_paths(np.ascontiguousarray(cost.transpose(1, 0, 2), np.float32), np.float32(price), across)
    total = along[wrap : wrap + len(cost)] + across.transpose(1, 0, 2) - 3 * cost
    return _lowest(total)


def gathered_plainly(cost: Grey, price: float) -> Grey:
    """What the compiled `add_paths` gathers along axis 0, in plain NumPy."""
    total = np.zeros_like(cost, np.float32)
    steps = np.abs(np.arange(cost.shape[2])[:, None] - np.arange(cost.shape[2])) * np.float32(price)
    for order in (range(len(cost)), range(len(cost) - 1, -1, -1)):
        now = np.zeros(cost.shape[1:], np.float32)
        for n, i in enumerate(order):
            if n:
                now = (now[:, None, :] + steps).min(axis=2)
                now = now - now.min(axis=1, keepdims=True)
            now = now + cost[i]
            total[i] += now
    return total


def _lowest(total: Grey) -> Floats:
    best = total.argmin(axis=2)
    inner = np.clip(best, 1, total.shape[2] - 2)
    a, b = np.ogrid[: total.shape[0], : total.shape[1]]
    left, middle, right = (total[a, b, inner + step].astype(np.float64) for step in (-1, 0, 1))
    bend = left - 2 * middle + right
    shift = np.where(bend > 1e-6, 0.5 * (left - right) / np.where(bend > 1e-6, bend, 1.0), 0.0)
    return np.asarray(np.where(best == inner, inner + np.clip(shift, -0.5, 0.5), best), np.float64)
