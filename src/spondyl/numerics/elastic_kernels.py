"""Compiled loops of linear elasticity: the operator of `elasticity.apply_stiffness`, transfers and smoothing.

In sums and differences of its eight corners a voxel's displacement is a polynomial in ξ, η, ζ, and strain energy
couples few of its terms: some 45 of 576 products remain. Sums along an axis are shared by the neighbours of a row. All
lines of a tile lie in one array at a fixed pitch, so the compiler can prove that they do not overlap and vectorise.

Arrays as in `elasticity`: (3, x, y, z). The z size in voxels must be a multiple of `BLOCK`. Import inside functions:
numba takes a second to load.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from typing import Any

import numba as nb

from spondyl.numerics.threaded import in_threads

BLOCK = 16  # voxels along z in one pass of the vector units
_TILE = 64
_PITCH = _TILE + 16
_PAD = 8
_Y = 12 * _PITCH  # lines of forces lie behind those of displacements
_SLOT = 24 * _PITCH  # two neighbouring rows of nodes, the nearer first
LINES = 2 * _SLOT + 64
_THIRD = 1.0 / 3.0
_NINTH = 1.0 / 9.0

_FAST: dict[str, Any] = {"fastmath": True, "error_model": "numpy", "cache": True, "boundscheck": False}
# Inlined before types are found: a third less time in the loop than inlined by LLVM, and a third less to compile.
_INLINE: dict[str, Any] = {**_FAST, "inline": "always"}


@nb.njit(**_INLINE)
def _gather(near, far, lines, at, count):
    """Sums and differences along z and x of two rows of nodes, to four lines from `at`."""
    for block in range(count // BLOCK):
        for lane in range(BLOCK):
            k = block * BLOCK + lane
            near_sum, near_difference = near[k] + near[k + 1], near[k + 1] - near[k]
            far_sum, far_difference = far[k] + far[k + 1], far[k + 1] - far[k]
            lines[at + _PAD + k] = near_sum + far_sum
            lines[at + _PITCH + _PAD + k] = near_difference + far_difference
            lines[at + 2 * _PITCH + _PAD + k] = far_sum - near_sum
            lines[at + 3 * _PITCH + _PAD + k] = far_difference - near_difference


@nb.njit(**_INLINE)
def _scatter(near, far, lines, at, count):
    """Adds what `_gather` reads: its transpose."""
    for block in range(count // BLOCK):
        for lane in range(BLOCK):
            k = block * BLOCK + lane
            here, there = at + _PAD + k, at + _PITCH + _PAD + k
            same = lines[here] - lines[there] + lines[here - 1] + lines[there - 1]
            here, there = at + 2 * _PITCH + _PAD + k, at + 3 * _PITCH + _PAD + k
            turned = lines[here] - lines[there] + lines[here - 1] + lines[there - 1]
            near[k] += same - turned
            far[k] += same + turned
    last = at + _PAD + count - 1
    same = lines[last] + lines[last + _PITCH]
    turned = lines[last + 2 * _PITCH] + lines[last + 3 * _PITCH]
    near[count] += same - turned
    far[count] += same + turned


@nb.njit(**_INLINE)
def _push(c11, c22, c33, c12, c13, c23, c44, c55, c66, lines, k):
    """One voxel: terms of displacement from both rows of nodes, times stiffness, to the rows of forces.

    A name says component and powers of ξ, η, ζ: y011 belongs to u_y and ηζ. Energy of a strain's term weighs 1 where it
    is constant, 1/3 where linear, 1/9 where bilinear.
    """
    at, to = _PAD + k, _SLOT + _PAD + k
    p = _PITCH
    x010 = lines[to] - lines[at]
    x001, x011 = lines[at + p] + lines[to + p], lines[to + p] - lines[at + p]
    x100, x110 = lines[at + 2 * p] + lines[to + 2 * p], lines[to + 2 * p] - lines[at + 2 * p]
    x101, x111 = lines[at + 3 * p] + lines[to + 3 * p], lines[to + 3 * p] - lines[at + 3 * p]
    y010 = lines[to + 4 * p] - lines[at + 4 * p]
    y001, y011 = lines[at + 5 * p] + lines[to + 5 * p], lines[to + 5 * p] - lines[at + 5 * p]
    y100, y110 = lines[at + 6 * p] + lines[to + 6 * p], lines[to + 6 * p] - lines[at + 6 * p]
    y101, y111 = lines[at + 7 * p] + lines[to + 7 * p], lines[to + 7 * p] - lines[at + 7 * p]
    z010 = lines[to + 8 * p] - lines[at + 8 * p]
    z001, z011 = lines[at + 9 * p] + lines[to + 9 * p], lines[to + 9 * p] - lines[at + 9 * p]
    z100, z110 = lines[at + 10 * p] + lines[to + 10 * p], lines[to + 10 * p] - lines[at + 10 * p]
    z101, z111 = lines[at + 11 * p] + lines[to + 11 * p], lines[to + 11 * p] - lines[at + 11 * p]

    fx100 = c11 * x100 + c12 * y010 + c13 * z001
    fy010 = c12 * x100 + c22 * y010 + c23 * z001
    fz001 = c13 * x100 + c23 * y010 + c33 * z001
    xy, xz, yz = c66 * (x010 + y100), c55 * (x001 + z100), c44 * (y001 + z010)
    c44, c55, c66 = c44 * _THIRD, c55 * _THIRD, c66 * _THIRD
    c11, c22, c33 = c11 * _THIRD, c22 * _THIRD, c33 * _THIRD
    c12, c13, c23 = c12 * _THIRD, c13 * _THIRD, c23 * _THIRD
    fy110 = (c22 + c66) * y110 + c23 * z101
    fz101 = c23 * y110 + (c33 + c55) * z101
    fx110 = (c11 + c66) * x110 + c13 * z011
    fz011 = c13 * x110 + (c33 + c44) * z011
    fx101 = (c11 + c55) * x101 + c12 * y011
    fy011 = c12 * x101 + (c22 + c44) * y011
    xy_z, xz_y, yz_x = c66 * (x011 + y101), c55 * (x011 + z110), c44 * (y101 + z110)
    fx011, fy101, fz110 = xy_z + xz_y, xy_z + yz_x, xz_y + yz_x
    fx111 = _THIRD * (c11 + c66 + c55) * x111
    fy111 = _THIRD * (c22 + c66 + c44) * y111
    fz111 = _THIRD * (c33 + c55 + c44) * z111

    at, to = at + _Y, to + _Y
    lines[at] += -xy
    lines[to] = xy
    lines[at + p] += xz - fx011
    lines[to + p] = xz + fx011
    lines[at + 2 * p] += fx100 - fx110
    lines[to + 2 * p] = fx100 + fx110
    lines[at + 3 * p] += fx101 - fx111
    lines[to + 3 * p] = fx101 + fx111
    lines[at + 4 * p] += -fy010
    lines[to + 4 * p] = fy010
    lines[at + 5 * p] += yz - fy011
    lines[to + 5 * p] = yz + fy011
    lines[at + 6 * p] += xy - fy110
    lines[to + 6 * p] = xy + fy110
    lines[at + 7 * p] += fy101 - fy111
    lines[to + 7 * p] = fy101 + fy111
    lines[at + 8 * p] += -yz
    lines[to + 8 * p] = yz
    lines[at + 9 * p] += fz001 - fz011
    lines[to + 9 * p] = fz001 + fz011
    lines[at + 10 * p] += xz - fz110
    lines[to + 10 * p] = xz + fz110
    lines[at + 11 * p] += fz101 - fz111
    lines[to + 11 * p] = fz101 + fz111


@nb.njit(**_INLINE)
def _push_isotropic(c, i, j, k0, lines, count):
    lame, shear = c[0, i, j, k0:], c[1, i, j, k0:]
    for block in range(count // BLOCK):
        for lane in range(BLOCK):
            k = block * BLOCK + lane
            lam, g = lame[k], shear[k]
            whole = lam + g + g
            _push(whole, whole, whole, lam, lam, lam, g, g, g, lines, k)


@nb.njit(**_INLINE)
def _push_orthotropic(c, i, j, k0, lines, count):
    c0, c1, c2 = c[0, i, j, k0:], c[1, i, j, k0:], c[2, i, j, k0:]
    c3, c4, c5 = c[3, i, j, k0:], c[4, i, j, k0:], c[5, i, j, k0:]
    c6, c7, c8 = c[6, i, j, k0:], c[7, i, j, k0:], c[8, i, j, k0:]
    for block in range(count // BLOCK):
        for lane in range(BLOCK):
            k = block * BLOCK + lane
            _push(c0[k], c1[k], c2[k], c3[k], c4[k], c5[k], c6[k], c7[k], c8[k], lines, k)


@nb.njit(**_INLINE)
def _gather_row(u, i, j, k0, lines, count):
    _gather(u[0, i, j, k0:], u[0, i + 1, j, k0:], lines, _SLOT, count)
    _gather(u[1, i, j, k0:], u[1, i + 1, j, k0:], lines, _SLOT + 4 * _PITCH, count)
    _gather(u[2, i, j, k0:], u[2, i + 1, j, k0:], lines, _SLOT + 8 * _PITCH, count)


@nb.njit(**_INLINE)
def _scatter_row(low, high, j, k0, lines, count):
    _scatter(low[0, j, k0:], high[0, j, k0:], lines, _Y, count)
    _scatter(low[1, j, k0:], high[1, j, k0:], lines, _Y + 4 * _PITCH, count)
    _scatter(low[2, j, k0:], high[2, j, k0:], lines, _Y + 8 * _PITCH, count)


@nb.njit(**_INLINE)
def _step(lines):
    for k in range(_SLOT):
        lines[k] = lines[_SLOT + k]


@nb.njit(**_FAST)
def _clear(plane):
    """Nothing in a plane of nodes; as a slice, its shapes would be compared, which takes three seconds to compile."""
    for a in range(3):
        for j in range(plane.shape[1]):
            for k in range(plane.shape[2]):
                plane[a, j, k] = 0


@nb.njit(**_FAST)
def _add(plane, to):
    for a in range(3):
        for j in range(plane.shape[1]):
            for k in range(plane.shape[2]):
                to[a, j, k] += plane[a, j, k]


@nb.njit(**_FAST)
def _isotropic_slab(c, u, i, low, high, lines, k0, count):
    """The voxels between two planes of nodes; row j + 1 is at hand when row j of voxels is pushed."""
    lines[:] = 0
    rows = c.shape[2]
    for j in range(rows + 2):
        if j <= rows:
            _gather_row(u, i, j, k0, lines, count)
            if j > 0:
                _push_isotropic(c, i, j - 1, k0, lines, count)
        if j > 0:
            _scatter_row(low, high, j - 1, k0, lines, count)
        _step(lines)


@nb.njit(**_FAST)
def _orthotropic_slab(c, u, i, low, high, lines, k0, count):
    """As `_isotropic_slab`: two functions, so that only the one in use is compiled."""
    lines[:] = 0
    rows = c.shape[2]
    for j in range(rows + 2):
        if j <= rows:
            _gather_row(u, i, j, k0, lines, count)
            if j > 0:
                _push_orthotropic(c, i, j - 1, k0, lines, count)
        if j > 0:
            _scatter_row(low, high, j - 1, k0, lines, count)
        _step(lines)


@in_threads(**_FAST)
def apply_isotropic(c, u, out, edges, lines):
    """out = K u. `c` are coefficients times edge/16; `edges` (threads, 3, ny+1, nz+1) and `lines` are scratch."""
    threads, nx, nz = edges.shape[0], c.shape[1], c.shape[3]
    for t in nb.prange(threads):
        start, stop = nx * t // threads, nx * (t + 1) // threads
        _clear(out[:, 0] if t == 0 else edges[t])
        for i in range(start, stop):
            _clear(out[:, i + 1])
            low = edges[t] if i == start and t > 0 else out[:, i]
            for k0 in range(0, nz, _TILE):
                _isotropic_slab(c, u, i, low, out[:, i + 1], lines[t], k0, min(_TILE, nz - k0))
    for t in range(1, threads):
        _add(edges[t], out[:, nx * t // threads])


@in_threads(**_FAST)
def apply_orthotropic(c, u, out, edges, lines):
    """As `apply_isotropic`."""
    threads, nx, nz = edges.shape[0], c.shape[1], c.shape[3]
    for t in nb.prange(threads):
        start, stop = nx * t // threads, nx * (t + 1) // threads
        _clear(out[:, 0] if t == 0 else edges[t])
        for i in range(start, stop):
            _clear(out[:, i + 1])
            low = edges[t] if i == start and t > 0 else out[:, i]
            for k0 in range(0, nz, _TILE):
                _orthotropic_slab(c, u, i, low, out[:, i + 1], lines[t], k0, min(_TILE, nz - k0))
    for t in range(1, threads):
        _add(edges[t], out[:, nx * t // threads])
