"""The load path of a voxel model that yields between its platens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spondyl.errors import InputError
from spondyl.numerics.elasticity import isotropic
from spondyl.numerics.nonlinear import Step, anderson, follow, newton_krylov
from spondyl.numerics.plasticity import VON_MISES, YieldLaw
from spondyl.numerics.yielding import YieldingBody
from spondyl.simulation.between_platens import CurvePoint, PlatenResponse, solve_voxel_model, whole_displacement
from spondyl.simulation.voxel_model import VoxelModel
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

    Raises
    ------
    InputError
        where a yield stress is negative or no number.
    NotConverged
        where a step cannot be balanced; no curve is given.
    """
    _check(model, yield_stress, steps)
    elastic = solve_voxel_model(model)
    box = model.box
    inside = model.platens.cropped(box)
    body = YieldingBody(
        isotropic(model.modulus[box], model.poisson[box]),
        model.edges,
        inside.held(model.lateral == "held"),
        yield_stress.array[box],
        law,
        integration=integration,
    )
    factors = [model.displacement_mm * step / steps for step in range(1, steps + 1)]
    solvers = [newton_krylov(rtol=tolerance), anderson(rtol=tolerance)]
    curve, cycles, last = [], 0, None
    for last in follow(body, body.widened(inside.moved(1.0)), factors, solvers=solvers):
        curve.append(CurvePoint(last.factor, _reaction(body, last)))
        cycles += last.balance.cycles
    assert last is not None
    return replace(
        elastic,
        reaction_n=curve[-1].reaction_n,
        curve=tuple(curve),
        iterations=elastic.iterations + cycles,
        residual=last.balance.residuals[-1],
        displacement=whole_displacement(model, body.cut(last.balance.displacement)),
    )


def _check(model: VoxelModel, yield_stress: Volume, steps: int) -> None:
    if not model.geometry.is_same_grid(yield_stress.geometry):
        raise InputError(
            f"yield stress and modulus lie on different grids ({yield_stress.geometry.shape} and "
            f"{model.geometry.shape} voxels, or another pose); one grid is expected: resample one of them"
        )
    if not np.isfinite(yield_stress.array).all() or float(yield_stress.array.min()) < 0:
        raise InputError("yield stresses hold negative values or no numbers; expected MPa, 0 for what never yields")
    if steps < 1:
        raise InputError(f"the load is to be applied in {steps} steps; at least 1 is expected")


def _reaction(body: YieldingBody, step: Step) -> float:
    """Work of the internal forces over the displacement of the top: at balance the top alone does work."""
    return abs(float(np.vdot(body.internal, step.balance.displacement)) / step.factor)
