"""Equilibrium of a body whose stiffness changes as it is loaded.

Settings make a solver, a solver is a function: `solve = newton_krylov(rtol=1e-3)`, then `solve(body, start)`. A load
path is followed step by step; a step that does not converge is tried with the next solver, then halved. A step that
cannot be made raises `NotConverged`; nothing is returned beside a warning.

References
----------
[1] dembo1982: Dembo, Eisenstat, Steihaug, "Inexact Newton methods", SIAM J Numer Anal 19 (1982) 400-408.
[2] walker2011: Walker, Ni, "Anderson acceleration for fixed-point iterations", SIAM J Numer Anal 49 (2011) 1715-1735.
[3] matthies1979: Matthies, Strang, "The solution of nonlinear finite element equations", Int J Numer Methods Eng 14
    (1979) 1613-1626.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from spondyl.errors import NotConverged

Array = NDArray[np.float64]

_LOWER = 0.5  # of the residual: a step that leaves less is taken as it is
_WORK_LEFT = 0.5  # of the slope of the energy along a step: [3] advises 0.5


class Body(Protocol):
    """What a solver must be able to ask. All arrays have the shape of the displacements."""

    @property
    def kind(self) -> type:
        """Precision of the vectors of a linear step: np.float64 or np.float32."""

    def residual(self, displacement: Array) -> Array:
        """External minus internal forces, 0 where the displacement is prescribed; remembers the tangent there."""

    def force_norm(self) -> float:
        """Norm of the internal forces of the last residual; at balance that of the reactions and loads."""

    def tangent(self, change: Array) -> Array:
        """Change of the internal forces with a change of displacement, about the last residual; 0 where prescribed."""

    def elastic(self, change: Array) -> Array:
        """The same before anything yielded."""

    def precondition(self, forces: Array) -> Array:
        """About the change of displacement that these forces make: one cycle of multigrid, linear and symmetric."""

    def commit(self, displacement: Array) -> None:
        """Take the state at the last residual, which was asked at this displacement, as the start of the next step."""


@dataclass(frozen=True, eq=False)
class Balance:
    """A displacement in equilibrium and how it was found."""

    displacement: Array
    residuals: tuple[float, ...]  # of each iteration, relative to the internal forces
    cycles: int  # of the preconditioner


Solver = Callable[[Body, Array], Balance]


def newton_krylov(
    *,
    rtol: float = 1e-3,
    inner: float = 0.5,
    iterations: int = 30,
    cycles: int = 200,
    tries: int = 6,
    patience: int = 8,
) -> Solver:
    """A solver by Newton's method; each linear step by conjugate gradients to a tolerance that tightens [1].

    The first linear step leaves `inner` of its residual: 0.5 took a sixth fewer cycles than 0.1 on a vertebra that
    crushes or takes damage, and as many where von Mises yields. A step that does not lower the residual clearly is made
    as long as the energy wants it, by up to so many `tries`.
    The tangent may have lost its sign where bone softens; conjugate gradients then end with what they have. It gives up
    once so many iterations of `patience` in a row brought no lower residual than before them: there each linear step
    costs hundreds of cycles and helps nothing.
    """

    def solve(body: Body, start: Array) -> Balance:
        displacement = start
        residual = body.residual(displacement)
        used, history = 0, []
        for _ in range(iterations):
            norm, scale = _norm(residual), max(body.force_norm(), np.finfo(float).tiny)
            history.append(norm / scale)
            if not np.isfinite(norm):
                break
            if norm <= rtol * scale:
                return Balance(displacement, tuple(history), used)
            if len(history) > patience and min(history[-patience:]) >= min(history[:-patience]):
                break
            tolerance = inner if len(history) < 2 else min(inner, max(0.01, 0.9 * (history[-1] / history[-2]) ** 2))
            wanted = max(tolerance, 0.3 * rtol * scale / norm)
            change, spent = _linear_step(body.tangent, body, residual, wanted, cycles)
            used += spent
            displacement, residual = _line_search(body, displacement, change, residual, tries)
        raise _not_balanced("Newton's method", history, rtol)

    return solve


def anderson(*, rtol: float = 1e-3, depth: int = 8, iterations: int = 100) -> Solver:
    """A solver by Anderson's mixing of preconditioned residuals [2]: simple, and asks for no tangent."""

    def solve(body: Body, start: Array) -> Balance:
        displacement = start
        mixing = _Mixing(depth)
        history: list[float] = []
        for used in range(iterations):
            residual = body.residual(displacement)
            norm, scale = _norm(residual), max(body.force_norm(), np.finfo(float).tiny)
            history.append(norm / scale)
            if not np.isfinite(norm):
                break
            if norm <= rtol * scale:
                return Balance(displacement, tuple(history), used)
            displacement = mixing.next(displacement, body.precondition(residual))
        raise _not_balanced("Anderson's mixing", history, rtol)

    return solve


@dataclass(frozen=True, eq=False)
class Step:
    """One step of a load path, in balance."""

    factor: float
    balance: Balance


