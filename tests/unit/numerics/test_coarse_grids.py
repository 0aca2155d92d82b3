"""Coarse grids against their plain twins, and what they must keep apart."""

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from spondyl.numerics import coarse_grids as cg
from spondyl.numerics import elasticity as el
from spondyl.numerics.coarse_operators import Way

DOUBLE = 1e-12  # some hundred operations in double precision
SINGLE = 1e-5  # some ten in single


def made(modulus: np.ndarray, *, hinged: bool = True, coarsest: int = 30) -> list[cg.Grid]:
    free = np.ones((3, *(n + 1 for n in modulus.shape)), bool)
    return list(cg.coarse_grids(el.isotropic(modulus, 0.3), 1.0, free, hinged=hinged, coarsest=coarsest, slowest=0.95))


def sponge(seed: int = 2, share: float = 0.35) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.where(rng.random((9, 7, 8)) < share, rng.uniform(10, 1000, (9, 7, 8)), 0.0)


def plain_step(place: np.ndarray, nodes: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The twin of `group_cells`, `join_corners` and `interpolate`, by connected parts of graphs.

    Part of each cell, node of each coarse corner, and interpolation (nodes, coarse nodes) of cells that are not alone.
    """
    block, half = place // 2, place % 2
    blocks = np.unique(block, axis=0, return_inverse=True)[1].ravel()
    part = joined(len(place), np.repeat(np.arange(len(place)), 8), (blocks[:, None] * count + nodes).ravel())
    corner, key = [], []
    weights = np.zeros((count, 8 * (part.max() + 1)))
    for n, c, q in np.ndindex(len(place), 8, 8):
        at = (half[n] + el.CORNERS[c]) / 2
        weight = np.prod(np.where(el.CORNERS[q] == 1, at, 1 - at))
        if weight > 0:
            vertex = tuple(2 * (block[n] + el.CORNERS[q]))
            corner.append(8 * part[n] + q)
            key.append(np.ravel_multi_index((nodes[n, c], *vertex), (count, 99, 99, 99)))
            if weights[nodes[n, c]].sum() < 1 - 1e-9 and not weights[nodes[n, c], 8 * part[n] + q]:
                weights[nodes[n, c], 8 * part[n] + q] = weight
    table = joined(8 * (part.max() + 1), np.array(corner), np.array(key))
    follow = np.zeros((count, table.max() + 1))
    np.add.at(follow.T, table, weights.T)
    return part, table.reshape(-1, 8), follow


def joined(count: int, member: np.ndarray, key: np.ndarray) -> np.ndarray:
    keys, at = np.unique(key, return_inverse=True)
    size = count + len(keys)
    graph = sparse.coo_matrix((np.ones(len(at)), (member, count + at)), (size, size))
    found = connected_components(graph, directed=False)[1][:count]
    return np.unique(found, return_inverse=True)[1]


def same_partition(one: np.ndarray, other: np.ndarray) -> bool:
    pairs = np.unique(np.stack([one.ravel(), other.ravel()]), axis=1).shape[1]
    return pairs == len(np.unique(one)) == len(np.unique(other))


def test_compiled_steps_equal_plain_ones() -> None:
    cells, _, _ = cg._voxel_cells(el.isotropic(sponge(), 0.3), hinged=True)
    step = cg._coarser(cells, np.ones(len(cells.place), bool))
    part, table, follow = plain_step(cells.place, cells.nodes, cells.count)
    assert same_partition(step.part, part)
    alone = (step.table < 0).any(1)
    assert 5 < alone.sum() < len(alone) - 5  # both kinds are there
    of_plain = np.zeros(len(alone), int)
    of_plain[part] = step.part
    ours = step.table[of_plain]
    together = ~alone[of_plain]
    assert same_partition(ours[together], table[together])
    column = np.zeros(table.max() + 1, int)
    column[table[together]] = ours[together]
    rows = np.unique(cells.nodes[~alone[step.part]])
    used = np.unique(table[together])
    expected = np.zeros((len(rows), step.follow.shape[1]))
    expected[:, column[used]] = follow[rows][:, used]
    assert np.abs(step.follow[rows].toarray() - expected).max() < DOUBLE


@pytest.mark.parametrize("hinged", [True, False])
def test_stiffness_is_the_energy_of_the_finer_grid(hinged: bool) -> None:
    modulus = sponge()
    rng = np.random.default_rng(3)
    free = rng.random((3, 10, 8, 9)) < 0.8
    coefficients = el.isotropic(modulus, 0.3)
    grids = list(cg.coarse_grids(coefficients, 1.5, free, hinged=hinged, coarsest=30, slowest=0.95))
    assert len(grids) >= 3
    fine = el.assembled(coefficients, 1.5)
    keep = sparse.diags(free.ravel().astype(float))
    way = keep @ sparse.kron(sparse.identity(3), grids[0].follow)  # all x, then all y, then all z
    for grid, below in zip(grids, [*grids[1:], None], strict=True):
        expected = (way.T @ fine @ way).toarray()
        blocks = grid.stiffness
        count = len(blocks.rows) - 1
        found = sparse.bsr_matrix((blocks.values, blocks.columns, blocks.rows)).toarray()
        found = found.reshape(count, 3, count, 3).transpose(1, 0, 3, 2).reshape(expected.shape)
        assert np.abs(found - expected).max() < DOUBLE * np.abs(expected).max()
        if below is not None:
            way = way @ sparse.kron(sparse.identity(3), below.follow)


def test_struts_with_a_gap_share_no_coarse_node() -> None:
    """Two plates of one voxel, one voxel apart; the third lies further away than any coarse voxel is wide."""
    modulus = np.zeros((20, 4, 4))
    modulus[3] = modulus[5] = modulus[17] = 100.0
    nodes = np.arange(21 * 5 * 5).reshape(21, 5, 5)
    follow = sparse.identity(nodes.size)
    for grid in made(modulus):
        follow = follow @ grid.follow
        used = [set(follow[nodes[x : x + 2].ravel()].indices) for x in (3, 5, 17)]
        assert not (used[0] & used[1]) and not (used[0] & used[2]) and not (used[1] & used[2])


def test_a_hinge_turns_on_all_grids() -> None:
    """Two bars that share an edge: the turn of one about that edge needs no force, and the coarse grids know it."""
    modulus = np.zeros((8, 2, 8))
    modulus[:4, :, :4] = modulus[4:, :, 4:] = 100.0
    turn = np.zeros((3, 9, 3, 9))
    x, z = np.meshgrid(np.arange(9) - 4.0, np.arange(9) - 4.0, indexing="ij")
    upper = (x >= 0) & (z >= 0)
    turn[0], turn[2] = (z * upper)[:, None], -(x * upper)[:, None]
    solid = np.any(el.apply_stiffness(el.isotropic(modulus, 0.3), 1.0, np.random.default_rng(0).random(turn.shape)), 0)
    for hinged in (True, False):
        follow = sparse.identity(turn[0].size)
        for grid in made(modulus, hinged=hinged):
            follow = (follow @ grid.follow).tocsr()
            rows = np.flatnonzero(solid.ravel())
            held = turn.reshape(3, -1)[:, rows].T
            best = np.linalg.lstsq(follow[rows].toarray(), held, rcond=None)[0]
            error = np.abs(follow[rows] @ best - held).max()
            if hinged:
                assert error < DOUBLE * 100
        assert hinged == (error < 0.1)


def test_parts_about_a_point() -> None:
    counts, parts = cg._copies()
    assert counts[0] == 0
    assert counts[0b11111111] == 1
    assert counts[0b10000001] == counts[0b00001001] == 2  # across the point, across an edge
    assert counts[0b01101001] == 4  # no two share a face
    assert counts[0b00001011] == 1  # round the corner
    assert parts[0b10000001, 0] == 0
    assert parts[0b10000001, 7] == 1


def test_threads_sum_pieces_that_share_no_node() -> None:
    """A body long enough for two threads has the same stiffness from them, but for the order of sums."""
    rng = np.random.default_rng(8)
    modulus = rng.uniform(10, 10_000, (36, 4, 6)) * (rng.random((36, 4, 6)) < 0.8)
    free = np.ones((3, 37, 5, 7), bool)
    free[..., 0] = False
    made = [
        list(
            cg.coarse_grids(
                el.isotropic(modulus, 0.3), 1.0, free, hinged=True, coarsest=30, slowest=0.95, threads=threads
            )
        )
        for threads in (1, 2)
    ]
    assert len(cg._voxels_apart(np.repeat(np.arange(18), 9), 2)) == 4
    for one, other in zip(*made, strict=True):
        assert np.array_equal(one.stiffness.columns, other.stiffness.columns)
        size = np.abs(one.stiffness.values).max()
        assert np.abs(one.stiffness.values - other.stiffness.values).max() < 1e-13 * size


def holed() -> tuple[np.ndarray, np.ndarray]:
    """A block of one modulus with an odd size, a hole, a slit, a stiff corner and a held value within; what is free.

    Blocks of eight to the right of the slit are whole, but those to its left are not, and it parts their corners.
    """
    modulus = np.full((15, 14, 17), 100.0)
    modulus[6:8, 5:8, 9:13] = 0.0
    modulus[9, 3:10, 5:12] = 0.0
    modulus[:4, :4, :5] = 5000.0
    free = np.ones((3, 16, 15, 18), bool)
    free[:, :, :, 0] = free[1, 11, 9, 13] = False
    return modulus, free


@pytest.mark.parametrize("hinged", [True, False])
def test_the_inside_of_a_body_has_the_coarse_grid_that_its_list_of_voxels_gives(
    hinged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nodes are numbered otherwise, so coarse nodes are matched by the finer points that follow them."""
    modulus, free = holed()
    coefficients = el.isotropic(modulus, 0.3)
    monkeypatch.setattr(cg, "_MANY", 20)
    ours = next(cg.coarse_grids(coefficients, 1.0, free, hinged=hinged, coarsest=10**9, slowest=0.95))
    assert ours.inner is not None
    assert 20 < ours.inner.points.sum() < 0.9 * ours.inner.points.size  # both kinds are there
    with monkeypatch.context() as without:
        without.setattr(cg, "_inner_blocks", lambda *_: None)
        plain = next(cg.coarse_grids(coefficients, 1.0, free, hinged=hinged, coarsest=10**9, slowest=0.95))
    assert plain.inner is None
    count = plain.follow.shape[1]
    assert ours.follow.shape == plain.follow.shape
    inner = ours.inner.follow(count)
    assert not ((np.diff(inner.indptr) > 0) & (np.diff(ours.follow.indptr) > 0)).any()
    one, other = (ours.follow + inner).toarray(), plain.follow.toarray()
    match = {other[:, n].tobytes(): n for n in range(count)}
    order = [match[one.astype(other.dtype)[:, n].tobytes()] for n in range(count)]
    assert sorted(order) == list(range(count))
    ends = []
    for grid, names in ((ours, np.array(order)), (plain, np.arange(count))):
        blocks = grid.stiffness
        dense = sparse.bsr_matrix((blocks.values, blocks.columns, blocks.rows), shape=(3 * count, 3 * count)).toarray()
        where = (3 * np.argsort(names)[:, None] + np.arange(3)).ravel()
        places = np.lexsort(grid.voxels.place.T)
        ends.append((dense[where][:, where], names[grid.voxels.nodes[places]], grid.voxels.material[:, places]))
    assert np.abs(ends[0][0] - ends[1][0]).max() < DOUBLE * np.abs(ends[1][0]).max()
    assert np.array_equal(ends[0][1], ends[1][1])
    assert np.abs(ends[0][2] - ends[1][2]).max() < DOUBLE * ends[1][2].max()


@pytest.mark.parametrize("threads", [1, 2])
def test_regular_transfers_equal_their_twin(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    modulus, free = holed()
    monkeypatch.setattr(cg, "_MANY", 20)
    grid = next(cg.coarse_grids(el.isotropic(modulus, 0.3), 1.0, free, hinged=True, coarsest=10**9, slowest=0.95))
    assert grid.inner is not None
    count = grid.follow.shape[1]
    follow = grid.follow + grid.inner.follow(count)
    way = Way(grid, (count, 1, 3), threads, planar=True)
    rng = np.random.default_rng(6)
    fine, coarse = rng.normal(size=free.shape).astype(np.float32), np.zeros((count, 1, 3), np.float32)
    way.restrict(fine, coarse)
    expected = follow.T @ fine.reshape(3, -1).T
    assert np.abs(coarse[:, 0] - expected).max() < SINGLE * np.abs(expected).max()
    back = fine.copy()
    way.prolong_add(coarse, back, np.ones_like(fine))
    expected = fine.reshape(3, -1).T + follow @ coarse[:, 0]
    assert np.abs(back.reshape(3, -1).T - expected).max() < SINGLE * np.abs(expected).max()
