"""Compiled loops that make coarse grids: which voxels are one, which corners are one, and their stiffness.

Arrays that a loop needs for itself come from outside: each kind made within takes a tenth of a second to compile.
Import inside functions: numba takes a second to load.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

_FAST: dict[str, Any] = {
    "fastmath": True, "error_model": "numpy", "cache": True, "boundscheck": False, "nogil": True
}  # fmt: skip
# Called by loops of this file alone: no wrapper for calls from outside, no place of their own in the compiler's store.
_PIECE: dict[str, Any] = {**_FAST, "cache": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
APART = 4  # slabs of coarse cells so far apart share no node
MOST = 256  # nodes of a coarse grid that the corners of one voxel can follow: 8 corners, 4 copies, 8 nodes each
_ENTRIES = 24 * 24  # of the stiffness of a voxel


@nb.njit(**_PIECE)
def _root(parent, n):
    while parent[n] != n:
        parent[n] = parent[parent[n]]
        n = parent[n]
    return n


@nb.njit(**_PIECE)
def _join(parent, one, other):
    one, other = _root(parent, one), _root(parent, other)
    if one < other:
        parent[other] = one
    else:
        parent[one] = other


@nb.njit(**_FAST)
def group_cells(nodes, starts, parent, parts):
    """Number the parts of each block: cells `starts[b]` to `starts[b + 1]` that share nodes. Gives how many there are.

    `nodes` (cells, 8) in the order of blocks; `parent` holds 0, 1, 2 ... (cells), `parts` (cells) is written.
    """
    count = 0
    for block in range(starts.shape[0] - 1):
        first, stop = starts[block], starts[block + 1]
        for one in range(first, stop):
            for other in range(first, one):
                if _root(parent, one) != _root(parent, other) and _touch(nodes, one, other):
                    _join(parent, one, other)
        for n in range(first, stop):  # a root comes before what hangs on it
            root = _root(parent, n)
            if root == n:
                parts[n] = count
                count += 1
            else:
                parts[n] = parts[root]
    return count


@nb.njit(**_PIECE)
def _touch(nodes, one, other):
    for a in range(8):
        for b in range(8):
            if nodes[one, a] == nodes[other, b]:
                return True
    return False


@nb.njit(**_FAST)
def join_corners(nodes, half, part, seen, corner, table, alone, points, at_point, first):
    """Which corners of coarse cells are one: those on which a node of the finer grid hangs through two of them.

    Parameters
    ----------
    nodes, half, part
        Of each cell: its nodes (n, 8), its place in its block (n, 3: 0 or 1) and its coarse cell.
    seen, corner
        Scratch: -1 (nodes, 8), and 0, 1, 2 ... (8 parents) for as many parents as there are coarse cells.
    table, alone
        Written: the nodes of each coarse cell (parents, 8), and whether no other cell shares any of them. A cell that
        is alone has four nodes, the last ones of all, and affine displacements.
    points, at_point
        The coarse point of each corner (parents, 8), and the node at each point: -2 where a cell that is not among
        these touches it and all corners are one, which is written; both empty where there is no such cell.
    first
        Scratch: -1 for each point.

    Returns
    -------
    How many nodes the coarse grid has.
    """
    parents = alone.shape[0]
    for n in range(parents):
        alone[n] = True
    _join_across(nodes, half, part, seen, corner)
    _join_at_points(points, at_point, corner, alone, first)
    for n in range(8 * parents):
        root = _root(corner, n)
        if root >> 3 != n >> 3:
            alone[root >> 3] = False
            alone[n >> 3] = False
    total = 0
    for n in range(8 * parents):  # a root comes before what hangs on it
        if not alone[n >> 3]:
            root = _root(corner, n)
            if root == n:
                table[n >> 3, n & 7] = total
                total += 1
            else:
                table[n >> 3, n & 7] = table[root >> 3, root & 7]
    for point in range(at_point.shape[0]):
        if at_point[point] == -2:
            if first[point] < 0:
                at_point[point] = total
                total += 1
            else:
                at_point[point] = table[first[point] >> 3, first[point] & 7]
    for n in range(parents):
        if alone[n]:
            for q in range(4):
                table[n, q], table[n, 4 + q] = total, -1
                total += 1
    return total


@nb.njit(**_PIECE)
def _join_across(nodes, half, part, seen, corner):
    """Join corners of neighbouring coarse cells on which one of the finer grid's nodes hangs."""
    for n in range(nodes.shape[0]):
        for c in range(8):
            x, y, z = half[n, 0] + (c >> 2), half[n, 1] + ((c >> 1) & 1), half[n, 2] + (c & 1)
            if x == 1 and y == 1 and z == 1:
                continue  # within the block
            for s in range(8):
                a, b, d = s >> 2, (s >> 1) & 1, s & 1
                if (a and x != 1) or (b and y != 1) or (d and z != 1):
                    continue
                mine = 4 * (a if x == 1 else x >> 1) + 2 * (b if y == 1 else y >> 1) + (d if z == 1 else z >> 1)
                mine += 8 * part[n]
                before = np.int64(seen[nodes[n, c], s])  # as `mine`: `_join` is compiled for each kind
                if before < 0:
                    seen[nodes[n, c], s] = mine
                elif before != mine:
                    _join(corner, before, mine)


