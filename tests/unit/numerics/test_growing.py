"""A body that grows cavities: forces against the fixed body, tangent against differences, contact, locking."""

import numpy as np
import pytest

from spondyl.numerics import elasticity as el
from spondyl.numerics import growing_kernels
from spondyl.numerics.growing import GrowingBody, Locking
from spondyl.numerics.nonlinear import _linear_step, newton_krylov
from spondyl.numerics.plasticity import CRUSHABLE, YieldLaw
from spondyl.numerics.threaded import ThreadedLoop
from spondyl.numerics.yielding import YieldingBody

SHAPE = (8, 7, 9)
NODES = (3, 9, 8, 10)
NONE = np.zeros(SHAPE, bool)
UP = np.array([0.0, 0.0, 1.0])


def hole() -> np.ndarray:
    cavity = np.zeros(SHAPE, bool)
    cavity[3:5, 3:5, 3:6] = True
    return cavity


def held() -> np.ndarray:
    fixed = np.zeros(NODES, bool)
    fixed[:, :, :, 0] = True
    return fixed


def body(
    law: YieldLaw = CRUSHABLE,
    *,
    plane: np.ndarray = NONE,
    cavity: np.ndarray | None = None,
    bridged: np.ndarray | None = None,
) -> GrowingBody:
    cavities = [hole() if cavity is None else cavity]
    modulus = np.where(cavities[0], 0.0, 300.0)
    coefficients = el.isotropic(modulus, 0.3)
    onset = np.full(SHAPE, 0.8)
    return GrowingBody(
        coefficients,
        1.5,
        held(),
        np.full(SHAPE, 1.5),
        law,
        onset=onset,
        cavities=cavities,
        plane=plane,
        normal=UP,
        fluid=0.5,
        bridged=bridged,
        caution=0.0,
    )


def moved(size: float) -> np.ndarray:
    return np.where(held(), 0.0, np.random.default_rng(2).normal(0, size, NODES))


