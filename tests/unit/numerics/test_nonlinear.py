"""Balance of a chain of springs that yield, whose answer is known in closed form."""

import numpy as np
import pytest

from spondyl.errors import NotConverged
from spondyl.numerics.nonlinear import _line_search, anderson, follow, newton_krylov

Array = np.ndarray


class Chain:
    """Springs in a row, fixed at node 0 and pulled at the last: stiffness k up to a force y, then h k (h may be 0)."""

    kind = np.float64

    def __init__(self, stiffness: Array, strength: Array, hardening: float = 0.1) -> None:
        self.k, self.y, self.h = stiffness, strength, hardening
        self.slack = np.zeros_like(stiffness)  # plastic extension
        self.residuals = 0

    def forces(self, displacement: Array) -> tuple[Array, Array, Array]:
        stretch = np.diff(displacement)
        trial = self.k * (stretch - self.slack)
        limit = self.y + self.h * self.k / (1 - self.h) * np.abs(self.slack)
        over = np.maximum(np.abs(trial) - limit, 0)
        plastic = over * (1 - self.h) / self.k * np.sign(trial)
        return self.k * (stretch - self.slack - plastic), np.where(over > 0, self.h * self.k, self.k), plastic

    def spread(self, tension: Array) -> Array:
        inner = np.zeros(len(tension) + 1)
        inner[:-1] -= tension
        inner[1:] += tension
        return inner

    def residual(self, displacement: Array) -> Array:
        self.residuals += 1
        tension, self.now, self.new = self.forces(displacement)
        self.inner = self.spread(tension)
        return self.free(-self.inner)

    def free(self, vector: Array) -> Array:
        out = vector.copy()
        out[[0, -1]] = 0
        return out

    def force_norm(self) -> float:
        return float(np.linalg.norm(self.inner))

    def tangent(self, change: Array) -> Array:
        return self.free(self.spread(self.now * np.diff(change)))

    def elastic(self, change: Array) -> Array:
        return self.free(self.spread(self.k * np.diff(change)))

    def precondition(self, forces: Array) -> Array:
        diagonal = np.zeros(len(self.k) + 1)
        diagonal[:-1] += self.k
        diagonal[1:] += self.k
        return self.free(forces / diagonal)

    def commit(self, displacement: Array) -> None:
        self.slack = self.slack + self.new


def chain(hardening: float = 0.1) -> tuple[Chain, Array]:
    stiffness = np.array([3.0, 1.0, 2.0, 5.0])
    strength = np.array([9.0, 2.0, 1.0, 9.0])
    return Chain(stiffness, strength, hardening), np.array([0.0, 0, 0, 0, 1.0])


def pull(tension: float, hardening: float) -> float:
    """Extension of the whole chain under a first pull, spring by spring."""
    springs, _ = chain()
    over = np.maximum(tension - springs.y, 0)
    return float(np.sum(np.minimum(tension, springs.y) / springs.k + over / (hardening * springs.k)))


SOLVERS = pytest.mark.parametrize("solve", [newton_krylov(rtol=1e-9), anderson(rtol=1e-9)], ids=["Newton", "Anderson"])


@SOLVERS
def test_a_path_ends_at_the_force_of_the_closed_form(solve) -> None:
    springs, pattern = chain()
    ends = [pull(0.5, 0.1), pull(1.5, 0.1), pull(3.0, 0.1)]
    found = []
    for step in follow(springs, pattern, ends, solvers=[solve]):
        found.append(springs.inner[-1])
        assert step.balance.displacement[-1] == step.factor
    assert found == pytest.approx([0.5, 1.5, 3.0], rel=1e-7)


@SOLVERS
def test_unloading_is_elastic(solve) -> None:
    springs, pattern = chain()
    top = pull(3.0, 0.1)
    elastic = 1 / np.sum(1 / springs.k)
    forces = []
    for _ in follow(springs, pattern, [top, 0.9 * top], solvers=[solve]):
        forces.append(springs.inner[-1])
    assert forces[0] - forces[1] == pytest.approx(0.1 * top * elastic, rel=1e-7)


