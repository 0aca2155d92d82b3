"""Compiled loops over the voxels of a body that yields: forces of its stresses, and of its tangent.

A voxel has one integration point at its middle or eight Gauss points. Its forces are those of the stress there, less a
share of the elastic ones, which the caller adds back by its fast elastic operator: with eight points that saves time
where nothing yields; with one, it keeps the shapes that the middle does not feel (hourglasses) from running free.

In sums and differences of its eight corners a voxel's displacement is a polynomial in ξ, η, ζ, and a slope at a point
has four of its terms. A name says component and powers: uxy belongs to u_x and ξη. Points lie side by side in the last
axis of what is kept of them, so that the vector units take them together.
Import inside functions: numba takes a second to load.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from spondyl.numerics.plastic_kernels import update_point

_COMPILE: dict[str, Any] = {"cache": True, "error_model": "numpy", "boundscheck": False}
# Sums in any order; a value that is no number stays what it is, for it says that a return did not end.
_SUMS: dict[str, Any] = {**_COMPILE, "fastmath": {"contract", "nsz", "reassoc"}}
_STRESS = ((0, 5, 4), (5, 1, 3), (4, 3, 2))  # of xx yy zz yz xz xy, which act on a component along x, y, z
# Called by loops of this file alone, which keep them in the compiler's store as a part of themselves; two processes
# compile those side by side, each for its own numbers.
_PIECE: dict[str, Any] = {**_SUMS, "cache": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_INLINE: dict[str, Any] = {**_PIECE, "forceinline": True}


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


@nb.njit(**_INLINE)
def _terms(u, i, j, k):
    """Terms of a component u of a voxel's displacement, eight times as large: x, y, z, xy, xz, yz, xyz.

    A component's number in its place would have it compiled anew for each of the three.
    """
    n0, f0, n1, f1 = u[i, j, k], u[i, j, k + 1], u[i, j + 1, k], u[i, j + 1, k + 1]
    n2, f2, n3, f3 = u[i + 1, j, k], u[i + 1, j, k + 1], u[i + 1, j + 1, k], u[i + 1, j + 1, k + 1]
    s0, d0, s1, d1 = n0 + f0, f0 - n0, n1 + f1, f1 - n1
    s2, d2, s3, d3 = n2 + f2, f2 - n2, n3 + f3, f3 - n3
    near, near_y, near_z, near_yz = s0 + s1, s1 - s0, d0 + d1, d1 - d0
    far, far_y, far_z, far_yz = s2 + s3, s3 - s2, d2 + d3, d3 - d2
    return (
        far - near,
        near_y + far_y,
        near_z + far_z,
        far_y - near_y,
        far_z - near_z,
        near_yz + far_yz,
        far_yz - near_yz,
    )


@nb.njit(**_INLINE)
def _push(out, i, j, k, x, y, z, xy, xz, yz, xyz):
    """Adds the forces of the terms on the corners: the transpose of `_terms`."""
    near, near_y, near_z, near_yz = -x, y - xy, z - xz, yz - xyz
    far, far_y, far_z, far_yz = x, y + xy, z + xz, yz + xyz
    s0, d0, s1, d1 = near - near_y, near_z - near_yz, near + near_y, near_z + near_yz
    s2, d2, s3, d3 = far - far_y, far_z - far_yz, far + far_y, far_z + far_yz
    out[i, j, k] += s0 - d0
    out[i, j, k + 1] += s0 + d0
    out[i, j + 1, k] += s1 - d1
    out[i, j + 1, k + 1] += s1 + d1
    out[i + 1, j, k] += s2 - d2
    out[i + 1, j, k + 1] += s2 + d2
    out[i + 1, j + 1, k] += s3 - d3
    out[i + 1, j + 1, k + 1] += s3 + d3


@nb.njit(**_PIECE)
def _strains(u, i, j, k, points, scale, e):
    """Strains xx yy zz yz xz xy of a voxel at its points, shears not doubled, to e (6, points)."""
    ux, uy, uz, uxy, uxz, uyz, uxyz = _terms(u[0], i, j, k)
    vx, vy, vz, vxy, vxz, vyz, vxyz = _terms(u[1], i, j, k)
    wx, wy, wz, wxy, wxz, wyz, wxyz = _terms(u[2], i, j, k)
    hx, hy, hz, half = scale[0], scale[1], scale[2], u.dtype.type(0.5)
    for p in range(points.shape[1]):
        x, y, z, yz, xz, xy = points[0, p], points[1, p], points[2, p], points[3, p], points[4, p], points[5, p]
        e[0, p] = hx * (ux + y * uxy + z * uxz + yz * uxyz)
        e[1, p] = hy * (vy + x * vxy + z * vyz + xz * vxyz)
        e[2, p] = hz * (wz + x * wxz + y * wyz + xy * wxyz)
        v_z, w_y = vz + x * vxz + y * vyz + xy * vxyz, wy + x * wxy + z * wyz + xz * wxyz
        u_z, w_x = uz + x * uxz + y * uyz + xy * uxyz, wx + y * wxy + z * wxz + yz * wxyz
        u_y, v_x = uy + x * uxy + z * uyz + xz * uxyz, vx + y * vxy + z * vxz + yz * vxyz
        e[3, p] = half * (hz * v_z + hy * w_y)
        e[4, p] = half * (hz * u_z + hx * w_x)
        e[5, p] = half * (hy * u_y + hx * v_x)


@nb.njit(**_PIECE)
def _add_forces(s, i, j, k, points, scale, out):
    """Adds the forces of stresses s (6, points): the transpose of `_strains`."""
    for a in range(3):
        first, second, third = s[_STRESS[a][0]], s[_STRESS[a][1]], s[_STRESS[a][2]]
        x = y = z = xy = xz = yz = xyz = s.dtype.type(0)
        for p in range(points.shape[1]):
            px, py, pz = points[0, p], points[1, p], points[2, p]
            along, across, up = scale[0] * first[p], scale[1] * second[p], scale[2] * third[p]
            x += along
            y += across
            z += up
            xy += py * along + px * across
            xz += pz * along + px * up
            yz += pz * across + py * up
            xyz += points[3, p] * along + points[4, p] * across + points[5, p] * up
        _push(out[a], i, j, k, x, y, z, xy, xz, yz, xyz)


@nb.njit(**_PIECE)
def _rests(e, bulk, shear, limit, law):
    """Whether no point of a voxel that never yielded yields at these strains (6, points)."""
    if limit <= 0.0:
        return True
    centre, radius = law[1] * limit, law[2] * limit
    most = 0.0
    for p in range(e.shape[1]):
        trace = e[0, p] + e[1, p] + e[2, p]
        x, y, z = e[0, p] - trace / 3.0, e[1, p] - trace / 3.0, e[2, p] - trace / 3.0
        square = x * x + y * y + z * z + 2.0 * (e[3, p] * e[3, p] + e[4, p] * e[4, p] + e[5, p] * e[5, p])
        distance = bulk * trace - centre
        q = 6.0 * shear * shear * square + law[0] * distance * distance
        if not q <= most:
            most = q
    return most <= radius * radius


@nb.njit(nogil=True, **_SUMS)
def add_stress_forces(
    first,
    stop,
    u,
    cells,
    points,
    scale,
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
    active,
    tangent,
    out,
):
    """out += forces of the stresses at displacement u, less `share` of the elastic ones, of voxels `first` to `stop`.

    `cells` (m, 3); `points` (6, points): x, y, z, yz, xz, xy of each, in [-1, 1]; `scale` one over four edges, `weight`
    the volume of a point; moduli and `limit` (yield stress) (m,); state at the step's start `plastic` (m, points, 6)
    and `start` (m, points). Writes `active` (m): whether anything yields or did; where so also strain, plastic_out,
    after (κ; NaN where the return did not end), tangent (m, 8, points).
    """
    e, stresses = np.empty((6, points.shape[1])), np.empty((6, points.shape[1]))
    stress, slope = np.empty(6), np.empty(8)
    for n in range(first, stop):
        i, j, k = cells[n, 0], cells[n, 1], cells[n, 2]
        _strains(u, i, j, k, points, scale, e)
        fresh = share == 1.0
        for p in range(points.shape[1]):
            fresh = fresh and start[n, p] == 0.0
        if fresh and _rests(e, bulk[n], shear[n], limit[n], law):
            if active[n]:  # at the last displacement that was asked about
                active[n] = False
                for p in range(points.shape[1]):
                    after[n, p] = start[n, p]
                    for c in range(6):
                        plastic_out[n, p, c] = plastic[n, p, c]
            continue
        active[n] = True
        g2 = share * 2.0 * shear[n]
        lame = share * (bulk[n] - 2.0 * shear[n] / 3.0)
        for p in range(points.shape[1]):
            for c in range(6):
                strain[n, p, c] = e[c, p]
            after[n, p] = update_point(
                strain[n, p],
                plastic[n, p],
                start[n, p],
                bulk[n],
                shear[n],
                limit[n],
                law,
                stress,
                plastic_out[n, p],
                slope,
            )
            if np.isnan(after[n, p]):
                stress[:] = np.nan
            volume = lame * (e[0, p] + e[1, p] + e[2, p])
            for c in range(6):
                stresses[c, p] = weight * (stress[c] - g2 * e[c, p] - (volume if c < 3 else 0.0))
            for c in range(8):
                tangent[n, c, p] = slope[c]
        _add_forces(stresses, i, j, k, points, scale, out)


@nb.njit(nogil=True, **_SUMS)
def add_tangent_forces(first, stop, v, cells, points, scale, weight, share, bulk, shear, active, tangent, out):
    """out += forces of a change v by the tangent of each point (2 G', K', m), less the elastic share.

    Voxels that are not active take no time: their tangent is that share. All numbers of one precision.
    """
    two, third = v.dtype.type(2), v.dtype.type(1.0 / 3.0)
    e = np.empty((6, points.shape[1]), v.dtype)
    for n in range(first, stop):
        if not active[n]:
            continue
        i, j, k = cells[n, 0], cells[n, 1], cells[n, 2]
        _strains(v, i, j, k, points, scale, e)
        t = tangent[n]
        shear_left, bulk_left = share * two * shear[n], share * bulk[n]
        for p in range(points.shape[1]):
            g2, whole = weight * (t[0, p] - shear_left), weight * (t[1, p] - bulk_left)
            xx, yy, zz, yz, xz, xy = e[0, p], e[1, p], e[2, p], e[3, p], e[4, p], e[5, p]
            normal = t[2, p] * xx + t[3, p] * yy + t[4, p] * zz
            along = weight * (normal + two * (t[5, p] * yz + t[6, p] * xz + t[7, p] * xy))
            volume = (whole - g2 * third) * (xx + yy + zz)
            e[0, p] = g2 * xx + volume - along * t[2, p]
            e[1, p] = g2 * yy + volume - along * t[3, p]
            e[2, p] = g2 * zz + volume - along * t[4, p]
            e[3, p] = g2 * yz - along * t[5, p]
            e[4, p] = g2 * xz - along * t[6, p]
            e[5, p] = g2 * xy - along * t[7, p]
        _add_forces(e, i, j, k, points, scale, out)
