"""Compiled loops of a sharp front: which cells count, their links and speeds, and how fluid is handed on.

Lists as in `darcy_kernels`. A cell keeps what reaches it until its pores are full and hands the rest on in proportion
to its outgoing flows; visited in order of falling pressure one pass does it, whatever the step. It is the implicit
upwind scheme in the limit of a far thicker fluid that displaces a thinner one. Import inside functions.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from typing import Any

import numba as nb

_FAST: dict[str, Any] = {"fastmath": True, "error_model": "numpy", "cache": True, "boundscheck": False}


@nb.njit(**_FAST)
def find_band(held, source, neighbours, layers, marks, cells):
    """Mark cells that hold fluid, the source, and so many layers around them; `cells` is room for a list of them."""
    count = 0
    for i in range(held.size):
        marks[i] = held[i] > 0.0 or i == source
        if marks[i]:
            cells[count] = i
            count += 1
    begin = 0
    for _ in range(layers):
        end = count
        for at in range(begin, end):
            for face in range(6):
                j = neighbours[cells[at], face]
                if j >= 0 and not marks[j]:
                    marks[j] = True
                    cells[count] = j
                    count += 1
        begin = end


@nb.njit(**_FAST)
def link_cells(cells, unknown, pool, neighbours, halves, viscosity, first, conductance, outside, system):
    """Fill links, diagonal and right side of the balance of flows over the cells listed.

    `halves` is the resistance of half a cell along each axis at a viscosity of 1; a neighbour that is not listed is
    the pooled unknown (none where `pool` is negative, and then there is no such neighbour). Outlets of cell i are
    those from first[i] to before first[i + 1].
    """
    higher, links, diagonal, right = system
    for u in range(cells.size):
        diagonal[u] = 0.0
        right[u] = 0.0
        for way in range(4):
            higher[u, way] = -1
            links[u, way] = 0.0
    for u in range(cells.size):
        i = cells[u]
        for face in range(6):
            j = neighbours[i, face]
            if j < 0:
                continue
            axis = face >> 1
            v = unknown[j]
            if v >= 0 and face & 1 == 0:
                continue
            flow = 1.0 / (halves[i, axis] * viscosity[i] + halves[j, axis] * viscosity[j])
            if v >= 0:
                higher[u, axis] = v
                links[u, axis] = flow
                diagonal[v] += flow
            else:
                higher[u, 3] = pool
                links[u, 3] += flow
                diagonal[pool] += flow
            diagonal[u] += flow
        for outlet in range(first[i], first[i + 1]):
            diagonal[u] += conductance[outlet]
            right[u] += conductance[outlet] * outside[outlet]


@nb.njit(**_FAST)
def find_speeds(cells, unknown, neighbours, halves, areas, viscosity, pressure, pooled, outlets, squared):
    """Squared speed of each cell listed: along each axis the mean of the squares at its two faces. [mm²/s²]

    So a cell with a source inside, whose flows leave both ways, is fast and not at rest. What leaves through an outlet
    counts as through a face of mean area.
    """
    first, conductance, outside = outlets
    mean_area = (areas[0] + areas[1] + areas[2]) / 3.0
    for u in range(cells.size):
        i = cells[u]
        total = 0.0
        for face in range(6):
            j = neighbours[i, face]
            if j < 0:
                continue
            axis = face >> 1
            there = pressure[unknown[j]] if unknown[j] >= 0 else pooled
            flow = (pressure[u] - there) / (halves[i, axis] * viscosity[i] + halves[j, axis] * viscosity[j])
            total += 0.5 * (flow / areas[axis]) ** 2
        leaving = 0.0
        for outlet in range(first[i], first[i + 1]):
            leaving += conductance[outlet] * (pressure[u] - outside[outlet])
        squared[i] = total + 0.5 * (leaving / mean_area) ** 2


@nb.njit(**_FAST)
def pass_on(
    order, cells, unknown, neighbours, halves, viscosity, pressure, pooled, outlets, fluid, source, volume, now
):
    """Hand a volume that enters at the source on from cell to cell, in order of falling pressure.

    `fluid` holds capacity, volume held, and volume times time of entry of each cell, two work arrays of zeros, and for
    each outlet what passes it and that times its time of entry. What is in a cell leaves before what arrives.
    """
    first, conductance, outside, takes = outlets
    capacity, held, entry, coming, coming_entry, passed, passed_entry = fluid
    for at in range(order.size):
        u = order[at]
        i = cells[u]
        arriving, arriving_entry = coming[i], coming_entry[i]
        coming[i] = 0.0
        coming_entry[i] = 0.0
        if i == source:
            arriving += volume
            arriving_entry += volume * now
        if arriving == 0.0 and held[i] <= capacity[i]:
            continue
        excess = held[i] + arriving - capacity[i]
        leaving = 0.0
        for face in range(6):
            j = neighbours[i, face]
            if j >= 0:
                there = pressure[unknown[j]] if unknown[j] >= 0 else pooled
                if there < pressure[u]:
                    axis = face >> 1
                    leaving += (pressure[u] - there) / (halves[i, axis] * viscosity[i] + halves[j, axis] * viscosity[j])
        for outlet in range(first[i], first[i + 1]):
            if takes[outlet] and pressure[u] > outside[outlet]:
                leaving += conductance[outlet] * (pressure[u] - outside[outlet])
        if excess <= 0.0 or leaving <= 0.0:
            held[i] += arriving
            entry[i] += arriving_entry
            continue
        old = min(excess, held[i])
        leaving_entry = entry[i] * (old / held[i]) if old > 0.0 else 0.0
        if excess > old:
            leaving_entry += arriving_entry * ((excess - old) / arriving)
        held[i] += arriving - excess
        entry[i] += arriving_entry - leaving_entry
        for face in range(6):
            j = neighbours[i, face]
            if j >= 0:
                there = pressure[unknown[j]] if unknown[j] >= 0 else pooled
                if there < pressure[u]:
                    axis = face >> 1
                    share = (pressure[u] - there) / (halves[i, axis] * viscosity[i] + halves[j, axis] * viscosity[j])
                    share /= leaving
                    coming[j] += excess * share
                    coming_entry[j] += leaving_entry * share
        for outlet in range(first[i], first[i + 1]):
            if takes[outlet] and pressure[u] > outside[outlet]:
                share = conductance[outlet] * (pressure[u] - outside[outlet]) / leaving
                passed[outlet] += excess * share
                passed_entry[outlet] += leaving_entry * share
    for at in range(order.size):  # what reached a cell outside the list stays there
        for face in range(6):
            j = neighbours[cells[order[at]], face]
            if j >= 0 and coming[j] != 0.0:
                held[j] += coming[j]
                entry[j] += coming_entry[j]
                coming[j] = 0.0
                coming_entry[j] = 0.0


@nb.njit(**_FAST)
def spread_excess(cells, neighbours, capacity, held, entry):
    """Give what a cell holds above its pores to neighbours with room, a few rounds; gives what is left over. [mm³]

    It happens where a step took the front further than the list reaches, and where a wall closed within a step.
    """
    left = 0.0
    for _ in range(8):
        left = 0.0
        for at in range(cells.size):
            i = cells[at]
            excess = held[i] - capacity[i]
            if excess <= 1e-12 * capacity[i]:
                continue
            room = 0.0
            for face in range(6):
                j = neighbours[i, face]
                if j >= 0:
                    room += max(capacity[j] - held[j], 0.0)
            moved = min(excess, room)
            left += excess - moved
            if moved <= 0.0:
                continue
            age = entry[i] / held[i]
            held[i] -= moved
            entry[i] -= moved * age
            for face in range(6):
                j = neighbours[i, face]
                if j >= 0 and capacity[j] > held[j]:
                    share = moved * (capacity[j] - held[j]) / room
                    held[j] += share
                    entry[j] += share * age
        if left == 0.0:
            break
    return left