def test_a_small_body_takes_the_plain_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the machine has eight threads; the parallel loops are compiled apart, for large bodies."""
    threads = [8]
    monkeypatch.setattr("numba.get_num_threads", lambda: threads[0])
    monkeypatch.setattr("numba.set_num_threads", lambda count: threads.__setitem__(0, count))
    for loop in vars(growing_kernels).values():
        if isinstance(loop, ThreadedLoop):
            monkeypatch.setattr(loop, "parallel", lambda *given: pytest.fail("the parallel loop was called"))
    growing = body()
    still = growing.widened(np.zeros(NODES))
    growing.tangent(growing.residual(still))
    growing.commit(still)
    assert threads == [8]


def test_forces_before_any_stage_are_those_of_the_yielding_body() -> None:
    growing = body()
    coefficients = el.isotropic(np.where(hole(), 0.0, 300.0), 0.3)
    fixed = YieldingBody(coefficients, (1.5,) * 3, held(), np.full(SHAPE, 1.5), CRUSHABLE)
    one, other = growing.residual(growing.widened(moved(0.03))), fixed.residual(fixed.widened(moved(0.03)))
    assert one == pytest.approx(other, abs=1e-9 * np.abs(other).max())


def test_the_tangent_is_that_of_the_forces_also_on_present_shapes() -> None:
    """Central differences with a plane and a filled cavity; 5e-4 is left where points cross the yield surface."""
    plane = NONE.copy()
    plane[5:, :, 4] = True
    growing = body(YieldLaw(2.0, 0.8, damage_limit=0.6, hardening=1.5), plane=plane)
    at = growing.widened(moved(0.02))
    growing.fill([45.0])
    for _ in range(2):
        change = np.where(growing.free, growing.widened(moved(1.0)), 0.0)
        step = 1e-6
        difference = (growing.residual(at - step * change) - growing.residual(at + step * change)) / (2 * step)
        growing.residual(at)
        assert np.linalg.norm(growing.tangent(change) - difference) < 5e-4 * np.linalg.norm(difference)
        growing.commit(at)  # then about shapes of their own
        growing.fill([45.0])
        at = at + 0.3 * growing.widened(moved(0.02))


def partly_soft(caution: float = 0.0) -> tuple[GrowingBody, np.ndarray]:
    """A body that flows about its filled cavity and nowhere else, and a stretch of it."""
    limit = np.zeros(SHAPE)
    limit[2:6, 2:6, 2:7] = 0.02
    coefficients = el.isotropic(np.where(hole(), 0.0, 300.0), 0.3)
    law = YieldLaw(2.0, 0.8, damage_limit=0.6, hardening=1.5)
    rest = {"onset": np.full(SHAPE, 0.8), "cavities": [hole()], "plane": NONE, "normal": UP, "fluid": 0.5}
    growing = GrowingBody(coefficients, 1.5, held(), limit, law, caution=caution, **rest)
    growing.fill([1.2 * growing.volumes[0]])
    lines = np.meshgrid(*(np.linspace(0, 0.1, n) for n in NODES[1:]), indexing="ij")
    return growing, growing.widened(np.where(held(), 0.0, np.stack(lines)))


def test_a_cycle_that_served_for_long_is_made_anew_as_soft_as_the_body_is() -> None:
    """Where bone flows, that takes a third of the iterations (22 of 74); within a linear step the cycle stays."""
    growing, at = partly_soft()
    growing.residual(at)
    forces = np.where(growing.free, np.random.default_rng(5).normal(0, 1, growing.free.shape), 0.0)
    first = growing.precondition(forces)
    spent = [_linear_step(growing.tangent, growing, forces, 1e-4, 400)[1]]
    for _ in range(40):
        again = growing.precondition(forces)
    assert np.array_equal(again, first)
    growing.residual(at)
    spent.append(_linear_step(growing.tangent, growing, forces, 1e-4, 400)[1])
    assert spent[1] < 0.5 * spent[0], spent


def test_far_from_balance_the_tangent_keeps_a_share_of_the_stiffness_along_the_flow() -> None:
    """A tangent is no stiffer than elastic bone, and stiffer with caution: by no more than half of what flow takes."""
    energies = []
    for caution in (0.0, 10.0):
        growing, at = partly_soft(caution)
        growing.residual(at)
        energies.append(float(np.vdot(at, growing.tangent(at))))
    whole = partly_soft()[0]
    whole.fill([1.2 * whole.volumes[0]])
    whole.residual(0 * at)
    elastic = float(np.vdot(at, whole.tangent(at)))
    assert energies[0] < energies[1] < 0.5 * (energies[0] + elastic)


def test_the_cycle_with_two_fluids_is_symmetric_and_positive() -> None:
    """In single precision, also once the body is soft: conjugate gradients need both."""
    two = [NONE.copy(), NONE.copy()]
    two[0][2:4, 3:5, 3:6] = two[1][5:7, 3:5, 3:6] = True
    coefficients = el.isotropic(np.where(two[0] | two[1], 0.0, 300.0), 0.3)
    rest = {"onset": np.full(SHAPE, 0.8), "cavities": two, "plane": NONE, "normal": UP, "fluid": 0.5}
    growing = GrowingBody(coefficients, 1.5, held(), np.full(SHAPE, 1.5), CRUSHABLE, **rest)
    growing.fill([45.0, 45.0])
    growing.residual(growing.widened(moved(0.2)))
    one, other = (
        np.where(growing.free, np.random.default_rng(seed).normal(0, 1, growing.free.shape), 0.0) for seed in (3, 4)
    )
    there, back = np.vdot(other, growing.precondition(one)), np.vdot(one, growing.precondition(other))
    size = np.sqrt(np.vdot(one, growing.precondition(one)) * np.vdot(other, growing.precondition(other)))
    assert abs(there - back) < 1e-5 * size
    assert np.vdot(one, growing.precondition(one)) > 0
    pushes = [np.where(growing.free, push, 0.0) for push in growing.pushes]
    answer = growing.precondition(pushes[0])  # x of A x + sum of fluid p (p x) = p0; the bare cycle is 1 / A
    left = pushes[0] - sum(0.5 * np.vdot(push, answer) * push for push in pushes)
    bare = growing._cycle(left.astype(np.float32))
    assert np.linalg.norm(answer - bare) < 1e-4 * np.linalg.norm(answer)  # single precision, taken twice


def test_a_stage_keeps_the_balance() -> None:
    """At its end the shapes change, yet forces and pressures stay in balance to some percent of the pressure's."""
    growing = body(YieldLaw(2.0, 0.8, damage_limit=0.6, hardening=1.5))
    first = growing.volumes[0]
    growing.fill([first * 1.1])
    at = newton_krylov(rtol=1e-6, inner=0.02)(growing, np.zeros(growing.load.shape)).displacement
    told = growing.volume_of(0, at)
    growing.commit(at)
    assert growing.volumes[0] == pytest.approx(told, rel=0.02)
    assert growing.pressures[0] > 0.5
    assert np.linalg.norm(growing.residual(at)) < 0.1 * growing.force_norm()


