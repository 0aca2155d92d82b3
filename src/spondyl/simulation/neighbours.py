"""What cement in one vertebra does to the vertebrae beside it: by its stiffness, by the wedge that stays, by both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spondyl.errors import InputError
from spondyl.numerics.equilibrium import conjugate_gradients
from spondyl.simulation.between_platens import solve_voxel_model
from spondyl.simulation.fields import VoxelFields, measure_fields
from spondyl.simulation.segment import SegmentModel
from spondyl.spine import Level

Array = NDArray[Any]

_QUICK = conjugate_gradients(rtol=1e-6)
_CENTRE, _RIM = 0.5, 0.8  # of the endplate's reach: within the one is its middle, beyond the other its rim
LEAST_BULGE = 0.02  # of the segment's shortening: a choice; below it voxels decide the sign


@dataclass(frozen=True)
class NeighbourEffect:
    """One neighbour and the disc towards it, treated over untreated at the same force; 1: no change."""

    level: Level
    disc_pressure: float  # mean pressure in the middle of the disc
    endplate_bulge: float | None  # of the treated body's endplate at that disc, middle against the plane of its rim;
    # None: hardly any; below 0: cement holds the middle up and the rim sinks around it
    strain: float  # 95th percentile of the neighbour's effective strain: by the cement's stiffness alone
    strain_by_wedge: float | None  # by the force that the wedge which stays adds, alone, over no wedge; None: unknown
    strain_by_both: float | None  # cement and wedge over neither


@dataclass(frozen=True, eq=False)
class SegmentAnswer:
    """Pressures, bulges and strains of a segment under 1 N."""

    stiffness_n_per_mm: float
    pressures: dict[int, float]  # of each disc [MPa/N]
    bulges: dict[int, float]  # of the asked body's endplate at each disc [mm/N]
    strains: dict[Level, float]  # 95th percentile of the effective strain of each body [1/N]


def compare_neighbours(
    segment: SegmentModel, before: Array, after: Array, *, force_ratios: Mapping[Level, float] | None = None
) -> tuple[NeighbourEffect, ...]:
    """The neighbours of a treated vertebra against the same segment untreated.

    Parameters
    ----------
    before, after
        Modulus of the treated body's voxels in the segment's grid, broken and filled; elsewhere ignored. [MPa]
    force_ratios
        At each neighbour the force with the wedge that stays over that without, as `wedge_force_ratios` gives it; a
        level that is not in it is unknown.
    """
    untreated, treated = (answer_of(segment, _with_body(segment, field)) for field in (before, after))
    place = segment.levels.index(segment.level)
    more = {} if force_ratios is None else force_ratios
    effects = []
    for disc, level in _beside(segment.levels, place):
        stiffer = treated.strains[level] / untreated.strains[level]
        effects.append(
            NeighbourEffect(
                level,
                treated.pressures[disc] / untreated.pressures[disc],
                _bulge_ratio(treated, untreated, disc),
                stiffer,
                more.get(level),
                None if level not in more else stiffer * more[level],
            )
        )
    return tuple(effects)


def _bulge_ratio(treated: SegmentAnswer, untreated: SegmentAnswer, disc: int) -> float | None:
    """Bulge over bulge; None where the untreated endplate hardly sinks in, or stands out: a ratio would say nothing."""
    share = untreated.bulges[disc] * untreated.stiffness_n_per_mm  # of the segment's shortening
    return None if share < LEAST_BULGE else treated.bulges[disc] / untreated.bulges[disc]


def answer_of(segment: SegmentModel, modulus: Array) -> SegmentAnswer:
    """Pressures, bulges and strains of the segment with this modulus, pressed level. [MPa]"""
    model = segment.with_modulus(modulus).model
    solved = solve_voxel_model(model, solver=_QUICK)
    fields = measure_fields(model, solved.displacement)
    force = solved.reaction_n
    place = segment.levels.index(segment.level)
    pressures, bulges = {}, {}
    for disc, level in _beside(segment.levels, place):
        pressures[disc] = _pressure(segment, model.modulus, model.poisson, fields, disc) / force
        upper = segment.levels.index(level) < place
        bulges[disc] = _bulge(segment, fields, upper=upper) / force
    strain = np.sqrt(2 * fields.energy_density / np.where(model.modulus > 0, model.modulus, 1.0))
    strains = {
        level: float(np.quantile(strain[segment.body_of(level) & (model.parts > 0)], 0.95)) / force
        for level in segment.levels
    }
    return SegmentAnswer(solved.stiffness_n_per_mm, pressures, bulges, strains)


def _with_body(segment: SegmentModel, field: Array) -> Array:
    if field.shape != segment.bodies.shape:
        raise InputError("the modulus and the segment lie on different grids: resample one of them")
    return np.where(segment.body_of(segment.level), field, segment.model.modulus)


def _beside(levels: Sequence[Level], place: int) -> list[tuple[int, Level]]:
    """Number of the disc and level of the neighbour, above and below."""
    found = [(place, levels[place - 1])] if place > 0 else []
    return [*found, (place + 1, levels[place + 1])] if place + 1 < len(levels) else found


def _pressure(segment: SegmentModel, modulus: Array, poisson: Array, fields: VoxelFields, disc: int) -> float:
    """Mean pressure in the middle of a disc."""
    inside = np.asarray(segment.discs == disc)
    middle = inside & _near_centre(np.asarray(inside.any(axis=2)), _CENTRE)[..., None]
    bulk = modulus[middle] / (3 * (1 - 2 * poisson[middle]))
    return float(-(bulk * fields.strain[:3][:, middle].sum(axis=0)).mean())


def _bulge(segment: SegmentModel, fields: VoxelFields, *, upper: bool) -> float:
    """How far the middle of the asked body's endplate sinks into the body against its rim; below 0: it stands out.

    An end that tilts or moves as a whole does not bulge: the middle is measured from the plane of the moved rim. The
    endplate is where a column of the body ends at the disc; columns of the other end's lip, or of a side wall, are no
    part of it.
    """
    body = segment.body_of(segment.level)
    disc = segment.discs == segment.levels.index(segment.level) + (0 if upper else 1)
    beside = np.roll(disc, -1 if upper else 1, axis=2)  # the disc's voxel above, or below
    ends = body & beside
    columns = np.asarray(ends.any(axis=2))
    moved = np.take_along_axis(fields.displacement[2], ends.argmax(axis=2)[..., None], axis=2)[..., 0]
    middle, rim = columns & _near_centre(columns, _CENTRE), columns & ~_near_centre(columns, _RIM)
    sunk = float((moved - _plane_through(moved, rim))[middle].mean())
    return -sunk if upper else sunk


def _plane_through(moved: Array, columns: Array) -> Array:
    """The plane that fits these columns' displacements best, over all columns. [mm]"""
    x, y = np.indices(moved.shape)
    terms = np.stack([np.ones(moved.shape), x, y], axis=-1)
    fitted, *_ = np.linalg.lstsq(terms[columns], moved[columns], rcond=None)
    return np.asarray(terms @ fitted)


def _near_centre(columns: Array, share: float) -> Array:
    """Columns within an ellipse about the middle that reaches so far to the rim, bool."""
    i, j = np.nonzero(columns)
    first, second = (i.min() + i.max()) / 2, (j.min() + j.max()) / 2
    reach = max(i.max() - first, 1.0), max(j.max() - second, 1.0)
    x, y = np.indices(columns.shape)
    return np.asarray(np.hypot((x - first) / reach[0], (y - second) / reach[1]) <= share)
