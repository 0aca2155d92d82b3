"""Cement in a bone at one moment: where it is, how thick, what pressure moves it, and where it goes next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.numerics.darcy import not_balanced, number_cells
from spondyl.numerics.near_source import ball_radius, mouth_resistance, source_radius
from spondyl.simulation.cement import Cement, porous_coefficient, radial_pressure_drop
from spondyl.simulation.injection_model import InjectionModel
from spondyl.simulation.outlets import Outlet

Array = NDArray[Any]
FULL = 0.999  # of its pores: a cell that counts as full
LAYERS = 2  # of marrow cells around the cement that are solved for one by one
PA_TO_MPA = 1e-6
M2_TO_MM2 = 1e6
SLOWEST = 1e-4  # of the flow over a voxel's face: speeds below thin no fluid further, where it would be endlessly thick
ITERATIONS = 5000


@dataclass(frozen=True, eq=False)
class Openings:
    """Outlets, cell by cell, in the order of the cells."""

    cells: Array
    first: Array  # of each cell, and the end
    ways: Array  # which outlet
    shares: Array  # of that outlet's conductance and area
    halves: Array  # resistance from the cell's centre to its open faces or mouth at a viscosity of 1 [1/mm³]
    outside: Array  # [MPa]
    takes: Array


_CHANGING = (
    "held", "entry", "squared", "pressure", "pooled", "viscosity", "taken", "channel", "channel_entry", "ends_flow",
    "overfull", "now", "slowest",
)  # fmt: skip


class FrontState:
    """Cement and marrow in the part of a bone that a point lies in. Filled step by step; mm, MPa, s.

    `settle` finds the pressures for a flow, `advance` moves cement along them.
    """

    def __init__(
        self, model: InjectionModel, cement: Cement, *, clock: tuple[float, float], lumped: bool, rtol: float, at: Array
    ) -> None:
        from spondyl.numerics.darcy_kernels import find_neighbours

        self.model, self.cement, self.lumped, self.rtol = model, cement, lumped, rtol
        self.room, self.body = clock
        parts, _ = ndimage.label(model.bone)
        self.part = parts == parts[tuple(at)]
        self.number = number_cells(self.part)
        self.neighbours = find_neighbours(self.number, np.argwhere(self.part).astype(np.int32))
        self.edges = model.edges_mm
        self.volume = float(np.prod(self.edges))
        self.areas = np.array([self.volume / edge for edge in self.edges])
        self.permeability = np.ascontiguousarray(model.permeability[:, self.part].T) * M2_TO_MM2
        self.halves = 0.5 * np.array(self.edges) ** 2 / (self.volume * self.permeability)
        self.capacity = model.porosity[self.part] * self.volume
        self.mean_k = self.permeability.prod(axis=1) ** (1 / 3)
        self.thickness = porous_coefficient(1.0, cement.index, self.mean_k, model.porosity[self.part])
        self.marrow = model.marrow_viscosity_pa_s * PA_TO_MPA
        self.openings = find_openings(model, self.part, self.number, self.halves, self.areas, self.mean_k)
        self.outlets = tuple(outlet for _, outlet in model.outlets)
        count, ends = len(self.capacity), len(self.openings.cells)
        self.held, self.entry = np.zeros(count), np.zeros(count)
        self.squared = np.zeros(count)  # speeds
        self.pressure, self.pooled = np.zeros(count), 0.0
        self.viscosity = np.full(count, self.marrow)
        self.taken, self.channel, self.channel_entry = np.zeros(ends), np.zeros(ends), np.zeros(ends)
        self.ends_capacity = self.openings.shares * np.array([self.outlets[w].volume_mm3 for w in self.openings.ways])
        self.ends_flow = np.zeros(ends)
        self._work = np.zeros(count), np.zeros(count)
        self._system = (
            np.zeros((count + 1, 4), np.int32),
            np.zeros((count + 1, 4)),
            np.zeros(count + 1),
            np.zeros(count + 1),
        )
        self._marks, self._list = np.zeros(count, np.bool_), np.zeros(count, np.int64)
        self._history = np.zeros(ITERATIONS + 1)
        self.source, self.cells = -1, np.arange(0)
        self.overfull, self.now, self.slowest = 0.0, 0.0, 0.0

    def place_source(self, cell: int) -> None:
        """Let cement enter at this cell from now on."""
        self.source = cell

    def start(self, flow: float) -> None:
        """Begin with the speeds of a source cell that nothing flowed through yet."""
        speed = flow / 6 / float(self.areas.mean())
        self.squared[self.source] = max(self.squared[self.source], 3 * speed**2)

    def list_cells(self) -> None:
        """List the cells to be solved for; all others are one pool of marrow."""
        from spondyl.numerics.front_kernels import find_band

        count = len(self.held)
        if self.lumped:
            find_band(self.held, self.source, self.neighbours, LAYERS, self._marks, self._list)
            self.cells = np.flatnonzero(self._marks)
        else:
            self.cells = np.arange(count)
        self.unknown = np.full(count, -1, np.int32)
        self.unknown[self.cells] = np.arange(len(self.cells), dtype=np.int32)
        self.pool = len(self.cells) if len(self.cells) < count else -1

    def settle(self, flow: float, now: float, *, sweeps: int) -> None:
        """Pressures and speeds at a flow; viscosity follows the speeds, sweep by sweep."""
        self.now = now
        for _ in range(sweeps):
            self._thicken(flow, now)
            self._solve(flow)

    def scale(self, factor: float) -> None:
        """Guess pressures and speeds at another flow, so many times the last."""
        self.squared *= factor**2
        self.pressure *= factor
        self.ends_flow *= factor
        self.pooled *= factor

    def tip_pressure(self, flow: float, now: float, radius: float) -> float:
        """Pressure at a needle's ball of this radius; 0 while all cement lies within the ball. [MPa]"""
        i, n = self.source, self.cement.index
        k = (float(self.permeability[i, 0]), float(self.permeability[i, 1]), float(self.permeability[i, 2]))
        coefficient = self._consistency(np.array([now]), now)[0] * self.thickness[i]
        inner, outer = ball_radius(radius, k), source_radius(k, self.edges, n)
        near = radial_pressure_drop(float(coefficient), n, float(self.mean_k[i]), flow, inner, outer)
        return max(float(self.pressure[i]) + near, 0.0)

    def mobility_ratio(self, now: float) -> float:
        """Least viscosity of the cement in the bone over that of marrow."""
        cells = np.nonzero(self.held > 0)[0]
        return float(self._cement_viscosity(cells, now).min() / self.marrow) if len(cells) else np.inf

    def front_volume(self) -> float:
        """Pores of the cells that the front is in. [mm³]"""
        share = self.held[self.cells] / self.capacity[self.cells]
        front = (share > 0) & (share < FULL)
        return max(int(front.sum()), 2) * float(self.capacity[self.cells].mean())

    def longest_step(self, fraction: float) -> float:
        """Time in which cement fills at most this fraction of the rest of any outlet that it flows into. [s]"""
        longest = np.inf
        for way in range(len(self.outlets)):
            of_it = (self.openings.ways == way) & (self.channel < self.ends_capacity) & self.openings.takes
            of_it &= self.held[self.openings.cells] >= FULL * self.capacity[self.openings.cells]
            flow = self.ends_flow[of_it].clip(0.0).sum()
            if flow > 0:
                longest = min(longest, fraction * float(self.ends_capacity[of_it].sum() / flow))
        return longest

    def advance(self, volume: float, now: float) -> None:
        """Let a volume enter at the source along the pressures found last."""
        from spondyl.numerics.front_kernels import pass_on, spread_excess

        ends = self.openings
        passed, passed_entry = np.zeros(len(ends.cells)), np.zeros(len(ends.cells))
        order = np.argsort(-self.pressure[self.cells], kind="stable")
        pass_on(
            order,
            self.cells,
            self.unknown,
            self.neighbours,
            self.halves,
            self.viscosity,
            self.pressure[self.cells],
            self.pooled,
            (ends.first, self._conductance, ends.outside, ends.takes),
            (self.capacity, self.held, self.entry, *self._work, passed, passed_entry),
            self.source,
            volume,
            now,
        )
        if (self.held > self.capacity * (1 + 1e-12)).any():
            over = np.nonzero(self.held > 0)[0]
            self.overfull = spread_excess(over, self.neighbours, self.capacity, self.held, self.entry)
        self.taken += passed
        self.channel += passed
        self.channel_entry += passed_entry
        beyond = np.maximum(self.channel - self.ends_capacity, 0.0)
        kept = np.divide(self.channel - beyond, self.channel, out=np.zeros_like(beyond), where=self.channel > 0)
        self.channel -= beyond
        self.channel_entry *= kept

    def snapshot(self) -> dict[str, Array]:
        """All that changes on the way, copied: with it the same state can be set up again."""
        return {name: np.array(getattr(self, name)) for name in _CHANGING}

    def restore(self, kept: Mapping[str, Array]) -> None:
        """Go on from there."""
        for name in _CHANGING:
            value = np.array(kept[name])
            setattr(self, name, value if value.ndim else float(value))

    def field(self, values: Array) -> Array:
        """Values of the cells on the whole grid, 0 elsewhere."""
        whole = np.zeros(self.part.shape)
        whole[self.part] = values
        return whole

    def _solve(self, flow: float) -> None:
        from spondyl.numerics.darcy_kernels import conjugate_gradients
        from spondyl.numerics.front_kernels import find_speeds, link_cells

        cells, pool, ends = self.cells, self.pool, self.openings
        self._open(flow)
        count = len(cells) + (pool >= 0)
        higher, links, diagonal, right = (part[:count] for part in self._system)
        if pool >= 0:
            in_pool = self.unknown[ends.cells] < 0
            diagonal[pool] = self._conductance[in_pool].sum()
            right[pool] = (self._conductance * ends.outside)[in_pool].sum()
        link_cells(
            cells,
            self.unknown,
            pool,
            self.neighbours,
            self.halves,
            self.viscosity,
            ends.first,
            self._conductance,
            ends.outside,
            (higher, links, diagonal, right),
        )
        right[self.unknown[self.source]] += flow
        x = np.append(self.pressure[cells], [self.pooled] if pool >= 0 else [])
        scale = flow + float(np.abs(self._conductance * ends.outside).sum())
        made = len(cells)
        used = conjugate_gradients(higher[:made], links[:made], diagonal, right, x, self.rtol * scale, self._history)
        if used < 0 or not np.isfinite(x).all():
            raise not_balanced(tuple(float(value) / scale for value in self._history[: abs(used) + 1]), self.rtol)
        self.pooled = float(x[pool]) if pool >= 0 else 0.0
        self.pressure[:] = self.pooled
        self.pressure[cells] = x[:made]
        self.ends_flow = self._conductance * (self.pressure[ends.cells] - ends.outside)
        outlets = ends.first, self._conductance, ends.outside
        find_speeds(
            cells, self.unknown, self.neighbours, self.halves, self.areas, self.viscosity, x[:made], self.pooled,
            outlets, self.squared,
        )  # fmt: skip

    def _thicken(self, flow: float, now: float) -> None:
        """Viscosity of each cell: cement and marrow share a half-filled one in a row."""
        self.slowest = SLOWEST * flow / float(self.areas.mean())
        share = np.clip(self.held[self.cells] / self.capacity[self.cells], 0.0, 1.0)
        if self.held[self.source] == 0:  # the tip's own cement stands there from the first moment
            share[self.unknown[self.source]] = 1.0
        filled = share > 0
        cells, share = self.cells[filled], share[filled]
        self.viscosity[self.cells] = self.marrow
        self.viscosity[cells] = share * self._cement_viscosity(cells, now) + (1 - share) * self.marrow

    def _cement_viscosity(self, cells: Array, now: float) -> Array:
        held = self.held[cells]
        entered = np.divide(self.entry[cells], held, out=np.full(len(cells), now), where=held > 0)
        speed = np.sqrt(np.maximum(self.squared[cells], self.slowest**2))
        found = self._consistency(entered, now) * self.thickness[cells] * speed ** (self.cement.index - 1)
        return np.asarray(found)

    def _consistency(self, entered: Array, now: float) -> Array:
        """Of cement that entered then; in the room's warmth before, in the body's since. [MPa s^n]"""
        return self.cement.consistency(self.room * entered + self.body * (now - entered)) * PA_TO_MPA

    def _open(self, flow: float) -> None:
        """Conductance of each opening: half a cell and the outlet behind it, in a row. [mm³/(MPa s)]"""
        ends = self.openings
        resistance = ends.halves * self.viscosity[ends.cells]
        now = self.now
        for way, outlet in enumerate(self.outlets):
            of_it = ends.ways == way
            if np.isfinite(outlet.conductance_mm3):
                inside = self._inside(of_it, outlet, flow, now)
                resistance[of_it] += inside / (outlet.conductance_mm3 * ends.shares[of_it])
        self._conductance = 1 / resistance
        filled = self.held[ends.cells] >= FULL * self.capacity[ends.cells]
        self._conductance[filled & ~ends.takes] = 0.0

    def _inside(self, of_it: Array, outlet: Outlet, flow: float, now: float) -> Array:
        """Mean viscosity of what fills an outlet: cement up to its own front, marrow ahead of it."""
        if outlet.length_mm == 0:
            return np.asarray(self.viscosity[self.openings.cells[of_it]])
        channel, capacity = self.channel[of_it], self.ends_capacity[of_it]
        entered = np.divide(self.channel_entry[of_it], channel, out=np.full(len(channel), now), where=channel > 0)
        area = capacity / outlet.length_mm
        speed = np.maximum(self.ends_flow[of_it], SLOWEST * flow) / area
        cement = outlet.apparent_viscosity(self._consistency(entered, now), self.cement.index, speed)
        share = channel / capacity
        return np.asarray(share * cement + (1 - share) * self.marrow)