def test_a_second_solver_takes_over_where_the_first_gives_up() -> None:
    springs, pattern = chain()
    hopeless = newton_krylov(rtol=1e-9, iterations=1)
    (step,) = follow(springs, pattern, [pull(3.0, 0.1)], solvers=[hopeless, newton_krylov(rtol=1e-9)])
    assert springs.inner[-1] == pytest.approx(3.0, rel=1e-7)
    assert step.balance.residuals[-1] <= 1e-9


def test_a_step_that_is_too_long_is_halved() -> None:
    """A solver that refuses to move far: the step is made all the same, and ends where one of four solvers ends."""
    springs, pattern = chain()
    inner, made = newton_krylov(rtol=1e-9), []

    def short(body, start):
        if start[-1] - (made[-1] if made else 0.0) > 2.0:
            raise NotConverged("too far", (1.0,))
        made.append(start[-1])
        return inner(body, start)

    steps = list(follow(springs, pattern, [pull(3.0, 0.1)], solvers=[short]))
    assert len(steps) == 1
    assert len(made) > 2
    assert springs.inner[-1] == pytest.approx(3.0, rel=1e-7)


def test_what_cannot_be_balanced_raises_with_its_residuals() -> None:
    springs, pattern = chain()
    with pytest.raises(NotConverged, match="smaller load steps") as caught:
        list(follow(springs, pattern, [5.0], solvers=[newton_krylov(rtol=1e-9, iterations=1)]))
    assert len(caught.value.residuals) == 1


def test_a_force_that_is_not_a_number_is_not_an_answer() -> None:
    springs, pattern = chain()
    springs.k = springs.k * np.nan
    with pytest.raises(NotConverged):
        list(follow(springs, pattern, [1.0], solvers=[newton_krylov(), anderson()]))


class Stubborn(Chain):
    """Its residual stays what it is, wherever one goes."""

    def residual(self, displacement: Array) -> Array:
        super().residual(displacement)
        return np.array([0.0, 1.0, 0.0])

    def force_norm(self) -> float:
        return 1.0


def test_newton_gives_up_where_nothing_helps_any_more() -> None:
    """By hand: the first residual and three that are no lower, not all thirty iterations."""
    body = Stubborn(np.array([1.0, 1.0]), np.array([1.0, 1.0]))
    with pytest.raises(NotConverged) as raised:
        newton_krylov(patience=3)(body, np.array([0.0, 0.1, 0.5]))
    assert len(raised.value.residuals) == 4


class Linear:
    """Forces A u against a load."""

    def __init__(self, stiffness: Array, load: Array) -> None:
        self.stiffness, self.load = stiffness, load

    def residual(self, displacement: Array) -> Array:
        return self.load - self.stiffness @ displacement


def test_a_step_that_is_far_too_long_ends_where_no_work_is_left() -> None:
    """By hand: r = 0.5 - x, a step of 10 from 0; the root lies at a twentieth, found between 0 and a tenth."""
    body = Linear(np.eye(1), np.array([0.5]))
    moved, residual = _line_search(body, np.zeros(1), np.array([10.0]), np.array([0.5]), 6)
    assert moved == pytest.approx([0.5], rel=1e-12)
    assert residual == pytest.approx([0.0], abs=1e-12)


def test_a_step_is_made_whose_residual_rises_while_its_energy_falls() -> None:
    """By hand: stiffness 1 and 100, load (1, 0), step (1, 0.05): residual (0, -5), work left -0.25 of 1."""
    body = Linear(np.diag([1.0, 100.0]), np.array([1.0, 0.0]))
    moved, residual = _line_search(body, np.zeros(2), np.array([1.0, 0.05]), np.array([1.0, 0.0]), 6)
    assert moved == pytest.approx([1.0, 0.05])
    assert residual == pytest.approx([0.0, -5.0])
