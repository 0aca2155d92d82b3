"""A body after its balloons: where each place came from, its bone and its voids in the new shape.

The halves moved apart; bone around a balloon was packed, and a cavity and an opened plane are empty. Pores follow from
mass: bone that was pressed to half of its volume is twice as dense for the cement.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from spondyl.numerics.compaction import pack_shell, stretch_of
from spondyl.planning import Plan
from spondyl.simulation.balloon_records import BalloonLift
from spondyl.simulation.bone import BoneModel, reshaped
from spondyl.simulation.bone_laws import RHO_LOWEST
from spondyl.simulation.composite import with_fields
from spondyl.simulation.flow_model import FlowModel, build_flow_model
from spondyl.simulation.injection_model import touches
from spondyl.simulation.permeability import POROSITY_RANGE
from spondyl.space import Floats, Geometry, Volume
from spondyl.spine import Spine

Array = NDArray[Any]

OPENED = 1.5  # times its thickness: from there on a voxel of the plane counts as a gap
NEAR_VOXELS = 4  # around the bone that are followed
PER_EDGE = 4  # places a voxel
SQUEEZED, STRETCHED = 0.05, 50.0  # of its volume: no voxel is taken as less or more
ASSUMED = (
    "after the balloons: cavities and the opened plane are empty, walled by packed bone, and the ligaments close the "
    "plane's mouth in the wall; cement is let out in the middle of each cavity; packed bone is no stiffer than it was, "
    "and neat cement in a cavity is not interlocked with it"
)


@dataclass(frozen=True, eq=False)
class LiftedBody:
    """A lift, followed place by place. Points are patient mm."""

    lift: BalloonLift
    origins: Callable[[Floats], Array]  # indices on the bone model's grid that points (n, 3) came from, shape (n, 3)
    stretch: Array  # volume of each voxel of that grid over what it was
    empty: Array  # bool, voxels of that grid that are cavity or opened plane

    @property
    def grid(self) -> Geometry:
        """Of the bone model before the lift."""
        return self.lift.body.bone.model.geometry

    def moved(self, points: Floats) -> Floats:
        """Where points (n, 3) have moved to."""
        at = self.grid.indices(points)
        return self.grid.points(at + _shift(self.lift, at))


def follow_lift(lift: BalloonLift) -> LiftedBody:
    """Where everything of a lifted body came from, by the nearest of many places in each voxel."""
    bone = lift.body.bone
    grid = bone.model.geometry
    near = ndimage.binary_dilation((bone.model.modulus > 0) | lift.seated, iterations=NEAR_VOXELS)
    inner = (np.arange(PER_EDGE) + 0.5) / PER_EDGE - 0.5
    offsets = np.stack(np.meshgrid(inner, inner, inner, indexing="ij"), axis=-1).reshape(-1, 3)
    rest = (np.argwhere(near)[:, None, :] + offsets).reshape(-1, 3)
    tree = cKDTree(rest + _shift(lift, rest))

    def origins(points: Floats) -> Array:
        far, at = tree.query(grid.indices(points), distance_upper_bound=NEAR_VOXELS)
        found = np.zeros((len(at), 3))  # the grid's first voxel holds nothing
        found[np.isfinite(far)] = rest[at[np.isfinite(far)]]
        return found

    stretch = np.clip(stretch_of(np.asarray(lift.displacement), bone.voxel_mm), SQUEEZED, STRETCHED)
    return LiftedBody(lift, origins, stretch, lift.seated | (lift.body.parted & (stretch > OPENED)))


def lifted_bone(body: LiftedBody) -> tuple[BoneModel, Array]:
    """The model of the lifted body, its voids bare, its lost stiffness as it was; and the damage of its voxels.

    Bone that was packed keeps the stiffness that it had: its struts lie there, but broken.
    """
    bone = body.lift.body.bone
    grid = _higher(body, body.grid)
    inner = np.array([-0.25, 0.25])
    offsets = np.stack(np.meshgrid(inner, inner, inner, indexing="ij"), axis=-1).reshape(-1, 3)
    places = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1).reshape(-1, 3)
    was = bone.density.array
    filled = np.where(body.empty, 0.0, was / np.maximum(body.stretch, 1.0))
    rho, inside, lost = (np.zeros(len(places)) for _ in range(3))
    for offset in offsets:
        at = tuple(np.rint(body.origins(grid.points(places + offset))).astype(int).T)
        inside += (was[at] > 0) | body.lift.seated[at]
        rho += filled[at]
        lost += np.asarray(body.lift.body.damage.field)[at]
    there = (inside >= len(offsets) / 2).reshape(grid.shape)
    rho = np.divide(rho, inside, out=np.zeros_like(rho), where=inside > 0).reshape(grid.shape)
    damage = np.where(there, (lost / len(offsets)).reshape(grid.shape), 0.0)
    model = reshaped(bone, Volume(np.where(there, np.maximum(rho, RHO_LOWEST), 0.0), grid, "g/cm3"))
    return with_fields(model, model.model.modulus * (1 - damage), model.yield_stress.array), damage


def build_lifted_flow(spine: Spine, plan: Plan, lift: BalloonLift, *, voxel_mm: float = 1.0) -> FlowModel:
    """As `build_flow_model`, of the body that these balloons have lifted."""
    return lifted_flow(build_flow_model(spine, plan.level, voxel_mm=voxel_mm), follow_lift(lift), plan)


def lifted_flow(flow: FlowModel, body: LiftedBody, plan: Plan) -> FlowModel:
    """Pores, voids and ways out of the lifted body, and where its cement is let out."""
    geometry = _higher(body, flow.geometry)
    points = geometry.points(np.stack(np.meshgrid(*map(np.arange, geometry.shape), indexing="ij"), axis=-1))
    origin = body.origins(points.reshape(-1, 3))
    voxel = tuple(np.rint(origin).astype(int).T)
    at = np.rint(flow.geometry.indices(body.grid.points(origin))).astype(int)
    known = np.all((at >= 0) & (at < np.array(flow.geometry.shape)), axis=1)
    at = np.clip(at, 0, np.array(flow.geometry.shape) - 1)

    def taken(field: Array, outside: float = 0.0) -> Array:
        return np.where(known, field[tuple(at.T)], outside).reshape(geometry.shape)

    share = taken(np.asarray(flow.share))
    cavity = (share > 0) & body.empty[voxel].reshape(geometry.shape)
    solid = (1 - taken(np.asarray(flow.porosity), 1.0)) * _packing(body)[voxel].reshape(geometry.shape)
    porosity = np.where(cavity, 1.0, np.clip(1 - solid, *POROSITY_RANGE))
    labels = taken(np.asarray(flow.labels)).astype(flow.labels.dtype)
    ways = tuple(way for way in flow.openings if (touches(labels == way.label) & (share > 0)).any())
    labels[~np.isin(labels, [way.label for way in ways])] = 0
    lifted = replace(
        flow,
        geometry=geometry,
        share=share,
        porosity=np.where(share > 0, porosity, 0.0),
        cleft=taken(np.asarray(flow.cleft)).astype(bool),
        cavity=cavity,
        vein_distance=np.array([taken(one, 1e3) for one in flow.vein_distance]).reshape(-1, *geometry.shape),
        openings=ways,
        labels=labels,
        assumptions=(*flow.assumptions, ASSUMED),
    )
    return replace(lifted, tips=_tips(lifted, body, plan))


def pulled_back(field: Volume, body: LiftedBody, geometry: Geometry) -> Volume:
    """A field of the lifted body on a grid of the body before."""
    points = geometry.points(np.stack(np.meshgrid(*map(np.arange, geometry.shape), indexing="ij"), axis=-1))
    there = body.moved(points.reshape(-1, 3))
    return Volume(field.sample(there, order=1, outside=0.0).reshape(geometry.shape), geometry, field.unit)


def _tips(flow: FlowModel, body: LiftedBody, plan: Plan) -> tuple[tuple[float, float, float], ...]:
    """The middle of each needle's own cavity; a needle without a balloon lets its cement out at its end."""
    centres = {balloon.side: balloon.centre for balloon in plan.balloons}
    voids = np.argwhere(flow.cavity)
    found = []
    for needle in plan.needles:
        place = body.moved(np.asarray(centres.get(needle.side, needle.target), float)[None])[0]
        if needle.side in centres and len(voids):
            nearest = voids[np.linalg.norm(voids - flow.geometry.indices(place), axis=1).argmin()]
            place = flow.geometry.points(nearest.astype(float))
        found.append((float(place[0]), float(place[1]), float(place[2])))
    return tuple(found)