@nb.njit(**_PIECE)
def _join_at_points(points, at_point, corner, alone, first):
    """Join corners that meet a cell which is not listed at one point; write the first of each point, or leave -1."""
    for n in range(points.size):
        point = points[n >> 3, n & 7]
        if at_point[point] == -2:
            alone[n >> 3] = False
            if first[point] < 0:
                first[point] = n
            else:
                _join(corner, first[point], n)


@nb.njit(**_FAST)
def find_owners(nodes, half, part, alone, owner, follows):
    """A cell and its corner by which each node follows the coarse grid, 8 * cell + corner, and how many nodes of it.

    Both (nodes); `owner` is -1 before, and stays so for nodes without a cell.
    """
    for n in range(nodes.shape[0]):
        for c in range(8):
            node = nodes[n, c]
            if owner[node] < 0:
                owner[node] = 8 * n + c
                for q in range(8):
                    follows[node] += _share(half, n, c, q, alone[part[n]]) != 0


@nb.njit(**_FAST)
def interpolate(half, part, table, alone, owner, rows, columns, weights):
    """What each node follows, by rows: nodes of the coarse grid and their weights."""
    for node in range(owner.shape[0]):
        if owner[node] >= 0:
            n, c, entry = owner[node] >> 3, owner[node] & 7, rows[node]
            for q in range(8):
                w = _share(half, n, c, q, alone[part[n]])
                if w != 0:
                    columns[entry], weights[entry] = table[part[n], q], w
                    entry += 1


@nb.njit(**_PIECE)
def _share(half, n, c, q, alone):
    """Weight of the coarse cell's corner q on the corner c of cell n."""
    x = 0.5 * (half[n, 0] + (c >> 2))
    y = 0.5 * (half[n, 1] + ((c >> 1) & 1))
    z = 0.5 * (half[n, 2] + (c & 1))
    if alone:
        return 1 - x - y - z if q == 0 else (x if q == 1 else (y if q == 2 else (z if q == 3 else 0.0)))
    return (x if q >> 2 else 1 - x) * (y if (q >> 1) & 1 else 1 - y) * (z if q & 1 else 1 - z)


