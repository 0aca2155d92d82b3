"""Compiling the solvers before they are needed, in as many processes as there are parts."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

PARTS = ("cubes", "doubles and yield", "boxes", "injection")


@dataclass(frozen=True)
class WarmPart:
    """A part of the solvers that is compiled by now."""

    name: str
    seconds: float
    compiled: int  # functions; 0: all were there


def is_warm() -> bool:
    """Whether the linear solver was compiled on this machine before, by this version or another."""
    from spondyl.numerics.elastic_kernels import apply_isotropic

    place = Path(apply_isotropic.plain.stats.cache_path)
    return any(place.glob("elastic_kernels.apply_isotropic-*.nbi"))


def warm_up() -> tuple[WarmPart, ...]:
    """Compile all parts side by side; parts that are compiled already take a second or two to load."""
    fresh = multiprocessing.get_context("spawn")  # a fork would share the compiler's locks and threads
    with ProcessPoolExecutor(len(PARTS), mp_context=fresh) as pool:
        return tuple(pool.map(warm_part, PARTS))


def warm_part(name: str) -> WarmPart:
    """Compile one part by using it on a body of a few voxels."""
    from spondyl.numerics import (
        coarse_kernels,
        darcy_kernels,
        elastic_kernels,
        front_kernels,
        multigrid_kernels,
        yield_kernels,
    )
    from spondyl.numerics.threaded import ThreadedLoop

    begun = time.monotonic()
    {"cubes": _cubes, "doubles and yield": _doubles_and_yield, "boxes": _boxes, "injection": _injection}[name]()
    modules = coarse_kernels, elastic_kernels, multigrid_kernels, yield_kernels, darcy_kernels, front_kernels
    loops: list[Any] = [value for module in modules for value in vars(module).values()]
    loops += [flavour for loop in loops if isinstance(loop, ThreadedLoop) for flavour in (loop.plain, loop.parallel)]
    missed = sum(sum(one.stats.cache_misses.values()) for one in loops if hasattr(one, "stats"))
    return WarmPart(name, time.monotonic() - begun, missed)


_SHAPE = (5, 5, 32)  # more than one coarse grid
_NODES = (3, *(n + 1 for n in _SHAPE))
_EDGE = 1.0


def _cubes() -> None:
    """Single precision: the multigrid cycle and the vectors of conjugate gradients."""
    from spondyl.numerics.elasticity import isotropic
    from spondyl.numerics.equilibrium import Problem, conjugate_gradients

    conjugate_gradients()(Problem(isotropic(np.ones(_SHAPE), 0.3), _EDGE, _held(), _moved()))


def _doubles_and_yield() -> None:
    from spondyl.numerics.elasticity import isotropic
    from spondyl.numerics.multigrid import Operator
    from spondyl.numerics.plasticity import VON_MISES
    from spondyl.numerics.yielding import YieldingBody

    coefficients = isotropic(np.ones(_SHAPE), 0.3)
    Operator(coefficients, _EDGE, np.float64, 1)(_moved(), np.empty(_NODES))
    body = YieldingBody(coefficients, (_EDGE,) * 3, _held(), np.ones(_SHAPE), VON_MISES)
    body.tangent(body.residual(_moved()))


def _boxes() -> None:
    from spondyl.numerics.boxes import stretched
    from spondyl.numerics.elasticity import isotropic
    from spondyl.numerics.multigrid import Operator

    coefficients = stretched(isotropic(np.ones(_SHAPE), 0.3), (_EDGE, _EDGE, 2 * _EDGE))
    for kind in (np.float32, np.float64):
        Operator(coefficients, _EDGE, kind, 1)(_moved().astype(kind), np.empty(_NODES, kind))


def _injection() -> None:
    from spondyl.simulation.cement import find_cement
    from spondyl.simulation.injection import InjectionSettings, Needle, Portion, inject
    from spondyl.simulation.injection_model import build_injection_model
    from spondyl.space import Geometry, Volume

    grid = Geometry(np.eye(4), (9, 9, 9))
    bone = np.zeros(grid.shape)
    bone[1:-1, 1:-1, 1:-1] = 1
    model = build_injection_model(Volume(1e-8 * bone, grid, "m2"), Volume(0.8 * bone, grid, "1"))
    schedule = [Portion(Needle((4.0, 4.0, 4.0)), 0.05, 3.0, 5.0)]
    for marrow in ("lumped", "full"):
        inject(model, schedule, find_cement("generic-medium"), InjectionSettings(marrow=marrow))


def _held() -> np.ndarray:
    held = np.zeros(_NODES, bool)
    held[..., [0, -1]] = True
    return held


def _moved() -> np.ndarray:
    moved = np.zeros(_NODES)
    moved[2, ..., -1] = -0.1
    return moved
