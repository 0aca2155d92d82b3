"""Compiled loops of linear elasticity: the operator of `elasticity.apply_stiffness`, alone or with a smoothing step.

In sums and differences of its eight corners a voxel's displacement is a polynomial in ξ, η, ζ, and strain energy
couples few of its terms: some 45 of 576 products remain. Sums along an axis are shared by the neighbours of a row.

One pass goes from plane to plane along x. When a plane's forces are whole they are used at once, while they are in the
cache: written, taken from the load, or turned into a step of the smoother. Only three planes of forces are kept.

What makes the compiler use its vector units, measured: all lines of a row lie in one array, each at a constant place
(a place that is an argument does not do); several lines go through one loop; no number of double precision stands
beside single ones. Arrays on nodes as in `elasticity`, in one piece, with a plane as one line: (3, x, y z); a shape of
four takes longer to compile, as does `reshape`. The z size in voxels must be a multiple of `BLOCK`.
Import inside functions: numba takes a second to load.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

BLOCK = 16  # voxels along z in one pass of the vector units
TILE = 64  # and in one row of lines
_PITCH = TILE + 32
_NEAR = 16  # lines begin here: six of displacements in two planes of nodes,
_MOVED = _NEAR + 6 * _PITCH  # twelve of their sums in the row of nodes before,
_HELD = _MOVED + 12 * _PITCH  # twelve of forces for the row of nodes to come,
_OUT = _HELD + 12 * _PITCH  # twelve of forces for the row that is whole: six at a voxel's near end, six at its far one
LINES = _OUT + 12 * _PITCH

PUSH, LACK, SMOOTH = 0, 1, 2
"""What becomes of the forces f of a displacement u: out = f; out = right - f where unknown; a step of the smoother,
out = keep * out + add * D⁻¹ (right - f), u += out."""

_FAST: dict[str, Any] = {
    "fastmath": True, "error_model": "numpy", "cache": True, "boundscheck": False, "nogil": True
}  # fmt: skip
# Called by loops of this file alone: no wrapper for calls from outside, no place of their own in the compiler's store.
_PIECE: dict[str, Any] = {**_FAST, "cache": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_INLINE: dict[str, Any] = {**_PIECE, "forceinline": True}


@nb.njit(**_PIECE)
def _clear(numbers):
    """As a slice, its shapes would be compared, which takes seconds to compile."""
    for k in range(numbers.shape[0]):
        numbers[k] = 0


@nb.njit(**_PIECE)
def _clear_rows(plane, near, pitch):
    for component in range(3):
        for j in range(near.shape[0]):
            if near[j]:
                _clear(plane[component, j * pitch : (j + 1) * pitch])


@nb.njit(**_PIECE)
def _copy(numbers, to):
    for k in range(numbers.shape[0]):
        to[k] = numbers[k]


@nb.njit(**_PIECE)
def _take(u, i, row, lines, count):
    """A row of the planes of nodes i and i + 1: loops of one row each, which so short are vectorised only then."""
    for component in range(3):
        at = _NEAR + 2 * component * _PITCH
        near, far = u[component, i, row:], u[component, i + 1, row:]
        to = lines[at:]
        for k in range(count + 1):
            to[k] = near[k]
        to = lines[at + _PITCH :]
        for k in range(count + 1):
            to[k] = far[k]


@nb.njit(**_PIECE)
def _give(low, high, row, lines, count):
    """Forces of the row that is whole, added to two planes of nodes, three in a loop as in `_take`."""
    x, y, z = low[0, row:], low[1, row:], low[2, row:]
    for k in range(count + 1):
        x[k] += lines[_OUT + k] + lines[_OUT + _PITCH + k]
        y[k] += lines[_OUT + 4 * _PITCH + k] + lines[_OUT + 5 * _PITCH + k]
        z[k] += lines[_OUT + 8 * _PITCH + k] + lines[_OUT + 9 * _PITCH + k]
    x, y, z = high[0, row:], high[1, row:], high[2, row:]
    for k in range(count + 1):
        x[k] += lines[_OUT + 2 * _PITCH + k] + lines[_OUT + 3 * _PITCH + k]
        y[k] += lines[_OUT + 6 * _PITCH + k] + lines[_OUT + 7 * _PITCH + k]
        z[k] += lines[_OUT + 10 * _PITCH + k] + lines[_OUT + 11 * _PITCH + k]


@nb.njit(**_INLINE)
def _terms(lines, at, before):
    """Terms 010, 001, 011, 100, 110, 101, 111 of a component (powers of ξ, η, ζ), from the row before and this one.

    Places of lines are sums, not numbers of the component: for each number it would be compiled anew.
    """
    near_sum, near_change = lines[at] + lines[at + 1], lines[at + 1] - lines[at]
    at += _PITCH
    far_sum, far_change = lines[at] + lines[at + 1], lines[at + 1] - lines[at]
    n00, n01, n10, n11 = near_sum + far_sum, near_change + far_change, far_sum - near_sum, far_change - near_change
    at = before
    o00, o01, o10, o11 = lines[at], lines[at + _PITCH], lines[at + 2 * _PITCH], lines[at + 3 * _PITCH]
    lines[at], lines[at + _PITCH], lines[at + 2 * _PITCH], lines[at + 3 * _PITCH] = n00, n01, n10, n11
    return n00 - o00, o01 + n01, n01 - o01, o10 + n10, n10 - o10, o11 + n11, n11 - o11


@nb.njit(**_INLINE)
def _begin(lines, at, before, held):
    """As `_terms` of the first row of nodes, which has no row before; nothing is held for it."""
    near_sum, near_change = lines[at] + lines[at + 1], lines[at + 1] - lines[at]
    at += _PITCH
    far_sum, far_change = lines[at] + lines[at + 1], lines[at + 1] - lines[at]
    at = before
    lines[at], lines[at + _PITCH] = near_sum + far_sum, near_change + far_change
    lines[at + 2 * _PITCH], lines[at + 3 * _PITCH] = far_sum - near_sum, far_change - near_change
    at = held
    lines[at] = lines[at + _PITCH] = lines[at + 2 * _PITCH] = lines[at + 3 * _PITCH] = 0


@nb.njit(**_INLINE)
def _end(lines, at, whole):
    """As `_forces` of the last row of nodes, which has no row to come."""
    o00, o01, o10, o11 = lines[at], lines[at + _PITCH], lines[at + 2 * _PITCH], lines[at + 3 * _PITCH]
    at = whole
    near, far, near_turned, far_turned = o00 - o01, o00 + o01, o10 - o11, o10 + o11
    lines[at], lines[at + _PITCH + 1] = near - near_turned, far - far_turned
    lines[at + 2 * _PITCH], lines[at + 3 * _PITCH + 1] = near + near_turned, far + far_turned


@nb.njit(**_INLINE)
def _forces(lines, at, whole, f010, f001, f011, f100, f110, f101, f111):
    """The transpose of `_terms`: to the row of nodes before, which is whole now, and kept for this one."""
    o00, o01 = lines[at] - f010, lines[at + _PITCH] + f001 - f011
    o10, o11 = lines[at + 2 * _PITCH] + f100 - f110, lines[at + 3 * _PITCH] + f101 - f111
    lines[at], lines[at + _PITCH] = f010, f001 + f011
    lines[at + 2 * _PITCH], lines[at + 3 * _PITCH] = f100 + f110, f101 + f111
    at = whole
    near, far, near_turned, far_turned = o00 - o01, o00 + o01, o10 - o11, o10 + o11
    lines[at], lines[at + _PITCH + 1] = near - near_turned, far - far_turned
    lines[at + 2 * _PITCH], lines[at + 3 * _PITCH + 1] = near + near_turned, far + far_turned


@nb.njit(**_INLINE)
def _push(c11, c22, c33, c12, c13, c23, c44, c55, c66, third, lines, k):
    """One voxel: terms of displacement from two rows of nodes, times stiffness, to forces.

    A name says component and powers of ξ, η, ζ: y011 belongs to u_y and ηζ. Energy of a strain's term weighs 1 where it
    is constant, 1/3 where linear, 1/9 where bilinear.
    """
    x010, x001, x011, x100, x110, x101, x111 = _terms(lines, _NEAR + k, _MOVED + k)
    y010, y001, y011, y100, y110, y101, y111 = _terms(lines, _NEAR + 2 * _PITCH + k, _MOVED + 4 * _PITCH + k)
    z010, z001, z011, z100, z110, z101, z111 = _terms(lines, _NEAR + 4 * _PITCH + k, _MOVED + 8 * _PITCH + k)

    fx100 = c11 * x100 + c12 * y010 + c13 * z001
    fy010 = c12 * x100 + c22 * y010 + c23 * z001
    fz001 = c13 * x100 + c23 * y010 + c33 * z001
    xy, xz, yz = c66 * (x010 + y100), c55 * (x001 + z100), c44 * (y001 + z010)
    c44, c55, c66 = c44 * third, c55 * third, c66 * third
    c11, c22, c33 = c11 * third, c22 * third, c33 * third
    c12, c13, c23 = c12 * third, c13 * third, c23 * third
    fy110 = (c22 + c66) * y110 + c23 * z101
    fz101 = c23 * y110 + (c33 + c55) * z101
    fx110 = (c11 + c66) * x110 + c13 * z011
    fz011 = c13 * x110 + (c33 + c44) * z011
    fx101 = (c11 + c55) * x101 + c12 * y011
    fy011 = c12 * x101 + (c22 + c44) * y011
    xy_z, xz_y, yz_x = c66 * (x011 + y101), c55 * (x011 + z110), c44 * (y101 + z110)
    fx011, fy101, fz110 = xy_z + xz_y, xy_z + yz_x, xz_y + yz_x
    fx111 = third * (c11 + c66 + c55) * x111
    fy111 = third * (c22 + c66 + c44) * y111
    fz111 = third * (c33 + c55 + c44) * z111

    _forces(lines, _HELD + k, _OUT + k, xy, xz, fx011, fx100, fx110, fx101, fx111)
    _forces(lines, _HELD + 4 * _PITCH + k, _OUT + 4 * _PITCH + k, fy010, yz, fy011, xy, fy110, fy101, fy111)
    _forces(lines, _HELD + 8 * _PITCH + k, _OUT + 8 * _PITCH + k, yz, fz001, fz011, xz, fz110, fz101, fz111)


@nb.njit(**_PIECE)
def _isotropic_row(lame, shear, third, lines, count):
    for block in range(count // BLOCK):
        for lane in range(BLOCK):
            k = block * BLOCK + lane
            lam, g = lame[k], shear[k]
            whole = lam + g + g
            _push(whole, whole, whole, lam, lam, lam, g, g, g, third, lines, k)


@nb.njit(**_PIECE)
def _orthotropic_row(c0, c1, c2, c3, c4, c5, c6, c7, c8, third, lines, count):
    for block in range(count // BLOCK):
        for lane in range(BLOCK):
            k = block * BLOCK + lane
            _push(c0[k], c1[k], c2[k], c3[k], c4[k], c5[k], c6[k], c7[k], c8[k], third, lines, k)


@nb.njit(**_PIECE)
def _first_row(lines, count):
    for block in range(count // BLOCK):
        for lane in range(BLOCK):
            k = block * BLOCK + lane
            _begin(lines, _NEAR + k, _MOVED + k, _HELD + k)
            _begin(lines, _NEAR + 2 * _PITCH + k, _MOVED + 4 * _PITCH + k, _HELD + 4 * _PITCH + k)
            _begin(lines, _NEAR + 4 * _PITCH + k, _MOVED + 8 * _PITCH + k, _HELD + 8 * _PITCH + k)
    for line in range(0, 12, 2):  # the far end of what ends at near ends; a longer tile may have left something there
        lines[_OUT + line * _PITCH + count] = 0


@nb.njit(**_PIECE)
def _last_row(lines, count):
    for block in range(count // BLOCK):
        for lane in range(BLOCK):
            k = block * BLOCK + lane
            _end(lines, _HELD + k, _OUT + k)
            _end(lines, _HELD + 4 * _PITCH + k, _OUT + 4 * _PITCH + k)
            _end(lines, _HELD + 8 * _PITCH + k, _OUT + 8 * _PITCH + k)


@nb.njit(**_PIECE)
def _run(solid, i, tile, j):
    """Where the next rows with material begin and end."""
    while j < solid.shape[1] and not solid[i, j, tile]:
        j += 1
    first = j
    while j < solid.shape[1] and solid[i, j, tile]:
        j += 1
    return first, j


# As `lack` and `smooth` of `multigrid_kernels`: the compiler's store would not notice that those were changed.
@nb.njit(**_PIECE)
def _lack(forces, given, known, to):
    for k in range(forces.shape[0]):
        to[k] = given[k] - forces[k] if known[k] != 0 else 0


@nb.njit(**_PIECE)
def _smooth(forces, given, known, to, moved, keep, add):
    for k in range(forces.shape[0]):
        step = keep * to[k] + add * known[k] * (given[k] - forces[k])
        to[k] = step
        moved[k] += step


@nb.njit(**_PIECE)
def _use(task, forces, i, rows, pitch, u, right, inverse, out, keep, add):
    """The plane i of forces is whole; rows side by side are one loop, of its own: else it is not vectorised."""
    for component in range(3):
        first = 0
        while first < rows.shape[1]:
            last, there = first, rows[i, first]
            while last < rows.shape[1] and rows[i, last] == there:
                last += 1
            at, end = first * pitch, last * pitch
            f, to = forces[component, at:end], out[component, i, at:end]
            given, known = right[component, i, at:end], inverse[component, i, at:end]
            if not there:
                if task != SMOOTH:
                    _clear(to)
            elif task == PUSH:
                _copy(f, to)
            elif task == LACK:
                _lack(f, given, known, to)
            else:
                _smooth(f, given, known, to, u[component, i, at:end], keep, add)
            first = last


@nb.njit(**_FAST)
def sweep_isotropic(task, c, u, right, inverse, out, keep, add, solid, near, rows, planes, lines, start, stop):
    """The slabs of voxels `start` to `stop`: the forces of u, used as `task` says.

    Parameters
    ----------
    c
        Coefficients times edge/16, (2, nx, ny, nz).
    right, inverse, out, keep, add
        As `PUSH`, `LACK` and `SMOOTH` say; arrays like u.
    solid
        Which rows along z of `TILE` voxels hold material, (nx, ny, tiles).
    near
        Which rows of nodes lie at one of these, (nx+1, ny+1).
    rows
        Which rows of nodes the forces are used of, (nx+1, ny+1): all voxels about them must be in `solid`. Elsewhere
        `PUSH` and `LACK` write 0, and `SMOOTH` nothing.
    planes, lines
        Scratch, (3, 3, (ny+1)(nz+1)) and `LINES`, of zeros at first. The first and last plane's forces are not whole
        unless the body ends there: they are left in `planes[2]` and `planes[stop % 2]`. With `start` = `stop` that
        plane's forces are `planes[0]`, and whole.
    """
    pitch = c.shape[3] + 1
    if start == stop:
        _use(task, planes[0], start, rows, pitch, u, right, inverse, out, keep, add)
        return
    third = lines.dtype.type(1.0 / 3.0)
    _clear_rows(planes[start % 2], near[start], pitch)
    for i in range(start, stop):
        low, high = planes[i % 2], planes[(i + 1) % 2]
        _clear_rows(high, near[i + 1], pitch)
        for tile in range(solid.shape[2]):
            k0 = tile * TILE
            count = min(TILE, c.shape[3] - k0)
            first = np.int64(0)  # a literal: `_run` would be compiled for it too
            while True:
                first, last = _run(solid, i, tile, first)
                if first == last:
                    break
                _take(u, i, first * pitch + k0, lines, count)
                _first_row(lines, count)
                for j in range(first, last):
                    _take(u, i, (j + 1) * pitch + k0, lines, count)
                    _isotropic_row(c[0, i, j, k0:], c[1, i, j, k0:], third, lines, count)
                    _give(low, high, j * pitch + k0, lines, count)
                _last_row(lines, count)
                _give(low, high, last * pitch + k0, lines, count)
                first = last
        if i > start or start == 0:
            _use(task, low, i, rows, pitch, u, right, inverse, out, keep, add)
        else:
            for component in range(3):
                _copy(low[component], planes[2, component])
    if stop == c.shape[1]:
        _use(task, planes[stop % 2], stop, rows, pitch, u, right, inverse, out, keep, add)


@nb.njit(**_FAST)
def sweep_orthotropic(task, c, u, right, inverse, out, keep, add, solid, near, rows, planes, lines, start, stop):
    """As `sweep_isotropic`, with nine coefficients: two functions, so that only the one in use is compiled."""
    pitch = c.shape[3] + 1
    if start == stop:
        _use(task, planes[0], start, rows, pitch, u, right, inverse, out, keep, add)
        return
    third = lines.dtype.type(1.0 / 3.0)
    _clear_rows(planes[start % 2], near[start], pitch)
    for i in range(start, stop):
        low, high = planes[i % 2], planes[(i + 1) % 2]
        _clear_rows(high, near[i + 1], pitch)
        for tile in range(solid.shape[2]):
            k0 = tile * TILE
            count = min(TILE, c.shape[3] - k0)
            first = np.int64(0)  # a literal: `_run` would be compiled for it too
            while True:
                first, last = _run(solid, i, tile, first)
                if first == last:
                    break
                _take(u, i, first * pitch + k0, lines, count)
                _first_row(lines, count)
                for j in range(first, last):
                    _take(u, i, (j + 1) * pitch + k0, lines, count)
                    c11, c22, c33 = c[0, i, j, k0:], c[1, i, j, k0:], c[2, i, j, k0:]
                    c12, c13, c23 = c[3, i, j, k0:], c[4, i, j, k0:], c[5, i, j, k0:]
                    c44, c55, c66 = c[6, i, j, k0:], c[7, i, j, k0:], c[8, i, j, k0:]
                    _orthotropic_row(c11, c22, c33, c12, c13, c23, c44, c55, c66, third, lines, count)
                    _give(low, high, j * pitch + k0, lines, count)
                _last_row(lines, count)
                _give(low, high, last * pitch + k0, lines, count)
                first = last
        if i > start or start == 0:
            _use(task, low, i, rows, pitch, u, right, inverse, out, keep, add)
        else:
            for component in range(3):
                _copy(low[component], planes[2, component])
    if stop == c.shape[1]:
        _use(task, planes[stop % 2], stop, rows, pitch, u, right, inverse, out, keep, add)
