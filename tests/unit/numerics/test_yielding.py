"""A body that yields: forces against the plain law point by point, tangent against differences, patches."""

from itertools import pairwise

import numpy as np
import pytest

from spondyl.errors import InputError, NotConverged
from spondyl.numerics import elasticity as el
from spondyl.numerics import yielding
from spondyl.numerics.plasticity import CRUSHABLE, VON_MISES, YieldLaw, update_stress
from spondyl.numerics.yielding import HOURGLASS, YieldingBody

SHAPE, EDGES = (3, 2, 4), (1.0, 1.5, 0.8)
NODES = (3, 4, 3, 5)
DAMAGING = YieldLaw(2.0, 0.8, damage_limit=0.6, damage_strain=0.02)
INTEGRATIONS = pytest.mark.parametrize("integration", ["full", "one_point"])


def body(
    integration: str, law: YieldLaw = CRUSHABLE, held: np.ndarray | None = None, *, even: bool = False
) -> YieldingBody:
    rng = np.random.default_rng(4)
    modulus, limit = rng.uniform(100, 500, SHAPE), rng.uniform(0.5, 3, SHAPE)
    modulus[1, 1, 2] = 0.0
    if even:
        modulus[:], limit[:] = 300.0, 1.5
    if held is None:
        held = np.zeros(NODES, bool)
    return YieldingBody(el.isotropic(modulus, 0.3), EDGES, held, limit, law, integration=integration)


def moved(size: float = 0.02) -> np.ndarray:
    return np.random.default_rng(5).normal(0, size, NODES)


def plain_forces(integration: str, law: YieldLaw, displacement: np.ndarray) -> np.ndarray:
    """The twin: strain matrices and `update_stress`, one voxel and point after another."""
    rng = np.random.default_rng(4)
    modulus, limit = rng.uniform(100, 500, SHAPE), rng.uniform(0.5, 3, SHAPE)
    modulus[1, 1, 2] = 0.0
    points = (2 * el.CORNERS - 1) / np.sqrt(3) if integration == "full" else np.zeros((1, 3))
    doubled = np.array([1.0, 1, 1, 2, 2, 2])
    lame, shear = el.isotropic(modulus, 0.3)
    forces = np.zeros(NODES)
    for voxel in np.argwhere(modulus > 0):
        nodes = tuple((voxel + el.CORNERS).T)
        local = displacement[(slice(None), *nodes)].T.ravel()
        g, bulk, strength = shear[tuple(voxel)], (lame + 2 * shear / 3)[tuple(voxel)], limit[tuple(voxel)]
        held = np.zeros(24)
        for point in points:
            b = el._strain_matrix(point, EDGES)
            strain = (b @ local)[None] / doubled
            one = {"bulk": np.array([bulk]), "shear": np.array([g]), "yield_stress": np.array([strength])}
            held += b.T @ update_stress(strain, np.zeros((1, 6)), np.zeros(1), law=law, **one).stress[0] / len(points)
        held *= el.voxel_volume(EDGES)
        if integration == "one_point":
            unit = np.array([lame[tuple(voxel)], g]).reshape(2, 1, 1)
            whole = (el.element_matrices(2, EDGES) * unit).sum(0)
            b = el._strain_matrix(np.zeros(3), EDGES)
            elastic = np.diag(g * (3 - doubled)) + 0.0
            elastic[:3, :3] += lame[tuple(voxel)]
            held += HOURGLASS * (whole - b.T @ elastic @ b * el.voxel_volume(EDGES)) @ local
        np.add.at(forces, (slice(None), *nodes), held.reshape(8, 3).T)
    return forces


@INTEGRATIONS
@pytest.mark.parametrize("law", [VON_MISES, CRUSHABLE], ids=["von Mises", "crushable"])
def test_forces_are_those_of_the_plain_law(integration: str, law: YieldLaw) -> None:
    made = body(integration, law)
    made.residual(made.widened(moved()))
    assert made.cut(made.internal) == pytest.approx(plain_forces(integration, law, moved()), abs=1e-8)


@INTEGRATIONS
def test_small_displacements_take_the_elastic_forces_and_large_ones_less(integration: str) -> None:
    made = body(integration)
    small = made.widened(moved(1e-5))
    made.residual(small)
    rounding = 1e-6 * np.abs(made.internal).max()  # of single precision, in sums of eight voxels
    assert made.internal == pytest.approx(made.elastic(small), abs=rounding)
    made.residual(1e4 * small)
    assert made.force_norm() < 0.5 * np.linalg.norm(made.elastic(1e4 * small))


