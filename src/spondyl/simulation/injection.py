"""Injecting cement into a bone: where it goes, at what pressure, and what leaves by which outlet.

Two fluids with a sharp front between them in a porous medium (handbook 4.1). The marrow far from the cement is one
unknown by default, because it resists some hundred to a hundred thousand times less; `marrow="full"` solves for all of
it. See docs/explanation/injection.md for the equations and what they leave out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spondyl.errors import InputError
from spondyl.simulation.cement import Cement, cannula_pressure_drop
from spondyl.simulation.front_state import PA_TO_MPA, FrontState
from spondyl.simulation.injection_model import InjectionModel
from spondyl.simulation.injection_records import (
    HalfDone,
    InjectionResult,
    InjectionSettings,
    Leak,
    Needle,
    Portion,
    PressureCourse,
)

Array = NDArray[Any]
ML_TO_MM3 = 1000.0
LUMPED_FROM = 300.0  # mobility ratio below which marrow's own resistance bends the front
STALLED = 1e-4  # of the flow asked: below it nothing moves any more
WITHIN = 1e-3  # of the pressure limit
CAP_TRIALS = 25


def inject(
    model: InjectionModel,
    schedule: Sequence[Portion],
    cement: Cement,
    settings: InjectionSettings | None = None,
    *,
    begun: HalfDone | None = None,
    on_step: Callable[[Callable[[], HalfDone]], None] | None = None,
) -> InjectionResult:
    """Push portions of cement into a bone, one after the other.

    Each flows at its rate until its volume is in, or slower where the syringe's pressure would pass the limit, and ends
    where nothing moves any more. A tip that moves between portions is a needle pulled back.

    Parameters
    ----------
    begun
        Where an earlier run with the same inputs was broken off: it goes on there, and ends as that would have.
    on_step
        Called after each step with what gives the state then, for a caller that keeps it now and then.

    Raises
    ------
    InputError
        where a tip lies outside the bone or in another part of it than the others, where the cement has more volume
        than the pores of that part, or where the limit never lets it move.
    NotConverged
        where a pressure was not found.
    """
    chosen = settings or InjectionSettings()
    cells = _check(model, schedule)
    clock = cement.clock_rate(chosen.room_c), cement.clock_rate(chosen.body_c)
    state = FrontState(model, cement, clock=clock, lumped=chosen.marrow == "lumped", rtol=chosen.rtol, at=cells[0])
    _check_room(state, schedule, cells)
    run = _Run(state, chosen, model, on_step)
    if begun is not None:
        run.restore(begun)
    first = 0 if begun is None else begun.portion
    for number, (portion, cell) in list(enumerate(zip(schedule, cells, strict=True)))[first:]:
        run.push(number, portion, int(state.number[tuple(cell)]), begun if number == first else None)
    return run.result(schedule)


def _check(model: InjectionModel, schedule: Sequence[Portion]) -> list[Array]:
    """The voxel of each portion's tip."""
    if not schedule:
        raise InputError("no portion of cement is given; at least one is expected")
    starts = [portion.start_min for portion in schedule]
    if sorted(starts) != starts:
        raise InputError(f"portions start at {starts} min; give them in the order of their starts")
    cells = []
    for portion in schedule:
        tip = portion.needle.tip_mm
        cell = np.rint(model.geometry.indices(np.array(tip))).astype(int)
        inside = bool(model.geometry.contains(np.array(tip)))
        if not inside or not model.bone[tuple(cell)]:
            raise InputError(
                f"the needle's tip at {tip} mm (LPS) lies {'outside the bone' if inside else 'outside the image'}; a "
                "point in a voxel with permeability above 0 is expected: check the coordinates and their signs"
            )
        cells.append(cell)
    return cells


def _check_room(state: FrontState, schedule: Sequence[Portion], cells: Sequence[Array]) -> None:
    if any(not state.part[tuple(cell)] for cell in cells):
        raise InputError("the needles' tips lie in parts of the bone that do not join; simulate each part by itself")
    if not len(state.openings.cells):
        raise InputError("no outlet opens into the part of the bone that the needle is in: marrow could go nowhere")
    asked, room = sum(portion.volume_ml for portion in schedule), state.capacity.sum() / ML_TO_MM3
    if asked > room:
        raise InputError(f"{asked:.3g} mL of cement is more than the {room:.3g} mL of pores; give less")


