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
# Parts of `conjugate_gradients`, put into it before anything else: where the compiler chose by itself, processes that
# compiled at once rounded otherwise than one that found the loop in the store, and leaks are to be the same everywhere.
_PIECE: dict[str, Any] = {
    **_FAST, "cache": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True, "forceinline": True
}  # fmt: skip
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


@nb.njit(**_PIECE)
def _far_neighbours(higher):
    """Of each cell the unknowns at +x and +y, itself where there is none: its link is 0 there. (n, 2)

    The one at +z, if any, is the next in the list; the pool, if any, the last.
    """
    found = np.empty((higher.shape[0], 2), np.uint32)
    for u in range(higher.shape[0]):
        for way in range(2):
            v = higher[u, way]
            found[u, way] = v if v >= 0 else u
    return found


@nb.njit(**_PIECE)
def _multiply(far, links, diagonal, x, out):
    """Matrix times x into out, which is all 0 before; gives x times that."""
    cells, count = far.shape[0], diagonal.size
    pool = x[count - 1] if count > cells else 0.0
    below, to_pool, product = 0.0, 0.0, 0.0
    for u in range(cells):
        here = x[u]
        above = x[u + 1] if u + 1 < count else 0.0
        flow = links[u, 0] * x[far[u, 0]] + links[u, 1] * x[far[u, 1]] + links[u, 2] * above + links[u, 3] * pool
        out[far[u, 0]] -= links[u, 0] * here
        out[far[u, 1]] -= links[u, 1] * here
        to_pool += links[u, 3] * here
        done = out[u] + diagonal[u] * here - flow - below
        out[u] = done
        product += done * here
        below = links[u, 2] * here
    if count > cells:
        out[cells] = diagonal[cells] * pool - to_pool
        product += out[cells] * pool
    return product


@nb.njit(**_PIECE)
def _factor(far, links, diagonal, pivots):
    """Inverse pivots of the incomplete factor: of the diagonal less what elimination of lower unknowns takes from it.

    Links between cells that elimination would make and the factor drops are taken from the diagonal too (modified
    factor, Gustafsson 1978), so that an even pressure is nearly solved at once.
    """
    cells, count = far.shape[0], diagonal.size
    for u in range(count):
        pivots[u] = diagonal[u]
    below, from_pool = 0.0, 0.0
    for u in range(cells):
        pivot = pivots[u] - below
        if pivot < 1e-3 * diagonal[u]:  # rounding ate it: the row's own diagonal is safe
            pivot = diagonal[u]
        inverse = 1.0 / pivot
        pivots[u] = inverse
        x, y, z, pool = links[u, 0], links[u, 1], links[u, 2], links[u, 3]
        pivots[far[u, 0]] -= x * (x + _KEPT * (y + z)) * inverse
        pivots[far[u, 1]] -= y * (y + _KEPT * (x + z)) * inverse
        below = z * (z + _KEPT * (x + y)) * inverse
        from_pool += pool * pool * inverse
    if count > cells:
        pivot = diagonal[cells] - from_pool
        pivots[cells] = 1.0 / (pivot if pivot >= 1e-3 * diagonal[cells] else diagonal[cells])


@nb.njit(**_PIECE)
def _precondition(far, links, pivots, residual, out):
    """The factor's answer for a residual; gives both times one another.

    Along z each cell waits for the one before: so all that does not is added up first.
    """
    cells, count = far.shape[0], pivots.size
    for u in range(cells):
        out[u] = residual[u]
    to_pool, scaled, link = 0.0, 0.0, 0.0
    for u in range(cells):
        scaled = out[u] * pivots[u] + link * pivots[u] * scaled
        out[u] = scaled
        out[far[u, 0]] += links[u, 0] * scaled
        out[far[u, 1]] += links[u, 1] * scaled
        to_pool += links[u, 3] * scaled
        link = links[u, 2]
    pool, product = 0.0, 0.0
    if count > cells:
        pool = (residual[cells] + to_pool) * pivots[cells]
        out[cells] = pool
        product = pool * residual[cells]
    found = 0.0
    for u in range(cells - 1, -1, -1):
        apart = links[u, 0] * out[far[u, 0]] + links[u, 1] * out[far[u, 1]] + links[u, 3] * pool
        found = out[u] + pivots[u] * apart + links[u, 2] * pivots[u] * found
        out[u] = found
        product += found * residual[u]
    return product


@nb.njit(**_FAST)
def conjugate_gradients(higher, links, diagonal, right, x, goal, history):
    """Solve from the x given, in place, until the absolute residuals sum to at most the goal.

    Links to what is not there are 0. Gives the number of iterations, negative where the goal was not met; `history`
    holds the sums, the start's first.
    """
    count = diagonal.size
    pivots, residual = np.empty(count), np.empty(count)
    step, direction, pushed = np.empty(count), np.zeros(count), np.zeros(count)
    far = _far_neighbours(higher)
    _multiply(far, links, diagonal, x, pushed)
    total = 0.0
    for u in range(count):
        residual[u] = right[u] - pushed[u]
        total += abs(residual[u])
    history[0] = total
    if total > goal:
        _factor(far, links, diagonal, pivots)
    before = 1.0
    for done in range(history.size):
        if total <= goal:
            return done
        if done == history.size - 1:
            break
        now = _precondition(far, links, pivots, residual, step)
        ratio = now / before if done > 0 else 0.0
        for u in range(count):
            direction[u] = step[u] + ratio * direction[u]
            pushed[u] = 0.0
        before = now
        length = now / _multiply(far, links, diagonal, direction, pushed)
        total = 0.0
        for u in range(count):
            x[u] += length * direction[u]
            residual[u] -= length * pushed[u]
            total += abs(residual[u])
        history[done + 1] = total
    return -(history.size - 1)