def find_openings(
    model: InjectionModel, part: Array, number: Array, halves: Array, areas: Array, mean_k: Array
) -> Openings:
    """The openings of all outlets into a part of the bone.

    An outlet's conductance and area are shared by the areas of its open faces; a labelled voxel deep in the bone,
    without a face to the outside, counts as one face and is entered from all sides. A round vein narrows the flow to
    its mouth, by the closed form; a slit and a bare conductance open whole faces.
    """
    rows: list[tuple[int, int, float, float]] = []
    for way, (label, outlet) in enumerate(model.outlets):
        marked = model.outlet_labels == label
        everywhere = label < 0
        sums, open_area = np.zeros(part.shape), np.zeros(part.shape)
        for axis in range(3):
            ease = np.zeros(part.shape)
            ease[part] = 1 / halves[:, axis]
            for step in (-1, 1):
                beyond_bone = ~_shifted(model.bone, axis, step)
                opens = part & beyond_bone & (marked | _shifted(marked, axis, step) | everywhere)
                sums[opens] += ease[opens]
                open_area[opens] += areas[axis]
        deep = part & marked & (open_area == 0)
        sums[deep], open_area[deep] = (2 / halves[number[deep]]).sum(axis=1), areas.mean()
        cells = np.nonzero(open_area[part])[0]
        shares = open_area[part][cells] / open_area[part][cells].sum()
        inner = 1 / sums[part][cells]
        if (mouth := outlet.radius_mm) is not None:
            inner = mouth_resistance(mouth, float(mean_k[cells].mean()), model.edges_mm, len(cells)) / shares
        rows += zip(cells, [way] * len(cells), shares, inner, strict=True)
    rows.sort(key=lambda row: (row[0], row[1]))
    cells = np.array([row[0] for row in rows], np.int64)
    ways = np.array([row[1] for row in rows], np.int64)
    outlets = [outlet for _, outlet in model.outlets]
    return Openings(
        cells,
        np.searchsorted(cells, np.arange(len(halves) + 1)),
        ways,
        np.array([row[2] for row in rows]),
        np.array([row[3] for row in rows]),
        np.array([outlets[way].pressure_kpa / 1000 for way in ways]),
        np.array([outlets[way].takes_cement for way in ways], np.bool_),
    )


def _shifted(mask: Array, axis: int, step: int) -> Array:
    """Whether the neighbour at this step is in the mask; beyond the grid nothing is."""
    found = np.zeros_like(mask)
    here, there = np.moveaxis(found, axis, 0), np.moveaxis(mask, axis, 0)
    if step > 0:
        here[:-1] = there[1:]
    else:
        here[1:] = there[:-1]
    return found