@nb.njit(**_FAST)
def list_voxels(coefficients, solid, pattern, first, parts, place, nodes, material):
    """Solid voxels in the order of the blocks that they make: places (n, 3), nodes (n, 8), coefficients (m, n).

    `pattern` and `first` (points) are the voxels about each point and its first node, `parts` (256, 8) tells to which
    of a point's nodes a direction belongs.
    """
    nx, ny, nz = solid.shape
    n = 0
    for a in range(0, nx, 2):
        for b in range(0, ny, 2):
            for c in range(0, nz, 2):
                for child in range(8):
                    i, j, k = a + (child >> 2), b + ((child >> 1) & 1), c + (child & 1)
                    if i < nx and j < ny and k < nz and solid[i, j, k]:
                        place[n, 0], place[n, 1], place[n, 2] = i, j, k
                        for m in range(coefficients.shape[0]):
                            material[m, n] = coefficients[m, i, j, k]
                        for q in range(8):
                            point = ((i + (q >> 2)) * (ny + 1) + j + ((q >> 1) & 1)) * (nz + 1) + k + (q & 1)
                            nodes[n, q] = first[point] + parts[pattern[point], 7 - q]
                        n += 1


@nb.njit(**_FAST)
def mean_material(material, whole, half, starts, part, like, out):
    """Write mean coefficients of blocks of eight like voxels to `out` (m, coarse cells); give how many there are."""
    count = 0
    for block in range(starts.shape[0] - 1):
        first = starts[block]
        good, seen = starts[block + 1] - first == 8, 0
        if good:
            for n in range(first, first + 8):
                good = good and whole[n] and part[n] == part[first]
                seen |= 1 << (4 * half[n, 0] + 2 * half[n, 1] + half[n, 2])
        good = good and seen == 255
        if good:
            for m in range(material.shape[0]):
                least = most = material[m, first]
                for n in range(first + 1, first + 8):
                    value = material[m, n]
                    least, most = value if value < least else least, value if value > most else most
                good = good and most <= like * least
        if good:
            count += 1
            for m in range(material.shape[0]):
                total = 0.0
                for n in range(first, first + 8):
                    total += material[m, n]
                out[m, part[first]] = total / 8
    return count


@nb.njit(**_FAST)
def sum_voxels(
    material,
    matrices,
    projected,
    octant,
    known,
    follow,
    at,
    share,
    nodes,
    part,
    table,
    plain,
    rows,
    columns,
    out,
    room,
    start,
    stop,
):
    """Add the energy of the voxels `start` to `stop`, moved by a coarse grid, to its blocks.

    Parameters
    ----------
    material, matrices
        Coefficients of each voxel (m, n) and the stiffness of unit coefficients (m, 24 x 24).
    projected, octant
        The same under the displacements of a coarse voxel of which it is that eighth (8, m, 24 x 24), and which eighth
        each is, where it follows the corners of its coarse cell alone and is all unknown; else -1.
    known
        Which values of each node are unknowns (3, nodes): a held one moves not at all.
    follow, at, share
        Interpolation by rows of nodes: starts, coarse nodes, weights.
    nodes, part, table, plain
        Of voxels sorted by coarse cell: their nodes (n, 8); the coarse cell of each; its nodes; whether the voxel's
        corners follow these alone.
    rows, columns, out
        Blocks by rows, columns sorted; added to `out` (blocks, 3, 3).
    room
        Scratch of `MOST` nodes, m: which they are (m,), weights of corners (8, m), half a product (3m x 24), the
        same turned (24 x 3m), a coarse cell's energy (3m x 3m), zero at first and left so, and a voxel's
        stiffness (24 x 24).
    """
    local, weight, half, turned, total, child = room
    n = start
    while n < stop:
        here, used = part[n], np.int64(0)  # a literal: `_weigh` would be compiled for it too
        if plain[n]:
            for q in range(8):
                if table[here, q] >= 0:
                    local[used] = table[here, q]
                    used += 1
        first, wide = n, 24  # a row of the total: of eight nodes, or of those that one voxel follows
        while n < stop and part[n] == here and (n == first or (plain[n] and plain[first])):
            if octant[n] >= 0:
                for m in range(material.shape[0]):
                    _add(material[m, n], projected[octant[n], m], total[:_ENTRIES])
            else:
                _voxel_stiffness(material, matrices, known, nodes, n, child)
                used = _weigh(follow, at, share, nodes, n, local, used, weight)
                wide = wide if plain[n] else 3 * used
                _project(child, weight, used, wide, half, turned, total)
            n += 1
        for a in range(used):
            for b in range(used):
                place = _find(rows, columns, local[a], local[b])
                for c in range(3):
                    entry = (3 * a + c) * wide + 3 * b
                    for d in range(3):
                        if place >= 0:
                            out[place, c, d] += total[entry + d]
                        total[entry + d] = 0


