"""Compiling the solvers in processes beside this one: while it does other work, or before they are needed.

A first answer needs the plain loops of a small body (`LINEAR`, `FIRST`), which two processes compile side by side while
the CT is read. What takes longer, or is rarer, is compiled when it is asked for, or by `spondyl warmup`.
"""

from __future__ import annotations

import gc
import multiprocessing
import pickle
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from spondyl.numerics.yielding import YieldingBody

LINEAR = (("singles", "doubles"), ("coarse grids", "cycle"))
"""Parts that a first linear answer needs, one line a process, of about the same time. Two processes that put the same
loop into the compiler's store at once lose one or the other, so no loop is compiled by both: one sweep serves singles
and doubles, and the cycle, which needs them too, waits until they are made."""
FIRST = ((*LINEAR[0], "stress"), (*LINEAR[1], "tangent"))
"""And what yields: stress does without the sweeps."""
COURSES = (*FIRST[0], *FIRST[1], "injection", "balloons")
"""Parts that courses need; large bodies come in where they are large."""
ALL = ((*FIRST[0], "injection"), (*FIRST[1], "large bodies", "boxes", "balloons"))
FIRST_RUN = "first run: the solver is compiled, once (`spondyl warmup` does it beforehand)"
PARTS = tuple(name for line in ALL for name in line)
_MARKS = {
    "singles": ("elastic_kernels", "sweep_isotropic", "float32"),
    "doubles": ("elastic_kernels", "sweep_isotropic", "float64"),
    "tangent": ("yield_kernels", "add_tangent_forces", "float32"),
    "stress": ("yield_kernels", "add_stress_forces", "float64"),
    "coarse grids": ("coarse_kernels", "sum_blocks", "float64"),
    "cycle": ("multigrid_kernels", "advance", "float32"),
    "injection": ("heat_kernels", "march", "float64"),
    "balloons": ("growing_kernels", "add_grown_tangent", "float32"),
}  # the last loop that each part compiles, and numbers that it takes


@dataclass(frozen=True)
class WarmPart:
    """A part of the solvers that is compiled by now."""

    name: str
    seconds: float
    compiled: int  # functions, by its process so far; 0: all were there


def is_warm(parts: tuple[str, ...] = (*FIRST[0], *FIRST[1])) -> bool:
    """Whether these parts were compiled before: by this compiler, for this processor, from this source."""
    return all(_is_there(_MARKS[part]) for part in parts)


def warm_up() -> tuple[WarmPart, ...]:
    """Compile all parts, two at a time; what is compiled already takes a second or two to load."""
    found = {part.name: part for part in _Beside(ALL).results()}
    return tuple(found[name] if name in found else warm_part(name) for name in PARTS)


@contextmanager
def compiled_beside(
    tell: Callable[[str, str], None], lines: tuple[tuple[str, ...], ...] = FIRST
) -> Iterator[Callable[[], None]]:
    """Compile the parts that a first answer lacks beside the work within; call what this gives before it is solved.

    It says what it waits for, by `tell`. A process that ends too soon is no fault: what it leaves is compiled where it
    is used. Left early, as by an error, it ends the processes.
    """
    if is_warm((*lines[0], *lines[1])):
        yield lambda: None
        return
    beside = _Beside(lines)

    def ready() -> None:
        if not beside.over:
            tell(FIRST_RUN, "waits")
            beside.results()
            tell(FIRST_RUN, "made")

    try:
        yield ready
    finally:
        beside.stop()


class _Beside:
    """Processes that compile, each a line of parts; they end with this one."""

    def __init__(self, lines: tuple[tuple[str, ...], ...]) -> None:
        fresh = multiprocessing.get_context("spawn")  # a fork would share the compiler's locks and threads
        self.over = False
        self._ends: list[Connection] = []
        self._processes = []
        swept, sweeping = fresh.Pipe(duplex=False)  # nothing is sent: it closes with the doubles, or the process
        for line, sweeps in zip(lines, (sweeping, swept), strict=False):
            mine, its = fresh.Pipe(duplex=False)
            process = fresh.Process(target=_warm_line, args=(line, its, sweeps), daemon=True)
            process.start()
            its.close()
            self._ends.append(mine)
            self._processes.append(process)
        swept.close()
        sweeping.close()

    def results(self) -> list[WarmPart]:
        """Wait for all."""
        found, open_ends = [], list(self._ends)
        while open_ends:
            for end in wait(open_ends):
                assert isinstance(end, Connection)
                try:
                    found.append(end.recv())
                except EOFError:
                    open_ends.remove(end)
        self.stop()
        return found

    def stop(self) -> None:
        """End what still runs."""
        self.over = True
        for process in self._processes:
            process.terminate()
            process.join()


