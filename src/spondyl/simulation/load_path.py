"""The load path of a voxel model that yields between its platens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spondyl.errors import InputError
from spondyl.numerics.elasticity import isotropic
from spondyl.numerics.nonlinear import Balance, Step, anderson, follow, newton_krylov
from spondyl.numerics.plasticity import VON_MISES, YieldLaw
from spondyl.numerics.yielding import YieldingBody
from spondyl.simulation.between_platens import (
    CurvePoint,
    PlatenResponse,
    line_of_force,
    solve_voxel_model,
    whole_displacement,
)
from spondyl.simulation.platens import Platens
from spondyl.simulation.voxel_model import VoxelModel, beyond_small_strain
from spondyl.space import Volume

Array = NDArray[Any]

STEPS = 10  # the prototype's curves to 2 % took ten to twelve
TOLERANCE = 1e-4  # of the residual, relative to the forces; a tenth of the 1e-3 cost half as much again


def follow_load_path(
    model: VoxelModel,
    yield_stress: Volume,
    *,
    law: YieldLaw = VON_MISES,
    steps: int = STEPS,
    integration: str = "full",
    tolerance: float = TOLERANCE,
    watch: Callable[[Array], float] | None = None,
    until_mm: float | None = None,
) -> PlatenResponse:
    """The curve of a model whose top platen is moved in equal steps.

    Newton's method with the elastic multigrid; a step that it cannot balance is tried by Anderson's mixing, then in
    halves. Small strains: beyond some percent the curve is a sign, not a size.

    Parameters
    ----------
    yield_stress
        Of each voxel in uniaxial compression, on the model's grid; a voxel of 0 never yields. [MPa]
    law
        How it yields, for voxels of this size; the default is von Mises without hardening.
    integration
        "full" (as the linear solution) or "one_point": see `numerics.yielding`.
    watch
        Gives a shortening from the displacements of the nodes, shape (3, nx+1, ny+1, nz+1), to stand in the curve.
        [mm]
    until_mm
        Stop at the first step where what is watched is so much.

    Raises
    ------
    InputError
        where a yield stress is negative or no number.
    NotConverged
        where a step cannot be balanced; no curve is given.
    """
    check_yield(model, yield_stress, steps)
    elastic = solve_voxel_model(model)
    inside = model.platens.cropped(model.box)
    body = yielding_body(model, yield_stress, law, integration)
    factors = [model.displacement_mm * step / steps for step in range(1, steps + 1)]
    solvers = [newton_krylov(rtol=tolerance), anderson(rtol=tolerance)]
    curve, balances = [], []
    for last in follow(body, body.widened(inside.moved(1.0, model.tilt, model.edges)), factors, solvers=solvers):
        moved = None if watch is None else whole_displacement(model, body.cut(last.balance.displacement))
        shortening = None if watch is None or moved is None else watch(moved)
        curve.append(CurvePoint(last.factor, _reaction(body, last, inside, model), shortening))
        balances.append(last.balance)
        if shortening is not None and until_mm is not None and shortening >= until_mm:
            break
    return answer_of_path(model, body, elastic, tuple(curve), balances)


def answer_of_path(
    model: VoxelModel,
    body: YieldingBody,
    elastic: PlatenResponse,
    curve: tuple[CurvePoint, ...],
    balances: Sequence[Balance],
) -> PlatenResponse:
    """The answer of a model whose body has just come to the end of this curve.

    Parameters
    ----------
    elastic
        Its linear answer.
    balances
        Of the steps of the curve.
    """
    force, *moments = model.platens.cropped(model.box).force(body.cut(body.internal), model.edges)
    reached, asked = (beyond_small_strain(model, mm) for mm in (curve[-1].displacement_mm, elastic.displacement_mm))
    return replace(
        elastic,
        displacement_mm=curve[-1].displacement_mm,
        reaction_n=curve[-1].reaction_n,
        curve=curve,
        iterations=elastic.iterations + sum(balance.cycles for balance in balances),
        residual=balances[-1].residuals[-1],
        warnings=(*(told for told in elastic.warnings if told not in asked), *reached),
        displacement=whole_displacement(model, body.cut(balances[-1].displacement)),
        offset_mm=line_of_force(force, moments),
        plastic_strain=accumulated_strain(model, body),
    )


def yielding_body(model: VoxelModel, yield_stress: Volume, law: YieldLaw, integration: str = "full") -> YieldingBody:
    """The box of a model as a body that yields; arguments as of `follow_load_path`."""
    box = model.box
    return YieldingBody(
        isotropic(model.modulus[box], model.poisson[box]),
        model.edges,
        model.platens.cropped(box).held(model.lateral == "held"),
        yield_stress.array[box],
        law,
        integration=integration,
    )


def accumulated_strain(model: VoxelModel, body: YieldingBody) -> Array:
    """Accumulated plastic strain of each voxel, the mean of its points."""
    inside = np.zeros(tuple(part.stop - part.start for part in model.box))
    inside[np.any(model.coefficients[(slice(None), *model.box)] != 0, axis=0)] = body.accumulated.mean(axis=1)
    whole = np.zeros(model.parts.shape)
    whole[model.box] = inside
    return whole


def check_yield(model: VoxelModel, yield_stress: Volume, steps: int) -> None:
    """Refuse yield stresses of another grid or that are none, and paths without a step."""
    if not model.geometry.is_same_grid(yield_stress.geometry):
        raise InputError(
            f"yield stress and modulus lie on different grids ({yield_stress.geometry.shape} and "
            f"{model.geometry.shape} voxels, or another pose); one grid is expected: resample one of them"
        )
    if not np.isfinite(yield_stress.array).all() or float(yield_stress.array.min()) < 0:
        raise InputError("yield stresses hold negative values or no numbers; expected MPa, 0 for what never yields")
    if steps < 1:
        raise InputError(f"the load is to be applied in {steps} steps; at least 1 is expected")


def _reaction(body: YieldingBody, step: Step, platens: Platens, model: VoxelModel) -> float:
    """Work of the internal forces over the displacement of the top: at balance the top alone does work.

    A tilted top does other work too; there the forces of its nodes are added up.
    """
    if any(model.tilt):
        return abs(platens.force(body.cut(body.internal), model.edges)[0])
    return abs(float(np.vdot(body.internal, step.balance.displacement)) / step.factor)
