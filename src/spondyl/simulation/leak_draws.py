"""One simulated injection after the other, each with inputs drawn from their doubt; a killed series goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from math import exp, inf, isfinite, log
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from spondyl.errors import InputError, NotConverged
from spondyl.simulation.body_injection import leaks_by_path
from spondyl.simulation.cement import Cement
from spondyl.simulation.flow_model import FlowModel, draw_factor, injection_model
from spondyl.simulation.injection import inject
from spondyl.simulation.injection_records import InjectionResult, InjectionSettings, Portion
from spondyl.simulation.openings import LeakPath, Opening
from spondyl.simulation.permeability import LN_SIGMA, Scenario
from spondyl.studies.workers import Workers

Array = NDArray[Any]

LN_VISCOSITY = 0.5  # of the consistency, handbook 9
START_SPREAD_MIN = 1.5  # either way of the planned start: a choice
TIP_SD_MM = 2.0  # along each axis: a choice
VOLUME_STEPS = (0.25, 0.5, 0.75, 1.0)  # of the cement asked for, at which leaks are noted
RTOL = 1e-5  # of the flow: finer changes no leak in its fourth digit (docs/validation/leaks.md)
_TRIES = 50
_SCENARIOS = tuple(Scenario)

ASSUMPTIONS = (
    "drawn run by run: permeability as a whole and place by place (lognormal, 0.5 in its logarithm each), consistency "
    "of the cement (lognormal, 0.5), start (1.5 min either way, a choice), tip (2 mm along each axis, a choice), width "
    "of every opening (log-uniform over its bracket)",
)


@dataclass(frozen=True, eq=False)
class LeakTask:
    """What a series of draws is made from."""

    flow: FlowModel  # with its tracks
    schedule: tuple[Portion, ...]
    cement: Cement
    settings: InjectionSettings
    seed: int

    @property
    def asked_ml(self) -> float:
        """Cement of all portions."""
        return sum(portion.volume_ml for portion in self.schedule)

    @property
    def key(self) -> str:
        """Names all that a draw hangs on but its number: draws of another key are not of this series."""
        flow = self.flow
        told = repr((flow.openings, flow.veins, self.schedule, self.cement, self.settings, self.seed, VOLUME_STEPS))
        found = sha256(told.encode())
        for array in (flow.geometry.affine, flow.share, flow.porosity, flow.cleft, flow.cavity, flow.labels):
            found.update(np.ascontiguousarray(array).tobytes())
        return found.hexdigest()[:16]


@dataclass(frozen=True)
class LeakDraw:
    """One run: what was drawn, and what leaked. Plain numbers and words, for a caller to keep."""

    number: int
    key: str
    scenario: Scenario
    inputs: tuple[tuple[str, float], ...]
    leaked_ml: tuple[tuple[float, ...], ...]  # by VOLUME_STEPS, then by LeakPath
    injected_ml: float
    syringe_kpa: float  # highest
    in_body: bool  # False: nothing went in, or no pressure was found
    reason: str | None = None  # of that

    @property
    def final_ml(self) -> dict[LeakPath, float]:
        """What leaked in the end, by path."""
        return dict(zip(LeakPath, self.leaked_ml[-1], strict=True))


def run_draws(
    task: LeakTask,
    runs: int,
    *,
    workers: Workers | None = None,
    finished: Sequence[LeakDraw] = (),
    on_draw: Callable[[LeakDraw], None] | None = None,
) -> tuple[LeakDraw, ...]:
    """All draws from 0 on, those already finished taken over; the same whatever was finished and by how many workers.

    Parameters
    ----------
    workers
        Processes that share the work; None: this one.
    finished
        Draws that an earlier, broken run handed out; those of another task are left out.
    on_draw
        Called with each new draw as soon as it is there, in any order: keep it, and show progress.
    """
    if runs < 1:
        raise InputError(f"{runs} runs; 1 or more are expected")
    key = task.key
    known = {draw.number: draw for draw in finished if draw.key == key and draw.number < runs}
    missing = [number for number in range(runs) if number not in known]
    for draw in _new_draws(task, missing, workers):
        known[draw.number] = draw
        if on_draw is not None:
            on_draw(draw)
    return tuple(known[number] for number in range(runs))


def make_draw(task: LeakTask, number: int) -> LeakDraw:
    """The draw of this number: scenarios take turns, all else hangs on seed and number."""
    generator = np.random.default_rng([task.seed, number])
    scenario = _SCENARIOS[number % len(_SCENARIOS)]
    reference = scenario.reference_m2 * exp(LN_SIGMA * generator.standard_normal())
    factor = draw_factor(task.flow, generator)
    thicker = exp(LN_VISCOSITY * generator.standard_normal())
    later = generator.uniform(-START_SPREAD_MIN, START_SPREAD_MIN)
    widths = {way.name: _width(way, generator) for way in task.flow.openings}
    schedule, offset = _moved(task, later, generator)
    inputs = (
        ("permeability_m2", reference),
        ("consistency_factor", thicker),
        ("start_min", schedule[0].start_min),
        *((f"tip_{name}_mm", float(value)) for name, value in zip(("up", "front", "left"), offset, strict=True)),
        *((f"width_mm: {name}", width) for name, width in widths.items()),
    )
    model = injection_model(task.flow, reference_m2=reference, factor=factor, widths_mm=widths)
    key, nothing = task.key, ((0.0,) * len(LeakPath),) * len(VOLUME_STEPS)
    try:
        found = inject(model, schedule, _thickened(task.cement, thicker), task.settings)
    except (InputError, NotConverged) as error:
        return LeakDraw(number, key, scenario, inputs, nothing, 0.0, 0.0, in_body=False, reason=str(error))
    leaked = _leaked(found, task.flow.openings, task.asked_ml)
    top = float(found.course.syringe_kpa.max())
    return LeakDraw(number, key, scenario, inputs, leaked, found.injected_ml, top, in_body=True)


def _new_draws(task: LeakTask, numbers: Sequence[int], workers: Workers | None) -> Iterator[LeakDraw]:
    arguments = [(task, number) for number in numbers]
    return (make_draw(*each) for each in arguments) if workers is None else workers.each(make_draw, arguments)


def _width(way: Opening, generator: Generator) -> float:
    return exp(generator.uniform(log(way.low_mm), log(way.high_mm)))


def _thickened(cement: Cement, factor: float) -> Cement:
    consistencies = tuple(value * factor for value in cement.consistencies_pa_s_n)
    plateau = cement.plateau_pa_s_n * factor if isfinite(cement.plateau_pa_s_n) else inf
    return replace(cement, consistencies_pa_s_n=consistencies, plateau_pa_s_n=plateau)


def _moved(task: LeakTask, later_min: float, generator: Generator) -> tuple[list[Portion], Array]:
    """The portions at another start and with tips a little off; and how far the first is off (up, front, left)."""
    shift = max(later_min, -task.schedule[0].start_min)
    moved, offsets = [], []
    for portion in task.schedule:
        tip, offset = np.array(portion.needle.tip_mm), np.zeros(3)
        for _ in range(_TRIES):
            tried = generator.normal(0.0, TIP_SD_MM, 3)
            if _is_inside(task.flow, tip + task.flow.frame.axes @ tried):
                offset = tried
                break
        x, y, z = (float(value) for value in tip + task.flow.frame.axes @ offset)
        needle = replace(portion.needle, tip_mm=(x, y, z))
        moved.append(replace(portion, needle=needle, start_min=portion.start_min + shift))
        offsets.append(offset)
    return moved, offsets[0]


def _is_inside(flow: FlowModel, place: Array) -> bool:
    cell = np.rint(flow.geometry.indices(place)).astype(int)
    return bool(flow.geometry.contains(place)) and bool(flow.bone[tuple(cell)])


def _leaked(found: InjectionResult, openings: Sequence[Opening], asked_ml: float) -> tuple[tuple[float, ...], ...]:
    """By steps of the volume asked, then by path."""
    names = [leak.outlet.name for leak in found.leaks]
    final = {leak.path: leak for leak in leaks_by_path(found, openings)}
    volumes = np.append(found.course.volume_ml, found.injected_ml)
    columns = []
    for path in LeakPath:
        of_it = [names.index(name) for name in final[path].openings]
        course = np.append(found.leaked_ml[:, of_it].sum(axis=1), final[path].volume_ml)
        columns.append(np.interp(np.array(VOLUME_STEPS) * asked_ml, volumes, course))
    return tuple(tuple(float(value) for value in row) for row in np.array(columns).T)
