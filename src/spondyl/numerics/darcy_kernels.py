"""Compiled loops of flow through a porous medium: conjugate gradients over a list of cells, links, speeds.

A list of unknowns stands for cells in C order, so the neighbours along +x, +y, +z come later in it; each unknown keeps
the links to those three and to one pooled unknown at the end, if there is one. Import inside functions: numba takes a
second to load.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

_FAST: dict[str, Any] = {"fastmath": True, "error_model": "numpy", "cache": True, "boundscheck": False}
_KEPT = 0.97  # of the fill that the factor drops; 1 keeps row sums exactly, and was less steady on rough fields


@nb.njit(**_FAST)
def find_neighbours(number, places):
    """Numbers of the cells at -x, +x, -y, +y, -z, +z of each, -1 where there is none; shape (n, 6)."""
    found = np.full((places.shape[0], 6), -1, np.int32)
    for cell in range(places.shape[0]):
        i, j, k = places[cell]
        if i > 0:
            found[cell, 0] = number[i - 1, j, k]
        if i + 1 < number.shape[0]:
            found[cell, 1] = number[i + 1, j, k]
        if j > 0:
            found[cell, 2] = number[i, j - 1, k]
        if j + 1 < number.shape[1]:
            found[cell, 3] = number[i, j + 1, k]
        if k > 0:
            found[cell, 4] = number[i, j, k - 1]
        if k + 1 < number.shape[2]:
            found[cell, 5] = number[i, j, k + 1]
    return found


@nb.njit(**_FAST)
def _multiply(higher, links, diagonal, x, out):
    cells = higher.shape[0]
    for u in range(diagonal.size):
        out[u] = diagonal[u] * x[u]
    for u in range(cells):
        here, flow = x[u], 0.0
        for way in range(4):
            v = higher[u, way]
            if v >= 0:
                flow += links[u, way] * x[v]
                out[v] -= links[u, way] * here
        out[u] -= flow


@nb.njit(**_FAST)
def _factor(higher, links, diagonal, pivots):
    """Pivots of the incomplete factor: the diagonal less what elimination of lower unknowns takes from it.

    Links between cells that elimination would make and the factor drops are taken from the diagonal too (modified
    factor, Gustafsson 1978), so that an even pressure is nearly solved at once.
    """
    for u in range(diagonal.size):
        pivots[u] = diagonal[u]
    for u in range(higher.shape[0]):
        if pivots[u] < 1e-3 * diagonal[u]:  # rounding ate it: the row's own diagonal is safe
            pivots[u] = diagonal[u]
        together = links[u, 0] + links[u, 1] + links[u, 2]
        for way in range(4):
            v = higher[u, way]
            if v >= 0:
                dropped = _KEPT * (together - links[u, way]) if way < 3 else 0.0
                pivots[v] -= links[u, way] * (links[u, way] + dropped) / pivots[u]
    for u in range(diagonal.size):
        if pivots[u] < 1e-3 * diagonal[u]:
            pivots[u] = diagonal[u]
        pivots[u] = 1.0 / pivots[u]


@nb.njit(**_FAST)
def _precondition(higher, links, pivots, residual, out):
    cells, count = higher.shape[0], pivots.size
    for u in range(count):
        out[u] = residual[u]
    for u in range(cells):
        scaled = out[u] * pivots[u]
        for way in range(4):
            v = higher[u, way]
            if v >= 0:
                out[v] += links[u, way] * scaled
    for u in range(cells, count):
        out[u] *= pivots[u]
    for u in range(cells - 1, -1, -1):
        total = out[u]
        for way in range(4):
            v = higher[u, way]
            if v >= 0:
                total += links[u, way] * out[v]
        out[u] = total * pivots[u]


@nb.njit(**_FAST)
def conjugate_gradients(higher, links, diagonal, right, x, goal, history):
    """Solve from the x given, in place, until the absolute residuals sum to at most the goal.

    Gives the number of iterations, negative where the goal was not met; `history` holds the sums, the start's first.
    """
    count = diagonal.size
    pivots, residual = np.empty(count), np.empty(count)
    step, direction, pushed = np.empty(count), np.zeros(count), np.empty(count)
    _factor(higher, links, diagonal, pivots)
    _multiply(higher, links, diagonal, x, pushed)
    total = 0.0
    for u in range(count):
        residual[u] = right[u] - pushed[u]
        total += abs(residual[u])
    history[0] = total
    before = 1.0
    for done in range(history.size):
        if total <= goal:
            return done
        if done == history.size - 1:
            break
        _precondition(higher, links, pivots, residual, step)
        now = 0.0
        for u in range(count):
            now += residual[u] * step[u]
        ratio = now / before if done > 0 else 0.0
        for u in range(count):
            direction[u] = step[u] + ratio * direction[u]
        before = now
        _multiply(higher, links, diagonal, direction, pushed)
        stiffness = 0.0
        for u in range(count):
            stiffness += direction[u] * pushed[u]
        length = now / stiffness
        total = 0.0
        for u in range(count):
            x[u] += length * direction[u]
            residual[u] -= length * pushed[u]
            total += abs(residual[u])
        history[done + 1] = total
    return -(history.size - 1)