class _Run:
    """The portions so far."""

    def __init__(
        self,
        state: FrontState,
        settings: InjectionSettings,
        model: InjectionModel,
        on_step: Callable[[Callable[[], HalfDone]], None] | None,
    ) -> None:
        self.state, self.settings, self.on_step = state, settings, on_step
        self.now = 0.0  # s after mixing
        self.injected = 0.0  # mm³
        self.rows: list[tuple[float, ...]] = []
        self.reached = np.full(len(state.held), np.nan)  # min
        self.left: list[list[float]] = []
        self.first: list[float | None] = [None] * len(state.outlets)
        self.least_ratio = np.inf
        self.warnings = list(model.warnings)
        self.stopped_by: str | None = None

    def restore(self, begun: HalfDone) -> None:
        """Take over what an earlier run had done."""
        self.state.restore(begun.front)
        told = begun.told
        self.now, self.injected, self.least_ratio = told["now"], told["injected"], told["least_ratio"]
        self.rows = [tuple(row) for row in told["rows"]]
        self.left, self.first, self.warnings = list(told["left"]), list(told["first"]), list(told["warnings"])
        self.stopped_by = told["stopped_by"]
        self.reached = np.array(begun.front["reached"])

    def _half_done(self, number: int, done: float, flow: float) -> HalfDone:
        told = {
            "now": self.now, "injected": self.injected, "least_ratio": self.least_ratio, "rows": list(self.rows),
            "left": list(self.left), "first": list(self.first), "warnings": list(self.warnings),
            "stopped_by": self.stopped_by,
        }  # fmt: skip
        return HalfDone(number, done, flow, self.state.snapshot() | {"reached": self.reached.copy()}, told)

    def push(self, number: int, portion: Portion, cell: int, begun: HalfDone | None = None) -> None:
        """Push one portion in, or what is left of one that was begun."""
        state, asked = self.state, portion.volume_ml * ML_TO_MM3
        wanted = portion.flow_ml_per_min * ML_TO_MM3 / 60
        state.place_source(cell)
        if begun is None:
            self._wait(number, portion)
            state.start(wanted)
        flow, done = (wanted, 0.0) if begun is None else (begun.flow, begun.done)
        while done < asked * (1 - 1e-12):
            state.list_cells()
            sweeps = self.settings.sweeps if done else 8
            flow, tip, cannula = self._find_flow(portion, wanted, min(wanted, 1.5 * flow), sweeps)
            if flow < STALLED * wanted or self._is_set():
                self._stall(number, portion, done)
                break
            if not done:
                self.least_ratio = min(self.least_ratio, self._ratio())
            volume = min(self._step(flow) * flow, asked - done)
            self.rows.append((
                self.now / 60, number, self.injected / ML_TO_MM3, flow * 60 / ML_TO_MM3, tip * 1000, cannula * 1000,
            ))  # fmt: skip
            self.left.append([leak.volume_ml for leak in self._leaks()])
            state.advance(volume, self.now)
            done += volume
            self.injected += volume
            self.now += volume / flow
            self.reached[np.isnan(self.reached) & (state.held >= 0.5 * state.capacity)] = self.now / 60
            self._note_leaks()
            if self.on_step is not None:
                self.on_step(partial(self._half_done, number, done, flow))
        self.least_ratio = min(self.least_ratio, state.mobility_ratio(self.now))

    def _wait(self, number: int, portion: Portion) -> None:
        """Until the portion may begin."""
        if portion.start_min * 60 < self.now - 1e-6 and number:
            self.warnings.append(f"portion {number + 1} had to wait for the one before, until {self.now / 60:.2f} min")
        self.now = max(self.now, portion.start_min * 60)

    def result(self, schedule: Sequence[Portion]) -> InjectionResult:
        """What came of it."""
        state = self.state
        held = state.held.sum()
        columns = np.array(self.rows).T
        entered = np.full(len(state.held), np.nan)
        np.divide(state.entry, state.held * 60, out=entered, where=state.held > 0)
        entered_field, reached_field = state.field(entered), state.field(self.reached)
        entered_field[~state.part] = reached_field[~state.part] = np.nan
        left = self.injected - held - state.taken.sum()
        return InjectionResult(
            state.field(state.held / state.capacity),
            entered_field,
            reached_field,
            state.model.geometry,
            PressureCourse(columns[0], columns[1].astype(int), *columns[2:]),
            self._leaks(),
            np.array(self.left),
            self.injected / ML_TO_MM3,
            sum(portion.volume_ml for portion in schedule),
            held / ML_TO_MM3,
            float(left / self.injected),
            float(self.least_ratio),
            len(self.rows),
            self.stopped_by,
            tuple(self.warnings + self._doubts()),
            (*state.cement.assumptions, self._warmth()),
        )

    def _find_flow(self, portion: Portion, wanted: float, guess: float, sweeps: int) -> tuple[float, float, float]:
        """The flow that the pressure limit allows, and the pressures at tip and along the cannula."""
        limit, state, n = self.settings.pressure_limit_mpa, self.state, self.state.cement.index
        flow = guess if limit is not None else wanted
        for _ in range(CAP_TRIALS):
            state.settle(flow, self.now, sweeps=sweeps)
            tip, cannula = self._pressures(portion.needle, flow)
            if limit is None:
                break
            next_flow = min(wanted, flow * (limit / (tip + cannula)) ** (1 / n))
            if abs(next_flow - flow) <= WITHIN * flow or next_flow < STALLED * wanted:
                flow = next_flow if next_flow < STALLED * wanted else flow
                break
            state.scale(next_flow / flow)
            flow, sweeps = next_flow, 1
        return flow, tip, cannula

    def _pressures(self, needle: Needle, flow: float) -> tuple[float, float]:
        fresh = float(self.state.cement.consistency(self.state.room * self.now)) * PA_TO_MPA
        tip = self.state.tip_pressure(flow, self.now, needle.bore_mm / 2)
        index = self.state.cement.index
        return tip, cannula_pressure_drop(fresh, index, needle.length_mm, needle.bore_mm, flow)

    def _step(self, flow: float) -> float:
        """How long to go on at this flow: bounded by the front, by curing, and by how outlets fill. [s]"""
        filling = self.settings.fill_step * self.state.front_volume() / flow
        rise = self.state.cement.fastest_rise * max(self.state.body, self.state.room)
        curing = self.settings.curing_step / rise if rise > 0 else np.inf
        return min(filling, curing, self.state.longest_step(0.2))

    def _ratio(self) -> float:
        state = self.state
        return float(state.viscosity[state.source] / state.marrow)

    def _is_set(self) -> bool:
        """Whether the cement in the cannula has reached the plateau of cured cement."""
        cement = self.state.cement
        return bool(cement.consistency(self.state.room * self.now) >= cement.plateau_pa_s_n * (1 - 1e-9))

    def _stall(self, number: int, portion: Portion, done: float) -> None:
        limit, at = self.settings.pressure_limit_mpa, f"at {self.now / 60:.2f} min"
        is_set = self._is_set()
        if done == 0 and self.injected == 0:
            why = "this cement has set" if is_set else f"{limit} MPa at the syringe never moves this cement"
            raise InputError(
                f"{why} {at}: less than {STALLED:g} of {portion.flow_ml_per_min} mL/min would flow; start earlier, or "
                "raise the limit"
            )
        self.stopped_by = f"the cement had set {at}" if is_set else f"with {limit} MPa it moves no further {at}"
        self.warnings.append(
            f"portion {number + 1} stopped with {done / ML_TO_MM3:.3g} of {portion.volume_ml:.3g} mL in: "
            f"{self.stopped_by}"
        )

    def _note_leaks(self) -> None:
        for way in range(len(self.first)):
            if self.first[way] is None and self.state.taken[self.state.openings.ways == way].sum() > 0:
                self.first[way] = self.now / 60

    def _leaks(self) -> tuple[Leak, ...]:
        ways, state = self.state.openings.ways, self.state
        found = []
        for way, outlet in enumerate(state.outlets):
            if outlet.takes_cement:
                taken, inside = state.taken[ways == way].sum(), state.channel[ways == way].sum()
                found.append(
                    Leak(outlet, float(taken / ML_TO_MM3), float(max(taken - inside, 0.0) / ML_TO_MM3), self.first[way])
                )
        return tuple(found)

    def _warmth(self) -> str:
        room, body = self.settings.room_c, self.settings.body_c
        return f"the cement is at {room:g} C until it enters the bone and at {body:g} C from then on"

    def _doubts(self) -> list[str]:
        told = []
        if self.settings.pressure_limit_mpa is None:
            told.append("no pressure limit was given: the flow is held whatever the pressure, as no hand could")
        if self.least_ratio < LUMPED_FROM and self.settings.marrow == "lumped":
            told.append(
                f"cement was only {self.least_ratio:.3g} times as thick as marrow somewhere; below {LUMPED_FROM:g} "
                "lumped marrow gives too small leaks: solve for all marrow"
            )
        if self.least_ratio < 1:
            told.append("cement was thinner than marrow: real fronts finger, this one cannot; do not use the shape")
        if self.state.overfull > 0:
            told.append(f"{self.state.overfull / ML_TO_MM3:.2g} mL stand above the pores of full voxels")
        return told
