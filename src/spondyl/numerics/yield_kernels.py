"""Compiled loops over the voxels of a body that yields: forces of its stresses, and of its tangent.

A voxel has one integration point at its middle or eight Gauss points. Its forces are those of the stress there, less a
share of the elastic ones, which the caller adds back by its fast elastic operator: with eight points that saves time
where nothing yields; with one, it keeps the shapes that the middle does not feel (hourglasses) from running free.
Import inside functions: numba takes a second to load.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from spondyl.numerics.plastic_kernels import update_point
from spondyl.numerics.threaded import in_threads

_COMPILE: dict[str, Any] = {"cache": True, "error_model": "numpy", "boundscheck": False}


@nb.njit(**_COMPILE)
def _gather(u, i, j, k, local):
    for corner in range(8):
        for a in range(3):
            local[corner, a] = u[a, i + (corner >> 2), j + ((corner >> 1) & 1), k + (corner & 1)]


@nb.njit(**_COMPILE)
def _scatter(forces, i, j, k, out):
    for corner in range(8):
        for a in range(3):
            out[a, i + (corner >> 2), j + ((corner >> 1) & 1), k + (corner & 1)] += forces[corner, a]


@nb.njit(**_COMPILE)
def _strain(local, slopes, strain):
    """Strain xx yy zz yz xz xy, shears not doubled, from slopes (8, 3) of the shape functions at a point."""
    xx = yy = zz = yz = xz = xy = 0.0
    for c in range(8):
        x, y, z = slopes[c, 0], slopes[c, 1], slopes[c, 2]
        u, v, w = local[c, 0], local[c, 1], local[c, 2]
        xx += x * u
        yy += y * v
        zz += z * w
        yz += z * v + y * w
        xz += z * u + x * w
        xy += y * u + x * v
    strain[0], strain[1], strain[2] = xx, yy, zz
    strain[3], strain[4], strain[5] = 0.5 * yz, 0.5 * xz, 0.5 * xy


@nb.njit(**_COMPILE)
def _add(stress, slopes, weight, forces):
    """Forces of a stress at a point on the corners."""
    for c in range(8):
        x, y, z = weight * slopes[c, 0], weight * slopes[c, 1], weight * slopes[c, 2]
        forces[c, 0] += stress[0] * x + stress[5] * y + stress[4] * z
        forces[c, 1] += stress[5] * x + stress[1] * y + stress[3] * z
        forces[c, 2] += stress[4] * x + stress[3] * y + stress[2] * z


@in_threads(**_COMPILE)
def add_stress_forces(
    u,
    cells,
    starts,
    slopes,
    weight,
    share,
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
    """out += forces of the stresses at displacement u, less `share` of the elastic ones.

    `cells` (m, 3) sorted by x, `starts` where each x begins; `slopes` (points, 8, 3), `weight` the volume of a point;
    moduli and `limit` (yield stress) (m,); state at the step's start `plastic` (m, points, 6) and `start` (m, points).
    Writes strain, plastic_out, after (κ; NaN where the return did not end) and tangent (m, points, 8).
    """
    planes = starts.shape[0] - 1
    for parity in range(2):
        for half in nb.prange((planes - parity + 1) // 2):
            x = 2 * half + parity
            local, forces, stress = np.empty((8, 3)), np.empty((8, 3)), np.empty(6)
            for n in range(starts[x], starts[x + 1]):
                i, j, k = cells[n, 0], cells[n, 1], cells[n, 2]
                _gather(u, i, j, k, local)
                forces[:] = 0.0
                g2 = share * 2.0 * shear[n]
                lame = share * (bulk[n] - 2.0 * shear[n] / 3.0)
                for point in range(slopes.shape[0]):
                    e = strain[n, point]
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
                    volume = lame * (e[0] + e[1] + e[2])
                    for c in range(6):
                        stress[c] -= g2 * e[c]
                    for c in range(3):
                        stress[c] -= volume
                    _add(stress, slopes[point], weight, forces)
                _scatter(forces, i, j, k, out)


@in_threads(**_COMPILE)
def add_tangent_forces(v, cells, starts, slopes, weight, share, bulk, shear, tangent, out):
    """out += forces of a change v by the tangent of each point (2 G', K', m), less the elastic share.

    Points whose tangent is that share take no time: with a share of 1, those that have neither yielded nor damage.
    """
    planes = starts.shape[0] - 1
    for parity in range(2):
        for half in nb.prange((planes - parity + 1) // 2):
            x = 2 * half + parity
            local, forces = np.empty((8, 3)), np.empty((8, 3))
            stress, e = np.empty(6), np.empty(6)
            for n in range(starts[x], starts[x + 1]):
                i, j, k = cells[n, 0], cells[n, 1], cells[n, 2]
                gathered = False
                for point in range(slopes.shape[0]):
                    t = tangent[n, point]
                    g2 = t[0] - share * (2.0 * shear[n])
                    whole = t[1] - share * bulk[n]
                    if g2 == 0.0 and whole == 0.0:
                        continue
                    if not gathered:
                        gathered = True
                        _gather(v, i, j, k, local)
                        forces[:] = 0.0
                    _strain(local, slopes[point], e)
                    volume = (whole - g2 / 3.0) * (e[0] + e[1] + e[2])
                    along = t[2] * e[0] + t[3] * e[1] + t[4] * e[2] + 2.0 * (t[5] * e[3] + t[6] * e[4] + t[7] * e[5])
                    for c in range(6):
                        stress[c] = g2 * e[c] - along * t[2 + c]
                    for c in range(3):
                        stress[c] += volume
                    _add(stress, slopes[point], weight, forces)
                if gathered:
                    _scatter(forces, i, j, k, out)