def follow(
    body: Body,
    pattern: Array,
    factors: Sequence[float],
    *,
    solvers: Sequence[Solver],
    start: Array | None = None,
    first: float = 0.0,
    halvings: int = 4,
) -> Iterator[Step]:
    """Load a body step by step: its prescribed displacements are `pattern` times the factor.

    Each step starts from the last one carried on along its direction; the first step, and one that turns round, from
    the elastic answer. Where no solver balances a step, it is made in two halves, down to 2^-halvings of it. Steps
    asked for are given in their order, the ones put between them are not. The state is committed step by step: read
    what you need of the body before you ask for the next.

    Raises
    ------
    NotConverged
        where a step cannot be balanced; what was given before still holds.
    """
    displacement = np.zeros_like(pattern) if start is None else start
    elastic = _elastic_answer(body, pattern)
    held = pattern != 0
    reached = first
    last: tuple[float, Array] | None = None  # the step before: its change of factor and of displacement
    for target in factors:
        least = 0.999 * abs(target - reached) / 2**halvings  # rounding takes no halving away
        goals = [target]
        while goals:
            goal = goals[-1]
            change = goal - reached
            if last is None or last[0] * change <= 0:
                guess = displacement + change * elastic
            else:
                guess = displacement + last[1] * (change / last[0])
            guess[held] = goal * pattern[held]
            try:
                balance = _first_to_balance(body, guess, solvers)
            except NotConverged:
                if abs(change) / 2 < least:
                    raise
                goals.append(reached + change / 2)
                continue
            body.commit(balance.displacement)
            last = (change, balance.displacement - displacement)
            displacement, reached = balance.displacement, goal
            goals.pop()
        yield Step(target, balance)


def _first_to_balance(body: Body, guess: Array, solvers: Sequence[Solver]) -> Balance:
    for solve in solvers[:-1]:
        try:
            return solve(body, guess)
        except NotConverged:
            continue
    return solvers[-1](body, guess)


def _elastic_answer(body: Body, pattern: Array) -> Array:
    """Displacements of the unyielded body under the pattern."""
    change, _ = _linear_step(body.elastic, body, -body.elastic(pattern), 1e-3, 500)
    return np.asarray(pattern + change)


def _linear_step(
    apply: Callable[[Array], Array], body: Body, forces: Array, tolerance: float, cycles: int
) -> tuple[Array, int]:
    """About the answer of apply(x) = forces, in the precision of the body's linear steps and within its reach."""
    size = float(np.abs(forces).max(initial=0.0)) or 1.0
    narrow: Array = np.asarray(forces / size, body.kind)
    change, spent = _conjugate_gradients(apply, body.precondition, narrow, tolerance, cycles)
    return np.asarray(change * np.float64(size), np.float64), spent


def _conjugate_gradients(
    apply: Callable[[Array], Array],
    precondition: Callable[[Array], Array],
    forces: Array,
    tolerance: float,
    cycles: int,
) -> tuple[Array, int]:
    """About the answer of apply(x) = forces; ends early at a direction without stiffness, or after so many cycles."""
    answer, residual = np.zeros_like(forces), forces.copy()
    goal = tolerance * _norm(forces)
    direction, before = np.zeros_like(forces), 1.0
    for cycle in range(1, cycles + 1):
        step = precondition(residual)
        now = _dot(residual, step)
        if now <= 0:
            return answer, cycle
        direction *= now / before if cycle > 1 else 0.0
        direction += step
        before = now
        pushed = apply(direction)
        stiffness = _dot(direction, pushed)
        if stiffness <= 0:
            return (answer if cycle > 1 else direction), cycle
        answer += (now / stiffness) * direction
        residual -= (now / stiffness) * pushed
        if _norm(residual) <= goal:
            return answer, cycle
    return answer, cycles


def _line_search(body: Body, at: Array, change: Array, residual: Array, tries: int) -> tuple[Array, Array]:
    """A point along the change with a clearly lower residual, or where most of the work along it is done [3].

    Yielding bone pushes the residual up before it falls, while the energy falls all along: its slope is the residual's
    work on the change, and the point where that vanishes is bracketed. Where it does not help, the lowest of those
    tried is taken.
    """
    norm, slope = _norm(residual), _dot(change, residual)
    low, high, length = (0.0, slope), (np.inf, 0.0), 1.0
    best: tuple[float, float] = (np.inf, 1.0)
    for _ in range(tries):
        moved = at + length * change
        found = body.residual(moved)
        size, left = _norm(found), _dot(change, found)
        if size < _LOWER * norm or abs(left) <= _WORK_LEFT * slope:
            return moved, found
        best = min(best, (size, length))
        if not np.isfinite(left):
            high = (length, -slope)
        elif left > 0:
            low = (length, left)
        else:
            high = (length, left)
        if np.isinf(high[0]):
            length *= 2
        else:
            share = low[1] / (low[1] - high[1])
            length = low[0] + (high[0] - low[0]) * min(0.9, max(0.1, share))
    moved = at + best[1] * change
    return moved, body.residual(moved)


class _Mixing:
    """The last few changes of displacement and of preconditioned residual, and the mixture that cancels most."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.moves: list[Array] = []
        self.turns: list[Array] = []
        self.last: tuple[Array, Array] | None = None

    def next(self, at: Array, step: Array) -> Array:
        if self.last is not None:
            self.moves = [*self.moves, at - self.last[0]][-self.depth :]
            self.turns = [*self.turns, step - self.last[1]][-self.depth :]
        self.last = (at.copy(), step.copy())
        ahead = at + step
        if self.moves:
            gram = np.array([[_dot(one, other) for other in self.turns] for one in self.turns])
            wanted = np.array([_dot(turn, step) for turn in self.turns])
            gram += 1e-12 * np.trace(gram) / len(gram) * np.eye(len(gram))
            for share, move, turn in zip(np.linalg.lstsq(gram, wanted)[0], self.moves, self.turns, strict=True):
                ahead -= share * (move + turn)
        return ahead


def _not_balanced(method: str, history: Sequence[float], rtol: float) -> NotConverged:
    return NotConverged(
        f"{method} left a residual of {history[-1]:.1e} of the forces after {len(history)} iterations, "
        f"{rtol:.1e} was asked: take smaller load steps, or look for parts that nothing holds",
        tuple(history),
    )


def _dot(one: Array, other: Array) -> float:
    return float(np.vdot(one, other))


def _norm(array: Array) -> float:
    return float(np.sqrt(_dot(array, array)))