@nb.njit(**_PIECE)
def _add(share, of, to):
    """A loop of its own over slices, so long that it is vectorised: rows of a matrix are not."""
    for k in range(to.shape[0]):
        to[k] += share * of[k]


@nb.njit(**_PIECE)
def _clear(numbers):
    for k in range(numbers.shape[0]):
        numbers[k] = 0


@nb.njit(**_PIECE)
def _voxel_stiffness(material, matrices, known, nodes, n, child):
    _clear(child)
    for m in range(material.shape[0]):
        _add(material[m, n], matrices[m], child)
    for a in range(24):
        if not known[a % 3, nodes[n, a // 3]]:
            for b in range(24):
                child[24 * a + b] = child[24 * b + a] = 0


@nb.njit(**_PIECE)
def _weigh(follow, at, share, nodes, n, local, used, weight):
    """Weights of the voxel's corners on the coarse nodes in `local`, to which those not yet there are added."""
    for corner in range(8):
        for place in range(used):
            weight[corner, place] = 0
    for corner in range(8):
        node = nodes[n, corner]
        for entry in range(follow[node], follow[node + 1]):
            place = 0
            while place < used and local[place] != at[entry]:
                place += 1
            if place == used:
                local[used] = at[entry]
                for other in range(8):
                    weight[other, used] = 0
                used += 1
            weight[corner, place] += share[entry]
    return used


@nb.njit(**_PIECE)
def _project(child, weight, used, wide, half, turned, total):
    """total += Wᵀ K W, where W acts on corners alike for all three components; rows of the total are `wide`.

    Three rows at a time, which follow one another.
    """
    for parent in range(used):
        to = half[72 * parent : 72 * parent + 72]
        _clear(to)
        for corner in range(8):
            if weight[corner, parent] != 0:
                _add(weight[corner, parent], child[72 * corner : 72 * corner + 72], to)
    _clear(turned[: 24 * wide])
    for a in range(3 * used):  # K is symmetric: the transpose of Wᵀ K is K W
        for b in range(24):
            turned[b * wide + a] = half[24 * a + b]
    for corner in range(8):
        of = turned[3 * corner * wide : 3 * (corner + 1) * wide]
        for parent in range(used):
            if weight[corner, parent] != 0:
                _add(weight[corner, parent], of, total[3 * parent * wide : 3 * (parent + 1) * wide])


@nb.njit(**_PIECE)
def _find(rows, columns, row, column):
    low, high = rows[row], rows[row + 1]
    while low < high:
        middle = (low + high) // 2
        if columns[middle] < column:
            low = middle + 1
        else:
            high = middle
    return low if low < rows[row + 1] and columns[low] == column else -1


@nb.njit(**_FAST)
def sum_blocks(
    rows, columns, values, follow, at, share, back, source, weight, to_rows, to_columns, out, where, start, stop
):
    """out += Pᵀ A P in the rows `start` to `stop`: blocks (n, 3, 3) by rows; P (follow, at, share) and Pᵀ by rows.

    `where` is scratch, a number for each row of `out`.
    """
    for row in range(start, stop):
        for entry in range(to_rows[row], to_rows[row + 1]):
            where[to_columns[entry]] = entry
        for one in range(back[row], back[row + 1]):
            fine = source[one]
            for block in range(rows[fine], rows[fine + 1]):
                for other in range(follow[columns[block]], follow[columns[block] + 1]):
                    w = weight[one] * share[other]
                    place = where[at[other]]
                    for c in range(3):
                        for d in range(3):
                            out[place, c, d] += w * values[block, c, d]