def _warm_line(line: tuple[str, ...], out: Connection, sweeps: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends this one
    gc.disable()  # an eighth of the compiler's time, for garbage that ends with this process
    for name in line:
        if name == "cycle":
            with suppress(EOFError):
                sweeps.recv()
        out.send(warm_part(name))
        if name == "doubles":
            sweeps.close()


def warm_part(name: str) -> WarmPart:
    """Compile one part by using it on a body of a few voxels."""
    begun = time.monotonic()
    _MAKE[name]()
    return WarmPart(name, time.monotonic() - begun, count_compiled())


def count_compiled() -> int:
    """How many loops this process has compiled itself, rather than taken as they lay on disk."""
    from spondyl.numerics import (
        coarse_kernels,
        darcy_kernels,
        elastic_kernels,
        front_kernels,
        growing_kernels,
        heat_kernels,
        multigrid_kernels,
        yield_kernels,
    )
    from spondyl.numerics.threaded import ThreadedLoop

    flow = darcy_kernels, front_kernels, heat_kernels
    modules = coarse_kernels, elastic_kernels, multigrid_kernels, yield_kernels, growing_kernels, *flow
    loops: list[Any] = [value for module in modules for value in vars(module).values()]
    loops += [flavour for loop in loops if isinstance(loop, ThreadedLoop) for flavour in (loop.plain, loop.parallel)]
    once = {id(one): one for one in loops if hasattr(one, "stats")}  # some modules use loops of others
    return sum(sum(one.stats.cache_misses.values()) for one in once.values())


def _is_there(mark: tuple[str, str, str]) -> bool:
    """Whether the compiler would find a loop for these numbers in its store.

    Its index is asked as it asks it: that is empty for another version of it, or of the source by date and size; what
    it holds names the processor. An index that cannot be read so counts as none: the parts then say what is there.
    """
    module, name, numbers = mark
    loop = getattr(import_module(f"spondyl.numerics.{module}"), name)
    try:
        processor = loop.targetctx.codegen().magic_tuple()
        held = loop._cache._cache_file._load_index()
        return any(machine == processor and numbers in str(types) for types, machine, _ in held)
    except (AttributeError, EOFError, OSError, TypeError, ValueError, pickle.UnpicklingError):
        return False


_SHAPE = (5, 5, 32)  # more than one coarse grid
_LARGE = (32, 32, 32)  # with so many whole blocks that coarse grids use their regular loops
_EDGE = 1.0


def _coarse() -> None:
    from spondyl.numerics.elasticity import isotropic
    from spondyl.numerics.multigrid import make_grids

    list(make_grids(isotropic(np.ones(_SHAPE), 0.3), _EDGE, ~_held()))


def _singles() -> None:
    from spondyl.numerics.elasticity import isotropic
    from spondyl.numerics.operators import Operator

    Operator(isotropic(np.ones(_SHAPE), 0.3), _EDGE, np.float32, 1)(_moved().astype(np.float32), _forces(np.float32))


def _doubles() -> None:
    from spondyl.numerics.elasticity import isotropic
    from spondyl.numerics.operators import Operator

    Operator(isotropic(np.ones(_SHAPE), 0.3), _EDGE, np.float64, 1)(_moved(), _forces(np.float64))


def _tangent() -> None:
    _yielding().tangent(_moved())


def _stress() -> None:
    _yielding().add_stresses(_moved(), _forces(np.float64))


def _yielding() -> YieldingBody:
    from spondyl.numerics.elasticity import isotropic
    from spondyl.numerics.plasticity import VON_MISES
    from spondyl.numerics.yielding import YieldingBody

    return YieldingBody(isotropic(np.ones(_SHAPE), 0.3), (_EDGE,) * 3, _held(), np.ones(_SHAPE), VON_MISES)


def _cycle(shape: tuple[int, ...] = _SHAPE) -> None:
    """The multigrid cycle, and the vectors of conjugate gradients."""
    from spondyl.numerics.elasticity import isotropic
    from spondyl.numerics.equilibrium import Problem, conjugate_gradients

    conjugate_gradients()(Problem(isotropic(np.ones(shape), 0.3), _EDGE, _held(shape), _moved(shape)))


def _large_bodies() -> None:
    """The cycle's regular loops; a vertebra at 2 mm does without them."""
    _cycle(_LARGE)


def _boxes() -> None:
    from spondyl.numerics.boxes import stretched
    from spondyl.numerics.elasticity import isotropic
    from spondyl.numerics.operators import Operator

    coefficients = stretched(isotropic(np.ones(_SHAPE), 0.3), (_EDGE, _EDGE, 2 * _EDGE))
    for kind in (np.float32, np.float64):
        Operator(coefficients, _EDGE, kind, 1)(_moved().astype(kind), _forces(kind))


def _balloons() -> None:
    """A cavity that grows, below a plane that bears no tension."""
    from spondyl.numerics.elasticity import isotropic
    from spondyl.numerics.growing import GrowingBody
    from spondyl.numerics.plasticity import CRUSHABLE

    bone, hole, plane = np.ones(_SHAPE), np.zeros(_SHAPE, bool), np.zeros(_SHAPE, bool)
    hole[1:-1, 1:-1, 8:16], plane[:, :, 24] = True, True
    bone[hole] = 0.0
    body = GrowingBody(
        isotropic(bone, 0.3),
        _EDGE,
        _held(),
        np.ones(_SHAPE),
        CRUSHABLE,
        onset=np.full(_SHAPE, 0.8),
        cavities=[hole],
        plane=plane,
        normal=np.array([0.0, 0.0, 1.0]),
        fluid=1.0,
    )
    still = np.zeros(body.free.shape)
    body.tangent(body.residual(still))
    body.commit(still)


def _injection() -> None:
    from spondyl.simulation.cement import find_cement
    from spondyl.simulation.curing_heat import simulate_model_heat
    from spondyl.simulation.injection import inject
    from spondyl.simulation.injection_model import build_injection_model
    from spondyl.simulation.injection_records import InjectionSettings, Needle, Portion
    from spondyl.space import Geometry, Volume

    grid = Geometry(np.eye(4), (9, 9, 9))
    bone = np.zeros(grid.shape)
    bone[1:-1, 1:-1, 1:-1] = 1
    model = build_injection_model(Volume(1e-8 * bone, grid, "m2"), Volume(0.8 * bone, grid, "1"))
    schedule, cement = [Portion(Needle((4.0, 4.0, 4.0)), 0.05, 3.0, 5.0)], find_cement("generic-medium")
    for marrow in ("lumped", "full"):
        found = inject(model, schedule, cement, InjectionSettings(marrow=marrow))
    simulate_model_heat(model, found, cement, minutes=0.1)  # how warm it becomes


def _held(shape: tuple[int, ...] = _SHAPE) -> np.ndarray:
    held = np.zeros(_forces(np.float64, shape).shape, bool)
    held[..., [0, -1]] = True
    return held


def _moved(shape: tuple[int, ...] = _SHAPE) -> np.ndarray:
    moved = _forces(np.float64, shape)
    moved[2, ..., -1] = -0.1
    return moved


def _forces(kind: type, shape: tuple[int, ...] = _SHAPE) -> np.ndarray:
    return np.zeros((3, *(n + 1 for n in shape)), kind)


_MAKE: dict[str, Callable[[], None]] = {
    "doubles": _doubles,
    "tangent": _tangent,
    "stress": _stress,
    "cycle": _cycle,
    "large bodies": _large_bodies,
    "coarse grids": _coarse,
    "singles": _singles,
    "boxes": _boxes,
    "injection": _injection,
    "balloons": _balloons,
}