@INTEGRATIONS
def test_the_tangent_is_the_slope_of_the_forces(integration: str) -> None:
    made = body(integration, YieldLaw(2.0, 0.8, hardening=4.0))
    at, change = made.widened(moved()), made.widened(np.random.default_rng(6).normal(size=NODES))
    made.residual(at)
    slope = made.tangent(change)
    step = 1e-6
    ahead, back = made.residual(at - step * change), made.residual(at + step * change)
    error = np.linalg.norm((ahead - back) / (2 * step) - slope) / np.linalg.norm(slope)
    assert error < 1e-4  # a point or two changes sides within the step


@INTEGRATIONS
def test_patch_of_one_strain(integration: str) -> None:
    """Boundary nodes follow a linear field far into yield: the stress is the same everywhere, and that of the law."""
    held = np.ones(NODES, bool)
    held[:, 1:-1, 1:-1, 1:-1] = False
    made = body(integration, held=held, even=True)
    gradient = np.array([[0.01, 0.02, 0.0], [0.0, -0.03, 0.01], [0.02, 0.0, 0.015]])
    points = np.stack(np.meshgrid(*(h * np.arange(n + 1) for h, n in zip(EDGES, SHAPE, strict=True)), indexing="ij"))
    assert not np.any(made.residual(made.widened(np.tensordot(gradient, points, 1)))[np.abs(made.internal) > 1e-9])
    sym = (gradient + gradient.T) / 2
    strain = np.array([[sym[0, 0], sym[1, 1], sym[2, 2], sym[1, 2], sym[0, 2], sym[0, 1]]])
    one = {"bulk": np.array([250.0]), "shear": np.array([300 / 2.6]), "yield_stress": np.array([1.5])}
    law = update_stress(strain, np.zeros((1, 6)), np.zeros(1), law=CRUSHABLE, **one)
    stress = np.broadcast_to(law.stress[0].reshape(6, 1, 1, 1), (6, *SHAPE))
    assert made.cut(made.internal) == pytest.approx(el.stress_forces(stress, EDGES), abs=1e-8)


def test_damage_rises_at_constant_stress_and_lowers_stiffness() -> None:
    made = body("full", DAMAGING)
    at = made.widened(moved())
    made.residual(at)
    before = made.internal.copy()
    stiff = np.vdot(at, made.elastic(at))
    made.commit(at)
    made.residual(at)
    assert made.internal == pytest.approx(before, abs=1e-6)
    made.residual(0.999 * at)
    assert np.vdot(at, made.tangent(at)) < 0.9 * stiff
    assert made.accumulated.max() > 0.01


def test_a_return_that_does_not_end_is_no_state() -> None:
    made = body("full")
    made.residual(made.widened(np.full(NODES, np.nan)))
    with pytest.raises(NotConverged, match="yield surface"):
        made.commit(made.widened(moved()))


def test_an_unknown_integration_is_refused() -> None:
    with pytest.raises(InputError, match="one_point"):
        body("reduced")


def test_blocks_of_a_turn_share_no_node_and_all_voxels_have_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else two threads add to the same node at once, and forces are lost."""
    monkeypatch.setattr("numba.get_num_threads", lambda: 3)
    monkeypatch.setattr(yielding, "_EARNS_A_THREAD", 1)
    planes = np.repeat([0, 1, 2, 3, 4, 7, 8, 9], [2, 1, 50, 3, 1, 1, 40, 2])
    turns = yielding._blocks(planes, None)
    for turn in turns:
        for (_, stop), (begin, _) in pairwise(turn):
            assert planes[begin] - planes[stop - 1] >= 2
    assert sorted(n for turn in turns for block in turn for n in range(*block)) == list(range(len(planes)))
    assert len(turns[0]) > 1
    assert yielding._blocks(planes, 1) == ([(0, len(planes))],)


def test_forces_of_blocks_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, parted = body("full"), body("full")
    with monkeypatch.context() as two:
        two.setattr("numba.get_num_threads", lambda: 2)
        two.setattr(yielding, "_EARNS_A_THREAD", 1)
        parted._blocks = yielding._blocks(parted._cells[:, 0], None)
    assert len(parted._blocks) == 2
    at = whole.widened(moved())
    assert parted.residual(at) == pytest.approx(whole.residual(at), abs=1e-12)


def test_a_voxel_that_yields_no_more_is_at_rest_again() -> None:
    """Where a trial step went too far, its state must not be that of the next trial."""
    made, fresh = body("full"), body("full")
    small = made.widened(moved(1e-5))
    made.residual(made.widened(moved()))
    assert made._after.max() > 0
    assert made.residual(small) == pytest.approx(fresh.residual(small), abs=1e-14)
    made.commit(small)
    assert made.accumulated.max() == 0 and np.all(made._plastic == 0)
