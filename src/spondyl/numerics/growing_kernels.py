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
from spondyl.numerics.yield_kernels import _add, _gather, _scatter, _strain

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
    tangent,
    out,
):
    """out += forces of the stresses; of voxels without a row (`row` -1) less the elastic ones, which the caller adds.

    `since` is the displacement since the last stage; `base` (m, 8, 6) the strain there of voxels with a row; the rest
    as in `yield_kernels.add_stress_forces`, with eight points.
    """
    planes = starts.shape[0] - 1
    for parity in range(2):
        for half in nb.prange((planes - parity + 1) // 2):
            x = 2 * half + parity
            local, forces, stress = np.empty((8, 3)), np.empty((8, 3)), np.empty(6)
            for n in range(starts[x], starts[x + 1]):
                i, j, k = cells[n, 0], cells[n, 1], cells[n, 2]
                own = row[n]
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


@in_threads(**_COMPILE)
def add_grown_tangent(v, cells, starts, row, slopes, weight, own_slopes, own_weights, bulk, shear, tangent, out):
    """out += forces of a change v by the tangents; of voxels without a row less the elastic ones."""
    planes = starts.shape[0] - 1
    for parity in range(2):
        for half in nb.prange((planes - parity + 1) // 2):
            x = 2 * half + parity
            local, forces = np.empty((8, 3)), np.empty((8, 3))
            stress, e = np.empty(6), np.empty(6)
            for n in range(starts[x], starts[x + 1]):
                i, j, k = cells[n, 0], cells[n, 1], cells[n, 2]
                own = row[n]
                share = 0.0 if own >= 0 else 1.0
                gathered = False
                for point in range(8):
                    t = tangent[n, point]
                    g2 = t[0] - share * (2.0 * shear[n])
                    whole = t[1] - share * bulk[n]
                    if g2 == 0.0 and whole == 0.0:
                        continue
                    if not gathered:
                        gathered = True
                        _gather(v, i, j, k, local)
                        forces[:] = 0.0
                    at = own_slopes[own, point] if own >= 0 else slopes[point]
                    _strain(local, at, e)
                    volume = (whole - g2 / 3.0) * (e[0] + e[1] + e[2])
                    along = t[2] * e[0] + t[3] * e[1] + t[4] * e[2] + 2.0 * (t[5] * e[3] + t[6] * e[4] + t[7] * e[5])
                    for c in range(6):
                        stress[c] = g2 * e[c] - along * t[2 + c]
                    for c in range(3):
                        stress[c] += volume
                    _add(stress, at, own_weights[own, point] if own >= 0 else weight, forces)
                if gathered:
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
