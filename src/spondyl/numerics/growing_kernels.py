"""Compiled loops of a body whose voxels have moved far: forces on their present places, and contact in a plane.

Voxels that move little keep the slopes of the cube; a voxel with a row of its own has slopes and volumes of its present
shape, and its strain counts from the last stage on. Import inside functions: numba takes a second to load.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from spondyl.numerics.plastic_kernels import update_point
from spondyl.numerics.threaded import in_threads
from spondyl.numerics.yield_kernels import _SUMS, _add, _gather, _rests, _scatter, _strain, _strains

_COMPILE: dict[str, Any] = {"cache": True, "error_model": "numpy", "boundscheck": False}


@in_threads(**_COMPILE)
def add_grown_forces(
    u,
    since,
    cells,
    starts,
    row,
    slopes,
    weight,
    own_slopes,
    own_weights,
    base,
    bulk,
    shear,
    limit,
    law,
    plastic,
    start,
    strain,
    plastic_out,
    after,
    active,
    tangent,
    gauss,
    scale,
    out,
):
    """out += forces of the stresses; of voxels without a row (`row` -1) less the elastic ones, which the caller adds.

    `active` (m) tells which voxels had something else than their elastic state at the last call, and is written anew;
    `gauss` (6, 8) and `scale` are `points` and `scale` of `yield_kernels.add_stress_forces`. `since` is the
    displacement since the last stage; `base` (m, 8, 6) the strain there of voxels with a row; the rest as in
    `yield_kernels.add_stress_forces`, with eight points.
    """
    planes = starts.shape[0] - 1
    for parity in range(2):
        for half in nb.prange((planes - parity + 1) // 2):
            x = 2 * half + parity
            local, forces, stress = np.empty((8, 3)), np.empty((8, 3)), np.empty(6)
            side_by_side = np.empty((6, 8))
            for n in range(starts[x], starts[x + 1]):
                i, j, k = cells[n, 0], cells[n, 1], cells[n, 2]
                own = row[n]
                fresh = own < 0
                for point in range(8):
                    fresh = fresh and start[n, point] == 0.0
                if fresh:
                    _strains(u, i, j, k, gauss, scale, side_by_side)
                    fresh = _rests(side_by_side, bulk[n], shear[n], limit[n], law)
                if fresh:
                    for point in range(8):
                        for c in range(6):
                            strain[n, point, c] = side_by_side[c, point]
                    if active[n]:
                        for point in range(8):
                            after[n, point] = 0.0
                            for c in range(6):
                                plastic_out[n, point, c] = plastic[n, point, c]
                                tangent[n, point, 2 + c] = 0.0
                            tangent[n, point, 0], tangent[n, point, 1] = 2.0 * shear[n], bulk[n]
                        active[n] = False
                    continue
                active[n] = True
                _gather(since if own >= 0 else u, i, j, k, local)
                forces[:] = 0.0
                g2 = 2.0 * shear[n]
                lame = bulk[n] - 2.0 * shear[n] / 3.0
                for point in range(8):
                    e = strain[n, point]
                    if own >= 0:
                        _strain(local, own_slopes[own, point], e)
                        for c in range(6):
                            e[c] += base[n, point, c]
                    else:
                        _strain(local, slopes[point], e)
                    after[n, point] = update_point(
                        e,
                        plastic[n, point],
                        start[n, point],
                        bulk[n],
                        shear[n],
                        limit[n],
                        law,
                        stress,
                        plastic_out[n, point],
                        tangent[n, point],
                    )
                    if np.isnan(after[n, point]):
                        stress[:] = np.nan
                    if own >= 0:
                        _add(stress, own_slopes[own, point], own_weights[own, point], forces)
                    elif tangent[n, point, 0] != g2 or tangent[n, point, 1] != bulk[n] or after[n, point] != 0.0:
                        volume = lame * (e[0] + e[1] + e[2])
                        for c in range(6):
                            stress[c] -= g2 * e[c]
                        for c in range(3):
                            stress[c] -= volume
                        _add(stress, slopes[point], weight, forces)
                _scatter(forces, i, j, k, out)


@nb.njit(**_SUMS)
def add_grown_tangent(v, cells, slopes, weights, tangent, out):
    """out += forces of a change v by the tangents of voxels with shapes of their own, in single precision.

    `cells` (rows, 3); `slopes` (rows, 8, 3, 8), `weights` (rows, 8) and `tangent` (rows, 8, 8) have the points last, so
    that the vector units take them together; a tangent is 2 G', K', m of 6.
    """
    third, two = np.float32(1.0 / 3.0), np.float32(2.0)
    local, forces = np.empty((8, 3), np.float32), np.empty((8, 3), np.float32)
    e = np.empty((6, 8), np.float32)
    for n in range(cells.shape[0]):
        i, j, k = cells[n, 0], cells[n, 1], cells[n, 2]
        _gather(v, i, j, k, local)
        e[:] = np.float32(0.0)
        for c in range(8):
            u, w, z = local[c, 0], local[c, 1], local[c, 2]
            for p in range(8):
                sx, sy, sz = slopes[n, c, 0, p], slopes[n, c, 1, p], slopes[n, c, 2, p]
                e[0, p] += sx * u
                e[1, p] += sy * w
                e[2, p] += sz * z
                e[3, p] += sz * w + sy * z
                e[4, p] += sz * u + sx * z
                e[5, p] += sy * u + sx * w
        for p in range(8):
            weight, half = weights[n, p], np.float32(0.5) * weights[n, p]
            g2, m0, m1, m2 = tangent[n, 0, p], tangent[n, 2, p], tangent[n, 3, p], tangent[n, 4, p]
            m3, m4, m5 = tangent[n, 5, p], tangent[n, 6, p], tangent[n, 7, p]
            volume = (tangent[n, 1, p] - g2 * third) * (e[0, p] + e[1, p] + e[2, p])
            along = m0 * e[0, p] + m1 * e[1, p] + m2 * e[2, p] + m3 * e[3, p] + m4 * e[4, p] + m5 * e[5, p]
            e[0, p] = weight * (g2 * e[0, p] + volume - along * m0)
            e[1, p] = weight * (g2 * e[1, p] + volume - along * m1)
            e[2, p] = weight * (g2 * e[2, p] + volume - along * m2)
            e[3, p] = half * (g2 * e[3, p] - two * along * m3)
            e[4, p] = half * (g2 * e[4, p] - two * along * m4)
            e[5, p] = half * (g2 * e[5, p] - two * along * m5)
        for c in range(8):
            x = y = z = np.float32(0.0)
            for p in range(8):
                sx, sy, sz = slopes[n, c, 0, p], slopes[n, c, 1, p], slopes[n, c, 2, p]
                x += sx * e[0, p] + sy * e[5, p] + sz * e[4, p]
                y += sx * e[5, p] + sy * e[1, p] + sz * e[3, p]
                z += sx * e[4, p] + sy * e[3, p] + sz * e[2, p]
            forces[c, 0], forces[c, 1], forces[c, 2] = x, y, z
        _scatter(forces, i, j, k, out)


@in_threads(**_COMPILE)
def add_contact(u, cells, starts, slopes, weight, normal, stiffness, closed, read, out):
    """out += forces of a plane without tension: stiffness times the normal strain where that is negative.

    `stiffness` (m,) along the unit `normal`; `closed` (m, 8) is written where `read` is False, and is the state that a
    change u is taken about where it is True.
    """
    planes = starts.shape[0] - 1
    for parity in range(2):
        for half in nb.prange((planes - parity + 1) // 2):
            x = 2 * half + parity
            local, forces = np.empty((8, 3)), np.empty((8, 3))
            stress, e = np.empty(6), np.empty(6)
            a, b, c = normal[0], normal[1], normal[2]
            for n in range(starts[x], starts[x + 1]):
                i, j, k = cells[n, 0], cells[n, 1], cells[n, 2]
                bears = not read
                for point in range(8):
                    bears = bears or closed[n, point]
                if not bears:
                    continue
                _gather(u, i, j, k, local)
                forces[:] = 0.0
                for point in range(8):
                    _strain(local, slopes[point], e)
                    along = (
                        a * a * e[0] + b * b * e[1] + c * c * e[2] + 2.0 * (b * c * e[3] + a * c * e[4] + a * b * e[5])
                    )
                    if not read:
                        closed[n, point] = along < 0.0
                    if closed[n, point]:
                        s = stiffness[n] * along
                        stress[0], stress[1], stress[2] = s * a * a, s * b * b, s * c * c
                        stress[3], stress[4], stress[5] = s * b * c, s * a * c, s * a * b
                        _add(stress, slopes[point], weight, forces)
                _scatter(forces, i, j, k, out)


@in_threads(**_COMPILE)
def shape_voxels(points, cells, own, natural, own_slopes, own_weights):
    """Slopes (rows, 8, 8, 3) and volumes (rows, 8) of the points of voxels whose nodes lie at `points`.

    `own` (rows,) numbers the voxels; `natural` (8, 8, 3) are slopes in [-1, 1]³. A folded point gets a volume of 0 or
    less: the caller raises.
    """
    for r in nb.prange(own.shape[0]):
        n = own[r]
        local = np.empty((8, 3))
        jacobian, inverse = np.empty((3, 3)), np.empty((3, 3))
        _gather(points, cells[n, 0], cells[n, 1], cells[n, 2], local)
        for point in range(8):
            for a in range(3):
                for b in range(3):
                    total = 0.0
                    for corner in range(8):
                        total += natural[point, corner, a] * local[corner, b]
                    jacobian[a, b] = total  # d x_b / d ξ_a
            for a in range(3):
                for b in range(3):
                    c, d, e, f = (a + 1) % 3, (a + 2) % 3, (b + 1) % 3, (b + 2) % 3
                    inverse[b, a] = jacobian[c, e] * jacobian[d, f] - jacobian[c, f] * jacobian[d, e]
            volume = jacobian[0, 0] * inverse[0, 0] + jacobian[0, 1] * inverse[1, 0] + jacobian[0, 2] * inverse[2, 0]
            own_weights[r, point] = volume
            for corner in range(8):
                for b in range(3):
                    total = 0.0
                    for a in range(3):
                        total += inverse[b, a] * natural[point, corner, a]
                    own_slopes[r, point, corner, b] = total / volume