def test_the_plane_bears_pressing_and_not_pulling() -> None:
    """The upper half pulled off leaves next to no force, pressed down the forces of whole bone within 2 %."""
    plane = np.zeros(SHAPE, bool)
    plane[:, :, 4] = True
    parted, whole = body(plane=plane, cavity=NONE), body(cavity=NONE)
    for way, low, high in ((0.001, 0.0, 1e-4), (-0.001, 0.98, 1.02)):
        lifted = np.zeros(NODES)
        lifted[2, :, :, 5:] = way
        forces = []
        for one in (parted, whole):
            one.residual(one.widened(lifted))
            forces.append(one.internal[2, :, :, 5:].sum())
        assert low <= forces[0] / forces[1] <= high


def test_pressure_reaches_the_part_of_a_face_that_is_not_bridged() -> None:
    """Two by three faces of 1.5 mm in front keep a fifth of their push: the rest is missing from the balance."""
    bridged = np.zeros(SHAPE)
    bridged[5] = 0.8
    whole, part = body(), body(bridged=bridged)
    assert whole.pushes[0].sum(axis=(1, 2, 3)) == pytest.approx([0, 0, 0], abs=1e-12)
    assert part.pushes[0].sum(axis=(1, 2, 3)) == pytest.approx([-0.8 * 6 * 1.5**2, 0, 0], abs=1e-12)
    assert part.volumes == pytest.approx(whole.volumes)


def test_locking_begins_where_the_pores_are_used_up() -> None:
    """1 up to the onset, 2 at the middle of the margin, never above the most."""
    locking = Locking(rise=1.0, power=1.0, margin=0.1, most=20.0)
    factor = locking.factor(np.array([0.5, 0.8, 0.85, 0.95]), np.array(0.8))
    assert factor == pytest.approx([1.0, 1.0, 2.0, 20.0])


def test_a_body_let_go_again_within_a_stage_is_as_if_it_had_not_been_strained() -> None:
    """Voxels that yielded at one displacement and rest at the next take the shortcut of those that never yielded."""
    small, change = moved(1e-4), moved(1.0)
    tried, fresh = body(CRUSHABLE), body(CRUSHABLE)
    tried.residual(tried.widened(moved(0.05)))
    found = [one.residual(one.widened(small)) for one in (tried, fresh)]
    assert found[0] == pytest.approx(found[1], abs=1e-12 * np.abs(found[1]).max())
    pushed = [one.tangent(one.widened(change)) for one in (tried, fresh)]
    assert pushed[0] == pytest.approx(pushed[1], abs=1e-6 * float(np.abs(pushed[1]).max()))
    tried.commit(tried.widened(small))
    assert not tried.accumulated.any()