def _packing(body: LiftedBody) -> Array:
    """Solid in a voxel of the bone model's grid over what it held before: packed around the balloon, then strained."""
    lift, before = body.lift, body.lift.body.bone.density.array
    packed = pack_shell(before, np.asarray(lift.seated), lift.settings.packed_g_cm3, lift.body.bone.voxel_mm)
    more = np.divide(packed, before, out=np.ones_like(packed), where=before > 0)
    return np.asarray(more / body.stretch)


def _higher(body: LiftedBody, geometry: Geometry) -> Geometry:
    """The grid with room for what has moved out of it."""
    most = np.abs(np.asarray(body.lift.displacement)).reshape(3, -1).max(axis=1)
    edge = float(geometry.spacing_mm[0])
    room = np.array([ceil(value / edge) + 1 for value in most])
    return geometry.cropped(-room * np.array([1, 1, 0]), np.array(geometry.shape) + room)


def _shift(lift: BalloonLift, at: Array) -> Array:
    """Displacement of places (n, 3) given by their indices on the bone model's grid, in voxels."""
    nodes = np.asarray(at, float).T + 0.5
    edge = lift.body.bone.voxel_mm
    parts = [ndimage.map_coordinates(np.asarray(one), nodes, order=1, mode="nearest") for one in lift.displacement]
    return np.stack(parts, axis=-1) / edge
